"""The wall clock: a measurement taken before the clock is right is kept, and marked (methods.md §8)."""

from collections.abc import Mapping
from typing import Final

from doxa_agent.guard import Finding
from doxa_agent.meter import Link
from doxa_agent.net.clock import read_clock
from doxa_core.language import Text

TITLE: Final = Text(vi="Đồng hồ của thiết bị đo", en="The probe's clock")

UNSYNCHRONISED: Final = "clock_unsynchronised"

FINDINGS: Final[Mapping[str, Text]] = {
    UNSYNCHRONISED: Text(
        vi="đồng hồ chưa đồng bộ: thời điểm đo có thể sai, trị số đo không bị ảnh hưởng",
        en="the clock is not synchronised: the moment of the measurement may be wrong, its values are not affected",
    ),
}


def look(link: Link, *, heavy: bool) -> list[Finding]:  # noqa: ARG001 - the clock is the same for every link and run
    """Whether nobody vouches for the clock. Durations come from the monotonic clock, so nothing is refused."""
    return [] if read_clock().synchronised else [Finding(code=UNSYNCHRONISED)]
