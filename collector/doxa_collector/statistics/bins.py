"""Bins of a daily histogram: four significant decimal digits, so that every target a person writes is an edge.

A bin's key is twice its lower edge (in millionths of the unit), plus one for the values inside it that are not the edge
itself. A value that stands exactly on an edge has thus a bin of its own, and `≥`, `>`, `≤` and `<` a target of at most
four digits are all exact. Any other value lies in a bin not wider than 0.1 % of it.
"""

from collections.abc import Callable
from typing import Final

from doxa_collector.plans.model import Operator

DIGITS: Final = 4
_SMALL: Final = 10**DIGITS


def bin_of(units: int) -> int:
    """The key of the bin that a value of `units` ≥ 0 millionths lies in."""
    if units < _SMALL:
        return 2 * units
    rest = units % width_at(units)
    return 2 * (units - rest) + (rest != 0)


def width_at(units: int) -> int:
    """The width of the bins around a value."""
    return 1 if units < _SMALL else int(10 ** (len(str(units)) - DIGITS))


def lowest(key: int) -> int:
    """The smallest value that the bin can hold (inside a bin: its edge, which is itself outside it)."""
    return key // 2


def highest(key: int) -> int:
    """The largest value that the bin can hold, or just above it."""
    edge, inside = divmod(key, 2)
    return edge + width_at(edge) if inside else edge


def is_edge(units: int) -> bool:
    """Whether a target of so many millionths is decided exactly by the bins."""
    return bin_of(units) % 2 == 0


def meeting(operator: Operator, units: int) -> Callable[[int], bool]:
    """Which bins meet a target of `units`. Where it is no edge, its own bin counts as not met: never too good.

    `ValueError` for an operator that orders no values.
    """
    if operator not in (Operator.AT_LEAST, Operator.ABOVE, Operator.AT_MOST, Operator.BELOW):
        raise ValueError(f"samples cannot be held against {operator.sign} {units}")
    own = bin_of(units)
    if operator is Operator.AT_LEAST:
        return (lambda key: key >= own) if own % 2 == 0 else (lambda key: key > own)
    if operator is Operator.ABOVE:
        return lambda key: key > own
    if operator is Operator.AT_MOST:
        return (lambda key: key <= own) if own % 2 == 0 else (lambda key: key < own)
    return lambda key: key < own
