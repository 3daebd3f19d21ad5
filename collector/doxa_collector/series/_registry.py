"""The registry of the ledger as series need it: what held on a day, with the tags that say where something is."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final

from sqlalchemy import Connection, Table, func, select

from doxa_collector.ledger.schema import audit, link, place, probe, site
from doxa_core.linkkind import LinkKind

Row = Mapping[str, Any]
TABLES: Final = ("place", "site", "link", "probe")
"""The tables whose changes `ledger.registration` notes as `<table>.<what>`."""
_DAYS: Final = 3
"""So many days stay at hand: catching up goes through them in order."""
_TITLES: Final = ("Tỉnh ", "Thành phố ")


@dataclass(frozen=True)  # no slots: what is derived is kept
class View:
    """What holds on one day. An office has no validity of its own: the registry names those that there are."""

    places: Mapping[str, Row]
    """Code → the row that holds on the day."""
    newest: Mapping[str, Row]
    """Code → its latest row: of which province a place is, as measurements are told (`ledger.forwarding`)."""
    sites: Mapping[str, Row]
    links: tuple[Row, ...]
    probes: Mapping[str, int]
    """Site → how many probes."""

    @cached_property
    def by_site(self) -> Mapping[str, tuple[Row, ...]]:
        """Site → its links in force."""
        found: dict[str, list[Row]] = {}
        for row in self.links:
            found.setdefault(row["site"], []).append(row)
        return {name: tuple(rows) for name, rows in found.items()}

    @cached_property
    def site_counts(self) -> Mapping[str, int]:
        """Place code, and province code → how many offices."""
        return Counter(code for name in self.sites for code in self._codes(name))

    @cached_property
    def link_counts(self) -> Mapping[str, int]:
        """Place code, and province code → how many links in force."""
        return Counter(code for row in self.links for code in self._codes(row["site"]))

    @cached_property
    def provinces(self) -> tuple[str, ...]:
        """The provinces that have an office."""
        return tuple(sorted({code for name in self.sites if (code := self.province_of(name)) is not None}))

    def province_of(self, name: str) -> str | None:
        """The province of an office."""
        return self.where(name)["province"]

    def where(self, name: str) -> dict[str, str | None]:
        """The tags `province`, `place` and `site` of an office; those that the registry does not know are None."""
        row = self.sites.get(name)
        code = None if row is None else row["place_code"]
        of = None if code is None else self.newest.get(code)
        return {"province": None if of is None else of["province"], "place": code, "site": name}

    def line(self, row: Row) -> dict[str, str | None]:
        """The tags of a link."""
        return self.where(row["site"]) | {name: row[name] for name in ("link", "kind", "provider")}

    def label(self, code: str) -> str:
        """`20 Lạng Sơn`, `06184 Xã Đồng Đăng`; the code alone where there is no name."""
        row = self.places.get(code) or self.newest.get(code)
        if row is None:
            return code
        name = row["name"]
        if row["level"] == "province":
            name = next((name.removeprefix(title) for title in _TITLES if name.startswith(title)), name)
        return f"{code} {name}"

    def kinds_of(self, name: str) -> frozenset[str]:
        """The kinds of an office's links in force."""
        return frozenset(row["kind"] for row in self.by_site.get(name, ()))

    def _codes(self, name: str) -> set[str]:
        where = self.where(name)
        return {code for code in (where["province"], where["place"]) if code is not None}


class Register:
    """Reads the registry once and again when its log says that it changed."""

    def __init__(self) -> None:
        self._stamp = -1
        self._rows: dict[str, list[Row]] = {}
        self._views: dict[date, View] = {}

    def on(self, conn: Connection, day: date) -> View:
        """What holds on `day`."""
        stamp = conn.execute(select(func.max(audit.c.id))).scalar() or 0
        if stamp != self._stamp:
            self._rows = {table.name: _rows(conn, table) for table in (place, site, link, probe)}
            self._stamp, self._views = stamp, {}
        found = self._views.get(day)
        if found is None:
            while len(self._views) >= _DAYS:
                del self._views[next(iter(self._views))]
            found = self._views[day] = self._view(day.isoformat())
        return found

    def _view(self, day: str) -> View:
        rows = self._rows
        return View(
            places={row["code"]: row for row in _holding(rows["place"], day)},
            newest={row["code"]: row for row in rows["place"]},
            sites={row["site"]: row for row in rows["site"]},
            links=tuple(_holding(rows["link"], day)),
            probes=Counter(row["site"] for row in rows["probe"]),
        )


def _rows(conn: Connection, table: Table) -> list[Row]:
    """In the order of the keys: of several rows of a place the latest is the last."""
    return [dict(row) for row in conn.execute(select(table).order_by(*table.primary_key)).mappings()]


def _holding(rows: Iterable[Row], day: str) -> Iterable[Row]:
    return (row for row in rows if row["valid_from"] <= day and (row["valid_to"] is None or row["valid_to"] >= day))


def is_internal(kind: str | None) -> bool:
    """Whether what is said of such a line is *nội bộ*: it is TSLCD, or nobody knows what it is."""
    return kind not in (LinkKind.FIXED, LinkKind.MOBILE)
