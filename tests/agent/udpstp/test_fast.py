"""The fast search on lines that are simulated, and the rule by which its client stops."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.udpstp.activation import Activation, Algorithm, Direction
from doxa_agent.udpstp.fast import AGREE, START_ROW, Sample, climb, estimate
from doxa_agent.udpstp.search import Report, Rules, Search, step

RULES = Rules(algorithm=Algorithm.FAST)
TRIAL_S = 0.05


@dataclass
class SimulatedLine:
    """A bottleneck with a queue; what was sent shows in the report `lag` trial intervals later."""

    mbps: float
    queue_ms: float = 40.0
    lag: int = 1
    loss: float = 0.0
    backlog: float = 0.0

    def carry(self, row: int) -> Report:
        offered = row * (1 - self.loss) * TRIAL_S
        room = self.mbps * TRIAL_S
        waiting = self.backlog + offered
        out = min(waiting, room)
        kept = min(waiting - out, self.mbps * self.queue_ms / 1000)
        lost = waiting - out - kept
        self.backlog = kept
        delay = kept / self.mbps * 1000
        return Report(
            received_mbps=out / TRIAL_S,
            delay_ms=delay,
            loss_ratio=self.loss + lost / max(offered, 1e-9) * (1 - self.loss),
        )


def played(line: SimulatedLine, intervals: int) -> list[int]:
    """The rows that the search takes on this line."""
    asked = Activation(direction=Direction.DOWNSTREAM, algorithm=Algorithm.FAST)
    search, rows = RULES.start(asked), []
    on_the_way = [Report(received_mbps=None)] * line.lag
    for _ in range(intervals):
        rows.append(search.row)
        on_the_way.append(line.carry(search.row))
        search = step(search, on_the_way.pop(0), RULES)
    return rows


@pytest.mark.parametrize("mbps", [5, 20, 100, 300, 940])
@pytest.mark.parametrize("lag", [1, 2, 3])
@pytest.mark.parametrize("loss", [0.0, 0.01])
def test_it_holds_a_little_above_the_line_soon(mbps: float, lag: int, loss: float) -> None:
    rows = played(SimulatedLine(mbps=mbps, lag=lag, loss=loss), 80)
    settled = rows[16 * (lag + 1) :]
    assert min(settled) >= mbps * 1.005
    assert max(settled) <= mbps * 1.08 + 1


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_it_never_runs_far_ahead_of_the_line(lag: int) -> None:
    rows = played(SimulatedLine(mbps=100, lag=lag), 60)
    assert rows[0] == START_ROW
    assert max(rows) <= 100 * 1.65


def test_a_line_that_gets_faster_is_followed() -> None:
    line = SimulatedLine(mbps=50)
    asked = Activation(direction=Direction.DOWNSTREAM, algorithm=Algorithm.FAST)
    search = RULES.start(asked)
    for interval in range(120):
        if interval == 50:
            line.mbps = 200
        search = step(search, line.carry(search.row), RULES)
    assert 200 <= search.row <= 220


def test_it_stays_within_what_was_granted() -> None:
    rules = Rules(algorithm=Algorithm.FAST, top=30)
    search, line = Search(row=START_ROW), SimulatedLine(mbps=1000)
    for _ in range(50):
        search = climb(search, line.carry(search.row), rules)
    assert search.row == 30


@given(
    st.lists(
        st.builds(
            Report,
            errors=st.integers(0, 2**32),
            delay_ms=st.none() | st.floats(0, 1e9),
            received_mbps=st.none() | st.floats(0, 1e12),
            loss_ratio=st.floats(0, 1),
        ),
        max_size=30,
    )
)
def test_whatever_is_reported_the_row_stays_in_the_table(reports: list[Report]) -> None:
    search = Search(row=START_ROW)
    for report in reports:
        search = step(search, report, RULES)
        assert 1 <= search.row <= RULES.top


# --- when to stop ----------------------------------------------------------------------------------------------------


def samples(rate: Callable[[int], float], offered: float = 1.04, count: int = 40) -> list[Sample]:
    """A series of trial intervals at `rate(place)` Mbit/s, to which `offered` times as much was sent."""
    found = []
    for place in range(count):
        octets = round(rate(place) * 1e6 / 8 * TRIAL_S)
        found.append(
            Sample(
                seconds=TRIAL_S, octets=octets, datagrams=octets // 1500,
                offered_octets=octets * offered, offered_seconds=TRIAL_S,
            )
        )  # fmt: skip
    return found


def test_two_windows_that_agree_are_the_rate() -> None:
    found = estimate(samples(lambda _: 100.0, count=16))
    assert found is not None
    assert found.mbps == pytest.approx(100, rel=1e-5)
    assert found.seconds == pytest.approx(0.8)


def test_too_little_is_no_estimate() -> None:
    assert estimate(samples(lambda _: 100.0, count=15)) is None
    assert estimate([]) is None


def test_a_sender_that_offered_no_more_than_arrived_proves_nothing() -> None:
    assert estimate(samples(lambda _: 100.0, offered=1.005)) is None


def test_windows_apart_are_no_estimate() -> None:
    assert estimate(samples(lambda n: 100.0 if n < 32 else 100.0 * (1 + 5 * AGREE))) is None


def test_a_line_that_delivers_in_lumps_is_not_believed_by_chance() -> None:
    errors = []
    for seed in range(150):
        chance = Random(seed)
        boundaries = [0.0, *((n + 1) * TRIAL_S + chance.uniform(0, 0.008) for n in range(200))]
        series: list[Sample] = []
        for n in range(200):  # what arrives by the n-th moment is late by a chance of its own
            base = samples(lambda _: 100.0, count=1)[0]
            series.append(replace(base, seconds=boundaries[n + 1] - boundaries[n]))
            if (found := estimate(series)) is not None:
                errors.append(abs(found.mbps / 100 - 1))
                break
    assert len(errors) > 100
    assert sorted(errors)[len(errors) // 2] < 0.001
    assert max(errors) < 0.005


def test_the_climb_before_the_peak_is_not_part_of_the_rate() -> None:
    climb_up = [
        replace(sample, offered_octets=sample.octets * 1.02) for sample in samples(lambda n: 90.0 + n / 2, count=16)
    ]
    peak = replace(samples(lambda _: 100.0, count=1)[0], offered_octets=1_000_000.0)
    found = estimate([*climb_up, peak, *samples(lambda _: 100.0, count=15)])
    assert found is not None
    assert found.seconds == pytest.approx(0.8)
    assert found.mbps == pytest.approx(100, rel=1e-4)


def test_windows_in_which_a_machine_stalled_decide_nothing() -> None:
    """A shaper whose machine stalls delivers less than its rate, and evenly so: the windows agree all the same."""
    series = samples(lambda _: 92.6, count=40)
    stalled = [replace(sample, late_s=0.04 * TRIAL_S) for sample in series]
    assert estimate(series) is not None
    assert estimate(stalled) is None
    assert estimate([*series[:8], *stalled[:8]]) is None
    assert estimate([*stalled[:8], *series[:8]]) is None
    assert estimate([*stalled, *series[:16]]) is not None
    assert estimate([replace(sample, late_s=0.01 * TRIAL_S) for sample in series]) is not None


def test_a_slow_line_is_watched_for_longer() -> None:
    assert estimate(samples(lambda _: 5.0, count=30)) is None
    found = estimate(samples(lambda _: 5.0, count=60))
    assert found is not None
    assert found.seconds >= 1.8
