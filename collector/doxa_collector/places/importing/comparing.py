"""What a list changes in the table: new, renamed, moved, ended, reused, corrected; contradictions are refused."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from doxa_collector.places.folding import words
from doxa_collector.places.importing.claims import Claim, Listing
from doxa_collector.places.importing.headers import Column
from doxa_collector.places.model import TYPES, Conversion, Extent, Level, Unit
from doxa_collector.places.overlay import End, Overlay
from doxa_collector.places.table import Table, with_state
from doxa_collector.plans.model import Mark
from doxa_core.errors import InputError
from doxa_core.language import Text

_DAY: Final = timedelta(days=1)


class Kind(StrEnum):
    """What happened to a code."""

    NEW = "new"
    RENAMED = "renamed"
    MOVED = "moved"
    REUSED = "reused"
    CORRECTED = "corrected"
    ENDED = "ended"

    @property
    def text(self) -> Text:
        """The kind in words."""
        return _KINDS[self]


_KINDS = {
    Kind.NEW: Text(vi="mới", en="new"),
    Kind.RENAMED: Text(vi="đổi tên hoặc loại", en="renamed"),
    Kind.MOVED: Text(vi="sang tỉnh khác", en="in another province"),
    Kind.REUSED: Text(vi="dùng lại mã cũ", en="code reused"),
    Kind.CORRECTED: Text(vi="sửa lại", en="corrected"),
    Kind.ENDED: Text(vi="hết hiệu lực", en="ended"),
}


class Change(NamedTuple):
    """One change."""

    kind: Kind
    before: Unit | None
    """The state before it; of a reused code the last one that had it."""
    after: Unit | None
    """The state that begins; None where the unit ends."""
    day: date
    """The first day on which it is so."""
    row: int | None
    """The row that says so; None where it follows from other rows."""


class Difference(NamedTuple):
    """What an import would do."""

    changes: tuple[Change, ...]
    unchanged: int
    """Rows that say what the table has."""
    overlay: Overlay
    """What is to be added to the deployment's overlay."""
    conversions: int
    """Old codes whose successor the table did not have so."""


def compare(listing: Listing, table: Table, *, first: date | None, complete: bool, mark: Mark = Mark.S) -> Difference:
    """The list against the table. `InputError` for what contradicts itself or the table.

    Args:
        listing: the list.
        table: what is known before it, with the overlay.
        first: the first day of rows without one; None: each row must have its own.
        complete: the list names every commune of its provinces as of `first`, so those that it lacks have ended.
        mark: how sure the list's facts are.
    """
    if complete and first is None:
        raise InputError(listing.file, _NO_FIRST, _GIVE_FIRST)
    comparing = _Comparing(listing, table, mark)
    dated = [(claim, claim.first or first) for claim in listing.claims]
    for claim, day in dated:
        if day is None:
            raise listing.refuse(claim, Column.FIRST, _NO_DAY, _GIVE_DAY)
        if claim.last is not None and claim.last < day:  # a day given for all rows may come after a row's last one
            what = _OVER_BEFORE.fill(last=_said(claim.last), first=_said(day))
            raise listing.refuse(claim, Column.LAST, what, _MEND_ENDS)
    ready = sorted(((c, d) for c, d in dated if d is not None), key=lambda one: (one[1], len(one[0].code), one[0].code))
    _check_twice(listing, ready)
    for claim, day in ready:
        comparing.take(claim, day)
    for claim, day in ready:
        comparing.convert(claim, day)
    if complete and first is not None:
        comparing.end_the_others(first)
    for claim, day in ready:
        comparing.check_end(claim, day)
    return comparing.difference()


def same_name(one: str, other: str) -> bool:
    """Are both one name? Where a tone stands in its word (`Hòa`, `Hoà`), y or i, and capitals do not matter."""
    return one == other or [w.marked for w in words(one)] == [w.marked for w in words(other)]


