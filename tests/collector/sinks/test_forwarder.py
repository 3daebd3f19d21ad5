"""The frame around a sink: order, halving, repetition, going back; with a store that behaves and forgets like real ones."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, select

from doxa_collector.forwarder import Forwarder, Group, Measurements, SafePosition, deliver
from doxa_collector.ledger import forwarding
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.schema import sink_rejection, verdict
from doxa_collector.ledger.writing import Incoming, keep
from doxa_collector.series import World
from doxa_collector.series.verdicts import Verdicts
from doxa_collector.sink import Item, Parcel, Point, RefusedError, Tier, UnavailableError
from doxa_core.language import Text

NO = Text(vi="không", en="no")


class Store:
    """Keeps what it is sent by identity; can be down, refuse some, and forget what it took lately."""

    def __init__(self) -> None:
        self.kept: set[int] = set()
        self.lately: list[int] = []
        self.poison: set[int] = set()
        self.down = False
        self.busy = False
        self.connections = 0
        self.sent = 0
        self._alive = False

    def send(self, items: Sequence[Item]) -> None:
        if self.down:
            self._alive = False
            raise UnavailableError(NO)
        if not self._alive:
            self._alive = True
            self.connections += 1
        if self.busy:
            raise UnavailableError(NO, steady=True)
        numbers = [name(item) for item in items]
        if self.poison & set(numbers):
            raise RefusedError(NO)
        self.sent += len(numbers)
        self.kept |= set(numbers)
        self.lately += numbers

    def restart(self) -> None:
        """SIGKILL and start: what it took since the last `settle()` is gone."""
        self.kept -= set(self.lately)
        self.lately.clear()
        self._alive = False

    def settle(self) -> None:
        """It has written to its disk."""
        self.lately.clear()

    def check(self) -> Text:
        return NO

    def close(self) -> None:
        pass


def name(item: Item) -> int:
    return item.record.seq if isinstance(item, Parcel) else item.position


class Clock:
    """A monotonic clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    plain = SafePosition.__init__
    monkeypatch.setattr(
        SafePosition, "__init__", lambda self, position, margin_s: plain(self, position, margin_s, found)
    )
    return found


@pytest.fixture
def fill(engine: Engine, measurement: Any) -> Callable[..., None]:
    def put(*numbers: int) -> None:
        made = [measurement(n) for n in numbers]
        with writing(engine) as conn:
            keep(conn, [Incoming(measurement=m, raw=m.encode()) for m in made], 5)

    return put


def cursor(engine: Engine) -> forwarding.Cursor:
    with reading(engine) as conn:
        return forwarding.cursor_of(conn, "s")


def drain(forwarder: Forwarder) -> None:
    while forwarder.step():
        pass


@given(st.sets(st.integers(0, 63)), st.integers(1, 64))
def test_whatever_is_poison_is_rejected_alone_and_all_else_arrives(poison: set[int], size: int) -> None:
    taken: list[int] = []

    def send(items: Sequence[Any]) -> None:
        if poison & set(items):
            raise RefusedError(NO)
        taken.extend(items)

    items: Any = list(range(size))
    found = deliver(items, send)
    assert (found.done, found.trouble) == (size, None)
    assert set(found.rejected) == poison & set(items)
    assert taken == [n for n in items if n not in poison], "in order, once"


@given(st.integers(0, 20), st.sets(st.integers(0, 31), max_size=3))
def test_a_store_that_goes_down_in_the_middle_keeps_a_clean_cut(calls: int, poison: set[int]) -> None:
    taken: set[int] = set()
    left = [calls]

    def send(items: Sequence[Any]) -> None:
        if left[0] == 0:
            raise UnavailableError(NO)
        left[0] -= 1
        if poison & set(items):
            raise RefusedError(NO)
        taken.update(items)

    items: Any = list(range(32))
    found = deliver(items, send)
    assert set(range(found.done)) == taken | set(found.rejected)
    assert (found.trouble is None) == (found.done == 32)


def test_all_rows_go_out_in_batches_and_the_cursor_follows(engine: Engine, fill: Any, store: Store) -> None:
    fill(*range(1, 26))
    drain(Forwarder(engine, "s", store, Measurements(), batch_rows=10))
    assert store.kept == set(range(1, 26))
    assert (cursor(engine).position, cursor(engine).written) == (25, 25)


