"""The contract of a guard: one file in `guards/`, found by its name, that says what it noticed about a run.

A guard's module has these names, all checked by `guards.load()`:

    TITLE: Text                        what people call it
    FINDINGS: Mapping[str, Text]       every code that it can give, with what it means for the reader of a number
    def look(turn: Turn) -> list[Finding]
                                       what can be seen at once, before any run
    def before(turn: Turn) -> Watch[list[Finding]] | None          optional: begins to watch a line that should be
                                       quiet; ended after `settings.before_s`, before a heavy run
    def during(turn: Turn) -> Watch[Verdict] | None                optional: begins to watch a heavy run; ended after it
    def judge(turn: Turn, reading: Reading) -> Verdict             optional: after a heavy run, what its own figures say

A finding accompanies the measurement by its code. What it does to the run is its effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from doxa_agent.meter import Link


class Effect(StrEnum):
    """What a finding does."""

    NOTE = "note"
    """The run goes on; the reader of the number must know."""
    LIMIT = "limit"
    """The run goes on; its result may say more about the probe than about the line, which `judge` tells
    afterwards from the values."""
    FRUGAL = "frugal"
    """The run goes on in its shortest form (`Request.frugal`)."""
    DEFER = "defer"
    """Not now: the runner looks again later, and gives up as `skipped`, reasons `busy` and the code."""
    REFUSE = "refuse"
    """The run does not take place: outcome `skipped`, the code is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a guard noticed."""

    code: str
    """Of the contract's form of reasons and findings: `nic_fast_ethernet`."""
    effect: Effect = Effect.NOTE


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """`[guards]` of agent.toml; the defaults are those of methods.md §8."""

    off: tuple[str, ...] = ()
    """Guards that are not asked, by their file's name: for laboratories that load their own machine on purpose."""
    target_mbps: float = 100.0
    """The rate at the IP layer that this probe must be able to show; what each line promises stands in the registry."""
    before_s: float = 5.0
    """How long the line and the processor are watched before a heavy run."""
    defer_max_s: float = 1800.0
    """How long a heavy run may wait for a quiet line, processor or far end (and never into its next start)."""
    defer_look_s: float = 30.0
    """How often it looks again, ± a fifth so that probes behind one line do not keep in step."""
    cross_mbps: float = 0.2
    """Other traffic on the interface, in either direction, from which on a heavy run is put off: 25 kB/s."""
    cross_share_ratio: float = 0.02
    """Other traffic during a run, as a share of the run's own, from which on it may have changed the figure."""
    cpu_before_ratio: float = 0.3
    """The processor's use, all cores together, from which on a heavy run is put off."""
    cpu_core_ratio: float = 0.9
    """The busiest core's use within one second of a run from which on the probe was the limit."""
    budget_frugal_ratio: float = 0.8
    """The share of the month's data budget from which on runs take their shortest form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One run to come: what a guard looks at."""

    link: Link
    heavy: bool
    settings: GuardSettings = field(default_factory=GuardSettings)
    moved_bytes: float = 0.0
    """What heavy runs moved over the link in this month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a guard says after a heavy run."""

    findings: tuple[str, ...] = ()
    """Codes for the reader of the number."""
    limits: tuple[str, ...] = ()
    """Why the probe, or somebody else on it, and not the line may have set the values: outcome `probe_limited`."""
    impossible: tuple[str, ...] = ()
    """Names of values that cannot be true: they are taken out, outcome `error`, for the fault is our own."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """A few figures for the reading's `guards` block."""


Found = TypeVar("Found", covariant=True)  # noqa: PLC0105 - the name says what it is


class Watch(Protocol[Found]):
    """Something that goes on between its making and `end`."""

    def tick(self) -> None:
        """Look; called about four times a second, from one thread. Must be cheap."""

    def end(self) -> Found:
        """What was noticed; called once, after the last tick."""
