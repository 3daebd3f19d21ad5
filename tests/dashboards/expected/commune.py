"""*Xã*."""

from collections import defaultdict
from collections.abc import Callable
from typing import Final

from tests.dashboards.expected.asked import (
    BY_LINE,
    FIVE,
    LINE,
    STEP,
    Asked,
    Choices,
    Expected,
    Key,
    Rows,
    Told,
    carried,
    contracts,
    floored,
    grouped,
    loss,
    middle,
    share,
    told,
)
from tests.dashboards.expected.facts import incident_key, incident_row, latest_verdicts, touches, verdict_rows
from tests.dashboards.month import CHANGED, DAY, FULL, OTHER, plans

from doxa_core.codes import PRESENCE


def commune_lines(asked: Asked) -> Told:
    speeds = asked.windows("speed", asked.window, *LINE)
    delays = asked.windows("latency", asked.window, *LINE)
    states = asked.windows("ipv6", asked.window, *LINE)
    contract: Rows = {}
    for _, row, tags in contracts(asked, asked.from_us, asked.to_us, *LINE):
        if cells := told({"contracted_down": row.down, "contracted_up": row.up}):
            contract[tuple(tags.get(tag, "") for tag in BY_LINE.split()), None] = cells
    return {
        "A": grouped(speeds, BY_LINE, lambda w: {"down": middle(w, "download_mbps"), "up": middle(w, "upload_mbps")}),
        "B": contract,
        "C": grouped(delays, BY_LINE, lambda w: {"rtt": middle(w, "rtt_p50_ms"), "loss": loss(w)}),
        "D": grouped(states, BY_LINE, lambda w: {"ipv6": share(w, "state_ready_flag")}),
    }


def commune_verdicts(asked: Asked) -> Told:
    told_, valued = Rows(), Rows()
    for row in latest_verdicts(asked, "province", "place", "kind"):
        key: Key = ((row["plan"], row["target"], row["kind"]), None)
        told_[key], valued[key] = verdict_rows(row)
    return {"A": told_, "B": {key: cells for key, cells in valued.items() if cells}}


Lines = dict[tuple[str, ...], dict[int, float]]
"""By tags: what is told at which moment."""


def promised(asked: Asked, short: str) -> tuple[Lines, Lines, Lines]:
    """Of the chosen lines: contract, 80 % of it, what TSLCD needs."""
    contract: Lines = defaultdict(dict)
    floor: Lines = defaultdict(dict)
    required: Lines = defaultdict(dict)
    for at, row, tags in contracts(asked, asked.from_us, asked.to_us, *LINE):
        key = (tags["site"], tags["link"], tags["kind"])
        rate = row.down if short == "down" else row.up
        if rate is not None:
            contract[key][at] = rate
        if rate is not None and row.kind == "fixed":
            floor[key][at] = 0.8 * rate
        if row.kind == "tslcd":
            required[key][at] = 100.0
    return contract, floor, required


def in_reach(asked: Asked, province: str, place: str) -> bool:
    """Whether something holds for the commune: its own, its province's, the country's."""
    within = {*asked.choice.values["province"], "00"}
    return province in within and place in {*within, *asked.choice.values["place"], ""}


def demanded(asked: Asked, direction: str) -> Lines:
    found: Lines = defaultdict(dict)
    for plan in plans():
        places = [place for place in plan.places if place.judged_on(asked.books.month.first)]
        mine = [place for place in places if in_reach(asked, place.province, place.code)]
        for target in plan.targets if mine else ():
            kind = "" if target.link_kind is None else target.link_kind.value
            value = "" if target.measure is None else target.measure.value
            mbps = target.unit is not None and target.unit.value == "Mbps" and target.value is not None
            if mbps and direction in value.split("_") and asked.picks("kind", kind):
                found[target.id, kind] = {max(at, asked.from_us): target.value for at in asked.steps()}  # type: ignore[misc]
    return found


def published(asked: Asked, direction: str) -> Lines:
    found: Lines = defaultdict(dict)
    for figure in asked.books.figures:
        code = figure["place_code"]
        province, place = (code, "") if len(code) == 2 else (asked.books.places[code][2], code)
        fits = in_reach(asked, province, place) and asked.picks("kind", figure["link_kind"])
        if fits and figure["direction"] == direction:
            days = range(asked.books.month.start, asked.books.month.end, DAY)
            found[figure["link_kind"], figure["statistic"], place] = dict.fromkeys(days, figure["value_mbps"])
    return found


def commune_speed(direction: str, short: str) -> Callable[[Asked], Told]:
    def expected(asked: Asked) -> Told:
        windows = asked.windows("speed", asked.window, *LINE)
        contract, floor, required = promised(asked, short)
        return {
            "A": grouped(windows, "site link kind", lambda w: {"measured": middle(w, f"{direction}_mbps")}, STEP),
            "B": carried(asked, contract, f"contracted_{short}_mbps"),
            "C": carried(asked, floor, f"floor_{short}_mbps"),
            "D": carried(asked, required, "required_mbps"),
            "E": carried(asked, demanded(asked, direction), "threshold"),
            "F": carried(asked, published(asked, direction), "published_mbps"),
        }

    return expected


