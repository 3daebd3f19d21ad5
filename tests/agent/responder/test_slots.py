"""Slots are promises that are kept: never more than there is, never for ever, and a refusal says when to come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.directions import DIRECTIONS, Direction
from doxa_agent.responder.slots import (
    MAX_REMEMBERED,
    REMEMBER_S,
    UNUSED_S,
    Refused,
    Slot,
    Slots,
    owner_of,
)

BOTH = DIRECTIONS


def slots(promise: float | None = 100.0, *, chance: float = 0.0, **more: int) -> Slots:
    return Slots(promise, chance=lambda: chance, **more)


def granted(found: Slot | Refused) -> Slot:
    assert isinstance(found, Slot), found
    return found


def refused(found: Slot | Refused) -> Refused:
    assert isinstance(found, Refused), found
    return found


def ask(
    to: Slots, now: float, *, address: str = "192.0.2.1", mbps: float = 60, seconds: float = 20,
    directions: tuple[Direction, ...] = BOTH,
) -> Slot | Refused:  # fmt: skip
    return to.ask(address, seconds=seconds, mbps=mbps, directions=directions, now=now)


def test_the_second_who_does_not_fit_is_told_when_the_first_ends() -> None:
    to = slots()
    first = granted(ask(to, 0))
    to.move(first, "download", 1, 1.0)
    answer = refused(ask(to, 5, address="192.0.2.2"))
    assert (answer.why, answer.come_back_s) == ("busy", 15.0)
    granted(ask(to, 20, address="192.0.2.2"))


def test_directions_are_promised_on_their_own() -> None:
    to = slots()
    granted(ask(to, 0, directions=("download",)))
    granted(ask(to, 0, address="192.0.2.2", directions=("upload",)))
    refused(ask(to, 0, address="192.0.2.3", directions=("upload",)))


def test_what_is_given_back_is_free_at_once_and_only_once() -> None:
    to = slots()
    token = granted(ask(to, 0)).token
    assert to.give_back(token, 1)
    assert not to.give_back(token, 1)
    granted(ask(to, 1, address="192.0.2.2"))


def test_a_slot_that_nobody_uses_is_free_again_soon() -> None:
    to = slots()
    token = granted(ask(to, 0)).token
    assert refused(ask(to, 1, address="192.0.2.2")).come_back_s == UNUSED_S - 1
    assert to.find(token, UNUSED_S) is None
    assert to.why_ended(token) == "unused"
    granted(ask(to, UNUSED_S, address="192.0.2.2"))


def test_a_slot_ends_at_its_time_though_it_is_in_use() -> None:
    to = slots()
    slot = granted(ask(to, 0))
    for second in range(1, 20):
        to.move(slot, "download", 1000, float(second))
    assert to.find(slot.token, 19.9) is slot
    assert to.find(slot.token, 20.0) is None
    assert to.why_ended(slot.token) == "time"


def test_a_direction_ends_at_its_volume_and_the_other_goes_on() -> None:
    to = slots()
    slot = granted(ask(to, 0, mbps=8, seconds=10))
    assert slot.allowance == 15_000_000
    to.move(slot, "download", int(slot.allowance), 1)
    assert slot.left("download") == 0
    assert slot.left("upload") > 0
    assert to.find(slot.token, 2) is slot
    to.move(slot, "upload", int(slot.allowance), 3)
    assert to.find(slot.token, 4) is None
    assert to.why_ended(slot.token) == "volume"


def test_one_address_cannot_hoard_and_a_64_is_one_address() -> None:
    to = slots(None, per_address=2)
    for n in range(2):
        granted(ask(to, 0, address=f"2001:db8::{n}"))
    answer = refused(ask(to, 0, address="2001:db8::beef"))
    assert answer.why == "address_limit"
    granted(ask(to, 0, address="2001:db8:0:1::1"))


def test_more_than_everything_is_cut_down_to_everything() -> None:
    assert granted(ask(slots(100), 0, mbps=1000)).mbps == 100


def test_the_refused_are_spread_one_place_after_the_other_and_by_chance() -> None:
    to = slots(100, chance=0.0)
    slot = granted(ask(to, 0, mbps=100))
    to.move(slot, "download", 1, 0)
    times = [refused(ask(to, 0, address=f"192.0.2.{n}", mbps=100)).come_back_s for n in range(2, 7)]
    assert times == [20, 40, 60, 80, 100]
    late = slots(100, chance=1.0)
    late.move(granted(ask(late, 0, mbps=100)), "download", 1, 0)
    assert refused(ask(late, 0, address="192.0.2.2", mbps=100)).come_back_s == 25


def test_many_behind_one_address_are_spread_but_one_address_cannot_fill_the_book() -> None:
    to = slots(100, per_address=3)
    to.move(granted(ask(to, 0, mbps=100)), "download", 1, 0)
    times = [refused(ask(to, 0, address="192.0.2.9", mbps=100)).come_back_s for _ in range(6)]
    assert times[:3] == [20, 40, 60]
    assert len(to._expected) <= 3
    assert refused(ask(to, 0, address="192.0.2.10", mbps=100)).come_back_s <= 80


def test_memory_is_bounded_whoever_asks() -> None:
    to = slots(100, most=16)
    for n in range(3000):
        found = ask(to, n * 0.001, address=f"198.51.{n >> 8}.{n & 255}", mbps=100 if n % 2 else 1)
        if isinstance(found, Slot) and n % 3 == 0:
            to.give_back(found.token, n * 0.001)
    assert len(to) <= 16
    assert len(to._expected) <= 16
    assert len(to._over) <= MAX_REMEMBERED
    to.sweep(10_000)
    to.sweep(10_000 + REMEMBER_S)
    assert (len(to), len(to._expected), len(to._over)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("address", "owner"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_whose_a_slot_is(address: str, owner: str) -> None:
    assert owner_of(address) == owner


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "move", "return", "wait"]), st.integers(1, 6), st.floats(0.1, 150), st.floats(1, 60),
        st.sampled_from([BOTH, ("download",), ("upload",)]),
    ),
    max_size=60,
)  # fmt: skip


@given(_STEPS)
def test_no_course_of_things_promises_more_than_there_is(
    steps: list[tuple[str, int, float, float, tuple[Direction, ...]]],
) -> None:
    """Never too much, and who is refused and comes back then gets its slot if nobody came in between."""
    to, now, held = slots(100, per_address=2), 0.0, list[Slot]()
    for what, who, mbps, seconds, directions in steps:
        if what == "ask":
            found = to.ask(f"192.0.2.{who}", seconds=seconds, mbps=mbps, directions=directions, now=now)
            if isinstance(found, Slot):
                held.append(found)
            else:
                assert 1 <= found.come_back_s <= 900
                now += found.come_back_s
                held.append(
                    granted(to.ask(f"192.0.2.{who}", seconds=seconds, mbps=mbps, directions=directions, now=now))
                )
        elif what == "move" and held:
            to.move(held[who % len(held)], "download", 10_000, now)
        elif what == "return" and held:
            to.give_back(held[who % len(held)].token, now)
        elif what == "wait":
            now += seconds / 4
        for direction in DIRECTIONS:
            assert to.booked_mbps(direction) <= 100.0001
        assert len(to._expected) <= 2 * 6
        assert all(sum(s.owner == f"192.0.2.{n}" for s in to._open.values()) <= 2 for n in range(7))
