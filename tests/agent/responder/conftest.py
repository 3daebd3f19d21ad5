"""A far end in a thread of this process, and what its clients do."""

import contextlib
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from doxa_agent.responder.server import Server, Settings, open_listeners


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    server: Server
    port: int

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 10)

    def curl(self, target: str, *options: str, host: str = "127.0.0.1") -> str:
        command = ["curl", "-s", "-g", "--max-time", "20", *options, f"http://{host}:{self.port}{target}"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout

    def ask(self, request: str) -> tuple[int, dict[str, str], bytes]:
        """One request over a connection of its own: status, fields, body."""
        with self.connect() as sock:
            sock.sendall(f"{request} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            head, _, body = everything(sock).partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return int(first.split()[1]), fields, body

    def load(self, seconds: float = 10) -> dict[str, Any]:
        """The load that `health` tells."""
        found: dict[str, Any] = json.loads(self.ask(f"GET /health?seconds={seconds}")[2])["load"]
        return found


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[Running]:
    listeners = open_listeners(settings)
    server = Server(settings, listeners)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield Running(server=server, port=server.addresses[0][1])
    finally:
        with contextlib.suppress(OSError):
            server.stop()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def far() -> Iterator[Running]:
    with running(Settings(port=0)) as found:
        yield found


def everything(sock: socket.socket) -> bytes:
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := sock.recv(65536):
            found += piece
    return found
