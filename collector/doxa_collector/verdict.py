"""A verdict: target × place × period, with the numbers that it stands on."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from doxa_core.language import Text


class VerdictOutcome(StrEnum):
    """The four outcomes of a target."""

    PASS = "pass"  # noqa: S105 - the outcome, not a password
    FAIL = "fail"
    PROBE_LIMITED = "probe_limited"
    """The samples are below the target, and the probe, its port or the far end was the limit: says nothing of the line."""
    INSUFFICIENT = "insufficient"
    """Not enough evidence, or evidence that a probe cannot give."""

    @property
    def text(self) -> Text:
        """The words of domain.md §9."""
        return _TEXTS[self]


_TEXTS = {
    VerdictOutcome.PASS: Text(vi="đạt", en="pass"),
    VerdictOutcome.FAIL: Text(vi="không đạt", en="fail"),
    VerdictOutcome.PROBE_LIMITED: Text(vi="thiết bị đo giới hạn", en="probe limited"),
    VerdictOutcome.INSUFFICIENT: Text(vi="chưa đủ mẫu", en="insufficient samples"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One judgement. `value`, `lower` and `upper` are in the target's unit and at `layer`; absent where not known."""

    plan: str
    plan_version: str
    target: str
    place: str
    """The code of the place judged."""
    period_from: date
    period_to: date
    """Inclusive."""
    outcome: VerdictOutcome
    value: float | None = None
    n: int = 0
    """Samples of a level target, sites of a share target."""
    lower: float | None = None
    upper: float | None = None
    """The bounds that the outcome stands on, where n allows; each holds with the confidence that the detail names."""
    layer: str | None = None
    reasons: tuple[str, ...] = ()
    """Codes: why insufficient, why limited, what else the reader must know."""
    published: float | None = None
    """The i-Speed figure published for the period (imported), beside the measured one; never mixed with it."""
    detail: str = "{}"
    """JSON: the method and its confidence, mean and median, counts by outcome, members of a share, the evidence's hash."""
