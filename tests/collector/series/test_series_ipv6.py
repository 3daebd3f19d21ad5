"""IPv6 by areas, lines with a black hole, communes' portals: counts of runs, in whatever order these arrive."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from tests.collector.series.series_ledger import DAY, HOUR, REGISTRY, START, Clock, Feed, Shelf, write_registry
from tests.collector.series.windows_ledger import Run, put

from doxa_agent import meters
from doxa_collector.series import World
from doxa_collector.series._ipv6day import HOLES, read_ipv6_day
from doxa_collector.series.areas import Areas
from doxa_core.outcome import Outcome

MIDNIGHT = START - 8 * HOUR
AREA, HOLE, PORTAL = "doxa_ipv6_area_1d", "doxa_black_hole_1d", "doxa_portal_1d"
FIBRE = {"kind": "fixed", "provider": "VNPT"}
SECOND = """
[[site]]
id = "b"
name = "b"
place = "03127"
agents = ["b-1"]
link = [{id = "fixed", kind = "fixed", provider = "VNPT"}]
"""
"""Another fixed line of VNPT, in another province."""


def six(at_s: float, site: str = "dong-dang", link: str = "fixed", outcome: Outcome = Outcome.OK, **values: float) -> Run:  # fmt: skip
    return Run(at_s, values, outcome, "ipv6", site, link)


def written(engine: Engine) -> Shelf:
    shelf = Shelf()
    Feed(engine, shelf, [Areas(World(now_us=Clock(START + 30 * DAY)))])()
    return shelf


@pytest.fixture
def ledger(engine: Engine, tmp_path: Path) -> Engine:
    write_registry(engine, tmp_path, REGISTRY.replace("2026-11-19", "2026-11-10").replace("2026-11-20", "2026-11-11") + SECOND)  # fmt: skip
    return engine


def test_a_flag_counts_in_the_good_runs_that_could_judge_it(ledger: Engine) -> None:
    runs = [
        six(0, tcp_flag=1, https_flag=0, rtt_v6_ms=10.0, made_up=3),
        six(9, tcp_flag=0, rtt_v6_ms=20.0),
        six(19, tcp_flag=1, rtt_v6_ms=90.0, outcome=Outcome.PROBE_LIMITED),
        six(29, outcome=Outcome.FAILED),
        six(39),
    ]
    put(ledger, runs, START)
    assert written(ledger).of(AREA, province="20", **FIBRE) == {
        MIDNIGHT: {
            "runs_count": 5, "tcp_yes_count": 1, "tcp_judged_count": 2, "https_yes_count": 0, "https_judged_count": 1,
            "rtt_v6_median_ms": 15.0,
        }
    }  # fmt: skip


def test_runs_add_up_over_provinces_and_a_median_is_over_lines(ledger: Engine) -> None:
    put(ledger, [six(n, tcp_flag=1, rtt_v6_ms=8.0) for n in range(9)], START)
    put(ledger, [six(n, "b", tcp_flag=n == 0, rtt_v6_ms=20.0) for n in range(3)], START)
    shelf = written(ledger)
    (country,), (one,), (other,) = (shelf.of(AREA, province=code, **FIBRE).values() for code in ("00", "20", "11"))
    counted = [(f["tcp_yes_count"], f["tcp_judged_count"], f["rtt_v6_median_ms"]) for f in (one, other, country)]
    assert counted == [(9, 9, 8.0), (1, 3, 20.0), (10, 12, 14.0)]


def test_an_area_without_an_ipv6_run_has_no_point(ledger: Engine) -> None:
    put(ledger, [Run(0), six(0, tcp_flag=1)], START)
    assert {dict(point.tags)["provider"] for point in written(ledger).sent if point.measurement == AREA} == {"VNPT"}


def test_only_a_line_and_day_that_met_a_black_hole_has_a_point(ledger: Engine) -> None:
    put(
        ledger,
        [
            six(0, black_hole_flag=1, mtu_1500_flag=0),
            six(9, black_hole_flag=0, black_hole_inbound_flag=0),
            six(86_400, black_hole_flag=0, black_hole_inbound_flag=0),
            six(0, "b", black_hole_flag=0),
            six(0, "hong-phong", black_hole_inbound_flag=1),
        ],
        START,
    )
    shelf = written(ledger)
    line = {"province": "20", "place": "06184", "site": "dong-dang", "link": "fixed", **FIBRE}
    assert shelf.of(HOLE, **line) == {
        MIDNIGHT: {
            "runs_count": 2, "out_met_count": 1, "out_judged_count": 2, "back_met_count": 0, "back_judged_count": 1,
        }
    }  # fmt: skip
    assert shelf.of(HOLE, site="hong-phong") == {
        MIDNIGHT: {"runs_count": 1, "back_met_count": 1, "back_judged_count": 1}
    }
    assert len([key for key in shelf.points if key[1] == HOLE]) == 2


def test_a_portal_is_the_communes_and_told_by_kind_of_line(ledger: Engine) -> None:
    seen = {"portal_aaaa_flag": 1, "portal_https_flag": 0, "portal_page_ms": 300.0, "tcp_flag": 1}
    put(ledger, [six(0)._replace(values=seen), six(9, portal_aaaa_flag=0), six(0, "b", tcp_flag=1)], START)
    shelf = written(ledger)
    assert shelf.of(PORTAL) == {
        MIDNIGHT: {
            "portal_aaaa_yes_count": 1, "portal_aaaa_judged_count": 2, "portal_https_yes_count": 0,
            "portal_https_judged_count": 1, "portal_page_median_ms": 300.0,
        }
    }  # fmt: skip
    (point,) = (point for point in shelf.sent if point.measurement == PORTAL)
    assert point.tags == {"province": "20", "place": "06184", "kind": "fixed"}


def test_what_tslcd_lines_say_is_internal(ledger: Engine) -> None:
    seen = {"black_hole_flag": 1, "portal_aaaa_flag": 1}
    put(ledger, [six(0, link="mang-rieng")._replace(values=seen), six(0)._replace(values=seen)], START)
    told = [(p.measurement, dict(p.tags)["kind"], p.internal) for p in written(ledger).sent if p.measurement != "doxa_area_1d"]  # fmt: skip
    assert {(kind, internal) for _, kind, internal in told} == {("tslcd", True), ("fixed", False)}
    assert {name for name, kind, _ in told if kind == "tslcd"} == {AREA, HOLE, PORTAL}


def test_the_flags_of_black_holes_are_those_of_the_meter() -> None:
    """All else is counted whatever it is called; the dashboards' catalogue then knows it by its new name."""
    assert {f"{flag}_flag" for flag in HOLES.values()} <= set(meters.load("ipv6").values)


