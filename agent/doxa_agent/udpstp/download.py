"""Receiving the load of one test at its client, and telling the far end what came (RFC 9946 §6–7)."""

import contextlib
import time
from typing import Final

from doxa_agent.meter import Deadline
from doxa_agent.udpstp import clockwork
from doxa_agent.udpstp.client import Agreement, reason_of
from doxa_agent.udpstp.clockwork import MS, SECOND, Clockwork
from doxa_agent.udpstp.fast import Sample, estimate
from doxa_agent.udpstp.flow import MOST_SUBS, Flow, Sub
from doxa_agent.udpstp.interval import Interval
from doxa_agent.udpstp.load import Action
from doxa_agent.udpstp.receiver import LOAD_HEAD, Batch, Receiver
from doxa_agent.udpstp.sender import FineTimer
from doxa_agent.udpstp.stats import Tally

_PARTING_NS: Final = 300 * MS
_SPAN: Final = 0.5
"""A sender's stamps that span so much more or less than what came, as a share of it, say nothing."""
_DENSE_NS: Final = MS
"""Where datagrams are closer than this in the mean, a pause of their sender is one."""


def download(agreed: Agreement, family: int, deadline: Deadline, *, early_stop: bool) -> Flow:
    """Receive the far end's load until it ends. Never raises for what the line or the far end do."""
    flow = Flow(direction="download", family=family)
    with contextlib.closing(agreed.sock):
        _Download(Clockwork(agreed, flow, deadline, early_stop=early_stop), agreed.early).run()
    return flow


class _Download:
    def __init__(self, work: Clockwork, early: list[bytes]) -> None:
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
        quiet = now - self._work.heard >= clockwork.QUIET_NS
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
        flow.subs = [_sub(interval) for interval in tally.subs[:MOST_SUBS]]
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


def _ms(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / MS
