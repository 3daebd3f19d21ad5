"""A small country by hand, as docs/influx.md says that it is written: figures that can be told without a ledger.

Province 20 has two communes and all kinds of line, one of them with a change of contract; province 12 has one commune with
one line; province 42 is registered and has no figures at all. What the collector itself writes of a month: month.py.
Long, because each series' points refer to the same few lines and moments.
"""

import math
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

from doxa_core.codes import INCIDENT_STATES, OUTCOMES, PRESENCE, SEVERITIES
from doxa_dashboards import catalogue
from doxa_dashboards.catalogue import Tier
from doxa_lab.grafana import Range

HOUR, DAY, FIVE = 3600, 86_400, 300
DAYS: Final = 4
EMPTY_PROVINCE: Final = "42"

NO_IPV6: Final = "muong-te"
"""The office without IPv6: nothing but its address can be judged."""
RENAMED: Final = "06079"
"""This commune had another name until yesterday."""

Tags = Mapping[str, str]

BROKE_OUT_AGAIN: Final = frozenset({5})
"""Incidents that were over once: the store keeps the length that they had."""


@dataclass(frozen=True, kw_only=True)
class Line:
    province: str
    place: str
    site: str
    link: str
    kind: str
    provider: str
    down: float
    up: float

    @property
    def tags(self) -> dict[str, str]:
        return {
            "province": self.province, "place": self.place, "site": self.site, "link": self.link, "kind": self.kind,
            "provider": self.provider,
        }  # fmt: skip


LINES: Final = (
    Line(province="20", place="06184", site="dong-dang", link="wan1", kind="fixed", provider="VNPT", down=200, up=200),
    Line(province="20", place="06184", site="dong-dang", link="lte", kind="mobile", provider="Viettel", down=60, up=20),
    Line(province="20", place="06184", site="dong-dang", link="tslcd", kind="tslcd", provider="VNPT", down=100, up=100),
    Line(
        province="20",
        place="06079",
        site="hong-phong",
        link="wan1",
        kind="fixed",
        provider="FPT Telecom",
        down=150,
        up=150,
    ),
    Line(
        province="12", place="03434", site="muong-te", link="wan1", kind="fixed", provider="A/B (thử)", down=50, up=50
    ),
)
PLACES: Final = {
    ("20", "06184"): "06184 Xã Đồng Đăng",
    ("20", "06079"): "06079 Xã Hồng Phong",
    ("12", "03434"): "03434 Xã Mường Tè",
}
PROVINCES: Final = {
    "20": ("20 Lạng Sơn", 21.85, 106.76),
    "12": ("12 Lai Châu", 22.39, 103.46),
    EMPTY_PROVINCE: ("42 Hà Tĩnh", 18.34, 105.9),
}


def shown() -> Range:
    """The whole of what is written, until now."""
    now = int(time.time())
    return Range(from_ms=(now - DAYS * DAY) * 1000, to_ms=now * 1000)


def lines(now: int) -> Iterator[tuple[Tier, str]]:
    """All points in line protocol with the tier that they belong to; `now` in seconds."""
    for source in (
        _places, _lines, _targets, _changes, _measured, _areas, _judged, _presence, _incidents, _health,
        ispeed_runs, ispeed_samples, ispeed_published, ipv6_counted, health_collector, health_agents,
        tslcd_measured, tslcd_judged, tslcd_network, tslcd_incidents, noc_failing, noc_planned,
    ):  # fmt: skip
        yield from source(now)


def _point(name: str, tags: Tags, fields: Mapping[str, float | str], at_s: int, extra_ns: int = 0) -> tuple[Tier, str]:
    series = catalogue.look_up(name)
    catalogue.check_columns(series, frozenset(tags) | frozenset(fields))  # the loader keeps to the contract
    assert set(tags) <= series.tags
    told_tags = "".join(f",{key}={_escaped(value)}" for key, value in sorted(tags.items()))
    told = ",".join(f'{k}="{v}"' if isinstance(v, str) else f"{k}={float(v)!r}" for k, v in sorted(fields.items()))
    return series.tier, f"{name}{told_tags} {told} {at_s * 10**9 + extra_ns}"


