"""The send loop: one random buffer over many streams; what counts is what the receiver says arrived.

TCP_NOTSENT_LOWAT keeps the socket's queue short (tcp(7)), so nothing but the path's own queue is filled. The sender's
`delivered` × MSS is the clock of the stop rule; the figure comes from the receiver where it reports (our responder).
"""

import os
import select
import socket
from collections.abc import Sequence
from typing import Final

from doxa_agent.net.binding import Unreachable
from doxa_agent.net.tcpinfo import DeliveredCounter, TcpInfo, read_tcp_info
from doxa_agent.speed import http
from doxa_agent.speed.aside import Aside
from doxa_agent.speed.bins import BIN_S, FINE, Bin, StopRule, last_steady, steady_at, total
from doxa_agent.speed.report import Report
from doxa_agent.speed.target import Target, abort, begin_connect, finish_connect, reason_of

BUFFER: Final = 256 * 1024
NOTSENT: Final = 128 * 1024
POST_FOREIGN: Final = 20 * 1024 * 1024
"""LibreSpeed's own blob: what its servers are set up to take."""
POST_OURS: Final = 1024 * 1024 * 1024
FRESH_BINS: Final = 4
"""How many bins old the receiver's steady place may be when we stop."""
_ASK_EVERY: Final = 4
"""Bins between two questions for the receiver's report."""


class Stream:
    """One connection that posts again and again."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.counter = DeliveredCounter()
        self.info = TcpInfo()
        self.head = b""
        self.left = 0
        self.answer = http.Answer()
        self.connecting = False


class Upload:
    """All streams of one upload."""

    def __init__(
        self, target: Target, poller: select.epoll, socks: list[socket.socket], aside: Aside | None, *, reports: bool
    ) -> None:
        self.lost = 0
        self.reopened = 0
        self.report: Report | None = None
        """The receiver's figures that the end of the transfer rests on; None where the far end gives none."""
        self._target = target
        self._poller = poller
        self._aside = aside if reports else None
        self._post = POST_OURS if reports else POST_FOREIGN
        self._buffer = memoryview(os.urandom(BUFFER))
        self._streams: dict[int, Stream] = {}
        self._done: list[Stream] = []
        self._asked_after_limit = False
        for sock in socks:
            self._join(Stream(sock))

    def _join(self, stream: Stream) -> None:
        stream.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT)
        self._streams[stream.sock.fileno()] = stream
        self._poller.register(stream.sock, select.EPOLLIN | select.EPOLLOUT)
        self._begin_post(stream)

    @property
    def streams(self) -> list[Stream]:
        """Every connection that there was."""
        return [*self._streams.values(), *self._done]

    @property
    def smooth(self) -> bool:
        """See `course.Transfer`."""
        return all(stream.counter.known for stream in self.streams)

    def is_steady(self, bins: Sequence[Bin], rule: StopRule) -> bool:
        """See `course.Transfer`. The receiver's own bins decide where it reports: they are asked for while it may be."""
        aside = self._aside
        ours = steady_at(bins, rule) is not None
        if aside is None or not aside.alive:
            return ours
        if aside.report is None:
            due = len(bins) % _ASK_EVERY == 0 and total(bins).seconds > rule.earliest_s - 2 * BIN_S
            aside.wanted = aside.wanted or ours or due
            return False
        self.report, aside.report = aside.report, None
        found = last_steady(self.report.bins, FINE)
        return found is not None and found.last >= len(self.report.bins) - FRESH_BINS

    def settled(self) -> bool:
        """See `course.Transfer`: at the limit the receiver's newest report ends the transfer."""
        aside = self._aside
        if aside is None or not aside.alive:
            return True
        if not self._asked_after_limit:
            self._asked_after_limit, aside.report, aside.wanted = True, None, True
        if aside.report is None:
            return False
        self.report = aside.report
        return True

    def _begin_post(self, stream: Stream) -> None:
        target = self._target.url("empty.php", session=self._target.session)
        stream.head = http.request("POST", self._target.host, target, length=self._post)
        stream.left = self._post
        stream.answer = http.Answer()

    def act(self, fd: int, event: int) -> None:
        """A stream can take more, or its server says something."""
        stream = self._streams.get(fd)
        if stream is None:
            return
        try:
            if stream.connecting:
                finish_connect(stream.sock)
                stream.connecting = False
            if event & (select.EPOLLIN | select.EPOLLERR | select.EPOLLHUP):
                self._listen(stream)
            if event & select.EPOLLOUT and fd in self._streams:
                self._send(stream)
        except Unreachable as error:
            if error.reason in ("http_status", "http_protocol") or fd not in self._streams:
                raise  # the far end is no far end, or this was the last stream
            self._lose(stream, error.reason)
        except OSError as error:
            self._lose(stream, reason_of(error))

    def _send(self, stream: Stream) -> None:
        try:
            if stream.head:
                stream.head = stream.head[stream.sock.send(stream.head) :]
            elif stream.left:
                stream.left -= stream.sock.send(self._buffer[: min(BUFFER, stream.left)])
        except BlockingIOError:
            return
        if stream.left or stream.head:
            return
        self._poller.modify(stream.sock, select.EPOLLIN)
        if stream.answer.complete:
            self._go_on(stream)

    def _listen(self, stream: Stream) -> None:
        try:
            piece = stream.sock.recv(16 * 1024)
        except BlockingIOError:
            return
        if not piece and stream.answer.complete:
            raise Unreachable("broke_off")
        stream.answer.feed(piece)
        head = stream.answer.head
        if head is not None and head.status >= 300:
            raise Unreachable("http_status")
        if stream.answer.complete and not stream.left and not stream.head:
            self._go_on(stream)

    def _go_on(self, stream: Stream) -> None:
        """The answer is complete and everything sent: the next post. Some servers answer before they have read it all."""
        head = stream.answer.head
        if head is None or head.closes:
            self._succeed(stream)
            return
        self._begin_post(stream)
        self._poller.modify(stream.sock, select.EPOLLIN | select.EPOLLOUT)

    def _succeed(self, stream: Stream) -> None:
        """The server takes one post a connection: go on over a new one."""
        self._retire(stream)
        self.reopened += 1
        try:
            sock, _held = begin_connect(self._target)
        except Unreachable as error:
            self._fail_if_empty(error.reason)
            return
        successor = Stream(sock)
        successor.connecting = True
        self._join(successor)

    def count(self) -> float:
        """Look at the counters of every stream."""
        for stream in self._streams.values():
            self._sample(stream)
        return sum(stream.counter.octets for stream in self.streams)

    def _sample(self, stream: Stream) -> None:
        if not stream.connecting:
            stream.info = read_tcp_info(stream.sock)
            stream.counter.update(stream.info)

    def _lose(self, stream: Stream, reason: str) -> None:
        self.lost += 1
        self._retire(stream)
        self._fail_if_empty(reason)

    def _retire(self, stream: Stream) -> None:
        self._sample(stream)
        del self._streams[stream.sock.fileno()]
        self._done.append(stream)
        self._poller.unregister(stream.sock)
        abort(stream.sock)

    def _fail_if_empty(self, reason: str) -> None:
        if not self._streams:
            raise Unreachable(reason)

    def close(self) -> None:
        """Reset what is left."""
        for stream in self._streams.values():
            abort(stream.sock)
