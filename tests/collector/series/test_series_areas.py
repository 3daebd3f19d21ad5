"""Areas by day: medians over lines, lines beside their contracts, and the country as a whole."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.collector.series.series_ledger import DAY, HOUR, REGISTRY, START, Clock, Feed, Shelf, write_registry
from tests.collector.series.windows_ledger import Run, put, speeds

from doxa_collector.ledger.engine import reading
from doxa_collector.series import World
from doxa_collector.series.areas import Areas
from doxa_core.outcome import Outcome

MIDNIGHT = START - 8 * HOUR
FIBRE = {"kind": "fixed", "provider": "VNPT"}


def link(name: str, down: float, up: float | None = None, more: str = "") -> str:
    upload = "" if up is None else f", contracted_up_mbps = {up}"
    return (
        f'[[site]]\nid = "{name}"\nname = "{name}"\nplace = "06184"\nagents = ["{name}-1"]\n'
        f'link = [{{id = "fixed", kind = "fixed", provider = "VNPT", contracted_down_mbps = {down}{upload}{more}}}]\n'
    )


def written(engine: Engine, clock: Clock | None = None, rows: int = 20_000) -> Shelf:
    shelf = Shelf()
    Feed(engine, shelf, [Areas(World(now_us=clock or Clock(START + 30 * DAY)), rows=rows)])()
    return shelf


@pytest.fixture
def register_(engine: Engine, tmp_path: Path) -> Any:
    def register(*links: str) -> None:
        write_registry(engine, tmp_path, REGISTRY.replace("valid_to = 2026-11-19", "valid_to = 2026-11-10").replace(
            "valid_from = 2026-11-20", "valid_from = 2026-11-11") + "".join(links))  # fmt: skip

    return register


def test_medians_are_over_lines_of_each_lines_own_median(engine: Engine, register_: Any) -> None:
    register_(link("a", 100), link("b", 100))
    put(engine, [*speeds("a", "fixed", (90, 45), (10, 5), (95, 40)), *speeds("b", "fixed", (50, 20))], START)
    put(engine, [*speeds("dong-dang", "fixed", *[(300.0, 150.0)] * 9), Run(0, {}, Outcome.FAILED, site="a")], START)
    found = written(engine).of("doxa_area_1d", province="20", **FIBRE)
    assert list(found) == [MIDNIGHT]
    assert found[MIDNIGHT] == {
        "lines_count": 3, "measured_count": 3, "tested_count": 3, "download_median_mbps": 90.0,
        "upload_median_mbps": 40.0, "contracted_count": 3, "reached_contract_count": 1, "below_floor_count": 1,
        "ipv6_tested_count": 0, "runs_count": 14, "ok_count": 13, "failed_count": 1, "skipped_count": 0,
        "probe_limited_count": 0, "error_count": 0,
    }  # fmt: skip


def test_the_country_comes_once_more_by_kind_and_provider(engine: Engine, register_: Any) -> None:
    register_()
    put(engine, [Run(0), Run(0, site="dien-bien", link="mobile")], START)
    shelf = written(engine)
    tags = [dict(point.tags) for point in shelf.sent]
    assert [(t["province"], t["kind"], t["provider"]) for t in tags] == [
        ("00", "fixed", "VNPT"), ("00", "fixed", "Viettel"), ("00", "mobile", "MobiFone"), ("00", "tslcd", "Cục Bưu điện"),
        ("11", "mobile", "MobiFone"), ("20", "fixed", "VNPT"), ("20", "fixed", "Viettel"), ("20", "tslcd", "Cục Bưu điện"),
    ]  # fmt: skip
    assert [point.internal for point in shelf.sent] == [t["kind"] == "tslcd" for t in tags]
    (silent,) = shelf.of("doxa_area_1d", province="20", provider="Viettel").values()
    assert (silent["lines_count"], silent["measured_count"]) == (1, 0)
    assert not {"download_median_mbps", "reached_contract_count", "loss_percent", "ipv6_ready_count"} & set(silent)


@pytest.mark.parametrize(
    ("contract", "speed", "reached", "below"),
    [
        (link("a", 100, 50), (100.0, 50.0), 1, 0),
        (link("a", 100, 50), (100.0, 49.9), 0, 0),
        (link("a", 100, 50), (100.0, 39.9), 0, 1),
        (link("a", 100, 50), (80.0, 50.0), 0, 0),
        (link("a", 100), (79.9, 1.0), 0, 1),
        (link("a", 105, None, ', layer = "wire"'), (100.0, 1.0), 1, 0),
        (link("a", 105, None, ', layer = "payload"'), (100.0, 1.0), 0, 0),
    ],
)
def test_the_worse_direction_decides_at_the_layer_of_the_contract(
    engine: Engine, register_: Any, contract: str, speed: Any, reached: int, below: int
) -> None:
    register_(contract.replace("VNPT", "FPT"))
    put(engine, speeds("a", "fixed", speed), START)
    (found,) = written(engine).of("doxa_area_1d", province="00", provider="FPT").values()
    assert (found["contracted_count"], found["reached_contract_count"], found["below_floor_count"]) == (
        1,
        reached,
        below,
    )


def test_loss_is_of_all_packets_and_ipv6_of_the_last_test_that_came_to_a_state(engine: Engine, register_: Any) -> None:
    register_(link("a", 100))
    put(
        engine,
        [
            Run(0, {"sent_count": 90, "received_count": 90, "rtt_p50_ms": 8.0}),
            Run(9, {"sent_count": 10, "received_count": 5, "rtt_p50_ms": 4.0}, site="a"),
            Run(50, {"state_ready_flag": 0, "state_partial_flag": 1}, meter="ipv6"),
            Run(40, {"state_ready_flag": 1}, meter="ipv6"),
            Run(40, {"state_ready_flag": 0, "state_v6_only_ready_flag": 1}, meter="ipv6", site="a"),
            Run(60, {"aaaa_ms": 3}, meter="ipv6", site="a"),
        ],
        START,
    )
    (found,) = written(engine).of("doxa_area_1d", province="20", **FIBRE).values()
    assert (found["loss_percent"], found["rtt_p50_median_ms"]) == (5.0, 6.0)
    assert (found["ipv6_tested_count"], found["ipv6_ready_count"]) == (2, 1)


def test_a_day_that_is_read_piece_by_piece_and_late_data_end_in_the_same(engine: Engine, register_: Any) -> None:
    register_(*(link(f"a{n}", 100) for n in range(5)))
    clock = Clock(START + 5 * HOUR)
    shelf = Shelf()
    feed = Feed(engine, shelf, [Areas(World(now_us=clock), rows=1)])
    put(engine, [run for n in range(5) for run in speeds(f"a{n}", "fixed", (n, 1))], START)
    feed()
    put(engine, speeds("a0", "fixed", (99, 1)), clock.now_us)
    clock.now_us += 20 * DAY
    put(engine, speeds("a1", "fixed", (98, 1)), clock.now_us - DAY)
    feed()
    assert shelf.points == written(engine).points


def test_a_day_on_which_no_line_was_in_force_holds_nothing_up(engine: Engine, tmp_path: Path) -> None:
    places = REGISTRY[: REGISTRY.index("[[site]]")]
    write_registry(engine, tmp_path, places + link("a", 100, None, ", valid_from = 2026-11-20"))
    put(engine, [Run(-5 * 86_400, site="a")], START)
    clock = Clock(START + DAY)
    shelf = Shelf()
    feed = Feed(engine, shelf, [Areas(World(now_us=clock))])
    feed()
    assert not shelf.sent
    put(engine, [Run(0, site="a")], clock.now_us)
    clock.now_us += DAY
    feed()
    assert list(shelf.of("doxa_area_1d", province="20")) == [MIDNIGHT]


def test_the_position_moves_with_the_last_point_of_a_day_only(engine: Engine, register_: Any) -> None:
    register_()
    put(engine, [Run(0), Run(-86_400), Run(3600)], START)
    stream = Areas(World(now_us=Clock(START + DAY)))
    with reading(engine) as conn:
        points = stream.after(conn, 0, 1)
        assert {stream.position(point) for point in points[:-1]} == {0}
        assert stream.position(points[-1]) == 2
        assert stream.position(stream.after(conn, 2, 1)[-1]) == 3
