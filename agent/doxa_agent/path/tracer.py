"""Sockets that send probes of one flow with a chosen hop limit, and hear from the error queue who let them die.

No right is needed: the kernel puts ICMP errors about a socket's own packets into its error queue (IP_RECVERR, ip(7);
IPV6_RECVERR, ipv6(7)) with the router's address and the kernel's receive stamp. A UDP socket there shows the quoted packet
from its payload on, so a router that quotes RFC 792's minimum of 8 octets leaves a probe without a name; an ICMP socket
shows it from the ICMP header on, where the sequence number stands.
"""

import errno
import hashlib
import ipaddress
import secrets
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import StrEnum
from typing import ClassVar, Final, NamedTuple

from doxa_agent.meter import Link
from doxa_agent.net import echo
from doxa_agent.net.binding import FAMILIES, LinkUnusable, Unreachable, bind_socket
from doxa_agent.net.echosocket import NotPermitted, reason_of
from doxa_agent.net.stamp import STAMP_ROOM, Moment, ask_for_stamps, now, stamp_of
from doxa_agent.path import packets

UDP_PORT: Final = 33_434
"""traceroute's first port: nobody listens there, and firewalls that mind traceroute let it pass."""
_OWN_PORTS: Final = (61_000, 4_000)
"""Our side of the flow: above the ports that Linux gives away (32768–60999), so that it is free, also next time."""
_TRIES: Final = 16

_RECVERR: Final = {4: (socket.IPPROTO_IP, 11), 6: (socket.IPPROTO_IPV6, 25)}
_HOP_LIMIT: Final = {4: (socket.IPPROTO_IP, socket.IP_TTL), 6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)}
_NO_FLOW_LABEL: Final = (socket.IPPROTO_IPV6, 70, 0)
"""IPV6_AUTOFLOWLABEL: else the kernel draws a label for each socket, and the path would change with it (RFC 6437)."""
_PROTOCOLS: Final = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
_ERROR: Final = struct.Struct("=IBBBBII")
"""struct sock_extended_err; the offender's socket address follows."""
_OFFENDER_AT: Final = {4: slice(_ERROR.size + 4, _ERROR.size + 8), 6: slice(_ERROR.size + 8, _ERROR.size + 24)}
_FROM_NETWORK: Final = {4: 2, 6: 3}  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6
_FROM_STAMPING: Final = 4
_ROOM: Final = socket.CMSG_SPACE(_ERROR.size + 28) + STAMP_ROOM
_OCTETS: Final = 512
_MANY: Final = 512
"""A bound for one drain, so that a flood cannot hold us."""
_RETRIES: Final = 8
_QUEUE_BYTES: Final = 1 << 20

_EXCEEDED: Final = {4: (11, 0), 6: (3, 0)}
_UNREACHABLE: Final = {4: 3, 6: 1}
_TOO_BIG_4: Final = 4
_WHY: Final = {
    4: {0: "net_unreachable", 1: "host_unreachable", 2: "protocol_unreachable", 3: "port_unreachable",
        6: "net_unreachable", 7: "host_unreachable", 9: "prohibited", 10: "prohibited", 13: "prohibited"},
    6: {0: "net_unreachable", 1: "prohibited", 2: "prohibited", 3: "host_unreachable", 4: "port_unreachable",
        5: "prohibited", 6: "prohibited"},
}  # fmt: skip
"""The codes of "destination unreachable" (RFC 792, RFC 1812 §5.2.7.1, RFC 4443 §3.1)."""


class Word(StrEnum):
    """What became of a probe, by whoever told."""

    EXCEEDED = "exceeded"
    """A router let it die, because its hop limit was used up: the router stands there."""
    END = "end"
    """The far end answered."""
    REFUSED = "refused"
    """Somebody on the way says that it goes no further."""


class Sighting(NamedTuple):
    """One answer."""

    seq: int | None
    """Which probe; None where too little of it was quoted."""
    host: str
    """Who answers."""
    word: Word
    reason: str
    """Why it was refused, as a code; else empty."""
    stamp: int | None
    """The kernel's receive stamp, realtime nanoseconds."""