def test_a_rejected_row_is_remembered_with_its_reason(engine: Engine, fill: Any, store: Store) -> None:
    fill(*range(1, 26))
    store.poison = {7, 8}
    drain(Forwarder(engine, "s", store, Measurements(), batch_rows=10))
    with reading(engine) as conn:
        rows = conn.execute(select(sink_rejection).order_by(sink_rejection.c.position)).all()
    assert [(row.position, row.reason) for row in rows] == [(7, "không"), (8, "không")]
    assert (cursor(engine).written, cursor(engine).rejected) == (23, 2)


def test_what_is_too_old_as_a_whole_is_not_searched_and_told_once(engine: Engine, fill: Any, store: Store) -> None:
    """A rewind of a year meets whole batches that the bucket keeps no more."""
    fill(*range(1, 26))
    asked: list[int] = []

    def send(items: Sequence[Item]) -> None:
        asked.append(len(items))
        if min(name(item) for item in items) <= 20:
            raise RefusedError(NO, whole=max(name(item) for item in items) <= 20)

    store.send = send  # type: ignore[method-assign]
    drain(Forwarder(engine, "s", store, Measurements(), batch_rows=10))
    assert asked == [10, 10, 5]
    assert (cursor(engine).written, cursor(engine).rejected) == (5, 20)
    with reading(engine) as conn:
        assert list(conn.execute(select(sink_rejection.c.position)).scalars()) == [10, 20]


def test_a_store_that_restarts_between_two_writings_gets_the_recent_ones_again(
    engine: Engine, fill: Any, store: Store, clock: Clock
) -> None:
    """Nothing failed: only the connection was a new one."""
    forwarder = Forwarder(engine, "s", store, Measurements())
    fill(*range(1, 11))
    drain(forwarder)
    store.settle()
    clock.now += 100
    fill(*range(11, 21))
    drain(forwarder)
    clock.now += 100_000  # however long ago the last writing was
    store.restart()
    fill(21)
    drain(forwarder)
    assert store.kept == set(range(1, 22))
    assert cursor(engine).rewound == 1


def test_only_the_margin_is_repeated(engine: Engine, fill: Any, store: Store, clock: Clock) -> None:
    forwarder = Forwarder(engine, "s", store, Measurements(), margin_s=60)
    for n in range(1, 11):
        fill(n)
        drain(forwarder)
        clock.now += 30
    store.restart()
    fill(11)
    before = store.sent
    drain(forwarder)
    assert store.sent - before <= 6
    assert store.kept == {9, 10, 11}, "those of the last 60 s before the last writing, and no more"


def test_a_store_that_was_down_gets_the_recent_ones_again(
    engine: Engine, fill: Any, store: Store, clock: Clock
) -> None:
    forwarder = Forwarder(engine, "s", store, Measurements())
    fill(*range(1, 11))
    drain(forwarder)
    store.restart()
    store.down = True
    fill(11)
    assert not forwarder.step()
    assert (forwarder.waits, cursor(engine).error) == (True, "không")
    clock.now += 10_000
    assert not forwarder.step()
    store.down = False
    drain(forwarder)
    assert store.kept == set(range(1, 12))
    assert (forwarder.waits, cursor(engine).error, cursor(engine).rewound) == (False, None, 1)


def test_a_store_that_only_says_busy_has_forgotten_nothing(engine: Engine, fill: Any, store: Store) -> None:
    forwarder = Forwarder(engine, "s", store, Measurements())
    fill(*range(1, 11))
    drain(forwarder)
    store.busy = True
    fill(11)
    for _ in range(3):
        assert not forwarder.step()
    store.busy = False
    drain(forwarder)
    assert (store.sent, cursor(engine).rewound) == (11, 0)


def test_a_way_that_breaks_again_and_again_does_not_hold_us_back_for_ever(
    engine: Engine, fill: Any, store: Store, clock: Clock
) -> None:
    forwarder = Forwarder(engine, "s", store, Measurements(), batch_rows=2)
    fill(*range(1, 41))
    for _ in range(60):
        forwarder.step()
        clock.now += 1
        store.settle()
        store.restart()
    assert store.kept == set(range(1, 41))


def test_our_own_start_goes_back_to_the_safe_position(engine: Engine, fill: Any, store: Store, clock: Clock) -> None:
    fill(*range(1, 11))
    first = Forwarder(engine, "s", store, Measurements())
    drain(first)
    store.restart()
    drain(Forwarder(engine, "s", store, Measurements()))
    assert store.kept == set(range(1, 11))


def test_a_rewind_by_command_is_noticed_by_the_running_service(engine: Engine, fill: Any, store: Store) -> None:
    forwarder = Forwarder(engine, "s", store, Measurements())
    fill(*range(1, 11))
    drain(forwarder)
    store.kept.clear()
    with writing(engine) as conn:
        forwarding.rewind(conn, "s", 4, 1)
    drain(forwarder)
    assert store.kept == set(range(5, 11))