def _escaped(text: str) -> str:
    return text.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def _every(step: int, now: int) -> range:
    first = now - DAYS * DAY
    return range(first + (-(first + 7 * HOUR)) % step, now + 1, step)


def _places(now: int) -> Iterator[tuple[Tier, str]]:
    for at in _every(6 * HOUR, now):
        for code, (label, latitude, longitude) in PROVINCES.items():
            sites = {line.site for line in LINES if line.province == code}
            fields = {"sites_count": len(sites), "latitude_deg": latitude, "longitude_deg": longitude}
            yield _point("doxa_place", {"level": "province", "province": code, "label": label}, fields, at)
        for (province, place), label in PLACES.items():
            here = [line for line in LINES if line.place == place]
            before = place == RENAMED and at < now - DAY
            label_then = f"{place} Xã Tên Cũ" if before else label
            tags = {"level": "commune", "province": province, "place": place, "label": label_then}
            counts = {"sites_count": len({line.site for line in here}), "links_count": len(here)}
            yield _point("doxa_place", tags, counts, at)


def _lines(now: int) -> Iterator[tuple[Tier, str]]:
    for at in _every(6 * HOUR, now):
        for line in LINES:
            office = {"province": line.province, "place": line.place, "site": line.site, "label": "UBND"}
            yield _point("doxa_site", office, {"links_count": 1, "probes_count": 1}, at)
            before = line.link == "wan1" and line.place == "06184" and at < now - 2 * DAY
            down, up = (line.down / 2, line.up / 2) if before else (line.down, line.up)
            rates = {"contracted_down_mbps": down, "contracted_up_mbps": up}
            rates |= {"floor_down_mbps": 0.8 * down, "floor_up_mbps": 0.8 * up}
            limits = {"required_mbps": 100.0, "limit_down_mbps": 0.9 * down, "limit_up_mbps": 0.9 * up}
            rates |= limits if line.kind == "tslcd" else {}
            yield _point("doxa_contract", line.tags, rates, at)


def _targets(now: int) -> Iterator[tuple[Tier, str]]:
    wanted = (("fixed", "download", 102.0), ("fixed", "upload", 50.0), ("mobile", "download", 42.0))
    for at in _every(6 * HOUR, now):
        for kind, quantity, value in wanted:
            tags = {
                "plan": "lang-son", "target": f"{kind}-{quantity}", "level": "commune", "province": "20",
                "place": "06184", "kind": kind, "quantity": quantity, "operator": ">=", "unit": "Mbps",
            }  # fmt: skip
            title = f"Tốc độ {kind} {quantity}"
            yield _point("doxa_target", tags, {"threshold": value, "due_days": 30, "title": title}, at)
    for at in _every(DAY, now):
        for quantity, place in product(("download", "upload"), ({}, {"place": "06184"})):
            tags = {
                "province": "20", "kind": "fixed", "quantity": quantity, "statistic": "median", "source_mark": "S",
                **place,
            }  # fmt: skip
            yield _point("doxa_published", tags, {"published_mbps": 187.4, "samples_count": 312}, at)


def _changes(now: int) -> Iterator[tuple[Tier, str]]:
    here = {"province": "20", "place": "06184", "event": "contract_changed"}
    told: dict[str, float | str] = {"number": 1, "title": "Đổi hợp đồng", "text": "wan1: 100 → 200 Mbps"}
    yield _point("doxa_event", here, told, now - 2 * DAY)
    for province in ("00", "12"):
        plan: dict[str, float | str] = {"number": 1, "title": "Đổi kế hoạch", "text": "bản 2"}
        yield _point("doxa_event", {"province": province, "event": "plan_changed"}, plan, now - DAY)


