"""Measured values as columns of whole numbers that give back every value to its last bit.

A value that is a whole number of millionths, as probes round what they measure, is kept as that number: it is divided by
a million again when it is read, which gives the same float. A column with any other value keeps its floats as they are.
"""

import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from math import copysign
from typing import Final, NamedTuple

from doxa_collector.statistics.sample import MICRO

NONE, NARROW, WIDE, FLOATS = 0, 4, 8, 9
KINDS: Final = (NONE, NARROW, WIDE, FLOATS)
_TYPES: Final = {NARROW: "I", WIDE: "Q", FLOATS: "Q"}
_SIZES: Final = {NONE: 0, NARROW: 4, WIDE: 8, FLOATS: 8}
_FLOAT: Final = struct.Struct("<d")
_MOST: Final = 2**53
"""Beyond it not every whole number is a float."""
_ABSENT: Final = {NARROW: 2**32 - 1, WIDE: 2**64 - 1, FLOATS: 2**64 - 1}
"""As a float it is one of the many that are no number, which no line of a probe carries."""


class Numbers(NamedTuple):
    """A column: how its values are kept, and their octets, little-endian."""

    kind: int
    content: bytes


EMPTY: Final = Numbers(NONE, b"")


def size_of(kind: int, n: int) -> int:
    """The octets of a column of so many values."""
    return _SIZES[kind] * n


def exact(value: float) -> int | None:
    """The whole millionths that give just this float when they are divided again; None where there are none."""
    if not 0 <= value < _MOST / MICRO or (value == 0 and copysign(1, value) < 0):
        return None
    units = round(value * MICRO)
    return units if units / MICRO == value else None


def made(values: Sequence[float | None]) -> Numbers:
    """A column of these values; None: there is none."""
    found = [None if value is None else exact(value) for value in values]
    kind = _kind_for(values, found)
    if kind == NONE:
        return EMPTY
    none = _ABSENT[kind]
    if kind == FLOATS:
        plain = array("d", [0.0 if value is None else value for value in values])
        bits = array("Q", plain.tobytes())
        return _kept(kind, [none if value is None else one for value, one in zip(values, bits, strict=True)])
    return _kept(kind, [none if one is None else one for one in found])


def put(column: Numbers, n: int, place: int, value: float | None) -> Numbers:
    """The column of `n` values with one more in front of what was at `place`; the same octets as if `made` at once."""
    if value is None:
        if column.kind == NONE:
            return column
        octets = b"\xff" * _SIZES[column.kind]
    else:
        units = exact(value)
        if column.kind not in (NARROW, WIDE) or units is None or units >= _ABSENT[column.kind]:
            values = [None] * n if column.kind == NONE else read(column)
            return made([*values[:place], value, *values[place:]])
        octets = units.to_bytes(column.kind, "little")
    at = place * len(octets)
    return Numbers(column.kind, b"".join((column.content[:at], octets, column.content[at:])))


def read(column: Numbers) -> list[float | None]:
    """Its values; empty for a column without any."""
    kind = column.kind
    if kind == NONE:
        return []
    numbers = units_in(column)
    none = _ABSENT[kind]
    if kind == FLOATS:
        floats = array("d", numbers.tobytes())
        return [None if bits == none else value for bits, value in zip(numbers, floats, strict=True)]
    if none in numbers:
        return [None if units == none else units / MICRO for units in numbers]
    return [units / MICRO for units in numbers]


def picked(column: Numbers, places: Iterable[int]) -> list[float]:
    """The values at these places, each of which has one."""
    numbers = units_in(column)
    if column.kind == FLOATS:
        floats = array("d", numbers.tobytes())
        return [floats[place] for place in places]
    return [numbers[place] / MICRO for place in places]


def value_at(column: Numbers, place: int) -> float | None:
    """One value."""
    kind, content = column
    size = _SIZES[kind]
    if not size:
        return None
    octets = content[place * size : (place + 1) * size]
    units = int.from_bytes(octets, "little")
    if units == _ABSENT[kind]:
        return None
    return _FLOAT.unpack(octets)[0] if kind == FLOATS else units / MICRO


def units_in(column: Numbers) -> "array[int]":
    """What stands in it, as it stands."""
    numbers = array(_TYPES[column.kind], column.content)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def octets_of(code: str, numbers: Iterable[int]) -> bytes:
    """Whole numbers of `array`'s type `code`, little-endian."""
    found = array(code, numbers)
    if sys.byteorder == "big":
        found.byteswap()
    return found.tobytes()


def numbers_of(code: str, content: bytes) -> "array[int]":
    """What `octets_of` wrote."""
    found = array(code, content)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _kind_for(values: Sequence[float | None], found: Sequence[int | None]) -> int:
    if any(one is None and value is not None for value, one in zip(values, found, strict=True)):
        return FLOATS
    top = max((one for one in found if one is not None), default=-1)
    return NONE if top < 0 else NARROW if top < _ABSENT[NARROW] else WIDE


def _kept(kind: int, numbers: Iterable[int]) -> Numbers:
    return Numbers(kind, octets_of(_TYPES[kind], numbers))
