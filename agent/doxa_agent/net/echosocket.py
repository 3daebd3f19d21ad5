"""One ICMP socket of one address family, bound to a line: sends echo requests, collects stamped replies and ICMP errors.

One module, for what is laid out in memory for sending is what the replies are read back by.
"""

import errno
import secrets
import socket
import struct
from array import array
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from typing import Final, NamedTuple

from doxa_agent.meter import Link
from doxa_agent.net import echo, echorows
from doxa_agent.net.binding import FAMILIES, Unreachable, bind_socket
from doxa_agent.net.mmsg import Inbox, Outbox, read_controls
from doxa_agent.net.stamp import Moment, ask_for_stamps, now, stamp_of

_PROTOCOLS: Final = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
_RECVERR: Final = {4: (socket.IPPROTO_IP, 11), 6: (socket.IPPROTO_IPV6, 25)}  # IP_RECVERR, IPV6_RECVERR (linux/in.h)
CLASS: Final = {4: (socket.IPPROTO_IP, socket.IP_TOS), 6: (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)}
"""The socket option that holds the DSCP, shifted left by two (RFC 2474), by family."""
_EXTENDED_ERROR: Final = struct.Struct("=IB")  # the head of struct sock_extended_err: errno, origin
_FROM_NETWORK: Final = frozenset({2, 3})  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6
_FROM_STAMPING: Final = 4  # SO_EE_ORIGIN_TIMESTAMPING
_SOL_RAW: Final = 255
_RAW_FILTERS: Final = {  # which ICMP types a raw socket delivers: a set bit blocks (linux/icmp.h; RFC 3542 §3.2)
    4: (_SOL_RAW, 1, struct.pack("=I", 0xFFFFFFFF & ~(1 << echo.REPLY[4]))),
    6: (
        socket.IPPROTO_ICMPV6,
        1,
        struct.pack("=8I", *(0xFFFFFFFF & ~((1 << 1) if word == 4 else 0) for word in range(8))),
    ),
}
_SO_MEMINFO: Final = 55
_MEMORY: Final = struct.Struct("=9I")  # the last of the nine is SK_MEMINFO_DROPS (linux/sock_diag.h)
_QUEUE_BYTES: Final = 1 << 20
ROWS: Final = 64
"""The least room for packets, in each direction."""
_MOST_ROWS: Final = 512
_ROUNDS: Final = 4
"""So many rounds of a run may be gathered before they are read."""
_MANY: Final = 64
"""A bound for one drain, so that a flood cannot hold the loop: at least 64 × 64 packets."""
_RETRIES: Final = 8

NOT_PERMITTED: Final = "icmp_not_permitted"
"""The code for what could not be told because neither net.ipv4.ping_group_range nor CAP_NET_RAW lets this process ping."""
REASONS: Final = {
    errno.ENETUNREACH: "net_unreachable",
    errno.EHOSTUNREACH: "host_unreachable",
    errno.ECONNREFUSED: "port_unreachable",
    errno.ENOPROTOOPT: "protocol_unreachable",
    errno.EACCES: "prohibited",
    errno.EPERM: "refused_locally",
    errno.ENETDOWN: "interface_down",
    errno.ENODEV: "interface_absent",
    errno.ENXIO: "interface_absent",
    errno.EADDRNOTAVAIL: "no_address",
    errno.EMSGSIZE: "packet_too_big",
    errno.ENOBUFS: "queue_full",
    errno.EAGAIN: "queue_full",
    errno.ETIMEDOUT: "no_reply",
}
"""What an errno of the kernel means for a request, as a reason code."""


def reason_of(number: int | None) -> str:
    """The reason code for an errno."""
    return REASONS.get(number or 0) or errno.errorcode.get(number or 0, "unknown_error").lower()


Answer = tuple[int, int, bytes, int | None, int | None]
"""One reply that carries our token: place, sequence, who sent it (address octets), the kernel's receive stamp (realtime
nanoseconds), and the delay in nanoseconds where the kernel itself tells it (a TCP handshake). Plain, for there are many."""