ROWS = st.lists(
    st.tuples(
        st.sampled_from([Outcome.OK, Outcome.OK, Outcome.FAILED]),
        st.integers(0, 3),
        st.dictionaries(st.sampled_from(["black_hole_flag", "tcp_flag", "state_ready_flag"]), st.sampled_from([0, 1])),
        st.sampled_from([0.1, 0.2, 0.7, 9.0]),
    ),
    max_size=9,
)


@settings(max_examples=40)
@given(ROWS, st.randoms(use_true_random=False))
def test_what_a_line_did_on_a_day_is_the_same_in_any_order(rows: list[Any], dice: Random) -> None:
    """With kills, pieces and late arrivals: `test_any_order_any_batches_and_any_kill_end_in_the_same_store`."""
    told = [(outcome, at, json.dumps({**flags, "page_ms": ms})) for outcome, at, flags, ms in rows]
    found = read_ipv6_day(told)
    assert read_ipv6_day(dice.sample(told, len(told))) == found
    good = [flags for outcome, _, flags, _ in rows if outcome == Outcome.OK]
    assert found.judged["tcp"] == sum("tcp_flag" in flags for flags in good)
    assert found.yes["tcp"] == sum(flags.get("tcp_flag", 0) for flags in good)
    assert (found.ready is None) == all("state_ready_flag" not in flags for flags in good)
