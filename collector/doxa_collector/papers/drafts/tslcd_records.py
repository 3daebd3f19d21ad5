"""What the monthly TSLCD report and the registration annex say, as records. What is not known is None; ratios are shares, 1 for all."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from doxa_collector.papers.period import ReportPeriod
from doxa_collector.papers.sources import Ground
from doxa_collector.plans.model import Mark
from doxa_collector.verdict import VerdictOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class P95Day:
    """One day of one direction; `ratio` is p95 of the capacity."""

    day: date
    samples: int
    expected: int
    p95_mbps: float | None
    capacity_mbps: float | None
    ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TslcdWay:
    """One direction of a line over the month."""

    direction: str
    """`download`, `upload`."""
    samples: int
    """Five-minute samples."""
    expected: int
    p95_mbps: float | None = None
    """Of the month; where the capacity changed, of two capacities."""
    p95_ratio: float | None = None
    """Of the month, each sample as a share of its day's capacity."""
    peak_ratio: float | None = None
    """Of the fullest seven days, which the rule is about."""
    peak_first: date | None = None
    peak_last: date | None = None
    days: tuple[P95Day, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TslcdIncident:
    """One incident at one line, cut to the days of the report."""

    number: int
    cause: str = ""
    """Empty: not concluded."""
    inferred: bool = False
    lost: bool = True
    """Whether the connection was lost; else it was worse than usual."""
    began: datetime
    ended: datetime
    before: bool = False
    """It began earlier, so its beginning here is the first moment of the days."""
    lasts: bool = False
    """It went on, so its end here is the last moment of the days."""
    planned: bool = False

    @property
    def seconds(self) -> float:
        """How long within the days."""
        return (self.ended - self.began).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class TslcdDemand:
    """The rate that a plan wants of the office, and how it stands to it."""

    label: str
    title: str
    mark: Mark = Mark.V
    mbps: float
    outcome: VerdictOutcome
    value_mbps: float | None = None
    samples: int = 0
    layer: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TslcdProof:
    """The polls that the traffic figures stand on."""

    n: int
    first: int | None = None
    last: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TslcdLine:
    """One line over the month."""

    code: str
    place: str
    province: str = ""
    link: str = ""
    provider: str = ""
    first: date | None = None
    last: date | None = None
    """The days of the month on which it was in force; None: all of them."""
    down_mbps: float | None = None
    up_mbps: float | None = None
    """The capacity on its last day."""
    changes: tuple[str, ...] = ()
    """Earlier capacities of the month, in words."""
    availability_ratio: float | None = None
    """Up, of the time with evidence."""
    availability_from: str = ""
    """What told it, in words."""
    unknown_s: float | None = None
    outages: int | None = None
    down_s: float | None = None
    longest_s: float | None = None
    rtt_p50_ms: float | None = None
    rtt_p95_ms: float | None = None
    loss_ratio: float | None = None
    pdv_p95_ms: float | None = None
    ways: tuple[TslcdWay, ...] = ()
    weeks_met: int = 0
    weeks_above: int = 0
    weeks_open: int = 0
    """Of every seven days that end in the month: not above, above, not decided."""
    p95_outcome: VerdictOutcome = VerdictOutcome.INSUFFICIENT
    reasons: tuple[str, ...] = ()
    """Why there is no answer, in words."""
    demand: TslcdDemand | None = None
    incidents: tuple[TslcdIncident, ...] = ()
    proof: TslcdProof | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TslcdClosing:
    """What a closed month stands on."""

    closed_on: date
    revision: int
    program: str
    inputs_sha256: str
    verdicts_sha256: str
    last_measurement: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TslcdMonth:
    """All lines of a unit over a month."""

    area: str
    period: ReportPeriod
    until: date | None = None
    """The last day that counts, where the month is not over."""
    made_on: date
    lines: tuple[TslcdLine, ...]
    grounds: tuple[Ground, ...] = ()
    closing: TslcdClosing | None = None
    """None: the month is open, and the figures are provisional."""

    @property
    def due(self) -> date:
        """The last day that is before the 5th of the next month."""
        return (self.period.last + timedelta(days=1)).replace(day=4)

    @property
    def days(self) -> tuple[date, ...]:
        """The days that count."""
        last = self.until or self.period.last
        return tuple(self.period.first + timedelta(days=n) for n in range((last - self.period.first).days + 1))
