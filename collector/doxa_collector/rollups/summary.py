"""What a day's polls come to as five-minute samples, found once when the day is nearly full: which of them lie on top.

The rule asks for the highest 5 % of seven days, so the highest of each day are enough: with their order kept, nobody has
to sort the rest again. Only a day whose polls are samples by themselves has one (`Summary.plain`): of one series, none
shorter than five minutes, none over time that another one told. All others are read poll by poll.
"""

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from doxa_collector.rollups.numbers import numbers_of, octets_of

STEP_S: Final = 300.0
SHORTEST_S: Final = 0.9 * STEP_S
LONGEST_S: Final = 1.2 * STEP_S
TOUCHING_US: Final = 5_000_000
"""Two intervals follow each other if no more lies between them: the start of a run is not the moment of the answer."""
SEALED: Final = 274
"""Polls that a day must have for its summary to be kept: with fewer its percentile could be anything anyway."""
TOP: Final = 120
"""Seven days have at most 2,289 samples of 265 s or more, of which the percentile leaves 114 above it."""
_HEAD: Final = struct.Struct("<BqqH")
_COUNT: Final = struct.Struct("<HB")


class Tops:
    """One of `polls.RATES` over the samples of a day."""

    __slots__ = ("_content", "n")

    def __init__(self, n: int, content: bytes) -> None:
        self.n = n
        """Samples that say it."""
        self._content = content

    def highest(self, depth: int = TOP) -> Sequence[int]:
        """The places of the polls that say most, ascending by what they say; `TOP` of them, or all; of these `depth`."""
        return numbers_of("H", self._content[-2 * depth :])

    @property
    def octets(self) -> bytes:
        """All of `highest`, as it is kept."""
        return self._content


class Summary(NamedTuple):
    """The samples of a day by their middle, without the one that lies across its first midnight."""

    plain: bool
    """Whether every poll that measured is one sample, or none for being too long. False: all else here is empty."""
    first_us: int
    """When the first interval began, in microseconds since the day began; `last_us`: when the last one ended."""
    last_us: int
    samples: int
    tops: tuple[Tops, ...]

    @property
    def measured(self) -> bool:
        """Whether any poll of the day measured."""
        return self.first_us < self.last_us

    def encode(self) -> bytes:
        """Its octets."""
        return b"".join(
            (
                _HEAD.pack(self.plain, self.first_us, self.last_us, self.samples),
                *(_COUNT.pack(one.n, len(one.octets) // 2) for one in self.tops),
                *(one.octets for one in self.tops),
            )
        )

    @classmethod
    def decode(cls, content: bytes, columns: int) -> "Summary":
        """What `encode` wrote of so many rates; `ValueError` for anything else."""
        if len(content) < _HEAD.size:
            raise ValueError("its length does not fit its content")
        plain, first_us, last_us, samples = _HEAD.unpack_from(content)
        if not plain and len(content) == _HEAD.size:
            return OTHER
        at, tops = _HEAD.size + columns * _COUNT.size, []
        if len(content) < at:
            raise ValueError("its length does not fit its content")
        for n, highest in _COUNT.iter_unpack(content[_HEAD.size : at]):
            tops.append(Tops(n, content[at : at + 2 * highest]))
            at += 2 * highest
        if at != len(content):
            raise ValueError("its length does not fit its content")
        return cls(bool(plain), first_us, last_us, samples, tuple(tops))


OTHER: Final = Summary(plain=False, first_us=0, last_us=0, samples=0, tops=())
"""A day that has to be read poll by poll."""


def summary_of(
    moments: Sequence[int],
    seconds: Sequence[float | None],
    columns: Sequence[Sequence[float | None]],
    *,
    one_series: bool,
) -> Summary:
    """From the polls of a day in their order: when they ended, what they cover, and per rate what each says."""
    there = [place for place, one in enumerate(seconds) if one is not None]
    if not one_series or len(moments) >= 2**16:
        return OTHER
    first_us = last_us = None
    own = []
    for place in there:
        covered, end_us = seconds[place] or 0.0, moments[place]
        start_us = end_us - round(covered * 1e6)
        if covered < SHORTEST_S or (last_us is not None and start_us < last_us - TOUCHING_US):
            return OTHER
        first_us, last_us = start_us if first_us is None else first_us, end_us
        if covered <= LONGEST_S and start_us + end_us >= 0:
            own.append(place)
    return Summary(
        plain=True,
        first_us=first_us or 0,
        last_us=last_us or 0,
        samples=len(own),
        tops=tuple(_tops(own, column, seconds) for column in columns),
    )


def sample_rate(rate: float, seconds: float) -> float:
    """The mean of a sample of one interval, as the mean of several would be reckoned (to the last bit)."""
    return (0.0 + rate * seconds) / seconds


def _tops(own: Sequence[int], column: Sequence[float | None], seconds: Sequence[float | None]) -> Tops:
    if not column:
        return Tops(0, b"")
    found = [(sample_rate(rate, seconds[place] or 0.0), place) for place in own if (rate := column[place]) is not None]
    return Tops(len(found), octets_of("H", [place for _, place in sorted(found)[-TOP:]]))
