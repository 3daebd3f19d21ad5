"""An indicator that a person enters: checked against the plan's target, kept with its source, noted in the audit log."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import Engine, insert, select

from doxa_collector.assess.manual import FLAG
from doxa_collector.figures.cells import Wrong, decimal
from doxa_collector.ledger.engine import writing
from doxa_collector.ledger.schema import indicator as table
from doxa_collector.ledger.writing import note
from doxa_collector.plans.model import Kind, Plan, Target, Unit
from doxa_collector.plans.quantities import normal_unit
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.moments import microseconds
from doxa_core.similar import nearest

MAX_VALUE: Final = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One figure of a manual target."""

    plan: str
    target: str
    place_code: str
    as_of: str
    """The day of which the figure speaks, ISO."""
    value: float
    unit: str
    """The target's own unit; `flag` (1 done, 0 not done) where the target has no number."""
    source: str
    """The paper it was taken from."""


def check(
    plans: Sequence[Plan],
    *,
    plan: str,
    target: str,
    place: str,
    value: str,
    unit: str,
    as_of: date,
    source: str,
    today: date,
) -> Indicator:
    """The indicator as it goes into the ledger; `InputError` for what the plan does not know or the unit cannot be."""
    known = {one.id: one for one in plans}
    if plan not in known:
        raise InputError(plan, _NO_PLAN, _likely(plan, known))
    found = known[plan].target(target)
    if found is None:
        raise InputError(f"{plan} {target}", _NO_TARGET, _likely(target, [one.id for one in known[plan].targets]))
    if found.kind is not Kind.MANUAL:
        raise InputError(f"{plan} {target}", _NOT_MANUAL.fill(kind=found.kind.text), _ONLY_MANUAL)
    codes = {one.code: one.name for one in known[plan].places}
    if place not in codes:
        units = ", ".join(f"{code} {name}" for code, name in codes.items())
        raise InputError(f"{plan} {place}", _NO_PLACE, Text(vi=f"kế hoạch có: {units}", en=f"the plan has: {units}"))
    if as_of > today:
        raise InputError(f"--as-of {as_of}", _FUTURE, _EARLIER)
    if not source.strip():
        raise InputError("--source", _NO_SOURCE, _NAME_PAPER)
    number, spelt = _value(found, value, unit)
    return Indicator(
        plan=plan, target=found.id, place_code=place, as_of=as_of.isoformat(), value=number, unit=spelt,
        source=" ".join(source.split()),
    )  # fmt: skip


def _value(target: Target, value: str, unit: str) -> tuple[float, str]:
    try:
        number = decimal(value.strip())
    except Wrong as wrong:
        raise InputError(f"--value {value}", wrong.what, _A_VALUE) from None
    if target.operator is None or target.value is None or target.unit is None:
        if unit != FLAG:
            raise InputError(f"--unit {unit}", _QUALITATIVE, _A_FLAG)
        if number not in (0, 1):
            raise InputError(f"--value {value}", _QUALITATIVE, _A_FLAG)
        return number, FLAG
    meant = normal_unit(unit)
    if meant is None or meant[0] is not target.unit:
        raise InputError(f"--unit {unit}", _OTHER_UNIT, _THIS_UNIT.fill(unit=target.unit.value))
    number = round(number * meant[1], 9)
    if number > (100 if target.unit is Unit.PERCENT else MAX_VALUE):
        raise InputError(f"--value {value}", _TOO_MUCH, _A_VALUE)
    return number, target.unit.value


def enter(engine: Engine, one: Indicator, by: str, now: datetime) -> bool:
    """Keep it and note who entered it; False where the same stands there as the latest word of that day already."""
    row, now_us = asdict(one), microseconds(now)
    same = [table.c[name] == row[name] for name in ("plan", "target", "place_code", "as_of")]
    with writing(engine) as conn:
        last = (
            conn.execute(select(table).where(*same).order_by(table.c.entered_us.desc(), table.c.id.desc()))
            .mappings()
            .first()
        )
        if last is not None and all(last[name] == row[name] for name in row):
            return False
        conn.execute(insert(table).values(**row, entered_by=by, entered_us=now_us))
        note(conn, now_us, by, "indicator.enter", row)
    return True


def _likely(word: str, known: Sequence[str] | dict[str, Plan]) -> Text:
    near = nearest(word, known)
    if near is not None:
        return Text(vi=f"có phải «{near}» không?", en=f"did you mean '{near}'?")
    listed = ", ".join(known)
    return Text(vi=f"có: {listed}", en=f"there are: {listed}")


_NO_PLAN = Text(vi="không có kế hoạch này", en="there is no such plan")
_NO_TARGET = Text(vi="kế hoạch không có chỉ tiêu này", en="the plan has no such target")
_NOT_MANUAL = Text(
    vi="chỉ tiêu này được đánh giá theo {kind}, không nhập tay",
    en="this target is judged by {kind}, not entered by hand",
)
_ONLY_MANUAL = Text(
    vi="chỉ nhập cho chỉ tiêu kiểu «nhập tay» (xem: doxa plan show)",
    en="enter figures of targets that are entered by hand (see: doxa plan show)",
)
_NO_PLACE = Text(vi="địa bàn này không thuộc kế hoạch", en="this place does not belong to the plan")
_FUTURE = Text(vi="ngày này chưa tới", en="this day has not come")
_EARLIER = Text(vi="hãy ghi ngày mà số liệu nói đến", en="give the day that the figure speaks of")
_NO_SOURCE = Text(vi="chưa có nguồn", en="the source is missing")
_NAME_PAPER = Text(vi="hãy ghi số hiệu, ngày của văn bản", en="name the paper by its number and day")
_A_VALUE = Text(
    vi="hãy ghi một số từ 0 như 95,2; phần trăm không quá 100",
    en="write a number from 0 such as 95.2; a percentage is at most 100",
)
_QUALITATIVE = Text(vi="chỉ tiêu này không có con số", en="this target has no number")
_A_FLAG = Text(
    vi="hãy ghi --unit flag với --value 1 (đạt) hoặc 0 (chưa đạt)",
    en="write --unit flag with --value 1 (done) or 0 (not done)",
)
_OTHER_UNIT = Text(vi="không phải đơn vị của chỉ tiêu", en="this is not the target's unit")
_THIS_UNIT = Text(vi="hãy ghi --unit '{unit}'", en="write --unit '{unit}'")
_TOO_MUCH = Text(vi="số quá lớn", en="the number is too big")
