"""The receiver's books: every figure against a slow and simple count, in the order of the wire and out of it."""

from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.udpstp.load import HEADER, LOAD_ID, Action
from doxa_agent.udpstp.receiver import LOAD_HEAD, Batch
from doxa_agent.udpstp.stats import MOST_GAPS, Tally
from doxa_agent.udpstp.status import Status
from doxa_agent.udpstp.steady import SteadyClock

MS = 1_000_000
SECOND = 1_000 * MS
START = 1_700_000_000 * SECOND


class Clock(SteadyClock):
    def __init__(self) -> None:
        super().__init__()
        self.time = START

    def now(self) -> int:
        return self.time


def head(number: int, sent: int, *, action: int = 0, echo: int = 0, delay: int = 0, errors: int = 0) -> bytes:
    return HEADER.pack(
        LOAD_ID, action, 0, number, 1222, errors, *divmod(echo, SECOND), *divmod(sent, SECOND), delay, 0
    )  # fmt: skip


def batch(heads: list[bytes], stamps: list[int], stride: int = LOAD_HEAD, length: int = 1222) -> Batch:
    base = stamps[0] if stamps else 0
    padded = b"".join(one.ljust(stride, b"\x55") for one in heads)
    lengths = [max(length, len(one)) if len(one) >= LOAD_HEAD else len(one) for one in heads]
    return Batch(len(heads), padded, stride, lengths, base, [stamp - base for stamp in stamps])


def feed(tally: Tally, numbers: list[int], at: int = START) -> None:
    if numbers:
        stamps = [at + n * 1000 for n in range(len(numbers))]
        tally.feed(batch([head(number, at - 5 * MS) for number in numbers], stamps))


def expected(numbers: list[int]) -> tuple[int, int, int]:
    """Loss, reordering, duplicates by remembering every number."""
    seen: set[int] = set()
    reordered = duplicates = highest = 0
    for number in numbers:
        if number in seen:
            duplicates += 1
        elif number < highest:
            reordered += 1
        seen.add(number)
        highest = max(highest, number)
    return highest - len(seen), reordered, duplicates


@given(st.lists(st.integers(1, 60), min_size=1, max_size=120), st.integers(1, 40))
def test_loss_reordering_and_duplicates_are_those_of_a_full_memory(numbers: list[int], cut: int) -> None:
    tally = Tally(Clock())
    for start in range(0, len(numbers), cut):
        feed(tally, numbers[start : start + cut])
    whole = tally.whole
    assert (whole.lost, whole.reordered, whole.duplicates) == expected(numbers)
    assert whole.datagrams == len(numbers)


@given(st.lists(st.tuples(st.integers(-(10**10), 10**10), st.integers(0, 10**9 - 1)), min_size=1, max_size=50))
def test_delay_variation_is_delay_above_the_least(times: list[tuple[int, int]]) -> None:
    tally = Tally(Clock(), sub_ns=60 * SECOND)
    sent = [START + shift for shift, _ in times]
    came = [START + 20 * SECOND + extra for _, extra in times]
    tally.feed(batch([head(n, time) for n, time in enumerate(sent, 1)], came))
    delays = [a - b for a, b in zip(came, sent, strict=True)]
    above = [delay - min(delays) for delay in delays]
    whole = tally.whole
    assert (whole.variation_min, whole.variation_max, whole.variation_sum) == (min(above), max(above), sum(above))
    assert whole.variation_count == len(times)


def test_a_late_least_delay_lowers_the_reference_for_what_follows() -> None:
    tally = Tally(Clock())
    tally.feed(batch([head(1, START)], [START + 50 * MS]))
    tally.feed(batch([head(2, START)], [START + 30 * MS]))
    tally.feed(batch([head(3, START)], [START + 45 * MS]))
    assert tally.whole.variation_max == 15 * MS
    assert tally.report(START + SECOND).minimum_updated


def test_a_round_trip_is_sampled_once_for_each_status_and_only_for_ours() -> None:
    clock = Clock()
    tally = Tally(clock)
    feed(tally, [1])
    first = tally.report(START + 100 * MS)
    heads = [head(n, START, echo=first.sent_ns, delay=3) for n in (2, 3, 4)]
    tally.feed(batch(heads, [START + 130 * MS, START + 131 * MS, START + 132 * MS]))
    tally.feed(batch([head(5, START, echo=START - 7 * SECOND)], [START + 140 * MS]))
    assert tally.rtts == [27 * MS]
    assert tally.answered == (2, START)
    second = tally.report(START + 150 * MS)
    assert (second.rtt_min_ms, second.rtt_variation_ms) == (27, 0)
    assert tally.report(START + 200 * MS).rtt_variation_ms is None


def test_sub_intervals_begin_with_the_first_datagram_and_add_up() -> None:
    clock = Clock()
    tally = Tally(clock, sub_ns=SECOND)
    assert not tally.advance(START + 5 * SECOND)
    for n in range(30):
        feed(tally, [2 * n + 1, 2 * n + 2], at=START + 5 * SECOND + n * 100 * MS)
        tally.advance(START + 5 * SECOND + n * 100 * MS + MS)
    whole = tally.close(START + 8 * SECOND)
    assert [sub.duration / SECOND for sub in tally.subs] == [1.0, 1.0, 1.0]
    assert [sub.datagrams for sub in tally.subs] == [20, 20, 20]
    assert sum(sub.datagrams for sub in tally.subs) == whole.datagrams == 60
    assert whole.duration == 3 * SECOND


