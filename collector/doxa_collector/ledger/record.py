"""What the ledger gives back: one kept measurement, as those who judge, draw and forward it read it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from doxa_core.outcome import Outcome

AnyRow = Row[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One measurement in the ledger. Moments are microseconds since 1970 UTC."""

    id: int
    """The place in the ledger's order of arrival: what cursors and evidence ranges name."""
    agent: str
    epoch: str
    seq: int
    site: str
    link: str
    task: str
    meter: str
    method: str
    started_us: int
    received_us: int
    outcome: Outcome
    far_end: str | None
    family: int | None
    values: Mapping[str, float]
    reasons: tuple[str, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value of one measurement; `value` is None where the run did not measure it (no data is never 0)."""

    id: int
    site: str
    link: str
    started_us: int
    outcome: Outcome
    method: str
    value: float | None
    reasons: tuple[str, ...]
    findings: tuple[str, ...]


def record_from(row: AnyRow) -> Record:
    """The record in a row of the table `measurement`."""
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name for access by key
    return Record(
        **{name: found[name] for name in _PLAIN},
        outcome=Outcome(found["outcome"]),
        values=json.loads(found["values"]),
        reasons=codes(found["reasons"]),
        findings=codes(found["findings"]),
    )


_PLAIN = (
    "id", "agent", "epoch", "seq", "site", "link", "task", "meter", "method", "started_us", "received_us", "far_end",
    "family",
)  # fmt: skip


def codes(text: str) -> tuple[str, ...]:
    """The list of codes in a JSON text; most are empty."""
    return () if text == "[]" else tuple(json.loads(text))
