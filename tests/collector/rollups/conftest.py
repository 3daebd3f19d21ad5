"""Histories: measurements as a ledger holds them, some of them awkward, and both ways of reading what they come to."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection, Engine, insert

from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.schema import measurement as table
from doxa_collector.period import Period, month_of
from doxa_collector.rollups.kept import Kept
from doxa_collector.rollups.model import LineRuns, Source, evidence_of
from doxa_collector.rollups.raw import Raw
from doxa_core.language import VIETNAM_TIME
from doxa_core.moments import microseconds
from doxa_core.outcome import Outcome

OCTOBER = month_of(date(2026, 10, 1))
NOVEMBER = month_of(date(2026, 11, 1))
BORDER_US = OCTOBER.to_us


def at(text: str) -> int:
    """A moment in Vietnamese time."""
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=VIETNAM_TIME))


class Entry(NamedTuple):
    """One measurement, as far as it matters here."""

    started_us: int
    values: dict[str, Any]
    outcome: Outcome = Outcome.OK
    site: str = "dong-dang"
    link: str = "fixed"
    meter: str = "speed"
    received_us: int | None = None


Add = Callable[[Iterable[Entry]], None]


def add_to(engine: Engine, entries: Iterable[Entry], seen: list[int]) -> None:
    """Put measurements into a ledger; `seen` counts them."""
    rows = []
    for entry in entries:
        seen.append(len(seen) + 1)
        rows.append(
            {
                "agent": "a", "epoch": "00112233445566aa", "seq": len(seen), "site": entry.site, "link": entry.link,
                "task": "t", "meter": entry.meter, "method": f"{entry.meter}/1", "started_us": entry.started_us,
                "received_us": entry.started_us if entry.received_us is None else entry.received_us,
                "outcome": entry.outcome.value, "values": json.dumps(entry.values), "reasons": "[]", "findings": "[]",
                "raw": f"line {len(seen)}".encode(),
            }
        )  # fmt: skip
    if rows:
        with writing(engine) as conn:
            conn.execute(insert(table), rows)


@pytest.fixture
def add(engine: Engine) -> Add:
    """Put measurements into the ledger, in the order of their arrival."""
    seen: list[int] = []
    return lambda entries: add_to(engine, entries, seen)


def as_text(source: Source, sites: Sequence[str], meter: str, period: Period) -> list[Any]:
    """Everything that a source says of a month, in a form whose every byte is compared."""
    return [_text(line) for line in source.read(sites, meter, period)]


def _text(line: LineRuns) -> Any:
    return (
        line.site, line.link, line.meter,
        {name: rollup.to_json() for name, rollup in line.series.items()},
        {name: dict(line.sums(name)) for name in line.series},
        {day: {k.value: n for k, n in found.items()} for day, found in line.outcomes.items()},
        dict(line.traces), evidence_of([line]),
    )  # fmt: skip


def both(conn: Connection, sites: Sequence[str], meter: str, period: Period) -> tuple[list[Any], list[Any]]:
    """What the evidence says, up to where the packs are, and what the packs say."""
    kept = Kept(conn)
    return as_text(Raw(conn, kept.position), sites, meter, period), as_text(kept, sites, meter, period)


def assert_same(engine: Engine, sites: Sequence[str], meters: Sequence[str] = ("speed",)) -> int:
    """The packs say what the evidence says, of October and November; how many lines there were."""
    lines = 0
    with reading(engine) as conn:
        for meter in meters:
            for period in (OCTOBER, NOVEMBER, Period(first=date(2026, 10, 20), last=date(2026, 11, 10))):
                evidence, kept = both(conn, sites, meter, period)
                assert kept == evidence
                lines += len(kept)
    return lines
