"""One office with its lines in a ledger of its own, and closed months of a target."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert
from tests.collector.assess.conftest import Books
from tests.collector.ledgers import empty_ledger

from doxa_collector.assess.inputs import canonical
from doxa_collector.assess.settings import Settings
from doxa_collector.assess.snapshots import keep
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.schema import measurement
from doxa_collector.period import Period, month_of
from doxa_collector.plans import load_plans
from doxa_collector.plans.keeping import plan_as_json
from doxa_collector.plans.model import Plan
from doxa_collector.views.month import LineMonth, read_month
from doxa_core import language
from doxa_core.language import VIETNAM_TIME
from doxa_core.moments import microseconds
from doxa_core.outcome import Outcome

OCTOBER = month_of(date(2026, 10, 1))
AFTER = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 10, 1, tzinfo=VIETNAM_TIME)


def at(day: int, hour: float = 0) -> datetime:
    """A moment of October, by Vietnamese time."""
    return MIDNIGHT + timedelta(days=day - 1, hours=hour)


@dataclass
class Shelf(Books):
    """The ledger with what a month of a line needs."""

    def commune(self, *kinds: str, **more: Any) -> None:
        """One office of xã Đồng Đăng with a line of each kind."""
        self.place("20", "province", "20", name="tỉnh Lạng Sơn")
        self.place("06184", province="20", name="xã Đồng Đăng")
        self.office("dd", "06184", *kinds, **more)

    def speed(
        self, values: Sequence[float], *, start: datetime = MIDNIGHT, step: timedelta = timedelta(hours=1),
        outcome: Outcome = Outcome.OK, link: str = "fixed",
    ) -> None:  # fmt: skip
        """Speed tests whose every rate is this value, one step after the other."""
        names = [f"{way}{layer}_mbps" for way in ("download", "upload") for layer in ("", "_ip", "_wire", "_mean")]
        self.runs(
            "dd", link, [dict.fromkeys(names, value) for value in values], start=start, step=step, outcome=outcome
        )

    def pings(
        self, ends: Sequence[Outcome | bool], *, start: datetime = MIDNIGHT, step: timedelta = timedelta(minutes=5),
        far_end: str | None = None, family: int | None = None,
    ) -> None:  # fmt: skip
        """Latency runs over the fixed line: True came through, False failed."""
        rows = []
        for n, end in enumerate(ends):
            outcome = {True: Outcome.OK, False: Outcome.FAILED}[end] if isinstance(end, bool) else end
            values = {"rtt_p50_ms": 8.0, "loss_ratio": 0.0} if outcome is Outcome.OK else {}
            at_us = microseconds(start + n * step)
            rows.append({
                "agent": "pi", "epoch": "0" * 16, "seq": next(self.numbers), "site": "dd", "link": "fixed", "task": "t",
                "meter": "latency", "method": "latency/1", "started_us": at_us, "received_us": at_us,
                "outcome": outcome.value, "values": json.dumps(values), "reasons": "[]", "findings": "[]", "raw": b"{}",
                "far_end": far_end, "family": family,
            })  # fmt: skip
        with writing(self.engine) as conn:
            conn.execute(insert(measurement), rows)

    def month(
        self, link: str = "fixed", period: Period = OCTOBER, *, plans: Sequence[Plan] = (), now: datetime = AFTER
    ) -> LineMonth:
        """The month of a line of the office."""
        with reading(self.engine) as conn:
            found = read_month(conn, "dd", link, period, plans=plans, now_us=microseconds(now))
        assert found is not None
        return found

    def close(
        self, plan: Plan, target: str, figures: Mapping[str, float | None], *, place: str = "06184", method: int | None = None,
        **more: Any,
    ) -> None:  # fmt: skip
        """Closed months of a target, `2026-05` → its figure."""
        with writing(self.engine) as conn:
            digest = keep(conn, "plan", canonical(plan_as_json(plan)))
        for month, value in figures.items():
            period = month_of(date.fromisoformat(f"{month}-01"))
            settings = Settings().as_json() | ({} if method is None else {"method": method})
            self.add(
                "closing", period_from=period.first.isoformat(), revision=1, closed_us=1, last_id=0, judged_us=1,
                settings=json.dumps(settings), inputs="0" * 64, plans=json.dumps([digest]), verdicts="0" * 64,
                program="0", actor="doxa", reason="",
            )  # fmt: skip
            self.judged(plan, target, period, value, place=place, **more)

    def judged(
        self, plan: Plan, target: str, period: Period, value: float | None, *, place: str = "06184", **more: Any
    ) -> None:
        """The verdict of a month."""
        row = {"outcome": "insufficient", "n": 400, "layer": "payload", "lower": None, "upper": None, "published": None}
        self.add(
            "verdict", plan=plan.id, plan_version=plan.version, target=target, place_code=place, value=value,
            period_from=period.first.isoformat(), period_to=period.last.isoformat(), reasons="[]", detail="{}",
            computed_us=1, **(row | more),
        )  # fmt: skip


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    engine: Engine = empty_ledger(tmp_path / "ledger.sqlite")
    yield Shelf(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def plans() -> tuple[Plan, ...]:
    """Those that are shipped."""
    return load_plans()


@pytest.fixture(autouse=True)
def vietnamese(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("DOXA_LANG", raising=False)
    language._chosen.clear()
    yield
    language._chosen.clear()
