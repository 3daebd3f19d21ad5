"""Sending the load of one test at its client, as the far end says (RFC 9946 §6–7)."""

import contextlib
import select
from typing import Final

from doxa_agent.meter import Deadline
from doxa_agent.udpstp import clockwork
from doxa_agent.udpstp.activation import Activation
from doxa_agent.udpstp.client import Agreement, reason_of
from doxa_agent.udpstp.clockwork import LATE_NS, MS, SECOND, Clockwork
from doxa_agent.udpstp.fast import Sample, estimate
from doxa_agent.udpstp.flow import MOST_SUBS, Flow, Sub
from doxa_agent.udpstp.load import MOST_STATUS_ERRORS, Action
from doxa_agent.udpstp.rates import SendingRate, table
from doxa_agent.udpstp.sender import FineTimer, Sender
from doxa_agent.udpstp.status import Status
from doxa_agent.udpstp.wire import PduError

_EARLY_STATUSES: Final = 50
_ROOM: Final = 512


def upload(
    agreed: Agreement, family: int, deadline: Deadline, *, early_stop: bool, traditional: bool, random_payload: bool
) -> Flow:
    """Send as the far end says until it ends. Never raises for what the line or the far end do."""
    flow = Flow(direction="upload", family=family)
    rows = table(traditional=traditional, jumbo=True)
    work = Clockwork(agreed, flow, deadline, early_stop=early_stop)
    with contextlib.closing(agreed.sock):
        _Upload(work, agreed, rows, random_payload=random_payload).run()
    return flow


class _Upload:
    def __init__(
        self, work: Clockwork, agreed: Agreement, rows: tuple[SendingRate, ...], *, random_payload: bool
    ) -> None:
        self._work, self._flow, self._rows = work, work.flow, rows
        first: Activation = agreed.accepted
        held = first.held_row is not None
        self._sender = Sender(work.sock, work.clock, family=work.flow.family, random_payload=random_payload, held=held)
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
        quiet = now - self._work.heard >= clockwork.QUIET_NS
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
        if status.sub_interval_number > self._number and len(self._flow.subs) < MOST_SUBS:
            if status.sub_interval_number > self._number + 1:
                self._flow.find("sub_intervals_lost")
            self._number = status.sub_interval_number
            self._flow.subs.append(self._sub(status))

    def _far_late(self, status: Status) -> int:
        """How much longer than agreed the far end took for its trial interval, nanoseconds."""
        late = status.trial_us * 1000 - self._work.trial_ns
        return late if late > LATE_NS else 0

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