Departure = tuple[int, int, int]
"""Place, sequence, and the kernel's transmit stamp (realtime nanoseconds)."""


class Refusal(NamedTuple):
    """An ICMP error about one of our requests."""

    mark: echo.Mark | None
    """None where the router quoted too little to tell which."""
    host: bytes
    """To whom the request went, as address octets."""
    reason: str


class Harvest(NamedTuple):
    """What a drain brought in."""

    answers: Iterable[Answer]
    refusals: list[Refusal]
    departures: Iterable[Departure]
    """Transmit stamps, where the driver gives them."""
    gathered: Sequence[tuple[Iterable[Answer], Moment]] = ()
    """Answers that were taken out of the kernel's queue before, and by when."""


class Line(NamedTuple):
    """A far end as a socket asks it."""

    place: int
    """Its index in the run."""
    address: tuple[str | int, ...]
    """As the socket calls want it."""
    host: bytes
    """The address octets."""


class Sending(NamedTuple):
    """How a batch left: when, and what is not so for all of it."""

    moment: Moment
    others: dict[int, Moment]
    """Places whose requests left in a later call, and when."""
    refused: dict[int, str]
    """Places whose request the kernel would not send, with a reason code."""


class Batch:
    """Requests that leave together, laid out in memory once: only the sequence changes."""

    def __init__(self, lines: Sequence[Line], outbox: Outbox) -> None:
        self.places, self.outbox, self.size = array("I", (line.place for line in lines)), outbox, len(lines)
        self._seq = bytearray(4)

    def number(self, seq: int) -> None:
        """Write the sequence, 0 at first, into all requests: only the octets that change, each as one column."""
        memory, name, row = self.outbox.memory, self.outbox.name, self.outbox.row
        for turn in range(4):
            octet = seq >> 24 - 8 * turn & 0xFF
            if octet != self._seq[turn]:
                column = bytes((octet,)) * self.size
                memory[name + _SEQ_AT + turn :: row] = column
                if turn >= 2:
                    memory[name + _SHORT_AT + turn - 2 :: row] = column
                self._seq[turn] = octet


class NotPermitted(Exception):  # noqa: N818 - a fork in the road: the next way is tried
    """This system allows this process neither datagram nor raw ICMP sockets."""


def may_ping(family: int) -> bool:
    """Whether this process gets an ICMP socket of that family, in either way; True where it has not the family at all."""
    try:
        _open(family)[1].close()
    except NotPermitted:
        return False
    except Unreachable:
        return True
    return True


