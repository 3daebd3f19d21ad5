"""What the ledger holds so far: the newest figures of each line, which tasks have run, and the verdicts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from doxa_collector.ledger.engine import open_ledger, reading
from doxa_collector.ledger.schema import measurement, verdict
from doxa_core.errors import OperationError
from doxa_core.outcome import Outcome
from doxa_lab.demo.ground import Spot


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One measurement, as much of it as the demo shows."""

    site: str
    link: str
    meter: str
    started_us: int
    received_us: int
    duration_s: float
    outcome: Outcome
    values: Mapping[str, float]
    reasons: tuple[str, ...]
    findings: tuple[str, ...]

    @property
    def ended_us(self) -> int:
        """When it was over."""
        return self.started_us + round(self.duration_s * 1e6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One verdict as it stands in the ledger."""

    plan: str
    target: str
    place: str
    outcome: str
    value: float | None
    n: int
    layer: str | None
    reasons: tuple[str, ...]
    computed_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """One look at the ledger."""

    runs: Sequence[Run] = ()
    verdicts: Sequence[Judged] = ()

    def of(self, spot: Spot, meter: str) -> list[Run]:
        """The runs of a meter over a line, oldest first."""
        return [r for r in self.runs if (r.site, r.link, r.meter) == (spot.office.site, spot.link.name, meter)]

    def latest(self, spot: Spot, meter: str) -> Run | None:
        """The newest one."""
        runs = self.of(spot, meter)
        return runs[-1] if runs else None

    def with_value(self, spot: Spot, value: str) -> list[Run]:
        """The good speed tests of a line that found `value`, oldest first."""
        return [r for r in self.of(spot, "speed") if r.outcome is Outcome.OK and value in r.values]

    def undisturbed(self, spot: Spot, meter: str) -> Run | None:
        """The newest good run of a light meter that no speed test on the same line overlapped."""
        heavy = self.of(spot, "speed")
        alone = [r for r in self.of(spot, meter) if r.outcome is Outcome.OK and not any(_overlap(r, h) for h in heavy)]
        return alone[-1] if alone else None


def repeated(spots: Sequence[Spot], results: Results) -> dict[str, list[str]]:
    """Spot → why a speed test of it did not find everything, one entry a run: a machine that is busy shows here."""
    found: dict[str, list[str]] = {}
    for spot in spots:
        for run in results.of(spot, "speed"):
            if run.outcome is not Outcome.OK or not {"download_mbps", "upload_mbps"} <= set(run.values):
                found.setdefault(spot.name, []).append(",".join((run.outcome, *run.reasons, *run.findings)))
    return found


def _overlap(one: Run, other: Run) -> bool:
    return one.started_us < other.ended_us and other.started_us < one.ended_us


class LedgerView:
    """Reads the collector's ledger beside it; empty as long as there is none."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._engine: Engine | None = None

    def look(self) -> Results:
        """What it holds now."""
        if self._engine is None:
            try:
                self._engine = open_ledger(self._file, create=False)
            except OperationError:
                return Results()
        with reading(self._engine) as connection:
            runs = [_run(row) for row in connection.execute(select(measurement).order_by(measurement.c.started_us))]
            verdicts = [_judged(row) for row in connection.execute(select(verdict).order_by(verdict.c.id))]
        return Results(runs=runs, verdicts=verdicts)

    def close(self) -> None:
        """Let go of the file."""
        if self._engine is not None:
            self._engine.dispose()


def _run(row: Any) -> Run:
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's public way to a row's columns by name
    return Run(
        site=found["site"],
        link=found["link"],
        meter=found["meter"],
        started_us=found["started_us"],
        received_us=found["received_us"],
        duration_s=json.loads(found["raw"])["duration_s"],
        outcome=Outcome(found["outcome"]),
        values=json.loads(found["values"]),
        reasons=tuple(json.loads(found["reasons"])),
        findings=tuple(json.loads(found["findings"])),
    )


def _judged(row: Any) -> Judged:
    return Judged(
        plan=row.plan,
        target=row.target,
        place=row.place_code,
        outcome=row.outcome,
        value=row.value,
        n=row.n,
        layer=row.layer,
        reasons=tuple(json.loads(row.reasons)),
        computed_us=row.computed_us,
    )
