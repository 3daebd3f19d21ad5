"""*Nhà mạng*."""

from dataclasses import replace
from typing import Final

from tests.dashboards.expected.asked import Asked, Choices, Expected, Told
from tests.dashboards.expected.line_days import (
    below_of,
    compared_providers,
    failed_of,
    lost_percent,
    over_lines,
    reached_of,
    trend,
)
from tests.dashboards.month import OTHER


def providers_by_province(asked: Asked) -> Told:
    found: Told = {letter: {} for letter in "ABCD"}
    for code in sorted({asked.books.province_of(site) for site in asked.books.place_of}):
        values = {**asked.choice.values, "province": [code]}
        there = compared_providers(replace(asked, choice=replace(asked.choice, values=values)))
        for letter, rows in there.items():
            found[letter] |= {((code, *tags), at): cells for (tags, at), cells in rows.items()}
    return found


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
}

CHOICES: Final[Choices] = (
    ("the country", "all", {"province": ["00"], "kind": ["fixed"]}),
    ("a province", "all", {"province": [OTHER], "kind": ["fixed"]}),
)
