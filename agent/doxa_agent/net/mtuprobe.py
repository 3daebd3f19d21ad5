"""Ways to send one unfragmentable packet of a known size over a line, and to learn whether it arrived."""

import errno
import secrets
import select
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

from doxa_agent.meter import Link
from doxa_agent.net import echo
from doxa_agent.net.binding import FAMILIES, Unreachable, bind_socket
from doxa_agent.net.echosocket import NotPermitted
from doxa_agent.net.mtu import Answer, Fate
from doxa_agent.net.tcpinfo import read_tcp_info
from doxa_core.layers import IP_HEADER, TCP_HEADER, TCP_TIMESTAMPS, UDP_HEADER

_PROBE: Final = 3  # IP_PMTUDISC_PROBE: "do not fragment", and never mind the cached path MTU (linux/in.h)
_SETTINGS: Final = {
    4: ((socket.IPPROTO_IP, 10, _PROBE), (socket.IPPROTO_IP, 11, 1)),  # IP_MTU_DISCOVER, IP_RECVERR
    6: (
        (socket.IPPROTO_IPV6, 23, _PROBE),  # IPV6_MTU_DISCOVER
        (socket.IPPROTO_IPV6, 25, 1),  # IPV6_RECVERR
        (socket.IPPROTO_IPV6, 62, 1),  # IPV6_DONTFRAG
    ),
}
_RECVERR: Final = {4: (socket.IPPROTO_IP, 11), 6: (socket.IPPROTO_IPV6, 25)}
_ERROR: Final = struct.Struct("=IBBBBI")
"""The head of struct sock_extended_err: errno, origin, type, code, padding, info (the MTU of a Packet-Too-Big)."""
_FROM_HERE: Final = 1  # SO_EE_ORIGIN_LOCAL
_FROM_NETWORK: Final = frozenset({2, 3})  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6
_ROOM: Final = 512
_LARGEST: Final = 65_536
_RETRIES: Final = 8
_NO_WAY: Final = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENETDOWN})
_MANY: Final = 256
"""A bound for one drain, so that a flood cannot hold us."""
_ICMP_HEADER: Final = 8
_ICMP: Final = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
_CLOSED_PORTS: Final = (33_434, 33_934)
"""traceroute's range: where nobody listens, and what firewalls that mind traceroute let pass."""


class _Prober:
    """What both ways share: sending, the error queue, waiting."""

    way = ""
    patience_s = 1.0
    floor_s = 0.15
    _ARRIVED: ClassVar[Mapping[int, tuple[int, int]]] = {}
    """By origin, the type and code of the ICMP error that proves the arrival at the far end."""

    def __init__(self, sock: socket.socket, address: str, family: int, link: Link) -> None:
        self._socket, self._family = sock, family
        self._to: tuple[str | int, ...] = (address, 0) if family == 4 else (address, 0, 0, 0)
        self._seq = 0
        try:
            sock.settimeout(0)
            for setting in _SETTINGS[family]:
                sock.setsockopt(*setting)
            bind_socket(sock, link, family)
        except OSError:
            sock.close()
            raise Unreachable("family_unavailable") from None
        except BaseException:
            sock.close()
            raise

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def ask(self, size: int, timeout_s: float) -> Answer:
        """Send one packet of `size` octets and wait for what comes back about it, and it alone."""
        self._seq += 1
        began = time.monotonic()
        refused = self._send(size)
        if refused is not None:
            return refused
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)  # POLLERR, for the error queue, is always told
        until, refusal = began + timeout_s, None
        while (left := until - time.monotonic()) > 0:
            poller.poll(left * 1000)
            answer = self._read_errors() or self._read_answers()
            if answer is None:
                continue
            answer = replace(answer, delay_s=time.monotonic() - began)
            if answer.fate is not Fate.TOO_BIG:
                return answer if refusal is None else replace(answer, mtu=refusal.mtu, contradicted=True)
            # Whoever says that it is too big may be wrong (RFC 8899 §4.6.1): the far end has the last word.
            refusal, until = answer, min(until, time.monotonic() + timeout_s / 2)
        return refusal or Answer(fate=Fate.LOST)

    def _send(self, size: int) -> Answer | None:
        """An answer at once where the kernel refuses; `LOST` for a passing trouble, so that it is tried again."""
        number = 0
        for _ in range(_RETRIES):
            try:
                self._socket.sendto(self._packet(size), self._to)
            except OSError as error:  # our own, or an ICMP error about an earlier packet that the next call is told
                number = error.errno or 0
                told = self._read_errors()
                if told is not None and told.fate is Fate.OWN:
                    return told
                if number in _NO_WAY:
                    raise Unreachable("no_route") from None
                continue
            return None
        return Answer(fate=Fate.OWN if number == errno.EMSGSIZE else Fate.LOST)

    def _read_errors(self) -> Answer | None:
        """What the error queue says of the packet that is out now."""
        found = None
        for _ in range(_MANY):
            try:
                packet, control, _, _ = self._socket.recvmsg(_LARGEST, _ROOM, socket.MSG_ERRQUEUE)
            except OSError:
                break
            for level, kind, octets in control:
                if (level, kind) == _RECVERR[self._family] and len(octets) >= _ERROR.size:
                    found = self._judge(packet, *_ERROR.unpack_from(octets)) or found
        return found

    def _judge(
        self, packet: bytes, number: int, origin: int, kind: int, code: int, _pad: int, info: int
    ) -> Answer | None:
        if number == errno.EMSGSIZE and origin == _FROM_HERE:  # the kernel quotes nothing of what it would not send
            return Answer(fate=Fate.OWN)
        if not self._is_now(packet):
            return None
        if number == errno.EMSGSIZE and origin in _FROM_NETWORK:
            return Answer(fate=Fate.TOO_BIG, mtu=info or None)
        return Answer(fate=Fate.PASSED) if self._ARRIVED.get(origin) == (kind, code) else None

    def _packet(self, size: int) -> bytes:
        raise NotImplementedError

    def _is_now(self, packet: bytes) -> bool:
        raise NotImplementedError

    def _read_answers(self) -> Answer | None:
        raise NotImplementedError


