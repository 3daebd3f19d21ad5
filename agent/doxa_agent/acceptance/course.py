"""What will be sent: the steps of each direction, how long they take and how many bytes they cost."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from doxa_agent.acceptance.contract import Contract, Packets
from doxa_agent.directions import DIRECTIONS

STEPS: Final = (25, 50, 75, 90, 100)
"""Percent of the contracted rate (the idea of Y.1564's configuration test; 90 is ours)."""
STEP_S: Final = 10.0
TCP_S: Final = 30.0
"""The least that RFC 6349 §3.3 recommends."""
SHORT_TCP_S: Final = 10.0
PERFORMANCE_S: Final = 900.0
"""Y.1564's shortest performance test: 15 minutes."""
_AROUND_STEP_S: Final = 2.0
_BEFORE_S: Final = 25.0
"""Guards, path MTU, idle round-trip time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One run at a fixed rate in one direction."""

    direction: str
    percent: float
    """Of the contracted rate."""
    seconds: float
    performance: bool = False
    """The long run at the end of the full form."""

    @property
    def share(self) -> float:
        """Of the contracted rate, 1 for all of it."""
        return self.percent / 100

    @property
    def name(self) -> str:
        """Stable, for results: `download-90`, `upload-performance`."""
        return f"{self.direction}-{'performance' if self.performance else f'{self.percent:g}'}"

    def asked_mbps(self, contract: Contract) -> float:
        """The rate at the contract's layer."""
        return contract.mbps(self.direction) * self.share

    def asked_ip_mbps(self, contract: Contract, packets: Packets) -> float:
        """The rate at the IP layer that the capacity meter is asked for."""
        return packets.to_ip_mbps(self.asked_mbps(contract), contract.layer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The whole run of a form."""

    form: str
    percents: tuple[float, ...] = STEPS
    step_s: float = STEP_S
    tcp_s: float = SHORT_TCP_S
    performance_s: float | None = None

    def steps(self) -> Iterator[Step]:
        """In order: each direction from its lowest rate to its highest, then the long runs."""
        for direction in DIRECTIONS:
            for percent in self.percents:
                yield Step(direction=direction, percent=percent, seconds=self.step_s)
        if self.performance_s is not None:
            for direction in DIRECTIONS:
                yield Step(direction=direction, percent=100, seconds=self.performance_s, performance=True)

    def estimate(self, contract: Contract, packets: Packets) -> "Estimate":
        """What it costs; TCP is counted at the contracted rate (a faster line takes more)."""
        seconds = _BEFORE_S
        octets: dict[str, float] = dict.fromkeys(DIRECTIONS, 0.0)
        for step in self.steps():
            seconds += step.seconds + _AROUND_STEP_S
            octets[step.direction] += step.asked_ip_mbps(contract, packets) * step.seconds / 8
        steps_mb = dict(octets)
        for direction in DIRECTIONS:
            seconds += self.tcp_s + 2 * _AROUND_STEP_S
            octets[direction] += packets.to_ip_mbps(contract.mbps(direction), contract.layer) * self.tcp_s / 8
        return Estimate(seconds=seconds, steps_mb=steps_mb, all_mb=octets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a course costs before it is run."""

    seconds: float
    steps_mb: dict[str, float]
    """Decimal megabytes of IP packets by direction, for the steps alone."""
    all_mb: dict[str, float]
    """… and with the TCP transfers."""


SHORT: Final = Course(form="short")
"""Ours: five steps of ten seconds a direction, 425 MB at 100 Mbit/s."""
FULL: Final = replace(SHORT, form="full", tcp_s=TCP_S, performance_s=PERFORMANCE_S)
"""With the TCP transfer as long as RFC 6349 wants it and a performance run a direction (11 GB at 100 Mbit/s)."""
FORMS: Final = {"short": SHORT, "full": FULL}
