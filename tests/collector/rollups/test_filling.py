"""Keeping packs up with the evidence: always what the evidence says, whatever came late and whoever was killed."""

import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, func, select, update
from tests.collector.rollups.conftest import (
    BORDER_US,
    NOVEMBER,
    OCTOBER,
    Add,
    Entry,
    add_to,
    as_text,
    assert_same,
    at,
    both,
)

from doxa_collector.ledger.engine import open_ledger, reading, writing
from doxa_collector.ledger.schema import rollup_cursor, rollup_pack
from doxa_collector.rollups import filling, kept
from doxa_collector.rollups.filling import Sizes, fill
from doxa_collector.rollups.kept import Kept
from doxa_collector.rollups.raw import Raw
from doxa_core.errors import OperationError
from doxa_core.outcome import Outcome

SITES = ("dong-dang", "lai-chau")
MOMENTS = (
    st.sampled_from([BORDER_US - 1, BORDER_US, BORDER_US + 1, OCTOBER.from_us, NOVEMBER.to_us - 1])
    | st.integers(OCTOBER.from_us, NOVEMBER.to_us - 1)
    | st.sampled_from([at("2026-10-31T23:59:59"), at("2026-11-01T00:00"), at("2026-11-15T09:30"), -(10**17), 10**18])
)
NUMBERS = st.sampled_from([0, 100, 99.5, -1.0, 1e13, 93.123456789, 1e12]) | st.floats(0, 1000)
NAMES = (
    "download_mbps",
    "download_ip_mbps",
    "download_wire_mbps",
    "upload_ip_mbps",
    "download_mean_mbps",
    "rtt_p50_ms",
    "loss_ratio",
)
ENTRIES = st.builds(
    Entry,
    MOMENTS,
    st.dictionaries(st.sampled_from(NAMES), NUMBERS, max_size=5),
    st.sampled_from(Outcome),
    st.sampled_from(SITES),
    st.sampled_from(["fixed", "mobile"]),
    st.sampled_from(["speed", "speed", "latency", "dns"]),
    MOMENTS,
)


@given(st.lists(st.tuples(st.lists(ENTRIES, max_size=12), st.integers(1, 9)), min_size=1, max_size=4))
@settings(max_examples=20)
def test_what_is_kept_is_what_the_evidence_says(
    tmp_path_factory: pytest.TempPathFactory, arrivals: list[tuple[list[Entry], int]]
) -> None:
    """Late data, equal moments, the border of a month, values that are none: in batches of any size."""
    engine, seen = open_ledger(tmp_path_factory.mktemp("history") / "ledger.db"), list[int]()
    try:
        for entries, size in arrivals:
            add_to(engine, entries, seen)
            fill(engine, sizes=Sizes(size, size, size))
            assert_same(engine, SITES, ("speed", "latency"))
        with reading(engine) as conn:
            assert Kept(conn).position == len(seen)
    finally:
        engine.dispose()


def a_history(n: int, seed: int) -> list[Entry]:
    """Of a few lines over two months, a tenth of it late."""
    random = Random(seed)
    found = []
    for place in range(n):
        started = OCTOBER.from_us + place * (NOVEMBER.to_us - OCTOBER.from_us) // n
        late = random.randrange(20 * 86_400_000_000) if random.random() < 0.1 else 0
        rate = random.gauss(100, 5)
        found.append(
            Entry(
                max(OCTOBER.from_us, started - late),
                {"download_mbps": rate * 0.95, "download_ip_mbps": rate},
                random.choice([Outcome.OK, Outcome.OK, Outcome.OK, Outcome.FAILED, Outcome.PROBE_LIMITED]),
                random.choice(SITES),
                received_us=started,
            )
        )
    return found


