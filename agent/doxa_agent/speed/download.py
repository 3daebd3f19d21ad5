"""The receive loop: garbage over many streams, discarded by the kernel, counted as arrived segments.

Wake-ups cost, copies do not: SO_RCVLOWAT lets a stream wake us only for much at once, and the 50 ms timer drains what
does not become much (throughput.md §2). MSG_TRUNC discards in the kernel (tcp(7)), so the buffer's pages never exist.
"""

import mmap
import select
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

from doxa_agent.net.binding import Unreachable
from doxa_agent.net.tcperror import reason_of
from doxa_agent.net.tcpinfo import ArrivedCounter, TcpInfo, read_tcp_info
from doxa_agent.speed import http
from doxa_agent.speed.bins import Bin, StopRule
from doxa_agent.speed.goal import Goal
from doxa_agent.speed.target import Target, abort, begin_connect, finish_connect

if TYPE_CHECKING:
    import ssl

    from doxa_agent.speed.tls import Records

LOW_WATER: Final = 256 * 1024
RAMP_BINS: Final = 20
"""While TCP still opens its windows, every bin drains: the kernel sizes a window by how fast it is read."""
MOST_BINS: Final = 3
AT_ONCE: Final = 192 * 1024
"""Later a stream is drained when about so much waits: arrived segments are counted whether they are read or not."""
FIRST: Final = 16 * 1024
HEAD_S: Final = 5.0
"""No stream has the head of an answer after so long: the far end trickles."""
_VOID: Final = 4 * 1024 * 1024
_MOST_REOPENED: Final = 64


