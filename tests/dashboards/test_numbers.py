"""The numbers of every panel against the ledger: what a page's queries answer is what plain SQL over the ledger says.

`EXPECTED` has a function for each panel, `page.key`: of the ledger and the viewer's choice to the rows of each query.
Nothing of the series' or the pages' code is used there, so an error in the writing, in the windows, in a query or in the
registry's tags shows as a number that differs. A new panel without a function fails, but on the pages that
`WITHOUT_EXPECTATION_YET` names; so does a meter's value renamed. Long, because the table of expectations is read as one.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from statistics import mean, median
from typing import Any, Final

import pytest
from tests.dashboards.grafana import ALL, Choice, Query, choose, queries
from tests.dashboards.month import (
    CHANGED,
    DAY,
    EMPTY,
    FULL,
    HOUR,
    MINUTE,
    OTHER,
    ZONE_US,
    Books,
    Row,
    Window,
    day_of,
    plans,
    undeclared,
)
from tests.dashboards.month_store import Written, written

from doxa_collector.places.centres import centres
from doxa_core.codes import INCIDENT_STATES, OUTCOMES, PRESENCE, SEVERITIES
from doxa_dashboards import build, pages

pytestmark = pytest.mark.server

Key = tuple[tuple[str, ...], int | None]
"""The tags in the order of GROUP BY, and the time (ns) where the query goes through time."""
Rows = dict[Key, dict[str, Any]]
Told = dict[str, Rows]
"""By the query's letter."""
STEP: Final = 6 * HOUR
FIVE: Final = 5 * MINUTE


@dataclass(frozen=True)
class Asked:
    """A viewer's choice over the ledger."""

    books: Books
    choice: Choice

    @cached_property
    def from_us(self) -> int:
        return self.books.month.shown.from_ms * 1000

    @cached_property
    def to_us(self) -> int:
        return self.books.month.shown.to_ms * 1000

    @property
    def window(self) -> str:
        [found] = self.choice.values["window"]
        return found

    def takes(self, tags: Mapping[str, str], *names: str) -> bool:
        """Whether the viewer chose what has these tags."""
        return all(self.picks(name, tags.get(name, "")) for name in names)

    def picks(self, name: str, value: str) -> bool:
        chosen = list(self.choice.values[name])
        return chosen == [ALL] or value in chosen or (name == "province" and chosen == ["00"])

    def shows(self, at_us: int) -> bool:
        return self.from_us <= at_us <= self.to_us

    def windows(self, meter: str, length: str, *names: str) -> list[Window]:
        """Those in the range that the viewer chose by these tags."""
        return [w for w in self.books.windows(meter, length) if self.shows(w.at_us) and self.takes(w.tags, *names)]

    def steps(self) -> range:
        return range(floored(self.from_us, STEP), self.to_us + 1, STEP)


def floored(at_us: int, step: int) -> int:
    return at_us - (at_us + ZONE_US) % step


def grouped(
    found: Iterable[Window], by: str, columns: Callable[[Sequence[Window]], Mapping[str, float | None]], step: int = 0
) -> Rows:
    """One row for each combination of tags, and of steps."""
    groups: dict[Key, list[Window]] = defaultdict(list)
    for one in found:
        key = tuple(one.tags.get(tag, "") for tag in by.split())
        groups[key, floored(one.at_us, step) * 1000 if step else None].append(one)
    return {key: cells for key, ws in groups.items() if (cells := told(columns(ws)))}


def told(cells: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in cells.items() if value is not None}


def middle(found: Iterable[Window], value: str) -> float | None:
    """The median of the windows' medians."""
    medians = [median(column) for w in found if (column := w.column(value))]
    return median(medians) if medians else None


def loss(found: Iterable[Window]) -> float | None:
    sent = received = 0.0
    for window in found:
        if one := sum(window.column("sent_count")):
            sent, received = sent + one, received + sum(window.column("received_count"))
    return 1 - received / sent if sent else None


def share(found: Iterable[Window], flag: str) -> float | None:
    """Of all runs that came to an end, not of windows."""
    column = [value for w in found for value in w.column(flag)]
    return mean(column) if column else None


def carried(asked: Asked, values: Mapping[tuple[str, ...], Mapping[int, float]], name: str) -> Rows:
    """The latest value of each step, or of the one before."""
    found: Rows = {}
    for tags, at in values.items():
        now = None
        latest: dict[int, float] = {}
        for moment in sorted(moment for moment in at if asked.shows(moment)):
            latest[floored(moment, STEP)] = at[moment]
        for step in asked.steps():
            now = latest.get(step, now)
            if now is not None and latest:
                found[tags, step * 1000] = {name: now}
    return found


