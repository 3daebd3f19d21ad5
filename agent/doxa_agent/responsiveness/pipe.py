"""One TCP connection, with or without TLS, that never blocks: it tells how long each handshake took."""

import select
import socket
import ssl
import time
from enum import Enum, auto
from typing import Final

from doxa_agent.meter import FarEnd
from doxa_agent.net.binding import Unreachable
from doxa_agent.net.tcperror import reason_of
from doxa_agent.speed import tls
from doxa_agent.speed.target import Target, abort, begin_connect, finish_connect

HTTP2: Final = "h2"
"""By its name for ALPN (RFC 9113 §3.2): the draft wants its streams."""
_PIECE: Final = 256 * 1024
NOTSENT: Final = 128 * 1024
"""What may wait in the kernel beyond the window: a queue of our own would be measured as the line's."""


class Phase(Enum):
    """Where a connection stands."""

    CONNECTING = auto()
    SHAKING = auto()
    OPEN = auto()
    CLOSED = auto()


def tls_context(far_end: FarEnd) -> ssl.SSLContext | None:
    """What a far end with TLS is spoken to by, None without; `Unreachable("tls_ca_file")` where its file is unusable."""
    return tls.context_of(far_end, HTTP2) if far_end.tls else None


class Pipe:
    """A connection to `target`. `step()` after each event; `received` then holds what came, in plain."""

    def __init__(self, target: Target, context: ssl.SSLContext | None) -> None:
        self._from, self._to = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = None if context is None else self._wrap(context, target.far_end)
        self.sock, _held = begin_connect(target)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT)
        self.phase = Phase.CONNECTING
        self.tcp_s: float | None = None
        self.tls_s: float | None = None
        """The handshake's time for each of its round trips: TLS 1.3 has one, earlier versions two."""
        self._since = time.monotonic()
        self._waiting = bytearray()

    def _wrap(self, context: ssl.SSLContext, far_end: FarEnd) -> ssl.SSLObject:
        try:
            return context.wrap_bio(self._from, self._to, server_hostname=far_end.host.partition("%")[0])
        except (OSError, ValueError):  # a host that no certificate can name
            raise Unreachable("broke_off") from None

    @property
    def backlog(self) -> int:
        """Octets that the kernel has not taken yet."""
        return len(self._waiting)

    @property
    def interest(self) -> int:
        """What epoll shall wait for."""
        wants_out = self.phase is Phase.CONNECTING or self._waiting
        return select.EPOLLIN | (select.EPOLLOUT if wants_out else 0)

    @property
    def alpn(self) -> str | None:
        """The protocol that both sides chose."""
        return None if self._tls is None else self._tls.selected_alpn_protocol()

    def send(self, data: bytes) -> None:
        """Queue `data` and send what can go now."""
        if self._tls is None:
            self._waiting += data
        else:
            self._tls.write(data)
            self._waiting += self._to.read()
        self._flush()

    def step(self, event: int) -> bytes:
        """Go on after an event; what was received in plain. `Unreachable` where the connection ends."""
        if self.phase is Phase.CONNECTING:
            self._connected()
        if event & select.EPOLLOUT:
            self._flush()
        if not event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
            return b""
        piece = self._read()
        if self._tls is None:
            return piece
        self._from.write(piece)
        if self.phase is Phase.SHAKING:
            self._shake()
        return self._decrypted() if self.phase is Phase.OPEN else b""

    def _connected(self) -> None:
        finish_connect(self.sock)
        now = time.monotonic()
        self.tcp_s, self._since = now - self._since, now
        self.phase = Phase.OPEN
        if self._tls is not None:
            self.phase = Phase.SHAKING
            self._shake()

    def _shake(self) -> None:
        assert self._tls is not None
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._hand_over()
            return
        except ssl.SSLError as error:
            raise Unreachable(tls.failure_of(error)) from None
        trips = 1 if self._tls.version() == "TLSv1.3" else 2
        self.tls_s = (time.monotonic() - self._since) / trips
        self.phase = Phase.OPEN
        self._hand_over()

    def _hand_over(self) -> None:
        self._waiting += self._to.read()
        self._flush()

    def _decrypted(self) -> bytes:
        assert self._tls is not None
        found = []
        try:
            while piece := self._tls.read(_PIECE):
                found.append(piece)
            self._ended()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            raise Unreachable("tls_failed") from None
        return b"".join(found)

    def _read(self) -> bytes:
        try:
            piece = self.sock.recv(_PIECE)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise Unreachable(reason_of(error)) from None
        if not piece:
            self._ended()
        return piece

    def _ended(self) -> None:
        raise Unreachable("broke_off")

    def _flush(self) -> None:
        try:
            while self._waiting:
                del self._waiting[: self.sock.send(self._waiting)]
        except BlockingIOError:
            return
        except OSError as error:
            raise Unreachable(reason_of(error)) from None

    def close(self) -> None:
        """Hang up."""
        self.phase = Phase.CLOSED
        abort(self.sock)
