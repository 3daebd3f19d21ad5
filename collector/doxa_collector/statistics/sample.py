"""One run of a meter as the statistics see it: when it was, how it ended, and one value."""

from math import isfinite
from typing import Final, NamedTuple

from doxa_core.outcome import Outcome

MICRO: Final = 1_000_000
"""Values are counted in whole millionths of their unit: bit/s for Mbps, nanoseconds for ms, millionths for a ratio."""
LARGEST: Final = 1e12
"""In the value's unit; whatever lies above is no measurement."""
DAY_US: Final = 86_400_000_000
SLOT_US: Final = 1_800_000_000
SLOTS: Final = 48
"""Half hours in a day, because offices open at half past."""
_OFFSET_US: Final = 7 * 3_600_000_000  # VIETNAM_TIME has no daylight saving


class Sample(NamedTuple):
    """One run. `value` is in the measure's unit; None where the run gave none (failed, skipped, error)."""

    moment_us: int
    """Microseconds since 1970 UTC."""
    outcome: Outcome
    value: float | None = None


class Slot(NamedTuple):
    """Where a moment lies in Vietnam."""

    day: int
    """Days since 1 January 1970."""
    half_hour: int
    """0 (from midnight) to 47."""


def slot_of(moment_us: int) -> Slot:
    """The local day and half hour of a moment, by whole numbers."""
    day, rest = divmod(moment_us + _OFFSET_US, DAY_US)
    return Slot(day, rest // SLOT_US)


def weekday(day: int) -> int:
    """0 for Monday … 6 for Sunday, of a day since 1970 (which began on a Thursday)."""
    return (day + 3) % 7


def micro(value: float) -> int:
    """`value` in whole millionths of its unit. `ValueError` for what is not finite, below 0 or above `LARGEST`."""
    if not isfinite(value) or not 0 <= value <= LARGEST:
        raise ValueError(f"a value must lie between 0 and {LARGEST:g}, not at {value}")
    return round(value * MICRO)


def plain(units: int, n: int = 1) -> float:
    """`units` millionths over `n`, in the unit itself; one correctly rounded division."""
    return units / (n * MICRO)
