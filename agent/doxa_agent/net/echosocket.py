"""One ICMP socket of one address family, bound to a line: sends echo requests, collects stamped replies and ICMP errors."""

import errno
import secrets
import socket
import struct
from typing import Final, NamedTuple

from doxa_agent.meter import Link
from doxa_agent.net import echo
from doxa_agent.net.binding import FAMILIES, Unreachable, bind_socket
from doxa_agent.net.stamp import STAMP_ROOM, Moment, ask_for_stamps, now, stamp_of

_PROTOCOLS: Final = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
_RECVERR: Final = {4: (socket.IPPROTO_IP, 11), 6: (socket.IPPROTO_IPV6, 25)}  # IP_RECVERR, IPV6_RECVERR (linux/in.h)
_ERROR_ROOM: Final = STAMP_ROOM + socket.CMSG_SPACE(64)
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
_LARGEST: Final = 2048
_MANY: Final = 4096
"""A bound for one drain, so that a flood cannot hold the loop."""
_RETRIES: Final = 8

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


class Answer(NamedTuple):
    """One reply that carries our token."""

    mark: echo.Mark
    host: str
    """Who sent it."""
    stamp: int | None
    """The kernel's receive stamp, realtime nanoseconds."""
    delay: int | None = None
    """The round trip in nanoseconds where the kernel itself tells it (a TCP handshake)."""


class Refusal(NamedTuple):
    """An ICMP error about one of our requests."""

    mark: echo.Mark | None
    """None where the router quoted too little to tell which."""
    host: str
    """To whom the request went."""
    reason: str


class Harvest(NamedTuple):
    """What a drain brought in."""

    answers: list[Answer]
    refusals: list[Refusal]
    departures: list[tuple[echo.Mark, int]]
    """The kernel's transmit stamps (realtime nanoseconds) of requests, where the driver gives them."""


class NotPermitted(Exception):  # noqa: N818 - a fork in the road: the next way is tried
    """This system allows this process neither datagram nor raw ICMP sockets."""


class EchoSocket:
    """ICMP echo over one socket, whatever the number of far ends.

    First choice is a datagram socket (allowed by net.ipv4.ping_group_range, for both families), then a raw one
    (CAP_NET_RAW). Raises `NotPermitted`, or `Unreachable` where the line cannot carry this family.
    """

    def __init__(self, family: int, link: Link, token: bytes, payload: int) -> None:
        self.family = family
        self.way, self._socket = _open(family)
        self._token, self._payload = token, payload
        self._recverr = _RECVERR[family]
        self._raw = self.way == "icmp_raw"
        self._identifier = secrets.randbits(16)
        self._harvest = Harvest([], [], [])
        self.stamped = False
        """Whether the kernel's stamps have been seen to work: then nothing is lost by reading replies later."""
        try:
            self._socket.settimeout(0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE_BYTES)
            self._socket.setsockopt(*_RECVERR[family], 1)
            ask_for_stamps(self._socket)
            if self._raw:
                self._socket.setsockopt(*_RAW_FILTERS[family])
            bind_socket(self._socket, link, family)
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """The descriptor, for polling."""
        return self._socket.fileno()

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

    def send(self, mark: echo.Mark, address: tuple[str | int, ...]) -> tuple[Moment, str | None]:
        """Send one request: when, and a reason code where the kernel would not."""
        checksum = self._raw and self.family == 4
        packet = echo.request(self.family, self._token, mark, self._payload, self._identifier, checksum=checksum)
        for _ in range(_RETRIES):
            moment = now()
            try:
                self._socket.sendto(packet, address)
            except OSError as error:
                # A waiting ICMP error about an earlier request is reported by the next call, whomever that is for.
                if not self._read_errors():
                    return moment, reason_of(error.errno)
            else:
                return moment, None
        return now(), "queue_full"

    def drain(self) -> Harvest:
        """All that waits: transmit stamps, replies, ICMP errors."""
        self._read_errors()
        for _ in range(_MANY):
            try:
                packet, ancillary, _, sender = self._socket.recvmsg(_LARGEST, STAMP_ROOM)
            except BlockingIOError:
                break
            except OSError:  # an ICMP error waits: no fault of this socket
                if not self._read_errors():
                    break
                continue
            self._read_answer(packet, ancillary, sender[0])
        harvest, self._harvest = self._harvest, Harvest([], [], [])
        return harvest

    def _read_answer(self, packet: bytes, ancillary: list[tuple[int, int, bytes]], host: str) -> None:
        if self._raw and self.family == 4:
            packet = echo.strip_ip_header(packet)
        mark = echo.read_reply(packet, self.family, self._token)
        if mark is not None:
            stamp = stamp_of(ancillary)
            self.stamped = stamp is not None
            self._harvest.answers.append(Answer(mark, host, stamp))

    def _read_errors(self) -> int:
        """Take what waits in the error queue (ip(7), IP_RECVERR); how many errors the network had sent."""
        found = 0
        for _ in range(_MANY):
            try:
                packet, ancillary, _, sender = self._socket.recvmsg(_LARGEST, _ERROR_ROOM, socket.MSG_ERRQUEUE)
            except OSError:
                break
            number, origin, stamp = self._read_control(ancillary)
            if origin == _FROM_STAMPING:
                if stamp is not None and (mark := echo.read_own(packet, self._token)) is not None:
                    self._harvest.departures.append((mark, stamp))
            elif origin in _FROM_NETWORK:
                found += 1
                self._read_refusal(packet, sender[0], number)
        return found

    def _read_refusal(self, quoted: bytes, host: str, number: int) -> None:
        mark = echo.read_quoted(quoted, self.family, self._token)
        if mark is not None or not self._raw:  # a raw socket hears of other programs' requests too
            self._harvest.refusals.append(Refusal(mark, host, reason_of(number)))

    def _read_control(self, ancillary: list[tuple[int, int, bytes]]) -> tuple[int, int, int | None]:
        """The errno, its origin and the stamp of what the error queue gave."""
        number = origin = 0
        for level, kind, octets in ancillary:
            if kind == self._recverr[1] and level == self._recverr[0] and len(octets) >= _EXTENDED_ERROR.size:
                number, origin = _EXTENDED_ERROR.unpack_from(octets)
        return number, origin, stamp_of(ancillary) if origin == _FROM_STAMPING else None


def _open(family: int) -> tuple[str, socket.socket]:
    for way, kind in (("icmp_datagram", socket.SOCK_DGRAM), ("icmp_raw", socket.SOCK_RAW)):
        try:
            return way, socket.socket(FAMILIES[family], kind, _PROTOCOLS[family])
        except PermissionError:
            continue
        except OSError:  # the family is switched off in this kernel, or it has no such sockets
            raise Unreachable("family_unavailable") from None
    raise NotPermitted