_METERS: Final = {
    "speed": ("download_mbps", "upload_mbps", "loaded_rtt_p95_ms"),
    "latency": ("rtt_p50_ms", "rtt_p95_ms", "jitter_rfc3550_ms", "sent_count", "received_count"),
    "ipv6": (
        "state_none_flag", "state_broken_flag", "state_partial_flag", "state_ready_flag", "rtt_v6_to_v4_factor",
    ),
}  # fmt: skip


def _measured(now: int) -> Iterator[tuple[Tier, str]]:
    rng = random.Random(6)
    for line in LINES:
        for kind, values in _METERS.items():
            tags = {**line.tags, "task": kind, "far_end": "vnix-hn", "family": "4"}
            for window, step in (("1h", HOUR), ("1d", DAY)):
                for at in _every(step, now):
                    fields: dict[str, float] = {"runs_count": 4, "ok_count": 3, "failed_count": 1, "skipped_count": 0}
                    fields |= {"probe_limited_count": 0, "error_count": 0}
                    for value in values:
                        for field in catalogue.windowed(value):
                            fields[field] = 3 if field.endswith("_flag_count") else _value(value, line, rng)
                    if at < now - (DAYS - 1) * DAY and kind == "latency":  # a day without a packet is no day of loss
                        fields |= {"sent_count_sum": 0, "received_count_sum": 0}
                    yield _point(f"doxa_{kind}_{window}", tags, fields, at)


def _value(name: str, line: Line, rng: random.Random) -> float:
    noise = 1 + rng.uniform(-0.05, 0.05)
    if line.site == NO_IPV6 and name.startswith("state_"):
        return float(name == "state_none_flag")
    known = {
        "download_mbps": 0.9 * line.down * noise, "upload_mbps": 0.9 * line.up * noise, "sent_count": 600.0,
        "received_count": 597.0, "rtt_v6_to_v4_factor": noise, "state_ready_flag": 0.75, "state_partial_flag": 0.25,
    }  # fmt: skip
    return known.get(name, 0.0 if name.endswith("_flag") else 10 * noise)


def _areas(now: int) -> Iterator[tuple[Tier, str]]:
    for at in _every(DAY, now):
        for line in LINES:
            for province in (line.province, "00"):
                tags = {"province": province, "kind": line.kind, "provider": line.provider}
                fields = {
                    "lines_count": 1, "measured_count": 1, "tested_count": 1, "contracted_count": 1, "download_median_mbps": 0.9 * line.down,
                    "upload_median_mbps": 0.9 * line.up, "reached_contract_count": line.place == "06184", "below_floor_count": 0,
                    "rtt_p50_median_ms": 12, "loss_percent": 0.5, "ipv6_ready_count": line.site != NO_IPV6, "ipv6_tested_count": 1,
                    "runs_count": 96, "ok_count": 72, "failed_count": 24, "skipped_count": 0, "probe_limited_count": 0,
                }  # fmt: skip
                yield _point("doxa_area_1d", tags, fields, at)


def _judged(now: int) -> Iterator[tuple[Tier, str]]:
    month = now - 20 * DAY  # a judged period begins before the range that is shown
    for n, (province, place) in enumerate(
        PLACES
    ):  # the value of what is insufficient now was left by an earlier judging
        for outcome, target in (("pass", "fixed-download"), ("fail" if n else "insufficient", "fixed-upload")):
            tags = {
                "plan": "lang-son", "target": target, "level": "commune", "province": province, "place": place,
                "kind": "fixed",
            }  # fmt: skip
            fields: dict[str, float | str] = {"outcome_code": OUTCOMES[outcome].number, "value": 99.0, "n_count": 612}
            fields |= {"threshold": 102.0, "title": f"Tốc độ {target}", "unit": "Mbps"}
            yield _point("doxa_verdict", tags, fields, month)
    for one in dict.fromkeys(province for province, _ in PLACES):
        mine = [n for n, (province, _) in enumerate(PLACES) if province == one]
        counts = {"pass_count": len(mine), "fail_count": sum(n > 0 for n in mine), "insufficient_count": mine.count(0)}
        tags = {"plan": "lang-son", "province": one, "kind": "fixed"}
        yield _point("doxa_judged", tags, {"probe_limited_count": 0, **counts}, month)


