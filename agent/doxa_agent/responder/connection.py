"""One client's connection: reads a request, then discards its body, sends garbage or a short answer; never blocks."""

import math
import select
import socket
from enum import Enum, auto
from http import HTTPStatus
from typing import Final

from doxa_agent.directions import Direction
from doxa_agent.net import congestion
from doxa_agent.net.tcpinfo import ArrivedCounter, read_tcp_info
from doxa_agent.responder import answers
from doxa_agent.responder.admission import pace_socket
from doxa_agent.responder.house import BUFFER, CHUNK, House
from doxa_agent.responder.requests import HttpRequest, Refusal, head_size, parse_request
from doxa_agent.responder.sessions import Session, session_name
from doxa_agent.responder.slots import Slot
from doxa_agent.responder.window import Window

LOW_WATER: Final = 256 * 1024
NOTSENT: Final = 128 * 1024
MAX_CHUNKS: Final = 1024
TURN: Final = 4 * BUFFER
"""Octets that one connection may send before the next one has its turn; fewer where there are many (`Server`)."""
_PACED_QUEUE_S: Final = 0.002
_LEAST_UNSENT: Final = 16 * 1024
PIECE: Final = 4 * 1024
"""Of requests, read at once: what is pipelined in it is answered in one turn, so it bounds the turn."""
_DRAIN: Final = 16 * CHUNK


class Phase(Enum):
    """What a connection does now."""

    HEAD = auto()
    SINK = auto()
    SOURCE = auto()
    ANSWER = auto()
    LINGER = auto()
    OVER = auto()


