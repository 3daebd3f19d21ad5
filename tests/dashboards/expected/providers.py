"""*Nhà mạng*."""

from dataclasses import replace
from typing import Any, Final

from tests.dashboards.expected.asked import Asked, Choices, Expected, Rows, Told
from tests.dashboards.expected.facts import incident_key
from tests.dashboards.expected.line_days import (
    below_of,
    compared_providers,
    failed_of,
    lost_percent,
    over_lines,
    reached_of,
    trend,
)
from tests.dashboards.expected.noc import opened
from tests.dashboards.month import FULL, OTHER


def providers_by_province(asked: Asked) -> Told:
    found: Told = {letter: {} for letter in "ABCD"}
    for code in sorted({asked.books.province_of(site) for site in asked.books.place_of}):
        values = {**asked.choice.values, "province": [code]}
        there = compared_providers(replace(asked, choice=replace(asked.choice, values=values)))
        for letter, rows in there.items():
            found[letter] |= {((code, *tags), at): cells for (tags, at), cells in rows.items()}
    return found


def of_provider(asked: Asked, one: dict[str, Any], row: dict[str, Any]) -> bool:
    return one["provider"] != "" and asked.takes(one, "kind", "provider")


def tally(asked: Asked) -> Told:
    """Each incident of a provider that was opened in the range, wherever it was; none that became part of a wider one."""
    rows = Rows()
    for one in asked.books.incidents:
        if asked.shows(one["opened_us"]) and not one["absorbed"] and of_provider(asked, one, {}):
            cells = {"provider": one["provider"], "number": one["id"], "sites_count": len(one["sites"])}
            rows[incident_key(one)] = cells
    return {"A": rows}


EXPECTED: Final[Expected] = {
    "compared": compared_providers,
    "by_province": providers_by_province,
    "trend_down": trend(over_lines("speed", "download_mbps")),
    "trend_up": trend(over_lines("speed", "upload_mbps")),
    "trend_rtt": trend(over_lines("latency", "rtt_p50_ms")),
    "trend_reached": trend(reached_of),
    "trend_below": trend(below_of),
    "trend_loss": trend(lost_percent),
    "trend_failed": trend(failed_of),
    "tally": tally,
    "incidents": opened(of_provider, "provider"),
}

CHOICES: Final[Choices] = (
    ("the country", "all", {"province": ["00"], "kind": ["fixed"]}),
    ("a province", "all", {"province": [OTHER], "kind": ["fixed"]}),
    ("two providers of mobile lines", "several", {"province": ["00"], "kind": ["mobile"]}),
    ("one provider of TSLCD lines", "one", {"province": [FULL], "kind": ["tslcd"]}),
)
