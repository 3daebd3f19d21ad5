"""The userspace relay: holds the packets of each TUN for a while, drops some, writes the others back.

`python -m doxa_lab.net.relay LANES.json` serves many lanes in one loop and prints `ready`. A lane is one direction of
one line. Packets of a lane never overtake each other: jitter delays, it does not reorder (RFC 5481 §3 counts delay,
and TCP would take reordering for loss).
"""

import ctypes
import gc
import json
import os
import random
import select
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from doxa_lab.net.tun import SUPER_FRAME, WHOLE_PACKET, attach

_PR_SET_TIMERSLACK: Final = 29
_BUSY: Final = 24
"""Packets held in all lanes from which on the loop rests between rounds: fewer wake-ups for the same packets."""
_REST_S: Final = 0.000_3
_AT_ONCE: Final = 64
"""Packets read from one lane before the others have their turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One direction of one line: its TUN, its delay, and what it does to packets."""

    namespace: str
    tun: str
    delay_s: float
    jitter_s: float = 0.0
    """Each packet is delayed by up to this much more, evenly distributed."""
    loss: float = 0.0
    """The probability that a packet is dropped."""
    offload: bool = False
    """Pass 64 KiB frames: far less CPU, but a drop would take the whole frame, so only without loss."""


class _Open:
    """A lane in service."""

    def __init__(self, lane: Lane, rng: random.Random) -> None:
        self.descriptor = attach(lane.namespace, lane.tun, offload=lane.offload)
        self.size = SUPER_FRAME if lane.offload else WHOLE_PACKET
        self.held: deque[tuple[float, bytes]] = deque()
        self._lane = lane
        self._rng = rng

    def take(self) -> None:
        """Read what waits, and decide when each packet leaves."""
        delay, jitter, loss, rng = self._lane.delay_s, self._lane.jitter_s, self._lane.loss, self._rng.random
        read, descriptor, size = os.read, self.descriptor, self.size
        arrived = time.monotonic()
        for _ in range(_AT_ONCE):
            try:
                packet = read(descriptor, size)
            except BlockingIOError:
                return
            if loss and rng() < loss:
                continue
            self.held.append((arrived + delay + (jitter * rng() if jitter else 0.0), packet))

    def give(self, now: float) -> None:
        """Write back what is due; a packet also waits for those before it."""
        held, write, descriptor = self.held, os.write, self.descriptor
        while held and held[0][0] <= now:
            try:
                write(descriptor, held.popleft()[1])
            except OSError:  # the device is down, or the frame is not one: a line drops it too
                continue


def relay(lanes: list[_Open]) -> None:
    """Serve for ever."""
    by_descriptor = {lane.descriptor: lane for lane in lanes}
    descriptors = list(by_descriptor)
    while True:
        due = min((lane.held[0][0] for lane in lanes if lane.held), default=None)
        wait = None if due is None else max(0.0, due - time.monotonic())
        # select() and not epoll: its timeout counts in microseconds, epoll's in whole milliseconds
        readable, _, _ = select.select(descriptors, [], [], wait)
        for descriptor in readable:
            by_descriptor[descriptor].take()
        now = time.monotonic()
        for lane in lanes:
            lane.give(now)
        if sum(len(lane.held) for lane in lanes) > _BUSY:
            time.sleep(_REST_S)


def _go_first() -> None:
    """Run before what the machine does otherwise: a late relay would be measured as a slow line."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:  # a container may forbid real time
        os.nice(-15)


def write_lanes(file: Path, lanes: list[Lane]) -> None:
    """The file that the process reads."""
    file.write_text(json.dumps([asdict(lane) for lane in lanes]))


def main(argv: list[str]) -> int:
    """Serve the lanes of the file."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    _go_first()
    rng = random.Random(1)
    lanes = [_Open(Lane(**found), rng) for found in json.loads(Path(argv[0]).read_text())]
    gc.disable()  # the loop makes no cycles, and a pause would be jitter
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    relay(lanes)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
