"""What a progress report tells: the plan, its targets with what was published and measured, and what that stands on."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from doxa_collector.papers.period import ReportPeriod
from doxa_collector.papers.sources import Ground
from doxa_collector.plans.model import Mark, Operator
from doxa_collector.verdict import VerdictOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A figure that somebody else wrote: a baseline, a published one."""

    value: float
    unit: str
    when: str = ""
    """`Quý II/2023`, `9/2025`."""
    statistic: str = ""
    """`trung vị`, `trung bình`: as its source labels it."""
    mark: Mark = Mark.V
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the probes at the offices measured."""

    value: float
    unit: str
    statistic: str = ""
    layer: str = ""
    """`tầng IP` …: a rate without its layer means nothing."""
    lower: float | None = None
    upper: float | None = None
    """One-sided bounds with this confidence."""
    confidence: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRow:
    """One target that measurements or published figures answer."""

    label: str
    title: str
    words: str = ""
    """The plan's literal words, with the line in `line`."""
    quoted: bool = True
    """False: the words sum an excerpt up, so they are no quotation."""
    line: str = ""
    operator: Operator | None = None
    operator_mark: Mark = Mark.V
    value: float | None = None
    unit: str = ""
    demand: str = ""
    """For a target that is no number of one unit: `thuộc nhóm 5 tỉnh, thành phố cao nhất cả nước`."""
    due: date | None = None
    baseline: Known | None = None
    ispeed: bool = False
    """Bound to the published statistic by its words."""
    published: Known | None = None
    measured: Measured | None = None
    outcome: VerdictOutcome
    samples: int | None = None
    needed: int | None = None
    counted: str = "mẫu"
    """What `samples` counts: `mẫu`, `trụ sở`, `tỉnh`."""
    explanation: str = ""
    """One sentence: what was found against what was wanted (`assess.wording.explain`)."""
    forecast: str = ""
    """One sentence on the due date by the trend of the months; empty where nothing can be said."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HandRow:
    """One indicator that people enter by hand."""

    label: str
    title: str
    operator: Operator | None = None
    operator_mark: Mark = Mark.V
    value: float | None = None
    unit: str = ""
    demand: str = ""
    baseline: Known | None = None
    entered: Known | None = None
    """`source`: from which paper."""
    entered_by: str = ""
    outcome: VerdictOutcome
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommuneRow:
    """One commune under one target."""

    code: str
    name: str
    link: str = ""
    published: Known | None = None
    measured: Measured | None = None
    samples: int | None = None
    needed: int | None = None
    outcome: VerdictOutcome
    notes: tuple[str, ...] = ()
    listed: bool = True
    """False: nobody measures here, the registry has no office. On pages such communes are counted in one row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommuneTable:
    """The communes under one target."""

    label: str
    title: str
    operator: Operator | None = None
    value: float | None = None
    rows: tuple[CommuneRow, ...]
    unlisted: int = 0
    """Units that have no office in the registry and that nobody can name."""
    confidence: float = 0.95


class MonthState(StrEnum):
    """What is known of one month of a longer period."""

    CLOSED = "closed"
    PROVISIONAL = "provisional"
    AHEAD = "ahead"
    NOT_JUDGED = "not_judged"
    """The plan did not hold then, or not at this place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendMonth:
    """One month of a target: what the probes measured, and beside it what was published; None where there is nothing."""

    label: str
    value: float | None
    lower: float | None = None
    upper: float | None = None
    published: Known | None = None
    outcome: VerdictOutcome | None = None
    """None: nothing was judged in this month."""
    state: MonthState = MonthState.CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The months of one target."""

    label: str
    title: str
    unit: str
    months: tuple[TrendMonth, ...]
    operator: Operator | None = None
    target: float | None = None
    target_words: str = ""
    bounds: str = "cận tin cậy 95 %"
    """What lower and upper are; empty: neither is drawn."""
    drawn: bool = True
    """False for what no chart can show: a rank."""
    ahead: TrendMonth | None = None
    """What is forecast for the month of the due date, with the interval of 80 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the judgement stands on, so that it can be repeated."""

    first: str = ""
    last: str = ""
    sha256: str = ""
    methods: tuple[str, ...] = ()
    plan_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Everything that the report says."""

    plan_title: str
    place: str
    period: ReportPeriod
    made_on: date
    rows: tuple[TargetRow, ...]
    hand: tuple[HandRow, ...] = ()
    communes: tuple[CommuneTable, ...] = ()
    trends: tuple[Trend, ...] = ()
    month_states: tuple[tuple[str, MonthState], ...] = ()
    """The months of a longer period in their order; empty for a single month."""
    remarks: tuple[str, ...] = ()
    """What a reader must know of the period: which month decides, what is provisional."""
    grounds: tuple[Ground, ...] = ()
    offices: int | None = None
    offices_with_probe: int | None = None
    evidence: Evidence = Evidence()
