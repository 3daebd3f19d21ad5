"""Benchmarks: each module here has `run() -> list[Row]`; ratios against a peer in the same run, never absolutes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    what: str
    ours: str
    peer: str
    ratio: float
    goal: float
    """The ratio must not be larger."""

    @property
    def met(self) -> bool:
        """Whether the goal is met."""
        return self.ratio <= self.goal
