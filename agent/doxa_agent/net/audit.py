"""The byte audit: what an interface's counters moved during a transfer against what its octets and headers explain.

    watched = audit.begin(interface)              # None as interface is allowed: then there is nothing to say
    …                                             # the transfer
    moved = watched.end()                         # None where the interface is not there
    found = audit.balance(moved, sending=False, payload=octets, packets=segments, model=model)
    detail["audit"] = found.detail                # and the finding `byte_audit` where `found.fails`

Counters come by netlink (RTM_GETLINK, struct rtnl_link_stats64), which answers for the thread's network namespace;
sysfs may be mounted for another one. Linux counts frames with their Ethernet header and without FCS.
"""

import socket
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from doxa_agent.net import netlink
from doxa_core.layers import ETHERNET_HEADER, HeaderModel

FINDING: Final = "byte_audit"
SHARE: Final = 0.05
OCTETS: Final = 1e6
"""More than both outside what is explained is a finding (methods.md §8)."""
_IFLA_STATS64: Final = 23
_ASK: Final = struct.Struct("=BxHiII")
_STATS: Final = struct.Struct("=4Q")


class Counters(NamedTuple):
    """An interface's counters since it came up, in the kernel's order; octets with link-layer headers."""

    rx_packets: int
    tx_packets: int
    rx_octets: int
    tx_octets: int


def read_counters(interface: str) -> Counters | None:
    """The counters now; None where there is no such interface in this network namespace."""
    try:
        index = socket.if_nametoindex(interface)
        answer = netlink.ask(netlink.RTM_GETLINK, _ASK.pack(socket.AF_UNSPEC, 0, index, 0, 0))
    except (OSError, ValueError):
        return None
    stats = netlink.attributes(answer[0][16:]).get(_IFLA_STATS64, b"") if answer else b""
    return Counters(*_STATS.unpack_from(stats)) if len(stats) >= _STATS.size else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What an interface moved between `begin` and `end`."""

    rx_packets: int
    tx_packets: int
    rx_octets: int
    tx_octets: int
    seconds: float

    def octets(self, *, sending: bool) -> int:
        """Octets in one direction."""
        return self.tx_octets if sending else self.rx_octets

    def packets(self, *, sending: bool) -> int:
        """Packets in one direction, as the interface counts them: joined segments (GSO, GRO) are one."""
        return self.tx_packets if sending else self.rx_packets


class Watched:
    """Between `begin` and `end`."""

    def __init__(self, interface: str | None) -> None:
        self._interface = interface
        self._before = None if interface is None else read_counters(interface)
        self._since = time.monotonic()

    def end(self) -> Moved | None:
        """What moved since `begin`; None where the interface is unknown, has left, or was made anew (counters fell)."""
        after = None if self._interface is None or self._before is None else read_counters(self._interface)
        if self._before is None or after is None or any(b > a for b, a in zip(self._before, after, strict=True)):
            return None
        found = [a - b for b, a in zip(self._before, after, strict=True)]
        return Moved(
            rx_packets=found[0], tx_packets=found[1], rx_octets=found[2], tx_octets=found[3],
            seconds=time.monotonic() - self._since,
        )  # fmt: skip


def begin(interface: str | None) -> Watched:
    """Start counting; cheap (one netlink question), never raises."""
    return Watched(interface)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """One direction's counter beside what our octets explain.

    Two bounds, because an interface that joins segments (GRO, virtual machines, veth) counts one header for many.
    """

    interface_bytes: int
    payload_bytes: int
    framed_bytes: int
    """Payload with the headers of every packet."""
    own_bytes: int
    """The most that the interface can have counted for our octets: one header for each packet that it counted."""
    seconds: float

    @property
    def other_bytes(self) -> int:
        """What somebody else moved at least (or we sent again): 0 where our own octets explain the counter."""
        return max(0, self.interface_bytes - self.own_bytes)

    @property
    def fails(self) -> bool:
        """More than 5 % and 1 MB outside what our octets explain."""
        lowest = self.payload_bytes * (1 - SHARE) - OCTETS
        highest = self.framed_bytes * (1 + SHARE) + OCTETS
        return not lowest <= self.interface_bytes <= highest

    @property
    def detail(self) -> dict[str, float]:
        """For a reading's detail, under the key `audit`; `balances_in` reads it back."""
        return {
            "interface_bytes": self.interface_bytes,
            "payload_bytes": self.payload_bytes,
            "framed_bytes": self.framed_bytes,
            "own_bytes": self.own_bytes,
            "seconds": round(self.seconds, 3),
        }


def balance(
    moved: Moved | None, *, sending: bool, payload: float, packets: float, model: HeaderModel
) -> Balance | None:
    """The books of one direction: `payload` octets that we know went in `packets` packets, what was sent again included.

    Tags and PPPoE of the model do not count: an interface's counters are those of its own frames, without FCS, and the
    kernel counts an inner interface (`eth0.10`, `ppp0`) without them. None where there is nothing to compare.
    """
    if moved is None or packets <= 0:
        return None
    around = model.ip_octets + ETHERNET_HEADER
    counted = min(packets, moved.packets(sending=sending))
    return Balance(
        interface_bytes=moved.octets(sending=sending),
        payload_bytes=round(payload),
        framed_bytes=round(payload + packets * around),
        own_bytes=round(payload + counted * around),
        seconds=moved.seconds,
    )


def balances_in(detail: Mapping[str, Any]) -> Iterator[Balance]:
    """Every balance that a reading's detail carries under a key `audit`, at any depth."""
    for key, value in detail.items():
        if not isinstance(value, Mapping):
            continue
        if key == "audit" and value.keys() >= Balance.__dataclass_fields__.keys():
            yield Balance(**{name: value[name] for name in Balance.__dataclass_fields__})
        else:
            yield from balances_in(value)