LINE: Final = ("province", "place", "site", "link", "kind")
BY_LINE: Final = "site link kind provider"


def told_at(books: Books) -> Iterator[int]:
    """The moments at which the registry's facts are told: hours of the last two days, midnights before."""
    first = floored(min(run.at_us for run in books.runs["speed"]), DAY)
    for at in range(first, books.month.now + 1, HOUR):
        if at >= books.month.now - 2 * DAY or (at + ZONE_US) % DAY == 0:
            yield at


def contracts(asked: Asked, from_us: int, to_us: int, *names: str) -> Iterator[tuple[int, Row, dict[str, str]]]:
    """Every contract at every moment at which it is told."""
    books = asked.books
    for at in told_at(books):
        if from_us <= at <= to_us:
            for row in books.on(day_of(at)):
                tags = books.tags(row.site, row.link, day_of(at))
                if asked.takes(tags, *names):
                    yield at, row, tags


# --- commune


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
                found = {"outcome_code": OUTCOMES[row["outcome"]].number, "threshold": target.value}
                newest[plan.id, target.id, where.code] = row | tags | found
    return list(newest.values())


def commune_verdicts(asked: Asked) -> Told:
    told_, valued = Rows(), Rows()
    for row in latest_verdicts(asked, "province", "place", "kind"):
        key: Key = ((row["plan"], row["target"], row["kind"]), None)
        told_[key] = told({"outcome": row["outcome_code"], "threshold": row["threshold"], "n": row["n"]})
        if row["outcome"] != "insufficient" and row["value"] is not None:
            valued[key] = {"value": row["value"]}
    return {"A": told_, "B": valued}


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


def incident_row(one: Mapping[str, Any]) -> dict[str, Any]:
    province = next(iter(one["provinces"])) if len(one["provinces"]) == 1 else "00"
    return {
        "number": one["id"], "state_code": INCIDENT_STATES[one["state"]].number, "cause": one["cause"],
        "severity_code": SEVERITIES[one["severity"]].number, "province": province, "place": one["place_code"] or "",
        "sites_count": len(one["sites"]),
    }  # fmt: skip


def incident_key(one: Mapping[str, Any]) -> Key:
    return (), one["opened_us"] * 1000 + one["id"] % 1000


def commune_incidents(asked: Asked) -> Told:
    lasting, over = Rows(), Rows()
    for one in asked.books.incidents:
        row = incident_row(one)
        near = asked.picks("place", row["place"]) or row["sites_count"] > 1
        mine = row["province"] == "00" or asked.picks("province", row["province"])
        if one["absorbed"] or not (near and mine and asked.shows(one["opened_us"])):
            continue
        if one["lasts"]:
            lasting[incident_key(one)] = row
        else:
            over[incident_key(one)] = row | {"duration_s": (one["ended_us"] - one["began_us"]) / 1e6}
    return {"A": lasting, "B": over}


# --- what several pages show


def one_number(name: str, value: float | None) -> Told:
    return {"A": {} if value is None else {((), None): {name: value}}}


def here(asked: Asked, province: str) -> bool:
    """Whether the page shows a province: one without that variable shows all."""
    return "province" not in asked.choice.values or asked.picks("province", province)


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


@dataclass(frozen=True)
class LineDay:
    """A line on a local day."""

    at_us: int
    tags: Mapping[str, str]
    row: Row
    books: Books

    def column(self, meter: str, value: str) -> list[float]:
        runs = by_day(self.books, meter).get((self.row.site, self.row.link, self.at_us), ())
        return [run.values[value] for run in runs if run.outcome == "ok" and value in run.values]

    def outcomes(self) -> list[str]:
        """Of its runs of any meter."""
        key = (self.row.site, self.row.link, self.at_us)
        return [run.outcome for meter in self.books.runs for run in by_day(self.books, meter).get(key, ())]

    def middle(self, meter: str, value: str) -> float | None:
        column = self.column(meter, value)
        return median(column) if column else None

    @property
    def share(self) -> float | None:
        """Of its contract, the worse direction; None where it cannot be said."""
        layer = "_wire" if self.row.layer == "wire" else ""
        promised = {"download": self.row.down, "upload": self.row.up}
        shares = []
        for way, rate in promised.items():
            if rate is not None:
                got = self.middle("speed", f"{way}{layer}_mbps")
                if got is None:
                    return None
                shares.append(got / rate)
        return min(shares) if shares else None