class Connection:
    """The state of one connection. Every method returns at once; `phase` OVER asks the server to close it."""

    def __init__(self, sock: socket.socket, peer: str, house: House, now: float) -> None:
        self.sock = sock
        self.peer = peer
        self.owner = peer
        """Whose it is, for limits and accounts (`slots.owner_of`)."""
        self.phase = Phase.HEAD
        self.deadline = now + house.limits.idle_s
        self.paced = False
        self.blocked = False
        """A paced transfer whose client is slower than its turn: it waits for its socket and not for tokens."""
        self.queued = False
        """Whether it stands in the queue for tokens (the server's own mark)."""
        self.held = False
        """An upload without a slot that is read by the clock, because slots are promised."""
        self.turn = TURN
        self.sent = 0
        self.received = 0
        self.slot: Slot | None = None
        self._pace: float | None = None
        self._direction: Direction = "download"
        self._house = house
        self._received = b""
        self._out = b""
        self._left = 0
        self._read = 0
        self._base = 0
        self._after = Phase.HEAD
        self._counter = ArrivedCounter()
        self._session: Session | None = None
        self._low_water = 1
        self._window = Window(sock)

    @property
    def outlived(self) -> bool:
        """Whether a transfer's slot is over."""
        return self.slot is not None and self.slot.ended is not None and self.phase in (Phase.SOURCE, Phase.SINK)

    @property
    def interest(self) -> int:
        """The epoll events that this phase waits for; a paced transfer waits for its tokens instead."""
        if (self.paced and not self.blocked) or self.held:
            return 0
        return select.EPOLLOUT if self.phase in (Phase.ANSWER, Phase.SOURCE) else select.EPOLLIN

    def ready(self, now: float) -> None:
        """The socket can move: take the next step. `OSError` means that the client is gone."""
        if self.paced:
            self.blocked = False  # back to the queue for tokens
        elif self.phase is Phase.HEAD:
            self._read_head(now)
        elif self.phase is Phase.SINK:
            self.drain(now)
        elif self.phase is Phase.SOURCE:
            self._send_garbage(now)
        elif self.phase is Phase.ANSWER:
            self._flush(now)
        elif self.phase is Phase.LINGER and self._discard(CHUNK) == 0:
            self.phase = Phase.OVER
        self._take_requests(now)

    def _read_head(self, now: float) -> None:
        try:
            got = self.sock.recv(PIECE)
        except BlockingIOError:
            return
        if not got:
            self.phase = Phase.OVER
            return
        if not self._received:
            self.deadline = now + self._house.limits.head_s  # not moved by further bytes: no slow loris
        self._count_received(len(got))
        self._received += got

    def _count_received(self, octets: int) -> None:
        self._read += octets
        self.received += octets
        self._house.traffic.received += octets

    def _take_requests(self, now: float) -> None:
        """Every whole request that is at hand. A loop: a packet may hold hundreds, more than any stack is deep."""
        while self.phase is Phase.HEAD and self._received:
            try:
                size = head_size(self._received)
                if size is None:
                    return
                request = parse_request(self._received[:size])
                self._received = self._received[size:]
                self._begin(request, now)
            except Refusal as refusal:
                sentence = refusal.sentence or f"{HTTPStatus(refusal.status).phrase}\n"
                answer = refusal.answer or answers.text(refusal.status, sentence, keep=False)
                self._answer(answer, now, keep=False)

    def _begin(self, request: HttpRequest, now: float) -> None:
        self.deadline = now + self._house.limits.transfer_s
        self.slot = None
        name = self._endpoint(request.path)
        if request.method == "DELETE" and name != "slot":
            raise Refusal(405)
        if request.method == "OPTIONS":
            self._sink_then(answers.head(HTTPStatus.NO_CONTENT, 0, keep=request.keep_alive), request, now)
        elif name == "empty":
            self._upload(request, now)
        elif name == "garbage" and request.method == "GET" and request.length == 0:
            self._download(request, now)
        else:
            self._sink_then(self._short(name, request, now), request, now)

    def _endpoint(self, path: str) -> str:
        for root in self._house.roots:
            if path.startswith(root):
                return path.removeprefix(root).removesuffix(".php").lower()
        return ""

    def _short(self, name: str, request: HttpRequest, now: float) -> bytes:
        keep = request.keep_alive
        if name == "slot":
            return self._house.admission.answer(request, self.peer, now)
        if name not in ("getip", "received", "health"):
            raise Refusal(405 if name == "garbage" else 404)
        if request.method not in ("GET", "HEAD"):
            raise Refusal(405)
        if name == "getip":
            body = answers.address_answer(request, self.peer)
        elif name == "received":
            body = self._report(request)
        else:
            body = answers.json_answer(self._house.health(request, self.peer), keep=keep)
        return body.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if request.method == "HEAD" else body

    def _report(self, request: HttpRequest) -> bytes:
        name = session_name(request.query.get("session"))
        if name is None:
            raise Refusal(400)
        found = self._house.sessions.get(name) or Session(touched=0.0)
        return answers.json_answer(found.report(), keep=request.keep_alive)

    # --- garbage -----------------------------------------------------------------------------------------------------

    def _download(self, request: HttpRequest, now: float) -> None:
        self._direction, self.slot = "download", self._house.admission.admit(request, "download", now)
        asked = request.query.get("ckSize", "")
        chunks = min(MAX_CHUNKS, max(1, int(asked))) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 4
        wanted = request.query.get("congestion", "")
        known = wanted in congestion.available()
        used = congestion.choose(self.sock, wanted if known else self._house.congestion)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, self._unsent())
        self._left = chunks * CHUNK
        self._after = Phase.HEAD if request.keep_alive else Phase.OVER
        self._out = answers.garbage_head(self._left, keep=request.keep_alive, congestion=used)
        self.phase = Phase.SOURCE
        self.paced, self.blocked = self._house.down is not None, False
        self._send_garbage(now)

    def _unsent(self) -> int:
        """What the kernel may keep unsent. Tokens are spent on it: 200 full queues would burst past the pace."""
        bucket = self._house.down
        if bucket is None:
            return NOTSENT
        share = bucket.per_second * _PACED_QUEUE_S / (1 + self._house.traffic.transfers)
        return min(NOTSENT, max(_LEAST_UNSENT, round(share)))

    def _send_garbage(self, now: float) -> None:
        if not self.paced:
            self._send_some(self.turn, now)

    def move(self, most: int, now: float) -> int:
        """Move at most `most` octets of a paced transfer; how many went. 0 means that the client is slower."""
        moved = self._send_some(most, now) if self.phase is Phase.SOURCE else self.drain(now, most)
        self.blocked = self.paced and moved == 0
        self._take_requests(now)
        return moved

    def hold(self, per_second: float | None) -> None:
        """Give a transfer without a slot so many octets a second, None: all that its line takes."""
        if self.phase is Phase.SOURCE and per_second != self._pace:
            pace_socket(self.sock, per_second)
            self._pace = per_second
        self.held = self.phase is Phase.SINK and per_second is not None
        if self.phase is Phase.SINK:
            self._window.fit(per_second)

    def narrow(self, per_second: float) -> None:
        """Let the sender of a paced upload feel its share at once."""
        self._window.fit(per_second)

    def _send_some(self, most: int, now: float) -> int:
        if self._out:
            self._send_out()
        sent, most = 0, self._allowed(most)
        while not self._out and sent < min(most, self._left):
            try:
                new = self.sock.send(self._house.garbage[: min(BUFFER, most - sent, self._left - sent)])
            except BlockingIOError:
                break
            sent += new
            if new < BUFFER:
                break
        self._left -= sent
        self.sent += sent
        self._house.traffic.sent += sent
        if self._left == 0 and not self._out:
            self._finish(now)
        self._charge(sent, now)
        return sent

    def _allowed(self, most: int) -> int:
        """`most`, or what the slot still allows."""
        return most if self.slot is None else min(most, max(0, math.ceil(self.slot.left(self._direction))))

    def _charge(self, octets: int, now: float) -> None:
        """Put octets on the slot's account; the transfer ends with its slot."""
        slot = self.slot
        if slot is None:
            return
        if octets:
            self._house.admission.slots.move(slot, self._direction, octets, now)
        if slot.ended is not None or slot.left(self._direction) <= 0:
            self.phase = Phase.OVER

    # --- uploads -----------------------------------------------------------------------------------------------------

    def _upload(self, request: HttpRequest, now: float) -> None:
        answer = answers.head(HTTPStatus.OK, 0, keep=request.keep_alive)
        name = session_name(request.query.get("session"))
        if request.length:
            self._direction, self.slot = "upload", self._house.admission.admit(request, "upload", now)
            if self.slot is not None:
                self._window.fit(None)  # what came before it over this connection may have had none
            if name is not None:
                self._join(name, now)
        self._sink_then(answer, request, now)

    def _join(self, name: str, now: float) -> None:
        session = self._house.sessions.open(name, now)
        if session is not None and session is not self._session:
            self.leave()
            self._session, self._base = session, self._read - len(self._received)
            session.begin(now, id(self))
            session.counted = "read" if self._house.up is not None else session.counted

    def _sink_then(self, answer: bytes, request: HttpRequest, now: float) -> None:
        """Discard the body, then give `answer`."""
        self._out = answer
        self._after = Phase.HEAD if request.keep_alive else Phase.OVER
        at_hand = min(len(self._received), request.length)
        self._received = self._received[at_hand:]
        self._left = request.length - at_hand
        if self._left == 0:
            self._answer(answer, now, keep=request.keep_alive)
            return
        if request.expects_continue and not at_hand:
            self.sock.send(answers.CONTINUE)
        self.phase = Phase.SINK
        self.paced, self.blocked = self._house.up is not None, False
        self._set_low_water()

    def _set_low_water(self) -> None:
        """Wake-ups cost more than copies: wait for much at once. The server's timer drains what never becomes much."""
        wanted = LOW_WATER if self._left > 2 * LOW_WATER and not self.paced and self.phase is Phase.SINK else 1
        if wanted != self._low_water:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wanted)
            self._low_water = wanted

    def drain(self, now: float, most: int = _DRAIN) -> int:
        """Discard what has arrived of the body, at most `most` octets; how many."""
        taken, most = 0, self._allowed(most)
        while taken < most and self._left:
            wanted = min(most - taken, self._left, len(self._house.void))
            got = self._discard(wanted)
            if got == 0:
                self.phase = Phase.OVER
            if got <= 0:
                break
            taken += got
            self._left -= got
            if got < wanted:
                break
        self._set_low_water()
        if self._left == 0:
            self.sample()
            self._answer(self._out, now, keep=self._after is Phase.HEAD)
        self._charge(taken, now)
        self._take_requests(now)
        return taken

    def _discard(self, most: int) -> int:
        """Let the kernel discard at most `most` octets: how many, 0 at the end of the stream, -1 where none waits."""
        try:
            got = self.sock.recv_into(self._house.void, most, socket.MSG_TRUNC)
        except BlockingIOError:
            return -1
        self._count_received(got)
        return got

    def sample(self) -> None:
        """Bring the session's count up to now."""
        if self._session is None:
            return
        found = read_tcp_info(self.sock)
        octets = self._counter.update(found, self._read)
        if not self._counter.smooth or self._house.up is not None:
            octets, self._session.counted = float(self._read), "read"
        elif self._left == 0:  # the whole body was taken: that is exact, whatever segments said
            octets = float(self._read)
        self._session.mss = found.rcv_mss or self._session.mss
        self._session.live[id(self)] = max(octets - self._base, 0.0)

    def leave(self) -> None:
        """Close the account with the session."""
        if self._session is not None:
            self._session.close(id(self))
            self._session = None

    # --- answers -----------------------------------------------------------------------------------------------------

    def _answer(self, answer: bytes, now: float, *, keep: bool) -> None:
        self._out, self._after = answer, Phase.HEAD if keep else Phase.LINGER
        self.phase, self.paced, self.held = Phase.ANSWER, False, False
        self.deadline = now + self._house.limits.idle_s
        self._set_low_water()
        self._flush(now)

    def _flush(self, now: float) -> None:
        self._send_out()
        if not self._out:
            self._finish(now)

    def _send_out(self) -> None:
        try:
            sent = self.sock.send(self._out)
        except BlockingIOError:
            return
        self.sent += sent
        self._house.traffic.sent += sent
        self._out = self._out[sent:]

    def _finish(self, now: float) -> None:
        if self.phase is Phase.SOURCE:
            self.hold(None)
        self.phase, self.paced = self._after, False
        if self.phase is Phase.LINGER:  # closing with unread bytes would send a reset that overtakes our answer
            self.sock.shutdown(socket.SHUT_WR)
            self.deadline = now + self._house.limits.linger_s
        elif self.phase is Phase.HEAD:
            self.deadline = now + (self._house.limits.head_s if self._received else self._house.limits.idle_s)
