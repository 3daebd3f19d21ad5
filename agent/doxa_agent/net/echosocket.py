"""One ICMP socket of one address family, bound to a line: sends echo requests, collects stamped replies and ICMP errors."""

import errno
import secrets
import socket
import struct
from collections.abc import Sequence
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
_ROWS: Final = 64
_MANY: Final = 64
"""A bound for one drain, so that a flood cannot hold the loop: 64 × 64 packets."""
_RETRIES: Final = 8
_SECOND: Final = 1_000_000_000

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

    answers: list[Answer]
    refusals: list[Refusal]
    departures: list[Departure]
    """Transmit stamps, where the driver gives them."""


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
        self.lines, self.outbox, self.size = tuple(lines), outbox, len(lines)
        start = outbox.name + 6  # the sequence's place in the ICMP header
        self.marks = tuple((start + turn * outbox.row, line.place) for turn, line in enumerate(self.lines))


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

    def __init__(self, family: int, link: Link, token: bytes, payload: int, *, dscp: int = 0) -> None:
        self.family = family
        self.way, self._socket = _open(family)
        self._token, self._payload = token, payload
        self._recverr = _RECVERR[family]
        self._raw = self.way == "icmp_raw"
        self._sum_ours = self._raw and family == 4
        self._identifier = secrets.randbits(16)
        self._answers: list[Answer] = []
        self._refusals: list[Refusal] = []
        self._departures: list[Departure] = []
        self.stamped = False
        """Whether the kernel's stamps have been seen to work: then nothing is lost by reading replies later."""
        self._departing = False
        """Whether transmit stamps have been seen: then requests may leave in one call, each with its own stamp."""
        self._row = echorows.reply_row(family, raw=self._raw)
        self._own: struct.Struct | None = None
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
        self._inbox = Inbox(_ROWS, name, echorows.CONTROL, echorows.REPLY_DATA)
        self._errors = Inbox(_ROWS, name, echorows.CONTROL, echorows.OWN_DATA)

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
        for turn, line in enumerate(lines):
            start = turn * found.outbox.row
            packet = echo.request(self.family, self._token, echo.Mark(line.place, 0), self._payload, self._identifier)
            found.outbox.memory[start : start + name + length] = _socket_address(self.family, line) + packet
        return found

    def send(self, batch: Batch, seq: int) -> Sending:
        """Send the request number `seq` to each far end of the batch, beginning with another one each time."""
        write, memory, short, token = _TAIL.pack_into, batch.outbox.memory, seq & 0xFFFF, self._token
        for offset, place in batch.marks:
            write(memory, offset, short, token, place, seq)
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
                refused[batch.lines[(first + sent) % batch.size].place] = reason_of(failed)
                sent, failed, tries = sent + 1, 0, 0
                continue
            tries += 1
            window = batch.size - sent if self._departing else 1
            left = now()
            done = self._try(batch, (first + sent) % batch.size, window)
            failed = -done if done < 0 else 0
            if done > 0:
                for turn in range(sent, sent + done):
                    others[batch.lines[(first + turn) % batch.size].place] = left
                sent, tries = sent + done, 0
        return Sending(moment, others, refused)

    def drain(self) -> Harvest:
        """All that waits: transmit stamps, replies, ICMP errors."""
        self._read_errors()
        for _ in range(_MANY):
            try:
                found = self._inbox.receive(self._socket.fileno())
            except OSError:  # an ICMP error waits: no fault of this socket
                if not self._read_errors():
                    break
                continue
            if found:
                self._read_answers()
            if found < _ROWS:
                break
        harvest = Harvest(self._answers, self._refusals, self._departures)
        self._answers, self._refusals, self._departures = [], [], []
        return harvest

    def _read_answers(self) -> None:
        """The replies in the inbox; each usual one costs a few comparisons."""
        head_as, kind_as, token_as = echorows.STAMP_HEAD, bytes((echo.REPLY[self.family], 0)), self._token
        add, mark_of, least = self._answers.append, _MARK.unpack, _WHOLE_RAW if self._sum_ours else _WHOLE
        odd: list[int] = []
        usual = 0
        rows = zip(self._inbox.lengths(), self._row.iter_unpack(self._inbox.used()), strict=True)
        for turn, ((length,), (host, head, seconds, nanoseconds, kind, short, token, mark)) in enumerate(rows):
            if token == token_as and head == head_as and kind == kind_as and length >= least and short == mark[6:]:
                place, seq = mark_of(mark)
                add((place, seq, host, seconds * _SECOND + nanoseconds, None))
                usual += 1
            else:
                odd.append(turn)
        for turn in odd:
            self._read_answer(*self._inbox.parts(turn))
        if usual:
            self.stamped = True

    def _read_answer(self, name: bytes, controls: bytes, packet: bytes) -> None:
        if self._sum_ours:
            packet = echo.strip_ip_header(packet)
        mark = echo.read_reply(packet, self.family, self._token)
        if mark is not None:
            stamp = stamp_of(read_controls(controls))
            self.stamped = stamp is not None
            self._answers.append((*mark, echorows.host_of(name, self.family), stamp, None))

    def _read_errors(self) -> int:
        """Take what waits in the error queue (ip(7), IP_RECVERR); how many errors the network had sent."""
        errors = 0
        for _ in range(_MANY):
            try:
                found = self._errors.receive(self._socket.fileno(), socket.MSG_ERRQUEUE)
            except OSError:
                break
            if found:
                errors += self._read_departures(found)
            if found < _ROWS:
                break
        return errors

    def _read_departures(self, found: int) -> int:
        """The transmit stamps among what the error queue gave; all else goes its own way."""
        if self._own is None:
            return sum(self._read_error(*self._errors.parts(turn)) for turn in range(found))
        head_as, token_as = echorows.STAMP_HEAD, self._token
        add, mark_of, errors = self._departures.append, _MARK.unpack, 0
        rows = self._own.iter_unpack(self._errors.used())
        for turn, (head, seconds, nanoseconds, origin, token, mark) in enumerate(rows):
            if token == token_as and head == head_as and origin == _FROM_STAMPING:
                place, seq = mark_of(mark)
                add((place, seq, seconds * _SECOND + nanoseconds))
            else:
                errors += self._read_error(*self._errors.parts(turn))
        return errors

    def _read_error(self, name: bytes, controls: bytes, packet: bytes) -> int:
        """One packet of the error queue: 1 where the network had sent an error, 0 for a transmit stamp."""
        number, origin, stamp = self._read_control(controls)
        if origin == _FROM_STAMPING:
            mark = echo.read_own(packet, self._token)
            if stamp is not None and mark is not None:
                self._departures.append((*mark, stamp))
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
        if token_at + echo.TOKEN_BYTES + _MARK.size <= echorows.OWN_DATA:
            self._own = echorows.own_row(self.family, token_at)

    def _read_control(self, octets: bytes) -> tuple[int, int, int | None]:
        """The errno, its origin and the stamp of what the error queue gave."""
        number = origin = 0
        controls = list(read_controls(octets))
        for level, kind, content in controls:
            if kind == self._recverr[1] and level == self._recverr[0] and len(content) >= _EXTENDED_ERROR.size:
                number, origin = _EXTENDED_ERROR.unpack_from(content)
        return number, origin, stamp_of(controls) if origin == _FROM_STAMPING else None


_TAIL: Final = struct.Struct(f"!H{echo.TOKEN_BYTES}sII")
"""The part of a request that changes: the short sequence, then (unchanged) token and place, then the sequence."""
_MARK: Final = struct.Struct("!II")
_WHOLE: Final = 8 + echo.MIN_PAYLOAD
_WHOLE_RAW: Final = 20 + _WHOLE


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
