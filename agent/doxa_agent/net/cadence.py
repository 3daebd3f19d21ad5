"""When the requests of a run leave: how often, in which pattern, and which of them together.

Up to `ALONE` far ends are asked one by one, evenly over the interval. More leave in batches: a wake-up of this process
costs as much as some twenty packets. So that a run does not measure itself, a batch takes no more of the line than two
full-sized packets of anybody else's, the next one leaves half a millisecond later at the earliest, and its order moves on with every round: nobody is
always the last (docs/adr/0009).
"""

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

ALONE: Final = 8
"""Up to so many far ends always leave one by one."""
BATCH_BYTES: Final = 3_050
"""The most octets of one batch on an Ethernet: two frames of 1,525. At 100 Mbit/s a quarter of a millisecond."""
FRAME_BYTES: Final = 66
"""What ICMP over IPv4 on Ethernet takes beside the payload: 8 + 20 + 14 + 4, preamble and gap 20."""
_TRAIN_NS: Final = 500_000_000
_TRAINS: Final = 2
"""Batches that are due within half a second (but never within more than half of the interval) make one train."""
_APART_NS: Final = 500_000
"""Between the batches of a train: at 50 Mbit/s the line has sent one before the next one comes. The replies of the train
before are read meanwhile."""

PERIODIC: Final = "periodic"
RANDOM: Final = "random"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """How often, how many, how large, how long to wait."""

    interval_s: float = 1.0
    """Between two requests to the same far end; with the random pattern the mean of these gaps."""
    count: int = 10
    """Requests per far end, at most."""
    timeout_s: float = 2.0
    """A reply that took longer is late: lost for the statistics, counted apart."""
    payload: int = 56
    """Octets after the ICMP header."""
    pattern: str = PERIODIC
    """`periodic`, or `random`: Poisson sampling of RFC 2330 §11.1, which no regular event of the line can hide from."""
    dscp: int = 0
    """The differentiated services code point (RFC 2474) of the requests."""
    pause: bool = False
    """Ask nobody while a heavy test of this process loads the line."""


def together(lines: int, payload: int) -> int:
    """How many requests may leave at once."""
    return 1 if lines <= ALONE else max(1, BATCH_BYTES // (payload + FRAME_BYTES))


def phases(lines: int, spread_ns: int, payload: int) -> list[tuple[int, range]]:
    """Which far ends (by their turn) leave together, and when after the beginning of a round; `spread_ns` is all there is."""
    most = together(lines, payload)
    if most == 1:
        return [(turn * spread_ns // lines, range(turn, turn + 1)) for turn in range(lines)]
    trains = max(_TRAINS, -(-spread_ns // _TRAIN_NS))
    trains = min(trains, lines)
    found: list[tuple[int, range]] = []
    for train in range(trains):
        first, after = train * lines // trains, (train + 1) * lines // trains
        start, room = train * spread_ns // trains, spread_ns // trains
        found += _train(first, after, most, start, room)
    return found


def _train(first: int, after: int, most: int, start: int, room: int) -> Iterator[tuple[int, range]]:
    parts = -(-(after - first) // most)
    apart = min(_APART_NS, room // parts)
    for part in range(parts):
        low, high = (first + (after - first) * n // parts for n in (part, part + 1))
        yield start + part * apart, range(low, high)


def moments(cadence: Cadence, offsets: list[int], span_ns: int) -> Iterator[tuple[int, int]]:
    """Every sending as nanoseconds after the start and the batch's number, in order of time; none after `span_ns`."""
    found = _periodic(cadence, offsets) if cadence.pattern == PERIODIC else _poisson(cadence, len(offsets))
    return ((due, batch) for due, batch in found if due <= span_ns)


def _periodic(cadence: Cadence, offsets: list[int]) -> Iterator[tuple[int, int]]:
    gap = int(cadence.interval_s * 1e9)
    order = sorted((offset, batch) for batch, offset in enumerate(offsets))
    return ((number * gap + offset, batch) for number in range(cadence.count) for offset, batch in order)


def _poisson(cadence: Cadence, batches: int) -> Iterator[tuple[int, int]]:
    """Uniform moments in order, each batch its own: given their number, that is a Poisson process (RFC 2330 §11.1)."""
    total = int(cadence.interval_s * cadence.count * 1e9)
    rng = random.SystemRandom()

    def one(batch: int) -> Iterator[tuple[int, int]]:
        return iter(sorted((rng.randrange(total), batch) for _ in range(cadence.count)))

    return heapq.merge(*(one(batch) for batch in range(batches)))
