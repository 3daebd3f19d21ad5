"""The 95th percentile by nearest rank, and what it can be at least and at most while samples are missing.

Nearest rank: the smallest sample v such that at least 95 % of the samples are ≤ v; the sample number ⌈0.95 n⌉ in ascending
order (the inverse of the empirical distribution function, RFC 2330 §11.3). It is a rate that the line really carried;
interpolating definitions give one that it never did, and differ among each other. It is also the custom of billing: the
highest 5 % of the samples do not count, and the next one does. The same definition serves the probe's delays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

PER_CENT: Final = 95


def rank(n: int, per_cent: int = PER_CENT) -> int:
    """Which sample of `n` in ascending order it is, from 1; whole numbers, so 95 % of 20 is the 19th and never the 20th."""
    if n < 1 or not 0 < per_cent <= 100:
        raise ValueError("a percentile needs a sample and a percentage from 1 to 100")
    return -(-per_cent * n // 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentile:
    """The percentile of the samples that are there, and its bounds over all that should be."""

    value: float
    lower: float
    """With every missing sample as 0: certain, not statistical."""
    upper: float
    """With every missing sample beyond all others; `inf` where more are missing than the percentile leaves out."""


def percentile_of(found: Sequence[float], missing: int = 0, per_cent: int = PER_CENT) -> Percentile | None:
    """Of `found`, whatever its order, where `missing` more samples should be; None without any sample."""
    if not found:
        return None
    ordered, n = sorted(found), len(found)
    place = rank(n + missing, per_cent)
    return Percentile(
        value=ordered[rank(n, per_cent) - 1],
        lower=ordered[place - missing - 1] if place > missing else 0.0,  # the zeros stand first
        upper=ordered[place - 1] if place <= n else inf,
    )