def test_a_rewind_in_the_middle_of_a_writing_is_not_lost(engine: Engine, fill: Any, store: Store) -> None:
    forwarder = Forwarder(engine, "s", store, Measurements())
    fill(*range(1, 11))
    drain(forwarder)
    fill(11)
    plain, store.kept = store.send, set()

    def send(items: Sequence[Item]) -> None:
        store.send = plain  # type: ignore[method-assign]
        with writing(engine) as conn:
            forwarding.rewind(conn, "s", 0, 1)
        plain(items)

    store.send = send  # type: ignore[method-assign]
    drain(forwarder)
    assert store.kept == set(range(1, 12))


def test_verdicts_have_a_cursor_of_their_own_and_come_again_when_computed_again(engine: Engine, store: Store) -> None:
    def compute(at: int) -> None:
        with writing(engine) as conn:
            conn.execute(verdict.delete())
            conn.execute(
                insert(verdict).values(
                    plan="p", plan_version="1", target="t", place_code="06001", period_from="2026-11-01",
                    period_to="2026-11-30", outcome="pass", value=1.0, n=3, reasons="[]", detail="{}", computed_us=at,
                )
            )  # fmt: skip

    forwarder = Forwarder(engine, "s", store, Verdicts(World()))
    for at in (10, 20):
        compute(at)
        drain(forwarder)
    assert forwarder.name == "s/verdicts"
    assert store.kept == {10, 20}
    assert cursor(engine).position == 0


def test_a_slow_store_delays_no_other(engine: Engine, fill: Any) -> None:
    slow, quick = Store(), Store()
    slow.down = True
    stopping, news = threading.Event(), [threading.Event(), threading.Event()]
    threads = [
        threading.Thread(target=Forwarder(engine, name, store, Measurements()).run, args=(stopping, event))
        for name, store, event in (("slow", slow, news[0]), ("quick", quick, news[1]))
    ]
    for thread in threads:
        thread.start()
    fill(*range(1, 11))
    for event in news:
        event.set()
    until = threading.Event()
    for _ in range(500):
        if quick.kept == set(range(1, 11)):
            break
        until.wait(0.02)
    stopping.set()
    for event in news:
        event.set()
    for thread in threads:
        thread.join(30)
    assert (quick.kept, slow.kept) == (set(range(1, 11)), set())


class Numbers:
    """A stream that counts to `last`, or fails."""

    def __init__(self, suffix: str, last: int = 0, *, broken: bool = False) -> None:
        self.suffix, self.last, self.broken = suffix, last, broken

    def after(self, _conn: Connection, position: int, limit: int) -> list[Point]:
        if self.broken:
            raise ZeroDivisionError
        return [
            Point(tier=Tier.LONG, measurement="m", tags={}, fields={"n_count": 1.0}, at_us=n, position=n)
            for n in range(position + 1, min(self.last, position + limit) + 1)
        ]

    def position(self, item: Item) -> int:
        assert isinstance(item, Point)
        return item.position


def test_streams_share_a_thread_and_one_that_fails_waits_alone(engine: Engine, store: Store) -> None:
    now = [0.0]
    broken, sound = Numbers("/a", 5, broken=True), Numbers("/b", 25)
    streams = [Forwarder(engine, "s", store, one, batch_rows=10) for one in (broken, sound)]
    group = Group(streams, clock=lambda: now[0])
    assert [group.step() for _ in range(4)] == [True, True, True, False]
    assert store.kept == set(range(1, 26))
    broken.broken, store.kept = False, set()
    group.step()
    assert not store.kept, "it waits"
    now[0] = 2.0
    assert group.step()
    assert store.kept == set(range(1, 6))


def test_each_stream_has_its_cursor_and_all_begin_again_together(engine: Engine, store: Store) -> None:
    group = Group([Forwarder(engine, "s", store, Numbers(name, 3)) for name in ("/a", "/b")])
    other = Forwarder(engine, "s2", store, Numbers("/a", 3))
    while group.step() or other.step():
        pass
    with writing(engine) as conn:
        assert {name: one.position for name, one in forwarding.streams_of(conn, "s").items()} == {"a": 3, "b": 3}
        assert forwarding.begin_again(conn, "s", 1) == {"a", "b"}
        assert {name: one.position for name, one in forwarding.streams_of(conn, "s").items()} == {"a": 0, "b": 0}
        assert forwarding.cursor_of(conn, "s2/a").position == 3
