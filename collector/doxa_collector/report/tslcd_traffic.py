"""The p95 rule over a month of one TSLCD line: every day, the month, and every seven days that end in it.

The rule speaks of seven consecutive days (`assess.p95`), so the month is held against all of them: above in one is above,
and not above in every one is not above. Days before the line was in force belong to no seven days.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection

from doxa_collector.assess.p95 import Contract, Way, Week, judge_week
from doxa_collector.assess.percentile import percentile_of
from doxa_collector.assess.traffic import DIRECTIONS, FiveMinutes, Interval, five_minutes, read_polls, week_ending
from doxa_collector.period import Period
from doxa_collector.report.tslcd_books import Book, Line
from doxa_collector.verdict import VerdictOutcome
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.layers import Layer

Samples = Mapping[date, Sequence[FiveMinutes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Which measurements the figures stand on."""

    n: int
    first: int | None = None
    last: int | None = None
    sha256: str = ""
    """SHA-256 over the SHA-256 of each signed line, in the order of their ids (as of verdicts, `assess.evidence.named`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What the terminal's counters say of one line's month."""

    month: Week
    """Every day on which the line was in force, and the percentile over all of them; its outcome is not the rule's."""
    weeks: tuple[Week, ...]
    """The rule over every seven days that end in the month and lie in the line's days."""
    p95_mbps: Mapping[str, float]
    """Of the month, by direction, at the contract's layer; absent without a sample."""
    series: str
    """The task that measured; of several the one with the most samples."""
    others: tuple[str, ...]
    proof: Proof

    @property
    def outcome(self) -> VerdictOutcome:
        """Above in some seven days: fail; not above in all of them: pass."""
        found = {week.outcome for week in self.weeks}
        if VerdictOutcome.FAIL in found:
            return VerdictOutcome.FAIL
        return VerdictOutcome.PASS if found == {VerdictOutcome.PASS} else VerdictOutcome.INSUFFICIENT

    @property
    def reasons(self) -> tuple[str, ...]:
        """Codes of what keeps the month from an answer, each once in the order of the days."""
        if self.outcome is not VerdictOutcome.INSUFFICIENT:
            return ()
        if not self.weeks:
            return ("no_seven_days",)
        found = dict.fromkeys(code for week in self.weeks for way in week.ways for code in way.reasons)
        return tuple(code for code in found if code != "no_samples" or len(found) == 1)

    def peak(self, direction: str) -> tuple[Period, Way] | None:
        """The fullest seven days of a direction: those that are above before others, the latest of equals."""
        ways = [(w.period, way) for w in self.weeks for way in w.ways if way.direction == direction]
        known = [(period, way) for period, way in ways if way.share is not None]
        return max(known, key=lambda one: (_fullness(one[1]), one[0].to_us), default=None)

    @property
    def fullest(self) -> Week | None:
        """The seven days that a justification shows, chosen alike; None where no seven days have a sample."""
        known = [week for week in self.weeks if any(way.samples for way in week.ways)]
        return max(known, key=lambda week: (max(map(_fullness, week.ways)), week.period.to_us), default=None)


def _fullness(way: Way) -> tuple[bool, float, int]:
    return way.outcome is VerdictOutcome.FAIL, -1.0 if way.share is None else way.share, way.samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The samples of one series of one line, by local day."""

    by_day: Samples
    series: str
    others: tuple[str, ...]
    proof: Proof


def take(conn: Connection, book: Book, line: Line, series: str | None = None) -> Taken:
    """From six days before the line's first day of the month on.

    `series` names the task that counts, else it is the one that polled most; `InputError` for one that did not measure.
    """
    rows = _read(conn, book, line)
    name, others = _choose(rows, series)
    chosen = [(at, digest, interval) for at, digest, interval in rows if interval.series == name]
    by_day: dict[date, list[FiveMinutes]] = {}
    for sample in five_minutes([interval for _, _, interval in chosen]):
        by_day.setdefault(sample.day, []).append(sample)
    return Taken(by_day=by_day, series=name, others=others, proof=_proof([(at, digest) for at, digest, _ in chosen]))


def traffic_of(taken: Taken, line: Line) -> Traffic:
    """The month of one line."""
    contracts, month = line.contracts(), Period(first=line.first, last=line.last)
    weeks = [week for week in map(week_ending, _days(month)) if all(day in contracts for day in _days(week))]
    return Traffic(
        month=_judged(taken.by_day, contracts, month),
        weeks=tuple(_judged(taken.by_day, contracts, week) for week in weeks),
        p95_mbps=rates_of(taken, line, month),
        series=taken.series,
        others=taken.others,
        proof=taken.proof,
    )


def seven_days(taken: Taken, line: Line, last: date) -> Week:
    """The rule over the seven days that end with `last`."""
    return _judged(taken.by_day, line.contracts(), week_ending(last))


def rates_of(taken: Taken, line: Line, period: Period) -> dict[str, float]:
    """The 95th percentile of a period in Mbps, by direction, each sample at the layer of its day's contract."""
    contracts, found = line.contracts(), {}
    for direction in DIRECTIONS:
        rates = [
            rate
            for day in _days(period)
            for one in taken.by_day.get(day, ())
            if (rate := _at_layer(one, direction, contracts.get(day))) is not None
        ]
        if (value := percentile_of(rates)) is not None:
            found[direction] = value.value
    return found


def _read(conn: Connection, book: Book, line: Line) -> list[tuple[int, bytes, Interval]]:
    """The polls from six days before the line's first day on, in the order of their ids, with digest and interval."""
    reach = Period(first=week_ending(line.first).first, last=line.last)
    polls = read_polls(conn, line.site, line.link, reach, book.last_id)
    return [(poll.number, poll.digest, interval) for poll in polls if (interval := poll.interval) is not None]


def _choose(rows: Sequence[tuple[int, bytes, Interval]], wanted: str | None) -> tuple[str, tuple[str, ...]]:
    """The series that counts, and the others: two series of a line are never mixed."""
    counted = Counter(interval.series for _, _, interval in rows)
    if wanted is not None and counted and wanted not in counted:
        raise InputError(f"--series {wanted}", _NO_SERIES, _CHOOSE.fill(names=", ".join(sorted(counted))))
    name = wanted or max(sorted(counted), key=lambda one: counted[one], default="")
    return name, tuple(sorted(counted.keys() - {name}))


def _judged(samples: Samples, contracts: Mapping[date, Contract], period: Period) -> Week:
    return judge_week([one for day in _days(period) for one in samples.get(day, ())], contracts, period)


def _days(period: Period) -> list[date]:
    return [period.first + timedelta(days=n) for n in range((period.last - period.first).days + 1)]


def _at_layer(sample: FiveMinutes, direction: str, contract: Contract | None) -> float | None:
    """As `assess.p95` reads it: payload is not visible in a counter, so IP stands for it."""
    layer = (None if contract is None else contract.layer) or Layer.FRAME
    wanted = Layer.IP if layer is Layer.PAYLOAD else layer
    return sample.rates.get((direction, wanted), sample.rates.get((direction, Layer.FRAME)))


def _proof(rows: Sequence[tuple[int, bytes]]) -> Proof:
    if not rows:
        return Proof(n=0)
    whole = sha256(b"".join(digest for _, digest in rows)).hexdigest()
    return Proof(n=len(rows), first=rows[0][0], last=rows[-1][0], sha256=whole)


_NO_SERIES: Final = Text(vi="trong kỳ không có tác vụ đó", en="no such task in this period")
_CHOOSE: Final = Text(vi="hãy chọn một trong: {names}", en="choose one of: {names}")
