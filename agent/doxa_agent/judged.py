"""A reading of a heavy run after the guards have spoken: findings, figures, and whether it says anything of the line."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from doxa_agent.guard import Verdict
from doxa_agent.guards.bounds import IMPOSSIBLE
from doxa_agent.meter import Reading
from doxa_core.outcome import Outcome

BLOCK: Final = "guards"
"""The key of a reading's detail under which the guards' figures stand."""


def judged(reading: Reading, verdict: Verdict) -> Reading:
    """The reading with what the guards found.

    A value that cannot be true makes it our own `error`, without that value; a limit of the probe makes an `ok` run
    `probe_limited`. What failed or was skipped stays so: a limit explains a figure, not its absence.
    """
    found = replace(reading, findings=_once(reading.findings, verdict.findings))
    if verdict.detail and isinstance(reading.detail, Mapping):
        found = replace(found, detail={**reading.detail, BLOCK: dict(verdict.detail)})
    if verdict.impossible:
        values = {name: value for name, value in reading.values.items() if name not in verdict.impossible}
        return replace(found, outcome=Outcome.ERROR, reasons=_once(reading.reasons, (IMPOSSIBLE,)), values=values)
    if verdict.limits and reading.outcome in (Outcome.OK, Outcome.PROBE_LIMITED):
        return replace(found, outcome=Outcome.PROBE_LIMITED, reasons=_once(reading.reasons, verdict.limits))
    return found


def _once(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))
