"""The send loop: random octets over many streams; what counts is what the receiver says arrived.

TCP_NOTSENT_LOWAT bounds what waits in a socket (tcp(7)), so nothing but the path's own queue is filled. The sender's
`delivered` × MSS is the clock of the stop rule; the figure comes from the receiver where it reports (our responder).

Wake-ups cost more than octets: once TCP is in its stride, a stream whose socket holds more than it sends in a bin rests.
It is then topped up by the 50 ms timer that counts anyway, and epoll wakes us only for one that runs low.
"""

import select
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

from doxa_agent.net.binding import Unreachable
from doxa_agent.net.tcperror import reason_of
from doxa_agent.net.tcpinfo import TcpInfo, read_tcp_info
from doxa_agent.speed import http
from doxa_agent.speed.aside import Aside
from doxa_agent.speed.bins import BIN_S, FINE, Bin, StopRule, last_steady, total
from doxa_agent.speed.goal import STABLE, Goal
from doxa_agent.speed.report import Report
from doxa_agent.speed.source import Source
from doxa_agent.speed.stock import LOWAT, Stock, make_room
from doxa_agent.speed.target import Target, abort, begin_connect, finish_connect

if TYPE_CHECKING:
    import ssl

RAMP_S: Final = 0.375
"""While TCP still opens its windows no stream rests: it may send ten times as much in the next bin."""
POST_FOREIGN: Final = 20 * 1024 * 1024
"""LibreSpeed's own blob: what its servers are set up to take."""
POST_OURS: Final = 1024 * 1024 * 1024
FRESH_BINS: Final = 4
"""How many bins old the receiver's steady place may be when we stop."""
TLS_SHARE: Final = 16384 / (16384 + 22)
"""Payload in a full record with its header, type and tag (RFC 8446 §5.2)."""
TLS_TURNS: Final = 16
"""OpenSSL takes one record at a time."""
_ASK_EVERY: Final = 4
"""Bins between two questions for the receiver's report."""


