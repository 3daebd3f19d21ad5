"""*IPv6*."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Final

from tests.dashboards.expected.asked import Asked, Choices, Expected, Rows, Told, here, one_number, told
from tests.dashboards.expected.facts import province_labels
from tests.dashboards.expected.line_days import LineDay, by_day, ipv6_ready, line_days, of_area
from tests.dashboards.month import DAY, FULL, OTHER, Run

Days = Sequence[LineDay]
STEPS: Final = ("address", "default_route", "resolver", "aaaa", "tcp", "https", "mtu_1280", "mtu_1500")
PORTAL: Final = ("portal_aaaa", "portal_tcp", "portal_https")


def runs(days: Iterable[LineDay]) -> list[Run]:
    """Those that were well."""
    found = [run for day in days for run in by_day(day.books, "ipv6").get((day.row.site, day.row.link, day.at_us), ())]
    return [run for run in found if run.outcome == "ok"]


def share(days: Days, flag: str) -> float | None:
    judged = [run.values[flag] for run in runs(days) if flag in run.values]
    return judged.count(1.0) / len(judged) if judged else None


def states(days: Days) -> dict[str, float | None]:
    """Each run in one: what is ready without v4 too is not counted as ready once more."""
    found = {name: share(days, f"state_{name}_flag") for name in ("none", "broken", "partial")}
    stated = [run.values for run in runs(days) if "state_ready_flag" in run.values]
    alone = [values["state_v6_only_ready_flag"] == 1 for values in stated]
    ready = [values["state_ready_flag"] == 1 for values in stated]
    if stated:
        found["ready"] = sum(r and not a for r, a in zip(ready, alone, strict=True)) / len(stated)
        found["v6_only"] = sum(alone) / len(stated)
    return found


def flags(*names: str) -> Callable[[Days], Mapping[str, float | None]]:
    return lambda days: {name: share(days, f"{name}_flag") for name in names}


def by(days: Days, tags: str, cells: Callable[[Days], Mapping[str, float | None]], *, daily: bool = False) -> Rows:
    groups: dict[tuple[tuple[str, ...], int | None], list[LineDay]] = defaultdict(list)
    for day in days:
        groups[tuple(day.tags.get(t, "") for t in tags.split()), day.at_us * 1000 if daily else None].append(day)
    return {key: found for key, mine in groups.items() if (found := told(cells(mine)))}


def newest(asked: Asked) -> Days:
    days = of_area(asked)
    last = max((day.at_us for day in days), default=0)
    return [day for day in days if day.at_us == last]


def tested_by(asked: Asked, tag: str) -> Rows:
    return by(newest(asked), tag, lambda days: {"tested": ipv6_ready(days)[1]})


def ratio(days: Days) -> float | None:
    ready, tested = ipv6_ready(days)
    return ready / tested if tested else None


def tested(asked: Asked) -> Told:
    days = newest(asked)
    return one_number("tested", ipv6_ready(days)[1] if days else None)


def provinces_(asked: Asked) -> Told:
    names = {key: cells for key, cells in province_labels(asked).items() if here(asked, key[0][0])}
    return {"A": names, "B": tested_by(asked, "province"), "C": by(of_area(asked), "province", states)}


def black_holes(asked: Asked) -> Told:
    """Of a line the days on which a run met one, and the share of these days' runs that did."""
    ways = {"out": "black_hole_flag", "back": "black_hole_inbound_flag"}
    met = [day for day in of_area(asked) if any(run.values.get(f) for run in runs([day]) for f in ways.values())]

    def cells(days: Days) -> Mapping[str, float | None]:
        return {"days": len(days), **{way: share(days, flag) for way, flag in ways.items()}}

    return {"A": by(met, "province place site link provider", cells)}


VALUES: Final = {
    "rtt_v6": "rtt_v6_ms", "rtt_v4": "rtt_v4_ms", "rtt_factor": "rtt_v6_to_v4_factor", "v6": "transfer_v6_mbps",
    "v4": "transfer_v4_mbps", "factor": "transfer_v6_to_v4_factor", "penalty": "eyeballs_penalty_ms",
}  # fmt: skip


def over_lines(days: Days, value: str) -> float | None:
    """The median over lines of each line's own median of the day."""
    found = [one for day in days if (one := day.middle("ipv6", value)) is not None]
    return median(found) if found else None


def over_days(days: Days, value: str) -> float | None:
    groups: dict[int, list[LineDay]] = defaultdict(list)
    for day in days:
        groups[day.at_us].append(day)
    found = [one for mine in groups.values() if (one := over_lines(mine, value)) is not None]
    return median(found) if found else None


def families(asked: Asked) -> Told:
    return {
        "A": by(
            of_area(asked),
            "provider",
            lambda days: {name: over_days(days, value) for name, value in VALUES.items()},
        )
    }


def both(value: str) -> Callable[[Asked], Told]:
    def of(asked: Asked, f: str) -> Rows:
        return by(of_area(asked), "provider", lambda days: {f: over_lines(days, value.format(f=f))}, daily=True)

    return lambda asked: {"A": of(asked, "v6"), "B": of(asked, "v4")}


def portals(asked: Asked) -> Told:
    books = asked.books
    names: Rows = {}
    for site, code in books.place_of.items():
        province = books.province_of(site)
        if here(asked, province):
            key = ((province, code), None)
            names[key] = {"label": books.label(code), "sites": names.get(key, {"sites": 0})["sites"] + 1}
    lately: dict[str, list[LineDay]] = defaultdict(list)
    for day in line_days(asked, "province", "kind"):
        if day.at_us > asked.to_us - 7 * DAY and any(
            f"{flag}_flag" in run.values for run in runs([day]) for flag in PORTAL
        ):
            lately[day.tags["place"]].append(day)
    seen: Rows = {}
    for code, days in lately.items():
        last = [day for day in days if day.at_us == max(day.at_us for day in days)]
        seen[(code,), None] = told({**flags(*PORTAL)(last), "page": over_lines(last, "portal_page_ms")})
    return {"A": names, "B": seen}


EXPECTED: Final[Expected] = {
    "tested": tested,
    "ready": lambda asked: one_number("share", ratio(newest(asked))),
    "ready_by_day": lambda asked: {"A": by(of_area(asked), "provider", lambda d: {"share": ratio(d)}, daily=True)},
    "states": lambda asked: {"A": by(of_area(asked), "", states, daily=True)},
    "provinces": provinces_,
    "providers": lambda asked: {"A": tested_by(asked, "provider"), "B": by(of_area(asked), "provider", states)},
    "steps": lambda asked: {"A": by(of_area(asked), "", flags(*STEPS), daily=True)},
    "steps_by_provider": lambda asked: {"A": by(of_area(asked), "province provider", flags(*STEPS))},
    "black_holes": black_holes,
    "families": families,
    "both_rtt": both("rtt_{f}_ms"),
    "both_transfer": both("transfer_{f}_mbps"),
    "portals_by_day": lambda asked: {"A": by(of_area(asked), "", flags(*PORTAL), daily=True)},
    "portals": portals,
}

CHOICES: Final[Choices] = (
    ("the country", "all", {"kind": ["fixed"]}),
    ("a province", "all", {"province": [FULL], "kind": ["fixed"]}),
    ("two providers", "several", {"province": [FULL], "kind": ["fixed"]}),
    ("mobile of another", "all", {"province": [OTHER], "kind": ["mobile"]}),
)
