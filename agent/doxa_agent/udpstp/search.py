"""The searches for the sending rate, types B and C, as pure functions of a state and a report (RFC 9097, Y.1540 Annex B).

A report is what one trial interval showed; the answer is the next row of the sending-rate table. *Good* is: errors within
the threshold and delay variation below the lower one. *Bad* is: too many errors or delay variation above the upper
threshold. Between them, and without a delay sample, the row stays.

Type B climbs by large steps until reports have been bad `slow_threshold` times in a row of no good one, goes back three large
steps, and moves by single rows from then on. Type C doubles every second good report instead, and from the slow phase
tries the fast climb again after 5, 10, 15 … slow steps.
"""

from dataclasses import dataclass, replace
from typing import Final

from doxa_agent.udpstp import fast
from doxa_agent.udpstp.activation import SEARCH_ROW, Activation, Algorithm
from doxa_agent.udpstp.rates import HIGH_SPEED_ROW, IPV4_HEADERS, ROWS
from doxa_agent.udpstp.status import Status

BACK_STEPS: Final = 3
"""Large steps back when the line is found full."""
RETRY_STEPS: Final = 5
"""Type C: slow steps before the first new fast climb, and what is added for each later one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one search goes by."""

    algorithm: Algorithm = Algorithm.B
    low_ms: int = 30
    upper_ms: int = 90
    errors: int = 10
    large_step: int = 10
    slow_threshold: int = 3
    ignore_reordering: bool = True
    one_way: bool = False
    held: int | None = None
    """A row that is held without any search."""
    top: int = ROWS - 1
    """The highest row allowed: the end of the table or the bandwidth that was granted."""
    overhead: int = IPV4_HEADERS
    """Octets of IP and UDP header of each datagram, for the fast search."""

    @classmethod
    def of(cls, asked: Activation, top: int = ROWS - 1) -> "Rules":
        """The rules of an activation as the server accepted it."""
        return cls(
            algorithm=asked.algorithm,
            low_ms=asked.low_ms,
            upper_ms=asked.upper_ms,
            errors=asked.sequence_errors,
            large_step=asked.high_speed_delta,
            slow_threshold=asked.slow_threshold,
            ignore_reordering=asked.ignore_reordering,
            one_way=asked.one_way,
            held=asked.held_row,
            top=top,
        )

    def start(self, asked: Activation) -> "Search":
        """The state before the first report."""
        first = fast.START_ROW if self.algorithm is Algorithm.FAST else 0
        row = first if asked.row == SEARCH_ROW else asked.row
        return Search(row=min(row, self.top))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one trial interval showed."""

    errors: int = 0
    delay_ms: float | None = None
    """Delay variation, above the least delay of the test; None where there was no sample."""
    received_mbps: float | None = None
    """What arrived, IP layer; for the fast search."""
    loss_ratio: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Where a search stands."""

    row: int = 0
    bad: int = 0
    """Bad reports since the last good one of the fast phase."""
    slow_steps: int = 0
    """Type C: steps since the fast climb ended."""
    retry_after: int = RETRY_STEPS
    """Type C: how many of them until the next fast climb."""
    doubles: bool = False
    """Type C: whether the next good report doubles the row."""
    holds: bool = False
    """Fast: the line was found full."""
    quiet: int = 0
    """Fast: reports without delay or loss since."""
    recent: tuple[float, ...] = ()
    """Fast: what arrived in the last reports, Mbit/s."""


def report_of(status: Status, rules: Rules) -> Report:
    """The report of a Status packet under these rules."""
    errors = status.lost if rules.ignore_reordering else status.lost + status.reordered + status.duplicates
    if rules.algorithm is Algorithm.FAST:
        return _fast_report(status, rules)
    if not rules.one_way:
        return Report(errors=errors, delay_ms=status.rtt_variation_ms)
    mean = status.delay_variation_mean_ms
    return Report(errors=errors, delay_ms=None if mean is None else int(mean + 0.5))


def _fast_report(status: Status, rules: Rules) -> Report:
    octets = status.payload_bytes + status.datagrams * rules.overhead
    sent = status.datagrams + status.lost
    return Report(
        delay_ms=status.delay_variation_mean_ms,
        received_mbps=octets * 8 / status.trial_us if status.trial_us else None,
        loss_ratio=status.lost / sent if sent else 0.0,
    )


def step(search: Search, report: Report, rules: Rules) -> Search:
    """The state after one report."""
    if rules.held is not None:
        return replace(search, row=min(rules.held, rules.top))
    if rules.algorithm is Algorithm.FAST:
        return fast.climb(search, report, rules)
    delay = rules.low_ms if report.delay_ms is None else report.delay_ms
    if report.errors > rules.errors or delay > rules.upper_ms:
        moved = _bad(search, rules)
    elif delay < rules.low_ms:
        moved = _good(search, rules)
    else:
        return search
    return replace(moved, row=max(0, min(moved.row, rules.top)))


def _good(search: Search, rules: Rules) -> Search:
    if search.row < HIGH_SPEED_ROW and search.bad < rules.slow_threshold:
        return _double(search) if rules.algorithm is Algorithm.C else _large(search, rules)
    risen = replace(search, row=search.row + 1)
    if rules.algorithm is Algorithm.B or search.row >= rules.top:
        return risen
    return _counted(risen, patience=RETRY_STEPS)


def _large(search: Search, rules: Rules) -> Search:
    return replace(search, row=min(search.row + rules.large_step, HIGH_SPEED_ROW), bad=0)


def _double(search: Search) -> Search:
    """One good report of two doubles, as the square root of 2 for each."""
    row = max(1, search.row)
    if 2 * search.row > HIGH_SPEED_ROW:
        return replace(search, row=HIGH_SPEED_ROW, bad=0)
    return replace(search, row=2 * row if search.doubles else row, doubles=not search.doubles, bad=0)


def _bad(search: Search, rules: Rules) -> Search:
    seen = replace(search, bad=search.bad + 1)
    if search.row < HIGH_SPEED_ROW and seen.bad == rules.slow_threshold:
        return replace(seen, row=search.row - BACK_STEPS * rules.large_step)
    fallen = replace(seen, row=search.row - 1)
    if rules.algorithm is Algorithm.B or search.row == 0:
        return fallen
    return _counted(fallen, patience=0)


def _counted(search: Search, *, patience: int) -> Search:
    """Type C's slow phase: one step more, and after enough of them the fast climb again."""
    steps = search.slow_steps + 1
    if steps < search.retry_after:
        return replace(search, slow_steps=steps)
    return replace(search, bad=0, slow_steps=0, retry_after=search.retry_after + patience)
