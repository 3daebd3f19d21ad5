"""From the octets that a terminal counts to the rate at each layer.

What is counted: RFC 2863 says octets "including framing characters", so the interface's own L2 frames. For Ethernet RFC
3635 §3.2.3 includes the FCS; Linux, and so Net-SNMP and most small terminals, counts the 14 octets of the MAC header but
not the FCS. `fcs_counted` says which; the frame layer of this project has the FCS in every case. Octets of VLAN tags are
in the count or not as the terminal's driver has it, which nobody outside can see: they stay where they are.
"""

from dataclasses import dataclass
from typing import Final

from doxa_core.layers import ETHERNET_FCS, ETHERNET_HEADER, MTU, PREAMBLE_AND_GAP, VLAN_TAG, Layer, mbps

_AROUND: Final = ETHERNET_HEADER + ETHERNET_FCS + 2 * VLAN_TAG
_FEW: Final = 10
"""Packets of which a mean size says nothing yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What one direction moved in an interval."""

    octets: int
    packets: int | None
    interval_s: float
    ethernet: bool
    fcs_counted: bool


def are_frames(octets: int, packets: int, mtu: int | None) -> bool:
    """Whether the packet counter can have counted the frames that these octets came in.

    Seen otherwise: an snmpd that shows 0 packets in its first answer and all since the machine's start in the second; a
    virtual port that counts segments of 64 KiB before they are cut.
    """
    if packets < _FEW:
        return packets * ETHERNET_HEADER <= octets
    return ETHERNET_HEADER <= octets / packets <= (mtu or MTU) + _AROUND


def rates(moved: Moved) -> dict[Layer, float]:
    """The mean rate at every layer that can be known, Mbps.

    Without packet counters, or on an interface that is no Ethernet, there is the frame layer alone: octets as counted.
    """
    if moved.packets is None or not moved.ethernet:
        return {Layer.FRAME: mbps(moved.octets, moved.interval_s)}
    frame = moved.octets + (0 if moved.fcs_counted else ETHERNET_FCS * moved.packets)
    found = {
        Layer.IP: max(0, frame - (ETHERNET_HEADER + ETHERNET_FCS) * moved.packets),
        Layer.FRAME: frame,
        Layer.WIRE: frame + PREAMBLE_AND_GAP * moved.packets,
    }
    return {layer: mbps(octets, moved.interval_s) for layer, octets in found.items()}
