"""One-sided 95 % bounds, without a statistics library: Student's t for a mean, order statistics for a median, exact
binomial for a share of tests (methods.md §5).

All of them take the samples as independent. Tests of one line minutes apart are not quite, so a bound is a help to the
reader and never the verdict itself.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import fmean, stdev
from typing import Final, NamedTuple

CONFIDENCE: Final = 0.95
_STEPS: Final = 200
"""Bisection halves an interval of doubles to its end in fewer."""


class Bounds(NamedTuple):
    """Each holds with 95 % confidence on its own side."""

    lower: float
    upper: float


def mean_bounds(values: Sequence[float]) -> Bounds | None:
    """Of the mean, by Student's t with n − 1 degrees of freedom; None below two samples."""
    n = len(values)
    if n < 2:
        return None
    middle, half = fmean(values), t_quantile(CONFIDENCE, n - 1) * stdev(values) / math.sqrt(n)
    return Bounds(middle - half, middle + half)


def median_bounds(values: Sequence[float]) -> Bounds | None:
    """Of the median, exact for any distribution: the order statistics whose coverage the binomial gives.

    The k-th smallest is above the median with probability P(Bin(n, ½) < k), so the largest k with that ≤ 5 % bounds it
    from below. None below five samples: 0.5⁵ is the first power under 5 %.
    """
    ordered, n = sorted(values), len(values)
    k = _median_rank(n)
    return Bounds(ordered[k - 1], ordered[n - k]) if k else None


@lru_cache(maxsize=4096)
def _median_rank(n: int) -> int:
    """The largest k with P(Bin(n, ½) ≤ k − 1) ≤ 5 %, 0 where there is none; whole numbers, so exact."""
    allowed, total, term, k = 2**n, 0, 1, 0
    while k <= n and (total := total + term) * 20 <= allowed:  # 20 × 5 % = 1
        k += 1
        term = term * (n - k + 1) // k
    return k


def share_lower_bound(met: int, n: int) -> float | None:
    """The smallest true share that still gives `met` or more of `n` with 5 % (Clopper–Pearson); None for no test."""
    if n == 0:
        return None
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if binomial_tail(met, n, middle) > 1 - CONFIDENCE else (middle, high)
    return low


def passes_needed(n: int, claim: float) -> int | None:
    """How many of `n` tests must pass to show with 95 % that the true share exceeds `claim`; None: n is too small."""
    low, high = 0, n + 1
    while low < high:  # the tail falls with the number of passes
        middle = (low + high) // 2
        low, high = (low, middle) if binomial_tail(middle, n, claim) <= 1 - CONFIDENCE else (middle + 1, high)
    return low if low <= n else None


def smallest_n(claim: float) -> int:
    """The smallest number of tests that shows the claim when none fails: claimⁿ ≤ 5 %."""
    n = math.ceil(math.log(1 - CONFIDENCE) / math.log(claim))
    return n if claim**n <= 1 - CONFIDENCE else n + 1


def binomial_tail(met: int, n: int, share: float) -> float:
    """P(Bin(n, share) ≥ met)."""
    if met <= 0:
        return 1.0
    if met > n or share <= 0:
        return 0.0
    return _beta_share(met, n - met + 1, share)


def t_quantile(probability: float, freedom: int) -> float:
    """Student's t for a probability of at least ½: the value below which that share of the distribution lies."""
    low, high = 0.0, 1.0
    while t_below(high, freedom) < probability:
        high *= 2
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if t_below(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def t_below(t: float, freedom: int) -> float:
    """The share of Student's distribution below t ≥ 0."""
    return 1 - _beta_share(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2


def _beta_share(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction on the side where it converges."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta_share(b, a, 1 - x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of I_x(a, b) (DLMF 8.17.22), by the modified method of Lentz."""
    tiny = 1e-300
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1), tiny)
    found = d
    for m in range(1, 10_000):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d, c = 1 / _away(1 + numerator * d, tiny), _away(1 + numerator / c, tiny)
            found *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return found


def _away(value: float, tiny: float) -> float:
    """`value`, kept from being 0."""
    return value if abs(value) > tiny else tiny
