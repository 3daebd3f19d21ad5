"""A month of fifty offices in a real ledger, and what that ledger says, read by plain SQL and nothing of the series' code.

It is the calendar month before this one, so that "within a year of now" holds, and always the same month otherwise (one
seed). Province 20 has everything, province 12 fixed lines above all, province 42 is registered and was never measured. One
line gets another contract in the middle of the month and one another provider; one office has a single line without a
contract; results of some days arrive a week late; the second half of the month began with another registry.
Long, because what is written and how it is read again must agree column by column.
"""

import json
import random
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, insert
from tests.collector.ledgers import empty_ledger
from tests.dashboards.grafana import Range

from doxa_agent import meters
from doxa_collector.assess import Settings, run
from doxa_collector.incidents import store as incidents
from doxa_collector.incidents.model import Cause, Family, Fault, Incident, IncidentChange, Member, Reach, State, Turn
from doxa_collector.ledger.engine import writing
from doxa_collector.ledger.registration import register
from doxa_collector.ledger.schema import figure
from doxa_collector.ledger.schema import measurement as measurements
from doxa_collector.ledger.writing import note_status
from doxa_collector.places.gazetteer import load
from doxa_collector.places.model import Level
from doxa_collector.plans import Plan, load_plans
from doxa_collector.plans.noting import note_plans
from doxa_collector.presence import store as presences
from doxa_collector.presence.model import Presence
from doxa_collector.presence.model import State as There
from doxa_collector.presence.model import Turn as PresenceTurn
from doxa_collector.registry import read_registry
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import line
from doxa_core.status import AgentStatus
from doxa_core.status import State as Said

S, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
ZONE_US: Final = 7 * HOUR
FULL, OTHER, EMPTY = "20", "12", "42"
CHANGED: Final = "06184"
"""The commune of the contract that changes."""
TARGETS: Final = {
    "a-hong-phong": ("a1", "a2", "ipv6", "fixed-subscribers"),
    "d-ha-tinh": ("d1", "d2", "d3"),
    "e-lai-chau": ("e1", "e2", "ipv6"),
}
"""Of each shipped plan a few: every target is told for every hour."""