def _check_twice(listing: Listing, ready: Iterable[tuple[Claim, date]]) -> None:
    seen: dict[tuple[str, date], Claim] = {}
    for claim, day in ready:
        other = seen.setdefault((claim.code, day), claim)
        if other is not claim:
            what = _TWICE.fill(code=claim.code, row=min(other.row, claim.row))
            raise listing.refuse(max(claim, other, key=lambda c: c.row), Column.CODE, what, _ONE_ONLY)


class _Comparing:
    """The table as it grows while rows are taken in the order of their days."""

    def __init__(self, listing: Listing, table: Table, mark: Mark) -> None:
        self._listing, self._mark = listing, mark
        self._states = dict(table.states)
        self._known = {(one.old, one.new, one.day): one for one in table.conversions}
        self._changes: list[Change] = []
        self._begun: dict[tuple[str, date], Unit] = {}
        self._ends: dict[tuple[str, date], End] = {}
        self._conversions: dict[tuple[str, date], list[Conversion]] = {}
        self._unchanged = 0

    def take(self, claim: Claim, day: date) -> None:
        """One row."""
        now = self._at(claim.code, day)
        province = claim.province or (now.province if now else "")
        self._check_province(claim, province, day)
        if now is not None and same_name(now.name, claim.name) and now.province == province:
            self._end_by(claim, now) if claim.last not in {None, now.valid_to} else self._count()
            return
        if now is not None and _lost_marks(claim.name, now.name):
            raise self._listing.refuse(claim, Column.NAME, _NO_MARKS.fill(name=claim.name, known=now.name), _WITH_MARKS)
        self._check_later(claim, now, day)
        before = now or next((u for u in reversed(self._states.get(claim.code, ())) if u.valid_from < day), None)
        unit = Unit(claim.code, claim.name, claim.level, province, "", day, claim.last, self._source(claim), self._mark)
        self._states[claim.code] = with_state(self._states.get(claim.code, ()), unit)
        self._begun[unit.key] = unit
        self._changes.append(Change(_kind(before, now, unit), before, unit, day, claim.row))

    def _count(self) -> None:
        self._unchanged += 1

    def _at(self, code: str, day: date) -> Unit | None:
        return next((unit for unit in self._states.get(code, ()) if unit.holds(day)), None)

    def _source(self, claim: Claim) -> str:
        return claim.decision or self._listing.file

    def _check_province(self, claim: Claim, province: str, day: date) -> None:
        if claim.level is Level.PROVINCE:
            return
        if not province:
            raise self._listing.refuse(claim, Column.PROVINCE, _NO_PROVINCE, _WRITE_PROVINCE)
        if self._at(province, day) is None:
            what = _UNKNOWN_PROVINCE.fill(code=province, day=_said(day))
            raise self._listing.refuse(claim, Column.PROVINCE, what, _WRITE_PROVINCE)

    def _check_later(self, claim: Claim, now: Unit | None, day: date) -> None:
        """A row may not rewrite what the table has for later: that would change a past that was already judged."""
        later = next((u for u in self._states.get(claim.code, ()) if u.valid_from > day and u is not now), None)
        if later is not None:
            what = _LATER.fill(day=_said(later.valid_from), name=later.name)
            raise self._listing.refuse(claim, Column.FIRST, what, _MEND_LATER)
        if now is not None and now.valid_to is not None and claim.last != now.valid_to:
            what = _ENDS.fill(name=now.name, day=_said(now.valid_to))
            raise self._listing.refuse(claim, Column.FIRST, what, _MEND_ENDS)

    def _end_by(self, claim: Claim, now: Unit) -> None:
        if claim.last is not None:
            if now.valid_to is not None:
                what = _ENDS.fill(name=now.name, day=_said(now.valid_to))
                raise self._listing.refuse(claim, Column.LAST, what, _MEND_ENDS)
            self._end(now, claim.last, self._source(claim), claim.row)

    def _end(self, unit: Unit, last: date, source: str, row: int | None) -> None:
        ended = unit._replace(valid_to=last)
        self._states[unit.code] = tuple(ended if u is unit else u for u in self._states[unit.code])
        self._ends[unit.code, last] = End(unit.code, last, source, self._mark)
        self._changes.append(Change(Kind.ENDED, unit, None, last + _DAY, row))

    def convert(self, claim: Claim, day: date) -> None:
        """The old codes of a row: what they were on the day before came into the row's unit."""
        for old in claim.old:
            before = self._at(old.code, day - _DAY)
            if before is None:
                what = _NO_OLD.fill(code=old.code, day=_said(day - _DAY))
                raise self._listing.refuse(claim, Column.OLD, what, _CHECK_OLD)
            group = self._conversions.setdefault((old.code, day), [])
            if group and (old.extent is Extent.WHOLE or any(one.extent is Extent.WHOLE for one in group)):
                what = _TWO_WHOLES.fill(code=old.code, other=group[0].new)
                raise self._listing.refuse(claim, Column.OLD, what, _SAY_PART)
            source = self._source(claim)
            group.append(
                Conversion(old.code, claim.code, day, old.extent, old.extent is Extent.WHOLE, source, self._mark)
            )
            still = self._at(old.code, day)
            if still is not None and still is before and old.code != claim.code and old.extent is Extent.WHOLE:
                self._end(still, day - _DAY, source, None)

    def end_the_others(self, day: date) -> None:
        """A complete list: communes of its provinces that it lacks have ended on the day before."""
        listed = {claim.code for claim in self._listing.claims}
        provinces = {
            unit.province for code in listed if len(code) == 5 and (unit := self._at(code, day)) is not None
        }  # fmt: skip
        for code in sorted(self._states):
            unit = self._at(code, day)
            if unit is None or len(code) != 5 or code in listed or unit.province not in provinces:
                continue
            if unit.valid_from >= day:
                raise InputError(
                    self._listing.file, _BEGINS.fill(code=code, name=unit.name, day=_said(day)), _CHECK_COMPLETE
                )
            self._end(unit, day - _DAY, self._listing.file, None)

    def check_end(self, claim: Claim, day: date) -> None:
        """A row's last day must be what is left after all other rows."""
        now = self._at(claim.code, day)
        ends = now.valid_to if now is not None else None
        if claim.last is not None and ends is not None and ends != claim.last:
            what = _ENDED_BY_ROWS.fill(day=_said(ends))
            raise self._listing.refuse(claim, Column.LAST, what, _MEND_ENDS)

    def difference(self) -> Difference:
        """All that was found."""
        groups = [group for group in self._conversions.values() if any(self._differs(one) for one in group)]
        conversions = tuple(one for group in groups for one in group)
        overlay = Overlay(tuple(self._begun.values()), tuple(self._ends.values()), conversions)
        changes = tuple(sorted(self._changes, key=lambda c: (c.day, (c.after or c.before or _NOBODY).code)))
        return Difference(changes, self._unchanged, overlay, len(conversions))

    def _differs(self, one: Conversion) -> bool:
        known = self._known.get((one.old, one.new, one.day))
        return known is None or known.extent is not one.extent


