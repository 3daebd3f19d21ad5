"""The marks on the time axis: which of the ledger's happenings each page tells, for which choice, when and in which words.

Their words are read off the ledger's own tables; only the sentence of an incident is that of its maker
(doxa_collector.incidents.summary), which has tests of its own.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine
from tests.dashboards.expected.asked import Asked, Choices
from tests.dashboards.expected.facts import touches
from tests.dashboards.month import CHANGED, EMPTY, FULL, OTHER, S, _midnight, plans

from doxa_collector.incidents import store
from doxa_collector.incidents.atlas import read_atlas
from doxa_collector.incidents.explain import Ground
from doxa_collector.incidents.settings import Settings
from doxa_collector.incidents.summary import headline
from doxa_collector.ledger.engine import reading
from doxa_collector.nodes.tree import Tree
from doxa_core.linkkind import LinkKind


class Mark(NamedTuple):
    """As the viewer reads it."""

    at_us: int
    title: str
    text: str
    tag: str


@dataclass(frozen=True)
class Event:
    """A mark, and of which place it is: "00" is the country, an empty commune the whole province."""

    province: str
    place: str
    mark: Mark


def _contracts(asked: Asked) -> Iterator[Event]:
    """Every contract but a line's first begins with a mark."""
    books = asked.books
    names = dict(books.rows("SELECT site, name FROM site"))
    firsts: dict[tuple[str, str], str] = {}
    for row in books.links:  # in the order of their days
        if firsts.setdefault((row.site, row.link), row.valid_from) != row.valid_from:
            name, kind = names[row.site], LinkKind(row.kind).text.vi
            down, up = (f"{rate:g}" if rate is not None else "–" for rate in (row.down, row.up))
            words = ", ".join(part for part in (f"{name}: {kind}", row.provider, f"{down} / {up} Mbps") if part)
            mark = Mark(
                _midnight(date.fromisoformat(row.valid_from)), f"Đổi hợp đồng: {name}", words, "contract_changed"
            )
            yield Event(books.province_of(row.site), books.place_of[row.site], mark)


_PLANS: Final = {"plan.added": "thêm kế hoạch", "plan.changed": "đổi kế hoạch", "plan.removed": "bỏ kế hoạch"}


def _plans(asked: Asked) -> Iterator[Event]:
    """A plan's change concerns the province that all its places lie in, and its commune where it has one only."""
    of = {plan.id: plan.places for plan in plans()}
    for at_us, action, text in asked.books.rows("SELECT at_us, action, detail FROM audit WHERE action LIKE 'plan.%'"):
        detail = json.loads(text)
        provinces = {place.province for place in of[detail["plan"]]}
        codes = {place.code for place in of[detail["plan"]]}
        province = provinces.pop() if len(provinces) == 1 else "00"
        place = codes.pop() if len(codes) == 1 else ""
        versions = " → ".join(detail[key]["version"] for key in ("before", "after") if key in detail)
        word = _PLANS[action]
        mark = Mark(
            at_us,
            f"{word.capitalize()}: {detail['plan']}",
            f"{detail['title']}: {word}, phiên bản {versions}",
            "plan_changed",
        )
        yield Event(province, "" if place == province else place, mark)


def _months(asked: Asked) -> Iterator[Event]:
    for at_us, text in asked.books.rows("SELECT at_us, detail FROM audit WHERE action = 'month.closed'"):
        detail = json.loads(text)
        month = f"{date.fromisoformat(detail['period_from']):%m/%Y}"
        first = detail["revision"] == 1
        word, tag = ("Khóa sổ tháng", "period_closed") if first else ("Mở lại sổ tháng", "period_reopened")
        again = "" if first else f", lần {detail['revision']}"
        yield Event("00", "", Mark(at_us, f"{word} {month}", f"Kết quả tháng {month}{again}", tag))


