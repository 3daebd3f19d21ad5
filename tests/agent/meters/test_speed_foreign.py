"""The speed meter against servers that are not ours: a stranger of the LibreSpeed family, nginx."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.agent.meters.speedtests import failed, measure, wait_for

from doxa_core.outcome import Outcome
from doxa_lab.ports import free_port


class Foreign(BaseHTTPRequestHandler):
    """A LibreSpeed-like server that has nothing of ours: chunked garbage, whole posts, no report."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.path.partition("?")[0]
        if name in ("/speed/garbage.php", "/small/garbage.php"):
            self._garbage()
        elif name in ("/speed/empty.php", "/small/empty.php"):
            self._say(200)
        else:
            self._say(404)

    def do_POST(self) -> None:
        left = int(self.headers["Content-Length"])
        while left > 0:
            got = len(self.rfile.read(min(left, 65536)))
            if not got:
                return
            left -= got
        self._say(413 if self.path.startswith("/small/") else 200)

    def _say(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _garbage(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        block = b"x" * 65536
        try:
            for _ in range(1024 * 16):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass
        self.close_connection = True

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def foreign() -> Iterator[int]:
    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Foreign) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_foreign_librespeed_server_is_measured_and_the_upload_says_where_it_was_counted(foreign: int) -> None:
    reading = measure("127.0.0.1", foreign, path="speed", limit_s=1, streams=2)
    assert reading.outcome in (Outcome.OK, Outcome.PROBE_LIMITED), reading.reasons
    assert "counted_at_sender" in reading.findings
    assert reading.detail["upload"]["counted"] == "sender/delivered"
    assert reading.detail["download"]["chunked"] is True
    assert reading.values["download_mean_mbps"] > 10
    assert reading.values["upload_mean_mbps"] > 10
    assert len(reading.detail["http_ping_ms"]) == 10


def test_a_server_that_refuses_the_upload_is_named_and_the_download_stays(foreign: int) -> None:
    reading = measure("127.0.0.1", foreign, path="small", limit_s=1, streams=2)
    failed(reading, "http_status")
    assert "upload_failed" in reading.findings
    assert reading.values["download_mean_mbps"] > 10
    assert "upload_bytes" not in reading.values


@pytest.mark.server
def test_nginx_can_be_a_far_end(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "garbage.php").write_bytes(b"\0" * 2**20 * 64)
    (tmp_path / "www" / "body").mkdir()
    conf = tmp_path / "nginx.conf"
    conf.write_text(
        f"daemon off; pid {tmp_path}/pid; error_log stderr crit; worker_processes 1; user root;\n"
        "events { worker_connections 256; }\n"
        "http { access_log off; client_max_body_size 64m;\n"
        f"client_body_temp_path {tmp_path}/www/body;\n"
        f"server {{ listen 127.0.0.1:{port}; root {tmp_path}/www; default_type application/octet-stream;\n"
        "location = /empty.php { return 200; } } }\n"
    )
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen([nginx, "-c", str(conf), "-p", str(tmp_path)])
    try:
        wait_for(port)
        reading = measure("127.0.0.1", port, limit_s=1, streams=2)
    finally:
        process.terminate()
        process.wait(10)
    assert reading.outcome in (Outcome.OK, Outcome.PROBE_LIMITED), reading.reasons
    assert "counted_at_sender" in reading.findings
    assert reading.values["download_mean_mbps"] > 10
    assert reading.values["upload_mean_mbps"] > 10
