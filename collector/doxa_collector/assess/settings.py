"""The settings of the assessment, with their defaults, and the number of the method that they belong to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal

METHOD: Final = 3
"""How verdicts come about. 1: by the estimate alone (until 11/2026). 2: by bounds over days (docs/judging.md).
3: and where tests were skipped, only what also holds for all that were due.

Whatever changes an answer for the same evidence is another method. A month that was closed by another one is shown as it
was closed and never judged again.
"""
DecideBy = Literal["bounds", "estimate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """When there is enough evidence, how certain an answer must be, and when a month is closed."""

    min_samples: int = 30
    """Fewer samples of a line or a place give `insufficient`."""
    min_days: int = 7
    """So do samples of fewer local days."""
    confidence: float = 0.99
    """Of each of the two bounds, on its own side; 0.6 to 0.9999."""
    decide_by: DecideBy = "bounds"
    """`estimate`: the figure alone decides, from one day on. For a demonstration; every such answer says `by_estimate`."""
    recent_days: float = 7
    """A line counts as working if something came through in so many days before the judgement."""
    down_after_days: float = 1
    """A line is down for certain if nothing came through and its failures reach over so many days."""
    final_after_days: float = 3
    """A month stays open so long after its end, for what probes replay after an outage; then it is never rewritten."""

    def as_json(self) -> dict[str, Any]:
        """What a closing keeps: the settings, and the method that they were read by."""
        return {"method": METHOD, **asdict(self)}


def method_of(kept: Mapping[str, Any]) -> int:
    """The method of a closing's settings; the first one did not name itself."""
    return int(kept.get("method", 1))


def from_json(kept: Mapping[str, Any]) -> Settings:
    """The settings of a closing; what another method had besides is left out, what it had not is the default."""
    known = {field.name for field in fields(Settings)}
    return Settings(**{name: value for name, value in kept.items() if name in known})