def _presence(now: int) -> Iterator[tuple[Tier, str]]:
    offices = {line.site: line for line in LINES}
    for site, line in offices.items():
        tags = {"province": line.province, "place": line.place, "site": site}
        for window, step in (("5m", FIVE), ("1h", HOUR), ("1d", DAY)):
            for at in _every(step * (6 if window == "5m" else 1), now):
                away = site == "muong-te" and at > now - DAY
                state = PRESENCE["offline" if away else "online"].number
                fields = {"probes_count": 1, "online_ratio": float(not away), "silent_count": float(away)}
                yield _point(f"doxa_presence_{window}", tags, {**fields, "state_code": state}, at)


def _incidents(now: int) -> Iterator[tuple[Tier, str]]:
    # number, province, place, state, severity, sites, absorbed
    rows = (
        (1, "20", "06184", "closed", "warning", 1, 0),
        (2, "12", "03434", "open", "critical", 1, 0),
        (3, "20", None, "acknowledged", "critical", 2, 0),
        (4, "20", "06079", "open", "warning", 1, 1),
        (5, "20", "06184", "open", "info", 1, 0),
    )
    for number, province, place, state, severity, sites, absorbed in rows:
        fields: dict[str, float | str] = {
            "number": number, "state_code": INCIDENT_STATES[state].number, "sites_count": sites, "muted_flag": 0,
            "severity_code": SEVERITIES[severity].number, "absorbed_flag": absorbed, "delay_s": 40,
            "title": f"Sự cố {number}: mất kết nối", "place": place or "", "text": "Xã mất kết nối Internet", "cause": "line",
            "province": province, "provinces": f" {province} ",
            "kind": "fixed", "provider": "VNPT",
        }  # fmt: skip
        fields |= {"duration_s": 1800.0} if number in BROKE_OUT_AGAIN or state == "closed" else {}
        yield _point("doxa_incident", {}, fields, now - number * 7 * HOUR, number)
    for at in _every(6 * FIVE, now):
        for severity in SEVERITIES:
            count = 1.0 if severity == "critical" and at > now - DAY else 0.0
            for province in ("20", "12"):
                yield _point(
                    "doxa_incident_5m", {"province": province, "severity": severity}, {"open_count": count}, at
                )
            once = {"open_count": 0.0, "all_count": count}  # one that reaches both
            yield _point("doxa_incident_5m", {"province": "00", "severity": severity}, once, at)


def _health(now: int) -> Iterator[tuple[Tier, str]]:
    for at in _every(30 * 60, now):
        yield _point("doxa_collector", {}, {"accepted_count": 10, "agents_count": 3, "agents_online_count": 2}, at)
        yield _point("doxa_collector", {"sink": "noc"}, {"behind_count": 0, "waiting_flag": 0}, at)
        for line in LINES:
            tags = {"province": line.province, "place": line.place, "site": line.site, "agent": f"{line.site}-1"}
            fields: dict[str, float | str] = {
                "spool_rows_count": 3,
                "uptime_s": 1000 + math.floor(at % DAY),
                "version": "0.6.0",
            }
            yield _point("doxa_agent", tags, fields, at)


ISPEED_RUNS: Final = (100.0, 110.0, 200.0, 210.0, 180.0)
"""Mbps of one line's single runs: median 180, mean 160."""


