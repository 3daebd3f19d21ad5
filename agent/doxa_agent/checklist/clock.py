"""The clock: a Pi has no battery for it, and certificates and reports need the right time."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from doxa_agent.check import Item, Scene, State
from doxa_agent.checklist._words import spoken
from doxa_agent.net.clock import read_clock
from doxa_core.language import Text, local_time
from doxa_core.measurement import Clock

ORDER: Final = 50
TITLE: Final = Text(vi="Giờ", en="Time")

_BORN: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""No probe ran before: an earlier date is a clock that was never set."""


def look(scene: Scene) -> Iterator[Item]:  # noqa: ARG001 - the clock is the same for every configuration
    """One line."""
    yield judge(read_clock(), datetime.now(UTC))


def judge(clock: Clock, moment: datetime) -> Item:
    """The line for a clock that shows `moment`."""
    shown = Text(vi=local_time(moment, "vi"), en=local_time(moment, "en"))
    if moment < _BORN:
        return Item(key="clock", title=TITLE, state=State.BAD, value=WRONG.fill(shown=shown), advice=START_NTP)
    if not clock.synchronised:
        return Item(key="clock", title=TITLE, state=State.WARNING, value=LOOSE.fill(shown=shown), advice=START_NTP)
    if clock.error_ms is None:
        return Item(key="clock", title=TITLE, state=State.GOOD, value=GOOD.fill(shown=shown))
    value = BOUND.fill(shown=shown, error=spoken(clock.error_ms, 1, "ms"))
    return Item(key="clock", title=TITLE, state=State.GOOD, value=value)


GOOD: Final = Text(vi="{shown}, đã đồng bộ", en="{shown}, synchronised")
BOUND: Final = Text(vi="{shown}, đã đồng bộ, sai số tối đa {error}", en="{shown}, synchronised, error at most {error}")
LOOSE: Final = Text(vi="{shown}, chưa đồng bộ", en="{shown}, not synchronised")
WRONG: Final = Text(vi="{shown}: đồng hồ chưa được đặt", en="{shown}: the clock was never set")
START_NTP: Final = Text(
    vi="bật đồng bộ giờ: timedatectl set-ntp true (hoặc chrony) và mở cổng UDP 123; xem lại sau vài phút",
    en="switch on time synchronisation: timedatectl set-ntp true (or chrony), let UDP 123 pass; look again in minutes",
)