@given(st.lists(st.integers(1, 700), min_size=1, max_size=120), st.integers(1, 50))
def test_a_late_read_moves_nothing_from_one_sub_interval_to_the_next(gaps_ms: list[int], cut: int) -> None:
    """However datagrams are read, each belongs to the second in which it came."""
    clock = Clock()
    tally = Tally(clock, sub_ns=SECOND)
    came = [START + sum(gaps_ms[:n]) * MS for n in range(len(gaps_ms))]
    for start in range(0, len(came), cut):
        part = came[start : start + cut]
        tally.feed(batch([head(start + n, START) for n in range(1, len(part) + 1)], part))
        tally.advance(part[-1])
    tally.close(came[-1] + SECOND)
    counts: dict[int, int] = {}
    for stamp in came:
        counts[(stamp - START) // SECOND] = counts.get((stamp - START) // SECOND, 0) + 1
    assert [sub.duration for sub in tally.subs] == [SECOND] * len(tally.subs)
    assert [sub.datagrams for sub in tally.subs] == [counts.get(n, 0) for n in range(len(tally.subs))]
    assert sum(sub.datagrams for sub in tally.subs) == len(came)
    assert (tally.whole.lost, tally.whole.reordered, tally.whole.duplicates) == (0, 0, 0)


def test_a_sender_that_stalled_is_told_from_a_line_that_lost() -> None:
    def pauses(numbers: list[int], sent_ms: list[int], cut: int) -> int:
        tally = Tally(Clock())
        sent = [START - SECOND // 2 + ms * MS for ms in sent_ms]
        heads = [head(number, time) for number, time in zip(numbers, sent, strict=True)]
        for start in range(0, len(heads), cut):
            part = heads[start : start + cut]
            tally.feed(batch(part, [START + n for n in range(len(part))]))
        return tally.whole.pauses

    for cut in (1, 2, 6):
        assert pauses([1, 2, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5], cut) == 0
        assert pauses([1, 2, 3, 4, 5, 6], [0, 1, 2, 9, 10, 11], cut) == 7 * MS
        assert pauses([1, 2, 3, 11, 12, 13], [0, 1, 2, 9, 10, 11], cut) == 0


def test_a_status_carries_the_trial_interval_and_the_last_sub_interval() -> None:
    clock = Clock()
    tally = Tally(clock, sub_ns=100 * MS)
    feed(tally, [1, 2, 4])
    status = Status.decode(tally.report(START + 50 * MS).encode())
    assert (status.sequence, status.datagrams, status.payload_bytes, status.lost) == (1, 3, 3 * 1222, 1)
    assert (status.trial_us, status.sub_interval_number) == (50_000, 0)
    feed(tally, [3, 5], at=START + 60 * MS)
    status = Status.decode(tally.report(START + 110 * MS).encode())
    assert (status.sequence, status.lost, status.reordered) == (2, 0, 1)
    assert status.sub_interval_number == 1
    assert status.sub_interval.datagrams == 5
    assert (status.sub_interval.lost, status.sub_interval.reordered) == (0, 1)
    assert status.sub_interval.delta_us == 100_000


def test_what_is_no_load_is_handed_back_and_books_nothing() -> None:
    tally = Tally(Clock())
    control = b"\xac\xe2" + bytes(102)
    heads = [head(1, START), control, b"\xbe\xef", head(2, START), bytes([0xBE, 0xEF, 9]) + bytes(29)]
    others = tally.feed(batch(heads, [START] * 5, stride=224))
    assert len(others) == 3
    assert others[0][:2] == b"\xac\xe2"
    assert (tally.whole.datagrams, tally.whole.lost) == (2, 0)


def test_stop_is_heard_within_a_batch() -> None:
    tally = Tally(Clock())
    tally.feed(batch([head(1, START), head(2, START, action=2)], [START, START]))
    assert tally.action is Action.STOP
    assert tally.whole.datagrams == 2


def test_forgotten_gaps_stay_lost_and_memory_stays_flat() -> None:
    tally = Tally(Clock())
    feed(tally, list(range(2, 2 * MOST_GAPS + 200, 2)))
    assert len(tally._gaps) == MOST_GAPS
    lost = tally.whole.lost
    feed(tally, [1])
    assert (tally.whole.reordered, tally.whole.lost) == (1, lost - 1)


@given(st.lists(st.binary(min_size=0, max_size=64), min_size=1, max_size=20), st.binary(min_size=30, max_size=30))
def test_any_octets_are_survived(strangers: list[bytes], rest: bytes) -> None:
    tally = Tally(Clock())
    heads = [*strangers, LOAD_ID.to_bytes(2, "big") + rest]
    tally.feed(batch(heads, [START + n for n in range(len(heads))], stride=64))
    tally.advance(START + 2 * SECOND)
    Status.decode(tally.report(START + 3 * SECOND).encode())
    assert tally.whole.lost >= 0