def ispeed_runs(now: int) -> Iterator[tuple[Tier, str]]:
    """Single speed tests; what failed or was limited by the probe is no sample."""
    for line in LINES:
        tags = {**line.tags, "task": "speed", "far_end": "vnix-hn", "family": "4"}
        for n, rate in enumerate(ISPEED_RUNS):
            fields = {"download_mbps": rate, "upload_mbps": rate / 2, "duration_s": 12}
            yield _point("doxa_speed", {**tags, "outcome": "ok"}, fields, now - DAY - n * HOUR)
        yield _point("doxa_speed", {**tags, "outcome": "failed"}, {"duration_s": 3}, now - 2 * DAY)
        slow = {"download_mbps": 1, "upload_mbps": 1, "duration_s": 12}
        yield _point("doxa_speed", {**tags, "outcome": "probe_limited"}, slow, now - 2 * DAY)
    # To a second far end there are more runs: a mean of the two far ends' means is not the mean of the runs.
    more = next(line for line in LINES if line.place == "06079").tags | {
        "task": "speed",
        "far_end": "core",
        "family": "4",
    }
    for at in _every(DAY, now):
        rates = dict.fromkeys(catalogue.windowed("download_mbps"), 500.0)
        yield _point("doxa_speed_1d", more, {**rates, "runs_count": 9, "ok_count": 9}, at)


def ispeed_samples(now: int) -> Iterator[tuple[Tier, str]]:
    """How many samples a month are wanted: 300 of an Internet line, 1000 of a fixed one; a TSLCD line has neither."""
    for at in _every(6 * HOUR, now):
        for line in LINES:
            if line.kind != "tslcd":
                goals = {"samples_goal_count": 300} | ({"samples_full_count": 1000} if line.kind == "fixed" else {})
                yield _point("doxa_contract", line.tags, goals, at)


def ispeed_published(now: int) -> Iterator[tuple[Tier, str]]:
    """Means beside the medians; the number that a commune needs; 5G, which i-Speed publishes apart."""
    for at in _every(DAY, now):
        for quantity, statistic in product(("download", "upload"), ("median", "mean")):
            figure = {"published_mbps": 187.4 if statistic == "median" else 203.9, "samples_count": 312}
            tags = {"province": "20", "kind": "fixed", "quantity": quantity, "statistic": statistic, "source_mark": "S"}
            yield _point("doxa_published", tags, figure, at)
            yield _point("doxa_published", {**tags, "place": "06184"}, {**figure, "samples_goal_count": 300}, at)
        tags = {"province": "20", "kind": "mobile-5g", "quantity": "download", "statistic": "median"}
        yield _point("doxa_published", {**tags, "source_mark": "S"}, {"published_mbps": 447.03}, at)


IPV6_STEPS: Final = (
    "default_route", "resolver", "aaaa", "tcp", "https", "mtu_1280", "portal_aaaa", "portal_tcp", "portal_https",
)  # fmt: skip
IPV6_RUNS: Final = 4
"""A day, on each line."""


def ipv6_counted(now: int) -> Iterator[tuple[Tier, str]]:
    """What is counted of the IPv6 runs; the black hole is on one line, and only some of the time."""
    areas = {(p, line.kind, line.provider) for line in LINES for p in (line.province, "00")}
    communes = {(line.province, line.place, line.kind) for line in LINES if line.site != NO_IPV6}
    for at in _every(DAY, now):
        for area in areas:
            mine = [line for line in LINES if area in {(p, line.kind, line.provider) for p in (line.province, "00")}]
            told = {"runs_count": float(IPV6_RUNS * len(mine))}
            for line in mine:
                for name, yes in _ipv6_yes(line).items():
                    for field, number in zip(catalogue.flag_counts(name), (yes, IPV6_RUNS), strict=True):
                        told[field] = told.get(field, 0) + number
            if any(line.site != NO_IPV6 for line in mine):
                told |= {catalogue.area_median(name): value for name, value in IPV6_TIMES.items()}
            yield _point("doxa_ipv6_area_1d", dict(zip(("province", "kind", "provider"), area, strict=True)), told, at)
        for commune in communes:
            counts = [catalogue.flag_counts(name) for name in IPV6_STEPS if name.startswith("portal_")]
            told = {field: float(IPV6_RUNS) for pair in counts for field in pair} | {"portal_page_median_ms": 400}
            yield _point("doxa_portal_1d", dict(zip(("province", "place", "kind"), commune, strict=True)), told, at)
        for line in LINES:
            if hole := _ipv6_yes(line).get("black_hole"):
                told = {"runs_count": IPV6_RUNS, "out_met_count": hole, "out_judged_count": IPV6_RUNS}
                yield _point("doxa_black_hole_1d", line.tags, told | {"back_met_count": 1, "back_judged_count": 2}, at)