class EchoProber(_Prober):
    """ICMP echo of a chosen size: a datagram socket where permitted, else a raw one. Raises `NotPermitted`."""

    def __init__(self, address: str, family: int, link: Link) -> None:
        self.way, sock = _open_icmp(family)
        self._token = secrets.token_bytes(echo.TOKEN_BYTES)
        self._identifier = secrets.randbits(16)
        super().__init__(sock, address, family, link)

    def _packet(self, size: int) -> bytes:
        payload = size - IP_HEADER[self._family] - _ICMP_HEADER
        raw4 = self.way == "icmp_raw" and self._family == 4
        mark = echo.Mark(0, self._seq)
        return echo.request(self._family, self._token, mark, payload, self._identifier, checksum=raw4)

    def _is_now(self, packet: bytes) -> bool:
        mark = echo.read_quoted(packet, self._family, self._token)
        return mark.seq == self._seq if mark is not None else self._is_now_by_header(packet)

    def _is_now_by_header(self, packet: bytes) -> bool:
        """The same of a quote that ends before the token: RFC 792 asks routers for 8 octets, and some give no more."""
        if not _ICMP_HEADER <= len(packet) < _ICMP_HEADER + echo.MIN_PAYLOAD:
            return False
        kind, _, _, identifier, short = struct.unpack_from("!BBHHH", packet)
        ours = identifier == self._identifier or self.way == "icmp_datagram"  # there the kernel has sorted already
        return ours and kind == echo.REQUEST[self._family] and short == self._seq & 0xFFFF

    def _read_answers(self) -> Answer | None:
        for _ in range(_MANY):
            try:
                packet = self._socket.recv(_LARGEST)
            except OSError:
                return None
            if self.way == "icmp_raw" and self._family == 4:
                packet = echo.strip_ip_header(packet)
            mark = echo.read_reply(packet, self._family, self._token)
            if mark is not None and mark.seq == self._seq:
                return Answer(fate=Fate.PASSED)
        return None


class RefusalProber(_Prober):
    """UDP to a port where nobody listens: the far end's own "port unreachable" proves the arrival. Needs no right.

    Linux sends a host at most six such errors at once and then one a second, hence the long patience.
    """

    way = "udp_refused"
    patience_s = 1.5
    floor_s = 0.6
    _HEAD: Final = struct.Struct("!8sI")
    _ARRIVED: ClassVar = {
        2: (3, 3),
        3: (1, 4),
    }  # the port is unreachable, so the host was reached (RFC 792; RFC 4443 §3.1)

    def __init__(self, address: str, family: int, link: Link) -> None:
        self._token = secrets.token_bytes(8)
        super().__init__(socket.socket(FAMILIES[family], socket.SOCK_DGRAM), address, family, link)
        port = _CLOSED_PORTS[0] + secrets.randbelow(_CLOSED_PORTS[1] - _CLOSED_PORTS[0])
        self._to = (address, port, *self._to[2:])

    def _packet(self, size: int) -> bytes:
        payload = size - IP_HEADER[self._family] - UDP_HEADER
        return self._HEAD.pack(self._token, self._seq).ljust(payload, b"\0")

    def _is_now(self, packet: bytes) -> bool:
        return packet.startswith(self._HEAD.pack(self._token, self._seq))

    def _read_answers(self) -> Answer | None:
        try:
            self._socket.recv(1)
        except OSError:
            return None
        return Answer(fate=Fate.PASSED)  # somebody does listen there, and answered


WAYS: Final = (EchoProber, RefusalProber)


def _open_icmp(family: int) -> tuple[str, socket.socket]:
    for way, kind in (("icmp_datagram", socket.SOCK_DGRAM), ("icmp_raw", socket.SOCK_RAW)):
        try:
            return way, socket.socket(FAMILIES[family], kind, _ICMP[family])
        except PermissionError:
            continue
        except OSError:
            raise Unreachable("family_unavailable") from None
    raise NotPermitted


def by_segment_size(address: str, family: int, link: Link, port: int, timeout_s: float) -> int | None:
    """The IP packet that TCP's agreed segment size would fill: an upper bound, lowered by whoever clamps MSS on the way."""
    with socket.socket(FAMILIES[family], socket.SOCK_STREAM) as sock:
        try:
            bind_socket(sock, link, family)
            sock.settimeout(max(0.1, timeout_s))
            sock.connect((address, port))
        except (OSError, Unreachable):
            return None
        info = read_tcp_info(sock)
    if not info.snd_mss:
        return None
    return info.snd_mss + (TCP_TIMESTAMPS if info.timestamps else 0) + TCP_HEADER + IP_HEADER[family]
