"""The receive loop: garbage over many streams, discarded by the kernel, counted as arrived segments.

Wake-ups cost, copies do not: SO_RCVLOWAT lets a stream wake us only for much at once, and the 50 ms timer drains what
does not become much (throughput.md §2). MSG_TRUNC discards in the kernel (tcp(7)), so the buffer's pages never exist.
"""

import mmap
import select
import socket
from collections.abc import Sequence
from typing import Final

from doxa_agent.net.binding import Unreachable
from doxa_agent.net.tcpinfo import ArrivedCounter, TcpInfo, read_tcp_info
from doxa_agent.speed import http
from doxa_agent.speed.bins import Bin, StopRule, steady_at
from doxa_agent.speed.target import Target, abort, begin_connect, finish_connect, reason_of

LOW_WATER: Final = 256 * 1024
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
        self.received = b""


class Download:
    """All streams of one download."""

    def __init__(self, target: Target, poller: select.epoll, socks: list[socket.socket], ck_size: int) -> None:
        self.congestion = ""
        """What the far end's answer says that it sends with; empty where it does not say."""
        self.chunked = False
        self.lost = 0
        """Streams that broke off in the middle of an answer."""
        self.reopened = 0
        self._target = target
        self._poller = poller
        self._ck_size = ck_size
        self._void = mmap.mmap(-1, _VOID)
        self._streams: dict[int, Stream] = {}
        self._done: list[Stream] = []
        self._reason = "broke_off"
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

    def is_steady(self, bins: Sequence[Bin], rule: StopRule) -> bool:
        """See `course.Transfer`."""
        return steady_at(bins, rule) is not None

    def settled(self) -> bool:
        """See `course.Transfer`: the receiver is here, so nothing is to be waited for."""
        return True

    def _start(self, stream: Stream) -> None:
        self._streams[stream.sock.fileno()] = stream
        self._poller.register(stream.sock, select.EPOLLIN)
        self._ask(stream)

    def _ask(self, stream: Stream) -> None:
        target = self._target.url("garbage.php", ckSize=self._ck_size, congestion=self._target.congestion)
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
                finish_connect(stream.sock)
                stream.connecting = False
                self._poller.modify(fd, select.EPOLLIN)
                self._ask(stream)
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
        stream.head, stream.received = head, b""
        self.chunked = self.chunked or head.chunked
        self.congestion = head.fields.get("x-doxa-congestion", "")[:16]
        stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, LOW_WATER)

    def _drain(self, stream: Stream) -> None:
        while True:
            try:
                got = stream.sock.recv_into(self._void, _VOID, socket.MSG_TRUNC)
            except BlockingIOError:
                return
            stream.read += got
            if got == 0:
                self._end(stream)
            if got < _VOID:
                return

    def count(self) -> float:
        """Drain every stream and look at its counters."""
        for stream in list(self._streams.values()):
            if stream.head is not None:
                try:
                    self._drain(stream)
                except OSError as error:
                    self._lose(stream, reason_of(error))
        for stream in self._streams.values():
            self._sample(stream)
        return sum(stream.counter.octets for stream in self.streams)

    def _sample(self, stream: Stream) -> None:
        if not stream.connecting:
            stream.info = read_tcp_info(stream.sock)
            stream.counter.update(stream.info, stream.read)

    def _end(self, stream: Stream) -> None:
        """The server ended the stream: if its answer was whole, ask again over a new connection."""
        head = stream.head
        wanted = None if head is None or head.length is None else head.length + head.size
        if wanted is not None and stream.read < wanted:
            self._lose(stream, "broke_off")
            return
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
