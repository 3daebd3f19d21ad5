"""The contract of a guard: one file in `guards/`, found by its name, that looks before a run and says what it noticed.

A guard's module has these names, all checked by `guards.load()`:

    TITLE: Text                        what people call it
    FINDINGS: Mapping[str, Text]       every code that it can give, with what it means for the reader of a number
    def look(link: Link, *, heavy: bool) -> list[Finding]
    def judge(link: Link, values: Mapping[str, float]) -> tuple[str, ...]      optional: after a heavy run, why the
                                       probe and not the line may have set its values; any makes it `probe_limited`

A finding accompanies the measurement by its code. What it does to the run is its effect.
"""

from dataclasses import dataclass
from enum import StrEnum


class Effect(StrEnum):
    """What a finding does."""

    NOTE = "note"
    """The run goes on; the reader of the number must know."""
    LIMIT = "limit"
    """The run goes on; its result may say more about the probe than about the line, which `judge` tells
    afterwards from the values."""
    REFUSE = "refuse"
    """The run does not take place: outcome `skipped`, the code is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a guard noticed."""

    code: str
    """Of the contract's form of reasons and findings: `nic_fast_ethernet`."""
    effect: Effect = Effect.NOTE
