"""The verdicts that a paper may print: of an open month by what is there now, of a closed one only what can be proved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from doxa_collector.assess.closing import (
    Closing,
    Judged,
    as_kept,
    differences,
    judge_again,
    kept_result,
    late,
    latest_closings,
)
from doxa_collector.assess.run import judge_now
from doxa_collector.assess.settings import Settings
from doxa_collector.period import Period, local_day
from doxa_collector.plans.model import Plan, PlanPlace
from doxa_collector.verdict import Verdict
from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text
from doxa_core.similar import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """One plan's month: the verdicts of its places, and what they stand on."""

    plan: Plan
    judged: Judged
    closing: Closing | None
    """None: the month is open, and the figures are provisional."""
    late: int
    """Measurements that came after the closing and do not count."""
    places: tuple[PlanPlace, ...]
    """Those that were judged and asked for, in the plan's order."""

    @property
    def period(self) -> Period:
        """The month."""
        return self.judged.period

    @property
    def provable(self) -> bool:
        """Whether this doxa judges it as it was judged; False: closed by another method, and shown as it was kept."""
        return self.closing is None or self.closing.provable

    @property
    def day(self) -> date:
        """The day whose registry counted."""
        return judged_day(self.judged)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Those of the plan at these places, place by place in the order of the plan's targets."""
        codes = {place.code for place in self.places}
        return tuple(v for v in self.judged.verdicts if v.plan == self.plan.id and v.place in codes)


def judged_day(judged: Judged) -> date:
    """The day whose registry counted: the last of the month, or that of the judgement in an open one."""
    return min(judged.period.last, local_day(judged.judged_us))


def find_month(
    conn: Connection,
    plans: Sequence[Plan],
    period: Period,
    settings: Settings,
    now_us: int,
    *,
    plan: str,
    place: str | None,
    places: Path | None = None,
) -> Month:
    """The plan's month; `plans` and `places` (the file of imported places) are today's and count only while it is open.

    `InputError` for a plan or a place that the month knows nothing of; `OperationError` where a closed month's evidence
    is damaged, or does not give again what was kept.
    """
    closing = latest_closings(conn).get(period.first)
    if closing is None:
        chosen = choose_plan(plans, plan, period.month)
        judged = judge_now(conn, [chosen], period, settings, now_us, places)
    else:
        judged = proved(conn, closing)
        chosen = choose_plan(judged.plans, plan, period.month)
    late_ones = 0 if closing is None else late(conn, closing)
    return Month(
        plan=chosen, judged=judged, closing=closing, late=late_ones, places=choose_places(chosen, judged, place)
    )  # fmt: skip


def month_or_none(
    conn: Connection,
    plans: Sequence[Plan],
    period: Period,
    settings: Settings,
    now_us: int,
    *,
    plan: str,
    place: str | None,
    places: Path | None = None,
) -> Month | None:
    """The same, None for a month that did not judge the plan at this place."""
    try:
        return find_month(conn, plans, period, settings, now_us, plan=plan, place=place, places=places)
    except InputError:
        return None


def proved(conn: Connection, closing: Closing) -> Judged:
    """What judging again confirms; of a month that another method closed, what was kept, which the paper says.

    It reads what cannot change (`ledger.engine.reading_apart` is enough); `OperationError` where nothing can be proved.
    """
    month = closing.period.first.strftime("%m/%Y")
    try:
        if not closing.provable:
            return as_kept(conn, closing)
        kept, judged = kept_result(conn, closing), judge_again(conn, closing)
    except ValueError as error:
        raise _damaged(closing.period, error) from error
    if found := differences(kept, judged):
        raise OperationError(_DIFFERS.fill(month=month, n=found.total))
    return judged


def damaged(month: Month, error: ValueError) -> OperationError:
    """What is said where the ledger no longer holds what a month stands on."""
    return _damaged(month.period, error)


def _damaged(period: Period, error: ValueError) -> OperationError:
    return OperationError(_DAMAGED.fill(month=period.first.strftime("%m/%Y"), error=error))


def choose_plan(plans: Sequence[Plan], wanted: str, when: str) -> Plan:
    """The plan of that id; `InputError` with the nearest name where there is none in the period `when`."""
    for plan in plans:
        if plan.id == wanted:
            return plan
    known = [plan.id for plan in plans]
    if near := nearest(wanted, known):
        mend = Text(vi=f"có phải ý bạn là «{near}»?", en=f"did you mean '{near}'?")
    else:
        mend = _KNOWN.fill(month=when, known=", ".join(known) or "–")
    raise InputError(wanted, _NO_PLAN, mend)


def choose_places(plan: Plan, judged: Judged, wanted: str | None) -> tuple[PlanPlace, ...]:
    """The places of the plan that were judged, or the one asked for; `InputError` where there is none."""
    period, day = judged.period, judged_day(judged)
    codes = {v.place for v in judged.verdicts if v.plan == plan.id}
    there = [place for place in plan.places if place.code in codes and place.judged_on(day)]
    if not there:
        since = f"{plan.valid_from:%d/%m/%Y}" + ("" if plan.judge_until is None else f" – {plan.judge_until:%d/%m/%Y}")
        raise InputError(f"{plan.id} {period.month}", _NOT_JUDGED, _SEE_PLAN.fill(since=since))
    if wanted is None:
        return tuple(there)
    found = tuple(place for place in there if place.code == wanted)
    if not found:
        known = ", ".join(f"{place.code} ({place.name})" for place in there)
        raise InputError(f"--place {wanted}", _NO_PLACE, _KNOWN.fill(month=period.month, known=known))
    return found


_DAMAGED: Final = Text(
    vi="tháng {month}: sổ cái không còn giữ nguyên vẹn căn cứ của lần khóa sổ ({error}); không in báo cáo; hãy khôi phục từ bản lưu",
    en="month {month}: the ledger no longer holds what the month was closed with ({error}); no paper is made; restore a backup",
)
_DIFFERS: Final = Text(
    vi="tháng {month}: tính lại cho {n} kết quả khác với lúc khóa sổ; không in báo cáo; hãy xem doxa assess và khôi phục sổ cái từ bản lưu",
    en="month {month}: judging again differs from the closing in {n} verdicts; no paper is made; see doxa assess and restore the ledger from a backup",
)
_NO_PLAN: Final = Text(vi="không có kế hoạch này", en="there is no such plan")
_NO_PLACE: Final = Text(vi="kế hoạch không được đánh giá tại địa bàn này", en="the plan is not judged at this place")
_KNOWN: Final = Text(vi="tháng {month} có: {known}", en="in {month} there are: {known}")
_NOT_JUDGED: Final = Text(vi="tháng này không đánh giá kế hoạch đó", en="the plan is not judged in this month")
_SEE_PLAN: Final = Text(
    vi="kế hoạch được đánh giá từ {since}; hãy kiểm tra thời hạn và địa bàn trong tệp kế hoạch",
    en="it is judged from {since}; check the periods and places in the plan's file",
)
