"""Bounds of a figure that has no formula: the days are drawn anew in blocks, many times (circular block bootstrap).

Whole days in blocks of three, because tests of a day and neighbouring days resemble each other (Politis and Romano 1992).
With a month of days such bounds are a little too narrow: they help a reader and decide nothing; `mean`, `share` and
`quantile`, which do, use formulas. The seed is the evidence's fingerprint: the same evidence gives the same bounds.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from doxa_collector.statistics.binomial import Interval
from doxa_collector.statistics.draw import Draw

ROUNDS: Final = 499
BLOCK: Final = 3
_FEWEST: Final = 7

T = TypeVar("T")


def bootstrap_bounds(
    days: Sequence[T],
    statistic: Callable[[Sequence[T]], float | None],
    seed: bytes,
    confidence: float = 0.95,
    *,
    rounds: int = ROUNDS,
) -> Interval | None:
    """The percentile bounds of `statistic`, each side with `confidence`; None below seven days or where it has no value.

    `days` must come in the order of the calendar. `ValueError` for a confidence outside ½ … 1.
    """
    if not 0.5 <= confidence < 1 or rounds < 1:
        raise ValueError(f"no bounds with a confidence of {confidence} from {rounds} rounds")
    if len(days) < _FEWEST:
        return None
    draw, n = Draw(seed), len(days)
    around = [*days, *days[: BLOCK - 1]]
    found = []
    for _ in range(rounds):
        drawn: list[T] = []
        while len(drawn) < n:
            start = draw.below(n)
            drawn += around[start : start + BLOCK]
        value = statistic(drawn[:n])
        if value is not None:
            found.append(value)
    if len(found) < rounds:
        return None
    found.sort()
    out = int((rounds + 1) * (1 - confidence) + 1e-9)
    return Interval(found[max(0, out - 1)], found[min(rounds - 1, rounds - out)])
