"""Far ends for the tests: our UDPSTP server in a thread, a client that says what it is told to, an HTTP side that tells a load."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Self

from doxa_agent.udpstp.auth import DerivedKeys, signed
from doxa_agent.udpstp.pdu import (
    LOAD_SIZE,
    Activation,
    Direction,
    Load,
    PduError,
    Setup,
    SetupResult,
    Status,
)
from doxa_agent.udpstp.server import Server, Settings, open_sockets

KEYS = {3: b"thirdkey"}
DOWN, UP = Direction.DOWNSTREAM, Direction.UPSTREAM


@contextmanager
def serving(**settings: Any) -> Iterator[Server]:
    """A server in a thread of its own, on a port of its own."""
    wished = Settings(**{"hosts": ("127.0.0.1",), "port": 0, **settings})
    server = Server(wished, open_sockets(wished))
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(5)
        assert not thread.is_alive()


def until(true: Callable[[], object], seconds: float = 10.0) -> bool:
    """Wait for something; whether it came."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.01)
    return bool(true())


@dataclass
class Client:
    """A client that says exactly what it is told to."""

    port: int
    host: str = "127.0.0.1"
    source: str | None = None
    keys: DerivedKeys | None = None
    unix_time: int = field(default_factory=lambda: int(time.time()))
    heard: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_DGRAM)
        if self.source:
            self.sock.bind((self.source, 0))
        self.sock.settimeout(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def bytes_of(self, packet: Setup | Activation) -> bytes:
        """Signed where there are keys."""
        if self.keys is None:
            return packet.encode()
        return signed(packet, self.keys.client, key_id=3, unix_time=self.unix_time)

    def setup(self, packet: Setup | None = None) -> Setup:
        """Ask; the server's answer."""
        data = self.bytes_of(packet or Setup())
        return Setup.decode(self.asked(lambda: self.sock.sendto(data, (self.host, self.port)), 56))

    def activate(self, port: int, asked: Activation) -> Activation:
        """Activate a test at that port, whose Null request comes first."""
        self.sock.connect((self.host, port))
        data = self.bytes_of(asked)
        return Activation.decode(self.asked(lambda: self.sock.send(data), 104))

    def asked(self, send: Callable[[], object], size: int) -> bytes:
        """Send, and again where a busy machine lost it, until an answer of that size comes."""
        for _ in range(8):
            send()
            end = time.monotonic() + 1.5
            while (left := end - time.monotonic()) > 0:
                self.sock.settimeout(left)
                try:
                    data = self.sock.recv(2000)
                except TimeoutError:
                    break
                if len(data) == size:
                    self.sock.settimeout(5)
                    return data
        raise TimeoutError

    def test(self, asked: Activation, setup: Setup | None = None) -> Activation:
        """Setup and activation; the parameters that hold."""
        answer = self.setup(setup)
        assert answer.result is SetupResult.OK
        return self.activate(answer.test_port, asked)

    def loads(self, seconds: float) -> list[Load]:
        """The Load headers of that time."""
        found, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                found.append(Load.decode(self.sock.recv(LOAD_SIZE, socket.MSG_TRUNC)))
            except TimeoutError:
                break
        self.sock.settimeout(5)
        return found

    def tell(self, sequence: int, **more: Any) -> None:
        """Send a Status packet of a perfect line."""
        wished = {"rtt_variation_ms": 0, "rtt_min_ms": 0, **more}
        self.sock.send(Status(sequence=sequence, sent_ns=time.time_ns(), **wished).encode())

    def next_status(self) -> Status:
        """The next Status packet that comes."""
        while True:
            try:
                return Status.decode(self.sock.recv(300))
            except PduError:
                continue

    def silent(self, seconds: float = 0.25) -> bool:
        """Whether nothing comes for that long."""
        self.sock.settimeout(seconds)
        try:
            self.sock.recv(2000)
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(5)
        return False


def client(server: Server, **more: Any) -> Client:
    """A client of that server."""
    return Client(port=server.addresses[0][1], **more)


@contextmanager
def telling(load: dict[str, Any], asked: list[str] | None = None) -> Iterator[int]:
    """The HTTP side of a far end that says this of its load; its port. What was asked for is noted in `asked`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.append(self.path)
            body = json.dumps({"doxa": 1, "load": load}).encode() if self.path.startswith("/health") else b""
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join(5)