def curve(meter: str, value: str, name: str, by: str) -> Callable[[Asked], Rows]:
    return lambda asked: grouped(
        asked.windows(meter, asked.window, *LINE), by, lambda w: {name: middle(w, value)}, STEP
    )


TO: Final = "site link far_end"


def commune_latency(asked: Asked) -> Told:
    return {
        "A": curve("latency", "rtt_p50_ms", "p50", TO)(asked),
        "B": curve("latency", "rtt_p95_ms", "p95", TO)(asked),
    }


def commune_loss(asked: Asked) -> Told:
    windows = asked.windows("latency", asked.window, *LINE)
    return {"A": grouped(windows, TO, lambda w: {"loss": loss(w)}, STEP)}


def commune_states(asked: Asked) -> Told:
    windows = asked.windows("ipv6", asked.window, *LINE)
    found: Told = {}
    for letter, state in zip("ABCD", ("none", "broken", "partial", "ready"), strict=True):
        flag = f"state_{state}_flag"
        found[letter] = grouped(windows, "", lambda w, flag=flag, state=state: {state: share(w, flag)}, STEP)  # type: ignore[misc]
    return found


def commune_presence(asked: Asked) -> Told:
    books, found = asked.books, Rows()
    for site in books.presence:
        if asked.takes(books.where(site), "province", "place", "site"):
            first = floored(books.presence[site][0][0], FIVE)
            for at in range(first, books.month.now - 30_000_000 - FIVE + 1, FIVE):
                state = books.state_at(site, at + FIVE)
                if asked.shows(at) and state is not None:
                    key = ((site,), floored(at, STEP) * 1000)
                    code = PRESENCE[state].number
                    found[key] = {"state": max(code, found.get(key, {}).get("state", 0))}
    return {"A": found}


def commune_online(asked: Asked) -> Told:
    books, found = asked.books, Rows()
    for site in books.presence:
        if asked.takes(books.where(site), "province", "place", "site"):
            for at in range(books.month.start, books.month.end, DAY):
                ratio = books.online(site, at, at + DAY)
                if asked.shows(at) and ratio is not None:
                    found[(site,), at * 1000] = {"online": ratio}
    return {"A": found}


def commune_runs(asked: Asked) -> Told:
    windows = asked.windows("speed", asked.window, *LINE)
    found: Told = {}
    for letter, name in zip("ABCD", ("ok", "failed", "skipped", "probe_limited"), strict=True):
        found[letter] = grouped(windows, "", lambda w, name=name: {name: sum(one.count(name) for one in w)}, STEP)  # type: ignore[misc]
    return found


def commune_incidents(asked: Asked) -> Told:
    lasting, over = Rows(), Rows()
    for one in asked.books.incidents:
        row = incident_row(one)
        near = asked.picks("place", row["place"]) or row["sites_count"] > 1
        if one["absorbed"] or not (near and touches(asked, one) and asked.shows(one["opened_us"])):
            continue
        if one["lasts"]:
            lasting[incident_key(one)] = row
        else:
            over[incident_key(one)] = row | {"duration_s": (one["ended_us"] - one["began_us"]) / 1e6}
    return {"A": lasting, "B": over}


EXPECTED: Final[Expected] = {
    "lines": commune_lines,
    "verdicts": commune_verdicts,
    "speed_download": commune_speed("download", "down"),
    "speed_upload": commune_speed("upload", "up"),
    "latency": commune_latency,
    "loss": commune_loss,
    "jitter": lambda asked: {"A": curve("latency", "jitter_rfc3550_ms", "jitter", TO)(asked)},
    "loaded": lambda asked: {"A": curve("speed", "loaded_rtt_p95_ms", "loaded", "site link")(asked)},
    "ipv6_states": commune_states,
    "ipv6_factor": lambda asked: {"A": curve("ipv6", "rtt_v6_to_v4_factor", "factor", "site link")(asked)},
    "presence": commune_presence,
    "online": commune_online,
    "runs": commune_runs,
    "incidents": commune_incidents,
}

CHOICES: Final[Choices] = (
    ("the contract that changes, by hours", "all", {"province": [FULL], "place": [CHANGED], "window": ["1h"]}),
    ("the contract that changes, by days", "all", {"province": [FULL], "place": [CHANGED], "window": ["1d"]}),
    (
        "one line of it",
        "one",
        {"province": [FULL], "place": [CHANGED], "site": [f"s{FULL}-00"], "link": ["wan1"], "kind": ["fixed"]},
    ),
    ("two kinds", "all", {"province": [FULL], "place": [CHANGED], "kind": ["fixed", "tslcd"], "window": ["1d"]}),
    ("the office with one line and no contract", "all", {"province": [OTHER], "site": [f"s{OTHER}-07"]}),
)
