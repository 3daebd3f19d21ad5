"""The closed months as they stood when one of them was closed.

A paper of a closed month says the same on whatever day it is made. So its forecast may stand on nothing that came later:
no month that was closed or closed anew afterwards, no contract that was entered since. Figures come from the results that
the closings kept, contracts from the registry that each month was judged with.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection

from doxa_collector.assess.closing import Closing, kept_result, latest_closings, revisions
from doxa_collector.assess.inputs import decode
from doxa_collector.assess.snapshots import recall
from doxa_collector.period import Period
from doxa_collector.plans.model import PlaceLevel, PlanPlace
from doxa_collector.statistics.trend import MOST_MONTHS
from doxa_core.linkkind import LinkKind

Contract = tuple[Any, ...]
"""Provider, technology, contracted rates and layer."""
Contracts = Mapping[tuple[str, str], Contract]
"""(site, link) → the contract in force at the end of a month."""
CONTRACT = ("provider", "technology", "contracted_down_mbps", "contracted_up_mbps", "layer")


@dataclass(frozen=True, slots=True)
class _Line:
    site: str
    link: str
    kind: str
    place: str
    contract: Contract


@dataclass(frozen=True, slots=True)
class _Registry:
    """What a month's kept inputs say of its lines at the month's end."""

    lines: tuple[_Line, ...]
    provinces: Mapping[str, frozenset[str]]
    """Province → the codes of its places."""


class AsClosed:
    """One plan's closed months up to `until`, in the revisions that there were when it was closed.

    `ValueError` from any of it where the ledger no longer holds unchanged what was kept.
    """

    def __init__(self, conn: Connection, until: Closing, plan: str) -> None:
        self._conn, self._plan = conn, plan
        self.closings: Mapping[date, Closing] = _known_then(conn, until)
        self._rows: dict[date, Mapping[tuple[str, str], Mapping[str, Any]]] = {}
        self._registries: dict[date, _Registry] = {}

    def rows(self, target: str, place: str) -> list[Mapping[str, Any]]:
        """The kept verdicts of a target at a place, oldest first, as `assess.storing.as_row` wrote them."""
        found = (self._result(first).get((target, place)) for first in sorted(self.closings)[-MOST_MONTHS:])
        return [row for row in found if row is not None]

    def contracts(self, kind: LinkKind, where: PlanPlace, month: Period) -> Contracts:
        """The place's lines of a kind at the end of a closed month."""
        known = self._registry(month.first)
        if where.level is PlaceLevel.COUNTRY:
            lines = known.lines
        else:
            own = known.provinces.get(where.code) if where.level is PlaceLevel.PROVINCE else where.members
            codes = own or frozenset((where.code,))
            lines = tuple(one for one in known.lines if one.place in codes)
        return {(one.site, one.link): one.contract for one in lines if one.kind == kind.value}

    def _result(self, first: date) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        if first not in self._rows:
            rows = json.loads(kept_result(self._conn, self.closings[first]))
            self._rows[first] = {(row["target"], row["place_code"]): row for row in rows if row["plan"] == self._plan}
        return self._rows[first]

    def _registry(self, first: date) -> _Registry:
        if first not in self._registries:
            self._registries[first] = _registry(self._conn, self.closings[first])
        return self._registries[first]


def _known_then(conn: Connection, until: Closing) -> dict[date, Closing]:
    """By month, the latest revision that was there when `until` was closed."""
    found: dict[date, Closing] = {}
    for first, latest in latest_closings(conn).items():
        if first > until.period.first:
            continue
        if latest.closed_us <= until.closed_us:
            found[first] = latest
            continue
        earlier = [one for one in revisions(conn, latest.period) if one.closed_us <= until.closed_us]
        if earlier:
            found[first] = earlier[-1]
    found[until.period.first] = until
    return found


def _registry(conn: Connection, closed: Closing) -> _Registry:
    kept, last = decode(recall(conn, closed.inputs)), closed.period.last.isoformat()
    places = {row["site"]: str(row.get("place_code", "")) for row in kept.site}
    provinces: dict[str, set[str]] = {}
    for row in kept.place:
        provinces.setdefault(str(row.get("province", "")), set()).add(row["code"])
    lines = tuple(
        _Line(row["site"], row["link"], row["kind"], places.get(row["site"], ""), tuple(row.get(k) for k in CONTRACT))
        for row in sorted(kept.link, key=lambda one: (one["site"], one["link"], one["valid_from"]))
        if row["valid_from"] <= last <= row.get("valid_to", "9999-12-31")
    )
    return _Registry(lines, {code: frozenset(codes) for code, codes in provinces.items()})
