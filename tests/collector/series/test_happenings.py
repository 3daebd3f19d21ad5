"""Incidents, events, the probes' and the collector's own state as series."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert
from tests.collector.series.series_ledger import (
    HOUR,
    MINUTE,
    REGISTRY,
    SECRETS,
    START,
    Clock,
    Shelf,
    afresh,
    drain,
    plan,
    world,
    write_registry,
)

from doxa_collector.incidents import lifecycle, store
from doxa_collector.incidents.model import Cause, Family, Fault, Incident, IncidentChange, Member, Reach, State, Turn
from doxa_collector.incidents.windows import Scope
from doxa_collector.ledger import forwarding
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.schema import counter
from doxa_collector.ledger.writing import note, note_status
from doxa_collector.plans.noting import note_plans
from doxa_collector.presence import store as presences
from doxa_collector.presence.model import Presence
from doxa_collector.presence.model import State as There
from doxa_collector.presence.model import Turn as PresenceTurn
from doxa_collector.series import Health, World, events, health, incidents
from doxa_collector.sinks.influx import Audience, _as_seen
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import COLLECTOR, Subject, line, probe
from doxa_core.status import AgentStatus
from doxa_core.status import State as Said

S = 1_000_000


def member(subject: Subject, began_us: int = START - 20 * S, joined_us: int = START) -> Member:
    return Member(
        subject=subject, rule="link-down", severity=Severity.CRITICAL, family=Family.DOWN, began_us=began_us,
        joined_us=joined_us,
    )  # fmt: skip


def trouble(*members: Member, **changes: Any) -> Incident:
    plain: dict[str, Any] = {
        "id": 1017, "fault": Fault(Reach.OFFICE, "dong-dang"), "cause": Cause.UNKNOWN, "severity": Severity.WARNING,
        "state": State.OPEN, "began_us": START - 20 * S, "detected_us": START - 10 * S, "opened_us": START,
        "members": members or (member(line("dong-dang", "fixed")),), "place": "06184", "provider": "VNPT",
    }  # fmt: skip
    return Incident(**(plain | changes))


def keep(engine: Engine, found: Incident, turn: Turn = Turn.OPENED, at_us: int = START) -> None:
    with writing(engine) as conn:
        store.save(conn, [IncidentChange(turn=turn, incident=found, at_us=at_us)])


def test_an_incident_is_one_point_whatever_becomes_of_it(filled: Engine) -> None:
    clock, shelf = Clock(), Shelf()
    keep(filled, trouble())
    feed = drain(filled, shelf, incidents.streams(world(clock))[:1])
    everywhere = (member(line("dong-dang", "fixed")), member(line("dien-bien", "mobile"), START - 40 * S))
    keep(filled, trouble(*everywhere, cause=Cause.PROVIDER, severity=Severity.CRITICAL, place=None, began_us=START - 40 * S),
         Turn.RECAST)  # fmt: skip
    feed()
    with writing(filled) as conn:
        lifecycle.acknowledge(conn, 1017, "lan", START + 5 * S, "đã gọi 192.0.2.77")
    feed()
    (key, fields) = next(iter(shelf.points.items()))
    assert len(shelf.points) == 1, "no tag changes, so no point is left behind"
    assert (key[1:3], key[3]) == (("doxa_incident", ()), START * 1000 + 17)
    assert {name: value for name, value in fields.items() if name not in ("text", "title")} == {
        "number": 1017.0, "state_code": 1.0, "severity_code": 2.0, "sites_count": 2.0, "muted_flag": 0.0,
        "absorbed_flag": 0.0, "delay_s": 40.0, "province": "00", "provinces": " 11 20 ", "place": "", "provider": "VNPT", "kind": "",
        "cause": "provider",
    }  # fmt: skip
    assert fields["title"] == "Sự cố 1017: sự cố nhà mạng diện rộng"
    assert "192.0.2.77" not in str(fields)


def test_an_incident_of_no_office_is_of_the_country(filled: Engine) -> None:
    shelf = Shelf()
    keep(filled, trouble(member(COLLECTOR), place=None))
    drain(filled, shelf, incidents.streams(world(Clock()))[:1])
    (fields,) = shelf.of("doxa_incident").values()
    assert (fields["province"], fields["provinces"]) == ("00", " 00 ")


def test_an_incident_that_is_over_says_how_long_it_took(filled: Engine) -> None:
    shelf = Shelf()
    keep(filled, trouble(state=State.RESOLVED, resolved_us=START + 100 * S), Turn.RESOLVED)
    drain(filled, shelf, incidents.streams(world(Clock()))[:1])
    (fields,) = shelf.of("doxa_incident").values()
    assert (fields["state_code"], fields["duration_s"], fields["province"]) == (2.0, 120.0, "20")
    assert fields["provinces"] == " 20 "
    assert (fields["kind"], fields["provider"]) == ("fixed", "VNPT")


@pytest.mark.parametrize(
    ("members", "secret"),
    [
        ([line("dong-dang", "fixed")], False),
        ([line("dong-dang", "mang-rieng")], True),
        ([line("dong-dang", "nobody-knows")], True),
        ([probe("dong-dang", "dong-dang-1")], True),
        ([probe("hong-phong", "hong-phong-1")], False),
        ([Subject.parse("node:core-1")], True),
        ([Subject.parse("collector:")], True),
    ],
)
def test_what_touches_tslcd_is_internal_and_what_does_not_says_nothing_of_it(
    filled: Engine, members: list[Subject], secret: bool
) -> None:
    """A fixed line's headline would say that the office's TSLCD is well."""
    shelf = Shelf()
    keep(filled, trouble(*map(member, members)))
    drain(filled, shelf, incidents.streams(world(Clock()))[:1])
    (point,) = shelf.sent
    assert (point.internal, point.public) == (secret, None)
    if not secret:
        text = json.dumps(dict(point.fields), ensure_ascii=False).lower()
        assert not [word for word in SECRETS if word in text]


def test_an_incident_that_grows_into_tslcd_is_put_away_in_a_public_store(filled: Engine) -> None:
    clock, inside, outside = Clock(), Shelf(), Shelf()
    keep(filled, trouble())
    (stream, *_) = incidents.streams(world(clock))
    feed = drain(filled, inside, [stream])
    later = member(line("dong-dang", "mang-rieng"), joined_us=START + 60 * S)
    keep(filled, trouble(member(line("dong-dang", "fixed")), later), Turn.GREW)
    feed()
    outside.send([seen for one in inside.sent if (seen := _as_seen(one, Audience.PUBLIC)) is not None])
    (public,) = outside.points.values()
    assert (public["state_code"], public["absorbed_flag"], public["text"], public["cause"]) == (3.0, 1.0, "", "")
    (internal,) = inside.points.values()
    assert internal["state_code"] == 0.0


def test_open_incidents_are_counted_by_province_and_severity_with_zeros(filled: Engine) -> None:
    clock, shelf = Clock(START + 16 * MINUTE), Shelf()
    keep(filled, trouble(opened_us=START + MINUTE, state=State.RESOLVED, resolved_us=START + 12 * MINUTE))
    keep(filled, trouble(member(line("dong-dang", "mang-rieng")), id=1018, opened_us=START + 6 * MINUTE))
    feed = drain(filled, shelf, incidents.streams(world(clock)))
    counts = {
        at: fields["open_count"]
        for at, fields in shelf.of("doxa_incident_5m", province="20", severity="warning").items()
    }
    assert counts == {START - 5 * MINUTE: 0, START: 1, START + 5 * MINUTE: 2, START + 10 * MINUTE: 1}
    zero = shelf.of("doxa_incident_5m", province="11", severity="critical")
    assert set(zero) == set(counts)
    whole = shelf.of("doxa_incident_5m", province="00", severity="warning")
    assert {at: fields["all_count"] for at, fields in whole.items()} == counts
    assert {fields["open_count"] for fields in whole.values()} == {0.0}, "none is of no province"
    (middle,) = [
        p for p in shelf.sent if p.at_us == START + 5 * MINUTE and p.tags == {"province": "20", "severity": "warning"}
    ]
    assert middle.public == {"open_count": 1.0}, "the other one is on a TSLCD line"
    keep(filled, trouble(member(line("dong-dang", "mang-rieng")), id=1018, opened_us=START + 6 * MINUTE,
                         severity=Severity.CRITICAL), Turn.RECAST, clock.now_us)  # fmt: skip
    feed()
    assert shelf.of("doxa_incident_5m", province="20", severity="warning")[START + 5 * MINUTE]["open_count"] == 1
    fresh = afresh(filled, incidents.streams(world(clock)))
    assert fresh.points == {key: shelf.points[key] for key in fresh.points}


def test_an_incident_that_became_part_of_a_wider_one_is_counted_until_then_and_no_longer(filled: Engine) -> None:
    shelf = Shelf()
    absorbed = START + 6 * MINUTE
    keep(filled, trouble(id=1017, opened_us=START + MINUTE, state=State.CLOSED, closed_us=absorbed, absorbed_by=1018),
         Turn.ABSORBED, absorbed)  # fmt: skip
    keep(filled, trouble(id=1018, opened_us=absorbed), at_us=absorbed)
    drain(filled, shelf, incidents.streams(world(Clock(START + 21 * MINUTE))))
    for province, count in (("20", "open_count"), ("00", "all_count")):
        told = shelf.of("doxa_incident_5m", province=province, severity="warning")
        assert [told[START + 5 * n * MINUTE][count] for n in range(4)] == [1, 1, 1, 1], "first the one, then the other"
    flags = {fields["number"]: fields["absorbed_flag"] for fields in shelf.of("doxa_incident").values()}
    assert flags == {1017: 1, 1018: 0}


def test_events_are_told_where_and_when_they_count(filled: Engine, tmp_path: Path) -> None:
    clock, shelf = Clock(), Shelf()
    changed = REGISTRY.replace("contracted_down_mbps = 100}]", "contracted_down_mbps = 150}]")
    changed = changed.replace('provider = "Cục Bưu điện", contracted_down_mbps = 100', 'provider = "Cục Bưu điện", contracted_down_mbps = 200')  # fmt: skip
    write_registry(filled, tmp_path, changed, START)
    with writing(filled) as conn:
        note_plans(conn, [plan()], START - HOUR, "test")
        note_plans(conn, [plan(version="9")], START, "test")
        note_plans(conn, [plan(version="9")], START, "test")
        for revision in (1, 2):
            note(
                conn,
                START,
                "doxa",
                "month.closed",
                {"period_from": "2026-10-01", "revision": revision, "reason": "hành lang kín"},
            )
        scope = Scope(site="dong-dang", link="fixed")
        lifecycle.add_window(conn, from_us=START + HOUR, to_us=START + 2 * HOUR, scope=scope, reason="hành lang kín",
                             actor="lan", now_us=START)  # fmt: skip
    feed = drain(filled, shelf, events.streams(world(clock)))
    told = shelf.of("doxa_event", event="contract_changed")
    assert {fields["text"] for fields in told.values()} >= {
        "UBND xã Hồng Phong: Internet cố định, Viettel, 150 / – Mbps", "UBND xã Đồng Đăng: Internet cố định, VNPT, 300 / 150 Mbps",
    }  # fmt: skip
    assert START - 8 * HOUR in told, "a further contract counts from its first day"
    assert [f["title"] for f in shelf.of("doxa_event", event="plan_changed").values()] == [
        "Thêm kế hoạch: a-hong-phong", "Đổi kế hoạch: a-hong-phong",
    ]  # fmt: skip
    assert len(shelf.of("doxa_event", event="period_closed", province="00")) == 1
    assert (
        next(iter(shelf.of("doxa_event", event="period_reopened").values()))["text"] == "Kết quả tháng 10/2026, lần 2"
    )
    (work,) = shelf.of("doxa_event", event="maintenance", province="20", place="06184").items()
    assert (work[0], work[1]["text"]) == (START + HOUR, "Đến 20/11/2026 10:00:00")
    for one in shelf.sent:
        text = json.dumps([dict(one.fields), dict(one.tags)], ensure_ascii=False).lower()
        assert one.internal or not [word for word in SECRETS if word in text], one
    assert any(one.internal for one in shelf.sent), "the TSLCD contract changed too"
    with writing(filled) as conn:
        lifecycle.cancel_window(conn, 1, "lan", START + HOUR + MINUTE)
    feed()
    (work,) = shelf.of("doxa_event", event="maintenance").items()
    assert work == (START + HOUR, {**work[1], "text": "Đến 20/11/2026 09:01:00 (đã hủy)"}), "the same point, mended"
    assert afresh(filled, events.streams(world(clock))).points == shelf.points


def status(engine: Engine, agent: str, at_us: int, **changes: Any) -> None:
    said = AgentStatus(
        site=agent.rpartition("-")[0],
        agent=agent,
        epoch="00112233445566aa",
        version="0.1.0",
        **{"state": Said.ONLINE} | changes,
    )
    with writing(engine) as conn:
        note_status(conn, said, said.encode(), at_us, retained=False)


def test_a_probe_says_how_it_does_at_most_once_in_five_minutes(filled: Engine) -> None:
    clock, shelf = Clock(), Shelf()
    status(filled, "dong-dang-1", START, spool_rows=3, spool_dropped=1, disk_free_ratio=0.5, uptime_s=60.5,
           clock_synchronised=True, on_battery=False)  # fmt: skip
    status(filled, "dong-dang-2", START + 1)
    status(filled, "hong-phong-1", START + 2, state=Said.OFFLINE, reason="lost")
    feed = drain(filled, shelf, health.streams(world(clock))[1:])
    for minute in range(1, 5):
        clock.now_us = START + minute * MINUTE
        status(filled, "dong-dang-1", clock.now_us, spool_rows=minute)
        feed()
    assert {at: dict(fields) for at, fields in shelf.of("doxa_agent", agent="dong-dang-1").items()} == {
        START: {"spool_rows_count": 3, "spool_dropped_count": 1, "disk_free_ratio": 0.5, "uptime_s": 60.5, "clock_ok_flag": 1,
                "battery_flag": 0, "version": "0.1.0"}
    }  # fmt: skip
    assert shelf.of("doxa_agent", agent="dong-dang-2", site="dong-dang", place="06184") == {
        START + 1: {"version": "0.1.0"}
    }
    assert not shelf.of("doxa_agent", agent="hong-phong-1"), "a last will says nothing of the probe"
    clock.now_us = START + 5 * MINUTE
    feed()
    assert set(shelf.of("doxa_agent", agent="dong-dang-1")) == {START, START + 4 * MINUTE}
    assert all(one.internal for one in shelf.sent)


def test_the_collector_says_how_it_does_each_minute(filled: Engine) -> None:
    clock, shelf = Clock(START + 5), Shelf()
    with writing(filled) as conn:
        conn.execute(insert(counter), [{"name": "accepted", "value": 7}, {"name": "duplicate", "value": 2},
                                       {"name": "quarantined.not_utf8", "value": 1}, {"name": "quarantined.conflict", "value": 3}])  # fmt: skip
        forwarding.move(conn, "grafana", forwarding.Cursor(position=0, rejected=1), 1)
        forwarding.move(conn, "grafana/events", forwarding.Cursor(position=9, rejected=2, error="down"), 1)
        there = Presence(agent="dong-dang-1", site="dong-dang", state=There.ONLINE, since_us=START)
        presences.save(conn, [PresenceTurn(before=None, now=there, noticed_us=START)])
    around = replace(world(clock), health=lambda: Health(broker_connected=True, behind_s=0.25))
    feed = drain(filled, shelf, health.streams(around)[:1])
    feed()
    clock.now_us = START + MINUTE
    feed()
    found = [at for _, name, tags, at in shelf.points if name == "doxa_collector" and not tags]
    assert found == [START * 1000, (START + MINUTE) * 1000]
    own = shelf.points["raw", "doxa_collector", (), START * 1000]
    size = own.pop("ledger_bytes")
    assert float(size) > 10_000
    assert own == {
        "accepted_count": 7, "duplicate_count": 2, "quarantined_count": 4, "broker_connected_flag": 1, "intake_behind_s": 0.25,
        "agents_online_count": 1, "agents_count": 4,
    }  # fmt: skip
    assert shelf.of("doxa_collector", sink="grafana")[START] == {
        "behind_count": 0,
        "waiting_flag": 1,
        "rejected_count": 3,
    }


def test_a_process_without_intake_says_nothing_of_it(filled: Engine) -> None:
    shelf = Shelf()
    drain(filled, shelf, health.streams(World(now_us=Clock()))[:1])
    assert "broker_connected_flag" not in shelf.sent[0].fields or shelf.sent[0].fields["broker_connected_flag"] is None
    with reading(filled) as conn:
        assert forwarding.streams_of(conn, "s").keys() == {"health"}