_BY_DAY: dict[tuple[int, str], dict[tuple[str, str, int], list[Any]]] = {}


def by_day(books: Books, meter: str) -> dict[tuple[str, str, int], list[Any]]:
    if (id(books), meter) not in _BY_DAY:
        found: dict[tuple[str, str, int], list[Any]] = defaultdict(list)
        for run in books.runs[meter]:
            found[run.site, run.link, floored(run.at_us, DAY)].append(run)
        _BY_DAY[id(books), meter] = found
    return _BY_DAY[id(books), meter]


def line_days(asked: Asked, *names: str) -> list[LineDay]:
    """Every line in force on every day of the range; the month's data begin three days before it."""
    found = []
    for at in range(asked.books.month.start - 3 * DAY, asked.books.month.end, DAY):
        if asked.shows(at):
            for row in asked.books.on(day_of(at)):
                tags = asked.books.tags(row.site, row.link, day_of(at))
                if asked.takes(tags, *names):
                    found.append(LineDay(at, tags, row, asked.books))
    return found


def of_area(asked: Asked) -> list[LineDay]:
    names = [name for name in ("province", "kind", "provider") if name in asked.choice.values]
    return line_days(asked, *names)


def shares(days: Iterable[LineDay]) -> list[float]:
    return [found for day in days if (found := day.share) is not None]


def reached_of(days: Iterable[LineDay]) -> float | None:
    found = shares(days)
    return sum(one >= 1 for one in found) / len(found) if found else None


def below_of(days: Iterable[LineDay]) -> float | None:
    found = shares(days)
    return sum(one < 0.8 for one in found) / len(found) if found else None


def reached(asked: Asked) -> Told:
    return one_number("reached", reached_of(of_area(asked)))


def incidents_now(asked: Asked) -> Told:
    found = Rows()
    for one in asked.books.incidents:
        row = incident_row(one)
        if one["lasts"] and not one["absorbed"] and (row["province"] == "00" or here(asked, row["province"])):
            found[incident_key(one)] = row
    return {"A": found}


# --- province


def labels(asked: Asked) -> Rows:
    books = asked.books
    counts: dict[str, int] = defaultdict(int)
    for site in books.place_of:
        if asked.picks("province", books.province_of(site)):
            counts[books.place_of[site]] += 1
    return {((code, books.label(code)), None): {"sites": number} for code, number in counts.items()}


def province_targets(asked: Asked) -> Told:
    rows = latest_verdicts(asked, "province", "plan")
    outcome: Rows = {((row["place"], row["target"]), None): {"outcome": row["outcome_code"]} for row in rows}
    return {"A": outcome, "B": labels(asked)}


AREA: Final = ("province", "kind", "provider")


def province_ranking(asked: Asked) -> Told:
    speeds, delays = (asked.windows(meter, "1d", *AREA) for meter in ("speed", "latency"))
    return {
        "A": grouped(speeds, "place", lambda w: {
            "down": middle(w, "download_mbps"), "up": middle(w, "upload_mbps"), "runs": sum(one.count("ok") for one in w),
        }),
        "B": grouped(
            [w for w in delays if sum(w.column("sent_count"))],
            "place", lambda w: {"rtt": middle(w, "rtt_p50_ms"), "loss": loss(w)},
        ),
        "C": labels(asked),
    }  # fmt: skip


def daily(days: Iterable[LineDay], number: Callable[[Sequence[LineDay]], float | None]) -> list[float]:
    """A figure of each day that has it."""
    groups: dict[int, list[LineDay]] = defaultdict(list)
    for day in days:
        groups[day.at_us].append(day)
    return [found for at in sorted(groups) if (found := number(groups[at])) is not None]


def over_lines(meter: str, value: str) -> Callable[[Sequence[LineDay]], float | None]:
    def number(days: Sequence[LineDay]) -> float | None:
        found = [one for day in days if (one := day.middle(meter, value)) is not None]
        return median(found) if found else None

    return number


def lost_percent(days: Sequence[LineDay]) -> float | None:
    sent = sum(sum(day.column("latency", "sent_count")) for day in days)
    received = sum(sum(day.column("latency", "received_count")) for day in days)
    return 100 * (sent - received) / sent if sent else None


