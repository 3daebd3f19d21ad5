"""A small server that speaks the protocol of speedtest-cli's servers: configuration, list, latency, pictures, upload.

    python ookla_server.py --host ADDRESS      prints its port

It is its own configuration service and the only server in its list. Written from what the client asks for. `--fault`
lets one part of it go wrong.
"""

import argparse
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<settings>
<client ip="192.0.2.7" lat="21.0" lon="105.8" isp="Test" country="VN"/>
<server-config threadcount="2" ignoreids=""/>
<download testlength="10" threadsperurl="4"/>
<upload testlength="10" ratio="5" threads="2" maxchunkcount="50"/>
</settings>
"""
SERVERS = """<?xml version="1.0" encoding="UTF-8"?>
<settings><servers>
<server url="http://{place}/speedtest/upload.php" lat="21.0" lon="105.9" name="Lab" country="Vietnam" cc="VN"
 sponsor="Nobody" id="4242" host="{place}"/>
</servers></settings>
"""
_BLOCK = bytes(64 * 1024)


class Server(ThreadingHTTPServer):
    """Counts what it is asked and what it takes."""

    daemon_threads = True

    def __init__(self, host: str, fault: str = "") -> None:
        self.fault = fault
        self.asked: Counter[str] = Counter()
        self.served = self.taken = 0
        self.counting = threading.Lock()
        super().__init__((host, 0), Handler)

    @property
    def place(self) -> str:
        """Host and port."""
        return f"{self.server_address[0]!s}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is the normal end of a transfer."""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        """Configuration, list of servers, latency, pictures."""
        path = self.path.partition("?")[0]
        name = path.rpartition("/")[2]
        self.server.asked[name if not name.startswith("random") else "random"] += 1
        fault = self.server.fault
        if name == "speedtest-config.php":
            if fault == "endless":
                self._pour(1 << 40)
            elif fault == "refused":
                self.send_error(403)
            else:
                self._send(b"<settings" if fault == "broken" else CONFIG.encode())
        elif name.startswith("speedtest-servers"):
            self._send(b"<settings/>" if fault == "empty" else SERVERS.format(place=self.server.place).encode())
        elif name == "latency.txt" and fault != "mute":
            self._send(b"test=test\n")
        elif name.startswith("random") and fault != "pictureless":
            if fault == "hanging":
                time.sleep(600)
            side = int(name.removeprefix("random").partition("x")[0])
            self._pour(side * side * 2)
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        """Take what is uploaded."""
        self.server.asked["upload"] += 1
        left = int(self.headers["Content-Length"])
        with suppress(OSError):
            while left and (octets := self.rfile.read(min(left, 65536))):
                left -= len(octets)
                with self.server.counting:
                    self.server.taken += len(octets)
        self._send(b"size=500")

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _pour(self, octets: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(octets))
        self.end_headers()
        while octets > 0:
            with self.server.counting:  # before the write: part of a block may have arrived while the rest waits
                self.server.served += min(octets, len(_BLOCK))
            self.wfile.write(_BLOCK[:octets])
            octets -= len(_BLOCK)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    server = Server(parser.parse_args().host)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    threading.Thread(target=server.serve_forever).run()


if __name__ == "__main__":
    main()
