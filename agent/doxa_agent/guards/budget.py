"""The data budget of a line that is paid by volume: first the shorter tests, then none until next month (methods.md §8)."""

from collections.abc import Mapping
from typing import Final

from doxa_agent.guard import Effect, Finding, Turn
from doxa_core.language import Text

TITLE: Final = Text(vi="Ngân sách dữ liệu", en="Data budget")

FRUGAL: Final = "budget_frugal"
SPENT: Final = "data_budget"

FINDINGS: Final[Mapping[str, Text]] = {
    FRUGAL: Text(
        vi="dữ liệu đo của tháng sắp hết: phép đo chạy ở dạng ngắn nhất",
        en="the month's data for tests is nearly used up: the run took its shortest form",
    ),
    SPENT: Text(
        vi="dữ liệu đo của tháng đã hết: không chạy phép đo nặng cho đến tháng sau",
        en="the month's data for tests is used up: no heavy run until next month",
    ),
}


def look(turn: Turn) -> list[Finding]:
    """How much of the link's monthly volume heavy runs have used."""
    allowed = turn.link.monthly_bytes
    if allowed is None or not turn.heavy:
        return []
    if turn.moved_bytes >= allowed:
        return [Finding(code=SPENT, effect=Effect.REFUSE)]
    frugal = turn.moved_bytes >= turn.settings.budget_frugal_ratio * allowed
    return [Finding(code=FRUGAL, effect=Effect.FRUGAL)] if frugal else []
