"""What stands beside every figure: the tests that gave none, and the figure if each of them had failed or passed.

Gating (skip while the line is busy, mark what the probe limited) is right for each test and can still hide a bad line,
when the bad hours are those in which nothing is measured. So the counts are shown, with the two ends that they leave
open.
"""

from dataclasses import dataclass

from doxa_collector.plans.model import Operator
from doxa_collector.statistics.bins import meeting
from doxa_collector.statistics.rollup import Rollup, added
from doxa_collector.statistics.sample import micro, plain
from doxa_collector.statistics.share import met_by_day
from doxa_core.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Runs of a period by what became of them; together they are all that were due."""

    measured: int
    """Gave a value that describes the line."""
    probe_limited: int
    """Gave a value that only bounds it from below, or none."""
    failed: int
    """The line or the far end did not answer."""
    skipped: int
    error: int
    without_value: int
    """Ended well and gave no value of this measure."""
    never_ran: int
    """Due by the schedule and not heard of; 0 where the schedule was not given."""

    @property
    def due(self) -> int:
        """All of them."""
        return self.measured + self.missing

    @property
    def missing(self) -> int:
        """All that do not describe the line."""
        return (
            self.probe_limited + self.failed + self.skipped + self.error + self.without_value + self.never_ran
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Extremes:
    """Where a figure lies whatever the missing tests would have given."""

    worst: float | None
    """Each had failed: 0 for an upward target. None: a ceiling has no worst value."""
    best: float | None
    """Each had passed: for a share counted as met, for a mean standing at the target itself."""


def counts_of(rollup: Rollup, due: int | None = None) -> Counts:
    """The counts; `due` is how many runs the schedule wanted. `ValueError` for a number below 0."""
    if due is not None and due < 0:
        raise ValueError(f"{due} runs cannot have been due")
    outcomes = rollup.outcomes
    measured = sum(added(day.bins.values()).n for day in rollup.days.values())
    return Counts(
        measured=measured,
        probe_limited=outcomes[Outcome.PROBE_LIMITED],
        failed=outcomes[Outcome.FAILED],
        skipped=outcomes[Outcome.SKIPPED],
        error=outcomes[Outcome.ERROR],
        without_value=outcomes[Outcome.OK] - measured,
        never_ran=max(0, (due or 0) - sum(outcomes.values())),
    )


def share_extremes(rollup: Rollup, operator: Operator, target: float, due: int | None = None) -> Extremes:
    """The share of tests that meet the target, at both ends; a limited test that met it is none that is missing."""
    n, met = added(met_by_day(rollup, operator, target).values())
    all_due = counts_of(rollup, due).due
    if all_due == 0:
        return Extremes(worst=None, best=None)
    return Extremes(worst=met / all_due, best=(met + all_due - n) / all_due)


def mean_extremes(rollup: Rollup, operator: Operator, target: float, due: int | None = None) -> Extremes:
    """The mean of all values as they stand, with each missing run at 0 and with each at the target.

    What the probe limited has a value and is not missing here: as it stands it already is the worst case.
    """
    meeting(operator, units := micro(target))
    n, total = rollup.all
    counts = counts_of(rollup, due)
    lost = counts.due - n
    if counts.due == 0:
        return Extremes(worst=None, best=None)
    return Extremes(
        worst=plain(total, counts.due) if operator.upward else None,
        best=plain(total + lost * units, counts.due),
    )
