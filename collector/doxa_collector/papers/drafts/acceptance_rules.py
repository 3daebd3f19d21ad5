"""What a result of acceptance must satisfy by its own figures; a paper is never made of one that contradicts itself.

The digest of the evidence proves nothing against one who computes it again. So the outcome is followed from the steps once
more, and a step that passed must have received what it asks. The rules are the agent's (docs/measuring.md §9); agent and
collector do not import each other, a test holds the constants equal.
"""

from collections.abc import Iterator
from typing import Final

from doxa_collector.papers.drafts.acceptance_records import Run, Step
from doxa_collector.verdict import VerdictOutcome

ACCURACY: Final = 0.005
"""What the measured rates may be wrong by: a line is not proven to be below by less."""
DIRECTIONS: Final = ("download", "upload")
_ORDER: Final = (VerdictOutcome.PROBE_LIMITED, VerdictOutcome.FAIL, VerdictOutcome.INSUFFICIENT)
_SLACK: Final = 1e-4
"""Evidence is rounded to six decimals."""


def floor_mbps(asked: float, tolerance_ratio: float | None) -> float:
    """The least rate that is not below the contract at a step, the accuracy of the measurement considered."""
    return (1.0 - (tolerance_ratio or 0.0)) * asked * (1.0 - ACCURACY)


def contradiction(run: Run) -> str:
    """A code for the first contradiction in a run; empty where there is none.

    `outcome`, `contract`, `steps_missing`, `step_rate`, `step_loss`, `step_delay`, `step_layer`, `idle_line`.
    """
    return next(_contradictions(run), "")


def _contradictions(run: Run) -> Iterator[str]:
    if run.outcome is not _overall(run):
        yield "outcome"
    for step in _all(run):
        yield from _of_step(run, step)
    if run.outcome is VerdictOutcome.PASS:
        done = {(step.direction, step.percent) for step in run.steps if not step.performance}
        if not run.percents or done != {(way, percent) for way in DIRECTIONS for percent in run.percents}:
            yield "steps_missing"
        wanted = run.wanted.rtt_ms
        if wanted is not None and (run.rtt_p95_ms is None or run.rtt_p95_ms > wanted):
            yield "idle_line"
        if run.wanted.mtu is not None and (run.path_mtu is None or run.path_mtu < run.wanted.mtu):
            yield "idle_line"


def _overall(run: Run) -> VerdictOutcome:
    """One limited part forbids both pass and fail; else one failed part fails; else one open part leaves it open."""
    found = {part.outcome for part in run.parts} | {step.outcome for step in run.steps}
    if not run.steps:
        found.discard(VerdictOutcome.PASS)
    default = VerdictOutcome.PASS if found else VerdictOutcome.INSUFFICIENT
    return next((outcome for outcome in _ORDER if outcome in found), default)


def _all(run: Run) -> Iterator[Step]:
    for step in run.steps:
        yield step
        yield from step.attempts


def _of_step(run: Run, step: Step) -> Iterator[str]:
    promised = run.line.down_mbps if step.direction == "download" else run.line.up_mbps
    known = promised is not None and step.direction in DIRECTIONS and 0 < step.percent <= 100
    if not known or not _near(step.asked_mbps, (promised or 0.0) * step.percent / 100):
        yield "contract"
        return
    if step.received_mbps is not None or step.received_ip_mbps is not None:
        shown, ip, asked = step.received_mbps, step.received_ip_mbps, step.asked_ip_mbps
        if shown is None or ip is None or not asked or not _near(shown, ip * (step.asked_mbps or 0.0) / asked):
            yield "step_layer"
    if step.outcome is VerdictOutcome.PASS:
        yield from _of_passed(run, step)


def _of_passed(run: Run, step: Step) -> Iterator[str]:
    asked, received = step.asked_ip_mbps, step.received_ip_mbps
    if not asked or received is None or received < floor_mbps(asked, run.wanted.tolerance_ratio) * (1 - _SLACK):
        yield "step_rate"
        return
    share = step.percent / 100 * max(asked, step.offered_ip_mbps or 0.0) / asked
    if step.loss_ratio is None or step.loss_ratio > loss_at(run, share) + _SLACK:
        yield "step_loss"
    if share <= 1.0 - (run.wanted.tolerance_ratio or 0.0):
        for found, most in ((step.rtt_p95_ms, run.wanted.rtt_ms), (step.delay_variation_ms, run.wanted.pdv_ms)):
            if most is not None and (found is None or found > most):
                yield "step_delay"


def loss_at(run: Run, share: float) -> float:
    """The largest loss where `share` of the contract is sent: above the floor a line at the floor must lose the rest."""
    floor = 1.0 - (run.wanted.tolerance_ratio or 0.0)
    return 1.0 - min(1.0, floor / share) * (1.0 - (run.wanted.loss_ratio or 0.0))


def _near(found: float | None, wanted: float) -> bool:
    return found is not None and abs(found - wanted) <= _SLACK * max(1.0, abs(wanted))