def ipv6_ready(days: Sequence[LineDay]) -> tuple[int, int]:
    """Lines ready by the last test of the day, and lines tested."""
    ready = tested = 0
    for day in days:
        runs = by_day(day.books, "ipv6").get((day.row.site, day.row.link, day.at_us), ())
        ok = sorted((run for run in runs if run.outcome == "ok"), key=lambda run: run.at_us)
        if ok:
            tested += 1
            ready += bool(ok[-1].values["state_ready_flag"] or ok[-1].values["state_v6_only_ready_flag"])
    return ready, tested


def by_provider(days: Iterable[LineDay]) -> dict[str, list[LineDay]]:
    groups: dict[str, list[LineDay]] = defaultdict(list)
    for day in days:
        groups[day.tags.get("provider", "")].append(day)
    return groups


def or_none(found: Sequence[float]) -> float | None:
    return median(found) if found else None


def province_providers(asked: Asked) -> Told:
    a, b, c, d = Rows(), Rows(), Rows(), Rows()
    for provider, days in by_provider(of_area(asked)).items():
        key: Key = ((provider,), None)
        newest = max(day.at_us for day in days)
        a[key] = told({
            "lines": sum(day.at_us == newest for day in days),
            "down": or_none(daily(days, over_lines("speed", "download_mbps"))),
            "up": or_none(daily(days, over_lines("speed", "upload_mbps"))),
            "rtt": or_none(daily(days, over_lines("latency", "rtt_p50_ms"))), "loss": or_none(daily(days, lost_percent)),
        })  # fmt: skip
        if (share_ := reached_of(days)) is not None:
            b[key] = told({"reached": share_, "below": below_of(days)})
        if ran := [outcome for day in days for outcome in day.outcomes()]:
            c[key] = {"runs": len(ran), "failed": ran.count("failed") / len(ran)}
        ready, tested = map(sum, zip(*(ipv6_ready([day]) for day in days), strict=True))
        if tested:
            d[key] = {"ipv6": ready / tested}
    return {"A": a, "B": b, "C": c, "D": d}


def trend(number: Callable[[Sequence[LineDay]], float | None]) -> Callable[[Asked], Told]:
    def expected(asked: Asked) -> Told:
        found = Rows()
        for provider, days in by_provider(of_area(asked)).items():
            for at in {day.at_us for day in days}:
                value = number([day for day in days if day.at_us == at])
                if value is not None:
                    found[(provider,), at * 1000] = {"value": value}
        return {"A": found}

    return expected


def failed_of(days: Iterable[LineDay]) -> float | None:
    ran = [outcome for day in days for outcome in day.outcomes()]
    return ran.count("failed") / len(ran) if ran else None


def providers_by_province(asked: Asked) -> Told:
    found: Told = {letter: {} for letter in "ABCD"}
    for code in sorted({asked.books.province_of(site) for site in asked.books.place_of}):
        values = {**asked.choice.values, "province": [code]}
        there = province_providers(replace(asked, choice=replace(asked.choice, values=values)))
        for letter, rows in there.items():
            found[letter] |= {((code, *tags), at): cells for (tags, at), cells in rows.items()}
    return found


# --- nation


def of_provinces(asked: Asked, number: Callable[[Sequence[LineDay]], Mapping[str, float | None]]) -> Rows:
    groups: dict[str, list[LineDay]] = defaultdict(list)
    for day in of_area(asked):
        groups[day.tags["province"]].append(day)
    return {((code,), None): cells for code, days in groups.items() if (cells := told(number(days)))}


def contract_shares(asked: Asked) -> Rows:
    return of_provinces(asked, lambda days: {"reached": reached_of(days), "below": below_of(days)})


def provinces(asked: Asked) -> dict[tuple[str, str], int]:
    books = asked.books
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for site in books.place_of:
        code = books.province_of(site)
        counts[code, books.label(code)] += 1
    return counts


def nation_map(asked: Asked) -> Told:
    found = Rows()
    for (code, label), number in provinces(asked).items():
        latitude, longitude = centres()[code]
        found[(code, label), None] = {"sites": number, "latitude": latitude, "longitude": longitude}
    return {"A": found, "B": contract_shares(asked)}


