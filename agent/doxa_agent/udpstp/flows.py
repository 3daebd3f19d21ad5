"""The load of one test at its client: receiving it and telling what came, or sending it as the far end says (RFC 9946 §6–7).

Both end when the far end says stop, when the early stop has its estimate, when nothing was heard for 3 s, or when the
run's deadline is over; what is known until then is in the `Flow`.
"""

import contextlib
import select
import time
from dataclasses import dataclass, field
from typing import Final

from doxa_agent.meter import Deadline
from doxa_agent.udpstp.activation import Activation
from doxa_agent.udpstp.client import Agreement, reason_of
from doxa_agent.udpstp.fast import Estimate, Sample, estimate
from doxa_agent.udpstp.load import MOST_STATUS_ERRORS, Action
from doxa_agent.udpstp.rates import IPV4_HEADERS, IPV6_EXTRA, SendingRate, table
from doxa_agent.udpstp.receiver import LOAD_HEAD, Batch, Receiver
from doxa_agent.udpstp.sender import FineTimer, Sender
from doxa_agent.udpstp.stats import Interval, Tally
from doxa_agent.udpstp.status import Status
from doxa_agent.udpstp.steady import SteadyClock
from doxa_agent.udpstp.wire import PduError

MS: Final = 1_000_000
SECOND: Final = 1_000 * MS
QUIET_NS: Final = SECOND
SILENT_NS: Final = 3 * SECOND
_AFTER_NS: Final = 3 * SECOND
"""How long after its seconds a test may go on before we end it."""
_PARTING_NS: Final = 300 * MS
_EARLY_STATUSES: Final = 50
_ROOM: Final = 512
_MOST_SUBS: Final = 36_000
_SPAN: Final = 0.5
"""A sender's stamps that span so much more or less than what came, as a share of it, say nothing."""
_LATE_NS: Final = 1_500_000
"""A wake-up that is later than this is a stall of this machine."""
_DENSE_NS: Final = MS
"""Where datagrams are closer than this in the mean, a pause of their sender is one."""


@dataclass(slots=True, kw_only=True)
class Sub:
    """One sub-interval, or the whole; what is not known is None."""

    seconds: float
    datagrams: int
    octets: int
    """UDP payload."""
    lost: int
    reordered: int
    duplicates: int
    variation_min_ms: float | None = None
    variation_mean_ms: float | None = None
    variation_max_ms: float | None = None
    rtt_min_ms: float | None = None
    rtt_max_ms: float | None = None
    late_s: float = 0.0
    """For how long a machine stalled in it (see `Sample.late_s`), to within a trial interval."""


@dataclass(slots=True, kw_only=True)
class Flow:
    """What one direction gave."""

    direction: str
    family: int
    subs: list[Sub] = field(default_factory=list)
    whole: Sub = field(default_factory=lambda: Sub(seconds=0, datagrams=0, octets=0, lost=0, reordered=0, duplicates=0))
    estimate: Estimate | None = None
    ended: str = ""
    """`complete`, `stable`, `stalled`, `broke_off`, `silent`, `nonsense` or `stopped`."""
    reason: str = ""
    """The kernel's reason where the way broke."""
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    """From the first load to the last."""
    cpu_s: float = 0.0
    cpu_ratio: float = 0.0
    """Our thread's share of a core."""
    parting_octets: int = 0
    """UDP payload that still came after the end, and its datagrams: for the byte audit only."""
    parting_datagrams: int = 0
    dropped: int = 0
    """Datagrams that our own socket had no room for."""
    stamped: bool = True
    sent_datagrams: int = 0
    sent_octets: int = 0
    """UDP payload; for a download what the far end's numbers say."""
    asked_octets: float | None = None
    """What the far end's rates asked of our sender."""
    gso: bool | None = None
    blocked: int = 0
    rtts_ms: list[float] = field(default_factory=list)
    clock_stepped: bool = False
    samples: list[Sample] = field(default_factory=list)
    late_s: float = 0.0
    """For how long a machine stalled in all of it."""
    sent_seconds: float | None = None
    """Of a download: from the first to the last datagram that came, by the far end's stamps."""
    paced: tuple[int, float] = (0, 0.0)
    """Of a download: datagrams and seconds, as the far end numbered and stamped them, after its first answer to us.
    Before it a far end that does not know us need not send at the rate that was asked."""
    top_rate: bool = False
    """The sending rate was at the end of the table."""

    @property
    def overhead(self) -> int:
        """Octets of IP and UDP header of a datagram."""
        return IPV4_HEADERS + (IPV6_EXTRA if self.family == 6 else 0)

    def find(self, code: str) -> None:
        """Note a finding once."""
        if code not in self.findings:
            self.findings.append(code)