IPV6_TIMES: Final = {
    "rtt_v6_ms": 12.0, "rtt_v4_ms": 10.0, "rtt_v6_to_v4_factor": 1.2, "transfer_v6_mbps": 80.0, "transfer_v4_mbps": 90.0,
    "transfer_v6_to_v4_factor": 8 / 9, "eyeballs_penalty_ms": 1.0, "portal_page_ms": 400.0,
}  # fmt: skip


def _ipv6_yes(line: Line) -> dict[str, int]:
    """Flag → how many runs of a day said yes; without IPv6 nothing but its address can be judged."""
    states = ("none", "broken", "partial", "ready", "v6_only_ready")
    if line.site == NO_IPV6:
        return {f"state_{name}": IPV6_RUNS * (name == "none") for name in states} | {"address": 0}
    hole = 2 if line.link == "wan1" and line.place == "06184" else 0
    yes = dict(zip((f"state_{name}" for name in states), (0, 0, 1, 3, 1), strict=True))
    yes |= dict.fromkeys(("address", *IPV6_STEPS), IPV6_RUNS)
    return yes | {"mtu_1500": IPV6_RUNS - hole, "black_hole": hole, "black_hole_inbound": hole}


def health_collector(now: int) -> Iterator[tuple[Tier, str]]:
    """Counters that grow, with one restart of the ledger; two stores, one of which waits."""
    for n, at in enumerate(_every(FIVE, now)):
        if at < now - 6 * HOUR:
            continue
        fields = {
            "accepted_count": 1000 * n, "duplicate_count": n, "quarantined_count": 2, "agents_count": 5,
            "agents_online_count": 4, "ledger_bytes": 1e9 + n, "intake_behind_s": 0.2, "newest_age_s": 1.5,
            "broker_connected_flag": 1,
        }  # fmt: skip
        yield _point("doxa_collector", {}, fields, at)
        for sink, behind, rejected in (("noc", 0, 0), ("public", 700, 3)):
            state = {"behind_count": behind, "waiting_flag": behind > 0, "rejected_count": rejected}
            yield _point("doxa_collector", {"sink": sink}, state, at)


def health_agents(now: int) -> Iterator[tuple[Tier, str]]:
    """One probe in an office; that of `NO_IPV6` is old, dropped results and has a wrong clock."""
    offices = {line.site: line for line in LINES}
    moments = [at for at in _every(FIVE, now) if at > now - 6 * HOUR]
    for site, line in offices.items():
        tags = {"province": line.province, "place": line.place, "site": site, "agent": f"{site}-1"}
        ill = site == NO_IPV6
        fields: dict[str, float | str] = {
            "spool_rows_count": 40 if ill else 3, "spool_dropped_count": 7 if ill else 0, "clock_ok_flag": not ill,
            "disk_free_ratio": 0.08 if ill else 0.6, "battery_flag": 0, "uptime_s": 5000, "version": "0.5.0" if ill else "0.6.0",
        }  # fmt: skip
        for at in moments:
            yield _point("doxa_agent", tags, fields, at)
    for province in {line.province for line in LINES} | {"00"}:
        here = {site for site, line in offices.items() if province in (line.province, "00")}
        ill = NO_IPV6 in here
        summed = {
            "agents_count": len(here), "spool_rows_count": 3 * len(here) + 37 * ill, "spool_dropped_count": 7 * ill,
            "clock_wrong_count": ill, "disk_low_count": ill, "disk_free_min_ratio": 0.08 if ill else 0.6, "battery_count": 0,
            "versions_count": 1 + (ill and len(here) > 1),
        }  # fmt: skip
        for at in moments:
            yield _point("doxa_agents_5m", {"province": province}, summed, at)


