"""A month of fifty offices in a real ledger, and what that ledger says, read by plain SQL and nothing of the series' code.

It is the calendar month before this one, so that "within a year of now" holds, and always the same month otherwise (one
seed). Province 20 has everything, province 12 fixed lines above all, province 42 is registered and was never measured, province 11 is one line. One
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

from sqlalchemy import Connection, Engine, insert
from tests.collector.ledgers import empty_ledger

from doxa_agent import meters
from doxa_collector.assess import Settings, run
from doxa_collector.incidents import lifecycle
from doxa_collector.incidents import store as incidents
from doxa_collector.incidents.model import Cause, Family, Fault, Incident, IncidentChange, Member, Reach, State, Turn
from doxa_collector.incidents.windows import Scope
from doxa_collector.ledger.engine import writing
from doxa_collector.ledger.registration import register
from doxa_collector.ledger.schema import figure
from doxa_collector.ledger.schema import measurement as measurements
from doxa_collector.ledger.writing import note
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
from doxa_collector.watch.subject import COLLECTOR, line
from doxa_lab.grafana import Range

S, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
ZONE_US: Final = 7 * HOUR
FULL, OTHER, EMPTY, ONE = "20", "12", "42", "11"
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
    """Fifty: 26, 20 and 4 in three provinces; and one with one line in a fourth."""
    rng = random.Random(50)
    found = []
    for province, number, spread in ((FULL, 26, 9), (OTHER, 20, 11), (EMPTY, 4, 3), (ONE, 1, 1)):
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
    if province == ONE:
        return
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
        _plan_work(conn, month)
        _happen(conn, month)
    run(engine, plans(), Settings(decide_by="estimate"), datetime.fromtimestamp((month.now - HOUR) / S, UTC))
    return engine


def _happen(conn: Connection, month: Month) -> None:
    """What the time axis marks: a plan's next version, a month opened again, planned work here, there and everywhere."""
    at = month.middle + 11 * HOUR
    note_plans(conn, [replace(plan, version=f"{plan.version}b") for plan in plans()[:1]] + plans()[1:], at, "lan")
    for revision in (1, 2):
        told = {"period_from": "2020-02-01", "revision": revision, "reason": "", "verdicts": ""}
        note(conn, at + revision * HOUR, "lan", "month.closed", told)
    scopes = (Scope(site=f"s{FULL}-00"), Scope(site=f"s{FULL}-01"), Scope(place=OTHER), Scope())
    works = [
        lifecycle.add_window(conn, from_us=at + k * HOUR, to_us=at + (k + 5) * HOUR, scope=scope, reason="thử", actor="lan",
                             now_us=at) for k, scope in enumerate(scopes, 4)
    ]  # fmt: skip
    lifecycle.cancel_window(conn, works[1].id, "lan", at + 7 * HOUR)


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
    rows += _last_minutes(month)
    rows = [row for row in rows if row["meter"] != "snmp" or row["site"] not in (POLLED, BUSY)]
    rows += [*_polls(month), *_nodes_now(month)]
    rows.sort(key=lambda row: (row["received_us"], row["site"], row["link"], row["meter"]))
    for seq, row in enumerate(rows, 1):
        row |= {"seq": seq, "raw": json.dumps({"duration_s": 1.5, "seq": seq}).encode()}
    with writing(engine) as conn:
        conn.execute(insert(measurements), rows)


POLLED: Final = f"s{FULL}-00"
"""The office whose TSLCD line was polled without a gap for the seven days before the last one of the month, and its other
line twice."""
BUSY: Final = f"s{OTHER}-00"
"""The office whose TSLCD line was polled for half a day only, far above its limit."""


def _polls(month: Month) -> Iterator[dict[str, Any]]:
    """Each poll a minute past, so that the last one of a day comes in the next."""
    rng, last = random.Random(95), month.end - 2 * DAY
    polled = (
        (POLLED, "tslcd", last - 6 * DAY, 7 * 288, 50.0),
        (BUSY, "tslcd", last - DAY, 130, 97.0),
        (POLLED, "wan1", last, 2, 9.0),
    )
    for site, link, first, number, rate in polled:
        for n in range(number):
            at, down, up = first + 5 * MINUTE * (n + 1) + MINUTE, _noise(rng, rate, 0.02), _noise(rng, 0.3 * rate, 0.3)
            values: dict[str, float] = {"interval_s": 300.0, "oper_up_flag": 1.0, "polls_missed_count": 0}
            for layer, share in (("ip", 0.97), ("frame", 1.0), ("wire", 1.02)):
                values |= {
                    f"{way}_traffic_{layer}_mbps": round(share * got, 6)
                    for way, got in (("download", down), ("upload", up))
                }
            yield {
                "agent": f"pi-{site}", "epoch": "00112233445566aa", "site": site, "link": link, "task": "snmp",
                "meter": "snmp", "method": "snmp/1", "started_us": at, "received_us": at + 20 * S + 2 * DAY * (n % 97 == 0),
                "outcome": "ok", "far_end": "vnix-hn", "family": 4, "values": json.dumps(values), "reasons": "[]", "findings": "[]",
            }  # fmt: skip


