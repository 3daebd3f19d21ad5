"""What a report on the whole country tells: its requirements, the provinces under them, the worst lines, every commune."""

from dataclasses import dataclass
from datetime import date

from doxa_collector.papers.drafts.progress_records import MonthState, Trend
from doxa_collector.papers.period import ReportPeriod
from doxa_collector.papers.sources import Ground
from doxa_collector.plans.model import Mark, Operator
from doxa_collector.verdict import VerdictOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Communes by what is known of them."""

    met: int = 0
    failed: int = 0
    limited: int = 0
    """The probe was the limit: nothing is said of the line."""
    unknown: int = 0
    """Not enough evidence, or no office in the registry."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.met + self.failed + self.limited + self.unknown

    @property
    def share(self) -> float | None:
        """Per cent of all communes that surely meet it; None where nothing is known of any: that is no 0 %."""
        return 100 * self.met / self.total if self.met + self.failed else None

    @property
    def possible(self) -> float | None:
        """Per cent that meet it if all of which nothing is known do."""
        return 100 * (self.total - self.failed) / self.total if self.total else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementRow:
    """One requirement of the country."""

    label: str
    """`YC1`: the short name in other tables."""
    title: str
    plan: str
    """The document's title."""
    words: str
    quoted: bool
    mark: Mark
    demand: str
    """`≥ 90 % số xã`; empty where the document names no share."""
    condition: str
    """What each commune's office must meet."""
    unit: str = ""
    """Of `condition`'s value; empty where it is enough that the line works."""
    operator: Operator | None = None
    value: float | None = None
    outcome: VerdictOutcome | None
    """None: no share is demanded, or the plan did not hold."""
    counts: Counts
    due: date | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvinceRow:
    """One province under every requirement, in their order."""

    code: str
    name: str
    communes: int
    cells: tuple[Counts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstLine:
    """One line that misses a requirement."""

    requirement: str
    code: str
    name: str
    province: str
    link: str
    value: float | None
    """None: no test came through."""
    unit: str
    layer: str
    samples: int
    wanted: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommuneCell:
    """One commune under one requirement."""

    outcome: VerdictOutcome
    value: float | None = None
    samples: int = 0
    months_met: int | None = None
    """Of the months that were judged; None for a report of one month."""
    months: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommuneLine:
    """One commune under every requirement, in their order."""

    code: str
    name: str
    province: str
    cells: tuple[CommuneCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class National:
    """Everything that the report says."""

    period: ReportPeriod
    judged: ReportPeriod
    """The month that its tables are of."""
    provisional: bool
    made_on: date
    requirements: tuple[RequirementRow, ...]
    by_hand: tuple[str, ...] = ()
    """Targets of the same plans that offices cannot answer."""
    provinces: tuple[ProvinceRow, ...] = ()
    worst: tuple[WorstLine, ...] = ()
    trends: tuple[Trend, ...] = ()
    month_states: tuple[tuple[str, MonthState], ...] = ()
    communes: tuple[CommuneLine, ...] = ()
    offices: int = 0
    """Commune offices in the registry."""
    remarks: tuple[str, ...] = ()
    grounds: tuple[Ground, ...] = ()
    runs: int = 0
    first: int | None = None
    last: int | None = None
    sha256: str = ""
    plans: tuple[str, ...] = ()
    """`qd36-2024, phiên bản 1` …"""