TSLCD: Final = next(line for line in LINES if line.kind == "tslcd")
TSLCD_LAYERS: Final = {"wire_mbps": 96.0, "ip_mbps": 93.5, "udp_mbps": 92.0}
"""What the layers of the TSLCD line show, both ways."""
TSLCD_P95: Final = 88.0
"""Of its traffic, at every layer."""
RAN_ONCE: Final = {
    "runs_count": 1, "ok_count": 1, "failed_count": 0, "skipped_count": 0, "probe_limited_count": 0, "error_count": 0,
}  # fmt: skip


def tslcd_measured(now: int) -> Iterator[tuple[Tier, str]]:
    """Rates by layer, and the terminal's traffic."""
    for window, step in (("1h", HOUR), ("1d", DAY)):
        for meter, layers in (("speed", ("wire_mbps", "ip_mbps")), ("capacity", ("wire_mbps", "ip_mbps", "udp_mbps"))):
            tags = {**TSLCD.tags, "task": meter, "far_end": "vnix-hn", "family": "4"}
            fields = {f"{way}_{name}_median": TSLCD_LAYERS[name] for name in layers for way in ("download", "upload")}
            for at in _every(step, now):
                yield _point(f"doxa_{meter}_{window}", tags, {**RAN_ONCE, **fields}, at)
    for n, at in enumerate(_every(FIVE, now)):
        rate = 99.0 if n % 100 < 3 else TSLCD_P95 if n % 100 < 13 else 40.0
        fields = {f"{way}_traffic_{name}_mbps_mean": rate for way in ("download", "upload") for name in ("ip", "wire")}
        yield _point("doxa_snmp_5m", {**TSLCD.tags, "task": "snmp"}, {**RAN_ONCE, **fields}, at)
    for at in _every(DAY, now):
        fields = {"samples_count": 288, "week_samples_count": 2016, "limit_down_mbps": 90, "limit_up_mbps": 90}
        for way in ("download", "upload"):
            fields |= {f"{way}_{span}p95_{name}_mbps": TSLCD_P95 for span in ("", "week_") for name in ("ip", "wire")}
            fields[f"{way}_week_p95_ratio"] = TSLCD_P95 / 100
        outcome = OUTCOMES["insufficient" if at > now - DAY else "pass"].number  # the day that runs is incomplete
        yield _point("doxa_p95_1d", TSLCD.tags, {**fields, "week_outcome_code": outcome}, at)


def tslcd_judged(now: int) -> Iterator[tuple[Tier, str]]:
    """A demand of a plan on the line, and the country's verdict on the capacity rule."""
    for at in _every(6 * HOUR, now):
        for quantity in ("download", "upload"):
            tags = {
                "plan": "lang-son", "target": f"tslcd-{quantity}", "level": "commune", "province": "20",
                "place": "06184", "kind": "tslcd", "quantity": quantity, "operator": ">=", "unit": "Mbps",
            }  # fmt: skip
            yield _point("doxa_target", tags, {"threshold": 100, "due_days": 30, "title": f"TSLCD {quantity}"}, at)
    whole = {
        "plan": "tt06-2026", "target": "p95-90", "level": "country", "province": "00", "place": "00", "kind": "tslcd",
    }  # fmt: skip
    fields: dict[str, float | str] = {"outcome_code": OUTCOMES["pass"].number, "value": 100.0, "n_count": 1}
    demand: dict[str, float | str] = {"threshold": 100.0, "title": "Bách phân vị 95 dưới 90 %"}
    fields |= {**demand, "unit": "%"}
    for at in _every(6 * HOUR, now):
        yield _point("doxa_target", {**whole, "quantity": "share", "operator": "=", "unit": "%"}, demand, at)
    yield _point("doxa_verdict", whole, fields, now - 20 * DAY)
    counts = {"pass_count": 1, "fail_count": 0, "insufficient_count": 0, "probe_limited_count": 0}
    yield _point("doxa_judged", {"plan": "tt06-2026", "province": "00", "kind": "tslcd"}, counts, now - 20 * DAY)


