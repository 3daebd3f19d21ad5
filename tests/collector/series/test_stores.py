"""All series through the project's own writer into real stores: what the ledger says is what they answer, and to whom."""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert
from tests.collector.series.series_ledger import (
    DAY,
    HOUR,
    MINUTE,
    SECRETS,
    START,
    Clock,
    Feed,
    Shelf,
    plan,
    world,
    write_registry,
)

from doxa_collector import series, sinks
from doxa_collector.forwarder import Group, Measurements
from doxa_collector.incidents import lifecycle, store
from doxa_collector.incidents.model import Cause, Family, Fault, Incident, IncidentChange, Member, Reach, State, Turn
from doxa_collector.incidents.windows import Scope
from doxa_collector.ledger import forwarding
from doxa_collector.ledger.engine import writing
from doxa_collector.ledger.schema import figure, verdict
from doxa_collector.ledger.writing import Incoming, keep, note, note_status
from doxa_collector.plans.noting import note_plans
from doxa_collector.presence import store as presences
from doxa_collector.presence.model import Presence
from doxa_collector.presence.model import State as There
from doxa_collector.presence.model import Turn as PresenceTurn
from doxa_collector.series import Health, World
from doxa_collector.sink import Sink
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import line
from doxa_core.codes import TIERS, bucket
from doxa_core.status import AgentStatus
from doxa_core.status import State as Said
from doxa_core.strict import Table
from doxa_lab.servers import InfluxDB16, Nginx, VictoriaMetrics

S = 1_000_000
PLANS = [plan(), plan("b-binh-duong"), plan("d-ha-tinh")]
DOCS = Path(__file__).parents[3] / "docs" / "influx.md"
OURS = ("place", "site", "contract", "target", "published", "verdict", "presence_5m", "presence_1h", "presence_1d", "incident",
        "incident_5m", "event", "agent", "collector")  # fmt: skip


WHERE = {"province", "place", "site", "link", "kind", "provider"}
"""What the docs call *where*."""


@pytest.fixture
def around() -> World:
    plain = world(Clock(START + HOUR), PLANS)
    return replace(plain, health=lambda: Health(broker_connected=True, behind_s=0.5))


@pytest.fixture
def filled(engine: Engine, tmp_path: Path, measurement: Any) -> Engine:
    """Something of everything, a part of it *nội bộ*."""
    write_registry(engine, tmp_path, at_us=START - DAY)
    runs = [
        measurement(
            n, link=link, far_end=far_end, started=measurement(0).started.fromtimestamp(START / S + n).astimezone()
        )
        for n, (link, far_end) in enumerate(
            (("fixed", "vnix-hn"), ("mang-rieng", "core-1"), ("mang-rieng", "192.0.2.77")), 1
        )
    ]
    with writing(engine) as conn:
        keep(conn, [Incoming(measurement=run, raw=run.encode()) for run in runs], START)
        note_plans(conn, PLANS, START, "test")
        note(conn, START, "doxa", "month.closed", {"period_from": "2026-10-01", "revision": 1, "reason": ""})
        for scope in (Scope(site="dong-dang", link="mang-rieng"), Scope(place="06184"), Scope(node="core-1")):
            lifecycle.add_window(conn, from_us=START + DAY, to_us=START + 2 * DAY, scope=scope, reason="hành lang kín",
                                 actor="lan", now_us=START)  # fmt: skip
        for one in PLANS:
            for target in one.targets:
                conn.execute(insert(verdict).values(
                    plan=one.id, plan_version=one.version, target=target.id, place_code=one.places[0].code,
                    period_from="2026-10-01", period_to="2026-10-31", outcome="fail", value=34.4, n=30, lower=33.0, upper=36.0,
                    published=40.0, reasons="[]", detail="{}", computed_us=START,
                ))  # fmt: skip
        for kind in ("fixed", "tslcd"):
            conn.execute(insert(figure).values(
                place_code="20", month="2026-10", link_kind=kind, statistic="median", direction="download", value_mbps=250.0,
                n=1000, source="i-Speed", mark="S", imported_us=START, imported_by="lan", file="f", digest="0" * 64,
            ))  # fmt: skip
        for number, link in enumerate(("fixed", "mang-rieng"), 1):
            failing = Member(subject=line("dong-dang", link), rule="link-down", severity=Severity.CRITICAL, family=Family.DOWN,
                             began_us=START, joined_us=START + 10 * S)  # fmt: skip
            found = Incident(
                id=number, fault=Fault(Reach.OFFICE, "dong-dang"), cause=Cause.LINE, severity=Severity.CRITICAL,
                state=State.RESOLVED, began_us=START, detected_us=START, opened_us=START + 10 * S, members=(failing,),
                place="06184", provider="VNPT" if link == "fixed" else "Cục Bưu điện", resolved_us=START + 20 * MINUTE,
            )  # fmt: skip
            store.save(conn, [IncidentChange(turn=Turn.OPENED, incident=found, at_us=START + 10 * S)])
        there = Presence(agent="dong-dang-1", site="dong-dang", state=There.ONLINE, since_us=START - DAY)
        gone = replace(there, state=There.OFFLINE, since_us=START)
        for now in (there, gone):
            presences.save(conn, [PresenceTurn(before=None, now=now, noticed_us=now.since_us)])
        said = AgentStatus(
            site="dong-dang", agent="dong-dang-1", epoch="00112233445566aa", version="0.1.0", state=Said.ONLINE, spool_rows=1,
            spool_dropped=0, disk_free_ratio=0.5, uptime_s=60.0, clock_synchronised=True, on_battery=False,
        )  # fmt: skip
        note_status(conn, said, said.encode(), START, retained=False)
        forwarding.move(conn, "other", forwarding.Cursor(position=1), 1)
    return engine


