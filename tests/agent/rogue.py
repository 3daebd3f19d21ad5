"""Far ends that misbehave, as thread servers: what a meter must survive with a reasoned outcome.

    with rogue("stall") as port: …          # `port` is an int; `port.sent` and `port.taken` say what really moved

Small questions (ping, health, report) are answered as any LibreSpeed server would, so that a test gets as far as its
transfers, which get the behaviour; `everything=True` lets every request have it.
"""

import contextlib
import gzip
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

_RESET: Final = struct.pack("ii", 1, 0)
_PIECE: Final = os.urandom(64 * 1024)
_PATIENCE_S: Final = 0.004
"""Between two pieces: about 100 Mbit/s, so that a rogue costs little CPU."""


class Port(int):
    """The port of a rogue, with what really moved."""

    sent: int = 0
    """Octets that the kernel took from us, heads included."""
    taken: int = 0
    """Octets of requests and bodies that we read."""
    requests: int = 0


class Client:
    """One connection of a rogue."""

    def __init__(self, sock: socket.socket, port: Port, over: threading.Event) -> None:
        self.sock = sock
        self.port = port
        self.over = over

    def send(self, data: bytes) -> None:
        """All of it, in pieces; raises OSError when the client is gone."""
        self.sock.sendall(data)
        self.port.sent += len(data)

    def rest(self, seconds: float) -> bool:
        """Wait; False when the server ends."""
        return not self.over.wait(seconds)

    def flood(self, piece: bytes = _PIECE) -> None:
        """Send for ever."""
        while self.rest(_PATIENCE_S):
            self.send(piece)

    def swallow(self) -> None:
        """Read for ever."""
        while self.rest(_PATIENCE_S) and (got := self.sock.recv(256 * 1024)):
            self.port.taken += len(got)

    def sleep(self) -> None:
        """Do nothing for ever."""
        self.over.wait()

    def reset(self) -> None:
        """Hang up with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def answer(status: str, body: bytes = b"", *fields: str, length: int | None = None) -> bytes:
    """A whole answer; `length` lies about its body."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body) if length is None else length}",
        "Connection: keep-alive",
        *fields,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def _stall(client: Client) -> None:
    client.send(answer("200 OK", _PIECE, length=1 << 30))
    client.sleep()


def _reset(client: Client) -> None:
    client.send(answer("200 OK", _PIECE, length=1 << 30))
    client.rest(0.1)
    client.reset()


def _half_open(client: Client) -> None:
    client.sleep()


def _truncated(client: Client) -> None:
    client.send(answer("200 OK", _PIECE, length=1 << 30))


def _slow_header(client: Client) -> None:
    for octet in answer("200 OK", length=1 << 30):
        client.send(bytes([octet]))
        if not client.rest(0.3):
            return


def _endless_header(client: Client) -> None:
    client.send(b"HTTP/1.1 200 OK\r\n")
    client.flood(b"X-Filler: " + b"x" * 1000 + b"\r\n")


def _wrong_length_short(client: Client) -> None:
    client.send(answer("200 OK", length=1000))
    client.flood()


def _wrong_length_long(client: Client) -> None:
    client.send(answer("200 OK", _PIECE * 4, length=10**30))


def _redirect_loop(client: Client) -> None:
    client.send(answer("302 Found", b"", "Location: /garbage.php?ckSize=100"))


def _garbage_not_http(client: Client) -> None:
    client.flood()


def _chunked_bomb(client: Client) -> None:
    """Endless chunks of one octet, then a size beyond all bounds."""
    client.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(50):
        client.send(b"1\r\nx\r\n" * 1000)
        if not client.rest(_PATIENCE_S):
            return
    client.send(b"F" * 32 + b"\r\n")
    client.flood()


def _gzip_bomb(client: Client) -> None:
    client.send(answer("200 OK", _BOMB, "Content-Encoding: gzip"))


def _tarpit(client: Client) -> None:
    client.send(answer("200 OK", length=1 << 30))
    while client.rest(1.0):
        client.send(b"x")


def _lying_report(client: Client) -> None:
    """Takes the upload honestly; the lie is in `received`."""
    client.swallow()


_BOMB: Final = gzip.compress(b"\0" * (16 << 20))
BEHAVIOURS: Final[dict[str, Callable[[Client], None]]] = {
    "stall": _stall,
    "reset": _reset,
    "half_open": _half_open,
    "truncated": _truncated,
    "slow_header": _slow_header,
    "endless_header": _endless_header,
    "wrong_length_short": _wrong_length_short,
    "wrong_length_long": _wrong_length_long,
    "lying_report": _lying_report,
    "redirect_loop": _redirect_loop,
    "garbage_not_http": _garbage_not_http,
    "chunked_bomb": _chunked_bomb,
    "gzip_bomb": _gzip_bomb,
    "tarpit": _tarpit,
}
"""Every behaviour by its name."""

LIE_MBPS: Final = 90_000.0
"""What `lying_report` claims: flat, in our responder's form, and more than this test ever sends."""


def _lie(began: float | None) -> bytes:
    bins = 0 if began is None else min(1200, int((time.monotonic() - began) / 0.05))
    octets = round(LIE_MBPS * 1e6 / 8 * 0.05)
    found = {
        "doxa": 1, "seconds": bins * 0.05, "octets": octets * bins, "connections": 8, "counted": "segments",
        "mss": 1448, "bins_us": [50_000] * bins, "bins_octets": [octets] * bins,
    }  # fmt: skip
    return answer("200 OK", json.dumps(found).encode(), "Content-Type: application/json")


class _Server:
    """The threads of one rogue."""

    def __init__(self, behaviour: str, listener: socket.socket, *, everything: bool) -> None:
        self.port = Port(listener.getsockname()[1])
        self._act = BEHAVIOURS[behaviour]
        self._lies = behaviour == "lying_report"
        self._everything = everything
        self._listener = listener
        self._over = threading.Event()
        self._began: float | None = None
        self._socks: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._over.set()
        for sock in (self._listener, *self._socks):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # whoever waits in accept() or recv() wakes
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._over.is_set():
                sock, _ = self._listener.accept()
                self._socks.append(sock)
                self._threads.append(threading.Thread(target=self._serve, args=(sock,), daemon=True))
                self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        client = Client(sock, self.port, self._over)
        with sock, contextlib.suppress(OSError):
            sock.settimeout(30)
            while (first := self._request(sock)) is not None:
                if self._everything or "/garbage" in first or (first.startswith("POST") and "/empty" in first):
                    self._began = self._began or time.monotonic()
                    self._act(client)
                    return
                client.send(self._small(first))

    def _request(self, sock: socket.socket) -> str | None:
        """The first line of the next request, None at the end."""
        head = b""
        while b"\r\n\r\n" not in head:
            if not (got := sock.recv(4096)):
                return None
            self.port.taken += len(got)
            head += got
        self.port.requests += 1
        return head.partition(b"\r\n")[0].decode("latin-1")

    def _small(self, first: str) -> bytes:
        if "/received" in first and self._lies:
            return _lie(self._began)
        return answer("200 OK") if "/empty" in first else answer("404 Not Found")


@contextlib.contextmanager
def rogue(behaviour: str, *, everything: bool = False, host: str = "127.0.0.1") -> Iterator[Port]:
    """A far end with that behaviour; its port."""
    with socket.create_server((host, 0), backlog=128) as listener:
        server = _Server(behaviour, listener, everything=everything)
        try:
            yield server.port
        finally:
            server.close()
