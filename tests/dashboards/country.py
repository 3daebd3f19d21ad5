"""A small country by hand, as docs/influx.md says that it is written: for tests until the project's own writer fills it.

Province 20 has two communes and all kinds of line, one of them with a change of contract; province 12 has one commune with
one line; province 42 is registered and has no figures at all.
"""

import math
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

from tests.dashboards.grafana import Range

from doxa_core.codes import INCIDENT_STATES, OUTCOMES, PRESENCE, SEVERITIES
from doxa_dashboards import catalogue
from doxa_dashboards.catalogue import Tier

HOUR, DAY, FIVE = 3600, 86_400, 300
DAYS: Final = 4
EMPTY_PROVINCE: Final = "42"

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
    for source in (_places, _lines, _targets, _changes, _measured, _areas, _judged, _presence, _incidents, _health):
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
            tags = {"level": "commune", "province": province, "place": place, "label": label}
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
            rates |= {"required_mbps": 100.0} if line.kind == "tslcd" else {}
            yield _point("doxa_contract", line.tags, rates, at)


def _targets(now: int) -> Iterator[tuple[Tier, str]]:
    wanted = (("fixed", "download", 102.0), ("fixed", "upload", 50.0), ("mobile", "download", 42.0))
    for at in _every(6 * HOUR, now):
        for kind, quantity, value in wanted:
            tags = {
                "plan": "lang-son", "target": f"{kind}-{quantity}", "level": "commune", "province": "20",
                "place": "06184", "kind": kind, "quantity": quantity, "operator": ">=", "unit": "Mbps",
            }  # fmt: skip
            yield _point("doxa_target", tags, {"threshold": value, "due_days": 30}, at)
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
                            fields[field] = _value(value, line, rng)
                    if at < now - (DAYS - 1) * DAY and kind == "latency":  # a day without a packet is no day of loss
                        fields |= {"sent_count_sum": 0, "received_count_sum": 0}
                    yield _point(f"doxa_{kind}_{window}", tags, fields, at)


def _value(name: str, line: Line, rng: random.Random) -> float:
    noise = 1 + rng.uniform(-0.05, 0.05)
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
                    "rtt_p50_median_ms": 12, "loss_percent": 0.5, "ipv6_ready_count": 1, "ipv6_tested_count": 1,
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
            fields = {"outcome_code": OUTCOMES[outcome].number, "value": 99.0, "n_count": 612, "threshold": 102.0}
            yield _point("doxa_verdict", tags, fields, month)


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
            "title": f"Sự cố {number}: mất kết nối", "place": place or "", "text": "Xã mất kết nối Internet", "province": province, "cause": "line",
            "kind": "fixed", "provider": "VNPT",
        }  # fmt: skip
        fields |= {"duration_s": 1800.0} if number in BROKE_OUT_AGAIN or state == "closed" else {}
        yield _point("doxa_incident", {}, fields, now - number * 7 * HOUR, number)
    for at in _every(6 * FIVE, now):
        for province in ("20", "12"):
            for severity in SEVERITIES:
                count = 1.0 if severity == "critical" and at > now - DAY else 0.0
                yield _point(
                    "doxa_incident_5m", {"province": province, "severity": severity}, {"open_count": count}, at
                )


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
