"""*Mạng TSLCD*."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.dashboards.expected.asked import (
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
from tests.dashboards.expected.commune import Lines
from tests.dashboards.expected.facts import latest_verdicts, verdict_rows
from tests.dashboards.expected.noc import of_province_or_country, opened, states
from tests.dashboards.month import BUSY, CHANGED, DAY, FULL, HOUR, OTHER, Row, Window, day_of

from doxa_core.codes import OUTCOMES, PRESENCE

BY_LINE: Final = "place site link provider"
WAYS: Final = {"download": "down", "upload": "up"}
PROVINCE: Final = ("province",)
OFFICE: Final = ("province", "place", "site")
LINE: Final = (*OFFICE, "link")


def tslcd(asked: Asked, meter: str, length: str, *names: str) -> list[Window]:
    return [w for w in asked.windows(meter, length, *names) if w.tags["kind"] == "tslcd"]


def named(tags: Mapping[str, str], by: str = BY_LINE) -> tuple[str, ...]:
    return tuple(tags.get(name, "") for name in by.split())


# --- the required rate


def lines(asked: Asked) -> Told:
    layers = {"wire_speed": "wire_mbps", "ip_speed": "ip_mbps", "speed": "mbps"}
    newest: Rows = {}
    for _, row, tags in contracts(asked, asked.to_us - 2 * DAY + 1, asked.to_us, *PROVINCE):
        if row.kind == "tslcd":
            cells = {"required": 100.0, "contracted_down": row.down, "contracted_up": row.up}
            newest[named(tags), None] = told(cells)
    return {
        "A": grouped(tslcd(asked, "speed", "1d", *PROVINCE), BY_LINE, lambda w: {
            f"{short}_{name}": middle(w, f"{way}_{value}") for way, short in WAYS.items() for name, value in layers.items()
        }),
        "B": grouped(tslcd(asked, "capacity", "1d", *PROVINCE), BY_LINE, lambda w: {
            f"{short}_capacity": middle(w, f"{way}_ip_mbps") for way, short in WAYS.items()
        }),
        "C": newest,
    }  # fmt: skip


def of_tslcd(asked: Asked, short: str) -> tuple[Lines, Lines]:
    """Of the chosen lines: what is required, what the contract says."""
    required: Lines = defaultdict(dict)
    contract: Lines = defaultdict(dict)
    for at, row, tags in contracts(asked, asked.from_us, asked.to_us, *LINE):
        rate = row.down if short == "down" else row.up
        if row.kind == "tslcd":
            required[named(tags, "site link")][at] = 100.0
        if row.kind == "tslcd" and rate is not None:
            contract[named(tags, "site link")][at] = rate
    return required, contract


def speed(way: str, short: str) -> Callable[[Asked], Told]:
    def daily(asked: Asked, meter: str, value: str) -> Rows:
        found = tslcd(asked, meter, "1d", *LINE)
        return grouped(found, "site link", lambda w: {"rate": middle(w, f"{way}_{value}")}, DAY)

    def expected(asked: Asked) -> Told:
        required, contract = of_tslcd(asked, short)
        return {
            "A": daily(asked, "speed", "wire_mbps"),
            "B": daily(asked, "speed", "ip_mbps"),
            "C": daily(asked, "speed", "mbps"),
            "D": daily(asked, "capacity", "wire_mbps"),
            "E": daily(asked, "capacity", "ip_mbps"),
            "F": daily(asked, "capacity", "udp_mbps"),
            "G": carried(asked, required, "rate", DAY),
            "H": carried(asked, contract, "rate", DAY),
            "I": {},  # no plan of the month's demands a rate of TSLCD lines
        }

    return expected


# --- verdicts and the rule


def verdicts(asked: Asked) -> Told:
    rows, valued = Rows(), Rows()
    reach = {*asked.choice.values["place"], *asked.choice.values["province"], "00", ""}
    for row in latest_verdicts(asked):
        if row["kind"] == "tslcd" and row["place"] in reach and row["province"] in reach:
            key: Key = ((row["plan"], row["target"], row["place"], row["kind"]), None)
            rows[key], valued[key] = verdict_rows(row)
    return {"A": rows, "B": {key: cells for key, cells in valued.items() if cells}}


@dataclass(frozen=True)
class Polls:
    """A day of a line's polls, and the six before it. Each poll of the month is a sample by itself."""

    at_us: int
    tags: Mapping[str, str]
    row: Row
    days: Sequence[Sequence[Mapping[str, float]]]
    """Of seven days each sample's values; the last is the day itself."""

    def p95(self, name: str, days: int) -> float | None:
        found = sorted(one[name] for day in self.days[-days:] for one in day)
        return found[-(-95 * len(found) // 100) - 1] if found else None

    def samples(self, days: int) -> int:
        return sum(len(day) for day in self.days[-days:])

    def share(self, way: str, layer: str = "frame") -> float | None:
        """Of the contract, which no line changed; at frames, since none names a layer."""
        found = self.p95(f"{way}_traffic_{layer}_mbps", 7)
        rate = self.row.down if way == "download" else self.row.up
        return None if found is None or rate is None else found / rate

    def bound(self, way: str, layer: str, missing: float) -> float:
        """The percentile of 2,016 samples with this in each missing one."""
        rate = (self.row.down if way == "download" else self.row.up) or 0
        column = [one[f"{way}_traffic_{layer}_mbps"] for day in self.days for one in day]
        return sorted(column + [missing] * (2016 - len(column)))[1915] / rate

    @property
    def outcome(self) -> str:
        if any(self.bound(way, "ip", 0) > 0.9 for way in WAYS):
            return "fail"
        whole = min(len(day) for day in self.days) >= 274
        below = all(self.bound(way, "wire", 1e9) <= 0.9 for way in WAYS)
        return "pass" if whole and below else "insufficient"


def polled(asked: Asked, *names: str) -> list[Polls]:
    """Of every TSLCD line that was polled, and every day on which it was that was over at the end of the range."""
    samples: dict[tuple[str, str], dict[int, list[Mapping[str, float]]]] = defaultdict(lambda: defaultdict(list))
    began: dict[tuple[str, str], set[int]] = defaultdict(set)
    for run in asked.books.runs["snmp"]:
        began[run.site, run.link].add(floored(run.at_us, DAY))
        if run.values:  # the middle of the five minutes says of which day it is
            samples[run.site, run.link][floored(run.at_us - 150 * 1_000_000, DAY)].append(run.values)
    found = []
    for (site, link), days in began.items():
        for at in sorted(days):
            tags = asked.books.tags(site, link, day_of(at))
            if at + DAY <= asked.to_us and tags["kind"] == "tslcd" and asked.takes(tags, *names):
                [row] = [one for one in asked.books.on(day_of(at)) if (one.site, one.link) == (site, link)]
                week = [samples[site, link].get(at - n * DAY, []) for n in reversed(range(7))]
                found.append(Polls(at, tags, row, week))
    return found


def week(asked: Asked) -> Told:
    rows: dict[tuple[str, ...], tuple[int, dict[str, Any]]] = {}
    for one in polled(asked, *PROVINCE):
        if asked.to_us - 9 * DAY < one.at_us and one.samples(7):
            cells: dict[str, Any] = {"samples": one.samples(7), "outcome": OUTCOMES[one.outcome].number}
            for way, short in WAYS.items():
                cells |= {f"{short}_{layer}": one.p95(f"{way}_traffic_{layer}_mbps", 7) for layer in ("ip", "wire")}
                cells |= {f"{short}_used": one.share(way), f"{short}_limit": 90.0}
            rows[named(one.tags)] = (one.at_us, cells)  # in the order of days: the newest stays
    return {"A": {(key, at * 1000): cells for key, (at, cells) in rows.items()}}


def days(way: str, short: str, *measured: tuple[str, int]) -> Callable[[Asked], Told]:
    """A chart of percentiles (their layer, over so many days) beside the contract and the limit."""

    def expected(asked: Asked) -> Told:
        found = [one for one in polled(asked, *LINE) if asked.shows(one.at_us)]
        _, contract = of_tslcd(asked, short)
        answers: list[Rows] = [
            {
                (named(one.tags, "site link"), one.at_us * 1000): {"p95": one.p95(f"{way}_traffic_{layer}_mbps", span)}
                for one in found
                if one.samples(span)
            }
            for layer, span in measured
        ]
        answers.append(carried(asked, contract, "rate", DAY))
        answers.append({(named(one.tags, "site link"), one.at_us * 1000): {"p95": 90.0} for one in found})
        return dict(zip("ABCD", answers, strict=False))

    return expected


# --- nodes and paths


def nodes(asked: Asked) -> Told:
    by, now = "place site far_end", Rows()
    for window in sorted(tslcd(asked, "node", "5m", *PROVINCE), key=lambda w: w.at_us):
        if window.at_us > asked.to_us - HOUR and (column := window.column("up_flag")):
            now[named(window.tags, by), None] = {"up": sum(column) / len(column)}
    found = tslcd(asked, "node", "1d", *PROVINCE)

    def largest(windows: Sequence[Window], value: str) -> float | None:
        return max((one for w in windows for one in w.column(value)), default=None)

    return {
        "A": now,
        "B": grouped(found, by, lambda w: {"silence": largest(w, "silence_max_s"), "down": largest(w, "down_s")}),
        "C": grouped(found, by, lambda w: {"loss": loss(w)}),
    }


def curve(
    meter: str, names: Sequence[str], by: str, columns: Callable[[Sequence[Window]], Mapping[str, float | None]]
) -> Callable[[Asked], Told]:
    return lambda asked: {"A": grouped(tslcd(asked, meter, asked.window, *names), by, columns, STEP)}


def paths(asked: Asked) -> Told:
    groups: dict[tuple[str, ...], list[Any]] = defaultdict(list)
    for run in sorted(asked.books.runs["path"], key=lambda run: run.at_us):
        tags = asked.books.tags(run.site, run.link, day_of(run.at_us)) | {"far_end": run.far_end}
        if run.values and asked.shows(run.at_us) and tags["kind"] == "tslcd" and asked.takes(tags, *PROVINCE):
            groups[named(tags, f"{BY_LINE} far_end")].append(run.values)
    return {
        "A": {
            (key, None): {
                "changes": sum(one["changed_flag"] for one in found), "runs": len(found),
                "hops": found[-1]["hop_count"], "mtu": found[-1]["path_mtu"],
            }
            for key, found in groups.items()
        }
    }  # fmt: skip


# --- offices


def presence(asked: Asked) -> Told:
    now, required = Rows(), Rows()
    for site, state in states(asked).items():
        key: Key = ((asked.books.place_of[site], site), None)
        now[key] = {"state": PRESENCE[state].number, "probes": 1, "silent": int(state == "offline")}
    for _, row, tags in contracts(asked, asked.to_us - 2 * DAY + 1, asked.to_us, *PROVINCE):
        if row.kind == "tslcd":
            required[(tags["place"], row.site), None] = {"required": 100.0}
    return {"A": now, "B": required}


def of_the_network(asked: Asked, one: dict[str, Any], row: dict[str, Any]) -> bool:
    """Of TSLCD lines alone, here or in several provinces."""
    told_of = asked.books.rows(f"SELECT subject FROM incident_member WHERE incident = {one['id']}")
    return all(subject.endswith("/tslcd") for (subject,) in told_of) and of_province_or_country(asked, one, row)


EXPECTED: Final[Expected] = {
    "lines": lines,
    "speed_download": speed("download", "down"),
    "speed_upload": speed("upload", "up"),
    "verdicts": verdicts,
    "week": week,
    "p95_download": days("download", "down", ("ip", 1)),
    "p95_upload": days("upload", "up", ("ip", 1)),
    "p95_week_download": days("download", "down", ("ip", 7), ("wire", 7)),
    "p95_week_upload": days("upload", "up", ("ip", 7), ("wire", 7)),
    "nodes": nodes,
    "nodes_up": curve("node", OFFICE, "site far_end", lambda w: {"up": share(w, "up_flag")}),
    "nodes_loss": curve("node", OFFICE, "site far_end", lambda w: {"loss": loss(w)}),
    "nodes_rtt": curve("node", OFFICE, "site far_end", lambda w: {"rtt": middle(w, "rtt_p50_ms")}),
    "loss": curve("latency", LINE, "site link far_end", lambda w: {"loss": loss(w)}),
    "rtt": curve("latency", LINE, "site link far_end", lambda w: {"rtt": middle(w, "rtt_p50_ms")}),
    "path_changes": curve("path", LINE, "site link far_end", lambda w: {"changed": share(w, "changed_flag")}),
    "paths": paths,
    "presence": presence,
    "incidents": opened(of_the_network),
}

CHOICES: Final[Choices] = (
    ("the line of whole days, by hours", "all", {"province": [FULL], "place": [CHANGED], "window": ["1h"]}),
    ("the line of whole days, by days", "all", {"province": [FULL], "place": [CHANGED], "window": ["1d"]}),
    ("a line above its limit", "all", {"province": [OTHER], "site": [BUSY], "link": ["tslcd"], "window": ["1d"]}),
)
