"""How likely it is that so many independent failures begin together by coincidence."""

from math import exp, lgamma, log, log1p

DAY_S = 86_400


def coincidence(failing: int, among: int, span_s: float, failures_per_day: float) -> float:
    """The chance that at least `failing` of `among` things fail within `span_s` though nothing connects them.

    The Poisson tail: failures are rare and many things may fail. 1.0 for what is to be expected.
    """
    mean = among * failures_per_day * span_s / DAY_S
    if failing <= 0 or failing <= mean:
        return 1.0
    if mean <= 0:
        return 0.0
    term = exp(failing * log(mean) - mean - lgamma(failing + 1))
    total, k = 0.0, failing
    while term > total * 1e-12 and k < failing + 1000:
        total += term
        k += 1
        term *= mean / k
    return min(1.0, total)


def by_accident(own: int, failing: int, share: float) -> float:
    """The chance that at least `own` of `failing` lines belong to one who has `share` of all lines (binomial tail)."""
    if own <= 0 or share >= 1:
        return 1.0
    if share <= 0:
        return 0.0
    total = sum(
        exp(
            lgamma(failing + 1)
            - lgamma(k + 1)
            - lgamma(failing - k + 1)
            + k * log(share)
            + (failing - k) * log1p(-share)
        )
        for k in range(own, failing + 1)
    )
    return min(1.0, total)
