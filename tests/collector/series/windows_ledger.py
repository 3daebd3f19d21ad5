"""Measurements as windows see them, in whatever order they arrive, and streams that step when the clock says so."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, insert
from tests.collector.series.series_ledger import START

from doxa_collector.ledger.engine import writing
from doxa_collector.ledger.schema import measurement as table
from doxa_core.outcome import Outcome


class Run(NamedTuple):
    """One measurement; `at_s` after `START`."""

    at_s: float
    values: dict[str, Any] = {"rtt_p50_ms": 10.0, "sent_count": 10, "received_count": 10}  # noqa: RUF012 - never changed
    outcome: Outcome = Outcome.OK
    meter: str = "latency"
    site: str = "dong-dang"
    link: str = "fixed"
    task: str = "t"
    far_end: str | None = "vnix-hn"
    family: int | None = 4


def put(engine: Engine, runs: Iterable[Run], received_us: int) -> None:
    """They arrive, all at one moment."""
    rows: list[dict[str, Any]] = [
        {
            "agent": "a", "epoch": "00112233445566aa", "seq": number, "site": run.site, "link": run.link,
            "task": run.task, "meter": run.meter, "method": f"{run.meter}/1",
            "started_us": START + round(run.at_s * 1_000_000), "received_us": received_us, "outcome": run.outcome.value,
            "far_end": run.far_end, "family": run.family, "values": json.dumps(run.values), "reasons": "[]",
            "findings": "[]", "raw": json.dumps({"duration_s": 1.5, "seq": number}).encode(),
        }
        for number, run in enumerate(runs, _next(engine))
    ]  # fmt: skip
    if rows:
        with writing(engine) as conn:
            conn.execute(insert(table), rows)


def _next(engine: Engine) -> int:
    with writing(engine) as conn:
        found: int = conn.exec_driver_sql("SELECT coalesce(max(seq), 0) + 1 FROM measurement").scalar_one()
    return found


def speeds(site: str, link: str, *mbps: tuple[float, float], at_s: float = 0, **changes: Any) -> Sequence[Run]:
    """Speed tests of a line: (download, upload) each."""
    return [
        Run(at_s + n * 600, {"download_mbps": down, "upload_mbps": up, "download_wire_mbps": 1.05 * down,
                             "upload_wire_mbps": 1.05 * up}, meter="speed", site=site, link=link, **changes)
        for n, (down, up) in enumerate(mbps)
    ]  # fmt: skip
