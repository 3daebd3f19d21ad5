"""*Toàn quốc*."""

from typing import Final

from tests.dashboards.expected.asked import (
    FIVE,
    Asked,
    Choices,
    Expected,
    Rows,
    Told,
    contracts,
    floored,
    grouped,
    middle,
)
from tests.dashboards.expected.facts import SEVERAL, last_five, open_at, open_in_the_country, province_labels, provinces
from tests.dashboards.expected.line_days import contract_shares, of_provinces, over_lines, trend
from tests.dashboards.month import DAY

from doxa_collector.places.centres import centres


def nation_map(asked: Asked) -> Told:
    found = Rows()
    for (code, label), number in provinces(asked).items():
        latitude, longitude = centres()[code]
        found[(code,), None] = {"label": label, "sites": number, "latitude": latitude, "longitude": longitude}
    return {"A": found, "B": contract_shares(asked)}


def nation_provinces(asked: Asked) -> Told:
    newest = floored(asked.to_us, DAY)
    lines = of_provinces(asked, lambda days: {"lines": sum(day.at_us == newest for day in days)})
    now = open_at(asked, last_five(asked) + FIVE)
    codes = {code for code, _ in provinces(asked)}
    return {
        "A": province_labels(asked),
        "B": lines,
        "C": contract_shares(asked),
        "D": {((code,), None): {"open": sum(code in one["provinces"] for one in now)} for code in codes},
    }


def nation_worst(asked: Asked) -> Told:
    by = "province place site link provider"
    week = [
        w for w in asked.books.windows("speed", "1d")
        if asked.to_us - 7 * DAY < w.at_us <= asked.to_us and asked.takes(w.tags, "kind")
    ]  # fmt: skip
    contract: Rows = {}
    for _, row, tags in contracts(asked, asked.to_us - 2 * DAY + 1, asked.to_us, "kind"):
        if row.down is not None:
            contract[tuple(tags.get(tag, "") for tag in by.split()), None] = {"contracted": row.down}
    measured = grouped(week, by, lambda w: {"down": middle(w, "download_mbps"), "runs": sum(o.count("ok") for o in w)})
    return {"A": measured, "B": contract}


EXPECTED: Final[Expected] = {
    **SEVERAL,
    "open_incidents": open_in_the_country,
    "map": nation_map,
    "provinces": nation_provinces,
    "worst": nation_worst,
    "trend": trend(over_lines("speed", "download_mbps")),
}

CHOICES: Final[Choices] = (
    ("fixed", "all", {"kind": ["fixed"]}),
    ("mobile", "one", {"kind": ["mobile"]}),
    ("TSLCD", "several", {"kind": ["tslcd"]}),
)
