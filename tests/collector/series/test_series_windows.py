"""Windows: exact, the same whatever the order of arrival, and counted a few times only."""

import math
import random
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from tests.collector.series.series_ledger import START, Clock, Feed, Shelf, write_registry
from tests.collector.series.windows_ledger import Run, put

from doxa_collector.forwarder import Forwarder
from doxa_collector.ledger.engine import open_ledger, reading, writing
from doxa_collector.ledger.forwarding import rewind
from doxa_collector.series import Settings, World, read_settings
from doxa_collector.series._settings import LEAVE_OUT
from doxa_collector.series._spans import DAY, FIVE_MINUTES, HOUR, SPANS
from doxa_collector.series._summary import Summary, statistics_of
from doxa_collector.series.areas import Areas
from doxa_collector.series.windows import Windows, streams
from doxa_collector.sink import UnavailableError
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

LATER = START + 400 * 86_400_000_000
EVERYTHING = Settings(leave_out=())


def all_of(engine: Engine, shelf: Any, clock: Clock, found: Settings = EVERYTHING) -> Feed:
    """The streams of windows and areas."""
    world = World(now_us=clock, settings=found)
    return Feed(engine, shelf, [*streams(world), Areas(world, rows=3)])


@pytest.fixture
def filled(engine: Engine, tmp_path: Path) -> Engine:
    write_registry(engine, tmp_path)
    return engine


# --- what a window says


def test_a_window_says_what_its_good_runs_come_to(filled: Engine) -> None:
    put(
        filled,
        [
            Run(0, {"rtt_p50_ms": 12.0, "sent_count": 10, "received_count": 9, "tcp_flag": 1}),
            Run(60, {"rtt_p50_ms": 10.0, "sent_count": 10, "received_count": 10, "tcp_flag": 0}),
            Run(120, {"rtt_p50_ms": 40.0, "sent_count": 10}),
            Run(180, {"rtt_p50_ms": 11.0}),
            Run(200, {"rtt_p50_ms": 999.0}, Outcome.PROBE_LIMITED),
            Run(240, {}, Outcome.FAILED),
            Run(299.999999, {}, Outcome.SKIPPED),
            Run(300, {"rtt_p50_ms": 77.0}),
        ],
        START,
    )
    shelf = Shelf()
    all_of(filled, shelf, Clock(LATER))()
    found = shelf.of("doxa_latency_5m")
    assert list(found) == [START, START + 300_000_000]
    assert found[START] == {
        "rtt_p50_ms_mean": 18.25, "rtt_p50_ms_median": 11.5, "rtt_p50_ms_min": 10.0, "rtt_p50_ms_max": 40.0,
        "sent_count_sum": 30.0, "received_count_sum": 19.0, "tcp_flag_mean": 0.5, "tcp_flag_count": 2, "runs_count": 7, "ok_count": 4,
        "failed_count": 1, "skipped_count": 1, "probe_limited_count": 1, "error_count": 0,
    }  # fmt: skip
    (hour,) = shelf.of("doxa_latency_1h").values()
    assert (hour["rtt_p50_ms_median"], hour["ok_count"]) == (12.0, 5)


def test_a_day_is_a_day_in_vietnam(filled: Engine) -> None:
    put(filled, [Run(16 * 3600 - 1), Run(16 * 3600)], START)  # START is 08:00: just before midnight, and midnight
    shelf = Shelf()
    all_of(filled, shelf, Clock(LATER))()
    assert list(shelf.of("doxa_latency_1d")) == [START - 8 * 3_600_000_000, START + 16 * 3_600_000_000]


def test_tasks_far_ends_and_families_have_series_of_their_own_and_an_address_is_no_tag(filled: Engine) -> None:
    one = Run(0)
    put(filled, [one, one._replace(task="u"), one._replace(family=6), one._replace(far_end="192.0.2.7"),
                 one._replace(far_end="192.0.2.8"), one._replace(family=None)], START)  # fmt: skip
    shelf = Shelf()
    all_of(filled, shelf, Clock(LATER))()
    tags = [str(sorted(p.tags.items(), key=str)) for p in shelf.sent if p.measurement == "doxa_latency_5m"]
    assert len(set(tags)) == 5
    assert "192.0.2" not in str(tags)
    assert [f["runs_count"] for f in shelf.of("doxa_latency_5m", task="t", family="4", far_end="vnix-hn").values()] == [
        1
    ]
    assert dict(shelf.sent[0].tags) | {"far_end": "", "family": "", "task": ""} == {
        "province": "20", "place": "06184", "site": "dong-dang", "link": "fixed", "kind": "fixed", "provider": "VNPT",
        "task": "", "far_end": "", "family": "",
    }  # fmt: skip


