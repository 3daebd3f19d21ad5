"""The gazetteer: which unit a code was on a day, what became of it, and which names lead to it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from doxa_collector.places.finding import Found, Index
from doxa_collector.places.folding import plain
from doxa_collector.places.model import Conversion, Extent, Level, Step, Unit
from doxa_collector.places.table import Table, table
from doxa_collector.plans.model import Mark

_DAY: Final = timedelta(days=1)
_MARKS: Final = tuple(Mark)
"""From the surest to the least sure."""


class Gazetteer:
    """Lookups over one table. Nothing changes in it; after an import a new one is made."""

    def __init__(self, found: Table) -> None:
        self._states = found.states
        self._sources = found.sources
        self._after: dict[tuple[str, date], list[Conversion]] = defaultdict(list)
        self._before: dict[tuple[str, date], list[Conversion]] = defaultdict(list)
        for one in found.conversions:
            self._after[one.old, one.day].append(one)
            self._before[one.new, one.day].append(one)
        self._members: dict[str, list[Unit]] = defaultdict(list)
        for states in found.states.values():
            for unit in states:
                if unit.district:
                    self._members[unit.district].append(unit)
        self._index: Index | None = None

    # --- by code

    def at(self, code: str, day: date) -> Unit | None:
        """The unit that had this code on `day`; None where none had it."""
        return next((unit for unit in self._states.get(code, ()) if unit.holds(day)), None)

    def states(self, code: str) -> tuple[Unit, ...]:
        """Every state that had this code, in time. Two of them may be two different places: codes are reused."""
        return self._states.get(code, ())

    def units(self, level: Level, day: date) -> Iterator[Unit]:
        """Every unit of a level on `day`, by code."""
        for code in sorted(self._states):
            unit = self.at(code, day)
            if unit is not None and unit.level is level:
                yield unit

    def codes(self) -> Iterator[str]:
        """Every code that is or was used."""
        return iter(self._states)

    def source(self, unit: Unit | Conversion) -> str:
        """Where a fact is from, in words."""
        return self._sources.get(unit.source, unit.source)

    # --- in time

    def next(self, unit: Unit) -> tuple[Step, ...]:
        """What the unit became on the day after its last; empty where it has no end, or nothing is known.

        A district became what its communes became.
        """
        if unit.valid_to is None:
            return ()
        day = unit.valid_to + _DAY
        if unit.level is Level.DISTRICT and (members := self._members.get(unit.code)):
            return _shared(step for one in members if one.valid_to == unit.valid_to for step in self.next(one))
        steps = [
            Step(found, one.extent, one.main, one.mark)
            for one in self._after.get((unit.code, day), ())
            if one.extent is not Extent.DOUBTFUL and (found := self.at(one.new, day)) is not None
        ]
        same = self.at(unit.code, day)
        if same is not None and self._stays(unit, same, day):
            steps.append(Step(same, Extent.PART if steps else Extent.WHOLE, main=True, mark=same.mark))
        return _ordered(steps, unit)

    def previous(self, unit: Unit) -> tuple[Step, ...]:
        """What the unit was made of on its first day; empty where nothing is known of the time before."""
        day = unit.valid_from
        steps = [
            Step(found, one.extent, one.main, one.mark)
            for one in self._before.get((unit.code, day), ())
            if one.extent is not Extent.DOUBTFUL and (found := self.at(one.old, day - _DAY)) is not None
        ]
        same = self.at(unit.code, day - _DAY)
        if same is not None and self._stays(same, unit, day):
            extent = Extent.PART if self._after.get((unit.code, day)) else Extent.WHOLE
            steps.append(Step(same, extent, main=True, mark=unit.mark))
        return _ordered(steps, unit)

    def _stays(self, old: Unit, new: Unit, day: date) -> bool:
        """Is a code on both sides of `day` one place, though no conversion says so?

        Yes where it gave away no more than parts, and where nothing says that the new one came from elsewhere: no
        origin is given, or only parts of others, or the name is the same one (it took its neighbours in).
        """
        after = [one for one in self._after.get((old.code, day), ()) if one.extent is not Extent.DOUBTFUL]
        before = [one for one in self._before.get((new.code, day), ()) if one.extent is not Extent.DOUBTFUL]
        if any(one.extent is Extent.WHOLE or one.new == new.code for one in after):
            return False
        return all(one.extent is Extent.PART for one in before) or plain(old.bare) == plain(new.bare)

    def doubtful(self, code: str) -> tuple[Conversion, ...]:
        """What the data set says of this code and we do not believe (docs: the namesakes)."""
        ours = (one for (old, _), of in self._after.items() if old == code for one in of)
        theirs = (one for (new, _), of in self._before.items() if new == code for one in of)
        return tuple(one for one in (*ours, *theirs) if one.extent is Extent.DOUBTFUL)

    def follow(self, unit: Unit, day: date) -> tuple[Step, ...]:
        """Which units hold this unit's land on `day`, later or earlier; the likeliest first.

        Itself where it holds on that day. WHOLE: all of the unit asked about is in that one (going back: all of that one
        came into the unit asked about). Empty where nothing is known of that time.
        """
        if unit.holds(day):
            return (Step(unit, Extent.WHOLE, main=True, mark=unit.mark),)
        forward = unit.valid_from <= day  # each step lies wholly later (or earlier) than the last, so this ends
        reached: dict[tuple[str, date], Step] = {}
        for step in self.next(unit) if forward else self.previous(unit):
            for last in self.follow(step.unit, day):
                extent = Extent.PART if Extent.PART in (step.extent, last.extent) else Extent.WHOLE
                known = reached.get(last.unit.key)
                main = (step.main and last.main) or (known is not None and known.main)
                mark = max(step.mark, last.mark, key=_MARKS.index)
                reached[last.unit.key] = Step(last.unit, extent, main, mark)
        return _ordered(reached.values(), unit)

    def where(self, code: str, day: date) -> tuple[Step, ...]:
        """Where the land of this code is on `day`: of its own state then, else of its last state before, else its next."""
        states = self.states(code)
        if not states:
            return ()
        now = self.at(code, day)
        if now is not None:
            return (Step(now, Extent.WHOLE, main=True, mark=now.mark),)
        before = [unit for unit in states if unit.valid_from <= day]
        return self.follow(before[-1] if before else states[0], day)

    def history(self, unit: Unit) -> tuple[Unit, ...]:
        """The unit and all that it was made of or became, in time (each state once)."""
        found: dict[tuple[str, date], Unit] = {}

        def walk(one: Unit, *, forward: bool) -> None:
            found[one.key] = one
            for step in self.next(one) if forward else self.previous(one):
                walk(step.unit, forward=forward)

        walk(unit, forward=True)
        walk(unit, forward=False)
        return tuple(sorted(found.values(), key=lambda one: (one.valid_from, one.code)))

    # --- in words

    def province(self, unit: Unit) -> Unit | None:
        """The province that the unit lies (or lay) in."""
        return self._of(unit.province, unit)

    def districts(self, unit: Unit) -> tuple[Unit, ...]:
        """The district that a commune lay in; of a commune since 1/7/2025 those of its parts, its own code's first."""
        if unit.district:
            found = self._of(unit.district, unit)
            return () if found is None else (found,)
        if unit.level is not Level.COMMUNE:
            return ()
        seen: dict[str, Unit] = {}
        for step in sorted(self.previous(unit), key=lambda s: s.unit.code != unit.code):
            for district in (step.unit,) if step.unit.level is Level.DISTRICT else self.districts(step.unit):
                seen.setdefault(district.code, district)
        return tuple(seen.values())

    def _of(self, code: str, unit: Unit) -> Unit | None:
        """The state of a province or district at the end of the unit's time, else at its beginning."""
        return self.at(code, unit.valid_to or date.max) or self.at(code, unit.valid_from)

    # --- by name

    def find(self, text: str, day: date, *, limit: int = 20) -> tuple[Found, ...]:
        """The units that `text` may mean, best first: today's names (on `day`) before those of other days.

        With or without marks and type word; a district or province may follow (`đồng đăng lạng sơn`). A code finds its
        states. Of a code's states with one bare name only the one nearest to `day` is given.
        """
        if self._index is None:
            self._index = Index(self)
        return self._index.find(text, day, limit)


def _shared(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The different units among the steps; whole only where it is a single one."""
    found = list(steps)
    units = {step.unit.key: step.unit for step in found}
    extent = Extent.WHOLE if len(units) == 1 else Extent.PART
    mark = max((step.mark for step in found), key=_MARKS.index, default=Mark.NF)
    return tuple(Step(units[key], extent, main=extent is Extent.WHOLE, mark=mark) for key in sorted(units))


def _ordered(steps: Iterable[Step], unit: Unit) -> tuple[Step, ...]:
    """The likeliest first, the same code before others."""
    return tuple(
        sorted(steps, key=lambda s: (not s.main, s.extent is Extent.PART, s.unit.code != unit.code, s.unit.code))
    )


def load(overlay: Path | None = None) -> Gazetteer:
    """The gazetteer of the shipped table, with the deployment's overlay file where it is given and exists."""
    return Gazetteer(table(overlay))
