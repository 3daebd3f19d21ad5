"""Exact binomial probabilities and the bounds of Clopper and Pearson, by the four basic operations alone.

`math.lgamma` and `exp` differ in their last bits between C libraries; the ratios of neighbouring binomial terms need
neither. Terms are counted outwards from the largest one, until they no longer change the sum.
"""

from functools import lru_cache
from typing import Final, NamedTuple

_NEGLIGIBLE: Final = 1e-22
_DECIMALS: Final = 9
_STEPS: Final = 60


class Interval(NamedTuple):
    """Each end holds with the stated confidence on its own side."""

    lower: float
    upper: float


def binomial_tail(met: int, n: int, share: float) -> float:
    """P(Bin(n, share) ≥ met), right to 1e-12. `ValueError` for what is no count or no share."""
    if n < 0 or not 0 <= share <= 1:
        raise ValueError(f"no binomial distribution has n = {n} and a share of {share}")
    if met <= 0 or met > n:
        return float(met <= 0)
    if share in (0.0, 1.0):
        return share
    odds = share / (1 - share)
    mode = min(n, int((n + 1) * share))
    above, below = (1.0, 0.0) if mode >= met else (0.0, 1.0)
    term = 1.0
    for k in range(mode, n):
        term *= (n - k) / (k + 1) * odds
        if term < _NEGLIGIBLE:
            break
        if k + 1 >= met:
            above += term
        else:
            below += term
    term = 1.0
    for k in range(mode, 0, -1):
        term *= k / ((n - k + 1) * odds)
        if term < _NEGLIGIBLE:
            break
        if k - 1 >= met:
            above += term
        else:
            below += term
    return above / (above + below)


@lru_cache(maxsize=65536)
def share_bounds(met: int, n: int, confidence: float = 0.95) -> Interval:
    """Clopper–Pearson: the shares that `met` of `n` still leave possible, each side with `confidence`, to 9 decimals.

    `ValueError` unless 0 ≤ met ≤ n, n > 0 and ½ ≤ confidence < 1.
    """
    if not 0 <= met <= n or n == 0 or not 0.5 <= confidence < 1:
        raise ValueError(f"no bound for {met} of {n} with a confidence of {confidence}")
    return Interval(_lower(met, n, 1 - confidence), round(1 - _lower(n - met, n, 1 - confidence), _DECIMALS))


def _lower(met: int, n: int, doubt: float) -> float:
    """The share at which `met` or more has the probability `doubt`; by Illinois' rule, with bisection as its guard."""
    if met == 0:
        return 0.0
    low, high = 0.0, met / n
    at_low, at_high = -doubt, binomial_tail(met, n, high) - doubt
    middle, halved = high / 2, 0
    for _ in range(_STEPS):
        if high - low < 1e-11:
            break
        middle = (low + high) / 2 if halved > 1 else (low * at_high - high * at_low) / (at_high - at_low)
        found = binomial_tail(met, n, middle) - doubt
        if abs(found) < 1e-12:
            break
        if found > 0:
            halved = halved + 1 if high - middle < middle - low else 0
            high, at_high, at_low = middle, found, at_low / 2
        else:
            halved = halved + 1 if middle - low < high - middle else 0
            low, at_low, at_high = middle, found, at_high / 2
    return round(middle, _DECIMALS)


def passes_needed(n: int, claim: float, confidence: float = 0.95) -> int | None:
    """How many of `n` independent tests must meet the target to show that the true share exceeds `claim`; None: too few.

    The table of methods.md §5. `ValueError` for what is no claim.
    """
    if not 0 < claim < 1:
        raise ValueError(f"a share of {claim} is nothing to show")
    low, high = 0, n + 1
    while low < high:
        middle = (low + high) // 2
        if binomial_tail(middle, n, claim) <= 1 - confidence:
            high = middle
        else:
            low = middle + 1
    return low if low <= n else None


def smallest_n(claim: float, confidence: float = 0.95) -> int:
    """The smallest number of independent tests that shows the claim when none fails: claimⁿ ≤ 1 − confidence."""
    if not 0 < claim < 1 or not 0 < confidence < 1:
        raise ValueError(f"no number of tests shows a share of {claim} with {confidence}")
    n, power = 0, 1.0
    while power > 1 - confidence:
        n, power = n + 1, power * claim
    return n
