"""What a receiver knows of a test: datagrams, loss, reordering, duplicates, delay variation and RTT, by intervals.

As RFC 9097 and RFC 9946 define them: a gap in the sequence is a loss until the datagram comes late, then it is reordering;
a number that came before is a duplicate. Delay variation is one-way delay above the least of the test so far, so the
clocks' difference does not matter. An RTT sample is what a Load PDU echoes of a Status PDU of ours.

Fed by batches: where a batch is what it should be (every datagram a Load PDU, in order) it is booked by columns.
"""

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from operator import add, sub
from typing import Final

from doxa_agent.udpstp.interval import SENDER_PAUSE_NS, Interval
from doxa_agent.udpstp.load import HEADER, LOAD_ID, Action
from doxa_agent.udpstp.rates import SendingRate
from doxa_agent.udpstp.receiver import Batch
from doxa_agent.udpstp.status import Status, SubInterval
from doxa_agent.udpstp.steady import SteadyClock

MOST_GAPS: Final = 1024
"""Gaps that are remembered to tell late datagrams from duplicates; older ones stay booked as lost."""
MOST_SAMPLES: Final = 100_000
_MOST_PAUSES: Final = 8
"""Pauses that are looked for in one batch: stamps may be anything."""
GRACE_NS: Final = 10_000_000
"""How long after its end a sub-interval is kept open: what came in it may be stamped but not readable yet."""
_SWAP: Final = sys.byteorder == "little"
_NS: Final = 1_000_000_000
_MS: Final = 1_000_000
_MOST_32: Final = 0xFFFF_FFFE
_PLAIN: Final = LOAD_ID.to_bytes(2, "big") + b"\0\0"
"""The first four octets of a Load PDU of a running test."""
_STATUSES: Final = 64
_SEQUENCE, _ECHO_NS, _SENT_S, _SENT_NS = 1, 4, 5, 6
"""32-bit columns of the Load header."""


