"""Finding units by name: every way to read the text, each candidate ranked by how well it fits."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from doxa_collector.places.folding import Word, plain, typed, words
from doxa_collector.places.model import Level, Unit

if TYPE_CHECKING:
    from doxa_collector.places.gazetteer import Gazetteer

_LEVELS: Final = (Level.PROVINCE, Level.DISTRICT, Level.COMMUNE)
_ALIASES: Final = {
    "hcm": "ho chi minh",
    "sai gon": "ho chi minh",
    "tphcm": "ho chi minh",
    "hn": "ha noi",
    "brvt": "ba ria vung tau",
}
"""What people call a province besides its name."""
_Names = Callable[[str], Iterable[Unit]]
MAX_WORDS: Final = 16
_PREFIX_LIMIT: Final = 400
_NEAR_WORDS: Final = 6
"""In a longer text a misspelt name is not looked for."""


class Found(NamedTuple):
    """A candidate, and how far it is from what was typed (all zeros: exactly this)."""

    unit: Unit
    inexact: int
    """0: the whole name; 1: written together or apart otherwise; 2: its beginning; 3: one letter off."""
    marks_differ: int
    """Words whose Vietnamese marks are others than those typed; words typed without marks count as right."""
    type_differs: bool
    """Another type word was typed (`xã` for what is a phường)."""


class Index:
    """The names of every state, by their words without marks."""

    def __init__(self, gazetteer: "Gazetteer") -> None:
        self._gazetteer = gazetteer
        self._by_name: dict[str, list[Unit]] = defaultdict(list)
        for code in gazetteer.codes():
            for unit in gazetteer.states(code):
                self._by_name[plain(unit.bare)].append(unit)
        self._regions = {
            name for name, units in self._by_name.items() if any(unit.level is not Level.COMMUNE for unit in units)
        }
        self._together: dict[str, list[str]] = defaultdict(list)
        for name in self._by_name:
            self._together[name.replace(" ", "")].append(name)
        self._sorted = sorted(self._by_name)
        self._backwards = sorted(name[::-1] for name in self._by_name)

    def find(self, text: str, day: date, limit: int) -> tuple[Found, ...]:
        """See `Gazetteer.find`."""
        if (code := text.strip()).isascii() and code.isdigit() and (states := self._gazetteer.states(code)):
            return tuple(Found(unit, 0, 0, type_differs=False) for unit in _one_each(states, day))[:limit]
        asked = words(text)[:MAX_WORDS]
        found: dict[tuple[str, date], Found] = {}
        for one in self._readings(asked):
            known = found.get(one.unit.key)
            if known is None or _fit(one) < _fit(known):
                found[one.unit.key] = one
        ranked = sorted(found.values(), key=lambda one: self._rank(one, day))
        chosen = {unit.key for unit in _one_each([one.unit for one in ranked], day)}
        return tuple(one for one in ranked if one.unit.key in chosen)[:limit]

    def _rank(self, one: Found, day: date) -> tuple[object, ...]:
        unit = one.unit
        return (
            one.inexact, one.marks_differ, one.type_differs, not unit.holds(day),
            _LEVELS.index(unit.level), unit.province, unit.code,
        )  # fmt: skip

    def _readings(self, asked: tuple[Word, ...]) -> Iterator[Found]:
        if not asked:
            return
        some = False
        for inexact, names in ((0, self._same), (1, self._written_otherwise), (2, self._beginning), (3, self._near)):
            if (inexact >= 2 and some) or (inexact == 3 and len(asked) > _NEAR_WORDS):
                return
            for kind, size in typed(asked):
                for one in self._named(asked[size:], kind, inexact, names):
                    some = some or one.marks_differ == 0
                    yield one

    def _named(self, asked: tuple[Word, ...], kind: str, inexact: int, names: "_Names") -> Iterator[Found]:
        for end in range(len(asked), 0, -1):
            name, rest = asked[:end], asked[end:]
            if rest and not _says(rest, self._regions, self._regions):
                continue
            for unit in names(" ".join(word.plain for word in name)):
                if kind and not self._allows(unit, kind):
                    continue
                if not rest or self._lies_in(unit, rest):
                    yield Found(unit, inexact, _marks(name, unit), type_differs=bool(kind) and kind != unit.kind)

    @staticmethod
    def _allows(unit: Unit, kind: str) -> bool:
        """A commune may have been another type of commune, but "tỉnh" never means a commune."""
        return kind == unit.kind or (unit.level is Level.COMMUNE and kind in ("Xã", "Phường", "Thị trấn", "Đặc khu"))

    def _same(self, name: str) -> Iterable[Unit]:
        return self._by_name.get(_ALIASES.get(name, name), ())

    def _written_otherwise(self, name: str) -> Iterator[Unit]:
        for other in self._together.get(name.replace(" ", ""), ()):
            if other != name:
                yield from self._by_name[other]

    def _beginning(self, name: str) -> Iterator[Unit]:
        if len(name) < 2:
            return
        for other in islice(_starting(self._sorted, name), _PREFIX_LIMIT):
            yield from self._by_name[other]

    def _near(self, name: str) -> Iterator[Unit]:
        if len(name) < 5:
            return
        # One edit leaves the beginning or the end as it was, so only names that share one of them are compared.
        shared = 2 if len(name) < 7 else 3
        likely = {other for other in _starting(self._sorted, name[:shared]) if _one_off(name, other)}
        backwards = _starting(self._backwards, name[: -shared - 1 : -1])
        likely |= {other[::-1] for other in backwards if _one_off(name, other[::-1])}
        for other in sorted(likely):
            yield from self._by_name[other]

    def _lies_in(self, unit: Unit, rest: tuple[Word, ...]) -> bool:
        """Do the words after the name say a district and a province of this unit (of any time)?"""
        return _says(rest, *self._around(unit))

    def _around(self, unit: Unit) -> tuple[set[str], set[str]]:
        gazetteer = self._gazetteer
        districts = set(gazetteer.districts(unit))
        origins = [unit, *(step.unit for step in gazetteer.previous(unit)), *(s.unit for s in gazetteer.next(unit))]
        provinces = {found for one in origins if (found := gazetteer.province(one)) is not None}
        return {plain(one.bare) for one in districts}, {plain(one.bare) for one in provinces}


def _says(asked: tuple[Word, ...], districts: set[str], provinces: set[str]) -> bool:
    """Are the words a district, a province, or both in this order?"""
    left = {asked}
    for names in (districts, provinces):
        for some in tuple(left):
            left |= set(_without(some, names))
    return () in left


def _without(asked: tuple[Word, ...], names: set[str]) -> Iterator[tuple[Word, ...]]:
    for _, size in typed(asked):
        rest = asked[size:]
        for end in range(1, len(rest) + 1):
            said = " ".join(word.plain for word in rest[:end])
            if _ALIASES.get(said, said) in names:
                yield rest[end:]


def _marks(asked: tuple[Word, ...], unit: Unit) -> int:
    name = words(unit.bare)
    wrong = sum(one.has_marks and one.marked != other.marked for one, other in zip(asked, name, strict=False))
    if any(one.has_marks for one in asked):  # who writes marks means "Ba" where no mark stands, a little
        wrong += sum(not one.has_marks and other.has_marks for one, other in zip(asked, name, strict=False))
    return wrong


def _one_each(units: Iterable[Unit], day: date) -> list[Unit]:
    """Of the states of one code and bare name the one nearest to `day`, in the order of the first met."""
    best: dict[tuple[str, str], Unit] = {}
    for unit in units:
        key = unit.code, plain(unit.bare)
        known = best.get(key)
        if known is None or _far(unit, day) < _far(known, day):
            best[key] = unit
    return list(best.values())


def _far(unit: Unit, day: date) -> int:
    if unit.holds(day):
        return 0
    return (unit.valid_from - day).days if unit.valid_from > day else (day - (unit.valid_to or day)).days


def _fit(one: Found) -> tuple[int, int, bool]:
    return one.inexact, one.marks_differ, one.type_differs


def _starting(ordered: list[str], beginning: str) -> Iterator[str]:
    """The names with this beginning, of an ordered list."""
    for n in range(bisect_left(ordered, beginning), len(ordered)):
        if not ordered[n].startswith(beginning):
            return
        yield ordered[n]


def _one_off(one: str, other: str) -> bool:
    """Is one edit between the two: a letter more, less, another one, or two neighbours exchanged?"""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start, shorter = 0, min(len(one), len(other))
    while start < shorter and one[start] == other[start]:
        start += 1
    a, b = one[start:], other[start:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])
