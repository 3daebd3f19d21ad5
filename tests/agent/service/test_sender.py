"""What is sent when, as arithmetic: time is handed in, `publish` is a list."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from doxa_agent.config import SpoolSettings, UplinkSettings
from doxa_agent.sender import Bucket, Sender
from doxa_agent.spool import Spool
from doxa_core.ack import Ack
from doxa_core.batch import MAX_LINES, split
from doxa_core.measurement import decode

Make = Callable[..., Callable[[str, int], bytes]]
SETTINGS = UplinkSettings(batch_lines=5, in_flight=3, ack_timeout_s=10, resend_max_s=40, replay_per_s=2)


class Bench:
    """A sender over a real spool, with what it published."""

    def __init__(self, path: Path, build: Make, settings: UplinkSettings = SETTINGS) -> None:
        self.spool = Spool(SpoolSettings(path=path), "xa-dong-dang/px-1")
        self.sent: list[list[int]] = []
        self.works = True
        self.sender = Sender(settings, self.spool, self._publish)
        self._build = build

    def _publish(self, payload: bytes) -> bool:
        if self.works:
            self.sent.append([decode(line.raw).seq for line in split(payload)])
        return self.works

    def add(self, count: int) -> None:
        for _ in range(count):
            self.spool.add(self._build())

    def ack(self, *ranges: tuple[int, int], now: float = 0, refused: tuple[tuple[int, int], ...] = ()) -> None:
        self.sender.take_ack(Ack(epoch=self.spool.epoch, kept=ranges, refused=refused), now)


@pytest.fixture
def bench(tmp_path: Path, build: Make) -> Iterator[Bench]:
    found = Bench(tmp_path / "spool.db", build)
    found.sender.restart()
    yield found
    found.spool.close()


def test_what_is_fresh_is_sent_at_once_and_once(bench: Bench) -> None:
    bench.add(2)
    bench.sender.turn(0)
    bench.sender.turn(1)
    bench.add(1)
    bench.sender.turn(2)
    assert bench.sent == [[1, 2], [3]]


def test_a_batch_is_sent_again_later_and_later_until_it_is_acknowledged(bench: Bench) -> None:
    bench.add(2)
    times = []
    now = 0.0
    while now < 300:
        before = len(bench.sent)
        later = bench.sender.turn(now)
        if len(bench.sent) > before:
            times.append(now)
        assert later is not None
        now = max(later, now + 0.001)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert all(sent == [1, 2] for sent in bench.sent)
    for gap, base in zip(gaps, [10, 20, 40, 40, 40], strict=False):
        assert base <= gap <= base * 1.26  # each doubles up to the ceiling, with jitter
    bench.ack((1, 2), now=now)
    sent = len(bench.sent)
    assert bench.sender.turn(now + 1000) is None
    assert len(bench.sent) == sent
    assert bench.spool.state().rows == 0


def test_only_what_an_acknowledge_left_over_is_sent_again(bench: Bench) -> None:
    bench.add(5)
    bench.sender.turn(0)
    bench.ack((1, 1), (3, 4))
    bench.sender.turn(100)
    assert bench.sent == [[1, 2, 3, 4, 5], [2, 5]]


def test_what_the_collector_refused_is_not_sent_again(bench: Bench) -> None:
    bench.add(3)
    bench.sender.turn(0)
    bench.ack((1, 1), refused=((2, 3),))
    assert bench.sender.turn(1000) is None
    assert bench.spool.state().refused == 2


def test_an_acknowledge_of_another_epoch_changes_nothing(bench: Bench) -> None:
    bench.add(2)
    bench.sender.turn(0)
    bench.sender.take_ack(Ack(epoch="f" * 16, kept=((1, 2),)), 1)
    assert bench.spool.state().rows == 2
    bench.sender.turn(100)
    assert bench.sent == [[1, 2], [1, 2]]


def test_a_collector_that_answers_again_is_asked_soon_for_the_rest(bench: Bench) -> None:
    bench.add(1)
    bench.sender.turn(0)
    for now in (13, 40, 100):
        bench.sender.turn(now)
    bench.add(1)
    bench.sender.turn(101)
    bench.ack((2, 2), now=102)
    later = bench.sender.turn(102)
    assert later is not None
    assert later <= 102 + 12.5


def test_no_more_batches_fly_than_allowed(bench: Bench) -> None:
    bench.add(40)
    bench.sender.turn(0)
    assert bench.sent == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12, 13, 14, 15]]
    bench.ack((1, 5))
    bench.sender.turn(0.1)
    assert bench.sender.in_flight <= 3


def test_the_backlog_of_an_outage_leaves_slowly_and_the_fresh_at_once(tmp_path: Path, build: Make) -> None:
    bench = Bench(tmp_path / "spool.db", build)
    bench.add(20)
    bench.sender.restart()
    now, fresh_at = 0.0, None
    sent_at: dict[int, float] = {}
    while now < 60 and len(sent_at) < 21:
        if now > 3 and fresh_at is None:
            bench.add(1)
            fresh_at = now
        before = len(bench.sent)
        later = bench.sender.turn(now)
        for seqs in bench.sent[before:]:
            for seq in seqs:
                assert seq not in sent_at
                sent_at[seq] = now
            bench.ack((seqs[0], seqs[-1]), now=now)
        now = min(now + 0.25, later or now + 0.25)
    assert sent_at[21] == fresh_at
    assert 8 <= sent_at[20] <= 11  # 20 rows at two a second
    assert all(sum(1 for seq, at in sent_at.items() if seq < 21 and t < at <= t + 5) <= 13 for t in range(12))
    bench.spool.close()


def test_what_piled_up_behind_a_silent_collector_leaves_slowly_too(bench: Bench) -> None:
    bench.add(60)
    bench.sender.turn(0)
    assert sum(map(len, bench.sent)) == 15  # the window is full, the collector says nothing
    for _ in range(3):
        bench.ack((1, 60), now=1)
    bench.add(60)
    bench.sender.turn(1)
    before = len(bench.sent)
    now = 1.0
    while now < 11:
        bench.sender.turn(now)
        now += 0.25
        for seqs in bench.sent[before:]:
            bench.ack((seqs[0], seqs[-1]), now=now)
        before = len(bench.sent)
    assert sum(map(len, bench.sent)) <= 15 + 15 + 2 * 11


def test_after_a_new_connection_all_that_waits_is_sent_again_and_what_was_acknowledged_is_not(bench: Bench) -> None:
    bench.add(4)
    bench.sender.turn(0)
    bench.ack((1, 2))
    bench.sender.restart()
    now = 0.0
    while now < 20:
        bench.sender.turn(now)
        now += 0.5
    assert [seq for seqs in bench.sent[1:] for seq in seqs][:2] == [3, 4]
    assert {1, 2}.isdisjoint(seq for seqs in bench.sent[1:] for seq in seqs)


def test_a_batch_that_the_connection_did_not_take_is_not_counted_as_sent(bench: Bench) -> None:
    bench.add(2)
    bench.works = False
    bench.sender.turn(0)
    assert bench.sender.in_flight == 0
    bench.works = True
    bench.sender.turn(1)
    assert bench.sent == [[1, 2]]


def test_a_batch_keeps_the_contract_whatever_the_settings_allow(tmp_path: Path, build: Make) -> None:
    settings = replace(SETTINGS, batch_lines=MAX_LINES, batch_bytes=256 * 1024, in_flight=100)
    bench = Bench(tmp_path / "spool.db", build, settings)
    bench.sender.restart()
    for _ in range(20):
        bench.spool.add(build(pad=30_000))
    bench.sender.turn(0)
    assert sorted(seq for seqs in bench.sent for seq in seqs) == list(range(1, 21))  # split() checked each payload
    assert len(bench.sent) == 3
    bench.spool.close()


def test_rows_that_a_full_spool_dropped_are_not_waited_for(tmp_path: Path, build: Make) -> None:
    bench = Bench(tmp_path / "spool.db", build)
    bench.sender.restart()
    bench.add(2)
    bench.sender.turn(0)
    bench.spool.forget(bench.spool.epoch, [(1, 2)])
    assert bench.sender.turn(100) is None
    assert bench.sender.in_flight == 0
    bench.spool.close()


def test_a_bucket_gives_its_rate_and_saves_up_one_second() -> None:
    bucket = Bucket(5)
    taken, now = 0, 0.0
    while now < 20:
        if bucket.wait_s(1, now) == 0:
            bucket.take(1)
            taken += 1
        else:
            now += 0.01
    assert 98 <= taken <= 101
    assert bucket.wait_s(5, now + 1000) == 0
    bucket.take(5)
    assert bucket.wait_s(1, now + 1000) == pytest.approx(0.2)