@pytest.fixture
def open_sink(tmp_path: Path) -> Iterator[Callable[..., Sink]]:
    made: list[Sink] = []

    def make(url: str, **options: Any) -> Sink:
        module = sinks.load("influx")
        made.append(module.open_sink(module.read_options(Table({"url": url, **options}, "test.toml"), tmp_path)))
        return made[-1]

    yield make
    for sink in made:
        sink.close()


def write(engine: Engine, sink: Any, around: World, name: str) -> None:
    """As the service does it."""
    for streams in series.groups(around):
        group = Group(Feed(engine, sink, streams, name).forwarders)
        while group.step():
            pass


def shelved(engine: Engine, around: World) -> Shelf:
    shelf = Shelf()
    write(engine, shelf, around, "shelf")
    return shelf


def answers(server: InfluxDB16, base: str) -> dict[tuple[str, str, tuple[tuple[str, str], ...], int], dict[str, Any]]:
    """Everything that a store answers, as `Shelf` keeps it."""
    found = {}
    for tier in TIERS:
        for one in server.query("SELECT * FROM /.*/ GROUP BY *", bucket(base, tier)):
            tags = tuple(sorted((name, value) for name, value in one.get("tags", {}).items() if value))
            for row in one["values"]:
                fields = dict(zip(one["columns"], row, strict=True))
                at = fields.pop("time")
                found[tier, one["name"], tags, at] = {
                    name: value for name, value in fields.items() if value is not None
                }
    return found


@pytest.mark.server
def test_what_the_ledger_says_is_what_influxdb_answers_and_the_public_hears_no_secret(
    filled: Engine, around: World, influxd: InfluxDB16, influx_v2: Nginx, open_sink: Any
) -> None:
    for base in ("noc", "open"):
        for tier in TIERS:
            influxd.create_database(bucket(base, tier))
    for base, audience in (("noc", "internal"), ("open", "public")):
        sink = open_sink(influx_v2.url, bucket=base, audience=audience)
        write(filled, sink, around, base)
        Feed(filled, sink, [Measurements()], base)()
    shelf, inside, outside = shelved(filled, around), answers(influxd, "noc"), answers(influxd, "open")
    ours = {key for key in inside if key[1].removeprefix("doxa_") in OURS}
    assert {key[1].removeprefix("doxa_") for key in ours} == set(OURS)
    for key in ours:
        if key[1] != "doxa_collector":  # its sinks go on between the two writings
            assert inside[key] == shelf.points[key], key
    assert {key for key in shelf.points if key[1].removeprefix("doxa_") in OURS and key[1] != "doxa_collector"} <= ours
    heard = json.dumps([[key, fields] for key, fields in outside.items()], ensure_ascii=False).lower()
    assert [word for word in SECRETS if word in heard] == []
    told = json.dumps([[key, fields] for key, fields in inside.items()], ensure_ascii=False).lower()
    assert {word for word in SECRETS if word in told} >= {
        "tslcd",
        "mang-rieng",
        "cục bưu điện",
        "core-1",
        "hành lang kín",
    }
    names = {key[1].removeprefix("doxa_") for key in outside}
    assert set(OURS) - names == {"agent", "collector"}
    for key, fields in outside.items():
        if key[1] not in {"doxa_incident_5m", "doxa_judged"}:  # they count what they know
            assert inside[key] == fields, "what the public hears is said inside, too"


