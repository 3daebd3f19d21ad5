"""*i-Speed*: what was published and what was measured, never in one number."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import mean, median
from typing import Any, Final

from tests.dashboards.expected.asked import (
    BY_LINE,
    Asked,
    Choices,
    Expected,
    Key,
    Rows,
    Told,
    contracts,
    floored,
    grouped,
    middle,
    told,
)
from tests.dashboards.expected.facts import labels
from tests.dashboards.month import CHANGED, DAY, FULL, OTHER, Window, day_of

LINE: Final = ("province", "place", "kind", "provider")
AREA: Final = ("province", "kind", "provider")


@dataclass(frozen=True)
class Figure:
    """A published figure; that of a province or the country has no commune."""

    province: str
    place: str
    row: Mapping[str, Any]

    @property
    def days(self) -> range:
        """It holds for each day of its month."""
        [start] = {self.row["month_us"]}
        return range(start, start + self.row["days"] * DAY, DAY)


def published(asked: Asked) -> Iterator[Figure]:
    """What is published of the chosen provinces and the country: the month's figures."""
    month = asked.books.month
    for row in asked.books.figures:
        code = row["place_code"]
        province, place = (code, "") if len(code) == 2 else (asked.books.places[code][2], code)
        if asked.picks("province", province) or province == "00":
            yield Figure(province, place, {**row, "month_us": month.start, "days": (month.end - month.start) // DAY})


def is_picked(asked: Asked, place: str) -> bool:
    """Whether the viewer chose the commune by its name."""
    return place in asked.choice.values["place"]


def newest_of_communes(asked: Asked, way: str, statistic: str) -> Rows:
    return {
        ((one.place,), None): {f"public_{statistic}": one.row["value_mbps"]}
        for one in published(asked)
        if one.place and asked.picks("place", one.place) and asked.picks("kind", one.row["link_kind"])
        and (one.row["direction"], one.row["statistic"]) == (way, statistic)
    }  # fmt: skip


def against(way: str) -> Callable[[Asked], Told]:
    def expected(asked: Asked) -> Told:
        own: dict[str, list[float]] = {}
        for run in asked.books.runs["speed"]:
            tags = asked.books.tags(run.site, run.link, day_of(run.at_us))
            if run.outcome == "ok" and asked.shows(run.at_us) and asked.takes(tags, *LINE):
                own.setdefault(tags["place"], []).append(run.values[f"{way}_mbps"])
        return {
            "A": {key: cells for key, cells in labels(asked).items() if asked.picks("place", key[0][0])},
            "B": {
                ((place,), None): {"own_median": median(values), "own_mean": mean(values), "own_n": len(values)}
                for place, values in own.items()
            },
            "C": newest_of_communes(asked, way, "median"),
            "D": newest_of_communes(asked, way, "mean"),
        }

    return expected


def every_run(windows: list[Window], value: str) -> float | None:
    column = [one for window in windows for one in window.column(value)]
    return mean(column) if column else None


def by_day(way: str) -> Callable[[Asked], Told]:
    value = f"{way}_mbps"

    def expected(asked: Asked) -> Told:
        whole = asked.windows("speed", "1d", *AREA)
        own = [window for window in whole if is_picked(asked, window.tags["place"])]
        found = Rows()
        for one in published(asked):
            chosen = not one.place or is_picked(asked, one.place)
            if chosen and asked.picks("kind", one.row["link_kind"]) and one.row["direction"] == way:
                tags = (one.province, one.place, one.row["link_kind"], one.row["statistic"])
                found |= {
                    (tags, at * 1000): {"published_mbps": one.row["value_mbps"]} for at in one.days if asked.shows(at)
                }
        return {
            "A": grouped(whole, "province", lambda w: {"median": middle(w, value)}, DAY),
            "B": grouped(whole, "province", lambda w: {"mean": every_run(list(w), value)}, DAY),
            "C": grouped(own, "place", lambda w: {"median": middle(w, value)}, DAY),
            "D": grouped(own, "place", lambda w: {"mean": every_run(list(w), value)}, DAY),
            "E": found,
        }

    return expected


def progress(asked: Asked) -> Told:
    by = f"place {BY_LINE}"
    windows = asked.windows("speed", "1d", *LINE)
    wanted: Rows = {}
    for _, row, tags in contracts(asked, asked.to_us - 2 * DAY + 1, asked.to_us, *LINE):
        if row.kind != "tslcd":
            full = 1000 if row.kind == "fixed" else None
            wanted[tuple(tags.get(tag, "") for tag in by.split()), None] = told({"goal": 300, "full": full})
    return {"A": grouped(windows, by, lambda w: {"runs": sum(one.count("ok") for one in w)}), "B": wanted}


def told_by_vnnic(asked: Asked) -> Told:
    found = Rows()
    last = floored(asked.to_us, DAY) * 1000
    for one in published(asked):
        row = one.row
        if not one.place or asked.picks("place", one.place):
            tags = (one.province, one.place, row["link_kind"], row["direction"], row["statistic"], row["mark"])
            key: Key = (tags, last)
            goal = 300 if one.place else None
            found[key] = told({"published": row["value_mbps"], "samples": row["n"], "goal": goal})
    return {"A": found}


EXPECTED: Final[Expected] = {
    "against_download": against("download"),
    "against_upload": against("upload"),
    "day_download": by_day("download"),
    "day_upload": by_day("upload"),
    "progress": progress,
    "published": told_by_vnnic,
}

CHOICES: Final[Choices] = (
    ("a province", "all", {"province": [FULL], "kind": ["fixed"]}),
    ("a commune", "all", {"province": [FULL], "place": [CHANGED], "kind": ["fixed"]}),
    ("two communes and two providers", "several", {"province": [FULL], "kind": ["fixed"]}),
    ("mobile", "all", {"province": [OTHER], "kind": ["mobile"]}),
)
