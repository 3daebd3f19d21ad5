"""Lines held against a rule that has a calculation of its own (`plans.model.Rule`), for share targets.

`p95_90` (Thông tư 06/2026/TT-BKHCN Đ.5.6): every seven local days that end in the month, up to the last whole day, and of
which every day has a contract in the month's inputs. One that breaks the rule for certain breaks the month; the month is
kept if all of them keep it for certain; else it is open. Of several tasks that polled a line the one with the most samples
counts. Each day is held against the contract of that day.

`qcvn_34`: the mean of all whole transfers of the month's days under the contract that was in force on its last day; what
was measured under an earlier contract is apart. Where tests were skipped, the answer stands only if they cannot have shifted the mean
to the other side. It binds operators and is indicative.

Both rules are about the samples themselves, so an answer errs by no chance, and no confidence is shared out among offices.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from doxa_collector.assess.evidence import Evidence, InForce, Line, Office
from doxa_collector.assess.inputs import Row
from doxa_collector.assess.judgement import Bounds
from doxa_collector.assess.p95 import Contract, Way, Week, days_of, judge_week
from doxa_collector.assess.p95_month import Figure, judge_weeks
from doxa_collector.assess.traffic import METER, FiveMinutes, Interval, fullest, intervals_of, week_ending
from doxa_collector.period import Period, local_day
from doxa_collector.plans.model import Rule
from doxa_collector.rollups.model import LineRuns
from doxa_collector.rollups.polled import LinePolls
from doxa_collector.statistics.due import shifted
from doxa_collector.statistics.level import CONFIDENCE
from doxa_collector.statistics.qcvn import NEEDED_SAMPLES, NEEDED_SHARE, qcvn_way
from doxa_collector.statistics.rollup import added
from doxa_collector.statistics.sample import plain
from doxa_collector.verdict import VerdictOutcome
from doxa_core.layers import Layer
from doxa_core.outcome import Outcome

SPEED: Final = "speed"
"""The meter of whole transfers."""
_A_DAY: Final = timedelta(days=1)
_PER_CENT: Final = 100
_WORST: Final = (
    VerdictOutcome.FAIL, VerdictOutcome.PROBE_LIMITED, VerdictOutcome.INSUFFICIENT, VerdictOutcome.PASS,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """What is known of an office's lines under a rule."""

    outcome: VerdictOutcome
    reasons: tuple[str, ...] = ()
    value: float | None = None
    """Per cent of the contracted rate, of the direction that counts most against the line."""
    n: int = 0
    """The samples of that figure."""
    bounds: Bounds | None = None
    """What the figure is for certain, whatever stood in the missing samples."""


class Ruler:
    """A rule over the lines of some offices in the month of `evidence`, as of `now_us`."""

    def __init__(self, evidence: Evidence, offices: Sequence[Office], rule: Rule, now_us: int) -> None:
        self._evidence = evidence
        self._rule = rule
        self._days = _days(evidence, now_us)
        self._lines = {office.site: office.lines_on(evidence.day, rule.link_kind) for office in offices}
        self._runs: dict[tuple[str, str], InForce] = {}
        self._ruled: dict[tuple[str, str], Ruled] = {}
        self._traces: list[LineRuns] = []
        if rule is Rule.QCVN_34:
            self._runs = {(one.runs.site, one.runs.link): one for one in evidence.runs(offices, SPEED, rule.link_kind)}
        elif self._days is not None:
            self._hold(self._days)

    def judge(self, office: Office) -> Ruled:
        """The worst of the office's lines in force on the evidence's day: each of them must keep the rule.

        An office without a line of that kind breaks nothing and keeps nothing.
        """
        lines = self._lines[office.site]
        if not lines:
            reason = "no_link" if office.lines_on(self._evidence.day) else "no_lines"
            return Ruled(outcome=VerdictOutcome.INSUFFICIENT, reasons=(reason,))
        worst = min(map(self._line, lines), key=lambda one: _WORST.index(one.outcome))
        if worst.outcome is VerdictOutcome.INSUFFICIENT and not worst.n and not self._evidence.probed(office):
            return replace(worst, reasons=("no_probe",))
        return worst

    def stood_on(self) -> Iterator[LineRuns]:
        """The runs that the answers stand on, with their traces (`rollups.model.evidence_of`)."""
        yield from (one.runs for one in self._runs.values())
        yield from self._traces

    def _hold(self, days: Period) -> None:
        """Every line's polls, read and judged one line after the other: those of a country do not fit in memory."""
        known = {(line.site, line.link): line for found in self._lines.values() for line in found}
        for polls in self._evidence.traffic(tuple(known.values()), _reach(days)):
            pair = polls.site, polls.link
            self._ruled[pair] = _by_p95(self._evidence, known[pair], polls, days)
            self._traces.append(LineRuns(site=polls.site, link=polls.link, meter=METER, series={}, traces=polls.traces))

    def _line(self, line: Line) -> Ruled:
        if self._rule is Rule.QCVN_34:
            return _by_qcvn(self._evidence, line, self._runs.get((line.site, line.link)))
        if self._days is None:
            return Ruled(outcome=VerdictOutcome.INSUFFICIENT, reasons=("no_seven_days",))
        return self._ruled.get(
            (line.site, line.link), Ruled(outcome=VerdictOutcome.INSUFFICIENT, reasons=("no_samples",))
        )