class EchoSocket:
    """ICMP echo over one socket, whatever the number of far ends.

    First choice is a datagram socket (allowed by net.ipv4.ping_group_range, for both families), then a raw one
    (CAP_NET_RAW). Raises `NotPermitted`, or `Unreachable` where the line cannot carry this family.
    """

    def __init__(
        self, family: int, link: Link, token: bytes, payload: int, *, dscp: int = 0, far_ends: int = 1
    ) -> None:
        self.family = family
        self.way, self._socket = _open(family)
        self._token, self._payload = token, payload
        self._recverr = _RECVERR[family]
        self._raw = self.way == "icmp_raw"
        self._sum_ours = self._raw and family == 4
        self._identifier = secrets.randbits(16)
        self._answers: list[Iterable[Answer]] = []
        self._answers_before: list[tuple[Iterable[Answer], Moment]] = []
        self._refusals: list[Refusal] = []
        self._departures: list[Iterable[Departure]] = []
        self._gathered: list[tuple[int, Moment]] = []
        """By when the first so many rows of the inbox were filled."""
        self.stamped = False
        """Whether the kernel's stamps have been seen to work: then nothing is lost by reading replies later."""
        self._departing = False
        """Whether transmit stamps have been seen: then requests may leave in one call, each with its own stamp."""
        self._icmp_at = echorows.IPV4_HEADER if self._sum_ours else 0
        self._own: int | None = None
        """Where in a row of the error queue the token of our own frames begins, once it is known."""
        try:
            self._socket.settimeout(0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE_BYTES)
            self._socket.setsockopt(*_RECVERR[family], 1)
            if dscp:
                self._socket.setsockopt(*CLASS[family], dscp << 2)
            ask_for_stamps(self._socket)
            if self._raw:
                self._socket.setsockopt(*_RAW_FILTERS[family])
            bind_socket(self._socket, link, family)
        except BaseException:
            self._socket.close()
            raise
        name = echorows.NAME[family]
        rows = max(ROWS, min(_MOST_ROWS, _ROUNDS * far_ends))
        self._inbox = Inbox(rows, name, echorows.STAMP_CONTROL, echorows.REPLY_DATA)
        self._errors = Inbox(rows, name, echorows.CONTROL, echorows.OWN_DATA)

    def fileno(self) -> int:
        """The descriptor, for polling."""
        return self._socket.fileno()

    @property
    def lasting(self) -> bool:
        """Whether the kernel is known to stamp on while nobody reads."""
        return self.stamped or self._departing

    def overflowed(self) -> int:
        """Packets that the kernel dropped because this socket's queue was full (SO_MEMINFO, Linux ≥ 4.12)."""
        try:
            found = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMORY.size)
        except OSError:
            return 0
        return int(_MEMORY.unpack(found)[-1]) if len(found) == _MEMORY.size else 0

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def batch(self, lines: Sequence[Line]) -> Batch:
        """The requests to these far ends, ready to be sent again and again."""
        name, length = echorows.NAME[self.family], 8 + self._payload
        found = Batch(lines, Outbox(len(lines), name, length))
        packet = echo.request(self.family, self._token, echo.Mark(0, 0), self._payload, self._identifier)
        memory, row, place_at = found.outbox.memory, found.outbox.row, name + _PLACE_AT
        memory[:] = (bytes(name) + packet) * len(lines)
        for start, line in zip(range(0, len(memory), row), lines, strict=True):
            memory[start : start + name] = _socket_address(self.family, line)
            _PLACE.pack_into(memory, start + place_at, line.place)
        return found

    def send(self, batch: Batch, seq: int) -> Sending:
        """Send the request number `seq` to each far end of the batch, beginning with another one each time."""
        batch.number(seq)
        if self._sum_ours:
            _sum_up(batch)
        size, first = batch.size, seq % batch.size
        window = size if self._departing else 1
        moment = now()
        done = self._try(batch, first, window)
        if done == size:
            return Sending(moment, {}, {})
        return self._send_rest(batch, first, done, moment)

    def _try(self, batch: Batch, first: int, many: int) -> int:
        """How many requests the kernel took, -errno where none."""
        try:
            return batch.outbox.send(self._socket.fileno(), first, many)
        except OSError as error:
            return -(error.errno or errno.EIO)

    def _send_rest(self, batch: Batch, first: int, done: int, moment: Moment) -> Sending:
        """The rest of a batch, of which `done` requests left at `moment`, or which was refused with the errno -`done`."""
        sent, refused, others = max(0, done), {}, {}
        failed = -done if done < 0 else 0
        tries = 0
        while sent < batch.size:
            if failed and not (self._read_errors() and tries < _RETRIES):
                # A waiting ICMP error about an earlier request is reported by the next call, whomever that is for.
                refused[batch.places[(first + sent) % batch.size]] = reason_of(failed)
                sent, failed, tries = sent + 1, 0, 0
                continue
            tries += 1
            window = batch.size - sent if self._departing else 1
            left = now()
            done = self._try(batch, (first + sent) % batch.size, window)
            failed = -done if done < 0 else 0
            if done > 0:
                for turn in range(sent, sent + done):
                    others[batch.places[(first + turn) % batch.size]] = left
                sent, tries = sent + done, 0
        return Sending(moment, others, refused)

    def gather(self, sent: int) -> bool:
        """Take what waits out of the kernel's queues, to be read later; False where it is time for `drain`.

        `sent` is how many requests left since the last call. Only once both stamps have been seen: else the moment of
        reading counts.
        """
        if not (self.stamped and self._own is not None) or min(self._inbox.room, self._errors.room) <= sent:
            return False
        try:
            self._errors.more(self._socket.fileno(), socket.MSG_ERRQUEUE)
            self._inbox.more(self._socket.fileno())
        except OSError:  # an ICMP error waits
            return False
        self._gathered.append((self._inbox.filled, now()))
        return bool(self._inbox.room and self._errors.room)

    def drain(self) -> Harvest:
        """All that was gathered and all that waits: transmit stamps, replies, ICMP errors."""
        self._read_errors()
        for _ in range(_MANY):
            if not self._inbox.room:
                self._read_answers()
            try:
                self._inbox.more(self._socket.fileno())
            except OSError:  # an ICMP error waits: no fault of this socket
                if not self._read_errors():
                    break
                continue
            if self._inbox.room:
                break
        self._read_answers()
        answers, departures = chain.from_iterable(self._answers), chain.from_iterable(self._departures)
        harvest = Harvest(answers, self._refusals, departures, self._answers_before)
        self._answers, self._refusals, self._departures, self._answers_before = [], [], [], []
        return harvest

    def _read_answers(self) -> None:
        """The replies in the inbox, in the portions in which they were gathered."""
        first = 0
        for after, moment in self._gathered:
            self._answers_before.append((self._read_rows(first, after), moment))
            first = after
        self._answers.append(self._read_rows(first, self._inbox.filled))
        self._gathered.clear()
        self._inbox.clear()

    def _read_rows(self, first: int, after: int) -> Iterable[Answer]:
        """Some replies, by columns where all are of the usual shape: each then costs next to nothing."""
        many = after - first
        if not many:
            return ()
        box, icmp = self._inbox, self._inbox.name + self._inbox.control + self._icmp_at
        if (
            (marks := echorows.marks_of(box, self._token, icmp + 8, first, after)) is not None
            and echorows.are_replies(box, self.family, marks[1], icmp, first, after)
            and (stamps := echorows.stamps_of(box, first, after)) is not None
            and min(box.lengths(first, after))[0] >= self._icmp_at + _WHOLE
        ):
            self.stamped = True
            return zip(
                *marks, echorows.hosts_of(box, self.family, first, after), stamps, repeat(None, many), strict=True
            )
        found = (self._read_answer(*self._inbox.parts(turn)) for turn in range(first, after))
        return [answer for answer in found if answer is not None]

    def _read_answer(self, name: bytes, controls: bytes, packet: bytes) -> Answer | None:
        if self._sum_ours:
            packet = echo.strip_ip_header(packet)
        mark = echo.read_reply(packet, self.family, self._token)
        if mark is None:
            return None
        stamp = stamp_of(read_controls(controls))
        self.stamped = stamp is not None
        return (*mark, echorows.host_of(name, self.family), stamp, None)

    def _read_errors(self) -> int:
        """Read what was gathered from the error queue and what waits there (ip(7), IP_RECVERR); how many errors the
        network had sent.
        """
        errors = 0
        for _ in range(_MANY):
            if not self._errors.room:
                errors += self._read_departures()
            try:
                self._errors.more(self._socket.fileno(), socket.MSG_ERRQUEUE)
            except OSError:
                break
            if self._errors.room:
                break
        return errors + self._read_departures()

    def _read_departures(self) -> int:
        """The transmit stamps among what the error queue gave; all else goes its own way."""
        errors = 0
        for first in range(0, self._errors.filled, ROWS):
            after = min(first + ROWS, self._errors.filled)
            if not self._read_own(first, after):
                errors += sum(self._read_error(*self._errors.parts(turn)) for turn in range(first, after))
        self._errors.clear()
        return errors

    def _read_own(self, first: int, after: int) -> bool:
        """What the error queue gave, by columns; False where one of it is no transmit stamp of the usual shape."""
        if self._own is None:
            return False
        marks = echorows.marks_of(self._errors, self._token, self._own, first, after)
        stamps = echorows.stamps_of(self._errors, first, after)
        if marks is None or stamps is None or not echorows.origins_are(self._errors, _FROM_STAMPING, first, after):
            return False
        self._departures.append(zip(*marks, stamps, strict=True))
        return True

    def _read_error(self, name: bytes, controls: bytes, packet: bytes) -> int:
        """One packet of the error queue: 1 where the network had sent an error, 0 for a transmit stamp."""
        number, origin, stamp = self._read_control(controls)
        if origin == _FROM_STAMPING:
            mark = echo.read_own(packet, self._token)
            if stamp is not None and mark is not None:
                self._departures.append([(*mark, stamp)])
                self._learn(packet.find(self._token))
            return 0
        if origin not in _FROM_NETWORK:
            return 0
        mark = echo.read_quoted(packet, self.family, self._token)
        if mark is not None or not self._raw:  # a raw socket hears of other programs' requests too
            self._refusals.append(Refusal(mark, echorows.host_of(name, self.family), reason_of(number)))
        return 1

    def _learn(self, token_at: int) -> None:
        """From now on our own frames are read in one go; the link's header is always as long as now."""
        self._departing = True
        if token_at + echo.TOKEN_BYTES + _MARK_BYTES <= echorows.OWN_DATA:
            self._own = self._errors.name + self._errors.control + token_at

    def _read_control(self, octets: bytes) -> tuple[int, int, int | None]:
        """The errno, its origin and the stamp of what the error queue gave."""
        number = origin = 0
        controls = list(read_controls(octets))
        for level, kind, content in controls:
            if kind == self._recverr[1] and level == self._recverr[0] and len(content) >= _EXTENDED_ERROR.size:
                number, origin = _EXTENDED_ERROR.unpack_from(content)
        return number, origin, stamp_of(controls) if origin == _FROM_STAMPING else None