def _ms(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / MS


class _Clockwork:
    """What both directions have in common: time, end, CPU."""

    def __init__(self, agreed: Agreement, flow: Flow, deadline: Deadline, *, early_stop: bool) -> None:
        self.clock = SteadyClock()
        self.flow, self.sock, self.accepted = flow, agreed.sock, agreed.accepted
        self.deadline, self.early_stop = deadline, early_stop
        self.began = self.heard = self.clock.now()
        self.trial_ns = self.accepted.trial_ms * MS
        self.last = self.began + self.accepted.seconds * SECOND + _AFTER_NS
        self._cpu, self._wall = time.thread_time(), time.monotonic()
        self._late = 0
        self._sub_late = 0.0

    def woke(self, planned: int, now: int) -> None:
        """Book how late a wake-up was."""
        if now - planned > _LATE_NS:
            self._late += now - planned

    def lateness(self, other: int) -> float:
        """What was booked since the last call, and what is known of the far end, nanoseconds: into the flow, in seconds."""
        late, self._late = (self._late + other) / SECOND, 0
        self.flow.late_s += late
        self._sub_late += late
        return late

    def lateness_of_sub(self) -> float:
        """The lateness since the last call, seconds: to be called when a sub-interval is over."""
        late, self._sub_late = self._sub_late, 0.0
        return late

    def overdue(self, now: int) -> str:
        """Why to end now, empty to go on."""
        if self.deadline.over:
            return "stopped"
        quiet = now - self.heard
        if quiet >= QUIET_NS:
            self.flow.find("traffic_gap")
        if quiet >= SILENT_NS:
            return "stalled"
        return "complete" if now >= self.last else ""

    def finish(self) -> None:
        wall = time.monotonic() - self._wall
        self.flow.cpu_s = time.thread_time() - self._cpu
        self.flow.cpu_ratio = min(1.0, self.flow.cpu_s / wall) if wall > 0 else 0.0
        self.clock.shift()
        self.flow.clock_stepped = self.clock.stepped


def download(agreed: Agreement, family: int, deadline: Deadline, *, early_stop: bool) -> Flow:
    """Receive the far end's load until it ends. Never raises for what the line or the far end do."""
    flow = Flow(direction="download", family=family)
    with contextlib.closing(agreed.sock):
        _Download(_Clockwork(agreed, flow, deadline, early_stop=early_stop), agreed.early).run()
    return flow


class _Download:
    def __init__(self, work: _Clockwork, early: list[bytes]) -> None:
        self._work, self._flow = work, work.flow
        self._receiver = Receiver(work.sock, work.clock, LOAD_HEAD, joined=True)
        self._tally = Tally(work.clock, sub_ns=work.accepted.sub_interval_ms * MS)
        if early:
            now = work.clock.now()
            heads = b"".join(head[:LOAD_HEAD].ljust(LOAD_HEAD, b"\0") for head in early)
            lengths = [int.from_bytes(head[8:10], "big") for head in early]
            self._tally.feed(Batch(len(early), heads, LOAD_HEAD, lengths, now, [0] * len(early)))
        self._next = work.clock.now()
        self._offered = (0, 0)
        self._arrived = 0
        self._dropped = 0
        self._sub_late: list[float] = []

    def run(self) -> None:
        """Until it ends."""
        work, tally = self._work, self._tally
        ended = ""
        with FineTimer():
            while not ended:
                if (ended := self._drain()) or (ended := self._turn()):
                    break
                now = work.clock.now()
                planned = min(now + int(self._receiver.pause_s(self._rate()) * SECOND), self._next)
                time.sleep(max(0, planned - now) / SECOND)
                work.woke(max(planned, now), work.clock.now())
            end = work.clock.now()
            self._part(ended)
        self._flow.ended = ended
        self._book(tally.last_heard if ended == "stalled" and tally.started else end)

    def _drain(self) -> str:
        try:
            for batch in self._receiver.drain():
                self._tally.feed(batch)
        except OSError as error:
            self._flow.reason = reason_of(error)
            return "broke_off"
        return ""

    def _turn(self) -> str:
        work, tally = self._work, self._tally
        now = work.clock.now()
        tally.advance(now)
        work.heard = max(work.heard, tally.last_heard)
        if ended := work.overdue(now):
            return ended
        if tally.action is not Action.TEST:
            return "complete"
        if now < self._next:
            return ""
        self._next = max(self._next + work.trial_ns, now)
        self._tell(now, Action.TEST)
        return "stable" if self._is_known() else ""

    def _tell(self, now: int, action: Action) -> None:
        quiet = now - self._work.heard >= QUIET_NS
        status = self._tally.report(
            now, action=action, receive_stopped=quiet, mode=self._work.accepted.authentication.mode
        )
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            self._work.sock.send(status.encode())

    def _rate(self) -> float:
        if not self._tally.trials or not self._tally.trials[-1].duration:
            return 1e8
        last = self._tally.trials[-1]
        return max(1e7, 2 * last.octets * 8 * SECOND / last.duration)

    def _is_known(self) -> bool:
        """One sample more; whether the early stop has its estimate."""
        trial = self._tally.trials[-1]
        late = self._stalls(trial)
        number, sent = self._tally.front
        sequence_before, sent_before = self._offered
        self._offered = (number, sent)
        span = (trial.last - self._arrived) / SECOND if trial.last else 0.0
        if not trial.datagrams or not self._arrived or span <= 0 or sent <= sent_before:
            self._flow.samples.clear()
            self._arrived = trial.last or self._arrived
            return False
        self._arrived = trial.last
        each = trial.octets / trial.datagrams + self._flow.overhead
        self._flow.samples.append(
            Sample(
                seconds=span,
                octets=trial.octets + trial.datagrams * self._flow.overhead,
                datagrams=trial.datagrams,
                offered_octets=(number - sequence_before) * each,
                offered_seconds=(sent - sent_before) / SECOND,
                late_s=late,
            )
        )
        del self._flow.samples[:-400]
        if not self._work.early_stop:
            return False
        self._flow.estimate = estimate(self._flow.samples)
        return self._flow.estimate is not None

    def _stalls(self, trial: Interval) -> float:
        """Ours, and the sender's by its stamps; a drop of our own socket is one of the whole interval."""
        dropped, self._dropped = self._dropped, self._receiver.dropped
        dense = trial.duration < trial.datagrams * _DENSE_NS
        late = self._work.lateness(trial.pauses if dense else 0)
        while len(self._sub_late) < len(self._tally.subs):
            self._sub_late.append(self._work.lateness_of_sub())
        return trial.duration / SECOND if self._dropped > dropped else late

    def _part(self, ended: str) -> None:
        """Say stop; where the far end still sends, wait until it has heard it."""
        work = self._work
        until, next_word = work.clock.now() + _PARTING_NS, 0
        while ended in ("complete", "stable", "stopped") and (now := work.clock.now()) < until:
            try:
                if now >= next_word:
                    self._tell(now, Action.STOP)
                    next_word = now + work.trial_ns
                time.sleep(0.01)
                batches = self._receiver.drain()
                self._flow.parting_octets += sum(sum(batch.lengths) for batch in batches)
                self._flow.parting_datagrams += sum(batch.count for batch in batches)
                if not batches and ended == "complete":
                    return
            except OSError:
                return

    def _book(self, now: int) -> None:
        flow, tally = self._flow, self._tally
        whole = tally.close(now)
        flow.subs = [_sub(interval) for interval in tally.subs[:_MOST_SUBS]]
        for part, late in zip(flow.subs, self._sub_late, strict=False):
            part.late_s = late
        flow.whole = _sub(whole)
        flow.seconds = flow.whole.seconds if tally.started else 0.0
        sending = (tally.front[1] - tally.first_sent) / SECOND
        if abs(sending - flow.seconds) < _SPAN * flow.seconds:
            flow.sent_seconds = sending
            if tally.answered[0]:
                number, sent = (after - before for after, before in zip(tally.front, tally.answered, strict=True))
                flow.paced = (number, sent / SECOND)
        if not tally.started and flow.ended == "stalled":
            flow.ended = "silent"
        mean = whole.octets / whole.datagrams if whole.datagrams else 0.0
        flow.sent_datagrams, flow.sent_octets = whole.sent, round(whole.sent * mean)
        flow.dropped, flow.stamped = self._receiver.dropped, bool(self._receiver.stamped)
        flow.rtts_ms = [rtt / MS for rtt in tally.rtts]
        self._work.finish()


def _sub(interval: Interval) -> Sub:
    count = interval.variation_count
    return Sub(
        seconds=interval.duration / SECOND,
        datagrams=interval.datagrams,
        octets=interval.octets,
        lost=interval.lost,
        reordered=interval.reordered,
        duplicates=interval.duplicates,
        variation_min_ms=_ms(interval.variation_min),
        variation_mean_ms=interval.variation_sum / count / MS if count else None,
        variation_max_ms=interval.variation_max / MS if count else None,
        rtt_min_ms=_ms(interval.rtt_min),
        rtt_max_ms=_ms(interval.rtt_max),
    )


def upload(
    agreed: Agreement, family: int, deadline: Deadline, *, early_stop: bool, traditional: bool, random_payload: bool
) -> Flow:
    """Send as the far end says until it ends. Never raises for what the line or the far end do."""
    flow = Flow(direction="upload", family=family)
    rows = table(traditional=traditional, jumbo=True)
    work = _Clockwork(agreed, flow, deadline, early_stop=early_stop)
    with contextlib.closing(agreed.sock):
        _Upload(work, agreed, rows, random_payload=random_payload).run()
    return flow


class _Upload:
    def __init__(
        self, work: _Clockwork, agreed: Agreement, rows: tuple[SendingRate, ...], *, random_payload: bool
    ) -> None:
        self._work, self._flow, self._rows = work, work.flow, rows
        self._sender = Sender(work.sock, work.clock, family=work.flow.family, random_payload=random_payload)
        first: Activation = agreed.accepted
        self._sender.set_rate(rows[0] if not agreed.answered or first.rate.silent else first.rate)
        self._early = agreed.early
        self._sequence = 0
        self._at = (work.began, 0)
        self._number = 0
        self._lowered = False
        self._rtt_min: int | None = None
        self._totals = Sub(seconds=0, datagrams=0, octets=0, lost=0, reordered=0, duplicates=0)
        self._variation = [0, 0, 0]

    def run(self) -> None:
        """Until it ends."""
        work, sender = self._work, self._sender
        ended = ""
        with FineTimer():
            for data in self._early:
                ended = ended or self._take(data, work.clock.now())
            due = work.clock.now()
            while not ended:
                now = work.clock.now()
                wait = (due - now) / SECOND
                if select.select([work.sock], [], [], max(0.0, wait))[0]:
                    ended = self._hear()
                now = work.clock.now()
                if now < due or ended:
                    continue
                work.woke(due, now)
                ended = self._watch(now)
                try:
                    due = min(sender.tick(now), now + 100 * MS)
                except OSError as error:
                    self._flow.reason = reason_of(error)
                    ended = "broke_off"
            self._flow.asked_octets = sender.asked_octets
            self._flow.sent_datagrams, self._flow.sent_octets = sender.sent_datagrams, sender.sent_octets
            self._part(ended)
        self._flow.ended = ended
        self._book()

    def _watch(self, now: int) -> str:
        """Time's work: silence makes us careful, then ends the test."""
        ended = self._work.overdue(now)
        quiet = now - self._work.heard >= QUIET_NS
        if quiet and not self._lowered:
            self._lowered = True
            self._sender.set_rate(self._rows[0])
        self._sender.receive_stopped = quiet
        return "silent" if ended == "stalled" and not self._sequence else ended

    def _hear(self) -> str:
        for _ in range(64):
            try:
                data = self._work.sock.recv(_ROOM)
            except BlockingIOError:
                break
            except OSError as error:
                self._flow.reason = reason_of(error)
                return "broke_off"
            if ended := self._take(data, self._work.clock.now()):
                return ended
        return ""

    def _take(self, data: bytes, now: int) -> str:
        """One Status PDU; why to end, empty to go on."""
        try:
            status = Status.decode(data)
        except PduError:
            return ""
        elapsed = (now - self._work.began) / self._work.trial_ns
        if status.sequence <= self._sequence:
            self._sender.status_errors = MOST_STATUS_ERRORS
            self._flow.find("feedback_repeated")
            return ""
        if status.sequence > 1.2 * elapsed + _EARLY_STATUSES:
            self._flow.find("feedback_forged")
            return ""
        missing = status.sequence - self._sequence - 1
        self._sender.status_errors = min(MOST_STATUS_ERRORS - 1, missing)
        if missing:
            self._flow.find("feedback_lost")
            self._flow.samples.clear()
        self._sequence = status.sequence
        self._work.heard, self._lowered = now, False
        self._sender.echo(status.sent_ns, now)
        self._account(status, now)
        if self._lies():
            return "nonsense"
        if status.action is not Action.TEST:
            return "complete"
        self._sender.set_rate(status.rate if not status.rate.silent else self._rows[0])
        self._flow.top_rate = self._flow.top_rate or status.rate == self._rows[-1]
        if self._work.early_stop:
            self._flow.estimate = estimate(self._flow.samples)
        return "stable" if self._flow.estimate is not None else ""

    def _account(self, status: Status, now: int) -> None:
        whole = self._totals
        whole.seconds += status.trial_us / 1e6
        whole.datagrams += status.datagrams
        whole.octets += status.payload_bytes
        whole.lost += status.lost
        whole.reordered += status.reordered
        whole.duplicates += status.duplicates
        if status.delay_variation_count:
            self._variation[0] += status.delay_variation_sum_ms
            self._variation[1] += status.delay_variation_count
            self._variation[2] = max(self._variation[2], status.delay_variation_max_ms)
        if status.rtt_min_ms is not None:
            self._rtt_min = status.rtt_min_ms
            if status.rtt_variation_ms is not None and len(self._flow.rtts_ms) < 100_000:
                self._flow.rtts_ms.append(float(status.rtt_min_ms + status.rtt_variation_ms))
        late = self._work.lateness(self._far_late(status))
        before, octets = self._at
        sent = self._sender.sent_octets + self._sender.sent_datagrams * self._flow.overhead
        self._at = (now, sent)
        if status.trial_us and status.datagrams:
            self._flow.samples.append(
                Sample(
                    seconds=status.trial_us / 1e6,
                    octets=status.payload_bytes + status.datagrams * self._flow.overhead,
                    datagrams=status.datagrams,
                    offered_octets=sent - octets,
                    offered_seconds=(now - before) / SECOND,
                    late_s=late,
                )
            )
            del self._flow.samples[:-400]
        else:
            self._flow.samples.clear()
        if status.sub_interval_number > self._number and len(self._flow.subs) < _MOST_SUBS:
            if status.sub_interval_number > self._number + 1:
                self._flow.find("sub_intervals_lost")
            self._number = status.sub_interval_number
            self._flow.subs.append(self._sub(status))

    def _far_late(self, status: Status) -> int:
        """How much longer than agreed the far end took for its trial interval, nanoseconds."""
        late = status.trial_us * 1000 - self._work.trial_ns
        return late if late > _LATE_NS else 0

    def _sub(self, status: Status) -> Sub:
        found, least = status.sub_interval, self._rtt_min
        count = found.delay_variation_count
        low = found.rtt_variation_min_ms
        return Sub(
            seconds=found.delta_us / 1e6,
            datagrams=found.datagrams,
            octets=found.payload_bytes,
            lost=found.lost,
            reordered=found.reordered,
            duplicates=found.duplicates,
            variation_min_ms=found.delay_variation_min_ms,
            variation_mean_ms=found.delay_variation_sum_ms / count if count else None,
            variation_max_ms=float(found.delay_variation_max_ms) if count else None,
            rtt_min_ms=None if low is None or least is None else float(least + low),
            rtt_max_ms=None if low is None or least is None else float(least + found.rtt_variation_max_ms),
            late_s=self._work.lateness_of_sub(),
        )

    def _lies(self) -> bool:
        """Nobody can receive more than was sent, or lose it: such reports describe nothing."""
        sent, octets = self._sender.sent_datagrams, self._sender.sent_octets
        whole = self._totals
        subs = self._flow.subs
        return (
            whole.datagrams - whole.duplicates > sent
            or sum(sub.datagrams - sub.duplicates for sub in subs[-1:]) > sent
            or whole.lost > sent + whole.reordered
            or any(sub.lost > sent or (sub.octets > octets and not sub.duplicates) for sub in subs[-1:])
            or (whole.octets > octets and not whole.duplicates)
        )

    def _part(self, ended: str) -> None:
        if ended in ("complete", "stable", "stopped"):
            for _ in range(2):
                with contextlib.suppress(OSError):
                    self._sender.finish()

    def _book(self) -> None:
        flow, whole = self._flow, self._totals
        summed = sum(sub.datagrams for sub in flow.subs)
        if summed > whole.datagrams:  # Status PDUs were lost on the way
            whole = Sub(
                seconds=sum(sub.seconds for sub in flow.subs),
                datagrams=summed,
                octets=sum(sub.octets for sub in flow.subs),
                lost=sum(sub.lost for sub in flow.subs),
                reordered=sum(sub.reordered for sub in flow.subs),
                duplicates=sum(sub.duplicates for sub in flow.subs),
            )
        total, count, most = self._variation
        whole.variation_mean_ms = total / count if count else None
        whole.variation_max_ms = float(most) if count else None
        flow.whole, flow.seconds = whole, whole.seconds
        flow.gso, flow.blocked = self._sender.gso, self._sender.blocked
        self._work.finish()