def tslcd_network(now: int) -> Iterator[tuple[Tier, str]]:
    """Two nodes, of which the second is down since two days, one of the Internet, and the line's path, which changed twice."""
    seen = ((TSLCD, "nut-tinh", now), (TSLCD, "nut-xa", now - 2 * DAY), (LINES[0], "nut-internet", now))
    for window, step in (("5m", FIVE), ("1h", HOUR), ("1d", DAY)):
        for at, (line, far_end, until) in product(_every(step, now), seen):
            up = float(at <= until)
            fields = {
                **RAN_ONCE,
                "up_flag_mean": up,
                "up_flag_count": 1,
                "sent_count_sum": 300,
                "received_count_sum": 300 * up,
            }
            fields |= {"silence_max_s_max": 3.0} if up else {"silence_max_s_max": 300.0, "down_s_max": 3000.0}
            fields |= {"rtt_p50_ms_median": 4.0} if up else {}
            yield _point(f"doxa_node_{window}", {**line.tags, "task": "node", "far_end": far_end}, fields, at)
    tags = {**TSLCD.tags, "task": "path", "far_end": "vnix-hn", "family": "4"}
    for n, at in enumerate(_every(HOUR, now)):
        changed = float(n in (10, 20))
        run = {"changed_flag": changed, "hop_count": 5, "path_mtu": 1500}
        yield _point("doxa_path", {**tags, "outcome": "ok"}, run, at)
        yield _point("doxa_path_1h", tags, {**RAN_ONCE, "changed_flag_mean": changed, "changed_flag_count": 1}, at)
    for at in _every(DAY, now):
        yield _point(
            "doxa_path_1d",
            tags,
            {**RAN_ONCE, "ok_count": 24, "changed_flag_mean": 1 / 12, "changed_flag_count": 24},
            at,
        )


def tslcd_incidents(now: int) -> Iterator[tuple[Tier, str]]:
    """One of the network's own that lasts, and one that is over; of no commune, so no page of a commune shows them."""
    for number, state, cause, kind in ((6, "closed", "node_down", ""), (7, "open", "line", "tslcd")):
        fields: dict[str, float | str] = {
            "number": number, "state_code": INCIDENT_STATES[state].number, "sites_count": 1, "muted_flag": 0,
            "severity_code": SEVERITIES["warning"].number, "absorbed_flag": 0, "delay_s": 40, "place": "",
            "title": f"Sự cố {number}", "text": "Mất kết nối TSLCD", "province": "20", "provinces": " 20 ", "cause": cause,
            "kind": kind, "provider": "",
        }  # fmt: skip
        fields |= {"duration_s": 600.0} if state == "closed" else {}
        yield _point("doxa_incident", {}, fields, now - number * 7 * HOUR, number)


def noc_failing(now: int) -> Iterator[tuple[Tier, str]]:
    """Latency of the last two hours by five minutes: one line is lost, one has lost a run, the others are well."""
    for at in range(now - now % FIVE - 2 * HOUR, now - FIVE, FIVE):
        for line in LINES:
            lost, unsteady = line.site == "muong-te", line.link == "lte" and at > now - 4 * FIVE
            fields: dict[str, float] = {**RAN_ONCE, "runs_count": 5, "ok_count": 5 - 5 * lost - unsteady}
            fields |= {"failed_count": 5 * lost + unsteady}
            fields |= {} if lost else {"sent_count_sum": 300, "received_count_sum": 297}
            tags = {**line.tags, "task": "latency", "far_end": "vnix-hn", "family": "4"}
            yield _point("doxa_latency_5m", tags, fields, at)


def noc_planned(now: int) -> Iterator[tuple[Tier, str]]:
    """Work that is still to come, and some that ended long ago."""
    told: dict[str, float | str] = {"number": 1, "title": "Bảo trì: dong-dang", "text": "Đến 23:00"}
    for at in (now + DAY, now - 30 * DAY):
        yield _point("doxa_event", {"province": "20", "place": "06184", "event": "maintenance"}, told, at, 3)
