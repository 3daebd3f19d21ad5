"""The wall clock: a measurement taken before the clock is right, or while it was set, is kept, and marked."""

from collections.abc import Callable, Mapping
from typing import Final

from doxa_agent.guard import Finding, Turn, Verdict
from doxa_agent.net import stamp
from doxa_agent.net.clock import read_clock
from doxa_agent.net.stamp import Moment
from doxa_core.language import Text

TITLE: Final = Text(vi="Đồng hồ của thiết bị đo", en="The probe's clock")

UNSYNCHRONISED: Final = "clock_unsynchronised"
STEPPED: Final = "clock_stepped"

FINDINGS: Final[Mapping[str, Text]] = {
    UNSYNCHRONISED: Text(
        vi="đồng hồ chưa đồng bộ: thời điểm đo có thể sai, trị số đo không bị ảnh hưởng",
        en="the clock is not synchronised: the moment of the measurement may be wrong, its values are not affected",
    ),
    STEPPED: Text(
        vi="đồng hồ bị chỉnh nhảy trong khi đo: thời điểm đo có thể sai, trị số đo không bị ảnh hưởng",
        en="the clock was set while measuring: the moment of the measurement may be wrong, its values are not affected",
    ),
}

STEP_S: Final = 0.05
"""Both clocks are slewed alike; their distance changes only when one is set (or the machine slept)."""


def look(turn: Turn) -> list[Finding]:  # noqa: ARG001 - the clock is the same for every link and run
    """Whether nobody vouches for the clock. Durations come from the monotonic clock, so nothing is refused."""
    return [] if read_clock().synchronised else [Finding(code=UNSYNCHRONISED)]


class Steps:
    """Notices a wall clock that is set, from the moment it is made; `now` reads both clocks at once."""

    def __init__(self, now: Callable[[], Moment]) -> None:
        self._now = now
        found = now()
        self._apart = found.real - found.mono
        self._step_s = 0.0

    def tick(self) -> None:
        """Look: a step back soon after a step forward would otherwise stay hidden."""
        found = self._now()
        apart = found.real - found.mono
        step = (apart - self._apart) / 1e9
        self._apart = apart
        if abs(step) >= STEP_S and abs(step) > abs(self._step_s):
            self._step_s = step

    def end(self) -> Verdict:
        """`clock_stepped`, with the largest step in seconds."""
        self.tick()
        return (
            Verdict(findings=(STEPPED,), detail={"clock_step_s": round(self._step_s, 3)}) if self._step_s else Verdict()
        )


def during(turn: Turn) -> Steps:  # noqa: ARG001 - see look
    """Watch the clock."""
    return Steps(stamp.now)
