"""One question to one server and its answer: UDP with retransmissions, TCP where the answer is cut (RFC 1035 §4.2, RFC 7766).

Each retransmission has an identifier of its own, so the round trip is that of the question that was answered, never of
another one; an answer to an earlier one still counts. The socket is connected: the kernel takes packets from the
server's address and port alone. What does not answer our question is ignored and counted (RFC 5452 §9).
"""

import contextlib
import errno
import secrets
import select
import socket
import struct
import time
from dataclasses import dataclass
from typing import Final, NamedTuple

from doxa_agent.dns import message
from doxa_agent.dns.message import Message, Question
from doxa_agent.dns.name import Malformed
from doxa_agent.meter import Deadline, Link
from doxa_agent.net.binding import FAMILIES, LinkUnusable, Unreachable, bind_socket
from doxa_agent.net.echosocket import reason_of
from doxa_agent.net.proof import prove_socket
from doxa_core.measurement import LinkProof

_SLICE_S: Final = 0.25
"""The longest wait that a cancel does not interrupt."""
_MOST_ODD: Final = 1000
"""Packets that do not fit, from which on we stop reading: somebody floods."""
_LARGEST: Final = 65_535
_LENGTH: Final = struct.Struct("!H")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Whom we ask."""

    address: str
    family: int
    port: int = 53


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How we ask."""

    timeout_s: float = 2.0
    """After so long without an answer the question is sent again."""
    tries: int = 3
    """So often at most."""
    tcp: bool = False
    """Ask over TCP from the start."""
    ad: bool = True
    dnssec: bool = False

    @property
    def patience_s(self) -> float:
        """How long one transport is tried at most."""
        return self.timeout_s * self.tries