def test_tslcd_and_lines_that_nobody_knows_are_internal(filled: Engine) -> None:
    put(filled, [Run(0), Run(0, link="mang-rieng"), Run(0, link="unknown"), Run(0, site="nowhere")], START)
    shelf = Shelf()
    all_of(filled, shelf, Clock(LATER))()
    found = {(p.tags["site"], p.tags["link"]): p.internal for p in shelf.sent if p.measurement == "doxa_latency_1d"}
    assert found == {
        ("dong-dang", "fixed"): False, ("dong-dang", "mang-rieng"): True, ("dong-dang", "unknown"): True,
        ("nowhere", "fixed"): True,
    }  # fmt: skip


@given(st.lists(st.floats(-1e6, 1e18), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_statistics_are_exact_whatever_the_order(column: list[float], order: random.Random) -> None:
    summary = Summary()
    found = summary.of("x_1h", [("ok", f'{{"a_ms":{v!r},"b_count":{v!r}}}') for v in column])
    shuffled = order.sample(column, len(column))
    assert found == summary.of("x_1h", [("ok", f'{{"a_ms":{v!r},"b_count":{v!r}}}') for v in shuffled])
    assert found["b_count_sum"] == math.fsum(column)
    assert found["a_ms_mean"] == math.fsum(column) / len(column)
    assert found["a_ms_min"] <= found["a_ms_median"] <= found["a_ms_max"]
    assert sum(v < found["a_ms_median"] for v in column) * 2 <= len(column)


@pytest.mark.parametrize("values", ['{"a_ms": NaN}', '{"a_ms": 1e999}', '{"a_ms": 1e308, "b_mbps": 1}', "{}"])
def test_what_is_not_finite_is_no_field(values: str) -> None:
    found = Summary().of("x_1h", [("ok", values)] * 4)
    assert all(math.isfinite(value) for value in found.values())
    assert found["ok_count"] == 4


def test_how_a_value_is_summed_up_follows_its_unit() -> None:
    four = ("mean", "median", "min", "max")
    assert [statistics_of(name) for name in ("rtt_p50_ms", "a_mbps", "a_ratio", "b_factor", "c_rpm")] == [four] * 5
    assert statistics_of("sent_count") == statistics_of("a_bytes") == ("sum",)
    assert (statistics_of("tcp_flag"), statistics_of("nonsense")) == (("mean", "count"), ())


# --- when it says it


def test_a_window_waits_for_its_slice_and_is_written_once_in_it(filled: Engine) -> None:
    clock, shelf = Clock(START), Shelf()
    feed = Feed(filled, shelf, [Windows(FIVE_MINUTES, World(now_us=clock))])
    cut = FIVE_MINUTES.slice_of(START)[1]
    put(filled, [Run(0), Run(10), Run(20)], cut - 30_000_000)
    clock.now_us = cut - 1
    feed()
    assert not shelf.sent
    clock.now_us = cut
    feed()
    feed()
    assert [point.fields["runs_count"] for point in shelf.sent] == [3]
    put(filled, [Run(70)], cut + 5)
    clock.now_us = cut + FIVE_MINUTES.slice_us
    feed()
    assert [point.fields["runs_count"] for point in shelf.sent] == [3, 4]


@pytest.mark.parametrize("span", SPANS)
def test_an_open_window_is_counted_a_few_times_only(filled: Engine, span: Any) -> None:
    clock, shelf = Clock(START), Shelf()
    feed = Feed(filled, shelf, [Windows(span, World(now_us=clock))])
    steps = 50
    for step in range(steps):  # one window, one arrival after the other
        at = span.window_of(START) + step * span.length_us // steps
        put(filled, [Run((at - START) / 1e6)], at + 2_000_000)
        clock.now_us = at + 3_000_000
        feed()
    clock.now_us += span.slice_us
    feed()
    assert len(shelf.sent) <= span.length_us // span.slice_us + 1
    assert shelf.sent[-1].fields["runs_count"] == steps


def test_a_clock_that_was_set_back_stops_nothing(filled: Engine) -> None:
    clock, shelf = Clock(START), Shelf()
    feed = Feed(filled, shelf, [Windows(HOUR, World(now_us=clock))])
    put(filled, [Run(0)], START + 86_400_000_000)
    feed()
    assert len(shelf.sent) == 1


def test_going_back_by_the_command_writes_it_again(filled: Engine) -> None:
    put(filled, [Run(0), Run(7200)], START)
    shelf = Shelf()
    feed = all_of(filled, shelf, Clock(LATER))
    feed()
    before, n = dict(shelf.points), len(shelf.sent)
    with writing(filled) as conn:
        for stream in ("windows_5m", "windows_1h", "windows_1d", "areas"):
            rewind(conn, f"s/{stream}", 0, 1)
    feed()
    assert shelf.points == before
    assert len(shelf.sent) == 2 * n


def test_a_call_reads_about_so_many_runs_however_long_the_windows(
    filled: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doxa_collector.series.windows._ROWS", 100)
    put(
        filled,
        [Run(n, task=f"t{n % 2}", site=site) for site in ("dong-dang", "hong-phong", "x") for n in range(60)],
        START,
    )
    stream, position, sizes = Windows(DAY, World(now_us=Clock(LATER))), 0, []
    with reading(filled) as conn:
        while items := stream.after(conn, position, 1000):
            position = stream.position(items[-1])
            sizes.append(len(items))
    assert sizes == [4, 2]


def test_what_has_arrived_in_the_slice_that_runs_waits_although_older_ones_are_due(filled: Engine) -> None:
    start, end = FIVE_MINUTES.slice_of(START)
    put(filled, [Run(0)], start - 1)
    put(filled, [Run(1), Run(2)], start)
    stream = Windows(FIVE_MINUTES, World(now_us=Clock(end - 1)))
    with reading(filled) as conn:
        assert [stream.position(point) for point in stream.after(conn, 0, 1000)] == [1]
        assert not stream.after(conn, 1, 1000)


def test_the_position_moves_with_the_last_point_of_a_window_only(filled: Engine) -> None:
    put(filled, [Run(0), Run(1, task="u"), Run(0, site="hong-phong")], START)
    stream = Windows(HOUR, World(now_us=Clock(LATER)))
    with reading(filled) as conn:
        assert [stream.position(point) for point in stream.after(conn, 0, 1000)] == [0, 2, 3]


# --- whatever happens


class Moody(Shelf):
    """A store that goes away in the middle of a writing, as often as the dice say, and keeps a part of it."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self._dice = dice
        self.calm = False

    def send(self, items: Any) -> None:
        if not self.calm and self._dice.random() < 0.3:
            super().send(items[: self._dice.randrange(len(items) + 1)])
            raise UnavailableError(Text(vi="hỏng", en="broken"), steady=self._dice.random() < 0.5)
        super().send(items)


RUNS = st.lists(
    st.builds(
        Run,
        at_s=st.sampled_from([0, 60, 299, 300, 3599, 3600, 57_599, 57_600, -90_000]),
        values=st.sampled_from([{"rtt_p50_ms": 0.1, "sent_count": 3, "received_count": 2}, {"rtt_p50_ms": 0.2},
                                {"rtt_p50_ms": 0.3, "download_mbps": 80.7, "upload_mbps": 9},
                                {"state_ready_flag": 1, "download_mbps": 310.0}, {"state_ready_flag": 0}, {},
                                {"black_hole_flag": 1, "portal_https_flag": 0, "portal_page_ms": 8.1}]),
        outcome=st.sampled_from([Outcome.OK, Outcome.OK, Outcome.OK, Outcome.FAILED, Outcome.PROBE_LIMITED]),
        meter=st.sampled_from(["latency", "speed", "ipv6"]),
        site=st.sampled_from(["dong-dang", "dien-bien", "nowhere"]),
        link=st.sampled_from(["fixed", "mobile", "mang-rieng"]),
        task=st.sampled_from(["t", "u"]),
        far_end=st.sampled_from(["vnix-hn", "192.0.2.1", None]),
        family=st.sampled_from([4, 6, None]),
    ),
    min_size=1,
    max_size=25,
)  # fmt: skip


@settings(max_examples=10)
@given(runs=RUNS, seed=st.integers(0, 2**32))
def test_any_order_any_batches_and_any_kill_end_in_the_same_store(
    tmp_path_factory: pytest.TempPathFactory, runs: list[Run], seed: int
) -> None:
    dice = random.Random(seed)
    wanted, found = Shelf(), Moody(dice)
    folder = tmp_path_factory.mktemp("windows")
    for name, shelf in (("plain", wanted), ("moody", found)):
        engine = open_ledger(folder / f"{name}.db")
        write_registry(engine, folder)
        if name == "plain":
            put(engine, sorted(runs, key=str), START)
            all_of(engine, shelf, Clock(LATER))()
        else:
            _arrive(engine, found, dice.sample(runs, len(runs)), dice)
        engine.dispose()
    assert found.points == wanted.points


def _arrive(engine: Engine, shelf: Moody, runs: list[Run], dice: random.Random) -> None:
    clock = Clock(START)
    feed = _born(engine, shelf, clock, dice)
    while runs:
        some = dice.randrange(1, 6)
        put(engine, runs[:some], clock.now_us)
        runs = runs[some:]
        clock.now_us += dice.choice([0, 20_000_000, 700_000_000, 20_000_000_000, 90_000_000_000])
        for _ in range(dice.randrange(4)):
            for forwarder in feed.forwarders:
                forwarder.step()
        if dice.random() < 0.3:
            feed = _born(engine, shelf, clock, dice)  # killed, and started again
    clock.now_us, shelf.calm = LATER, True
    feed()


def _born(engine: Engine, shelf: Shelf, clock: Clock, dice: random.Random) -> Feed:
    world = World(now_us=clock, settings=EVERYTHING)
    feed = Feed(engine, shelf, [])
    feed.forwarders = [
        Forwarder(engine, "s", shelf, stream, batch_rows=dice.choice([1, 3, 1000]), margin_s=dice.choice([0, 60]))
        for stream in (*streams(world), Areas(world, rows=dice.choice([1, 5, 1000])))
    ]
    return feed


# --- what is left out


def test_patterns_leave_fields_out_and_counts_stay_unless_they_are_named() -> None:
    summary = Summary(("latency_5m.rtt_*_min", "*_1d.*"))
    run = [("ok", '{"rtt_p50_ms": 1.0, "sent_count": 3}')]
    assert "rtt_p50_ms_min" not in summary.of("latency_5m", run)
    assert "rtt_p50_ms_min" in summary.of("latency_1h", run)
    assert set(summary.of("latency_1d", run)) == {f"{o}_count" for o in ("runs", *Outcome)}


def test_by_default_the_sums_that_tell_loss_are_there_and_shares_are_not() -> None:
    values = '{"loss_ratio":0.1,"sent_count":10,"received_count":9,"rtt_variance_ms2":1,"rtt_p50_ms":4,"pdv_p95_ms":1}'
    found = Summary(LEAVE_OUT).of("latency_5m", [("ok", values)])
    assert {n for n in found if not n.startswith("rtt_p50")} == {
        "sent_count_sum", "received_count_sum", *(f"{o}_count" for o in ("runs", *Outcome)),
    }  # fmt: skip
    assert "pdv_p95_ms_max" in Summary(LEAVE_OUT).of("latency_1h", [("ok", values)])


@pytest.mark.parametrize("wrong", ['["rtt ms"]', '["latency"]', '["Latency_5m.x"]', "[1]", '"*"'])
def test_a_pattern_that_can_never_fit_is_refused_in_one_sentence(wrong: str) -> None:

    with pytest.raises(InputError) as error:
        read_settings(Table(tomllib.loads(f"leave_out = {wrong}"), "collector.toml", "series."))
    assert "collector.toml: series.leave_out" in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_key_of_the_table_is_refused_and_an_empty_list_leaves_nothing_out() -> None:
    with pytest.raises(InputError):
        read_settings(Table({"leave": []}, "collector.toml", "series."))
    assert read_settings(Table({"leave_out": []}, "c", "series.")).leave_out == ()
    assert read_settings(None) == Settings()
