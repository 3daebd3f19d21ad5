"""When a line is up, down, silent or unknown; and when it was down."""

from typing import Any

import pytest
from sqlalchemy import Engine, delete, event, insert

from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.record import Record
from doxa_collector.ledger.schema import link, measurement
from doxa_collector.web.history import MOST, outages, read_history
from doxa_collector.web.linkstate import LinkState, State, link_states, meters_of_sites
from doxa_core.outcome import Outcome

NOW_US = 1_800_000_000_000_000
SECOND = 1_000_000


class Line:
    """One line whose measurements a test writes by hand."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seq = 0
        with writing(engine) as conn:
            conn.execute(insert(link).values(site="a", link="fixed", kind="fixed", valid_from="2020-01-01"))

    def run(
        self, ago_s: float, outcome: str = "ok", *, meter: str = "latency", far_end: str = "x", **more: Any
    ) -> None:
        """One measurement that started so long ago."""
        self._seq += 1
        row = {
            "agent": "a-1", "epoch": "0" * 16, "seq": self._seq, "site": "a", "link": "fixed", "task": meter,
            "meter": meter, "method": f"{meter}/1", "started_us": NOW_US - int(ago_s * SECOND), "received_us": NOW_US,
            "outcome": outcome, "far_end": far_end, "values": "{}", "reasons": "[]", "findings": "[]", "raw": b"{}",
        }  # fmt: skip
        with writing(self._engine) as conn:
            conn.execute(insert(measurement).values(row | more))

    @property
    def state(self) -> LinkState:
        with reading(self._engine) as conn:
            return link_states(conn, ["a"], now_us=NOW_US, silent_after_s=1800)["a", "fixed"]


@pytest.fixture
def line(engine: Engine) -> Line:
    return Line(engine)


def test_a_line_that_was_never_measured_says_so(line: Line) -> None:
    assert line.state.state is State.NEVER


def test_a_line_works_when_its_latest_run_came_through(line: Line) -> None:
    line.run(120, "failed")
    line.run(60)
    assert line.state.state is State.UP


def test_a_line_is_down_since_the_first_failure_after_the_last_success(line: Line) -> None:
    for ago in (300, 240):
        line.run(ago)
    for ago in (180, 120, 60):
        line.run(ago, "failed")
    assert line.state.state is State.DOWN
    assert line.state.since_us == NOW_US - 180 * SECOND


def test_a_beginning_that_is_out_of_sight_is_not_guessed(line: Line) -> None:
    line.run(3000)
    for n in range(20):
        line.run(400 - n * 20, "failed")
    assert line.state.state is State.DOWN
    assert line.state.since_us is None


def test_one_dead_far_end_is_not_a_dead_line(line: Line) -> None:
    for ago in (180, 120, 60):
        line.run(ago, "failed", far_end="dead")
        line.run(ago, far_end="alive")
    assert line.state.state is State.UP


def test_a_speed_test_without_a_server_is_not_a_dead_line(line: Line) -> None:
    for ago in (180, 120, 60):
        line.run(ago)
    line.run(10, "failed", meter="speed")
    assert line.state.state is State.UP


def test_pings_that_fail_are_a_dead_line_though_a_speed_test_just_came_through(line: Line) -> None:
    line.run(50, meter="speed")
    for ago in (60, 40, 20):
        line.run(ago, "ok" if ago == 60 else "failed")
    assert line.state.state is State.DOWN


def test_skipped_runs_say_nothing_of_the_line(line: Line) -> None:
    line.run(100, "failed")
    line.run(10, "skipped")
    assert line.state.state is State.DOWN
    assert line.state.last is not None
    assert line.state.last.outcome is Outcome.SKIPPED


def test_an_old_success_is_no_news(line: Line) -> None:
    line.run(1801)
    assert line.state.state is State.SILENT
    assert line.state.since_us == NOW_US - 1801 * SECOND


def test_only_skipped_runs_are_silence(line: Line) -> None:
    line.run(10, "skipped")
    assert line.state.state is State.SILENT


def test_a_line_that_ended_is_no_longer_shown(engine: Engine, line: Line) -> None:
    with writing(engine) as conn:
        conn.execute(delete(link))
        conn.execute(
            insert(link).values(site="a", link="fixed", kind="fixed", valid_from="2020-01-01", valid_to="2021-01-01")
        )
    with reading(engine) as conn:
        assert link_states(conn, ["a"], now_us=NOW_US, silent_after_s=1800) == {}


def test_the_newest_value_is_found_behind_failures_and_other_meters(line: Line) -> None:
    line.run(500, meter="speed", values='{"download_mbps": 85.07}')
    line.run(60, "failed")
    found = line.state.newest("download_mbps")
    assert found is not None
    assert found.values["download_mbps"] == 85.07
    assert line.state.newest("upload_mbps") is None


def test_meters_are_found_by_one_question_each(engine: Engine, line: Line) -> None:
    for meter in ("speed", "latency", "ipv6"):
        for ago in range(5):
            line.run(ago, meter=meter)
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    with reading(engine) as conn:
        assert meters_of_sites(conn, ["a", "b"]) == ["ipv6", "latency", "speed"]
    assert len([statement for statement in asked if "measurement" in statement]) == 4


def history(line: Line, engine: Engine) -> list[Record]:
    with reading(engine) as conn:
        return list(read_history(conn, "a", "fixed", "latency", from_us=0, to_us=NOW_US).records)


def test_an_outage_reaches_from_the_first_failure_to_the_next_success(engine: Engine, line: Line) -> None:
    for ago, outcome in (
        (100, "ok"),
        (90, "failed"),
        (80, "skipped"),
        (70, "failed"),
        (60, "ok"),
        (50, "failed"),
        (40, "ok"),
        (30, "failed"),
        (20, "failed"),
    ):
        line.run(ago, outcome)
    assert outages(history(line, engine), NOW_US) == [
        (NOW_US - 90 * SECOND, NOW_US - 60 * SECOND),
        (NOW_US - 30 * SECOND, NOW_US),
    ]


def test_a_long_history_is_thinned_but_keeps_its_failures(engine: Engine, line: Line) -> None:
    plain = {
        "agent": "a-1", "epoch": "1" * 16, "site": "a", "link": "fixed", "task": "t", "meter": "latency", "method": "l/1",
        "received_us": NOW_US, "values": "{}", "reasons": "[]", "findings": "[]", "raw": b"{}",
    }  # fmt: skip
    rows = [
        plain | {"seq": n + 1, "started_us": NOW_US - n * SECOND, "outcome": "failed" if n % 997 == 0 else "ok"}
        for n in range(3 * MOST)
    ]
    with writing(engine) as conn:
        conn.execute(insert(measurement), rows)
    with reading(engine) as conn:
        found = read_history(conn, "a", "fixed", "latency", from_us=0, to_us=NOW_US)
    assert found.every == 3
    assert len(found.records) <= MOST + 10
    assert sum(r.outcome is Outcome.FAILED for r in found.records) == -(-3 * MOST // 997)
    assert [r.started_us for r in found.records] == sorted(r.started_us for r in found.records)