def nation_provinces(asked: Asked) -> Told:
    newest = floored(asked.to_us, DAY)
    lines = of_provinces(asked, lambda days: {"lines": sum(day.at_us == newest for day in days)})
    now = open_at(asked, last_five(asked) + FIVE)
    codes = {code for code, _ in provinces(asked)}
    return {
        "A": {(key, None): {"sites": number} for key, number in provinces(asked).items()},
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


EXPECTED: Final[Mapping[str, Callable[[Asked], Told]]] = {
    "commune.lines": commune_lines,
    "commune.verdicts": commune_verdicts,
    "commune.speed_download": commune_speed("download", "down"),
    "commune.speed_upload": commune_speed("upload", "up"),
    "commune.latency": commune_latency,
    "commune.loss": commune_loss,
    "commune.jitter": lambda asked: {"A": curve("latency", "jitter_rfc3550_ms", "jitter", TO)(asked)},
    "commune.loaded": lambda asked: {"A": curve("speed", "loaded_rtt_p95_ms", "loaded", "site link")(asked)},
    "commune.ipv6_states": commune_states,
    "commune.ipv6_factor": lambda asked: {"A": curve("ipv6", "rtt_v6_to_v4_factor", "factor", "site link")(asked)},
    "commune.presence": commune_presence,
    "commune.online": commune_online,
    "commune.runs": commune_runs,
    "commune.incidents": commune_incidents,
    **{
        f"{page}.{key}": expected
        for page in ("province", "nation")
        for key, expected in (
            ("offices", offices), ("silent", silent), ("open_incidents", open_incidents), ("judged", judged),
            ("passed", passed), ("reached", reached), ("incidents_now", incidents_now),
        )
    },
    "province.targets": province_targets,
    "province.ranking": province_ranking,
    "province.providers": province_providers,
    "province.trend_down": trend(over_lines("speed", "download_mbps")),
    "province.trend_rtt": trend(over_lines("latency", "rtt_p50_ms")),
    "nation.open_incidents": open_in_the_country,
    "nation.map": nation_map,
    "nation.provinces": nation_provinces,
    "nation.worst": nation_worst,
    "providers.compared": province_providers,
    "providers.by_province": providers_by_province,
    "providers.trend_down": trend(over_lines("speed", "download_mbps")),
    "providers.trend_up": trend(over_lines("speed", "upload_mbps")),
    "providers.trend_rtt": trend(over_lines("latency", "rtt_p50_ms")),
    "providers.trend_reached": trend(reached_of),
    "providers.trend_below": trend(below_of),
    "providers.trend_loss": trend(lost_percent),
    "providers.trend_failed": trend(failed_of),
    "noc.open_incidents": open_incidents,
    "noc.silent": silent,
    "noc.offices": offices,
    "noc.incidents_now": incidents_now,
    "nation.trend": trend(over_lines("speed", "download_mbps")),
}  # fmt: skip

WITHOUT_EXPECTATION_YET: Final = frozenset({"tslcd", "providers", "noc", "ispeed", "ipv6", "health"})
"""Pages of which not every panel is compared yet; the test tells which panels these are."""
WORDS: Final = frozenset({"text"})
"""Columns that are sentences and no figures: their makers have tests of their own."""

CHOICES: Final[Mapping[str, Sequence[tuple[str, str, Mapping[str, Sequence[str]]]]]] = {
    "commune": (
        ("the contract that changes, by hours", "all", {"province": [FULL], "place": [CHANGED], "window": ["1h"]}),
        ("the contract that changes, by days", "all", {"province": [FULL], "place": [CHANGED], "window": ["1d"]}),
        ("one line of it", "one", {"province": [FULL], "place": [CHANGED], "site": [f"s{FULL}-00"], "link": ["wan1"], "kind": ["fixed"]}),
        ("two kinds", "all", {"province": [FULL], "place": [CHANGED], "kind": ["fixed", "tslcd"], "window": ["1d"]}),
        ("the office with one line and no contract", "all", {"province": [OTHER], "site": [f"s{OTHER}-07"]}),
        ("nothing measured", "all", {"province": [EMPTY]}),
    ),
    "province": (
        ("the full one", "all", {"province": [FULL]}),
        ("two providers and a plan", "several", {"province": [FULL], "provider": ["VNPT", "CMC Telecom"]}),
        ("TSLCD", "all", {"province": [FULL], "kind": ["tslcd"]}),
        ("mobile", "all", {"province": [OTHER], "kind": ["mobile"]}),
        ("the other", "all", {"province": [OTHER]}),
        ("nothing measured", "all", {"province": [EMPTY]}),
    ),
    "providers": (
        ("the country", "all", {"province": ["00"], "kind": ["fixed"]}),
        ("a province", "all", {"province": [OTHER], "kind": ["fixed"]}),
    ),
    "noc": (
        ("everything", "all", {}),
        ("one province", "one", {"province": [FULL]}),
    ),
    "nation": (
        ("fixed", "all", {"kind": ["fixed"]}),
        ("mobile", "one", {"kind": ["mobile"]}),
        ("TSLCD", "several", {"kind": ["tslcd"]}),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    with written(tmp_path_factory.mktemp("month")) as found:
        yield found


@cache
def keys(page: str) -> dict[int, str]:
    """The panels of a page: number and key."""
    return {card.number: card.key for section in pages.load(page).sections for card in section.cards}


def answered(query: Query, store: Written) -> Rows:
    """What the store answers, as an expectation says it."""
    series = store.ask(query.uid, query.statement)
    timed = "GROUP BY time(" in query.statement or 'FROM "doxa_incident"' in query.statement
    found: Rows = {}
    for one in series:
        names = [match for match in _groups(query.statement) if match in one.get("tags", {})]
        tags = tuple(one["tags"][name] for name in names)
        for row in one["values"]:
            cells = dict(zip(one["columns"], row, strict=True))
            at = cells.pop("time")
            kept = {name: value for name, value in cells.items() if value is not None and name not in WORDS}
            if kept:
                assert (tags, at if timed else None) not in found, f"{query}: one row twice"
                found[tags, at if timed else None] = kept
    return found


def _groups(statement: str) -> list[str]:
    """The tags of the outermost GROUP BY."""
    depth, outer = 0, []
    for letter in statement:
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            outer.append(letter)
    _, _, by = "".join(outer).rpartition("GROUP BY")
    return [part.strip().strip('"') for part in by.split("fill")[0].split(",") if '"' in part]


def differences(expected: Rows, found: Rows) -> list[str]:
    """Where they differ by more than one in a thousand million."""
    wrong = [f"not answered: {key} {expected[key]}" for key in expected.keys() - found.keys()]
    wrong += [f"not in the ledger: {key} {found[key]}" for key in found.keys() - expected.keys()]
    for key in expected.keys() & found.keys():
        one, other = expected[key], found[key]
        for name in one.keys() | other.keys():
            if not same(one.get(name), other.get(name)):
                wrong.append(f"{key} {name}: the ledger says {one.get(name)}, the page {other.get(name)}")
    return wrong


def same(one: Any, other: Any) -> bool:
    if isinstance(one, str) or isinstance(other, str) or one is None or other is None:
        return bool(one == other)
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


CASES: Final = [(page, *choice) for page, found in CHOICES.items() for choice in found]


@pytest.mark.parametrize(("page", "name", "how", "fixed"), CASES, ids=[f"{c[0]}: {c[1]}" for c in CASES])
def test_a_page_says_what_the_ledger_says(
    page: str, name: str, how: str, fixed: Mapping[str, Sequence[str]], store: Written
) -> None:
    built = build.built(page)
    choice = choose(built, how, store.ask, fixed)
    asked = Asked(store.books, choice)
    named, alone = keys(page), {**built, "annotations": {"list": []}}
    wrong: list[str] = []
    rows = 0
    for panel in (panel for panel in built["panels"] if panel["type"] != "row"):
        key = named[panel["id"]]
        asked_of_it = queries({**alone, "panels": [panel]}, choice, store.books.month.shown)
        letters = {query.name: answered(query, store) for query in asked_of_it}
        if f"{page}.{key}" not in EXPECTED:
            assert page in WITHOUT_EXPECTATION_YET, f"{page}.{key} is compared with nothing"
            continue
        expected = EXPECTED[f"{page}.{key}"](asked)
        assert expected.keys() == letters.keys(), f"{page}.{key}: other queries than expected"
        for letter, rows_ in letters.items():
            rows += len(rows_)
            wrong += [f"{page}.{key}, query {letter}: {what}" for what in differences(expected[letter], rows_)[:4]]
    assert wrong == [], "\n" + "\n".join(wrong)
    assert rows, "a comparison of nothing"


def test_every_panel_has_an_expectation() -> None:
    panels = [f"{page}.{key}" for page in pages.names() for key in keys(page).values()]
    missing = [panel for panel in panels if panel not in EXPECTED]
    print("compared with nothing yet:", ", ".join(missing))
    assert [one for one in missing if one.partition(".")[0] not in WITHOUT_EXPECTATION_YET] == []
    assert [one for one in EXPECTED if one.partition(".")[2] not in keys(one.partition(".")[0]).values()] == []


def test_the_month_holds_what_the_meters_declare() -> None:
    """A value renamed in a meter is told here by its name, and the page that asks for it cannot even be built."""
    assert undeclared() == []
