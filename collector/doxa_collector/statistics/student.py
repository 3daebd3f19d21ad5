"""Student's t, by the finite series for whole degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4)."""

from functools import lru_cache
from math import atan2, pi, sqrt
from typing import Final

MOST_FREEDOM: Final = 200
"""Above, the quantile of 200 is taken: at most 0.02 too wide, never too narrow."""
LEAST_CONFIDENCE: Final = 0.6
"""At ½ every bound would be the figure itself."""
MOST_CONFIDENCE: Final = 0.9999
_DECIMALS: Final = 6
"""Rounded here, because `atan2` is the one function whose last bit a C library may choose."""


def check_confidence(confidence: float) -> None:
    """`ValueError` unless a bound can have it on its own side."""
    if not LEAST_CONFIDENCE <= confidence <= MOST_CONFIDENCE:
        raise ValueError(f"a confidence lies between {LEAST_CONFIDENCE} and {MOST_CONFIDENCE}, not at {confidence}")


@lru_cache(maxsize=4096)
def t_quantile(probability: float, freedom: int) -> float:
    """The value below which `probability` of the distribution lies, to 6 decimals.

    `ValueError` unless 0.6 ≤ probability ≤ 0.9999 and freedom ≥ 1.
    """
    check_confidence(probability)
    if freedom < 1:
        raise ValueError(f"Student's t has no {freedom} degrees of freedom")
    known = min(freedom, MOST_FREEDOM)
    low, high = 0.0, 1.0
    while _below(high, known) < probability:
        high *= 2
    while high - low > 1e-10 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _below(middle, known) < probability else (low, middle)
    return round((low + high) / 2, _DECIMALS)


def _below(t: float, freedom: int) -> float:
    sine, cosine = t / sqrt(freedom + t * t), sqrt(freedom / (freedom + t * t))
    odd = freedom % 2 == 1
    term = cosine if odd else 1.0
    total = 0.0 if freedom == 1 else term
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    angle = 2 / pi * (atan2(t, sqrt(freedom)) + sine * total) if odd else sine * total
    return (1 + angle) / 2
