"""Places × targets: what each plan demands of each place, what was found there, and what is worst first."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, func, select

from doxa_collector.ledger.schema import indicator, verdict
from doxa_collector.plans.model import Kind, Plan, PlanPlace, Target
from doxa_collector.verdict import Verdict, VerdictOutcome
from doxa_collector.web.places import Atlas, fold

WORST_FIRST: Final = (
    VerdictOutcome.FAIL,
    VerdictOutcome.PROBE_LIMITED,
    VerdictOutcome.INSUFFICIENT,
    VerdictOutcome.PASS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the reader asked for; None: everything."""

    plan: str | None = None
    outcome: VerdictOutcome | None = None
    province: str | None = None
    words: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The stored verdict of one target at one place; numbers in the target's unit."""

    id: int
    plan: str
    plan_version: str
    target: str
    place: str
    period_from: str
    period_to: str
    outcome: VerdictOutcome
    value: float | None
    n: int
    lower: float | None
    upper: float | None
    layer: str | None
    published: float | None
    reasons: tuple[str, ...]
    detail: Mapping[str, Any]
    computed_us: int

    def as_verdict(self) -> Verdict:
        """The verdict as the assessment made it, for its sentence."""
        return Verdict(
            plan=self.plan,
            plan_version=self.plan_version,
            target=self.target,
            place=self.place,
            period_from=date.fromisoformat(self.period_from),
            period_to=date.fromisoformat(self.period_to),
            outcome=self.outcome,
            value=self.value,
            n=self.n,
            lower=self.lower,
            upper=self.upper,
            layer=self.layer,
            reasons=self.reasons,
            published=self.published,
            detail=json.dumps(self.detail),
        )

    @property
    def members(self) -> list[Mapping[str, Any]]:
        """The offices behind a share, those that do not meet it first."""
        return [member for member in self.detail.get("members", ()) if isinstance(member, dict)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """An indicator that a person entered."""

    value: float
    unit: str
    as_of: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One target at one place: what was found, or nothing yet."""

    target: Target
    finding: Finding | None
    entered: Entered | None
    overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One place under one plan."""

    plan: Plan
    place: PlanPlace
    measured: Sequence[Demand]
    manual: Sequence[Demand]
    counts: Mapping[VerdictOutcome, int]

    @property
    def key(self) -> str:
        """A name for the card that stays the same from one look to the next."""
        return f"{self.plan.id}-{self.place.code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One page of cards, and the totals of everything that the filters (without the outcome) let through."""

    cards: Sequence[Card]
    totals: Mapping[VerdictOutcome, int]
    places: int
    """How many places under a plan the filters let through."""
    page: int
    pages: int
    periods: Sequence[tuple[str, str]]
    """The periods judged, first and last day."""
    computed_us: int | None


@dataclass(slots=True)
class _Tally:
    plan: Plan
    place: PlanPlace
    counts: Counter[VerdictOutcome] = field(default_factory=Counter)

    @property
    def order(self) -> tuple[object, ...]:
        """Worst first, then as the plans stand, then by name."""
        return (*(-self.counts[outcome] for outcome in WORST_FIRST), self.plan.letter, fold(self.place.name))


def measured_targets(plan: Plan) -> list[Target]:
    """The targets that measurements or imported figures answer."""
    return [target for target in plan.targets if target.kind is not Kind.MANUAL]


def board(
    conn: Connection, plans: Sequence[Plan], atlas: Atlas, filters: Filters, *, today: date, page_size: int
) -> Board:
    """The page that `filters` ask for. Only the shown places' verdicts are read whole; the rest is counted."""
    chosen = [plan for plan in plans if filters.plan in (None, plan.id)]
    periods = {plan.id: period for plan in chosen if (period := latest_period(conn, plan)) is not None}
    tallies = _tallies(conn, chosen, periods, filters, atlas, today)
    totals: Counter[VerdictOutcome] = Counter()
    for tally in tallies:
        totals.update(tally.counts)
    if filters.outcome is not None:
        tallies = [tally for tally in tallies if tally.counts[filters.outcome]]
    tallies.sort(key=lambda tally: tally.order)
    pages = max(1, -(-len(tallies) // page_size))
    page = min(max(1, filters.page), pages)
    shown = tallies[(page - 1) * page_size : page * page_size]
    cards = _cards(conn, shown, periods, filters.outcome, today)
    return Board(
        cards=cards,
        totals=totals,
        places=len(tallies),
        page=page,
        pages=pages,
        periods=sorted({(p.first, p.last) for p in periods.values()}),
        computed_us=max((p.computed_us for p in periods.values()), default=None),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The period of a plan's latest judgement."""

    first: str
    last: str
    computed_us: int


def latest_period(conn: Connection, plan: Plan) -> Period | None:
    """The latest period judged under the plan's version in force, None before the first judgement."""
    v = verdict.c
    row = conn.execute(
        select(v.period_from, v.period_to, v.computed_us)
        .where(v.plan == plan.id, v.plan_version == plan.version)
        .order_by(v.period_from.desc())
        .limit(1)
    ).first()
    return None if row is None else Period(first=row[0], last=row[1], computed_us=row[2])


def _tallies(
    conn: Connection,
    plans: Sequence[Plan],
    periods: Mapping[str, Period],
    filters: Filters,
    atlas: Atlas,
    today: date,
) -> list[_Tally]:
    wanted = fold(filters.words)
    found = {
        (plan.id, place.code): _Tally(plan, place)
        for plan in plans
        for place in plan.places
        if place.judged_on(today)
        and filters.province in (None, atlas.province_of(place))
        and (not wanted or wanted in fold(f"{place.name} {place.code}"))
    }
    for plan in plans:
        if plan.id in periods:
            for code, outcome, n in _counts(conn, plan, periods[plan.id].first):
                if tally := found.get((plan.id, code)):
                    tally.counts[VerdictOutcome(outcome)] += n
    return list(found.values())


def _counts(conn: Connection, plan: Plan, period_from: str) -> list[tuple[str, str, int]]:
    v = verdict.c
    query = (
        select(v.place_code, v.outcome, func.count())
        .where(
            v.plan == plan.id,
            v.plan_version == plan.version,
            v.target.in_([target.id for target in measured_targets(plan)]),
            v.period_from == period_from,
        )
        .group_by(v.place_code, v.outcome)
    )
    return [(row[0], row[1], row[2]) for row in conn.execute(query)]


def _cards(
    conn: Connection,
    tallies: Sequence[_Tally],
    periods: Mapping[str, Period],
    outcome: VerdictOutcome | None,
    today: date,
) -> list[Card]:
    codes = {tally.place.code for tally in tallies}
    plans = {tally.plan.id: tally.plan for tally in tallies}
    findings = {
        (f.plan, f.place, f.target): f
        for plan in plans.values()
        if plan.id in periods
        for f in findings_of(conn, plan, periods[plan.id].first, codes)
    }
    entered = _entered(conn, list(plans), list(codes))

    def demand(tally: _Tally, target: Target) -> Demand:
        key = (tally.plan.id, tally.place.code, target.id)
        overdue = target.due is not None and target.due < today
        return Demand(target=target, finding=findings.get(key), entered=entered.get(key), overdue=overdue)

    cards = []
    for tally in tallies:
        demands = [demand(tally, target) for target in tally.plan.targets]
        measured = [d for d in demands if d.target.kind is not Kind.MANUAL]
        if outcome is not None:
            measured = [d for d in measured if d.finding is not None and d.finding.outcome is outcome]
        measured.sort(key=_worst_first)
        manual = [] if outcome is not None else [d for d in demands if d.target.kind is Kind.MANUAL]
        cards.append(Card(plan=tally.plan, place=tally.place, measured=measured, manual=manual, counts=tally.counts))
    return cards


def _worst_first(demand: Demand) -> int:
    """Trouble stands first; what nobody judged yet stands last, otherwise the order of the document stays."""
    return len(WORST_FIRST) if demand.finding is None else WORST_FIRST.index(demand.finding.outcome)


def findings_of(conn: Connection, plan: Plan, period_from: str, codes: set[str]) -> list[Finding]:
    """The verdicts of a plan in force for one period and some places."""
    v = verdict.c
    query = select(verdict).where(
        v.plan == plan.id,
        v.plan_version == plan.version,
        v.target.in_([target.id for target in plan.targets]),
        v.place_code.in_(codes),
        v.period_from == period_from,
    )
    return [finding_from(row._mapping) for row in conn.execute(query)]  # noqa: SLF001 - SQLAlchemy's access by key


def finding_from(row: Mapping[Any, Any]) -> Finding:
    """The finding in a row of the table `verdict`."""
    plain = {
        name: row[name]
        for name in (
            "id", "plan", "plan_version", "target", "period_from", "period_to", "value", "n", "lower", "upper", "layer",
            "published", "computed_us",
        )
    }  # fmt: skip
    return Finding(
        **plain,
        place=row["place_code"],
        outcome=VerdictOutcome(row["outcome"]),
        reasons=tuple(json.loads(row["reasons"])),
        detail=json.loads(row["detail"]),
    )


def _entered(conn: Connection, plans: Sequence[str], codes: Sequence[str]) -> dict[tuple[str, str, str], Entered]:
    i = indicator.c
    query = select(indicator).where(i.plan.in_(plans), i.place_code.in_(codes)).order_by(i.as_of, i.entered_us)
    return {
        (row.plan, row.place_code, row.target): Entered(
            value=row.value, unit=row.unit, as_of=row.as_of, source=row.source
        )
        for row in conn.execute(query)
    }