class Tracer:
    """What both kinds of probes share. `way`, `flow` (ports or identifier) and `source` say what the packets look like."""

    way = ""
    _COMPLEMENT: ClassVar[bool] = False

    def __init__(self, sock: socket.socket, address: str, family: int, flow: dict[str, int]) -> None:
        self._socket, self._family, self.flow = sock, family, flow
        self._target = ipaddress.ip_address(address)
        self._token = secrets.token_bytes(packets.TOKEN_BYTES)
        self._hop_limit = 0
        self._sightings: list[Sighting] = []
        self.departures: dict[int, int] = {}
        """By probe, the kernel's transmit stamp (realtime nanoseconds)."""
        self.refusal = ""
        """Why the kernel would not send the last probe that it refused."""
        try:
            sock.settimeout(0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE_BYTES)
            sock.setsockopt(*_RECVERR[family], 1)
            if family == 6:
                _set_if_known(sock, *_NO_FLOW_LABEL)
            ask_for_stamps(sock)
            sock.connect((address, self._port()))
            self.source = str(sock.getsockname()[0])
        except OSError as error:
            sock.close()
            raise LinkUnusable("no_route" if error.errno != errno.EAFNOSUPPORT else "family_unavailable") from None

    def fileno(self) -> int:
        """The descriptor, for polling."""
        return self._socket.fileno()

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def send(self, seq: int, hop_limit: int) -> Moment | None:
        """Send one probe; None where the kernel would not (`refusal` says why)."""
        if hop_limit != self._hop_limit:
            self._socket.setsockopt(*_HOP_LIMIT[self._family], hop_limit)
            self._hop_limit = hop_limit
        packet = self._packet(seq)
        for _ in range(_RETRIES):
            moment = now()
            try:
                self._socket.send(packet)
            except OSError as error:  # our own, or an ICMP error about an earlier probe that the next call is told
                self.refusal = reason_of(error.errno)
                self._read_errors()
                continue
            return moment
        return None

    def drain(self) -> list[Sighting]:
        """All answers that wait."""
        self._read_errors()
        for _ in range(_MANY):
            try:
                packet, control, _, _ = self._socket.recvmsg(_OCTETS, _ROOM)
            except BlockingIOError:
                break
            except OSError:  # an ICMP error waits: no fault of this socket
                self._read_errors()
                continue
            self._read_answer(packet, stamp_of(control))
        found, self._sightings = self._sightings, []
        return found

    def _read_errors(self) -> None:
        for _ in range(_MANY):
            try:
                packet, control, _, _ = self._socket.recvmsg(_OCTETS, _ROOM, socket.MSG_ERRQUEUE)
            except OSError:
                return
            stamp = stamp_of(control)
            for level, kind, octets in control:
                if (level, kind) == _RECVERR[self._family] and len(octets) >= _ERROR.size:
                    self._judge(packet, octets, stamp)

    def _judge(self, packet: bytes, error: bytes, stamp: int | None) -> None:
        _, origin, kind, code, *_ = _ERROR.unpack_from(error)
        if origin == _FROM_STAMPING:
            seq = packets.read_own(packet, self._token, complement=self._COMPLEMENT)
            if seq is not None and stamp is not None:
                self.departures[seq] = stamp
            return
        host = error[_OFFENDER_AT[self._family]]
        if origin != _FROM_NETWORK[self._family] or len(host) != self._target.max_prefixlen // 8:
            return
        found = self._said(ipaddress.ip_address(host), kind, code)
        if found is not None:
            seq = self._quoted(packet)
            if seq is not None or self._is_cut(packet):  # what was quoted and is not ours is nobody's
                self._sightings.append(Sighting(seq, str(ipaddress.ip_address(host)), *found, stamp))

    def _said(self, host: object, kind: int, code: int) -> tuple[Word, str] | None:
        if (kind, code) == _EXCEEDED[self._family]:
            return Word.EXCEEDED, ""
        if kind != _UNREACHABLE[self._family] or (self._family == 4 and code == _TOO_BIG_4):
            return None
        if host == self._target:  # whatever it minds: it was reached
            return Word.END, ""
        return Word.REFUSED, _WHY[self._family].get(code, "unreachable")

    def _port(self) -> int:
        raise NotImplementedError

    def _packet(self, seq: int) -> bytes:
        raise NotImplementedError

    def _quoted(self, packet: bytes) -> int | None:
        raise NotImplementedError

    def _is_cut(self, packet: bytes) -> bool:
        """Whether so little was quoted that it may be ours all the same: the kernel has looked at the ports."""
        raise NotImplementedError

    def _read_answer(self, packet: bytes, stamp: int | None) -> None:
        raise NotImplementedError


