"""When a step is tried again, and what its attempts amount to together.

A step that is not passed at once is tried again, at most `ATTEMPTS` times in all: a moment in which the probe, the far end
or a neighbour stood still must not fail a line, and a line must not be failed on one attempt. Two attempts decide.
The long performance run is never repeated: what it saw is what happened.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from doxa_agent.acceptance.judgement import StepResult
from doxa_agent.acceptance.verdict import Verdict

ATTEMPTS: Final = 3


def is_settled(attempts: Sequence[StepResult]) -> bool:
    """Whether another attempt could change nothing, or may not be made."""
    passed, failed = _count(attempts, Verdict.PASS), _count(attempts, Verdict.FAIL)
    last = attempts[-1]
    if (
        last.step.performance
        or len(attempts) >= ATTEMPTS
        or "not_measured" in last.reasons
        or "cut_short" in last.reasons
    ):
        return True
    return passed > failed or failed >= 2


def settle(attempts: Sequence[StepResult]) -> StepResult:
    """The step's result: the last attempt of the verdict that two of them, or the only telling one, bear out.

    One pass without a fail is a pass: a limited probe can only make a line look worse. A fail needs two; a single one that
    nothing confirms leaves the step open (`attempts_disagree`).
    """
    if len(attempts) == 1:
        return attempts[0]
    passed, failed = _count(attempts, Verdict.PASS), _count(attempts, Verdict.FAIL)
    if passed > failed:
        chosen = _last(attempts, Verdict.PASS)
    elif failed >= 2:
        chosen = _last(attempts, Verdict.FAIL)
    elif _count(attempts, Verdict.PROBE_LIMITED):
        chosen = _last(attempts, Verdict.PROBE_LIMITED)
    else:
        chosen = attempts[-1]
    others = tuple(found for found in attempts if found is not chosen)
    notes = tuple(dict.fromkeys((*chosen.notes, "step_repeated")))
    if chosen.verdict is Verdict.PASS or failed >= 2 or chosen.verdict is Verdict.PROBE_LIMITED:
        return replace(chosen, attempts=others, notes=notes)
    return replace(
        chosen,
        attempts=others,
        notes=notes,
        verdict=Verdict.INSUFFICIENT,
        reasons=("attempts_disagree", *chosen.reasons),
    )


def _count(attempts: Sequence[StepResult], verdict: Verdict) -> int:
    return sum(found.verdict is verdict for found in attempts)


def _last(attempts: Sequence[StepResult], verdict: Verdict) -> StepResult:
    return next(found for found in reversed(attempts) if found.verdict is verdict)
