"""The probes added up: of now, by province and once for the country, never a mean, absent where nobody tells."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from tests.collector.series.series_ledger import (
    HOUR,
    MINUTE,
    START,
    Clock,
    Feed,
    Shelf,
    afresh,
    drain,
    world,
)

from doxa_collector.alerts.rules import read_rules
from doxa_collector.ledger.engine import writing
from doxa_collector.ledger.writing import note_status
from doxa_collector.series import World, health
from doxa_collector.series._agents import summed, too_little
from doxa_collector.sink import Tier
from doxa_core.status import AgentStatus
from doxa_core.status import State as Said

S = 1_000_000


def said(agent: str, **changes: Any) -> AgentStatus:
    plain: dict[str, Any] = {"state": Said.ONLINE, "version": "0.6.0"}
    return AgentStatus(site=agent.rpartition("-")[0], agent=agent, epoch="00112233445566aa", **(plain | changes))


def hear(engine: Engine, one: AgentStatus, at_us: int) -> None:
    with writing(engine) as conn:
        note_status(conn, one, one.encode(), at_us, retained=False)


def together(around: World) -> Sequence[health.Together]:
    return [stream for stream in health.streams(around) if isinstance(stream, health.Together)]


def of(shelf: Shelf, province: str) -> Mapping[int, Mapping[str, float | str]]:
    return shelf.of("doxa_agents_5m", province=province)


def test_each_province_and_the_country_once_have_their_sums(filled: Engine) -> None:
    shelf = Shelf()
    hear(filled, said("dong-dang-1", spool_rows=3, spool_dropped=1, disk_free_ratio=0.5, clock_synchronised=True,
                      on_battery=False), START - MINUTE)  # fmt: skip
    hear(filled, said("dong-dang-2", spool_rows=40, spool_dropped=6, disk_free_ratio=0.02, clock_synchronised=False,
                      version="0.5.0"), START - MINUTE)  # fmt: skip
    hear(filled, said("dien-bien-1", spool_rows=2), START - MINUTE)
    drain(filled, shelf, together(world(Clock(START + 7 * S))))
    lang_son = {
        "agents_count": 2, "spool_rows_count": 43, "spool_dropped_count": 7, "clock_wrong_count": 1, "battery_count": 0,
        "disk_low_count": 1, "disk_free_min_ratio": 0.02, "versions_count": 2,
    }  # fmt: skip
    assert of(shelf, "20") == {START: lang_son}
    assert of(shelf, "11") == {START: {"agents_count": 1, "spool_rows_count": 2, "versions_count": 1}}, (
        "nobody tells more"
    )
    assert of(shelf, "00") == {START: lang_son | {"agents_count": 3, "spool_rows_count": 45}}
    assert len(shelf.points) == 3
    assert {(one.internal, one.public, one.tier) for one in shelf.sent} == {(True, None, Tier.FIVE_MINUTES)}


def test_who_was_not_heard_within_the_hour_or_went_away_does_not_count(filled: Engine) -> None:
    clock, shelf = Clock(START + 2 * S), Shelf()
    hear(filled, said("dong-dang-1", spool_rows=1), clock.now_us - HOUR)
    hear(filled, said("dong-dang-2", spool_rows=2), clock.now_us - HOUR + 1)
    hear(filled, said("hong-phong-1", spool_rows=4), START)
    hear(filled, said("hong-phong-1", state=Said.OFFLINE, reason="lost", spool_rows=8), START)
    drain(filled, shelf, together(world(clock)))
    assert of(shelf, "20")[START] == {"agents_count": 1, "spool_rows_count": 2, "versions_count": 1}


def test_nobody_heard_is_none_and_no_sum_is_zero(filled: Engine) -> None:
    shelf = Shelf()
    drain(filled, shelf, together(world(Clock())))
    assert of(shelf, "00") == {START: {"agents_count": 0}}
    assert not of(shelf, "20")


def test_an_office_that_the_registry_does_not_know_counts_in_the_country_only(filled: Engine) -> None:
    shelf = Shelf()
    hear(filled, said("nowhere-1", spool_rows=5), START)
    drain(filled, shelf, together(world(Clock())))
    assert {key[2] for key in shelf.points} == {(("province", "00"),)}
    assert of(shelf, "00")[START]["spool_rows_count"] == 5


def test_every_window_has_its_look_though_looks_come_late(filled: Engine) -> None:
    """Looks five minutes and some seconds apart would leave a window out now and then: they keep to the windows."""
    clock, shelf = Clock(START), Shelf()
    feed = Feed(filled, shelf, together(world(clock)))
    for second in range(0, 1800, 17):
        clock.now_us = START + second * S
        hear(filled, said("hong-phong-1", spool_rows=second), clock.now_us)
        feed()
    assert list(of(shelf, "20")) == [START + n * 5 * MINUTE for n in range(6)]
    looks = [float(fields["spool_rows_count"]) for fields in of(shelf, "20").values()]
    assert all(0 <= rows - 300 * n < 17 for n, rows in enumerate(looks)), "each as soon as its window begins"


def test_what_was_missed_is_not_made_up(filled: Engine) -> None:
    clock, shelf = Clock(), Shelf()
    hear(filled, said("hong-phong-1", spool_rows=1), START)
    feed = Feed(filled, shelf, together(world(clock)))
    feed()
    clock.now_us = START + 31 * MINUTE
    feed()
    assert list(of(shelf, "00")) == [START, START + 30 * MINUTE]
    assert list(of(afresh(filled, together(world(clock))), "00")) == [START + 30 * MINUTE]


def test_how_little_disk_is_too_little_the_alert_rules_say(tmp_path: Path) -> None:
    probes = [said("a-1", disk_free_ratio=share) for share in (0.05, 0.09, 0.1, 0.2)]
    assert summed(probes, too_little(read_rules()))["disk_low_count"] == 2, "as the shipped rule"
    file = tmp_path / "rules.toml"
    file.write_text('[[rule]]\nid = "probe-disk"\nthreshold = 0.15\nclear_threshold = 0.2\n', encoding="utf-8")
    assert summed(probes, too_little(read_rules(file)))["disk_low_count"] == 3
    off = [replace(rule, enabled=False) for rule in read_rules()]
    assert summed(probes, too_little(off))["disk_low_count"] is None, "nobody says what is little"


def test_the_rules_in_force_are_asked_at_each_look(filled: Engine) -> None:
    clock, shelf, rules = Clock(), Shelf(), list(read_rules())
    hear(filled, said("hong-phong-1", disk_free_ratio=0.01), START)
    feed = Feed(filled, shelf, together(replace(world(clock), rules=lambda: rules)))
    feed()
    rules.clear()
    clock.now_us += 5 * MINUTE
    feed()
    assert [fields.get("disk_low_count") for fields in of(shelf, "00").values()] == [1, None]


_COUNTS = st.none() | st.integers(0, 9)
_WORDS = st.builds(
    said, st.sampled_from(["a-1", "a-2", "b-1"]), spool_rows=_COUNTS, spool_dropped=_COUNTS, version=st.sampled_from("xy"),
    disk_free_ratio=st.none() | st.sampled_from([0.0, 0.05, 0.1, 0.5]), clock_synchronised=st.none() | st.booleans(),
    on_battery=st.none() | st.booleans(),
)  # fmt: skip


@given(st.lists(_WORDS, max_size=6), st.lists(_WORDS, max_size=6))
def test_sums_of_parts_add_up_to_the_sum_of_all(one: list[AgentStatus], other: list[AgentStatus]) -> None:
    low = too_little(read_rules())
    parts, whole = [summed(some, low) for some in (one, other)], summed([*one, *other], low)
    for name, value in whole.items():
        told = [found for part in parts if (found := part[name]) is not None]
        if name == "disk_free_min_ratio":
            assert value == min(told, default=None)
        elif name == "versions_count":
            assert (value or 0) <= sum(told)
        else:
            assert value == (sum(told) if told else None)
            assert value is None or value >= 0