class UdpTracer(Tracer):
    """UDP between two constant ports. The far end answers "port unreachable", as often as its limiter lets it."""

    way = "udp"

    def __init__(self, address: str, family: int, link: Link, name: str = "") -> None:
        def make() -> socket.socket:
            return socket.socket(FAMILIES[family], socket.SOCK_DGRAM)

        sock, port = _bound(make, link, family, _ports_of(f"{link.name}/{name}/{family}"))
        super().__init__(sock, address, family, {"source_port": port, "port": UDP_PORT})

    def _port(self) -> int:
        return UDP_PORT

    def _packet(self, seq: int) -> bytes:
        return packets.udp_payload(self._token, seq)

    def _quoted(self, packet: bytes) -> int | None:
        return packets.read_udp(packet, self._token)

    def _is_cut(self, packet: bytes) -> bool:
        return len(packet) < packets.MARK_BYTES

    def _read_answer(self, packet: bytes, stamp: int | None) -> None:
        """Somebody does listen there; only an echo of our own payload tells which probe it answers."""
        seq = packets.read_udp(packet, self._token)
        self._sightings.append(Sighting(seq, str(self._target), Word.END, "", stamp))


class EchoTracer(Tracer):
    """ICMP echo requests with a constant identifier and checksum. Raises `NotPermitted` where the system allows none."""

    _COMPLEMENT = True

    def __init__(self, address: str, family: int, link: Link, name: str = "") -> None:
        ports = _ports_of(f"{link.name}/{name}/{family}/echo")
        kind, self.way = _kind_of_icmp(family)

        def make() -> socket.socket:
            return socket.socket(FAMILIES[family], kind, _PROTOCOLS[family])

        sock, self._identifier = _bound(make, link, family, ports)
        self._raw = kind == socket.SOCK_RAW
        if self._raw:
            self._identifier = ports[0]
        super().__init__(sock, address, family, {"identifier": self._identifier})

    def _port(self) -> int:
        return 0

    def _packet(self, seq: int) -> bytes:
        raw4 = self._raw and self._family == 4
        return packets.echo_request(self._family, self._token, self._identifier, seq, checksum=raw4)

    def _quoted(self, packet: bytes) -> int | None:
        identifier = self._identifier if self._raw else None
        return packets.read_quoted_echo(packet, self._family, self._token, identifier)

    def _is_cut(self, packet: bytes) -> bool:
        return not packet and not self._raw  # never yet: the sequence number stands in what every router quotes

    def _read_answer(self, packet: bytes, stamp: int | None) -> None:
        whole = echo.strip_ip_header(packet) if self._raw and self._family == 4 else packet
        seq = packets.read_echo(whole, self._family, self._token)
        if seq is not None:
            self._sightings.append(Sighting(seq, str(self._target), Word.END, "", stamp))


def _kind_of_icmp(family: int) -> tuple[socket.SocketKind, str]:
    for kind, way in ((socket.SOCK_DGRAM, "icmp_datagram"), (socket.SOCK_RAW, "icmp_raw")):
        try:
            socket.socket(FAMILIES[family], kind, _PROTOCOLS[family]).close()
        except PermissionError:
            continue
        except OSError:
            raise Unreachable("family_unavailable") from None
        return kind, way
    raise NotPermitted


def _ports_of(name: str) -> list[int]:
    """Ports for a flow of that name, the same in every run: the first free one is taken."""
    first, many = _OWN_PORTS
    place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return [first + (place + step) % many for step in range(_TRIES)]


def _bound(
    make: Callable[[], socket.socket], link: Link, family: int, ports: Iterable[int]
) -> tuple[socket.socket, int]:
    """A socket on the link with the first of the ports that is free, else with whichever the kernel gives."""
    for port in ports:
        sock = make_socket(make)
        try:
            if _bind_with_port(sock, link, family, port):
                return sock, port
        except BaseException:
            sock.close()
            raise
        sock.close()
    sock = make_socket(make)
    try:
        bind_socket(sock, link, family)
        if not sock.getsockname()[1]:
            sock.bind(("", 0))
    except BaseException:
        sock.close()
        raise
    return sock, int(sock.getsockname()[1])


def make_socket(make: Callable[[], socket.socket]) -> socket.socket:
    """The socket; `Unreachable` where this machine has not the family."""
    try:
        return make()
    except OSError:
        raise Unreachable("family_unavailable") from None


def _bind_with_port(sock: socket.socket, link: Link, family: int, port: int) -> bool:
    """False where the port is taken, or where the link needs a source address that only `bind_socket` finds."""
    own = link.source is not None and ipaddress.ip_address(link.source).version == family
    try:
        sock.bind((link.source if own else "", port))
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise LinkUnusable("no_address") from None
        return False
    try:
        held = bind_socket(sock, replace(link, source=None) if own else link, family)
    except LinkUnusable as unusable:
        if unusable.reason == "no_address" and link.interface is not None:
            return False
        raise
    return held or link.interface is None or own


def _set_if_known(sock: socket.socket, level: int, option: int, value: int) -> None:
    try:
        sock.setsockopt(level, option, value)
    except OSError:  # a kernel before 3.17 has no automatic labels
        return