def _nodes_now(month: Month) -> Iterator[dict[str, Any]]:
    """A node that answers and one that is down, as one office sees them at the end of the shown range."""
    end = month.shown.to_ms // 1000
    for far_end, up, ago in (
        ("nut-a", 1.0, 2400), ("nut-a", 1.0, 600), ("nut-b", 1.0, 90_000), ("nut-b", 1.0, 2400), ("nut-b", 0.0, 600)
    ):  # fmt: skip
        values = {"up_flag": up, "sent_count": 6, "received_count": 6 * up, "silence_max_s": 300 - 290 * up}
        values |= {"rtt_p50_ms": 3.5} if up else {"down_s": 290.0}
        yield {
            "agent": f"pi-{POLLED}", "epoch": "00112233445566aa", "site": POLLED, "link": "tslcd", "task": "node",
            "meter": "node", "method": "node/1", "started_us": (end - ago) * S, "received_us": (end - ago + 20) * S,
            "outcome": "ok", "far_end": far_end, "family": 4, "values": json.dumps(values), "reasons": "[]", "findings": "[]",
        }  # fmt: skip


def _last_minutes(month: Month) -> Iterator[dict[str, Any]]:
    """Latency just before the end of the shown range: a line that is lost, one that is unsteady, one that was, one that is well."""
    end = month.shown.to_ms // 1000
    for n, outcomes in ((1, "failed failed"), (2, "ok failed ok"), (4, "ok ok")):
        for k, outcome in enumerate(outcomes.split()):
            yield _latency_run(f"s{FULL}-{n:02d}", (end - 700 + 60 * k) * S, outcome)
    yield _latency_run(f"s{FULL}-04", (end - 2100) * S, "failed")
    yield _latency_run(f"s{OTHER}-02", (end - 100) * S, "failed")


def _latency_run(site: str, started: int, outcome: str) -> dict[str, Any]:
    values = {"sent_count": 60, "received_count": 60, "rtt_p50_ms": 9.5} if outcome == "ok" else {}
    return {
        "agent": f"pi-{site}", "epoch": "00112233445566aa", "site": site, "link": "wan1", "task": "latency",
        "meter": "latency", "method": "latency/1", "started_us": started, "received_us": started + 20 * S, "outcome": outcome,
        "far_end": "vnix-hn", "family": 4, "values": json.dumps(values), "reasons": "[]", "findings": "[]",
    }  # fmt: skip


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
    own = random.Random(rng.random())
    if own.random() < 0.1:  # no state could be found: the run says nothing of any flag but the portal's
        return _portal(own, delay)
    found["address_flag"] = float(state != "none")
    return found | (_ipv6_steps(own, delay) if state != "none" else {}) | _portal(own, delay)


def _ipv6_steps(rng: random.Random, delay: float) -> dict[str, float]:
    """What follows a step that failed is not judged; some lines have black holes at times."""
    found: dict[str, float] = {}
    for step in ("default_route", "resolver", "aaaa", "tcp", "https", "mtu_1280"):
        found[f"{step}_flag"] = float(rng.random() < 0.93)
        if not found[f"{step}_flag"] and step != "resolver":
            return found | {"rtt_v6_to_v4_factor": _noise(rng, 1.05)}
    found["mtu_1500_flag"] = float(rng.random() < 0.8)
    found["black_hole_flag"] = float(delay > 35 and rng.random() < 0.15)
    if rng.random() < 0.5:
        found["black_hole_inbound_flag"] = float(30 < delay < 36 and rng.random() < 0.3)
    six, four = _noise(rng, delay), _noise(rng, delay)
    found |= {
        "rtt_v6_ms": six,
        "rtt_v4_ms": four,
        "rtt_v6_to_v4_factor": six / four,
        "eyeballs_penalty_ms": _noise(rng, 5, 0.5),
    }
    if rng.random() < 0.7:
        six, four = _noise(rng, 30), _noise(rng, 33)
        found |= {"transfer_v6_mbps": six, "transfer_v4_mbps": four, "transfer_v6_to_v4_factor": six / four}
    return found


def _portal(rng: random.Random, delay: float) -> dict[str, float]:
    """Half of the lines look at the portal, most of the time."""
    if delay > 20 or rng.random() < 0.2:
        return {}
    found = {"portal_aaaa_flag": float(rng.random() < 0.6)}
    if found["portal_aaaa_flag"]:
        found["portal_tcp_flag"] = float(rng.random() < 0.8)
    if found.get("portal_tcp_flag"):
        found["portal_https_flag"] = float(rng.random() < 0.8)
    return found | ({"portal_page_ms": _noise(rng, 400, 0.3)} if found.get("portal_https_flag") else {})


def _capacity(rng: random.Random, down: float, delay: float) -> dict[str, float]:
    found = {
        "download_ip_mbps": _noise(rng, down), "upload_ip_mbps": _noise(rng, down), "download_wire_mbps": _noise(rng, down),
        "upload_wire_mbps": _noise(rng, down), "idle_rtt_p50_ms": _noise(rng, delay),
    }  # fmt: skip
    return found | {f"{way}_udp_mbps": round(0.97 * found[f"{way}_ip_mbps"], 6) for way in ("download", "upload")}