class Tally:
    """The books of one receiver. Feed it every batch, ask it for a Status PDU every trial interval."""

    def __init__(self, clock: SteadyClock, *, sub_ns: int = _NS) -> None:
        now = clock.now()
        self.whole = Interval(started=now)
        self.subs: list[Interval] = []
        """The complete sub-intervals; they start with the first datagram."""
        self.trials: deque[Interval] = deque(maxlen=200)
        """The last complete trial intervals."""
        self.rtts: list[int] = []
        self.action = Action.TEST
        """What the far end's Load PDUs say last."""
        self.receive_stopped = False
        """The far end says that it receives nothing from us."""
        self.status_errors = 0
        """The status-sequence errors of the last Load PDU."""
        self.last_heard = now
        self.front = (0, 0)
        """Sequence number and send time (the far end's clock, ns) of the last Load PDU booked."""
        self.first_sent = 0
        """Send time of the first datagram that came, as in `front`."""
        self.answered = (0, 0)
        """As `front`: the first Load PDU sent after a Status PDU of ours had come, so at the rate that it asked for."""
        self.rtt_min: int | None = None
        self._sub_ns = self._sub_due = sub_ns
        self._trial = Interval(started=now)
        self._sub = Interval(started=now)
        self._next = 1
        self._gaps: list[tuple[int, int]] = []
        self._forgotten = 0
        self._delta_min: int | None = None
        self._renewed = False
        self._echo = b"\0\0\0\0"
        self._statuses: deque[int] = deque(maxlen=_STATUSES)
        self._sequence_out = 0

    @property
    def started(self) -> bool:
        """Whether any load has come."""
        return self.whole.datagrams > 0

    def feed(self, batch: Batch) -> list[bytes]:
        """Book the Load PDUs of a batch; the heads of everything else in it."""
        others: list[bytes] = []
        if not batch.count:
            return others
        words = memoryview(batch.heads).cast("I")
        step = batch.stride // 4
        if words[::step].tobytes() != _PLAIN * batch.count or min(batch.lengths) < HEADER.size:
            batch, others = self._sift(batch)
            if not batch.count:
                return others
        for part in self._parts(batch):
            self._book(part, memoryview(part.heads).cast("I"), step)
        return others

    def _parts(self, batch: Batch) -> Iterator[Batch]:
        """The batch, cut where a sub-interval ends: by arrival, so a late read moves nothing from one to the next."""
        if not self.started:
            self._begin(batch.stamp(0))
        while batch.stamp(-1) >= self._sub_due:
            if place := bisect_left(batch.fractions, self._sub_due - batch.base):
                yield batch.cut(0, place)
                batch = batch.cut(place, batch.count)
            self._close_sub()
        yield batch

    def _sift(self, batch: Batch) -> tuple[Batch, list[bytes]]:
        """Part the Load PDUs from what else came to this socket."""
        heads, others = bytearray(), []
        kept: list[int] = []
        for place in range(batch.count):
            head = batch.head(place)
            if len(head) < HEADER.size or int.from_bytes(head[:2], "big") != LOAD_ID or head[2] > Action.STOP:
                others.append(head)
                continue
            self.action = Action(head[2])
            self.receive_stopped = bool(head[3])
            heads += batch.heads[place * batch.stride : (place + 1) * batch.stride]
            kept.append(place)
        lengths, fractions = [batch.lengths[n] for n in kept], [batch.fractions[n] for n in kept]
        return Batch(len(kept), bytes(heads), batch.stride, lengths, batch.base, fractions), others

    def _book(self, batch: Batch, words: "memoryview[int]", step: int) -> None:
        count, octets = batch.count, sum(batch.lengths)
        self.last_heard = last = batch.stamp(-1)
        for interval in (self.whole, self._trial, self._sub):
            interval.datagrams += count
            interval.octets += octets
            interval.last = last
        self._number(words[_SEQUENCE::step].tobytes(), count)
        self._delays(batch, words[_SENT_S::step].tobytes(), words[_SENT_NS::step].tobytes())
        echoes = words[_ECHO_NS::step].tobytes()
        if echoes != self._echo * count:
            self._echoes(batch, echoes)
        final = HEADER.unpack_from(batch.heads, (count - 1) * batch.stride)
        self.status_errors = final[5]
        self.front = (final[3], final[8] * _NS + final[9])
        if not self.first_sent:
            first = HEADER.unpack_from(batch.heads)
            self.first_sent = first[8] * _NS + first[9]

    def _begin(self, first: int) -> None:
        """The test's time begins with the first datagram."""
        for interval in (self.whole, self._trial, self._sub):
            interval.started = interval.first = first
        self._sub_due = first + self._sub_ns

    # --- loss, reordering, duplicates --------------------------------------------------------------------------------

    def _number(self, column: bytes, count: int) -> None:
        first = self._next
        if column == _succession(first, count):
            self._next = first + count
            return
        for number in _numbers(column):
            if number >= self._next:
                if number > self._next:
                    self._lose(self._next, number)
                self._next = number + 1
            else:
                self._late(number)

    def _lose(self, start: int, end: int) -> None:
        self._gaps.append((start, end))
        if len(self._gaps) > MOST_GAPS:
            self._forgotten = self._gaps.pop(0)[1]
        for interval in (self.whole, self._trial, self._sub):
            interval.lost += end - start

    def _late(self, number: int) -> None:
        place = bisect_right(self._gaps, (number, 0xFFFF_FFFF + 1)) - 1
        if place >= 0 and self._gaps[place][0] <= number < self._gaps[place][1]:
            start, end = self._gaps.pop(place)
            rest = [(a, b) for a, b in ((start, number), (number + 1, end)) if a < b]
            self._gaps[place:place] = rest
        elif number >= self._forgotten:
            for interval in (self.whole, self._trial, self._sub):
                interval.duplicates += 1
            return
        for interval in (self.whole, self._trial, self._sub):
            interval.reordered += 1
            interval.lost = max(0, interval.lost - 1)

    # --- delay -------------------------------------------------------------------------------------------------------

    def _delays(self, batch: Batch, seconds: bytes, fractions: bytes) -> None:
        count = batch.count
        parts = _numbers(fractions)
        if max(parts) >= _NS:
            return
        base = batch.base
        if seconds == seconds[:4] * count:
            delays = list(map(sub, batch.fractions, parts))
            self._watch_sender(batch, parts, int.from_bytes(seconds[:4], "big") * _NS)
            base -= int.from_bytes(seconds[:4], "big") * _NS
        else:
            sent = list(map(add, map(_NS.__mul__, _numbers(seconds)), parts))
            self._watch_sender(batch, sent, 0)
            delays = list(map(sub, batch.fractions, sent))
        least, most = min(delays) + base, max(delays) + base
        if self._delta_min is None or least < self._delta_min:
            self._delta_min, self._renewed = least, True
        total = sum(delays) + count * (base - self._delta_min)
        for interval in (self.whole, self._trial, self._sub):
            interval.vary(least - self._delta_min, most - self._delta_min, total, count)

    def _watch_sender(self, batch: Batch, times: "Sequence[int]", base: int) -> None:
        """Book its pauses. A gap of times where numbers are missing too is the line's loss, not a pause."""
        distinct = sorted(set(times))
        before = self.front[1] - base if self.front[1] else distinct[0]
        if max(map(sub, distinct, [before, *distinct])) <= SENDER_PAUSE_NS:
            return
        gaps = ((start, end) for start, end in pairwise([before, *distinct]) if end - start > SENDER_PAUSE_NS)
        for start, end in islice(gaps, _MOST_PAUSES):
            if self._in_succession(batch, times.index(end)):
                for interval in (self.whole, self._trial, self._sub):
                    interval.pauses += end - start

    def _in_succession(self, batch: Batch, place: int) -> bool:
        at = place * batch.stride + 4
        earlier = batch.heads[at - batch.stride : at - batch.stride + 4]
        before = int.from_bytes(earlier, "big") if place else self.front[0]
        return 0 < int.from_bytes(batch.heads[at : at + 4], "big") - before <= 2

    def _echoes(self, batch: Batch, echoes: bytes) -> None:
        for place in range(batch.count):
            echo = echoes[4 * place : 4 * place + 4]
            if echo == self._echo:
                continue
            self._echo = echo
            head = HEADER.unpack_from(batch.heads, place * batch.stride)
            sent, delay = head[6] * _NS + head[7], head[10] * _MS
            if sent in self._statuses:  # nobody can invent a round trip
                if not self.answered[0]:
                    self.answered = (head[3], head[8] * _NS + head[9])
                self._sample(max(0, batch.stamp(place) - sent - delay))

    def _sample(self, rtt: int) -> None:
        if self.rtt_min is None or rtt < self.rtt_min:
            self.rtt_min, self._renewed = rtt, True
        if len(self.rtts) < MOST_SAMPLES:
            self.rtts.append(rtt)
        for interval in (self.whole, self._trial, self._sub):
            interval.sample(rtt)

    # --- intervals ---------------------------------------------------------------------------------------------------

    def advance(self, now: int, grace: int = GRACE_NS) -> bool:
        """Close the sub-intervals that were over `grace` ago (all that came in them has been fed); whether one was."""
        before = len(self.subs)
        while self.started and now - grace >= self._sub_due:
            self._close_sub()
        return len(self.subs) > before

    def _close_sub(self) -> None:
        """It ends when its time is over, whenever that is noticed."""
        end = self._sub_due
        self._sub_due = end + self._sub_ns
        self._sub.ended = end
        self.subs.append(self._sub)
        self._sub = Interval(started=end, first=self._sub.last or end)

    def close(self, now: int) -> Interval:
        """The end of the test: the whole of it; what of the last sub-interval is incomplete is no sub-interval."""
        self.advance(now, grace=0)
        self.whole.ended = now
        return self.whole

    def report(
        self,
        now: int,
        *,
        rate: SendingRate | None = None,
        action: Action = Action.TEST,
        receive_stopped: bool = False,
        mode: int = 0,
    ) -> Status:
        """The Status PDU that ends the trial interval at `now`."""
        self.advance(now)
        trial, self._trial = self._trial, Interval(started=now, first=self._trial.last or self._trial.first)
        trial.ended = now
        self.trials.append(trial)
        self._sequence_out += 1
        self._statuses.append(now)
        renewed, self._renewed = self._renewed, False
        return Status(
            action=action,
            receive_stopped=receive_stopped,
            sequence=self._sequence_out,
            rate=rate or SendingRate(),
            sub_interval_number=len(self.subs),
            sub_interval=self._saved(),
            lost=_fit(trial.lost),
            reordered=_fit(trial.reordered),
            duplicates=_fit(trial.duplicates),
            clock_delta_min_ms=max(-(1 << 31), min((1 << 31) - 1, (self._delta_min or 0) // _MS)),
            delay_variation_min_ms=None if trial.variation_min is None else _fit(trial.variation_min // _MS),
            delay_variation_max_ms=_fit(trial.variation_max // _MS),
            delay_variation_sum_ms=_fit(trial.variation_sum // _MS),
            delay_variation_count=_fit(trial.variation_count),
            rtt_min_ms=None if self.rtt_min is None else _fit(self.rtt_min // _MS),
            rtt_variation_ms=self._above_least(trial.rtt_last),
            minimum_updated=renewed,
            trial_us=_fit(trial.duration // 1000),
            datagrams=_fit(trial.datagrams),
            payload_bytes=_fit(trial.octets),
            sent_ns=now,
            mode=mode,
        )

    def _saved(self) -> SubInterval:
        if not self.subs:
            return SubInterval()
        found = self.subs[-1]
        return SubInterval(
            datagrams=_fit(found.datagrams),
            payload_bytes=found.octets,
            delta_us=_fit(found.duration // 1000),
            lost=_fit(found.lost),
            reordered=_fit(found.reordered),
            duplicates=_fit(found.duplicates),
            delay_variation_min_ms=None if found.variation_min is None else _fit(found.variation_min // _MS),
            delay_variation_max_ms=_fit(found.variation_max // _MS),
            delay_variation_sum_ms=_fit(found.variation_sum // _MS),
            delay_variation_count=_fit(found.variation_count),
            rtt_variation_min_ms=self._above_least(found.rtt_min),
            rtt_variation_max_ms=self._above_least(found.rtt_max) or 0,
            accumulated_ms=_fit((found.ended - self.whole.started) // _MS),
        )

    def _above_least(self, rtt: int | None) -> int | None:
        return None if rtt is None or self.rtt_min is None else _fit((rtt - self.rtt_min) // _MS)


def _numbers(column: bytes) -> "array[int]":
    """The values of a column of 32-bit fields as they stood in the headers."""
    found = array("I", column)
    if _SWAP:
        found.byteswap()
    return found


def _succession(first: int, count: int) -> bytes:
    """The column of `count` sequence numbers from `first` on, as it stands in headers."""
    if first + count > 1 << 32:
        return b""
    found = array("I", range(first, first + count))
    if _SWAP:
        found.byteswap()
    return found.tobytes()


def _fit(value: int) -> int:
    """Within an unsigned 32-bit field."""
    return max(0, min(_MOST_32, value))
