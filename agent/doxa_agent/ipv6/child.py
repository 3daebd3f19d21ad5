"""The child process with scapy: `python -m doxa_agent.ipv6.child`, an order on stdin, an answer on stdout.

    order    {"interface": "eth0", "wait_s": 2.0, "address": "2001:db8::1", "source": "2001:db8::2"}   the last two may be absent
    answer   {"dhcpv6_server": true, "echo": true, "fragments": true, "destination_options": false}

Scapy is GPL-2.0-only, needs 60 MiB and half a second to import: so it lives here, ends with the answer, and what it
finds out is the only thing that leaves. What cannot be judged is absent.
"""

import json
import os
import sys
from typing import Any, Final

TRIES: Final = 2


def main() -> int:
    """Read the order, send, answer."""
    try:
        order = json.loads(sys.stdin.buffer.read(16 * 1024))
        answer = _work(order)
    except PermissionError:
        answer = {"reason": "not_permitted"}
    except (OSError, ValueError, KeyError) as error:
        answer = {"reason": "failed", "text": type(error).__name__}
    sys.stdout.write(json.dumps(answer))
    return 0


def _work(order: dict[str, Any]) -> dict[str, Any]:
    from scapy.config import conf
    from scapy.layers import inet6  # noqa: F401 - registers IPv6 with scapy

    conf.verb = 0
    interface, wait_s = str(order["interface"]), float(order["wait_s"])
    found: dict[str, Any] = {"dhcpv6_server": _dhcpv6(interface, wait_s)}
    if order.get("address") and order.get("source"):
        found |= _crafted(interface, str(order["address"]), str(order["source"]), wait_s)
    return found


def _dhcpv6(interface: str, wait_s: float) -> bool:
    """Whether somebody answers a Solicit (RFC 8415 §18.2.1); nothing is leased, for no Request follows."""
    from scapy.arch import get_if_hwaddr
    from scapy.layers.dhcp6 import (
        DUID_LL,
        DHCP6_Advertise,
        DHCP6_Reply,
        DHCP6_Solicit,
        DHCP6OptClientId,
        DHCP6OptElapsedTime,
        DHCP6OptIA_NA,
    )
    from scapy.layers.inet import UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Ether
    from scapy.sendrecv import sendp, sniff

    number = int.from_bytes(os.urandom(3), "big")
    source = _link_local(interface)
    packet = (
        Ether(src=get_if_hwaddr(interface), dst="33:33:00:01:00:02")
        / IPv6(src=source, dst="ff02::1:2", hlim=1)
        / UDP(sport=546, dport=547)
        / DHCP6_Solicit(trid=number)
        / DHCP6OptClientId(duid=DUID_LL(lladdr=get_if_hwaddr(interface)))
        / DHCP6OptElapsedTime()
        / DHCP6OptIA_NA(iaid=number)
    )

    def ours(seen: Any) -> bool:
        return any(kind in seen and seen[kind].trid == number for kind in (DHCP6_Advertise, DHCP6_Reply))

    for _ in range(TRIES):
        seen = sniff(
            iface=interface, lfilter=ours, stop_filter=ours, timeout=wait_s,
            started_callback=lambda: sendp(packet, iface=interface),
        )  # fmt: skip
        if seen:
            return True
    return False


def _link_local(interface: str) -> str:
    from scapy.arch import get_if_addr6

    for line in open("/proc/self/net/if_inet6", encoding="ascii"):  # noqa: PTH123, SIM115 - a proc file of this process
        octets, _index, _bits, scope, _flags, name = line.split()
        if name == interface and scope == "20":
            return ":".join(octets[at : at + 4] for at in range(0, 32, 4))
    return str(get_if_addr6(interface) or "::")


def _crafted(interface: str, address: str, source: str, wait_s: float) -> dict[str, Any]:
    """A plain echo first: where that is not answered, silence about the others means nothing."""
    from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, PadN

    base = IPv6(src=source, dst=address)
    token = os.urandom(8)
    if not _answered(interface, [base / ICMPv6EchoRequest(id=1, data=token)], token, wait_s):
        return {"echo": False}
    token_fragment, token_option = os.urandom(8), os.urandom(8)
    whole = (
        base
        / IPv6ExtHdrFragment(id=int.from_bytes(os.urandom(4), "big"))
        / ICMPv6EchoRequest(id=2, data=token_fragment + bytes(1400))
    )
    option = base / IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))]) / ICMPv6EchoRequest(id=3, data=token_option)
    return {
        "echo": True,
        "fragments": _answered(interface, _pieces(whole), token_fragment, wait_s),
        "destination_options": _answered(interface, [option], token_option, wait_s),
    }


def _pieces(whole: Any) -> list[Any]:
    from scapy.layers import inet6

    cut: Any = inet6.fragment6  # scapy gives it no types
    return list(cut(whole, 1000))


def _answered(interface: str, packets: list[Any], token: bytes, wait_s: float) -> bool:
    """Whether an echo reply with the token comes back, whole or as the first of its fragments."""
    import socket
    import time

    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as heard:
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW) as out:
            out.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
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
                    if octets[:1] == b"\x81" and token in octets:
                        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
