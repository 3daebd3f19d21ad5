"""One direction of the test: connections are added until goodput stands still, then until responsiveness does.

One thread, one epoll. Probes of both kinds leave in turns, evenly over each interval.
"""

import random
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from doxa_agent.meter import Deadline
from doxa_agent.net.binding import Unreachable
from doxa_agent.net.tcpinfo import read_tcp_info
from doxa_agent.responsiveness.exchange import Exchange, exchange
from doxa_agent.responsiveness.pipe import Phase, Pipe, tls_context
from doxa_agent.responsiveness.stability import (
    Confidence,
    Foreign,
    Parameters,
    confidence,
    is_saturated,
    moving_average,
    probe_pairs_per_s,
    responsiveness,
)
from doxa_agent.speed.target import Stopped, Target

_SLICE_S: Final = 0.05
_PROBE_LOST_S: Final = 5.0
_RCV_RTT: Final = 92
"""Offset of tcpi_rcv_rtt in struct tcp_info: the receiver's own estimate, in microseconds."""


@dataclass(slots=True, kw_only=True)
class Found:
    """What one direction amounts to."""

    goodput_mbps: list[float] = field(default_factory=list)
    """Of each interval, payload."""
    rpm: list[float] = field(default_factory=list)
    """Over the moving window, once an interval after goodput stood still."""
    foreign: list[Foreign] = field(default_factory=list)
    """Probes on new connections within the last window."""
    own: list[float] = field(default_factory=list)
    """Seconds of probes on loaded connections within the last window."""
    saturated_at: int | None = None
    """The interval in which goodput stood still."""
    goodput_confidence: Confidence = Confidence.LOW
    confidence: Confidence = Confidence.LOW
    connections: int = 0
    lost_probes: int = 0
    octets: float = 0.0
    seconds: float = 0.0
    cpu_s: float = 0.0


class _Load:
    """One load-generating connection."""

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe
        self.exchange: Exchange | None = None


class _Probe:
    """One foreign probe."""

    def __init__(self, pipe: Pipe, now: float) -> None:
        self.pipe = pipe
        self.until = now + _PROBE_LOST_S
        self.exchange: Exchange | None = None