@pytest.mark.server
def test_victoria_metrics_for_the_public_hears_no_secret(
    filled: Engine, around: World, victoria_metrics: VictoriaMetrics, open_sink: Any
) -> None:
    sink = open_sink(victoria_metrics.url, audience="public", texts=False)
    write(filled, sink, around, "vm")
    Feed(filled, sink, [Measurements()], "vm")()
    victoria_metrics.flush()
    query = urllib.parse.urlencode({"match[]": '{__name__!=""}', "start": "0", "end": "4102444800"})
    with urllib.request.urlopen(f"{victoria_metrics.url}/api/v1/export?{query}", timeout=30) as answer:
        rows = [json.loads(row) for row in answer]
    names = {row["metric"]["__name__"] for row in rows}
    assert {
        "doxa_target_threshold",
        "doxa_verdict_value",
        "doxa_incident_state_code",
        "doxa_place_latitude_deg",
    } <= names
    heard = json.dumps(rows, ensure_ascii=False).lower()
    assert [word for word in SECRETS if word in heard] == []


@pytest.mark.server
def test_victoria_metrics_holds_every_number_that_the_ledger_says(
    filled: Engine, around: World, victoria_metrics: VictoriaMetrics, open_sink: Any
) -> None:
    sink = open_sink(victoria_metrics.url, texts=False)
    write(filled, sink, around, "vm")
    victoria_metrics.flush()
    query = urllib.parse.urlencode({"match[]": '{__name__!=""}', "start": "0", "end": "4102444800"})
    with urllib.request.urlopen(f"{victoria_metrics.url}/api/v1/export?{query}", timeout=30) as answer:
        rows = [json.loads(row) for row in answer]
    found = {
        (
            row["metric"]["__name__"],
            frozenset((k, v) for k, v in row["metric"].items() if k not in ("__name__", "db")),
            at,
        ): value
        for row in rows
        for at, value in zip(row["timestamps"], row["values"], strict=True)
    }
    wanted = {
        (f"{name}_{field}", frozenset(tags), at // 1_000_000): value
        for (_, name, tags, at), fields in shelved(filled, around).points.items()
        for field, value in fields.items()
        if name != "doxa_collector" and not isinstance(value, str)  # its sinks go on between the two writings
    }
    assert {key[0] for key in wanted} >= {
        "doxa_verdict_value",
        "doxa_contract_contracted_down_mbps",
        "doxa_presence_5m_online_ratio",
        "doxa_incident_duration_s",
    }
    wrong = {key for key in wanted if found.get(key) != pytest.approx(wanted[key], rel=1e-9)}
    assert all(name.startswith("doxa_incident_") for name, _, _ in wrong), "milliseconds keep no two of a moment apart"
    assert len(wrong) < len(wanted) / 100


def table_of(text: str) -> dict[str, set[str]]:
    """Measurement → every word of the tags and fields of its row in the table of docs/influx.md."""
    found: dict[str, set[str]] = {}
    for row in re.findall(r"^\|(.*)\|\s*$", text, re.MULTILINE):
        first, *more = row.split("|")
        told = "|".join(more[2:])  # tags and fields: not the words of tier and time
        names = re.findall(r"`([a-z0-9_]+)`", first)
        for name in names:
            whole = name if name.startswith("doxa_") else names[0].rpartition("_")[0] + name
            words = found.setdefault(whole, set())
            words |= set(re.findall(r"[a-z0-9_]+", told))
            if more[2:] and re.match(r"where\b", more[2].strip()):
                words |= WHERE
    return found


def test_every_tag_and_field_stands_in_the_table_of_the_docs(filled: Engine, around: World) -> None:
    table = table_of(DOCS.read_text(encoding="utf-8"))
    strangers = set()
    for (_, name, tags, _), fields in shelved(filled, around).points.items():
        if name.removeprefix("doxa_") in OURS:
            words = {word for word, _ in tags} | fields.keys()
            strangers |= {f"{name}.{word}" for word in words - table.get(name, set())}
    assert strangers == set()
