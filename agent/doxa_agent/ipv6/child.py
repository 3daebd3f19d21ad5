"""The child process with scapy: `python -m doxa_agent.ipv6.child`, an order on stdin, an answer on stdout.

    order    {"interface": "eth0", "wait_s": 2.0, "address": "2001:db8::1", "source": "2001:db8::2"}   the last two may be absent
    answer   {"dhcpv6_server": true, "echo": true, "fragments": true, "destination_options": false}

Scapy is GPL-2.0-only, needs 60 MiB and half a second to import: so it lives here, ends with the answer, and what it
finds out is the only thing that leaves. What cannot be judged is absent. Scapy only builds the packets: they go through
raw sockets of IPv6, for which CAP_NET_RAW is enough; its own packet sockets the service's unit does not allow.
"""

import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final, NoReturn

from doxa_agent.net import child

NOT_PERMITTED: Final = "not_permitted"
"""The reason where CAP_NET_RAW is missing."""
TRIES: Final = 2
_ECHO_REPLY: Final = 129
_DHCPV6_ANSWERS: Final = (2, 7)
"""Advertise and Reply (RFC 8415 §7.3)."""
_DHCPV6: Final = ("ff02::1:2", 546, 547)
"""All_DHCP_Relay_Agents_and_Servers, the client's port and the servers' (RFC 8415 §7.1, §7.2)."""


def main() -> NoReturn:
    """Read the order, send, answer."""
    child.serve(_work)


def _work(octets: bytes) -> bytes:
    answer: dict[str, Any]
    try:
        answer = _look(json.loads(octets))
    except PermissionError:
        answer = {"reason": NOT_PERMITTED}
    except (OSError, ValueError, KeyError, TypeError, ImportError, MemoryError) as error:
        answer = {"reason": "failed", "text": type(error).__name__}
    return json.dumps(answer).encode()


def _look(order: dict[str, Any]) -> dict[str, Any]:
    interface, wait_s = str(order["interface"]), float(order["wait_s"])
    with ExitStack() as stack:
        out = stack.enter_context(_raw(interface, socket.IPPROTO_RAW))  # refused before scapy is loaded for nothing
        from scapy.config import conf
        from scapy.layers import inet6  # noqa: F401 - registers IPv6 with scapy

        conf.verb = 0
        found: dict[str, Any] = {}
        if (asked := _dhcpv6(interface, out, wait_s)) is not None:
            found["dhcpv6_server"] = asked
        if order.get("address") and order.get("source"):
            found |= _crafted(interface, out, str(order["address"]), str(order["source"]), wait_s)
    return found


def _raw(interface: str, protocol: int) -> socket.socket:
    """A raw socket of IPv6 on that interface; `PermissionError` without CAP_NET_RAW."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex(interface))
    except BaseException:
        sock.close()
        raise
    return sock


def _dhcpv6(interface: str, out: socket.socket, wait_s: float) -> bool | None:
    """Whether somebody answers a Solicit (RFC 8415 §18.2.1); nothing is leased, for no Request follows.

    None where the interface has no link-local address yet to ask from.
    """
    from scapy.arch import get_if_hwaddr
    from scapy.layers.dhcp6 import DUID_LL, DHCP6_Solicit, DHCP6OptClientId, DHCP6OptElapsedTime, DHCP6OptIA_NA
    from scapy.layers.inet import UDP
    from scapy.layers.inet6 import IPv6

    source = _link_local(interface)
    if source is None:
        return None
    servers, here, there = _DHCPV6
    number = os.urandom(3)
    packet = (
        IPv6(src=source, dst=servers, hlim=1)
        / UDP(sport=here, dport=there)
        / DHCP6_Solicit(trid=int.from_bytes(number))
        / DHCP6OptClientId(duid=DUID_LL(lladdr=get_if_hwaddr(interface)))
        / DHCP6OptElapsedTime()
        / DHCP6OptIA_NA(iaid=int.from_bytes(number))
    )

    def ours(octets: bytes) -> bool:
        to, message = octets[2:4], octets[8:12]  # behind the ports, length and checksum of UDP
        return to == here.to_bytes(2) and len(message) == 4 and message[0] in _DHCPV6_ANSWERS and message[1:] == number

    with _raw(interface, socket.IPPROTO_UDP) as heard:
        return _answered(out, heard, [packet], ours, wait_s)


def _link_local(interface: str) -> str | None:
    with open("/proc/self/net/if_inet6", encoding="ascii") as lines:  # noqa: PTH123 - a proc file of this process
        for line in lines:
            octets, _index, _bits, scope, _flags, name = line.split()
            if name == interface and scope == "20":
                return ":".join(octets[at : at + 4] for at in range(0, 32, 4))
    return None


def _crafted(interface: str, out: socket.socket, address: str, source: str, wait_s: float) -> dict[str, Any]:
    """A plain echo first: where that is not answered, silence about the others means nothing."""
    from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, PadN

    base = IPv6(src=source, dst=address)

    def echoed(packets: Callable[[bytes], list[Any]]) -> bool:
        """Whether an echo reply comes back, whole or as the first of its fragments."""
        token = os.urandom(8)
        with _raw(interface, socket.IPPROTO_ICMPV6) as heard:
            return _answered(
                out,
                heard,
                packets(token),
                lambda octets: octets[:1] == bytes([_ECHO_REPLY]) and token in octets,
                wait_s,
            )

    def pieces(token: bytes) -> list[Any]:
        fragment = IPv6ExtHdrFragment(id=int.from_bytes(os.urandom(4)))
        return _pieces(base / fragment / ICMPv6EchoRequest(id=2, data=token + bytes(1400)))

    def with_option(token: bytes) -> list[Any]:
        option = IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))])
        return [base / option / ICMPv6EchoRequest(id=3, data=token)]

    if not echoed(lambda token: [base / ICMPv6EchoRequest(id=1, data=token)]):
        return {"echo": False}
    return {"echo": True, "fragments": echoed(pieces), "destination_options": echoed(with_option)}


def _pieces(whole: Any) -> list[Any]:
    from scapy.layers import inet6

    cut: Any = inet6.fragment6  # scapy gives it no types
    return list(cut(whole, 1000))


def _answered(
    out: socket.socket, heard: socket.socket, packets: list[Any], ours: Callable[[bytes], bool], wait_s: float
) -> bool:
    """Send them, wait, once more; whether an answer that is `ours` came."""
    for _ in range(TRIES):
        for packet in packets:
            out.sendto(bytes(packet), (packet.dst, 0))
        until = time.monotonic() + wait_s
        while (left := until - time.monotonic()) > 0:
            heard.settimeout(left)
            try:
                octets = heard.recv(65_536)
            except TimeoutError:
                break
            if ours(octets):
                return True
    return False


if __name__ == "__main__":
    main()