class Stream:
    """One connection that posts again and again."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.counter = Stock()
        self.info = TcpInfo()
        self.head = b""
        self.left = 0
        self.answer = http.Answer()
        self.connecting = False
        self.shaking = False
        self.base = 0.0
        """Octets that the handshake of TLS took."""

    @property
    def pours(self) -> bool:
        """Whether it is in the middle of a body."""
        return bool(self.left) and not (self.head or self.connecting or self.shaking)


class Upload:
    """All streams of one upload."""

    def __init__(
        self, target: Target, poller: select.epoll, socks: list[socket.socket], aside: Aside | None, *, reports: bool
    ) -> None:
        self.lost = 0
        self.reopened = 0
        self.impossible = False
        """The receiver reported more than was sent: it lies, and its figures are not used."""
        self.report: Report | None = None
        """The receiver's figures that the end of the transfer rests on; None where the far end gives none."""
        self._target = target
        self._poller = poller
        self._aside = aside if reports else None
        self._post = POST_OURS if reports else POST_FOREIGN
        self._streams: dict[int, Stream] = {}
        self._done: list[Stream] = []
        self._asked_after_limit = False
        self._sent = 0
        self._before = 0.0
        self._slot = {"token": target.token} if target.token else {}
        self._turns = TLS_TURNS if target.far_end.tls else 1
        self._began = time.monotonic()
        for sock in socks:
            self._join(Stream(sock))
        self._source = Source(by_reference=not target.far_end.tls)

    def _join(self, stream: Stream) -> None:
        make_room(stream.sock)
        stream.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, LOWAT)
        self._streams[stream.sock.fileno()] = stream
        self._poller.register(stream.sock, select.EPOLLIN | select.EPOLLOUT)
        if self._target.far_end.tls:
            stream.base = stream.counter.look(stream.sock)
        self._begin_post(stream)

    @property
    def streams(self) -> list[Stream]:
        """Every connection that there was."""
        return [*self._streams.values(), *self._done]

    @property
    def smooth(self) -> bool:
        """See `course.Transfer`."""
        return all(stream.counter.known for stream in self.streams)

    def reached(self, bins: Sequence[Bin], rule: StopRule, goal: Goal) -> str:
        """See `course.Transfer`. The receiver's own bins decide where it reports: they are asked for while it may be."""
        aside = self._aside
        if aside is None or not aside.alive:
            self.report = None  # an old one would end a series that went on
            return goal.reached(bins, rule, self.any_info)
        if aside.report is None:
            due = len(bins) % _ASK_EVERY == 0 and total(bins).seconds > goal.earliest_s - 2 * BIN_S
            aside.wanted = aside.wanted or due or bool(goal.reached(bins, rule, self.any_info))
            return ""
        self.report, aside.report = aside.report, None
        if self.report.octets > self.most_octets:
            self.impossible = True
            return ""
        return self._reached_there(self.report.bins, goal)

    def _reached_there(self, bins: Sequence[Bin], goal: Goal) -> str:
        if found := goal.reached(bins, FINE, self.any_info, "there"):
            return found
        if goal.earliest_s > FINE.earliest_s:
            return ""
        steady = last_steady(bins, FINE)
        return STABLE if steady is not None and steady.last >= len(bins) - FRESH_BINS else ""

    @property
    def most_octets(self) -> float:
        """What can have arrived at most: all that was given to our kernel."""
        return 1.01 * self._sent + 1e6

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
        """What of the octets of TCP is payload: 1 without TLS; records that we write are full ones."""
        return TLS_SHARE if self._target.far_end.tls else 1.0

    def settled(self) -> bool:
        """See `course.Transfer`: at the limit the receiver's newest report ends the transfer."""
        aside = self._aside
        if aside is None or not aside.alive:
            self.report = None
            return True
        if not self._asked_after_limit:
            self._asked_after_limit, aside.report, aside.wanted = True, None, True
        if aside.report is None:
            return False
        self.report = aside.report
        self.impossible = self.impossible or self.report.octets > self.most_octets
        return True

    def _begin_post(self, stream: Stream) -> None:
        target = self._target.url("empty.php", session=self._target.session, **self._slot)
        stream.head = http.request("POST", self._target.host, target, length=self._post)
        stream.left = self._post
        stream.counter.restart()
        stream.answer = http.Answer()

    def act(self, fd: int, event: int) -> None:
        """A stream can take more, or its server says something."""
        stream = self._streams.get(fd)
        if stream is None:
            return
        try:
            if stream.connecting:
                self._connected(stream)
            if stream.shaking:
                self._shake(stream)
                return
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

    def _connected(self, stream: Stream) -> None:
        finish_connect(stream.sock)
        stream.connecting = False
        if self._target.far_end.tls:
            from doxa_agent.speed import tls

            stream.sock = tls.wrap(stream.sock, self._target.far_end)
            stream.shaking = True

    def _shake(self, stream: Stream) -> None:
        from doxa_agent.speed import tls

        wanted = tls.advance(cast("ssl.SSLSocket", stream.sock))
        self._poller.modify(stream.sock, wanted or select.EPOLLIN | select.EPOLLOUT)
        if not wanted:
            stream.shaking = False
            stream.base = stream.counter.look(stream.sock)

    def _send(self, stream: Stream) -> None:
        try:
            if stream.head:
                stream.head = stream.head[stream.sock.send(stream.head) :]
            else:
                for _turn in range(self._turns):
                    if not stream.left:
                        break
                    sent = self._source.send(stream.sock, stream.counter.given, stream.left)
                    stream.left -= sent
                    stream.counter.given += sent
                    self._sent += sent
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
        """Look at the counters of every stream, and top up those whose sockets run low."""
        octets = self._before
        for stream in self._streams.values():
            if not stream.connecting:
                octets += stream.counter.look(stream.sock) - stream.base
        if time.monotonic() - self._began > RAMP_S and not self._target.far_end.tls:
            for stream in [s for s in self._streams.values() if s.counter.low]:
                self._top_up(stream)
        return octets * self.payload_share

    def _top_up(self, stream: Stream) -> None:
        """Fill a stream's socket, and let it rest or wake us by how long that stock will last."""
        if not stream.pours:
            return
        before = stream.counter.given
        try:
            self._send(stream)
        except OSError as error:
            self._lose(stream, reason_of(error))
            return
        if stream.pours:
            rests = stream.counter.filled(stream.sock, stream.counter.given - before)
            if rests is not stream.counter.rests:
                stream.counter.rests = rests
                self._poller.modify(stream.sock, select.EPOLLIN if rests else select.EPOLLIN | select.EPOLLOUT)

    def _sample(self, stream: Stream) -> None:
        if not stream.connecting:
            stream.info = read_tcp_info(stream.sock)
            stream.counter.look(stream.sock)

    def _lose(self, stream: Stream, reason: str) -> None:
        self.lost += 1
        self._retire(stream)
        self._fail_if_empty(reason)

    def _retire(self, stream: Stream) -> None:
        self._sample(stream)
        del self._streams[stream.sock.fileno()]
        self._done.append(stream)
        self._before += stream.counter.octets - stream.base
        self._poller.unregister(stream.sock)
        abort(stream.sock)

    def _fail_if_empty(self, reason: str) -> None:
        if not self._streams:
            raise Unreachable(reason)

    def close(self) -> None:
        """Reset what is left."""
        for stream in self._streams.values():
            abort(stream.sock)
        self._source.close()
