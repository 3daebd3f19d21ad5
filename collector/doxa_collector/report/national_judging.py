"""The whole country held against its requirements, month by month, from the rollups: each month in a process of its own.

A requirement is one target of a national plan. Every commune gets the standing of its offices (the worst of several), and
the country the same answer that `assess.share.judge_share` would give it. Provinces are read one after the other, since
the rollups of a country do not fit in memory.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from doxa_collector.assess.closing import Closing, late, latest_closings
from doxa_collector.assess.evidence import Evidence, InForce, Office, Pulse
from doxa_collector.assess.family import Family, family_of
from doxa_collector.assess.inputs import Inputs, decode, read_inputs
from doxa_collector.assess.judgement import Judgement
from doxa_collector.assess.rules import SPEED, Ruler
from doxa_collector.assess.run import source_now
from doxa_collector.assess.settings import Settings
from doxa_collector.assess.share import Member, Missing, Standing, members_among, tally
from doxa_collector.assess.snapshots import recall
from doxa_collector.ledger.engine import open_ledger, reading
from doxa_collector.papers.drafts.progress_records import MonthState
from doxa_collector.period import Period, local_day
from doxa_collector.plans.model import (
    COUNTRY,
    Condition,
    Kind,
    Offices,
    Operator,
    PlaceLevel,
    Plan,
    PlanPlace,
    Rule,
    Target,
)
from doxa_collector.rollups.kept import Kept
from doxa_collector.rollups.model import LineRuns, Source, evidence_of
from doxa_collector.rollups.raw import Raw
from doxa_core.linkkind import LinkKind

STANDINGS: Final = tuple(Standing)
"""Worst first, as a commune of several offices is counted; a standing's place here is its octet in `MonthAnswers`."""
_UNKNOWN: Final = STANDINGS.index(Standing.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One target of a national plan, as what each commune's offices must meet."""

    plan: Plan
    target: Target
    condition: Condition

    @property
    def key(self) -> str:
        """`qd36-2024/fixed-200`."""
        return f"{self.plan.id}/{self.target.id}"

    @property
    def demanded(self) -> tuple[Operator, float] | None:
        """What the share of offices must be; None for a level, which names no share."""
        if self.target.kind is not Kind.SHARE or self.target.operator is None or self.target.value is None:
            return None
        return self.target.operator, self.target.value

    def place(self, period: Period, day: date) -> PlanPlace | None:
        """The country as the plan has it on a day of a period; None where the plan is not judged then."""
        plan = self.plan
        if plan.valid_from > period.last or (plan.judge_until is not None and period.first > plan.judge_until):
            return None
        return next((p for p in plan.places if p.level is PlaceLevel.COUNTRY and p.judged_on(day)), None)


def requirements_of(plans: Iterable[Plan]) -> tuple[Requirement, ...]:
    """The targets that offices of the whole country answer: shares, and levels as what each commune should reach.

    Rules stand behind what plans demand: they hold without a date, and one of them is indicative.
    """
    found = tuple(
        Requirement(plan=plan, target=target, condition=condition)
        for plan in plans
        if any(place.code == COUNTRY for place in plan.places)
        for target in plan.targets
        if (condition := _condition(target)) is not None
    )
    return tuple(sorted(found, key=lambda one: one.condition.rule is not None))


def _condition(target: Target) -> Condition | None:
    if target.kind is not Kind.LEVEL or target.measure is None:
        return target.condition
    return Condition(
        link_kind=target.measure.link_kind, offices=Offices.COMMUNE, measure=target.measure, operator=target.operator,
        value=target.value, unit=target.unit,
    )  # fmt: skip


class Answer(NamedTuple):
    """One commune under one requirement."""

    place: str
    standing: Standing
    site: str = ""
    """Empty: the registry has no office of it."""
    value: float | None = None
    n: int = 0
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthAnswers:
    """What one month says of the country."""

    period: Period
    state: MonthState
    closing: Closing | None = None
    judged_us: int = 0
    communes: Mapping[str, tuple[str, str]]
    """Every commune-level unit of the month: code → (name, province)."""
    provinces: Mapping[str, str]
    """Code → name."""
    standings: Mapping[str, bytes]
    """Requirement → an octet per commune, in their order."""
    verdicts: Mapping[str, Judgement]
    """Requirement → the country's answer; a requirement that did not hold then is absent."""
    answers: Mapping[str, tuple[Answer, ...]]
    """Requirement → every commune; empty unless they were asked for."""
    offices: int = 0
    evidence: Mapping[str, Any]

    def counts(self, key: str) -> dict[str, list[int]]:
        """Province → communes by standing, in the order of `STANDINGS`."""
        found: dict[str, list[int]] = {code: [0] * len(STANDINGS) for code in self.provinces}
        for (_, province), octet in zip(self.communes.values(), self.standings[key], strict=True):
            found.setdefault(province, [0] * len(STANDINGS))[octet] += 1
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One month to judge, as another process takes it."""

    ledger: Path
    period: Period
    requirements: tuple[Requirement, ...]
    settings: Settings
    now_us: int
    places: Path | None
    detailed: bool
    """Whether each commune's own figures are wanted, and the evidence's hash."""


def judge_country(asked: Sequence[Asked], jobs: int | None = None) -> list[MonthAnswers]:
    """Every month, in the order asked for; in so many processes (one for each processor by default)."""
    workers = min(len(asked), jobs or os.cpu_count() or 1)
    if workers <= 1:
        return [judge_one(one) for one in asked]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(judge_one, asked))


def judge_one(asked: Asked) -> MonthAnswers:
    """One month; `LedgerError` where the database refuses, `OperationError` for a damaged rollup."""
    engine = open_ledger(asked.ledger, create=False)
    try:
        with reading(engine) as conn:
            return _judge(conn, asked)
    finally:
        engine.dispose()


def _judge(conn: Connection, asked: Asked) -> MonthAnswers:
    closing = latest_closings(conn).get(asked.period.first)
    inputs, settings, judged_us = _stood_on(conn, asked, closing)
    source, last_id = _source(conn, closing)
    day = min(asked.period.last, local_day(judged_us))
    evidence = _Country(conn, asked.period, day, inputs, last_id, source)
    return _Judging(evidence, asked, settings, judged_us).answers(closing)


def _stood_on(conn: Connection, asked: Asked, closing: Closing | None) -> tuple[Inputs, Settings, int]:
    """Registry, settings and moment: those of the closing, or today's."""
    if closing is None:
        return read_inputs(conn, asked.period, asked.places), asked.settings, asked.now_us
    inputs = decode(recall(conn, closing.inputs))
    if not inputs.commune:  # closed before the list of units was kept
        now = read_inputs(conn, asked.period, asked.places)
        inputs = replace(inputs, probe=now.probe, commune=now.commune)
    return inputs, closing.settings, closing.judged_us


def _source(conn: Connection, closing: Closing | None) -> tuple[Source, int]:
    """The rollups; for a closed month with late data the evidence itself, because these have counted it."""
    if closing is None:
        return source_now(conn)
    kept = Kept(conn)
    whole = kept.position >= closing.last_id and not late(conn, closing)
    return (kept if whole else Raw(conn, closing.last_id)), closing.last_id


class _Country(Evidence):
    """Evidence that several requirements ask for the same province one after the other."""

    def __init__(self, *asked: Any) -> None:
        super().__init__(*asked)
        self._lines: dict[tuple[tuple[str, ...], str, LinkKind], list[InForce]] = {}
        self._pulses: dict[tuple[tuple[str, ...], int, int], dict[tuple[str, str], Pulse]] = {}

    def runs(self, offices: Sequence[Office], meter: str, kind: LinkKind) -> list[InForce]:
        key = (tuple(office.site for office in offices), meter, kind)
        if key not in self._lines:
            self._lines[key] = super().runs(offices, meter, kind)
        return self._lines[key]

    def pulses(self, offices: Sequence[Office], from_us: int, to_us: int) -> dict[tuple[str, str], Pulse]:
        key = (tuple(office.site for office in offices), from_us, to_us)
        if key not in self._pulses:
            self._pulses[key] = super().pulses(offices, from_us, to_us)
        return self._pulses[key]

    def parts(self, offices: Iterable[Office]) -> Iterator[list[Office]]:
        """The offices province by province; what was read of one is forgotten before the next."""
        found: dict[str, list[Office]] = {}
        for office in offices:
            found.setdefault(office.province, []).append(office)
        for province in sorted(found):
            yield found[province]
            self._lines.clear()
            self._pulses.clear()


class _Judging:
    """One month of the country."""

    def __init__(self, evidence: _Country, asked: Asked, settings: Settings, judged_us: int) -> None:
        self._evidence = evidence
        self._asked = asked
        self._settings = settings
        self._judged_us = judged_us
        self._offices = [office for office in evidence.offices(_ALL) if office.commune]
        self._known = {row["code"]: (str(row["name"]), str(row["province"])) for row in evidence.inputs.commune}

    def answers(self, closing: Closing | None) -> MonthAnswers:
        held = [r for r in self._asked.requirements if r.place(self._evidence.period, self._evidence.day) is not None]
        there = {office.place for office in self._offices}
        missing = Missing(n=len(self._known.keys() - there), codes=tuple(sorted(self._known.keys() - there)))
        families = {one.key: self._family(one, missing.n) for one in held}
        members: dict[str, list[Member]] = {one.key: [] for one in held}
        parts: list[LineRuns] = []
        for offices in self._evidence.parts(self._offices):
            for one in held:
                members[one.key] += self._members(one, offices, families[one.key])
            if self._asked.detailed:
                parts += self._traces(held, offices)
        communes = self._communes()
        worst = {one.key: _worst(members[one.key], one.condition) for one in held}
        return MonthAnswers(
            period=self._evidence.period,
            state=MonthState.PROVISIONAL if closing is None else MonthState.CLOSED,
            closing=closing,
            judged_us=self._judged_us,
            communes=communes,
            provinces=self._provinces(),
            standings={
                key: bytes(STANDINGS.index(found[code].standing) if code in found else _UNKNOWN for code in communes)
                for key, found in worst.items()
            },
            verdicts={
                one.key: tally(
                    members[one.key], missing, *(one.demanded or (Operator.AT_LEAST, 100.0)), families[one.key]
                )
                for one in held
            },
            answers={key: _answers(found, communes) for key, found in worst.items()} if self._asked.detailed else {},
            offices=len(self._offices),
            evidence=evidence_of(parts) if self._asked.detailed else {},
        )

    def _family(self, one: Requirement, missing: int) -> Family:
        if one.demanded is None:
            return Family(met=self._settings.confidence, failed=self._settings.confidence)
        return family_of(len(self._offices), missing, *one.demanded, self._settings)

    def _members(self, one: Requirement, offices: Sequence[Office], family: Family) -> list[Member]:
        found = members_among(
            self._evidence, offices, one.condition, self._settings, family, self._judged_us, layers=False
        )  # fmt: skip
        return found if one.demanded is not None else [_of_level(member) for member in found]

    def _traces(self, held: Sequence[Requirement], offices: Sequence[Office]) -> list[LineRuns]:
        """The lines that any requirement read, each once, without their values."""
        asked = {
            (one.condition.measure.meter, one.condition.link_kind) for one in held if one.condition.measure is not None
        }
        rules = {one.condition.rule for one in held if one.condition.rule is not None}
        asked |= {(SPEED, rule.link_kind) for rule in rules if rule is Rule.QCVN_34}
        found = [
            LineRuns(site=line.runs.site, link=line.runs.link, meter=meter, series={}, traces=line.runs.traces)
            for meter, kind in sorted(asked)
            for line in self._evidence.runs(offices, meter, kind)
        ]
        for rule in rules - {Rule.QCVN_34}:
            found += Ruler(self._evidence, offices, rule, self._judged_us).stood_on()
        return found

    def _communes(self) -> dict[str, tuple[str, str]]:
        """Every unit by code: the list of units, and offices of units that it does not have."""
        more = {
            office.place: (office.place, office.province) for office in self._offices if office.place not in self._known
        }
        return dict(sorted({**more, **self._known}.items(), key=lambda item: (item[1][1], item[0])))

    def _provinces(self) -> dict[str, str]:
        codes = sorted({province for _, province in self._communes().values()})
        names = {row["code"]: str(row["name"]) for row in self._evidence.inputs.place}
        return {code: names.get(code, code) for code in codes}


_ALL: Final = PlanPlace(code=COUNTRY, name="", level=PlaceLevel.COUNTRY, province=COUNTRY)


def _of_level(member: Member) -> Member:
    """A level is about lines, so an office without one misses nothing: it has no figure."""
    return replace(member, standing=Standing.UNKNOWN) if member.reasons == ("no_link",) else member


def _worst(members: Iterable[Member], condition: Condition) -> dict[str, Member]:
    """The commune's standing: the worst of its offices, the figure furthest from the demand among equals."""
    sign = -1.0 if condition.asked.operator is not None and not condition.asked.operator.upward else 1.0
    found: dict[str, Member] = {}
    for member in members:
        known = found.get(member.place)
        if known is None or _order(member, sign) < _order(known, sign):
            found[member.place] = member
    return found


def _order(member: Member, sign: float) -> tuple[int, float]:
    return STANDINGS.index(member.standing), float("inf") if member.value is None else sign * member.value


def _answers(found: Mapping[str, Member], communes: Iterable[str]) -> tuple[Answer, ...]:
    return tuple(
        Answer(code, one.standing, one.site, one.value, one.n, one.reasons)
        if (one := found.get(code)) is not None
        else Answer(code, Standing.UNKNOWN, reasons=("offices_missing",))
        for code in communes
    )
