"""The settings of the assessment, with their defaults."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """When there is enough evidence, and when a month is closed."""

    min_samples: int = 30
    """Fewer samples of a line or a place give `insufficient`."""
    recent_days: float = 7
    """A line counts as working if something came through in so many days before the judgement."""
    down_after_days: float = 1
    """A line is down for certain if nothing came through and its failures reach over so many days."""
    final_after_days: float = 3
    """A month stays open so long after its end, for what probes replay after an outage; then it is never rewritten."""
