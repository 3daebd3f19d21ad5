"""HTTP over a pipe: small requests with their time, and a load that never ends. HTTP/1.1 in plain, HTTP/2 over TLS."""

import os
import time
from collections.abc import Callable
from typing import Final, Protocol

from doxa_agent.net.binding import Unreachable
from doxa_agent.responsiveness.pipe import NOTSENT, Phase, Pipe
from doxa_agent.speed import http
from doxa_agent.speed.target import Target
from doxa_core.errors import OperationError
from doxa_core.language import Text

Done = Callable[[float], None]
"""Called with the seconds that a small request took."""

LARGE_MIB: Final = 1024
_POST: Final = 1024 * 1024 * 1024
_CHUNK: Final = os.urandom(64 * 1024)

MISSING = Text(
    vi="phép đo responsiveness qua HTTPS cần gói h2; hãy chạy: pip install 'doxa[responsiveness]'",
    en="responsiveness over HTTPS needs the package h2; run: pip install 'doxa[responsiveness]'",
)


class Exchange(Protocol):
    """What both protocols do."""

    octets: int
    """Octets of payload that the load has brought here."""

    def feed(self, piece: bytes) -> None:
        """Take what was received; `Unreachable` where the far end breaks the protocol or ends."""

    def get(self, done: Done) -> None:
        """Ask for something small."""

    def load(self, *, sending: bool) -> None:
        """Begin a transfer that never ends."""

    def pump(self) -> None:
        """Send more of an upload where there is room."""


def exchange(pipe: Pipe, target: Target) -> Exchange:
    """The protocol that the pipe's ends agreed on; `Unreachable("no_http2")` over TLS without HTTP/2."""
    if not target.far_end.tls:
        return Http1(pipe, target)
    if pipe.alpn != "h2":
        raise Unreachable("no_http2")
    return Http2(pipe, target)


def need_http2() -> None:
    """`OperationError` with the line that installs it where the package is missing."""
    try:
        import h2.connection  # noqa: F401
    except ImportError:
        raise OperationError(MISSING) from None


class Http1:
    """HTTP/1.1: one request at a time."""

    def __init__(self, pipe: Pipe, target: Target) -> None:
        self.octets = 0
        self._pipe, self._target = pipe, target
        self._asked: tuple[float, Done] | None = None
        self._answer = http.Answer()
        self._sending = self._loading = False
        self._left = 0

    def get(self, done: Done) -> None:
        """See `Exchange`."""
        self._asked, self._answer = (time.monotonic(), done), http.Answer()
        self._pipe.send(http.request("GET", self._target.host, self._target.url("empty.php")))

    def load(self, *, sending: bool) -> None:
        """See `Exchange`."""
        self._loading, self._sending, self._answer = True, sending, http.Answer()
        if sending:
            self._pipe.send(http.request("POST", self._target.host, self._target.url("empty.php"), length=_POST))
            self._left = _POST
            self.pump()
        else:
            self._pipe.send(http.request("GET", self._target.host, self._target.url("garbage.php", ckSize=LARGE_MIB)))

    def pump(self) -> None:
        """See `Exchange`."""
        while self._sending and self._left and self._pipe.backlog < len(_CHUNK):
            piece = _CHUNK[: self._left]
            self._left -= len(piece)
            self._pipe.send(piece)

    def feed(self, piece: bytes) -> None:
        """See `Exchange`."""
        if self._loading and not self._sending:
            self._count(piece)
        elif piece:
            self._answer.feed(piece)
            self._finish()

    def _count(self, piece: bytes) -> None:
        if self._left == 0 and piece:
            self._answer.rest += piece
            head = http.parse_head(self._answer.rest)
            if head is None:
                return
            if head.status != 200 or head.length is None:
                raise Unreachable("http_status" if head.status != 200 else "http_protocol")
            piece, self._left, self._answer = self._answer.rest[head.size :], head.length, http.Answer()
        self.octets += len(piece)
        self._left -= min(self._left, len(piece))
        if self._left == 0 and piece:
            self.load(sending=False)

    def _finish(self) -> None:
        if not self._answer.complete:
            return
        if self._answer.head is None or self._answer.head.status >= 300:
            raise Unreachable("http_status")
        if self._sending:
            self.load(sending=True)
        elif self._asked is not None:
            (began, done), self._asked = self._asked, None
            done(time.monotonic() - began)