def _days(evidence: Evidence, now_us: int) -> Period | None:
    """The month's days that are over; None on its first one."""
    last = min(evidence.period.last, local_day(now_us) - _A_DAY)
    return Period(first=evidence.period.first, last=last) if last >= evidence.period.first else None


def _reach(days: Period) -> Period:
    """With the six days before them, which the first seven days that end in the month need."""
    return Period(first=week_ending(days.first).first, last=days.last)


# --- the 95th percentile of a TSLCD line


def _by_p95(evidence: Evidence, line: Line, polls: LinePolls, days: Period) -> Ruled:
    contracts = _contracts(evidence, line, _reach(days))
    ends = [day for day in days_of(days) if all(one in contracts for one in days_of(week_ending(day)))]
    found = judge_weeks(polls, contracts, ends) if ends else None
    if found is not None:
        return Ruled(outcome=found.outcome, reasons=found.reasons, **_figure(found.figure))
    samples = _samples(intervals_of(polls)) if ends else {}
    return _of_weeks([_week(samples, contracts, week_ending(day)) for day in ends])


def _samples(intervals: Sequence[Interval]) -> dict[date, list[FiveMinutes]]:
    """Of the task with the most samples."""
    by_day = defaultdict[date, list[FiveMinutes]](list)
    for sample in fullest(intervals):
        by_day[sample.day].append(sample)
    return by_day


def _contracts(evidence: Evidence, line: Line, reach: Period) -> dict[date, Contract]:
    """What was in force on each of these days, as far as the month's inputs say it."""
    found: dict[date, Contract] = {}
    for row in _states(evidence, line):
        first = max(date.fromisoformat(row["valid_from"]), reach.first)
        last = min(_last(row, reach.last), reach.last)
        if first <= last:
            rates = {way: row[name] for way, name in _RATES.items() if row.get(name)}
            contract = Contract(mbps=rates, layer=Layer(row["layer"]) if row.get("layer") else None)
            found |= dict.fromkeys(days_of(Period(first=first, last=last)), contract)
    return found


def _states(evidence: Evidence, line: Line) -> list[Row]:
    return [row for row in evidence.states(line.site, line.link) if row["kind"] == line.kind]


def _last(row: Row, otherwise: date) -> date:
    return date.fromisoformat(row["valid_to"]) if row.get("valid_to") else otherwise


_RATES: Final = {"download": "contracted_down_mbps", "upload": "contracted_up_mbps"}


def _week(samples: Mapping[date, Sequence[FiveMinutes]], contracts: Mapping[date, Contract], week: Period) -> Week:
    return judge_week([one for day in days_of(week) for one in samples.get(day, ())], contracts, week)


def _of_weeks(weeks: Sequence[Week]) -> Ruled:
    if not weeks:
        return Ruled(outcome=VerdictOutcome.INSUFFICIENT, reasons=("no_seven_days",))
    outcomes = {week.outcome for week in weeks}
    outcome = next(one for one in _WORST if one in outcomes)
    ways = [way for week in weeks for way in week.ways if way.outcome is outcome]
    fullest = max((way for way in ways if way.share is not None), key=_fullness, default=None)
    reasons = dict.fromkeys(code for way in ways for code in way.reasons)
    if len(reasons) > 1:
        reasons.pop("no_samples", None)  # of some weeks only
    return Ruled(outcome=outcome, reasons=tuple(reasons), **_figure(fullest))


