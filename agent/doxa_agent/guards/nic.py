"""The port of the probe: a Fast Ethernet or half-duplex port cannot carry what a 100 Mbps line promises (methods.md §8).

A line of 100 Mbps at the IP layer needs about 102.5 Mb/s on the wire, so behind a 100 Mb/s port it can never be shown.
"""

from collections.abc import Mapping
from typing import Final

from doxa_agent.guard import Effect, Finding, Turn, Verdict
from doxa_agent.meter import Reading
from doxa_agent.net.nic import Nic, read_nic
from doxa_core.language import Text
from doxa_core.layers import HeaderModel, Layer, best_share

TITLE: Final = Text(vi="Cổng mạng của thiết bị đo", en="The probe's network port")

FAST_ETHERNET: Final = "nic_fast_ethernet"
HALF_DUPLEX: Final = "nic_half_duplex"
PORT_LIMIT: Final = "nic_port_limit"
BELOW_TARGET: Final = "nic_below_target"

FINDINGS: Final[Mapping[str, Text]] = {
    FAST_ETHERNET: Text(
        vi="cổng mạng chạy ở 100 Mb/s hoặc thấp hơn: không thể chứng minh đường truyền 100 Mbps",
        en="the port runs at 100 Mb/s or less: a line of 100 Mbps cannot be shown through it",
    ),
    HALF_DUPLEX: Text(
        vi="cổng mạng chạy bán song công: kết quả đo tốc độ là của cổng, không phải của đường truyền",
        en="the port runs half duplex: a speed result says something about the port, not about the line",
    ),
    BELOW_TARGET: Text(
        vi="cổng mạng chậm hơn mức cần có để chứng minh tốc độ target_mbps",
        en="the port is slower than the rate that it must be able to show (target_mbps) needs",
    ),
    PORT_LIMIT: Text(
        vi="tốc độ đo được gần bằng tốc độ cổng mạng: có thể cổng chứ không phải đường truyền là giới hạn",
        en="the rate came near the port's speed: the port and not the line may have been the limit",
    ),
}

FAST_ETHERNET_MBPS: Final = 100
NEAR: Final = 0.9
"""From this share of the port's speed on, the port may have been the limit."""


def look(turn: Turn) -> list[Finding]:
    """What the port of the link's interface means for a run; nothing where no interface is named or it is absent."""
    nic = read_nic(turn.link.interface) if turn.link.interface else None
    effect = Effect.LIMIT if turn.heavy else Effect.NOTE
    return [] if nic is None else [Finding(code=code, effect=effect) for code in faults(nic, turn.settings.target_mbps)]


def faults(nic: Nic, target_mbps: float = 0.0) -> list[str]:
    """The codes of what is wrong with a port; an unknown speed or duplex (radio, modem, downed port) is no fault."""
    found = []
    if nic.speed_mbps is not None and nic.speed_mbps <= FAST_ETHERNET_MBPS:
        found.append(FAST_ETHERNET)
    elif nic.speed_mbps is not None and nic.speed_mbps < needed_mbps(target_mbps):
        found.append(BELOW_TARGET)
    if nic.duplex == "half":
        found.append(HALF_DUPLEX)
    return found


def needed_mbps(target_mbps: float) -> float:
    """What a rate at the IP layer is on the wire of the probe's own port, in full packets: 102.5 for 100."""
    plain = HeaderModel()
    return target_mbps * best_share(plain, Layer.IP) / best_share(plain, Layer.WIRE)


def judge(turn: Turn, reading: Reading) -> Verdict:
    """`judge_port` for each direction's rate on the wire."""
    nic = read_nic(turn.link.interface) if turn.link.interface else None
    if nic is None:
        return Verdict()
    rates = [value for name, value in reading.values.items() if name.endswith("_wire_mbps")]
    reasons = dict.fromkeys(reason for rate in rates if (reason := judge_port(nic, rate)))
    known = {"port_mbps": nic.speed_mbps, "port_duplex": nic.duplex}
    return Verdict(limits=tuple(reasons), detail={} if nic.is_virtual else {k: v for k, v in known.items() if v})


def judge_port(nic: Nic, wire_mbps: float) -> str | None:
    """Why the port, not the line, may have set a measured rate: a reason for outcome `probe_limited`; None if it did not.

    `wire_mbps` is the rate of one direction on the Ethernet wire, preamble and gap included, as the port's nominal speed
    is counted. Half duplex limits at any rate (collisions and turn-taking eat an unknown share); otherwise a rate of
    at least 90 % of the port's speed does: `nic_fast_ethernet` up to 100 Mb/s, `nic_port_limit` above. An unknown speed
    limits nothing.
    """
    if nic.duplex == "half":
        return HALF_DUPLEX
    if nic.speed_mbps is None or wire_mbps < NEAR * nic.speed_mbps:
        return None
    return FAST_ETHERNET if nic.speed_mbps <= FAST_ETHERNET_MBPS else PORT_LIMIT
