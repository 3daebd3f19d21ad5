"""A country of two provinces, alarms by hand, and incidents in a ledger."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Protocol

import pytest

from doxa_collector.incidents.atlas import Atlas, atlas_of
from doxa_collector.incidents.correlate import Correlator
from doxa_collector.incidents.model import IncidentChange
from doxa_collector.watch.alarm import Alarm, Change, Turn
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import Kind, Subject, line, node, probe
from doxa_lab.incidents.faults import S
from doxa_lab.incidents.province import TSLCD, Country, Province

START = 1_795_482_000 * S
METRICS = {Kind.PROBE: "probe.offline_flag", Kind.LINK: "link.down_flag", Kind.NODE: "node.down_flag"}


@pytest.fixture(scope="session")
def country() -> Country:
    return Country(Province(), Province(code="11", name="Tỉnh Điện Biên", communes=40))


@pytest.fixture(scope="session")
def atlas(country: Country) -> Atlas:
    return atlas_of(country.registry, date(2026, 11, 24), country.carried)


class MakeAlarm(Protocol):
    def __call__(self, subject: Subject, at_s: float = 0, **changes: Any) -> Alarm: ...


@pytest.fixture
def alarm() -> MakeAlarm:
    def make(subject: Subject, at_s: float = 0, **changes: Any) -> Alarm:
        metric = changes.pop("metric", METRICS.get(subject.kind, "collector.broker_down_flag"))
        detail = {"metric": metric} | changes.pop("detail", {})
        plain: dict[str, Any] = {
            "rule": metric.replace("_flag", "").replace(".", "-"), "subject": subject, "severity": Severity.CRITICAL,
            "began_us": START + round(at_s * S), "raised_us": START + round((at_s + 8) * S), "detail": detail,
        }  # fmt: skip
        return Alarm(**(plain | changes))

    return make


class Feed:
    """A correlator with a clock in seconds: what is open is remembered between steps."""

    def __init__(self, correlator: Correlator) -> None:
        self.correlator = correlator
        self.open: dict[Any, Alarm] = {}
        self.changes: list[IncidentChange] = []

    def step(
        self, at_s: float, *raised: Alarm, cleared: Sequence[Alarm] = (), **surroundings: Any
    ) -> list[IncidentChange]:
        now_us = START + round(at_s * S)
        changes = [Change(Turn.RAISED, a) for a in raised] + [Change(Turn.CLEARED, a) for a in cleared]
        self.open |= {a.key: a for a in raised}
        for one in cleared:
            self.open.pop(one.key, None)
        found = self.correlator.update(now_us, changes, list(self.open.values()), **surroundings)
        self.changes += found
        return found


@pytest.fixture
def feed(country: Country, atlas: Atlas) -> Callable[[], Feed]:
    return lambda: Feed(Correlator(country.tree, atlas))


def tslcd(n: int) -> Subject:
    return line(f"xa-52-{n:03d}", TSLCD)


def away(n: int, k: int = 1) -> Subject:
    return probe(f"xa-52-{n:03d}", f"xa-52-{n:03d}-{k}")


def node_alarm(alarm: MakeAlarm) -> Alarm:
    return alarm(node("agg-52"))