class Stream:
    """One connection and what it brought; its successors after a response that ended."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.counter = ArrivedCounter()
        self.read = 0
        self.info = TcpInfo()
        self.head: http.Head | None = None
        self.connecting = False
        self.shaking = False
        self.received = b""
        self.base = 0.0
        """Octets that the handshake of TLS brought."""
        self.records: Records | None = None
        """Of a connection over TLS, once its head was read."""

    @property
    def octets(self) -> float:
        """Payload of TCP that arrived, or of TLS where that is spoken."""
        octets = self.counter.octets - self.base
        return octets if self.records is None else octets * self.records.share


class Download:
    """All streams of one download."""

    def __init__(self, target: Target, poller: select.epoll, socks: list[socket.socket], ck_size: int) -> None:
        self.answered: http.Head | None = None
        """The first head of an answer."""
        self.first = b""
        """The beginning of the first body: whether it is random tells whether somebody may have made it smaller."""
        self.overlong = False
        """A server sent more than it said."""
        self.congestion = ""
        """What the far end's answer says that it sends with; empty where it does not say."""
        self.chunked = False
        self.lost = 0
        """Streams that broke off in the middle of an answer."""
        self.reopened = 0
        self._target = target
        self._poller = poller
        self._ck_size = ck_size
        self._slot = {"token": target.token} if target.token else {}
        self._mark = 0
        self._witness: Stream | None = None
        self._began = time.monotonic()
        self._void = mmap.mmap(-1, _VOID)
        self._streams: dict[int, Stream] = {}
        self._done: list[Stream] = []
        self._before = 0.0
        """Octets of the connections that are done."""
        self._bins = 0
        self._every = 1
        self._drained = 0
        for sock in socks:
            self._start(Stream(sock))

    @property
    def streams(self) -> list[Stream]:
        """Every connection that there was."""
        return [*self._streams.values(), *self._done]

    @property
    def smooth(self) -> bool:
        """See `course.Transfer`."""
        return all(stream.counter.smooth for stream in self.streams)

    def reached(self, bins: Sequence[Bin], rule: StopRule, goal: Goal) -> str:
        """See `course.Transfer`."""
        return goal.reached(bins, rule, self.any_info)

    def any_info(self) -> TcpInfo:
        """TCP_INFO of one stream, now: its segments are everybody's."""
        return next((read_tcp_info(stream.sock) for stream in self._streams.values()), TcpInfo())

    @property
    def infos(self) -> list[TcpInfo]:
        """TCP_INFO of every connection, of the open ones now."""
        for stream in self._streams.values():
            self._sample(stream)
        return [stream.info for stream in self.streams]

    @property
    def payload_share(self) -> float:
        """What of the octets of TCP is payload: 1 without TLS."""
        return min((s.records.share for s in self.streams if s.records is not None), default=1.0)

    def settled(self) -> bool:
        """See `course.Transfer`: the receiver is here, so nothing is to be waited for."""
        return True

    def _start(self, stream: Stream) -> None:
        self._streams[stream.sock.fileno()] = stream
        self._poller.register(stream.sock, select.EPOLLIN)
        if self._target.far_end.tls:
            stream.base = stream.counter.look(stream.sock, 0)
        self._ask(stream)

    def _ask(self, stream: Stream) -> None:
        target = self._target.url("garbage.php", ckSize=self._ck_size, congestion=self._target.congestion, **self._slot)
        try:
            stream.sock.send(http.request("GET", self._target.host, target, keep=False))
        except OSError as error:
            self._lose(stream, reason_of(error))

    def act(self, fd: int, event: int) -> None:  # noqa: ARG002 - an error shows when we read
        """A stream can be read, or its new connection has come about."""
        stream = self._streams.get(fd)
        if stream is None:
            return
        try:
            if stream.connecting:
                self._connected(stream)
            elif stream.shaking:
                self._shake(stream)
            elif stream.head is None:
                self._read_head(stream)
            else:
                self._drain(stream)
        except Unreachable as error:
            if error.reason in ("http_status", "http_protocol") or fd not in self._streams:
                raise  # the far end is no far end, or this was the last stream
            self._lose(stream, error.reason)
        except OSError as error:
            self._lose(stream, reason_of(error))

    def _connected(self, stream: Stream) -> None:
        finish_connect(stream.sock)
        stream.connecting = False
        if self._target.far_end.tls:
            from doxa_agent.speed import tls

            stream.sock = tls.wrap(stream.sock, self._target.far_end)
            stream.shaking = True
            self._shake(stream)
            return
        self._poller.modify(stream.sock, select.EPOLLIN)
        self._ask(stream)

    def _shake(self, stream: Stream) -> None:
        from doxa_agent.speed import tls

        wanted = tls.advance(cast("ssl.SSLSocket", stream.sock))
        self._poller.modify(stream.sock, wanted or select.EPOLLIN)
        if not wanted:
            stream.shaking = False
            stream.base = stream.counter.look(stream.sock, 0)
            self._ask(stream)

    def _read_head(self, stream: Stream) -> None:
        try:
            piece = stream.sock.recv(64 * 1024)
        except BlockingIOError:
            return
        if not piece:
            raise Unreachable("broke_off")
        stream.read += len(piece)
        stream.received += piece
        head = http.parse_head(stream.received)
        if head is None:
            return
        if head.status != 200:
            raise Unreachable("http_status")
        if self.answered is None:
            self.answered, self.first = head, stream.received[head.size :]
            self._witness = None if self._target.far_end.tls or head.chunked else stream
        stream.head, stream.received = head, b""
        if self._target.far_end.tls:
            from doxa_agent.speed import tls

            # The descriptor stays the same, and with it what epoll knows.
            stream.sock, stream.records = tls.hand_over(cast("ssl.SSLSocket", stream.sock))
        self.chunked = self.chunked or head.chunked
        self.congestion = head.fields.get("x-doxa-congestion", "")[:16]
        stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, LOW_WATER)

    def _drain(self, stream: Stream) -> None:
        if stream.records is not None and not stream.records.enough:
            self._read_records(stream, stream.records)
            return
        if stream is self._witness:
            self._read_first(stream)
            if stream.sock.fileno() not in self._streams:
                return
        while True:
            try:
                got = stream.sock.recv_into(self._void, _VOID, socket.MSG_TRUNC)
            except BlockingIOError:
                return
            stream.read += got
            self._drained += got
            if got == 0:
                self._end(stream)
            if got < _VOID:
                return

    def _read_first(self, stream: Stream) -> None:
        """The beginning of one body is read, not discarded."""
        try:
            piece = stream.sock.recv(FIRST)
        except BlockingIOError:
            return
        self.first += piece
        stream.read += len(piece)
        self._drained += len(piece)
        if len(self.first) >= FIRST or not piece:
            self._witness = None
        if not piece:
            self._end(stream)

    def _read_records(self, stream: Stream, records: "Records") -> None:
        """The beginning of a ciphertext is read for the sizes of its records."""
        try:
            piece = stream.sock.recv(64 * 1024)
        except BlockingIOError:
            return
        stream.read += len(piece)
        self._drained += len(piece)
        records.feed(piece)
        if not piece:
            self._end(stream)

    def count(self) -> float:
        """Drain every stream where that is due, and look at its counters."""
        self._bins += 1
        if self._bins % self._every == 0:
            self._drain_all()
        if self.answered is None and time.monotonic() - self._began > HEAD_S:
            raise Unreachable("answer_timeout")
        octets = self._before
        for stream in self._streams.values():
            if not stream.connecting:
                stream.counter.look(stream.sock, stream.read)
                octets += stream.octets
        return octets

    def _drain_all(self) -> None:
        for stream in list(self._streams.values()):
            if stream.head is not None:
                try:
                    self._drain(stream)
                except OSError as error:
                    self._lose(stream, reason_of(error))
                except Unreachable as error:
                    if stream.sock.fileno() not in self._streams:
                        raise  # it was the last stream
                    self._lose(stream, error.reason)
        if self._bins > RAMP_BINS:
            each = (self._drained - self._mark) / self._every / max(1, len(self._streams))
            self._every = max(1, min(MOST_BINS, int(AT_ONCE / max(each, 1.0))))
        self._mark = self._drained

    def _sample(self, stream: Stream) -> None:
        if not stream.connecting:
            stream.info = read_tcp_info(stream.sock)
            stream.counter.look(stream.sock, stream.read)

    def _end(self, stream: Stream) -> None:
        """The server ended the stream: if its answer was whole, ask again over a new connection."""
        head = stream.head
        wanted = None if head is None or head.length is None else head.length + head.size
        came = stream.read if stream.records is None else stream.read * stream.records.share * 1.01
        if wanted is not None and came < wanted:
            self._lose(stream, "broke_off")
            return
        if wanted is not None and stream.records is None and stream.read > wanted:
            self.overlong = True
        self._retire(stream)
        self.reopened += 1
        if self.reopened > _MOST_REOPENED:
            self._fail_if_empty("answer_too_short")
            return
        try:
            sock, _held = begin_connect(self._target)
        except Unreachable as error:
            self._fail_if_empty(error.reason)
            return
        successor = Stream(sock)
        successor.connecting = True
        self._streams[sock.fileno()] = successor
        self._poller.register(sock, select.EPOLLOUT)

    def _retire(self, stream: Stream) -> None:
        self._sample(stream)
        del self._streams[stream.sock.fileno()]
        self._done.append(stream)
        self._before += stream.octets
        self._poller.unregister(stream.sock)
        abort(stream.sock)

    def _lose(self, stream: Stream, reason: str) -> None:
        self.lost += 1
        self._retire(stream)
        self._fail_if_empty(reason)

    def _fail_if_empty(self, reason: str) -> None:
        if not self._streams:
            raise Unreachable(reason)

    def close(self) -> None:
        """Reset what is left."""
        for stream in self._streams.values():
            abort(stream.sock)
        self._void.close()
