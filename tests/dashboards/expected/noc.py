"""*NOC*."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from tests.dashboards.expected.asked import FIVE, STEP, Asked, Choices, Expected, Rows, Told, floored, one_number
from tests.dashboards.expected.facts import (
    incident_key,
    incident_row,
    incidents_now,
    last_five,
    offices,
    open_at,
    open_incidents,
    provinces,
    silent,
    touches,
)
from tests.dashboards.month import DAY, EMPTY, FULL, MINUTE, OTHER, S

from doxa_core.codes import PRESENCE


def counted(asked: Asked, found: Iterable[dict[str, Any]]) -> int:
    """One of several provinces counts in each of them."""
    return sum(asked.picks("province", code) for one in found for code in one["provinces"])


def critical(asked: Asked) -> Told:
    found = open_at(asked, last_five(asked) + FIVE)
    return one_number("open", counted(asked, (one for one in found if one["severity"] == "critical")))


def incidents_over_time(asked: Asked) -> Told:
    """At the end of the last window of each step; counts begin with the first incident."""
    began = floored(min(one["began_us"] for one in asked.books.incidents), FIVE)
    told: Told = {letter: {} for letter in "ABC"}
    for step in asked.steps():
        window = min(step + STEP - FIVE, last_five(asked))
        if window >= began:
            for letter, severity in zip("ABC", ("info", "warning", "critical"), strict=True):
                found = (one for one in open_at(asked, window + FIVE) if one["severity"] == severity)
                told[letter][(), step * 1000] = {"open": counted(asked, found)}
    return told


def states(asked: Asked) -> dict[str, str]:
    """Site → what its probe was at the end of the range."""
    at = last_five(asked) + FIVE
    known = {site: asked.books.state_at(site, at) for site in asked.books.presence}
    return {
        site: state
        for site, state in known.items()
        if state is not None and asked.picks("province", asked.books.province_of(site))
    }


def online(asked: Asked) -> Told:
    found = list(states(asked).values())
    return one_number("online", 1 - found.count("offline") / len(found) if found else None)


def presence(asked: Asked) -> Told:
    labels: Rows = {
        ((code,), None): {"label": label, "sites": number}
        for (code, label), number in provinces(asked).items()
        if asked.picks("province", code)
    }
    groups: dict[str, list[str]] = defaultdict(list)
    for site, state in states(asked).items():
        groups[asked.books.province_of(site)].append(state)
    probes: Rows = {((code,), None): {"probes": len(found)} for code, found in groups.items()}
    away: Rows = {((code,), None): {"silent": found.count("offline")} for code, found in groups.items()}
    return {"A": labels, "B": probes, "C": away}


def silent_offices(asked: Asked) -> Told:
    away, names = Rows(), Rows()
    for site, state in states(asked).items():
        if state == "offline":
            key = tuple(asked.books.where(site).values())
            away[key, None] = {"silent": 1, "state": PRESENCE["offline"].number}
    for site, name in asked.books.rows("SELECT site, name FROM site"):
        if asked.picks("province", asked.books.province_of(site)):
            names[tuple(asked.books.where(site).values()), None] = {"label": name, "probes": 1}
    return {"A": away, "B": names}


def failing(asked: Asked) -> Told:
    by = ("province", "place", "site", "link", "kind", "provider")
    groups: dict[tuple[str, ...], dict[str, int]] = defaultdict(lambda: {"failed": 0, "ok": 0})
    for window in asked.books.windows("latency", "5m"):
        if asked.to_us - 30 * MINUTE < window.at_us <= asked.to_us and asked.takes(window.tags, "province"):
            found = groups[tuple(window.tags.get(tag, "") for tag in by)]
            found["failed"] += window.count("failed")
            found["ok"] += window.count("ok")
    return {"A": {(key, None): found for key, found in groups.items() if found["failed"]}}


def maintenance(asked: Asked) -> Told:
    """Of a week before this moment, and to come: cancelled work stands there too, and says so."""
    rows, books, since = Rows(), asked.books, int(datetime.now(UTC).timestamp() * S) - 7 * DAY
    for number, from_us, text in books.rows("SELECT id, from_us, scope FROM maintenance"):
        scope = json.loads(text)
        place = books.place_of[scope["site"]] if "site" in scope else scope.get("place", "")
        province = books.places[place][2] if place else "00"
        named = scope.get("site") or (books.label(place) if place else "cả hệ thống")
        if from_us > since and (province == "00" or asked.picks("province", province)):
            row = {"province": province, "title": f"Bảo trì: {named}"} | ({"place": place} if place != province else {})
            rows[(), from_us * 1000 + number % 1000] = {name: value for name, value in row.items() if value}
    return {"A": rows}


def opened(takes: Callable[[Asked, dict[str, Any], dict[str, Any]], bool], *more: str) -> Callable[[Asked], Told]:
    """Incidents that were opened in the range: those that last, those that are over."""

    def expected(asked: Asked) -> Told:
        lasting, over = Rows(), Rows()
        for one in asked.books.incidents:
            row = incident_row(one) | {name: one[name] for name in more}
            if asked.shows(one["opened_us"]) and not one["absorbed"] and takes(asked, one, row):
                if one["lasts"]:
                    lasting[incident_key(one)] = row
                else:
                    over[incident_key(one)] = row | {"duration_s": (one["ended_us"] - one["began_us"]) / S}
        return {"A": lasting, "B": over}

    return expected


def of_province_or_country(asked: Asked, one: dict[str, Any], row: dict[str, Any]) -> bool:
    return touches(asked, one)


EXPECTED: Final[Expected] = {
    "open_incidents": open_incidents,
    "critical": critical,
    "silent": silent,
    "online": online,
    "offices": offices,
    "incidents_now": incidents_now,
    "presence": presence,
    "silent_offices": silent_offices,
    "failing": failing,
    "incidents_over_time": incidents_over_time,
    "maintenance": maintenance,
    "incidents": opened(of_province_or_country),
}

CHOICES: Final[Choices] = (
    ("everything", "all", {}),
    ("one province", "one", {"province": [FULL]}),
    ("two provinces", "several", {"province": [OTHER, EMPTY]}),
)
