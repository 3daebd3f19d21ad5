"""The three lengths of a window, and how long its stream gathers arrivals before it counts the windows they touched."""

from dataclasses import dataclass
from typing import Final

from doxa_collector.sink import Tier

_OFFSET_US: Final = 7 * 3_600_000_000  # VIETNAM_TIME has no daylight saving
_SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A tier of windows.

    Arrivals are gathered in slices of the time at which they reached us, and a window is counted once in each slice
    that touched it. So an open window is written again a few times, whatever arrives in what order.
    """

    suffix: str
    tier: Tier
    length_us: int
    slice_us: int
    """How long arrivals are gathered."""
    lag_us: int
    """Slices end so much after full multiples of their length: the last runs of a window have mostly come by then."""
    most_rows: int
    """How many arrivals are looked through at once, more than the whole country sends in a slice."""

    def window_of(self, moment_us: int) -> int:
        """When the window of a moment began, by Vietnamese time."""
        return moment_us - (moment_us + _OFFSET_US) % self.length_us

    def slice_of(self, received_us: int) -> tuple[int, int]:
        """The slice of an arrival, from and to (not included)."""
        start = received_us - (received_us + _OFFSET_US - self.lag_us) % self.slice_us
        return start, start + self.slice_us

    @property
    def shift_us(self) -> int:
        """What is added to a moment before it is divided by `length_us`, so that windows begin at local times."""
        return _OFFSET_US


FIVE_MINUTES: Final = Span(
    suffix="_5m",
    tier=Tier.FIVE_MINUTES,
    length_us=300 * _SECOND_US,
    slice_us=60 * _SECOND_US,
    lag_us=15 * _SECOND_US,
    most_rows=50_000,
)
HOUR: Final = Span(
    suffix="_1h",
    tier=Tier.LONG,
    length_us=3600 * _SECOND_US,
    slice_us=900 * _SECOND_US,
    lag_us=60 * _SECOND_US,
    most_rows=300_000,
)
DAY: Final = Span(
    suffix="_1d",
    tier=Tier.LONG,
    length_us=86_400 * _SECOND_US,
    slice_us=3 * 3600 * _SECOND_US,  # a day is read four and a half times in all: with an hour it would be twelve times
    lag_us=600 * _SECOND_US,
    most_rows=3_000_000,
)
SPANS: Final = (FIVE_MINUTES, HOUR, DAY)