@dataclass(frozen=True, kw_only=True)
class Month:
    """The moments that matter, µs."""

    first: date

    @property
    def start(self) -> int:
        return _midnight(self.first)

    @property
    def end(self) -> int:
        return _midnight((self.first + timedelta(days=32)).replace(day=1))

    @property
    def middle(self) -> int:
        return self.start + 15 * DAY

    @property
    def now(self) -> int:
        """When all is written: the collector's clock stands in the morning after, when every slice is over."""
        return self.end + 6 * HOUR + 31 * MINUTE

    @property
    def shown(self) -> Range:
        """From the second day at 10:17 until the last one at 21:17."""
        first, last = self.start + DAY + 10 * HOUR + 17 * MINUTE, self.end - 2 * HOUR - 43 * MINUTE
        return Range(from_ms=first // 1000, to_ms=last // 1000, interval="6h")


def month_before_this() -> Month:
    today = (datetime.now(UTC) + timedelta(hours=7)).date()
    return Month(first=(today.replace(day=1) - timedelta(days=1)).replace(day=1))


def _midnight(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY - ZONE_US


def day_of(at_us: int) -> str:
    return (datetime.fromtimestamp(at_us // S, UTC) + timedelta(hours=7)).date().isoformat()


# --- the ledger's making


class Link(NamedTuple):
    site: str
    link: str
    kind: str
    provider: str | None
    down: float | None
    up: float | None
    layer: str | None = None


class Office(NamedTuple):
    site: str
    place: str
    province: str
    links: tuple[Link, ...]


def offices(month: Month) -> list[Office]:
    """Fifty: 26, 20 and 4 in the three provinces."""
    rng = random.Random(50)
    found = []
    for province, number, spread in ((FULL, 26, 9), (OTHER, 20, 11), (EMPTY, 4, 3)):
        codes = [unit.code for unit in load().units(Level.COMMUNE, month.first) if unit.province == province]
        codes = sorted(codes, key=lambda code: (code != CHANGED, code))[:spread]
        for n in range(number):
            site = f"s{province}-{n:02d}"
            found.append(Office(site, codes[n % spread], province, tuple(_links(site, province, n, rng))))
    return found


def _links(site: str, province: str, n: int, rng: random.Random) -> Iterator[Link]:
    provider = ("VNPT", "Viettel", "FPT Telecom")[n % 3]
    if (province, n) == (OTHER, 7):
        yield Link(site, "wan1", "fixed", None, None, None)
        return
    down = float(rng.choice((50, 100, 150, 200)))
    yield Link(site, "wan1", "fixed", provider, down, down / rng.choice((1, 2)), "wire" if n % 4 == 1 else None)
    if n % 3 == 0:
        yield Link(site, "lte", "mobile", "Viettel" if n % 2 else "MobiFone", 40.0, None)
    if n % 5 == 0:
        yield Link(site, "tslcd", "tslcd", "VNPT", 100.0, 100.0)


def registry(found: Sequence[Office], month: Month, *, later: bool) -> str:
    names = {unit.code: (unit.name, unit.level, unit.province) for level in (Level.PROVINCE, Level.COMMUNE) for unit in load().units(level, month.first)}  # fmt: skip
    told = []
    for code in dict.fromkeys(code for office in found for code in (office.province, office.place)):
        name, level, province = names[code]
        of = "" if level is Level.PROVINCE else f'\nprovince = "{province}"'
        told.append(f'[[place]]\ncode = "{code}"\nname = "{name}"\nlevel = "{level.value}"{of}')
    for office in found:
        lines = [text for one in office.links for text in _rows(one, month, later=later)]
        told.append(
            f'[[site]]\nid = "{office.site}"\nname = "UBND {names[office.place][0]} ({office.site})"\nplace = "{office.place}"\n'
            f'agents = ["pi-{office.site}"]\nlink = [\n{"".join(lines)}]'
        )
    return "\n".join(told)


def _rows(one: Link, month: Month, *, later: bool) -> Iterator[str]:
    middle, before = date.fromisoformat(day_of(month.middle)), date.fromisoformat(day_of(month.middle - DAY))
    after = None
    if later and one.link == "wan1" and one.site == f"s{FULL}-00":
        after = one._replace(down=2 * (one.down or 0), up=2 * (one.up or 0))
    if later and one.link == "wan1" and one.site == f"s{FULL}-09":
        after = one._replace(provider="CMC Telecom")
    yield _row(one, f", valid_to = {before}" if after else "")
    if after:
        yield _row(after, f", valid_from = {middle}")


def _row(one: Link, more: str) -> str:
    texts = {"id": one.link, "kind": one.kind, "provider": one.provider, "layer": one.layer}
    rates = {"contracted_down_mbps": one.down, "contracted_up_mbps": one.up}
    told = [f'{k} = "{v}"' for k, v in texts.items() if v] + [f"{k} = {v}" for k, v in rates.items() if v]
    return "    {" + ", ".join(told) + more + "},\n"


@cache
def plans() -> list[Plan]:
    return [
        replace(plan, targets=tuple(target for target in plan.targets if target.id in TARGETS[plan.id]))
        for plan in load_plans()
        if plan.id in TARGETS
    ]


def make(folder: Path, month: Month) -> Engine:
    """The ledger, judged."""
    engine = empty_ledger(folder / "ledger.sqlite")
    found = offices(month)
    for at_us, later in ((month.start - 6 * DAY, False), (month.middle + 9 * HOUR, True)):
        file = folder / "sites.toml"
        file.write_text(registry(found, month, later=later), encoding="utf-8")
        with writing(engine) as conn:
            register(conn, read_registry(file), at_us, "lan")
    _measure(engine, [one for office in found if office.province != EMPTY for one in office.links], month)
    with writing(engine) as conn:
        note_plans(conn, plans(), month.start + 3 * DAY, "lan")
        conn.execute(insert(figure), list(_figures(month)))
        incidents.save(conn, _incidents(month))
        presences.save(conn, _turns(found, month))
        for office in found[:8]:
            said = AgentStatus(
                site=office.site, agent=f"pi-{office.site}", epoch="00112233445566aa", version="0.6.0", state=Said.ONLINE,
                spool_rows=3, spool_dropped=1, disk_free_ratio=0.5, uptime_s=60.0, clock_synchronised=True, on_battery=False,
            )  # fmt: skip
            note_status(conn, said, said.encode(), month.now - 30 * MINUTE, retained=False)
    run(engine, plans(), Settings(decide_by="estimate"), datetime.fromtimestamp((month.now - HOUR) / S, UTC))
    return engine


PER_DAY: Final = {"speed": 2, "latency": 2, "ipv6": 2, "capacity": 1, "snmp": 1, "node": 1, "path": 1}
EVERYWHERE: Final = ("speed", "latency", "ipv6")


def _measure(engine: Engine, links: Sequence[Link], month: Month) -> None:
    rng = random.Random(6)
    rows: list[dict[str, Any]] = []
    for one in links:
        share, delay = rng.uniform(0.7, 1.12), rng.uniform(4, 40)
        for meter in PER_DAY if one.kind == "tslcd" else EVERYWHERE:
            if meter == "ipv6" and one.kind == "tslcd":
                continue
            for at in range(month.start - 3 * DAY, month.end, DAY):
                times = range(PER_DAY[meter] - (meter == "ipv6" and rng.random() < 0.7))
                rows += [_run(one, meter, at, n, month, share, delay, rng) for n in times]
    rows.sort(key=lambda row: (row["received_us"], row["site"], row["link"], row["meter"]))
    for seq, row in enumerate(rows, 1):
        row |= {"seq": seq, "raw": json.dumps({"duration_s": 1.5, "seq": seq}).encode()}
    with writing(engine) as conn:
        conn.execute(insert(measurements), rows)


def _run(one: Link, meter: str, day: int, n: int, month: Month, share: float, delay: float, rng: random.Random) -> dict[str, Any]:  # fmt: skip
    hour = 9 if rng.random() < 0.5 else rng.randrange(24)
    started = day + hour * HOUR + rng.randrange(3600) * S + rng.randrange(S)
    outcome = rng.choices(("ok", "failed", "skipped", "probe_limited", "error"), (91, 4, 2, 2, 1))[0]
    change = 2 if started >= month.middle and one.site == f"s{FULL}-00" and one.link == "wan1" else 1
    values = VALUES[meter](rng, share * change * (one.down or 80), delay) if outcome in ("ok", "probe_limited") else {}
    late = 7 * DAY if day == month.start + 12 * DAY and rng.random() < 0.5 else 20 * S
    return {
        "agent": f"pi-{one.site}", "epoch": "00112233445566aa", "site": one.site, "link": one.link, "task": meter,
        "meter": meter, "method": f"{meter}/1", "started_us": started, "received_us": started + late, "outcome": outcome,
        "far_end": rng.choice(("vnix-hn", "vnix-hcm")) if meter == "latency" else "vnix-hn",
        "family": 4, "values": json.dumps(values), "reasons": "[]", "findings": "[]",
    }  # fmt: skip


def _noise(rng: random.Random, value: float, part: float = 0.08) -> float:
    return round(max(0.1, value * rng.gauss(1, part)), 6)


def _speed(rng: random.Random, down: float, delay: float) -> dict[str, float]:
    got, up = _noise(rng, down), _noise(rng, 0.8 * down)
    return {
        "download_mbps": got, "upload_mbps": up, "download_ip_mbps": round(1.035 * got, 6),
        "upload_ip_mbps": round(1.035 * up, 6), "download_wire_mbps": round(1.06 * got, 6),
        "upload_wire_mbps": round(1.06 * up, 6), "loaded_rtt_p95_ms": _noise(rng, 4 * delay, 0.3),
        "idle_rtt_p50_ms": _noise(rng, delay),
    }  # fmt: skip


def _latency(rng: random.Random, down: float, delay: float) -> dict[str, float]:
    sent = rng.choice((60, 60, 60, 120, 0))
    if sent == 0:
        return {"sent_count": 0, "received_count": 0}
    received = sent - min(sent, int(rng.expovariate(0.8)))
    return {
        "sent_count": sent, "received_count": received, "loss_ratio": 1 - received / sent, "rtt_p50_ms": _noise(rng, delay),
        "rtt_p95_ms": _noise(rng, 1.4 * delay), "rtt_mean_ms": _noise(rng, delay), "jitter_rfc3550_ms": _noise(rng, 1.2),
    }  # fmt: skip


def _ipv6(rng: random.Random, down: float, delay: float) -> dict[str, float]:
    names = ("none", "broken", "partial", "ready", "v6_only_ready")
    state = rng.choices(names, (1, 1, 2, 5, 1))[0]
    found: dict[str, float] = {f"state_{name}_flag": float(name == state) for name in names}
    if state == "v6_only_ready":
        found["state_ready_flag"] = 1.0
    return found | ({"rtt_v6_to_v4_factor": _noise(rng, 1.05)} if state != "none" else {})


def _capacity(rng: random.Random, down: float, delay: float) -> dict[str, float]:
    return {
        "download_ip_mbps": _noise(rng, down), "upload_ip_mbps": _noise(rng, down), "download_wire_mbps": _noise(rng, down),
        "upload_wire_mbps": _noise(rng, down), "idle_rtt_p50_ms": _noise(rng, delay),
    }  # fmt: skip


def _snmp(rng: random.Random, down: float, delay: float) -> dict[str, float]:
    return {
        "download_traffic_ip_mbps": _noise(rng, 0.4 * down, 0.5), "upload_traffic_ip_mbps": _noise(rng, 0.2 * down, 0.5),
        "download_traffic_wire_mbps": _noise(rng, 0.42 * down, 0.5), "upload_traffic_wire_mbps": _noise(rng, 0.21 * down, 0.5),
        "interval_s": 300.0, "oper_up_flag": float(rng.random() < 0.98), "polls_missed_count": 0,
    }  # fmt: skip


def _node(rng: random.Random, down: float, delay: float) -> dict[str, float]:
    return {"up_flag": 1.0, "sent_count": 6, "received_count": rng.choice((6, 6, 5)), "rtt_p50_ms": _noise(rng, delay)}


def _path(rng: random.Random, down: float, delay: float) -> dict[str, float]:
    return {
        "hop_count": float(rng.randrange(5, 9)), "changed_flag": float(rng.random() < 0.1), "end_reached_flag": 1.0,
        "sent_count": 3, "received_count": 3, "rtt_p50_ms": _noise(rng, delay),
    }  # fmt: skip


VALUES: Final = {
    "speed": _speed, "latency": _latency, "ipv6": _ipv6, "capacity": _capacity, "snmp": _snmp, "node": _node, "path": _path,
}  # fmt: skip


def undeclared() -> list[str]:
    """The values of this month that no meter declares (any more), as `meter.value`."""
    rng = random.Random(1)
    wrong = []
    for meter, make_values in VALUES.items():
        told = {name for _ in range(60) for name in make_values(rng, 100.0, 10.0)}
        wrong += [f"{meter}.{name}" for name in sorted(told - set(meters.load(meter).values))]
    return wrong


def _figures(month: Month) -> Iterator[dict[str, Any]]:
    for n, (place, kind, way, mark) in enumerate(
        ((FULL, "fixed", "download", "S"), (FULL, "fixed", "upload", "S"), (CHANGED, "fixed", "download", "S"),
         ("00", "fixed", "download", "V"), ("00", "mobile", "download", "V"), (OTHER, "mobile", "download", "S"),
         (EMPTY, "fixed", "download", "S"))
    ):  # fmt: skip
        for statistic in ("mean", "median"):
            yield {
                "place_code": place, "month": month.first.isoformat()[:7], "link_kind": kind, "statistic": statistic,
                "direction": way, "value_mbps": 80.25 + 7 * n + (statistic == "mean"), "n": 312 + n, "source": "i-Speed",
                "mark": mark, "imported_us": month.now - HOUR, "imported_by": "lan", "file": "f.csv", "digest": "0" * 64,
            }  # fmt: skip


def _incidents(month: Month) -> Iterator[IncidentChange]:
    end = month.end

    def found(number: int, began: int, *lines_of: tuple[str, str], state: State = State.OPEN, **more: Any) -> Incident:
        members = tuple(
            Member(subject=line(*one), rule="link-down", severity=Severity.CRITICAL, family=Family.DOWN,
                   began_us=began, joined_us=began + 15 * S) for one in lines_of
        )  # fmt: skip
        plain: dict[str, Any] = {
            "fault": Fault(Reach.OFFICE, lines_of[0][0]), "cause": Cause.LINE, "severity": Severity.CRITICAL,
            "place": None, "provider": "VNPT",
        }  # fmt: skip
        return Incident(id=number, state=state, began_us=began, detected_us=began + 5 * S, opened_us=began + 40 * S,
                        members=members, **(plain | more))  # fmt: skip

    def opened(one: Incident) -> IncidentChange:
        return IncidentChange(turn=Turn.OPENED, incident=one, at_us=one.opened_us)

    changed = f"s{FULL}-00"
    one = found(1, end - 3 * DAY, (changed, "wan1"), place=CHANGED)
    over = replace(one, state=State.RESOLVED, resolved_us=one.began_us + 37 * MINUTE)
    yield opened(one)
    yield IncidentChange(turn=Turn.RESOLVED, incident=over, at_us=over.resolved_us or 0)
    yield opened(found(2, end - 9 * HOUR, (f"s{OTHER}-03", "wan1"), place=_place(month, f"s{OTHER}-03")))
    yield opened(
        found(3, end - 2 * DAY, (f"s{FULL}-18", "wan1"), (f"s{FULL}-05", "tslcd"), (f"s{FULL}-04", "wan1"),
              fault=Fault(Reach.AREA, FULL), cause=Cause.AREA, place=FULL, severity=Severity.WARNING, provider=None)
    )  # fmt: skip
    four = found(4, end - 2 * DAY - HOUR, (f"s{FULL}-18", "wan1"), place=CHANGED)
    yield opened(four)
    yield IncidentChange(
        turn=Turn.ABSORBED, at_us=end - 2 * DAY + 50 * S,
        incident=replace(four, state=State.CLOSED, closed_us=end - 2 * DAY + 50 * S, absorbed_by=3),
    )  # fmt: skip
    five = found(5, end - DAY, (changed, "wan1"), place=CHANGED, severity=Severity.WARNING, cause=Cause.SPEED_DEGRADED)
    shut = replace(five, state=State.RESOLVED, resolved_us=five.began_us + HOUR)
    back = replace(five, severity=Severity.CRITICAL, reopened=1)
    yield opened(five)
    yield IncidentChange(turn=Turn.RESOLVED, incident=shut, at_us=shut.resolved_us or 0)
    yield IncidentChange(turn=Turn.REOPENED, incident=back, at_us=five.began_us + 2 * HOUR)
    yield opened(
        found(6, end - 14 * HOUR, (f"s{FULL}-07", "wan1"), (f"s{OTHER}-01", "wan1"), (f"s{OTHER}-04", "wan1"),
              fault=Fault(Reach.PROVIDER, "Viettel"), cause=Cause.PROVIDER, provider="Viettel")
    )  # fmt: skip


def _place(month: Month, site: str) -> str:
    return next(office.place for office in offices(month) if office.site == site)


def _turns(found: Sequence[Office], month: Month) -> Iterator[PresenceTurn]:
    """Of a third of the offices; some go away for a while, one was never heard, one is away at the end."""
    rng = random.Random(3)
    watched = [
        office for office in found if office.place == CHANGED or office.site[-1] == "3" or office.province == EMPTY
    ]
    for office in watched:
        if office.province == EMPTY and office.site != f"s{EMPTY}-01":
            continue
        at, before = month.end - 5 * DAY + rng.randrange(3600) * S, None
        states = [There.NEVER if office.province == EMPTY else There.ONLINE]
        if office.province != EMPTY:
            states += [state for _ in range(rng.randrange(4)) for state in (There.OFFLINE, There.ONLINE)]
            states += [There.UNKNOWN, There.ONLINE] if office.site == f"s{FULL}-09" else []
            states += [There.OFFLINE] if office.site in (f"s{OTHER}-03", f"s{FULL}-18") else []
        for state in states:
            now = Presence(agent=f"pi-{office.site}", site=office.site, state=state, since_us=at)
            yield PresenceTurn(before=before, now=now, noticed_us=at + 45 * S)
            before, at = now, at + rng.randrange(2 * HOUR, 26 * HOUR)


# --- what the ledger says


class Run(NamedTuple):
    site: str
    link: str
    task: str
    far_end: str
    at_us: int
    outcome: str
    values: dict[str, float]


class Row(NamedTuple):
    """A contract, as long as it held."""

    site: str
    link: str
    valid_from: str
    valid_to: str
    kind: str
    provider: str | None
    down: float | None
    up: float | None
    layer: str | None


@dataclass(frozen=True)
class Window:
    """The runs of one task over one line to one far end, that began within an hour or a local day."""

    tags: Mapping[str, str]
    at_us: int
    runs: Sequence[Run]

    def column(self, value: str) -> list[float]:
        """Of the runs that were well."""
        return [run.values[value] for run in self.runs if run.outcome == "ok" and value in run.values]

    def count(self, outcome: str) -> int:
        return sum(run.outcome == outcome for run in self.runs)


class Books:
    """What the ledger says, by its tables."""

    def __init__(self, file: Path, month: Month) -> None:
        self.month = month
        self._file = file

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        conn = sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)
        try:
            return conn.execute(statement).fetchall()
        finally:
            conn.close()

    @cached_property
    def place_of(self) -> dict[str, str]:
        """Site → commune."""
        return dict(self.rows("SELECT site, place_code FROM site"))

    @cached_property
    def places(self) -> dict[str, tuple[str, str, str]]:
        """Code → name, level, province."""
        return {code: tuple(more) for code, *more in self.rows("SELECT code, name, level, province FROM place")}

    def province_of(self, site: str) -> str:
        return self.places[self.place_of[site]][2]

    def label(self, code: str) -> str:
        name, level, _ = self.places[code]
        if level == "province":
            name = name.removeprefix("Tỉnh ").removeprefix("Thành phố ")
        return f"{code} {name}"

    @cached_property
    def links(self) -> list[Row]:
        columns = "site, link, valid_from, coalesce(valid_to, '9999-12-31'), kind, provider, contracted_down_mbps, contracted_up_mbps, layer"
        return [Row(*row) for row in self.rows(f"SELECT {columns} FROM link ORDER BY site, link, valid_from")]

    def on(self, day: str) -> list[Row]:
        return [row for row in self.links if row.valid_from <= day <= row.valid_to]

    @cached_property
    def _on(self) -> dict[tuple[str, str], list[Row]]:
        found: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in self.links:
            found[row.site, row.link].append(row)
        return found

    def where(self, site: str) -> dict[str, str]:
        return {"province": self.province_of(site), "place": self.place_of[site], "site": site}

    def tags(self, site: str, link: str, day: str) -> dict[str, str]:
        [row] = [row for row in self._on[site, link] if row.valid_from <= day <= row.valid_to]
        named = {"link": link, "kind": row.kind} | ({} if row.provider is None else {"provider": row.provider})
        return self.where(site) | named

    @cached_property
    def runs(self) -> dict[str, list[Run]]:
        """By meter."""
        found: dict[str, list[Run]] = defaultdict(list)
        asked = 'SELECT meter, site, link, task, far_end, started_us, outcome, "values" FROM measurement'
        for meter, site, link, task, far_end, at_us, outcome, values in self.rows(asked):
            found[meter].append(Run(site, link, task, far_end, at_us, outcome, json.loads(values)))
        return found

    def windows(self, meter: str, length: str) -> list[Window]:
        if (meter, length) not in self._windows:
            us = {"5m": 300 * S, "1h": HOUR, "1d": DAY}[length]
            groups: dict[tuple[str, str, str, str, int], list[Run]] = defaultdict(list)
            for run_ in self.runs[meter]:
                at = run_.at_us - (run_.at_us + ZONE_US) % us
                groups[run_.site, run_.link, run_.task, run_.far_end, at].append(run_)
            self._windows[meter, length] = [
                Window(self.tags(site, link, day_of(at)) | {"far_end": far_end, "task": task}, at, runs)
                for (site, link, task, far_end, at), runs in groups.items()
            ]
        return self._windows[meter, length]

    @cached_property
    def _windows(self) -> dict[tuple[str, str], list[Window]]:
        return {}

    @cached_property
    def presence(self) -> dict[str, list[tuple[int, str]]]:
        """Site → when which state of its one probe began."""
        found: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for site, began, state in self.rows("SELECT site, began_us, state FROM presence_change ORDER BY id"):
            found[site].append((began, state))
        return found

    def state_at(self, site: str, at_us: int) -> str | None:
        """What a probe was just before a moment."""
        return next((state for began, state in reversed(self.presence[site]) if began < at_us), None)

    def online(self, site: str, from_us: int, to_us: int) -> float | None:
        """The share of the known time within a span."""
        turns = self.presence[site]
        ends = [began for began, _ in turns[1:]] + [to_us]
        lasted = {"online": 0, "offline": 0, "unknown": 0, "never": 0}
        for (began, state), end in zip(turns, ends, strict=True):
            lasted[state] += max(0, min(end, to_us) - max(began, from_us))
        known = lasted["online"] + lasted["offline"]
        return lasted["online"] / known if known else None

    @cached_property
    def incidents(self) -> list[dict[str, Any]]:
        """Each with the provinces of its members, when it was opened and when it was over."""
        columns = ("id", "cause", "place_code", "severity", "state", "began_us", "resolved_us", "closed_us", "detail")
        found = []
        for row in self.rows(f"SELECT {', '.join(columns)} FROM incident"):
            one = dict(zip(columns, row, strict=True))
            detail = json.loads(one["detail"])
            sites = {site for (site,) in self.rows(f"SELECT site FROM incident_member WHERE incident = {one['id']}")}
            ends = [at for at in (one["resolved_us"], one["closed_us"]) if at is not None]
            lasts = one["state"] in ("open", "acknowledged")
            found.append(one | {
                "opened_us": detail["opened_us"], "absorbed": detail["absorbed_by"] is not None, "sites": sites, "lasts": lasts,
                "ended_us": None if lasts else min(ends), "provinces": {self.province_of(site) for site in sites},
            })  # fmt: skip
        return found

    @cached_property
    def verdicts(self) -> list[dict[str, Any]]:
        columns = ("plan", "target", "place_code", "period_from", "outcome", "value", "n")
        return [dict(zip(columns, row, strict=True)) for row in self.rows(f"SELECT {', '.join(columns)} FROM verdict")]

    @cached_property
    def figures(self) -> list[dict[str, Any]]:
        columns = ("place_code", "month", "link_kind", "statistic", "direction", "value_mbps", "n", "mark")
        return [dict(zip(columns, row, strict=True)) for row in self.rows(f"SELECT {', '.join(columns)} FROM figure WHERE superseded_us IS NULL")]  # fmt: skip