@dataclass(slots=True)
class Tally:
    """What happened on the way, also where no answer came."""

    sent: int = 0
    """Questions sent over UDP."""
    unmatched: int = 0
    """Messages that answer another question than ours: late ones, or forged."""
    malformed: int = 0
    """Packets with our identifier that are no DNS message."""
    last_malformed: str = ""
    truncated: bool = False
    tcp: bool = False
    """The answer came over TCP, or was asked for over it last."""
    edns_refused: bool = False
    proof: LinkProof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A message that answers our question."""

    message: Message
    took_s: float
    """From the first sending to this answer, with retransmissions and the change to TCP."""
    rtt_s: float
    """From the sending of the question that was answered; over TCP without the connecting."""
    octets: int


def ask(server: Server, question: Question, policy: Policy, link: Link, deadline: Deadline, tally: Tally) -> Answered:
    """The server's answer. Raises `Unreachable`: `no_answer`, `malformed_answer`, `port_unreachable` …, or of the line.

    A server that does not know EDNS is asked again without it (RFC 6891 §6.2.2).
    """
    began = time.monotonic()
    found = _ask_once(server, question, policy, link, deadline, tally, edns=True)
    if found.message.rcode in (message.FORMERR, message.NOTIMP) and found.message.edns is None:
        tally.edns_refused = True
        found = _ask_once(server, question, policy, link, deadline, tally, edns=False)
    return Answered(message=found.message, took_s=found.at_s - began, rtt_s=found.rtt_s, octets=found.octets)


class _Reply(NamedTuple):
    """An answer and the moment of the monotonic clock at which it came."""

    message: Message
    at_s: float
    rtt_s: float
    octets: int


def _ask_once(
    server: Server, question: Question, policy: Policy, link: Link, deadline: Deadline, tally: Tally, *, edns: bool
) -> _Reply:
    """The answer over UDP, or over TCP where it is cut."""
    if not policy.tcp:
        found = _over_udp(server, question, policy, link, deadline, tally, edns=edns)
        if not found.message.truncated:
            return found
        tally.truncated = True
    tally.tcp = True
    return _over_tcp(server, question, policy, link, deadline, tally, edns=edns)


def _over_udp(
    server: Server, question: Question, policy: Policy, link: Link, deadline: Deadline, tally: Tally, *, edns: bool
) -> _Reply:
    with _open(server, link, socket.SOCK_DGRAM) as sock:
        _connect(sock, server)
        tally.proof = prove_socket(sock, server.address, link)
        sent: dict[int, float] = {}
        for _ in range(policy.tries):
            number = _fresh(sent)
            sent[number] = time.monotonic()
            tally.sent += 1
            try:
                sock.send(message.query(number, question, edns=edns, ad=policy.ad, dnssec=policy.dnssec))
            except OSError as error:
                raise Unreachable(_reason(error)) from None
            if found := _await_datagram(sock, question, sent, policy.timeout_s, deadline, tally):
                return found
            if deadline.over:
                break
    if deadline.over:
        raise Unreachable("cut_short")
    raise Unreachable("malformed_answer" if tally.malformed else "no_answer")


def _fresh(used: dict[int, float]) -> int:
    while (number := secrets.randbits(16)) in used:
        pass
    return number


def _open(server: Server, link: Link, kind: socket.SocketKind) -> socket.socket:
    try:
        sock = socket.socket(FAMILIES[server.family], kind)
    except OSError:
        raise LinkUnusable("no_address") from None
    try:
        sock.settimeout(0)
        bind_socket(sock, link, server.family)
    except BaseException:
        sock.close()
        raise
    return sock


def _connect(sock: socket.socket, server: Server) -> None:
    code = sock.connect_ex((server.address, server.port))
    if code not in (0, errno.EINPROGRESS):
        raise Unreachable(_reason(OSError(code, "")))


def _reason(error: OSError) -> str:
    """`no_route` is how all meters call what the routing table does not lead to."""
    return "no_route" if error.errno == errno.ENETUNREACH else reason_of(error.errno)


def _ready(sock: socket.socket, events: int, until: float, deadline: Deadline) -> bool:
    """Wait for the socket, at most until then; False when time is up."""
    poll = select.poll()
    poll.register(sock, events)
    while not deadline.over:
        left = until - time.monotonic()
        if left <= 0:
            return False
        if poll.poll(min(left, _SLICE_S) * 1000):
            return True
    return False


def _await_datagram(
    sock: socket.socket, question: Question, sent: dict[int, float], patience_s: float, deadline: Deadline, tally: Tally
) -> _Reply | None:
    until = time.monotonic() + patience_s
    while _ready(sock, select.POLLIN, until, deadline):
        now = time.monotonic()
        try:
            octets = sock.recv(_LARGEST)
        except BlockingIOError:  # a wrong checksum is dropped between poll and recv
            continue
        except OSError as error:
            raise Unreachable(_reason(error)) from None
        if found := _matching(octets, question, sent, tally):
            since = sent[found.id]
            return _Reply(found, now, now - since, len(octets))
        if tally.unmatched + tally.malformed > _MOST_ODD:
            break
    return None


def _matching(octets: bytes, question: Question, sent: dict[int, float], tally: Tally) -> Message | None:
    """The message, if it answers one of our questions."""
    if message.number_of(octets) not in sent:
        tally.unmatched += 1
        return None
    try:
        found = message.decode(octets)
    except Malformed as malformed:
        if (
            octets[2] & 0x82 == 0x82
        ):  # QR and TC: cut so that the last record is not whole; it has to be asked for again
            with contextlib.suppress(Malformed):
                return _first_part(octets, question)
        tally.malformed += 1
        tally.last_malformed = malformed.what
        return None
    if not _answers(found, question):
        tally.unmatched += 1
        return None
    return found


def _first_part(octets: bytes, question: Question) -> Message | None:
    """Header and question of a truncated message whose records are cut."""
    head = message.decode(octets[:6] + bytes(6) + octets[12:])
    return head if _answers(head, question) else None


def _answers(found: Message, question: Question) -> bool:
    if not found.response or found.opcode != 0:
        return False
    if not found.questions:  # an error that repeats only the header (RFC 1035 §4.1.1 of a server that reads no EDNS)
        return found.rcode != message.NOERROR
    return len(found.questions) == 1 and question.fits(found.questions[0])


def _over_tcp(
    server: Server, question: Question, policy: Policy, link: Link, deadline: Deadline, tally: Tally, *, edns: bool
) -> _Reply:
    until = time.monotonic() + policy.patience_s
    with _open(server, link, socket.SOCK_STREAM) as sock:
        _connect(sock, server)
        if not _ready(sock, select.POLLOUT, until, deadline):
            raise Unreachable("cut_short" if deadline.over else "tcp_connect_timeout")
        if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise Unreachable("tcp_refused" if code == errno.ECONNREFUSED else _reason(OSError(code, "")))
        tally.proof = prove_socket(sock, server.address, link)
        number = secrets.randbits(16)
        asked = message.query(number, question, edns=edns, ad=policy.ad, dnssec=policy.dnssec)
        since = time.monotonic()
        try:
            sock.send(_LENGTH.pack(len(asked)) + asked)  # so few octets fit into any buffer
            while True:
                octets = _framed(sock, until, deadline)
                if found := _matching(octets, question, {number: since}, tally):
                    now = time.monotonic()
                    return _Reply(found, now, now - since, len(octets))
                if tally.malformed:
                    raise Unreachable("malformed_answer")
        except OSError:
            raise Unreachable("broke_off") from None


def _framed(sock: socket.socket, until: float, deadline: Deadline) -> bytes:
    """One message of the stream, behind its two octets of length (RFC 1035 §4.2.2)."""
    (length,) = _LENGTH.unpack(_exactly(sock, _LENGTH.size, until, deadline))
    return _exactly(sock, length, until, deadline)


def _exactly(sock: socket.socket, count: int, until: float, deadline: Deadline) -> bytes:
    found = b""
    while len(found) < count:
        if not _ready(sock, select.POLLIN, until, deadline):
            raise Unreachable("cut_short" if deadline.over else "no_answer")
        try:
            piece = sock.recv(count - len(found))
        except BlockingIOError:
            continue
        if not piece:
            raise Unreachable("broke_off")
        found += piece
    return found
