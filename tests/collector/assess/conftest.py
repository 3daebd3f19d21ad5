"""A small ledger for the assessment: places, offices, lines and measurements written straight into its tables."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select
from tests.collector.ledgers import empty_ledger

from doxa_collector.assess import Settings, run
from doxa_collector.ledger import schema
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.plans.model import (
    Condition,
    Kind,
    Measure,
    Offices,
    Operator,
    PlaceLevel,
    Plan,
    PlanPlace,
    Statistic,
    Target,
    Unit,
)
from doxa_collector.verdict import Verdict
from doxa_core import language
from doxa_core.language import Text
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_core.moments import microseconds
from doxa_core.outcome import Outcome

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
"""A Saturday noon in Vietnam."""


@dataclass
class Books:
    """The ledger, and what it takes to fill it."""

    engine: Engine
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def add(self, table: str, **row: Any) -> None:
        with writing(self.engine) as conn:
            conn.execute(insert(getattr(schema, table)).values(**row))

    def place(self, code: str, level: str = "commune", province: str = "42", **more: Any) -> None:
        row = {"valid_from": "1970-01-01", "valid_to": None, "name": f"place {code}"} | more
        self.add("place", code=code, level=level, province=province, **row)

    def office(self, name: str, place: str, *kinds: str, **more: Any) -> None:
        """An office with a probe, and one line of each kind, named like it."""
        self.add("site", site=name, name=f"office {name}", place_code=place)
        self.add("probe", agent=f"pi-{name}", site=name)
        for kind in kinds:
            self.line(name, kind, kind, **more)

    def line(self, site: str, link: str, kind: str, **more: Any) -> None:
        self.add("link", site=site, link=link, kind=kind, **{"valid_from": "1970-01-01", **more})

    def runs(
        self,
        site: str,
        link: str,
        values: Sequence[float | Mapping[str, float] | None],
        *,
        outcome: Outcome = Outcome.OK,
        meter: str = "speed",
        start: datetime = NOW - timedelta(days=2),
        step: timedelta = timedelta(minutes=40),
        name: str = "download_mbps",
        received: datetime | None = None,
    ) -> None:
        """One run per value; None measured nothing; a number is the value `name`."""
        rows = []
        for n, value in enumerate(values):
            found = {} if value is None else {name: value} if isinstance(value, int | float) else dict(value)
            started = start + n * step
            rows.append(
                {
                    "agent": "pi", "epoch": "0" * 16, "seq": next(self.numbers), "site": site, "link": link, "task": "t",
                    "meter": meter, "method": f"{meter}/1", "started_us": microseconds(started),
                    "received_us": microseconds(received or started), "outcome": outcome.value,
                    "values": json.dumps(found), "reasons": "[]", "findings": "[]", "raw": b"{}",
                }
            )  # fmt: skip
        with writing(self.engine) as conn:
            conn.execute(insert(schema.measurement), rows)

    def figure(self, place: str, value: float, *, month: str = "2026-11", **more: Any) -> None:
        row = {
            "link_kind": "fixed", "statistic": "median", "direction": "download", "n": None, "source": "i-Speed",
            "mark": "S", "imported_us": next(self.numbers), "imported_by": "a person", "file": "f.csv", "digest": "0" * 64,
        }  # fmt: skip
        self.add("figure", place_code=place, month=month, value_mbps=value, **(row | more))

    def indicator(self, target: str, value: float, *, plan: str = "p", place: str = "42", **more: Any) -> None:
        row = {"as_of": "2026-11-01", "unit": "%", "entered_by": "a person", "source": "a report"}
        self.add(
            "indicator",
            plan=plan,
            target=target,
            place_code=place,
            value=value,
            entered_us=next(self.numbers),
            **(row | more),
        )

    def judge(self, *plans: Plan, now: datetime = NOW, least: int = 3, **settings: Any) -> list[Verdict]:
        """By the estimate, as in a demonstration, unless told otherwise: a handful of runs is enough then."""
        return run(self.engine, plans, Settings(min_samples=least, **{"decide_by": "estimate", **settings}), now)

    def verdict(
        self, target: Target, *, now: datetime = NOW, where: PlanPlace | None = None, least: int = 3, **settings: Any
    ) -> Verdict:
        """The verdict of one target in the month of `now`."""
        return self.judge(plan_of(target, where=where), now=now, least=least, **settings)[0]

    def kept(self) -> list[Any]:
        with reading(self.engine) as conn:
            return list(conn.execute(select(schema.verdict).order_by(schema.verdict.c.id)))


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    engine = empty_ledger(tmp_path / "ledger.sqlite")
    yield Books(engine)
    engine.dispose()


@pytest.fixture(autouse=True)
def vietnamese(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("DOXA_LANG", raising=False)
    language._chosen.clear()
    yield
    language._chosen.clear()


PROVINCE = PlanPlace(code="42", name="tỉnh Hà Tĩnh", level=PlaceLevel.PROVINCE, province="42")


def area(*codes: str) -> PlanPlace:
    """A place of just these communes."""
    return PlanPlace(code="99", name="vùng", level=PlaceLevel.AREA, province="42", members=codes)


def plan_of(*targets: Target, where: PlanPlace | None = None, version: str = "1", **more: Any) -> Plan:
    """A plan of 2023–2030 with these targets at one place."""
    row: dict[str, Any] = {"valid_from": date(2023, 1, 1), "valid_to": date(2030, 12, 31), "id": "p"} | more
    return Plan(
        version=version, letter="P", title="Kế hoạch", issuer="UBND", source="p.txt", places=(where or PROVINCE,),
        targets=targets, **row,
    )  # fmt: skip


def level(
    value: float = 100,
    *,
    operator: Operator = Operator.AT_LEAST,
    statistic: Statistic = Statistic.MEDIAN,
    layer: Layer | None = Layer.PAYLOAD,
    name: str = "download_mbps",
    kind: LinkKind = LinkKind.FIXED,
    ispeed: bool = True,
    unit: Unit = Unit.MBPS,
    due: date = date(2030, 12, 31),
    **more: Any,
) -> Target:
    """A level target, by i-Speed unless told otherwise."""
    meter = "speed" if name.endswith("_mbps") else "latency"
    measure = Measure(meter=meter, value=name, link_kind=kind, layer=layer, statistic=statistic)
    return Target(
        id="t1", kind=Kind.LEVEL, title=Text(vi="Tốc độ", en="Speed"), words="w", lines=("P:1",), clause="1", due=due,
        operator=operator, value=value, unit=unit, measure=measure, ispeed=ispeed, **more,
    )  # fmt: skip


def share(
    value: float = 100,
    *,
    operator: Operator = Operator.EQUAL,
    rate: float | None = 100,
    kind: LinkKind = LinkKind.TSLCD,
    offices: Offices = Offices.COMMUNE,
    **more: Any,
) -> Target:
    """A share target: a connection, and a rate on it unless `rate` is None."""
    measure = Measure(meter="speed", value="download_ip_mbps", link_kind=kind, layer=Layer.IP)
    level_part: dict[str, Any] = (
        {} if rate is None else {"measure": measure, "operator": Operator.AT_LEAST, "value": rate, "unit": Unit.MBPS}
    )
    return Target(
        id="t2", kind=Kind.SHARE, title=Text(vi="Trụ sở", en="Offices"), words="w", lines=("P:1",), clause="1",
        due=date(2030, 12, 31), operator=operator, value=value, unit=Unit.PERCENT,
        condition=Condition(link_kind=kind, offices=offices, **level_part), **more,
    )  # fmt: skip


def manual(value: float | None = 90, *, operator: Operator | None = Operator.AT_LEAST, **more: Any) -> Target:
    """A target that a person answers."""
    return Target(
        id="t4", kind=Kind.MANUAL, title=Text(vi="Nhập tay", en="By hand"), words="w", lines=("P:1",), clause="1",
        operator=operator, value=value, unit=None if value is None else Unit.PERCENT, **more,
    )  # fmt: skip


def rank(value: float = 5, among: int = 34) -> Target:
    """Among the first five of 34."""
    measure = Measure(meter="speed", value="download_mbps", link_kind=LinkKind.FIXED, layer=Layer.PAYLOAD)
    return Target(
        id="t3", kind=Kind.RANK, title=Text(vi="Thứ hạng", en="Rank"), words="w", lines=("P:1",), clause="1",
        due=date(2030, 12, 31), operator=Operator.RANK_AT_MOST, value=value, unit=Unit.RANK, measure=measure, rank_among=among,
    )  # fmt: skip
