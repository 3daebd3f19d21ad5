"""The searches of type B and C: step by step, within their bounds, and on simulated lines."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.udpstp.pdu import ROW_IS_START, Activation, Algorithm, Direction, Status
from doxa_agent.udpstp.search import Report, Rules, Search, report_of, step

GOOD, BAD, MIDDLE, UNKNOWN = Report(delay_ms=29), Report(delay_ms=91), Report(delay_ms=60), Report()
B, C = Rules(), Rules(algorithm=Algorithm.C)


def rows(rules: Rules, reports: list[Report], start: Search | None = None) -> list[int]:
    """The rows after each report."""
    first = start or Search()
    states = accumulate(reports, lambda search, report: step(search, report, rules), initial=first)
    return [search.row for search in states][1:]


def test_type_b_climbs_ten_rows_a_report_then_falls_back_once_and_goes_by_ones() -> None:
    reports = [GOOD] * 12 + [BAD] * 3 + [GOOD] * 3 + [BAD] * 2
    expected = [*range(10, 121, 10), 119, 118, 88, 89, 90, 91, 90, 89]
    assert rows(B, reports) == expected


def test_a_good_report_before_the_third_bad_one_keeps_type_b_fast() -> None:
    assert rows(B, [BAD, BAD, GOOD, BAD, BAD, GOOD], Search(row=100)) == [99, 98, 108, 107, 106, 116]


def test_between_the_thresholds_and_without_a_delay_the_row_stays() -> None:
    assert rows(B, [MIDDLE, UNKNOWN, Report(delay_ms=30), Report(delay_ms=90)], Search(row=50)) == [50] * 4


def test_more_than_ten_errors_are_bad_even_without_a_delay() -> None:
    assert rows(B, [Report(errors=10, delay_ms=0), Report(errors=11)], Search(row=50)) == [60, 59]


def test_type_b_stops_its_large_steps_at_one_gigabit() -> None:
    assert rows(B, [GOOD] * 4, Search(row=985)) == [995, 1000, 1001, 1002]


def test_type_c_doubles_at_every_second_good_report() -> None:
    assert rows(C, [GOOD] * 9) == [1, 2, 2, 4, 4, 8, 8, 16, 16]


def test_type_c_jumps_to_one_gigabit_where_doubling_would_pass_it() -> None:
    assert rows(C, [GOOD] * 3, Search(row=501)) == [1000, 1001, 1002]


def test_type_c_tries_the_fast_climb_again_after_five_then_after_ten_slow_steps() -> None:
    start = Search(row=100, doubles=True)
    found = rows(C, [BAD] * 3 + [GOOD] * 6, start)
    assert found == [99, 98, 68, 69, 70, 71, 142, 142, 284]  # the two bad steps count, too
    again = rows(C, [BAD] * 3 + [GOOD] * 4, Search(row=100, retry_after=10))
    assert again == [99, 98, 68, 69, 70, 71, 72]


def test_errors_are_losses_unless_reordering_counts() -> None:
    status = Status(sequence=1, sent_ns=0, lost=3, reordered=4, duplicates=5)
    assert report_of(status, B).errors == 3
    assert report_of(status, Rules(ignore_reordering=False)).errors == 12


def test_delay_is_the_last_round_trip_or_the_mean_one_way_variation() -> None:
    status = Status(sequence=1, sent_ns=0, rtt_variation_ms=7, delay_variation_sum_ms=25, delay_variation_count=10)
    assert report_of(status, B).delay_ms == 7
    assert report_of(status, Rules(one_way=True)).delay_ms == 3
    empty = Status(sequence=1, sent_ns=0)
    assert (report_of(empty, B).delay_ms, report_of(empty, Rules(one_way=True)).delay_ms) == (None, None)


def test_a_row_that_was_asked_for_is_held_and_a_start_row_is_only_the_start() -> None:
    held = Activation(direction=Direction.UPSTREAM, row=90)
    rules = Rules.of(held)
    assert rows(rules, [GOOD, BAD, BAD, BAD], rules.start(held)) == [90] * 4
    start = Activation(direction=Direction.UPSTREAM, row=90, modifiers=ROW_IS_START)
    rules = Rules.of(start)
    assert rows(rules, [GOOD, BAD], rules.start(start)) == [100, 99]


REPORTS = st.builds(Report, errors=st.integers(0, 30), delay_ms=st.none() | st.floats(0, 200))
RULES = st.builds(
    Rules,
    algorithm=st.sampled_from([Algorithm.B, Algorithm.C]),
    large_step=st.integers(1, 255),
    slow_threshold=st.integers(1, 10),
    top=st.integers(0, 1152),
    held=st.none() | st.integers(0, 1152),
)


@given(RULES, st.lists(REPORTS, max_size=200), st.integers(0, 1152))
def test_no_reports_lead_out_of_the_table_or_above_the_bandwidth_granted(
    rules: Rules, reports: list[Report], start: int
) -> None:
    assert all(0 <= row <= rules.top for row in rows(rules, reports, Search(row=min(start, rules.top))))


@given(RULES.filter(lambda rules: rules.held is None), st.integers(0, 1152), REPORTS)
def test_a_bad_report_never_raises_and_a_good_one_never_lowers_the_rate(rules: Rules, row: int, report: Report) -> None:
    row = min(row, rules.top)
    after = step(Search(row=row), report, rules).row
    bad = report.errors > rules.errors or (report.delay_ms or 0) > rules.upper_ms
    assert (after <= row) if bad else (after >= row)


def climb(
    rules: Rules, line_mbps: float, seconds: float, queue_ms: float = 100.0, base_loss: float = 0.0
) -> list[float]:
    """Mbit/s received in each 50 ms of a search on a line with a queue: fluid, one report a trial."""
    search, queue, received = Search(), 0.0, []
    for _ in range(int(seconds / 0.05)):
        sent = max(0.1, float(search.row)) * 0.05
        room = queue_ms / 1000 * line_mbps
        through = min(line_mbps * 0.05, queue + sent)
        queue = queue + sent - through
        lost = max(0.0, queue - room)
        queue = min(queue, room)
        received.append(through / 0.05)
        errors = (lost + sent * base_loss) * 1e6 / 10_000
        search = step(search, Report(errors=int(errors), delay_ms=queue / line_mbps * 1000), rules)
    return received


@pytest.mark.parametrize("algorithm", [Algorithm.B, Algorithm.C])
@pytest.mark.parametrize("line_mbps", [20, 100, 300, 940])
def test_a_search_fills_a_simulated_line_within_ten_seconds(algorithm: Algorithm, line_mbps: int) -> None:
    """The best second, as the metric takes it (RFC 9097 §5)."""
    received = climb(Rules(algorithm=algorithm), line_mbps, 10)
    best = max(sum(received[n : n + 20]) / 20 for n in range(0, 200, 20))
    assert best == pytest.approx(line_mbps, rel=0.005 if algorithm is Algorithm.B else 0.02)


def test_type_b_needs_half_a_second_for_a_hundred_megabits() -> None:
    received = climb(B, 10_000, 1.0)
    assert next(n for n, rate in enumerate(received) if rate >= 100) * 0.05 == pytest.approx(0.5, abs=0.06)


def test_a_line_that_drops_instead_of_queueing_is_filled_too() -> None:
    received = climb(B, 100, 10, queue_ms=5)
    assert max(sum(received[n : n + 20]) / 20 for n in range(0, 200, 20)) == pytest.approx(100, rel=0.02)