class Http2:
    """HTTP/2 (RFC 9113): small requests travel on the connection that carries the load."""

    _WINDOW: Final = 2**31 - 1

    def __init__(self, pipe: Pipe, target: Target) -> None:
        from h2.config import H2Configuration
        from h2.connection import H2Connection
        from h2.settings import SettingCodes

        self.octets = 0
        self._pipe, self._target = pipe, target
        self._asked: dict[int, tuple[float, Done]] = {}
        self._sending: int | None = None
        self._left = 0
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._h2.initiate_connection()
        self._h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: self._WINDOW, SettingCodes.ENABLE_PUSH: 0})
        self._h2.increment_flow_control_window(self._WINDOW - 65_535)
        self._out()

    def get(self, done: Done) -> None:
        """See `Exchange`."""
        stream = self._open("GET", self._target.url("empty.php"))
        self._asked[stream] = (time.monotonic(), done)
        self._out()

    def load(self, *, sending: bool) -> None:
        """See `Exchange`."""
        if sending:
            # A named length, because not every server behind a proxy takes a body of unknown length.
            self._sending = self._open("POST", self._target.url("empty.php"), ("content-length", str(_POST)))
            self._left = _POST
            self.pump()
        else:
            self._open("GET", self._target.url("garbage.php", ckSize=LARGE_MIB))
        self._out()

    def _open(self, method: str, path: str, *more: tuple[str, str]) -> int:
        """Begin a stream; one without `more` fields has no body."""
        stream = self._h2.get_next_available_stream_id()
        host = http.host_field(self._target.far_end.host, self._target.far_end.port)
        fields = [(":method", method), (":scheme", "https"), (":authority", host), (":path", path)]
        self._h2.send_headers(stream, fields + list(more), end_stream=not more)
        return int(stream)

    def pump(self) -> None:
        """See `Exchange`."""
        stream = self._sending
        while stream is not None and self._left and self._pipe.phase is Phase.OPEN and self._pipe.backlog < NOTSENT:
            window = self._h2.local_flow_control_window(stream)
            room = min(window, self._h2.max_outbound_frame_size, len(_CHUNK), self._left)
            if room <= 0:
                return
            self._left -= room
            self._h2.send_data(stream, _CHUNK[:room], end_stream=not self._left)
            self._out()

    def feed(self, piece: bytes) -> None:
        """See `Exchange`."""
        from h2.exceptions import ProtocolError

        try:
            events = self._h2.receive_data(piece) if piece else []
        except ProtocolError:
            raise Unreachable("http_protocol") from None
        for event in events:
            self._take(event)
        self._out()
        self.pump()

    def _take(self, event: object) -> None:
        from h2 import events

        if isinstance(event, events.DataReceived):
            self.octets += len(event.data or b"")
            self._h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        elif isinstance(event, events.ResponseReceived):
            fields = {str(name): str(value) for name, value in event.headers or []}
            if fields.get(":status") != "200":
                raise Unreachable("http_status")
        elif isinstance(event, events.StreamEnded):
            self._end(event.stream_id or 0)
        elif isinstance(event, events.StreamReset | events.ConnectionTerminated):
            raise Unreachable("broke_off")

    def _end(self, stream: int) -> None:
        if stream in self._asked:
            began, done = self._asked.pop(stream)
            done(time.monotonic() - began)
        elif stream == self._sending:
            self.load(sending=True)
        else:
            self.load(sending=False)

    def _out(self) -> None:
        if data := self._h2.data_to_send():
            self._pipe.send(data)