def _snmp(rng: random.Random, down: float, delay: float) -> dict[str, float]:
    return {
        "download_traffic_ip_mbps": _noise(rng, 0.4 * down, 0.5), "upload_traffic_ip_mbps": _noise(rng, 0.2 * down, 0.5),
        "download_traffic_wire_mbps": _noise(rng, 0.42 * down, 0.5), "upload_traffic_wire_mbps": _noise(rng, 0.21 * down, 0.5),
        "download_traffic_frame_mbps": 0.41 * down, "upload_traffic_frame_mbps": 0.205 * down,
        "interval_s": 300.0, "oper_up_flag": float(rng.random() < 0.98), "polls_missed_count": 0,
    }  # fmt: skip


def _node(rng: random.Random, down: float, delay: float) -> dict[str, float]:
    return {"up_flag": 1.0, "sent_count": 6, "received_count": rng.choice((6, 6, 5)), "rtt_p50_ms": _noise(rng, delay)}


def _path(rng: random.Random, down: float, delay: float) -> dict[str, float]:
    return {
        "path_mtu": 1500, "hop_count": float(rng.randrange(5, 9)), "changed_flag": float(rng.random() < 0.1), "end_reached_flag": 1.0,
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
         (EMPTY, "fixed", "download", "S"), (_place(month, f"s{FULL}-01"), "fixed", "download", "S"),
         (FULL, "mobile-5g", "download", "S"))
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
    seven = found(7, end - 4 * DAY, (f"s{FULL}-05", "tslcd"), place=_place(month, f"s{FULL}-05"))
    yield opened(seven)
    yield IncidentChange(turn=Turn.RESOLVED, at_us=seven.began_us + HOUR,
                         incident=replace(seven, state=State.RESOLVED, resolved_us=seven.began_us + HOUR))  # fmt: skip
    yield opened(found(8, end - 5 * HOUR, (f"s{OTHER}-05", "tslcd"), place=_place(month, f"s{OTHER}-05")))
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
    nine = replace(
        found(9, end - 32 * HOUR, ("", ""), fault=Fault(Reach.OFFICE, "collector:"), cause=Cause.COLLECTOR, provider=None),
        members=(Member(subject=COLLECTOR, rule="broker-down", severity=Severity.CRITICAL, family=Family.DOWN,
                        began_us=end - 32 * HOUR, joined_us=end - 32 * HOUR + 15 * S),),
    )  # fmt: skip
    yield opened(nine)
    yield IncidentChange(turn=Turn.RESOLVED, at_us=nine.began_us + 20 * MINUTE,
                         incident=replace(nine, state=State.RESOLVED, resolved_us=nine.began_us + 20 * MINUTE))  # fmt: skip


def _plan_work(conn: Connection, month: Month) -> None:
    """Planned work: long over, and still to come by the clock of this machine, for the page asks by that."""
    today = int(datetime.now(UTC).timestamp()) // 3600 * HOUR
    works = [
        lifecycle.add_window(conn, from_us=at_us, to_us=at_us + HOUR, scope=scope, reason="thay nguồn", actor="lan",
                             now_us=month.start)
        for at_us, scope in (
            (month.start + 5 * DAY, Scope(site=f"s{FULL}-00")), (today + 2 * DAY, Scope(site=f"s{FULL}-00", link="wan1")),
            (today + 3 * DAY, Scope(place=OTHER)), (today + 4 * DAY, Scope()), (today + 5 * DAY, Scope(place=CHANGED)),
        )
    ]  # fmt: skip
    lifecycle.cancel_window(conn, works[-1].id, "lan", month.now - HOUR)


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
        self.sizes: dict[int, int] = {}
        """What the ledger took on the disk at each look of month_health.py, octets."""

    def size(self) -> int:
        """What the ledger takes on the disk now, with its log."""
        return sum(file.stat().st_size for file in (self._file, Path(f"{self._file}-wal")) if file.exists())

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
        columns = (
            "id", "cause", "place_code", "provider", "severity", "state", "began_us", "resolved_us", "closed_us", "detail",
        )  # fmt: skip
        found = []
        for row in self.rows(f"SELECT {', '.join(columns)} FROM incident"):
            one = dict(zip(columns, row, strict=True))
            detail = json.loads(one["detail"])
            asked = f"SELECT site, subject FROM incident_member WHERE incident = {one['id']}"
            sites = {site for site, _ in self.rows(asked) if site}
            reached = {name.removeprefix("link:") for _, name in self.rows(asked)}
            kinds = {row.kind for row in self.on(day_of(self.month.now)) if f"{row.site}/{row.link}" in reached}
            ends = [at for at in (one["resolved_us"], one["closed_us"]) if at is not None]
            lasts = one["state"] in ("open", "acknowledged")
            found.append(one | {
                "opened_us": detail["opened_us"], "absorbed": detail["absorbed_by"] is not None, "sites": sites, "lasts": lasts,
                "kind": next(iter(kinds)) if len(kinds) == 1 else "",
                "provider": "" if "tslcd" in kinds else one["provider"] or "",
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
