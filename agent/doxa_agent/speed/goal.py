"""What a transfer is for, and when that is reached: the steady rate, or whether a target is met."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from doxa_agent.net.tcpinfo import TcpInfo
from doxa_agent.speed.bins import Bin, StopRule, steady_at, total
from doxa_agent.speed.threshold import LOOKS_S, Verdict, judge
from doxa_core.layers import TCP_HEADER, TCP_TIMESTAMPS, HeaderModel, Layer

STABLE: Final = "stable"
TARGET: Final = "target"


class Goal(Protocol):
    """When a transfer may stop before its limit."""

    earliest_s: float
    """Before this nothing can be reached."""

    def reached(self, bins: Sequence[Bin], rule: StopRule, info: Callable[[], TcpInfo], where: str = "here") -> str:
        """How the transfer ends now (`stable`, `target`), empty while it goes on.

        `where` tells series apart that are asked about in turn (ours, the receiver's); `info` gives a stream's segments.
        """


class SteadyGoal:
    """The stop rule of `bins`."""

    earliest_s = 1.1

    def reached(self, bins: Sequence[Bin], rule: StopRule, info: Callable[[], TcpInfo], where: str = "here") -> str:  # noqa: ARG002
        """See `Goal`."""
        return STABLE if steady_at(bins, rule) is not None else ""


class TargetGoal:
    """The sequential test of `threshold`."""

    earliest_s = LOOKS_S[0]

    def __init__(self, target_mbps: float, layer: Layer, *, family: int, rtt_s: float, limit_s: float) -> None:
        self.target_mbps = target_mbps
        self.layer = layer
        self._family = family
        self._rtt_s = rtt_s
        self._limit_s = limit_s
        self._looked: dict[str, int] = {}

    def reached(self, bins: Sequence[Bin], rule: StopRule, info: Callable[[], TcpInfo], where: str = "here") -> str:
        """See `Goal`. Most of the time only the clock is looked at: between two looks nothing can change."""
        seconds = total(bins).seconds
        looks = sum(seconds >= look for look in LOOKS_S)
        if looks <= self._looked.get(where, 0):
            return ""
        self._looked[where] = looks
        found = self.judge(bins, rule, info(), self._limit_s)
        return TARGET if found is not None and found.met is not None else ""

    def judge(self, bins: Sequence[Bin], rule: StopRule, info: TcpInfo, limit_s: float) -> Verdict | None:
        """The verdict on bins of payload; its bounds are payload too, see `payload_share`."""
        wanted = self.target_mbps * payload_share(info, self._family, self.layer)
        return judge(bins, wanted, rtt_s=self._rtt_s, limit_s=limit_s, rule=rule)


def payload_share(info: TcpInfo, family: int, layer: Layer) -> float:
    """TCP payload as a share of `layer`, by the segments of a connection."""
    mss = max(info.rcv_mss or 0, info.snd_mss or 0) or 1448
    model = HeaderModel(family=family, transport=TCP_HEADER + (TCP_TIMESTAMPS if info.timestamps else 0))
    return mss / model.octets(mss, 1, layer)