def _maintenance(asked: Asked) -> Iterator[Event]:
    books = asked.books
    columns = "from_us, to_us, scope, cancelled_us"
    for from_us, to_us, text, cancelled_us in books.rows(f"SELECT {columns} FROM maintenance"):
        scope = json.loads(text)
        if "site" in scope:
            province, place, name = books.province_of(scope["site"]), books.place_of[scope["site"]], scope["site"]
        elif "place" in scope:
            code = scope["place"]
            province, place, name = books.places[code][2], "" if len(code) == 2 else code, books.label(code)
        else:
            province, place, name = "00", "", "cả hệ thống"
        until = datetime.fromtimestamp(min(to_us, cancelled_us or to_us) // S, UTC) + timedelta(hours=7)
        words = f"Đến {until:%d/%m/%Y %H:%M:%S}" + ("" if cancelled_us is None else " (đã hủy)")
        yield Event(province, place, Mark(from_us, f"Bảo trì: {name}", words, "maintenance"))


def events(asked: Asked, shown: Callable[[Event], bool]) -> list[Mark]:
    told = [*_contracts(asked), *_plans(asked), *_months(asked), *_maintenance(asked)]
    return sorted(one.mark for one in told if asked.shows(one.mark.at_us) and shown(one))


_CAUSES: Final = {
    "line": "sự cố đường truyền", "area": "nhiều điểm đo cùng địa bàn, chưa rõ nguyên nhân",
    "collector": "máy chủ hoặc đường truyền của trung tâm", "speed_degraded": "suy giảm tốc độ", "provider": "sự cố nhà mạng diện rộng",
}  # fmt: skip


def incidents(asked: Asked, engine: Engine, shown: Callable[[Mapping[str, Any]], bool]) -> list[Mark]:
    """But those that became part of a wider one."""
    found = []
    with reading(engine) as conn:
        atlas = read_atlas(conn, (datetime.fromtimestamp(asked.books.month.now / S, UTC)).date())
        wires = {key: wire for key, wire in atlas.wires.items() if wire.kind is not LinkKind.TSLCD}
        for one in asked.books.incidents:
            whole = store.get(conn, one["id"])
            assert whole is not None
            # The sentence of one that is on no TSLCD line does not even tell that the office has such a line.
            seen = atlas if "tslcd" in kinds_of(asked, one["id"]) else replace(atlas, wires=wires)
            ground = Ground(Tree(), seen, Settings())
            if not one["absorbed"] and asked.shows(one["opened_us"]) and shown(one):
                title = f"Sự cố {one['id']}: {_CAUSES[one['cause']]}"
                found.append(Mark(one["opened_us"], title, headline(whole, ground).vi, one["cause"]))
    return sorted(found)


def of_province(asked: Asked) -> Callable[[Event], bool]:
    chosen = asked.choice.values["province"]
    return lambda one: one.province == "00" or (one.province in chosen)


def of_commune(asked: Asked) -> Callable[[Event], bool]:
    return lambda one: of_province(asked)(one) and (not one.place or asked.picks("place", one.place))


def _incidents_of_province(asked: Asked) -> Callable[[Mapping[str, Any]], bool]:
    return lambda one: touches(asked, one)


def _incidents_of_commune(asked: Asked) -> Callable[[Mapping[str, Any]], bool]:
    def shown(one: Mapping[str, Any]) -> bool:
        near = asked.picks("place", one["place_code"] or "") or len(one["sites"]) > 1
        return near and touches(asked, one)

    return shown


Told = Mapping[str, list[Mark]]
"""By the layer's name."""
_EVENTS, _INCIDENTS = "Thay đổi kế hoạch, hợp đồng; bảo trì", "Sự cố"


def _province(asked: Asked, engine: Engine) -> Told:
    return {
        _EVENTS: events(asked, of_province(asked)),
        _INCIDENTS: incidents(asked, engine, _incidents_of_province(asked)),
    }


def _commune(asked: Asked, engine: Engine) -> Told:
    return {
        _EVENTS: events(asked, of_commune(asked)),
        _INCIDENTS: incidents(asked, engine, _incidents_of_commune(asked)),
    }


def _nation(asked: Asked, engine: Engine) -> Told:
    return {_EVENTS: events(asked, lambda one: one.province == "00")}


def _events_of_province(asked: Asked, engine: Engine) -> Told:
    return {_EVENTS: events(asked, of_province(asked))}


def _tslcd(asked: Asked, engine: Engine) -> Told:
    """Of incidents only those of the network: on TSLCD lines alone, or of its nodes."""

    def shown(one: Mapping[str, Any]) -> bool:
        return touches(asked, one) and is_of_network(asked, one["id"])

    return {_EVENTS: events(asked, of_province(asked)), _INCIDENTS: incidents(asked, engine, shown)}


def is_of_network(asked: Asked, number: int) -> bool:
    [(cause,)] = asked.books.rows(f"SELECT cause FROM incident WHERE id = {number}")
    return kinds_of(asked, number) == {"tslcd"} or cause in ("node_down", "aggregation_down", "core_down")


def kinds_of(asked: Asked, number: int) -> set[str]:
    """Of the lines that an incident is on."""
    books = asked.books
    today = (datetime.fromtimestamp(books.month.now / S, UTC) + timedelta(hours=7)).date().isoformat()
    kinds = {f"link:{row.site}/{row.link}": row.kind for row in books.on(today)}
    return {
        kinds.get(name, "") for (name,) in books.rows(f"SELECT subject FROM incident_member WHERE incident = {number}")
    }


EXPECTED: Final[Mapping[str, Callable[[Asked, Engine], Told]]] = {
    "commune": _commune,
    "health": lambda asked, engine: {},  # noqa: ARG005 - the system is of no place
    "ipv6": _province,
    "ispeed": _commune,
    "nation": _nation,
    "noc": _events_of_province,
    "providers": _events_of_province,
    "province": _province,
    "tslcd": _tslcd,
}
"""By page."""

CHOICES: Final[Choices] = (
    ("the full province", "all", {"province": [FULL]}),
    ("a commune of it", "all", {"province": [FULL], "place": [CHANGED]}),
    ("the other", "all", {"province": [OTHER]}),
    ("the one with no trouble", "all", {"province": [EMPTY]}),
    ("the country's own", "all", {"province": ["00"]}),
)
