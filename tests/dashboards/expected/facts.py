"""What several pages show of places, presence, incidents and verdicts."""

from collections import defaultdict
from collections.abc import Mapping
from statistics import mean
from typing import Any, Final

from tests.dashboards.expected.asked import FIVE, Asked, Expected, Key, Rows, Told, floored, here, one_number, told
from tests.dashboards.expected.line_days import reached
from tests.dashboards.month import day_of, plans

from doxa_core.codes import INCIDENT_STATES, OUTCOMES, SEVERITIES


def latest_verdicts(asked: Asked, *names: str) -> list[dict[str, Any]]:
    """The newest period of each plan, target and place that began before the end of the range."""
    newest: dict[tuple[str, str, str], dict[str, Any]] = {}
    known = {(plan.id, target.id): (plan, target) for plan in plans() for target in plan.targets}
    for row in sorted(asked.books.verdicts, key=lambda row: row["period_from"]):
        if row["period_from"] <= day_of(asked.to_us):
            plan, target = known[row["plan"], row["target"]]
            where = next(place for place in plan.places if place.code == row["place_code"])
            kind = "" if target.link_kind is None else target.link_kind.value
            tags = {"plan": plan.id, "target": target.id, "province": where.province, "place": where.code, "kind": kind}
            if asked.takes(tags, *names):
                found: dict[str, Any] = {"outcome_code": OUTCOMES[row["outcome"]].number, "threshold": target.value}
                found |= {"title": target.title.vi, "unit": None if target.unit is None else UNITS[target.unit.value]}
                newest[plan.id, target.id, where.code] = row | tags | found
    return list(newest.values())


UNITS: Final = {"Mbps": "Mbps", "ms": "ms", "%": "%", "per_100_people": "trên 100 dân", "rank": None}
"""What stands behind a number; a rank has nothing there."""


def verdict_rows(row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is told of a verdict, and its value, which only counts where it is of enough samples."""
    names = {"outcome": "outcome_code", "threshold": "threshold", "n": "n", "title": "title", "unit": "unit"}
    valued = row["outcome"] != "insufficient" and row["value"] is not None
    return told({name: row[of] for name, of in names.items()}), {"value": row["value"]} if valued else {}


def touches(asked: Asked, one: Mapping[str, Any]) -> bool:
    """Whether an incident reaches the chosen provinces, or is of none; of the country's own ("00"): several, or none."""
    if list(asked.choice.values["province"]) == ["00"]:
        return len(one["provinces"]) != 1
    return not one["provinces"] or any(asked.picks("province", code) for code in one["provinces"])


def incident_row(one: Mapping[str, Any]) -> dict[str, Any]:
    province = next(iter(one["provinces"])) if len(one["provinces"]) == 1 else "00"
    return {
        "number": one["id"], "state_code": INCIDENT_STATES[one["state"]].number, "cause": one["cause"],
        "severity_code": SEVERITIES[one["severity"]].number, "province": province, "place": one["place_code"] or "",
        "sites_count": len(one["sites"]),
    }  # fmt: skip


def incident_key(one: Mapping[str, Any]) -> Key:
    return (), one["opened_us"] * 1000 + one["id"] % 1000


def offices(asked: Asked) -> Told:
    sites = [site for site in asked.books.place_of if here(asked, asked.books.province_of(site))]
    return one_number("sites", len(sites) or None)


def last_five(asked: Asked) -> int:
    """The newest window of five minutes of the range."""
    return floored(asked.to_us, FIVE)


def silent(asked: Asked) -> Told:
    states = [
        asked.books.state_at(site, last_five(asked) + FIVE)
        for site in asked.books.presence
        if here(asked, asked.books.province_of(site))
    ]
    return one_number("silent", states.count("offline") if states else None)


def open_at(asked: Asked, at_us: int) -> list[dict[str, Any]]:
    return [
        one
        for one in asked.books.incidents
        if one["opened_us"] <= at_us and (one["ended_us"] is None or one["ended_us"] > at_us)
    ]


def open_incidents(asked: Asked) -> Told:
    """An incident of several provinces counts in each of them, as the panel says."""
    found = open_at(asked, last_five(asked) + FIVE)
    return one_number("open", sum(here(asked, code) for one in found for code in one["provinces"]))


def open_in_the_country(asked: Asked) -> Told:
    """Each incident once."""
    return one_number("open", len(open_at(asked, last_five(asked) + FIVE)))


def judged_by(asked: Asked) -> tuple[str, ...]:
    return ("province", "plan") if "province" in asked.choice.values else ("plan",)


def judged(asked: Asked) -> Told:
    return one_number("judged", len(latest_verdicts(asked, *judged_by(asked))) or None)


def passed(asked: Asked) -> Told:
    found = [row["outcome_code"] for row in latest_verdicts(asked, *judged_by(asked))]
    decided = [code for code in found if code <= OUTCOMES["pass"].number]
    return one_number("passed", mean(decided) if decided else None)


def incidents_now(asked: Asked) -> Told:
    found = Rows()
    for one in asked.books.incidents:
        row = incident_row(one)
        shown = "province" not in asked.choice.values or touches(asked, one)
        if one["lasts"] and not one["absorbed"] and shown:
            found[incident_key(one)] = row
    return {"A": found}


def labels(asked: Asked) -> Rows:
    books = asked.books
    counts: dict[str, int] = defaultdict(int)
    for site in books.place_of:
        if asked.picks("province", books.province_of(site)):
            counts[books.place_of[site]] += 1
    return {((code,), None): {"label": books.label(code), "sites": number} for code, number in counts.items()}


def province_labels(asked: Asked) -> Rows:
    return {((code,), None): {"label": label, "sites": n} for (code, label), n in provinces(asked).items()}


def provinces(asked: Asked) -> dict[tuple[str, str], int]:
    books = asked.books
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for site in books.place_of:
        code = books.province_of(site)
        counts[code, books.label(code)] += 1
    return counts


SEVERAL: Final[Expected] = {
    "offices": offices,
    "silent": silent,
    "open_incidents": open_incidents,
    "judged": judged,
    "passed": passed,
    "reached": reached,
    "incidents_now": incidents_now,
}
"""Panels of the same key on the pages of the country and of a province."""