class Course:
    """Runs one direction. `run()` once."""

    def __init__(
        self, target: Target, parameters: Parameters, deadline: Deadline, *, sending: bool, limit_s: float
    ) -> None:
        self.found = Found()
        self._target, self._parameters, self._deadline = target, parameters, deadline
        self._sending, self._limit_s = sending, limit_s
        self._tls = tls_context(target.far_end)
        self._poller = select.epoll()
        self._loads: dict[int, _Load] = {}
        self._probes: dict[int, _Probe] = {}
        self._interest: dict[int, int] = {}
        self._foreign: deque[tuple[float, Foreign]] = deque()
        self._own: deque[tuple[float, float]] = deque()
        self._averages: list[float] = []
        self._counted = 0.0
        self._random = random.Random()

    def run(self) -> Found:
        """The findings; `Unreachable` where a load connection ends early, `Stopped` at the deadline."""
        began, cpu = time.monotonic(), time.process_time()
        try:
            for _ in range(self._parameters.first):
                self._join()
            self._intervals(began)
        finally:
            self.found.seconds = time.monotonic() - began
            self.found.cpu_s = time.process_time() - cpu
            self.found.octets = self._octets()
            self._close()
        return self.found

    def _intervals(self, began: float) -> None:
        step = self._parameters.interval_s
        last = began
        # Each of the two stages has half of the time (section "Confidence of Test-Results").
        while time.monotonic() - began < self._limit_s:
            self._serve_until(last + step, self._pace())
            now = time.monotonic()
            if self._judge(now - last, now):
                return
            if self.found.saturated_at is None and now - began >= self._limit_s / 2:
                self._saturate()
            last = now
            if len(self._loads) < self._parameters.most:
                for _ in range(self._parameters.more):
                    self._join()

    def _pace(self) -> float:
        """Seconds between two pairs of probes."""
        goodput = self.found.goodput_mbps[-1] if self.found.goodput_mbps else 0.0
        return 1.0 / probe_pairs_per_s(goodput, self._parameters)

    # --- an interval's end -------------------------------------------------------------------------------------------

    def _judge(self, seconds: float, now: float) -> bool:
        """Take stock; whether the test is over."""
        found, parameters = self.found, self._parameters
        octets = self._octets()
        found.goodput_mbps.append((octets - self._counted) * 8e-6 / seconds)
        self._counted = octets
        self._averages.append(moving_average(found.goodput_mbps, parameters.window))
        if found.saturated_at is None:
            stable = is_saturated(self._averages, parameters)
            found.goodput_confidence = confidence(len(self._averages), stable=stable, parameters=parameters)
            if stable:
                self._saturate()
            return False
        return self._judge_probes(now)

    def _saturate(self) -> None:
        self.found.saturated_at = len(self.found.goodput_mbps)

    def _judge_probes(self, now: float) -> bool:
        found, parameters = self.found, self._parameters
        oldest = now - parameters.window * parameters.interval_s
        found.foreign = [probe for when, probe in self._foreign if when >= oldest]
        found.own = [seconds for when, seconds in self._own if when >= oldest]
        current = responsiveness(found.foreign, found.own, parameters.trimmed)
        if current is None:
            return False
        found.rpm.append(current)
        stable = is_saturated(found.rpm, parameters)
        found.confidence = confidence(len(found.rpm), stable=stable, parameters=parameters)
        return stable

    def _octets(self) -> float:
        if not self._sending:
            return float(sum(load.exchange.octets for load in self._loads.values() if load.exchange is not None))
        return float(sum(read_tcp_info(load.pipe.sock).bytes_acked or 0 for load in self._loads.values()))

    # --- within an interval ------------------------------------------------------------------------------------------

    def _serve_until(self, end: float, gap_s: float) -> None:
        # Foreign and own probes interleave: half a gap lies between them.
        due = time.monotonic()
        turn = 0
        while (now := time.monotonic()) < end:
            if self._deadline.over:
                raise Stopped
            if now >= due:
                self._probe(now, foreign=turn % 2 == 0)
                turn += 1
                due += gap_s / 2
            for fd, event in self._poller.poll(max(0.0, min(end, due, now + _SLICE_S) - now)):
                self._act(fd, event)
            self._drop_lost(time.monotonic())

    def _act(self, fd: int, event: int) -> None:
        if fd in self._loads:
            self._step_load(self._loads[fd], event)
            self._watch(fd, self._loads[fd].pipe)
        elif fd in self._probes:
            probe = self._probes[fd]
            try:
                self._step_probe(probe, event)
            except Unreachable:
                self._lose(fd)
                return
            if probe.pipe.phase is Phase.CLOSED:
                self._forget(fd)
            else:
                self._watch(fd, probe.pipe)

    def _watch(self, fd: int, pipe: Pipe) -> None:
        if self._interest.get(fd) != pipe.interest:
            self._interest[fd] = pipe.interest
            self._poller.modify(fd, pipe.interest)

    def _join(self) -> None:
        pipe = Pipe(self._target, self._tls)
        self._loads[pipe.sock.fileno()] = _Load(pipe)
        self._register(pipe)
        self.found.connections += 1

    def _register(self, pipe: Pipe) -> None:
        fd = pipe.sock.fileno()
        self._interest[fd] = pipe.interest
        self._poller.register(fd, pipe.interest)

    def _step_load(self, load: _Load, event: int) -> None:
        piece = load.pipe.step(event)
        if load.exchange is None:
            if load.pipe.phase is not Phase.OPEN:
                return
            load.exchange = exchange(load.pipe, self._target)
            load.exchange.load(sending=self._sending)
        load.exchange.feed(piece)
        load.exchange.pump()

    def _step_probe(self, probe: _Probe, event: int) -> None:
        piece = probe.pipe.step(event)
        if probe.exchange is None:
            if probe.pipe.phase is not Phase.OPEN:
                return
            probe.exchange = exchange(probe.pipe, self._target)
            probe.exchange.get(self._taker(probe.pipe))
        probe.exchange.feed(piece)

    def _taker(self, pipe: Pipe) -> Callable[[float], None]:
        def take(http_s: float) -> None:
            if pipe.tcp_s is not None:
                self._foreign.append((time.monotonic(), Foreign(pipe.tcp_s, http_s, pipe.tls_s)))
            pipe.close()

        return take

    def _probe(self, now: float, *, foreign: bool) -> None:
        if foreign:
            pipe = Pipe(self._target, self._tls)
            self._probes[pipe.sock.fileno()] = _Probe(pipe, now)
            self._register(pipe)
            return
        ready = [load for load in self._loads.values() if load.exchange is not None]
        if not ready:
            return
        load = self._random.choice(ready)
        if self._tls is None:
            self._note_stack(load.pipe.sock, now)
        elif load.exchange is not None:
            load.exchange.get(lambda seconds: self._own.append((time.monotonic(), seconds)))

    def _note_stack(self, sock: socket.socket, now: float) -> None:
        """Without multiplexing the TCP stack's own estimate stands for a request on a loaded connection (the draft)."""
        if self._sending:
            rtt_us = read_tcp_info(sock).rtt_us
        else:
            packed = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            rtt_us = struct.unpack_from("=I", packed, _RCV_RTT)[0] if len(packed) >= _RCV_RTT + 4 else None
        if rtt_us:
            self._own.append((now, rtt_us / 1e6))

    def _drop_lost(self, now: float) -> None:
        for fd in [fd for fd, probe in self._probes.items() if now >= probe.until]:
            self._lose(fd)

    def _lose(self, fd: int) -> None:
        self.found.lost_probes += 1
        self._probes[fd].pipe.close()
        self._forget(fd)

    def _forget(self, fd: int) -> None:
        """A closed descriptor has left epoll by itself."""
        del self._probes[fd]
        self._interest.pop(fd, None)

    def _close(self) -> None:
        for pipe in [load.pipe for load in self._loads.values()] + [probe.pipe for probe in self._probes.values()]:
            pipe.close()
        self._poller.close()
