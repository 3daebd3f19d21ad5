"""Values that cannot be true are our own fault, and never reach a statistic (methods.md §8).

A rate of nothing or less, or above what the port can carry; a share outside 0 to 1; what is no number.
"""

import math
from collections.abc import Mapping
from typing import Final

from doxa_agent.guard import Finding, Turn, Verdict
from doxa_agent.meter import Reading
from doxa_agent.net.nic import Nic, read_nic
from doxa_core.language import Text

TITLE: Final = Text(vi="Trị số vô lý", en="Impossible values")

IMPOSSIBLE: Final = "impossible_value"

FINDINGS: Final[Mapping[str, Text]] = {
    IMPOSSIBLE: Text(
        vi="có trị số không thể đúng: lỗi của chính chương trình, các trị số đó đã bị loại",
        en="there were values that cannot be true: a fault of the program itself; they were taken out",
    ),
}

SLACK: Final = 1.05
"""A rate over a short window may show a queue that empties: that much above the port's speed is not yet absurd."""
_ASKED: Final = ("offered", "target", "sent", "sending")
"""What a sender was asked for or handed to its kernel is no rate of the line, and may be more than the port carries."""


def look(turn: Turn) -> list[Finding]:  # noqa: ARG001 - the contract's
    """Nothing before a run."""
    return []


def judge(turn: Turn, reading: Reading) -> Verdict:
    """The names of impossible values; the finding says so, the values themselves stay in the detail as text."""
    nic = read_nic(turn.link.interface) if turn.link.interface else None
    bad = tuple(name for name, value in reading.values.items() if is_impossible(name, value, nic))
    if not bad:
        return Verdict()
    shown = {name: repr(reading.values[name])[:40] for name in bad}
    return Verdict(findings=(IMPOSSIBLE,), impossible=bad, detail={"impossible": shown})


def is_impossible(name: str, value: object, nic: Nic | None = None) -> bool:
    """Whether a value of that name cannot be true on that port; a virtual port's speed is a convention and no bound."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return True
    if name.endswith("_mbps"):
        asked = any(word in name for word in _ASKED)
        return value < 0 if asked else value <= 0 or _too_fast(value, nic)
    if name.endswith("_ratio"):
        return not 0 <= value <= 1
    return name.endswith(("_ms", "_us", "_bytes", "_count")) and value < 0 and not name.endswith("_offset_ms")


def _too_fast(value: float, nic: Nic | None) -> bool:
    if nic is None or nic.speed_mbps is None or nic.is_virtual:
        return False
    return value > SLACK * nic.speed_mbps
