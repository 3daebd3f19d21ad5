"""Round numbers and round times for the axes of a curve."""

import math
from typing import Final

SECOND_US: Final = 1_000_000
_ZONE_US: Final = 7 * 3600 * SECOND_US  # ticks fall on round times of Vietnam (UTC+7, doxa_core.language)
_STEPS_S: Final = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
    86_400, 2 * 86_400, 5 * 86_400, 7 * 86_400, 14 * 86_400, 30 * 86_400,
)  # fmt: skip


def number_ticks(highest: float, about: int = 5) -> list[float]:
    """From 0 in round steps up to the first tick that is not below `highest` (which is above 0)."""
    rough = highest / about
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(magnitude * m for m in (1, 2, 2.5, 5, 10) if magnitude * m >= rough * 0.999)
    return [n * step for n in range(math.ceil(highest / step - 1e-9) + 1)]


def time_ticks(from_us: int, to_us: int, most: int) -> list[int]:
    """Round local moments within the span, at most `most` of them."""
    step = SECOND_US * next((s for s in _STEPS_S if (to_us - from_us) / (s * SECOND_US) <= most), _STEPS_S[-1])
    first = -(-(from_us + _ZONE_US) // step) * step - _ZONE_US
    return list(range(first, to_us + 1, step))


def tick_format(ticks: list[int]) -> str:
    """What a time tick must show: seconds, minutes, or the day."""
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 60 * SECOND_US
    if step >= 86_400 * SECOND_US:
        return "%d/%m"
    return "%H:%M" if step >= 60 * SECOND_US else "%H:%M:%S"