@pytest.fixture
def child(tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    def start(*words: object) -> "subprocess.Popen[str]":
        program = str(Path(__file__).with_name("filling_child.py"))
        command = [sys.executable, program, str(tmp_path / "ledger.db"), *map(str, words)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    return start


def test_whoever_is_killed_in_the_middle_goes_on_exactly(
    engine: Engine, add: Add, child: Callable[..., "subprocess.Popen[str]"]
) -> None:
    """Killed in the first transaction, in a later one, between two: what was committed is there, and nothing else."""
    add(a_history(300, 1))
    reached = 0
    for where, batch, more in (("inside", 1, 0), ("inside", 5, 4), ("behind", 7, 7), ("inside", 2, 1)):
        process = child(20, where, batch)
        process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL
        reached += 20 * more
        with reading(engine) as conn:
            assert Kept(conn).position == reached
        assert_same(engine, SITES)
    assert fill(engine).counted == 300 - reached
    assert assert_same(engine, SITES) == 6


def test_two_at_once_count_every_measurement_once(
    engine: Engine, add: Add, child: Callable[..., "subprocess.Popen[str]"]
) -> None:
    add(a_history(300, 2))
    processes = [child(5), child(6)]
    said = [process.communicate(timeout=120)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    positions = [int(word) for words in said for word in words]
    assert sorted(set(positions)) == sorted(positions), "no batch was written twice"
    assert max(positions) == 300
    assert_same(engine, SITES)
    assert runs_in(engine) == 300


def runs_in(engine: Engine) -> int:
    """As the traces count them."""
    with reading(engine) as conn:
        lines = [line for period in (OCTOBER, NOVEMBER) for line in Kept(conn).read(SITES, "speed", period)]
    return sum(trace.n for line in lines for trace in line.traces.values())


def test_what_another_one_wrote_first_is_not_written_again(
    engine: Engine, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race itself: between reading a batch and writing it, somebody else was there."""
    add(a_history(20, 3))
    honest, raced = filling._write, list[int]()

    def slow(engine: Engine, cursor: Any, batch: Any) -> bool:
        if not raced:
            raced.append(1)
            fill(engine)
        return honest(engine, cursor, batch)

    monkeypatch.setattr(filling, "_write", slow)
    assert fill(engine).counted == 0
    assert runs_in(engine) == 20


def test_late_data_goes_to_its_own_month_and_is_said(
    engine: Engine, add: Add, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    add([Entry(at("2026-10-05T08:00"), {"download_ip_mbps": 90.0})])
    assert not fill(engine).late
    assert caplog.text == ""
    late = at("2026-11-03T08:00")
    add(
        [
            Entry(at("2026-10-05T07:00"), {"download_ip_mbps": 80.0}, received_us=late),
            Entry(at("2026-10-31T23:59"), {"download_ip_mbps": 81.0}, received_us=late),
            Entry(at("2026-09-30T23:59"), {"download_ip_mbps": 82.0}, received_us=late),
            Entry(late, {"download_ip_mbps": 83.0}, received_us=late),
        ]
    )
    filled = fill(engine)
    assert (filled.counted, dict(filled.late), filled.position) == (4, {"2026-09": 1, "2026-10": 2}, 5)
    said = "rollups: 4 measurements counted, 3 of them late and counted in their own month (2026-09: 1, 2026-10: 2)"
    assert filled.text.en == said
    assert len(caplog.records) == 1
    with reading(engine) as conn:
        (october,) = Kept(conn).read(["dong-dang"], "speed", OCTOBER)
    assert [trace.n for trace in october.traces.values()] == [2, 1]
    assert_same(engine, SITES)


def test_a_value_that_is_no_measurement_stops_nothing_and_its_run_counts(engine: Engine, add: Add) -> None:
    add(
        [
            Entry(BORDER_US, {"download_ip_mbps": 1e13, "upload_ip_mbps": -3.0}),
            Entry(BORDER_US, {"download_ip_mbps": 5}),
        ]
    )
    assert fill(engine).counted == 2
    with reading(engine) as conn:
        (line,) = Kept(conn).read(["dong-dang"], "speed", NOVEMBER)
    assert line.rollup("download@ip").all == (1, 5_000_000)
    assert line.rollup("upload@ip").outcomes[Outcome.OK] == 2
    assert "upload@ip" not in line.series


def test_other_meters_are_passed_over_and_a_day_of_no_calendar_too(engine: Engine, add: Add) -> None:
    add([Entry(BORDER_US, {}, meter="dns"), Entry(10**18, {}), Entry(BORDER_US, {})])
    filled = fill(engine)
    assert (filled.counted, filled.passed, filled.position, filled.done) == (1, 2, 3, True)


def test_an_empty_ledger_is_filled_at_once_and_has_no_lines(engine: Engine) -> None:
    assert (fill(engine).position, fill(engine).done) == (0, True)
    with reading(engine) as conn:
        assert list(Kept(conn).read(SITES, "speed", OCTOBER)) == []


def test_time_that_ran_out_leaves_the_rest_for_the_next_call(engine: Engine, add: Add) -> None:
    add(a_history(700, 4))
    seen: list[Any] = []
    first = fill(engine, budget_s=0, progress=seen.append)
    assert (first.done, len(seen)) == (False, 1)
    assert 0 < first.position < 700
    assert seen == [(first.position, 700)]
    assert_same(engine, SITES)
    second = fill(engine)
    assert (second.done, first.counted + second.counted) == (True, 700)


def test_lines_come_once_each_and_in_order_whatever_is_asked(engine: Engine, add: Add) -> None:
    names = [f"s{n:03d}" for n in range(7)]
    add([Entry(BORDER_US + n, {"download_ip_mbps": 1.0}, site=names[n * 3 % 7], link="ba"[n % 2]) for n in range(28)])
    fill(engine)
    with pytest.MonkeyPatch.context() as patch, reading(engine) as conn:
        for module in (kept, sys.modules["doxa_collector.rollups.raw"]):
            patch.setattr(module, "NAMES_AT_ONCE", 3)
        for source in (Raw(conn), Kept(conn)):
            found = [
                (line.site, line.link) for line in source.read([*reversed(names), names[0], "zz"], "speed", NOVEMBER)
            ]
            assert found == [(name, link) for name in names for link in "ab"]


def test_a_month_far_from_the_others_costs_nothing(engine: Engine, add: Add) -> None:
    add([Entry(at("1999-02-28T12:00"), {"download_ip_mbps": 1.0}), Entry(BORDER_US, {"download_ip_mbps": 2.0})])
    fill(engine)
    with reading(engine) as conn:
        rows = conn.execute(select(rollup_pack.c.meter, rollup_pack.c.month))
        assert sorted(map(tuple, rows)) == [(one, month) for one in ("*", "speed") for month in ("1999-02", "2026-11")]


def test_what_a_batch_asks_for_is_found_without_reading_every_pack(engine: Engine, add: Add) -> None:
    add([Entry(BORDER_US, {"download_ip_mbps": 1.0})])
    fill(engine)
    asked: list[tuple[str, Any]] = []
    add([Entry(BORDER_US, {"download_ip_mbps": 2.0})])
    event.listen(engine, "before_cursor_execute", lambda _c, _k, text, words, *_: asked.append((text, words)))
    fill(engine)
    with reading(engine) as conn:
        plans = [
            str(conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", words).all())
            for text, words in list(asked)
            if text.startswith("SELECT") and ("rollup_pack" in text or "measurement" in text)
        ]
    assert len(plans) >= 3
    assert not [plan for plan in plans if "SCAN" in plan]


def test_packs_of_another_layout_are_counted_anew(engine: Engine, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    add(a_history(30, 5))
    fill(engine)
    for module in (filling, kept):
        monkeypatch.setattr(module, "LAYOUT", "another")
    with reading(engine) as conn:
        assert Kept(conn).position == 0
        assert list(Kept(conn).read(SITES, "speed", OCTOBER)) == []
    assert fill(engine).counted == 30
    with reading(engine) as conn:
        assert conn.execute(select(func.count()).select_from(rollup_cursor)).scalar_one() == 1
    assert runs_in(engine) == 30


@pytest.mark.parametrize("content", [b"", b"DXR1" + bytes(40)])
def test_a_damaged_pack_is_one_sentence_and_never_a_number(engine: Engine, add: Add, content: bytes) -> None:
    add([Entry(BORDER_US, {"download_ip_mbps": 1.0}), Entry(BORDER_US, {"download_ip_mbps": 1.0}, site="lai-chau")])
    fill(engine)
    with writing(engine) as conn:
        conn.execute(update(rollup_pack).where(rollup_pack.c.site == "dong-dang").values(content=content))
    add([Entry(BORDER_US, {"download_ip_mbps": 1.0})])
    with reading(engine) as conn:
        with pytest.raises(OperationError) as found:
            list(Kept(conn).read(SITES, "speed", NOVEMBER))
        assert [line.site for line in Kept(conn).read(["lai-chau"], "speed", NOVEMBER)] == ["lai-chau"]
    assert found.value.text.en.startswith("ledger: the pack of 2026-11 of dong-dang/fixed (speed) is damaged (")
    assert found.value.text.en.endswith("run: doxa collector rollups rebuild --period 2026-11")
    with pytest.raises(OperationError):
        fill(engine)


def test_evidence_up_to_an_id_is_what_was_there_then(engine: Engine, add: Add) -> None:
    add(a_history(50, 6))
    fill(engine)
    with reading(engine) as conn:
        before = as_text(Kept(conn), SITES, "speed", OCTOBER)
    add(a_history(50, 7))
    with reading(engine) as conn:
        assert as_text(Raw(conn, 50), SITES, "speed", OCTOBER) == before
        assert as_text(Raw(conn), SITES, "speed", OCTOBER) != before
        evidence, packs = both(conn, SITES, "speed", OCTOBER)
    assert evidence == packs == before