def _fullness(way: Way) -> tuple[float, int]:
    return -1.0 if way.share is None else way.share, way.samples


def _figure(way: Way | Figure | None) -> dict[str, Any]:
    if way is None or way.share is None:
        return {}
    ends = (None if end is None else _PER_CENT * end for end in (way.lower, way.upper))
    return {"value": _PER_CENT * way.share, "n": way.samples, "bounds": Bounds(*ends)}


# --- the mean of a fixed line's whole transfers


def _by_qcvn(evidence: Evidence, line: Line, inside: InForce | None) -> Ruled:
    row, first = _in_force(evidence, line)
    if not all(row.get(name) for name in _RATES.values()):
        return Ruled(outcome=VerdictOutcome.INSUFFICIENT, reasons=("no_capacity",))
    if inside is None:
        return Ruled(outcome=VerdictOutcome.INSUFFICIENT, reasons=("no_samples",))
    runs = inside.runs.between(_number(first), _number(evidence.day))
    ways = [qcvn_way_of(runs, f"{way}_mean@{Layer.PAYLOAD}", row[name]) for way, name in _RATES.items()]
    outcome, reasons, telling = _told(ways)
    least = min((way.share for way in telling if way.share is not None), default=None)
    return Ruled(
        outcome=outcome,
        reasons=reasons,
        value=None if least is None else _PER_CENT * least,
        n=min(way.samples for way in telling),
    )


class _Way(NamedTuple):
    """One direction of a line, as `statistics.qcvn.QcvnWay` says it."""

    meets: bool | None
    share: float | None
    samples: int
    skips: bool = False
    """Whether it is open because of skipped tests."""


def qcvn_way_of(runs: LineRuns, series: str, rate: float) -> _Way:
    """`statistics.qcvn.qcvn_way`; open where skipped tests might turn it."""
    n, total = added(runs.sums(series).values())
    if n < NEEDED_SAMPLES:  # most lines of a country: their rollups need not be made
        return _Way(None, plain(total, n) / rate if n else None, n)
    found = qcvn_way(runs.rollup(series), rate)
    turned = found.meets is not None and _skips_turn(runs, series, plain(total, n), NEEDED_SHARE * rate)
    return _Way(None if turned else found.meets, found.share, found.samples, turned)


def _skips_turn(runs: LineRuns, series: str, mean: float, needed: float) -> bool:
    """Whether the mean would lie on the other side, had no test been skipped: the shift alone is asked, no chance besides."""
    placed = runs.placed(series) if any(Outcome.SKIPPED in day for day in runs.outcomes.values()) else None
    if placed is None:
        return False
    met = mean >= needed
    shift = shifted(placed, CONFIDENCE, low=met)
    return shift is None or (mean + shift >= needed) is not met


def _told(ways: Sequence[_Way]) -> tuple[VerdictOutcome, tuple[str, ...], Sequence[_Way]]:
    """The outcome, why, and the directions that it stands on."""
    short = [way for way in ways if way.meets is False]
    if short:
        return VerdictOutcome.FAIL, ("below",), short
    if all(way.meets for way in ways):
        return VerdictOutcome.PASS, (), ways
    if any(way.samples < NEEDED_SAMPLES for way in ways):
        return VerdictOutcome.INSUFFICIENT, ("too_few_samples",), ways
    if skips := [way for way in ways if way.skips]:
        return VerdictOutcome.INSUFFICIENT, ("skips_decide",), skips
    return VerdictOutcome.PROBE_LIMITED, ("probe_was_limit",), [way for way in ways if way.meets is None]


def _in_force(evidence: Evidence, line: Line) -> tuple[Row, date]:
    """The contract of the line's state, and since when: states that say the same, one after the other, are one contract."""
    states = sorted(_states(evidence, line), key=lambda row: str(row["valid_from"]))
    at = next(n for n, row in enumerate(states) if row["valid_from"] == line.valid_from)
    first = date.fromisoformat(line.valid_from)
    for row in reversed(states[:at]):
        if _last(row, first) != first - _A_DAY or _promise(row) != _promise(states[at]):
            break
        first = date.fromisoformat(row["valid_from"])
    return states[at], first


def _promise(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("valid_from", "valid_to")}


def _number(day: date) -> int:
    return day.toordinal() - date(1970, 1, 1).toordinal()