def _kind(before: Unit | None, now: Unit | None, unit: Unit) -> Kind:
    if now is not None and now.valid_from == unit.valid_from:
        return Kind.CORRECTED
    if now is None:
        return Kind.NEW if before is None else Kind.REUSED
    return Kind.RENAMED if now.province == unit.province else Kind.MOVED


def _lost_marks(claimed: str, known: str) -> bool:
    """Is it the known name with all its Vietnamese marks lost on the way?"""
    ours, theirs = words(_bare(known)), words(_bare(claimed))  # the type word of a row was written by us
    return (
        [word.plain for word in ours] == [word.plain for word in theirs]
        and any(word.has_marks for word in ours)
        and not any(word.has_marks for word in theirs)
    )


def _bare(name: str) -> str:
    kinds = (kind for of_level in TYPES.values() for kind in of_level)
    return next((name[len(kind) + 1 :] for kind in kinds if name.startswith(f"{kind} ")), name)


def counts(difference: Difference) -> dict[Kind, int]:
    """How many changes of each kind, only of those that there are."""
    found = Counter(change.kind for change in difference.changes)
    return {kind: found[kind] for kind in Kind if found[kind]}


def _said(day: date) -> str:
    return day.strftime("%d/%m/%Y")


_NOBODY: Final = Unit("", "", Level.COMMUNE, "", "", date.min, None, "", Mark.NF)
_NO_FIRST = Text(vi="--complete cần biết danh mục có hiệu lực từ ngày nào", en="--complete needs the list's first day")
_GIVE_FIRST = Text(vi="hãy ghi --from 01/07/2025", en="write --from 01/07/2025")
_NO_DAY = Text(vi="không biết có hiệu lực từ ngày nào", en="its first day is not known")
_GIVE_DAY = Text(
    vi="hãy điền cột «Có hiệu lực từ», hoặc ghi --from 01/07/2025 cho cả danh mục",
    en="fill the column 'Có hiệu lực từ', or write --from 01/07/2025 for the whole list",
)
_TWICE = Text(
    vi="mã {code} đã có ở dòng {row} với cùng ngày", en="the code {code} stands in row {row} with the same day"
)
_ONE_ONLY = Text(vi="hãy bỏ một dòng hoặc sửa ngày", en="remove one of the rows or mend the day")
_NO_MARKS = Text(vi="«{name}» mất dấu (bảng ghi «{known}»)", en="'{name}' lost its marks (the table has '{known}')")
_WITH_MARKS = Text(vi="hãy xuất lại danh mục có dấu tiếng Việt", en="export the list again with Vietnamese marks")
_NO_PROVINCE = Text(vi="thiếu mã tỉnh của một xã mới", en="the province of a new commune is missing")
_UNKNOWN_PROVINCE = Text(vi="không có tỉnh mã {code} vào ngày {day}", en="there was no province {code} on {day}")
_WRITE_PROVINCE = Text(
    vi="hãy ghi mã tỉnh 2 chữ số đang có hiệu lực, hoặc thêm tỉnh đó vào danh mục",
    en="write a valid province's code of 2 digits, or add that province to the list",
)
_LATER = Text(vi="bảng đã có «{name}» từ {day}, sau ngày này", en="the table has '{name}' from {day}, after this day")
_MEND_LATER = Text(vi="hãy sửa ngày, hoặc bỏ dòng này", en="mend the day, or remove the row")
_ENDS = Text(vi="«{name}» đã hết hiệu lực ngày {day}", en="'{name}' has ended on {day}")
_ENDED_BY_ROWS = Text(
    vi="theo các dòng khác, đơn vị này hết hiệu lực ngày {day}", en="by other rows this unit ends on {day}"
)
_OVER_BEFORE = Text(vi="ngày cuối {last} trước ngày đầu {first}", en="the last day {last} is before the first {first}")
_MEND_ENDS = Text(vi="hãy sửa ngày cho khớp", en="mend the days so that they agree")
_NO_OLD = Text(vi="không có mã {code} vào ngày {day}", en="there was no code {code} on {day}")
_CHECK_OLD = Text(vi="hãy xem: doxa places show MÃ", en="see: doxa places show CODE")
_TWO_WHOLES = Text(vi="mã cũ {code} cũng đã vào {other}", en="the old code {code} went into {other} too")
_SAY_PART = Text(vi="hãy ghi (một phần) ở cả hai dòng", en="write (một phần) in both rows")
_BEGINS = Text(
    vi="thiếu {code} {name}, mà bảng ghi có từ {day}",
    en="{code} {name} is missing, which by the table begins on {day}",
)
_CHECK_COMPLETE = Text(vi="hãy bổ sung, hoặc bỏ --complete", en="add it, or leave --complete out")
