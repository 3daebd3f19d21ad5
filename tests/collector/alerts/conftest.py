"""Rules of a few words, and an engine with a clock that the test turns."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import pytest

from doxa_collector.alerts.engine import Engine
from doxa_collector.alerts.model import Rule
from doxa_collector.alerts.reading import read_rule
from doxa_collector.watch.alarm import Change
from doxa_collector.watch.fact import Fact
from doxa_collector.watch.subject import Subject, line
from doxa_core.strict import Table

LINE = line("dong-dang", "fixed")
SECOND = 1_000_000
START = 1_800_000_000 * SECOND


class MakeRule(Protocol):
    def __call__(self, **changes: Any) -> Rule: ...


@pytest.fixture(scope="session")
def make_rule() -> MakeRule:
    """A rule about a line's loss above 0.1, cleared at 0.05, both at once; any key can be changed."""

    def make(**changes: Any) -> Rule:
        plain: dict[str, Any] = {
            "id": "r", "on": "link", "metric": "latency.loss_ratio", "operator": ">", "threshold": 0.1,
            "clear_threshold": 0.05, "severity": "warning", "message": {"vi": "{link} {value}", "en": "{link} {value}"},
        }  # fmt: skip
        if "baseline" in changes:
            plain.pop("threshold")
            plain.pop("clear_threshold")
        return read_rule(Table(plain | changes, "rules.toml", "rule[1]."))

    return make


class Play:
    """An engine whose seconds are counted from `START`."""

    def __init__(self, rules: Iterable[Rule], **more: Any) -> None:
        self.engine = Engine(rules, **more)
        self.seen: list[Change] = []

    def fact(self, second: float, value: float, subject: Subject = LINE, metric: str = "latency.loss_ratio") -> None:
        """Feed one figure of that second."""
        self.engine.feed([Fact(subject, metric, value, START + round(second * SECOND))])

    def tick(self, second: float) -> list[str]:
        """What changes at that second: `raised r`, `cleared r`, with `muted` where nobody is told."""
        changes = self.engine.tick(START + round(second * SECOND))
        self.seen += changes
        return [f"{c.turn} {c.alarm.rule}" + (" muted" if c.alarm.muted else "") for c in changes]

    def at(self, second: float, value: float, metric: str = "latency.loss_ratio", subject: Subject = LINE) -> list[str]:
        """A figure that comes at its own second, and what changes."""
        self.fact(second, value, subject, metric)
        return self.tick(second)


@pytest.fixture(scope="session")
def play() -> Callable[..., Play]:
    return Play
