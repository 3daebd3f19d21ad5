"""An interface's octet counters (rtnetlink RTM_GETLINK, struct rtnl_link_stats64), for the byte audit.

Asked by netlink because it answers for the thread's network namespace; sysfs may be mounted for another one.
"""

import socket
import struct
from typing import Final

from doxa_agent.net import netlink

_IFLA_STATS64: Final = 23


def interface_octets(interface: str, *, sending: bool) -> int | None:
    """Octets that the interface has sent or received, link-layer headers included; None where it is not there."""
    try:
        index = socket.if_nametoindex(interface)
        answer = netlink.ask(netlink.RTM_GETLINK, struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, 0, 0))
    except OSError:
        return None
    stats = netlink.attributes(answer[0][16:]).get(_IFLA_STATS64, b"") if answer else b""
    # rx_packets, tx_packets, rx_bytes, tx_bytes
    return int(struct.unpack_from("=Q", stats, 24 if sending else 16)[0]) if len(stats) >= 32 else None