_SHORT_AT: Final = 6
"""Where the ICMP header has its 16 bits of the sequence …"""
_PLACE: Final = struct.Struct("!I")
_PLACE_AT: Final = 8 + echo.TOKEN_BYTES
_SEQ_AT: Final = _PLACE_AT + _PLACE.size
"""… and where, behind token and place, the whole of it is."""
_MARK_BYTES: Final = 8
_WHOLE: Final = 8 + echo.MIN_PAYLOAD


def _sum_up(batch: Batch) -> None:
    """The checksums that a raw IPv4 socket leaves to us."""
    memory, row, name = batch.outbox.memory, batch.outbox.row, batch.outbox.name
    for start in range(name, batch.size * row, row):
        memory[start + 2 : start + 4] = b"\0\0"
        total = echo.internet_checksum(bytes(memory[start : start + row - name]))
        memory[start + 2 : start + 4] = total.to_bytes(2, "big")


def _socket_address(family: int, line: Line) -> bytes:
    """A struct sockaddr_in or sockaddr_in6, without a port: for a raw IPv6 socket that would be a protocol number."""
    if family == 4:
        return struct.pack("=H2x4s8x", socket.AF_INET, line.host)
    scope = int(line.address[3]) if len(line.address) > 3 else 0
    return struct.pack("=H2x4x16sI", socket.AF_INET6, line.host, scope)


def _open(family: int) -> tuple[str, socket.socket]:
    for way, kind in (("icmp_datagram", socket.SOCK_DGRAM), ("icmp_raw", socket.SOCK_RAW)):
        try:
            return way, socket.socket(FAMILIES[family], kind, _PROTOCOLS[family])
        except PermissionError:
            continue
        except OSError:  # the family is switched off in this kernel, or it has no such sockets
            raise Unreachable("family_unavailable") from None
    raise NotPermitted
