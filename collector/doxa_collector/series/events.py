"""`doxa_event`: what a reader of a curve must know: another contract, another plan, a closed month, planned work.

They are read from the audit log, which keeps each of them for ever.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import Connection, or_, select

from doxa_collector.incidents.windows import Scope
from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import audit, maintenance
from doxa_collector.papers.secrecy import mask_addresses
from doxa_collector.period import DAY_US, Period, local_day, month_of
from doxa_collector.plans.model import PlaceLevel
from doxa_collector.registry import ALWAYS
from doxa_collector.series._batch import batch, position_of
from doxa_collector.series._registry import Register, View, is_internal
from doxa_collector.series._targets import KnownPlans, speaks_of_tslcd
from doxa_collector.series._world import World
from doxa_collector.sink import Item, Point, Stream, Tier
from doxa_core.codes import COUNTRY, EVENTS
from doxa_core.language import local_time, number
from doxa_core.linkkind import LinkKind

_PROMISE: Final = ("kind", "provider", "contracted_down_mbps", "contracted_up_mbps", "layer", "contract")
"""What makes another contract."""
Row = Mapping[str, Any]


def streams(world: World) -> Sequence[Stream]:
    """One stream."""
    return (Events(world),)


class Events:
    """The audit log in its order; the position is its line."""

    suffix = "/events"

    def __init__(self, world: World) -> None:
        self._world, self._register = world, Register()

    def after(self, conn: Connection, position: int, limit: int) -> list[Point]:
        """The next lines that are events."""
        a = audit.c
        known = or_(a.action.in_(_TOLD), a.action.startswith("plan."))
        rows = conn.execute(select(audit).where(a.id > position, known).order_by(a.id).limit(limit)).all()
        if not rows:
            return []
        view = self._register.on(conn, local_day(self._world.now_us()))
        teller = _Teller(conn, view, KnownPlans(self._world.plans()))
        points = [found for row in rows if (found := teller.tell(row)) is not None]
        return batch(points, before=position, after=rows[-1].id)

    def position(self, item: Item) -> int:
        """The line of the audit log."""
        return position_of(item)


class _Teller:
    """One line of the audit log as an event, or none."""

    def __init__(self, conn: Connection, view: View, plans: KnownPlans) -> None:
        self._conn, self._view, self._plans = conn, view, plans

    def tell(self, row: AnyRow) -> Point | None:
        """The event of a line."""
        detail = json.loads(row.detail)
        tell = _TOLD.get(row.action, _Teller._plan)
        return tell(self, row, detail)

    def _added(self, row: AnyRow, detail: Row) -> Point | None:
        """A further contract of a line that had one: it counts from its first day."""
        if detail["valid_from"] == ALWAYS.isoformat():
            return None
        day = date.fromisoformat(detail["valid_from"])
        at_us = (day - date(1970, 1, 1)).days * DAY_US - 7 * 3_600_000_000
        return self._contract(row, detail, at_us)

    def _changed(self, row: AnyRow, detail: Row) -> Point | None:
        before, after = detail["before"], detail["after"]
        if all(before.get(name) == after.get(name) for name in _PROMISE):
            return None
        return self._contract(row, after, row.at_us, secret=is_internal(before["kind"]))

    def _contract(self, row: AnyRow, line: Row, at_us: int, *, secret: bool = False) -> Point:
        where = self._view.where(line["site"])
        office = self._view.sites.get(line["site"])
        name = line["site"] if office is None else office["name"]
        kind = LinkKind(line["kind"]).text.vi
        rates = [line.get(f"contracted_{way}_mbps") for way in ("down", "up")]
        said = " / ".join("–" if rate is None else number(rate, 0, "vi") for rate in rates)
        text = ", ".join(filter(None, (f"{name}: {kind}", line.get("provider"), f"{said} Mbps")))
        return _event(
            row, "contract_changed", at_us, f"{EVENTS['contract_changed'].vi.capitalize()}: {name}", text,
            province=where["province"], place=where["place"], internal=secret or is_internal(line["kind"]),
        )  # fmt: skip

    def _plan(self, row: AnyRow, detail: Row) -> Point:
        before, after = detail.get("before"), detail.get("after")
        versions = " → ".join(one["version"] for one in (before, after) if one is not None)
        word = {"plan.added": "thêm kế hoạch", "plan.removed": "bỏ kế hoạch"}.get(row.action, EVENTS["plan_changed"].vi)
        text = f"{detail['title']}: {word}, phiên bản {versions}"
        secret = speaks_of_tslcd(detail["plan"], detail["title"])
        province, place = self._of_plan(detail["plan"], (after or before or {}).get("version", ""))
        return _event(
            row, "plan_changed", row.at_us, f"{word.capitalize()}: {detail['plan']}", text, internal=secret,
            province=province, place=place,
        )  # fmt: skip

    def _of_plan(self, name: str, version: str) -> tuple[str | None, str | None]:
        """The province that all of a plan's places lie in, and its commune where it has one only; None: wider, or unknown."""
        plan = self._plans.find(self._conn, name, version)
        places = () if plan is None else plan.places
        provinces = {place.province for place in places}
        communes = {place.code if place.level is PlaceLevel.COMMUNE else None for place in places}
        return provinces.pop() if len(provinces) == 1 else None, communes.pop() if len(communes) == 1 else None

    def _closed(self, row: AnyRow, detail: Row) -> Point:
        period: Period = month_of(date.fromisoformat(detail["period_from"]))
        again = detail["revision"] > 1
        event = "period_reopened" if again else "period_closed"
        month = f"{period.first:%m/%Y}"
        text = f"Kết quả tháng {month}" + (f", lần {detail['revision']}" if again else "")
        return _event(row, event, row.at_us, f"{EVENTS[event].vi.capitalize()} {month}", text)

    def _maintenance(self, row: AnyRow, detail: Row) -> Point | None:
        """Planned work, at its beginning; the words of who entered it are for the centre only."""
        found = self._conn.execute(select(maintenance).where(maintenance.c.id == detail["id"])).first()
        if found is None:
            return None
        scope = Scope.of(json.loads(found.scope))
        site = scope.site or ""
        where = self._view.where(site) if site else {"province": self._province(scope.place), "place": scope.place}
        until = found.to_us if found.cancelled_us is None else min(found.to_us, found.cancelled_us)
        text = f"Đến {_clock(until)}" + (" (đã hủy)" if found.cancelled_us is not None else "")
        secret = self._is_secret(scope)
        title = f"{EVENTS['maintenance'].vi.capitalize()}: {site or self._name(scope.place)}"
        return _event(
            row, "maintenance", found.from_us, title, text if not secret else mask_addresses(f"{text}; {found.reason}"),
            province=where["province"], place=where["place"], internal=secret, rank=found.id % 1000,
        )  # fmt: skip

    def _is_secret(self, scope: Scope) -> bool:
        """Whether the work may be on a TSLCD line: one that is named, or anything at a node."""
        if scope.node is not None:
            return True
        lines = self._view.by_site.get(scope.site or "", ())
        return scope.link is not None and any(is_internal(one["kind"]) for one in lines if one["link"] == scope.link)

    def _province(self, code: str | None) -> str | None:
        row = None if code is None else self._view.newest.get(code)
        return None if row is None else row["province"]

    def _name(self, code: str | None) -> str:
        return "cả hệ thống" if code is None else self._view.label(code)


Tell = Callable[[_Teller, AnyRow, Row], Point | None]
_TOLD: Final[Mapping[str, Tell]] = {
    "link.added": _Teller._added,  # noqa: SLF001 - of this file
    "link.changed": _Teller._changed,  # noqa: SLF001
    "month.closed": _Teller._closed,  # noqa: SLF001
    "maintenance.added": _Teller._maintenance,  # noqa: SLF001
    "maintenance.cancelled": _Teller._maintenance,  # noqa: SLF001
}


def _event(
    row: AnyRow, event: str, at_us: int, title: str, text: str, *,
    province: str | None = None, place: str | None = None, internal: bool = False, rank: int | None = None,
) -> Point:  # fmt: skip
    return Point(
        tier=Tier.LONG, measurement="doxa_event",
        tags={"province": province or COUNTRY, "place": place if place != province else None, "event": event},
        fields={"number": 1.0, "title": title, "text": text}, at_us=at_us,
        rank=row.id % 1000 if rank is None else rank, internal=internal, position=0,
    )  # fmt: skip


def _clock(at_us: int) -> str:
    return local_time(datetime.fromtimestamp(at_us / 1e6, UTC), "vi")
