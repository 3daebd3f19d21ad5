"""Polls and pulses that are kept: always what the evidence says, whatever came late."""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select, update
from tests.collector.rollups.conftest import BORDER_US, NOVEMBER, OCTOBER, at

from doxa_collector.assess.evidence import Evidence, Office
from doxa_collector.assess.inputs import read_inputs
from doxa_collector.ledger.engine import open_ledger, reading, writing
from doxa_collector.ledger.schema import measurement, rollup_pack
from doxa_collector.period import Period
from doxa_collector.rollups import numbers, polls, pulses
from doxa_collector.rollups.checking import check, rebuild
from doxa_collector.rollups.columns import CODE_OF
from doxa_collector.rollups.filling import Sizes, fill
from doxa_collector.rollups.kept import Kept
from doxa_collector.rollups.pack import Key
from doxa_collector.rollups.polled import KeptPolls, LinePolls, RawPolls
from doxa_collector.rollups.polls import NAMES, RATES, Poll, PollDay
from doxa_collector.rollups.raw import Raw
from doxa_collector.rollups.summary import SEALED
from doxa_core.errors import OperationError
from doxa_core.outcome import Outcome

SITES = ("dong-dang", "lai-chau")
DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
STEP_US = 300_000_000
REACH = Period(first=date(2026, 10, 25), last=date(2026, 11, 2))
PERIODS = (REACH, OCTOBER, NOVEMBER, Period(first=date(2026, 11, 1), last=date(2026, 11, 1)))
MOMENTS = (
    st.sampled_from([BORDER_US + n for n in (-1, 0, 1, HOUR_US - 1, HOUR_US, DAY_US, DAY_US + HOUR_US - 1)])
    | st.integers(BORDER_US - 2 * DAY_US, BORDER_US + 3 * DAY_US)
    | st.sampled_from([REACH.from_us, REACH.from_us - 1, -(10**17), 10**18])
)
NUMBERS = st.sampled_from([0, 93, 0.0, -0.0, -1.0, 5e3, 1e300, 93.123456, 93.1234567]) | st.floats(0, 1e4)
VALUES: st.SearchStrategy[dict[str, Any]] = st.dictionaries(st.sampled_from(NAMES), NUMBERS, max_size=6).flatmap(
    lambda found: st.sampled_from([300.0, 300, 299.98, 60.5, 0, -3, 1 / 3]).map(
        lambda seconds: {**found, "interval_s": seconds}
    )
) | st.just({})
ENTRIES = st.tuples(
    MOMENTS,
    VALUES,
    st.sampled_from(Outcome),
    st.sampled_from(SITES),
    st.sampled_from(["tslcd", "fixed"]),
    st.sampled_from(["snmp", "snmp", "snmp", "dns"]),
    st.sampled_from([("t", None), ("t", "r"), ("u", None)]),
)
Entry = tuple[int, dict[str, Any], Outcome, str, str, str, tuple[str, str | None]]


def add(engine: Engine, entries: Sequence[Entry], seen: list[int]) -> None:
    rows = []
    for started_us, values, outcome, site, link, meter, (task, far_end) in entries:
        seen.append(1)
        rows.append(
            {
                "agent": "a", "epoch": "0" * 16, "seq": len(seen), "site": site, "link": link, "task": task,
                "far_end": far_end, "meter": meter, "method": f"{meter}/1", "started_us": started_us,
                "received_us": started_us, "outcome": outcome.value, "values": json.dumps(values), "reasons": "[]",
                "findings": "[]", "raw": f"line {len(seen)}".encode(),
            }
        )  # fmt: skip
    if rows:
        with writing(engine) as conn:
            conn.execute(insert(measurement), rows)


def poll(moment_us: int, rate: float = 50.0, **more: Any) -> Entry:
    values = {"interval_s": 300.0, "download_traffic_frame_mbps": rate}
    found = (moment_us, values, Outcome.OK, "dong-dang", "tslcd", "snmp", ("t", None))
    return (*found[:3], more.get("site", found[3]), *found[4:])


def as_text(lines: Sequence[LinePolls]) -> list[Any]:
    """Everything that is said of lines, in a form whose every byte is compared."""
    return [
        (line.site, line.link, line.traces, line.newest, [(one.end_us, repr(one), one.series) for one in line.spoken()])
        for line in lines
    ]


def office(site: str) -> Office:
    return Office(site=site, name=site, place="18073", province="42", commune=True, lines=())


@given(st.lists(st.tuples(st.lists(ENTRIES, max_size=10), st.integers(1, 9)), min_size=1, max_size=4))
@settings(max_examples=6)
def test_what_is_kept_is_what_the_evidence_says(
    tmp_path_factory: pytest.TempPathFactory, arrivals: list[tuple[list[Entry], int]]
) -> None:
    """Late polls, equal moments, midnight and the hour after it, odd values: in batches of any size."""
    engine, seen = open_ledger(tmp_path_factory.mktemp("polls") / "ledger.db"), list[int]()
    try:
        for entries, size in arrivals:
            add(engine, entries, seen)
            assert_tail(engine)
            fill(engine, sizes=Sizes(size, size, size))
            assert_kept(engine)
        with reading(engine) as conn:
            assert check(conn).differences == ()
            rows = list(conn.execute(select(rollup_pack)))
        rebuild(engine)
        with reading(engine) as conn:
            assert sorted(conn.execute(select(rollup_pack))) == sorted(rows), "equal polls are equal octets"
    finally:
        engine.dispose()


def assert_kept(engine: Engine) -> None:
    with reading(engine) as conn:
        kept = Kept(conn)
        for period in PERIODS:
            evidence = as_text(list(RawPolls(conn).read(SITES, period)))
            assert as_text(list(KeptPolls(conn, kept.position).read(SITES, period))) == evidence
        inputs = read_inputs(conn, NOVEMBER)
        first, other = (
            Evidence(conn, NOVEMBER, NOVEMBER.last, inputs, kept.position, source)
            for source in (Raw(conn, kept.position), kept)
        )
        offices = [office(site) for site in SITES]
        for from_us, to_us in (
            (BORDER_US, BORDER_US + 2 * DAY_US),
            (BORDER_US - DAY_US - 1, BORDER_US + DAY_US + 1),
            (BORDER_US + 5, BORDER_US + DAY_US - 5),
            (BORDER_US + HOUR_US, BORDER_US + 3 * DAY_US),
        ):
            assert first.pulses(offices, from_us, to_us) == other.pulses(offices, from_us, to_us)


def assert_tail(engine: Engine) -> None:
    """What was not counted yet is read beside what was."""
    with reading(engine) as conn:
        source = KeptPolls(conn, Kept(conn).position, tail=True)
        assert as_text(list(source.read(SITES, REACH))) == as_text(list(RawPolls(conn).read(SITES, REACH)))


def test_a_line_of_which_more_is_kept_than_counts_is_read_from_the_evidence(engine: Engine) -> None:
    seen = list[int]()
    add(engine, [poll(BORDER_US + n * STEP_US) for n in range(5)], seen)
    add(engine, [poll(BORDER_US + n * STEP_US, site="lai-chau") for n in range(5)], seen)
    add(engine, [poll(BORDER_US + 2 * STEP_US, 99.0)], seen)
    fill(engine)
    with reading(engine) as conn:
        found = as_text(list(KeptPolls(conn, Kept(conn).position, last_id=10).read(SITES, NOVEMBER)))
        assert found == as_text(list(RawPolls(conn, 10).read(SITES, NOVEMBER)))
        assert found != as_text(list(RawPolls(conn).read(SITES, NOVEMBER)))
    add(engine, [poll(BORDER_US + DAY_US * 30 + HOUR_US, 99.0)], seen)
    fill(engine)
    with reading(engine) as conn:
        line = next(KeptPolls(conn, Kept(conn).position, last_id=11).read(SITES, NOVEMBER))
        assert (line.newest, len(line.days)) == (11, 2), "the hour after is over: what came then does not count here"


def test_only_lines_that_are_asked_for_are_read(engine: Engine) -> None:
    add(engine, [poll(BORDER_US), poll(BORDER_US, site="lai-chau"), poll(BORDER_US + 40 * DAY_US)], [])
    fill(engine)
    with reading(engine) as conn:
        for source in (RawPolls(conn), KeptPolls(conn, Kept(conn).position)):
            assert [line.site for line in source.read([*SITES, "zz"], NOVEMBER)] == list(SITES)
            assert not list(source.read(SITES, NOVEMBER, ["fixed"]))


@pytest.mark.parametrize("content", [b"", b"DXP1" + bytes(200)])
def test_a_damaged_row_is_one_sentence_and_never_a_number(engine: Engine, content: bytes) -> None:
    add(engine, [poll(BORDER_US)], [])
    fill(engine)
    with writing(engine) as conn:
        conn.execute(update(rollup_pack).values(content=content))
    with reading(engine) as conn:
        with pytest.raises(OperationError) as found:
            list(KeptPolls(conn, 1).read(SITES, NOVEMBER))
        assert found.value.text.en.endswith("run: doxa collector rollups rebuild --period 2026-11")
        with pytest.raises(OperationError):
            Evidence(conn, NOVEMBER, NOVEMBER.last, read_inputs(conn, NOVEMBER), 1, Kept(conn)).pulses(
                [office("dong-dang")], NOVEMBER.from_us, NOVEMBER.to_us
            )
        assert {(one.key.meter, one.what) for one in check(conn).differences} == {("snmp", "damaged"), ("*", "damaged")}
    rebuild(engine, NOVEMBER)
    assert_kept(engine)


# --- octets

KEY = Key("dong-dang", "tslcd", "snmp", "2026-11-01")


def full_day() -> PollDay:
    day = PollDay(polls.day_number(KEY.month))
    day.add(
        Poll(n + 1, BORDER_US + n * STEP_US, CODE_OF[Outcome.OK], "t", 300.0, [50.0 + n, *[None] * 5], bytes(32))
        for n in range(SEALED + 3)
    )
    return day


def test_a_day_is_read_back_and_whatever_else_stands_there_is_refused() -> None:
    content = full_day().encode(KEY)
    found = polls.decode(content, KEY)
    assert (found == full_day(), found.summary().encode()) == (True, full_day().summary().encode())
    assert found.largest(0, 2) == [50.0 + SEALED + 1, 50.0 + SEALED + 2]
    for size in range(0, len(content), 97):
        with pytest.raises(ValueError, match=r"."):
            polls.decode(content[:size], KEY)
    with pytest.raises(ValueError, match="checksum"):
        polls.decode(content, KEY._replace(month="2026-11-02"))


@given(st.data())
@settings(max_examples=60)
def test_a_day_with_a_sound_checksum_and_other_octets_raises_only_its_own_error(data: st.DataObject) -> None:
    body = bytearray(full_day().body())
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, 400) | st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    body = body[: data.draw(st.sampled_from([len(body), len(body) - 1, 200, 90]))]
    content = b"DXP1" + polls._checksum(KEY, bytes(body)) + bytes(body)
    with suppress(ValueError):
        polls.decode(content, KEY)


def test_the_octets_of_a_day_and_of_a_pulse_stay_what_they_are() -> None:
    """Golden: a ledger written by one doxa is read by the next, or its layout's name is another."""
    day = PollDay(polls.day_number(KEY.month))
    day.add(
        [
            Poll(7, BORDER_US + 13, 0, "t", 299.98, [1.0, 1.5, None, 2.5, 5e3, 0.1 + 0.2], b"a" * 32),
            Poll(9, BORDER_US + 5, 1, "t/r", None, [None] * 6, b"b" * 32),
        ]
    )
    assert day.encode(KEY).hex() == GOLDEN_DAY
    beats = [pulses.Beat(KEY_DAY, 5, 1), pulses.Beat(KEY_DAY + 1, 7, 0), pulses.Beat(KEY_DAY, 3, 1)]
    key = Key("dong-dang", "tslcd", "*", "2026-11")
    content = pulses.encode(pulses.grown({}, beats), key)
    assert content.hex() == GOLDEN_PULSE
    assert pulses.decode(content, key) == pulses.grown({}, beats)
    for wrong in (content[:-1], b"X" + content[1:], content[:12] + content[49:] + content[12:49]):
        with pytest.raises(ValueError, match=r"."):
            pulses.decode(wrong, key)


KEY_DAY = polls.day_number(KEY.month)
GOLDEN_DAY = (
    "445850311bbd74050cb5da560200000002000002000000070000000000000009000000000000007b84ce6b071cae423540f6"
    "97c6cafcf2477665b798aebca57bfdcdd6d85a523802000000070000000000000009000000000000007b84ce6b071cae4235"
    "40f697c6cafcf2477665b798aebca57bfdcdd6d85a52380100740300742f7201000100000004040404000408090500000008"
    "000000ffffffffe054e111ffffffff40420f00ffffffff60e31600ffffffffa0252600ffffffffffffffff00f2052a010000"
    "00ffffffffffffffff343333333333d33f"
)
GOLDEN_PULSE = (
    "44584231d3cf1d6ffb3e9ead0100000000020000000000000000000000000000000300000000000000050000000000000002"
    "010000000000000000000000000000000000000000000000000000000000000000000000"
)


@given(
    st.lists(
        st.none() | st.floats(0, 1e4) | st.sampled_from([-1.0, -0.0, inf, 1e300, 0.1, 5.5, 4294.967295]), max_size=12
    )
)
def test_numbers_come_back_to_the_last_bit_in_whatever_pieces_they_came(values: list[float | None]) -> None:
    whole = numbers.made(values)
    assert list(map(repr, numbers.read(whole) or [None] * len(values))) == list(map(repr, values))
    grown = numbers.EMPTY
    for n, value in enumerate(values):
        grown = numbers.put(grown, n, n // 2, value)
    order: list[float | None] = []
    for n, value in enumerate(values):
        order.insert(n // 2, value)
    assert grown == numbers.made(order)


def test_polls_are_rounded_so_that_a_rate_takes_four_octets() -> None:
    assert numbers.made([round(93.1234567, 6)] * 3).kind == numbers.NARROW
    assert numbers.made([93.1234567]).kind == numbers.FLOATS
    assert numbers.made([5000.0]).kind == numbers.WIDE
    assert len(RATES) == len(NAMES) == 6


def test_a_moment_of_vietnam_lies_in_its_day() -> None:
    assert polls.day_text(polls.day_number("2026-11-01")) == "2026-11-01"
    assert PollDay(polls.day_number("2026-11-01")).from_us == at("2026-11-01T00:00")
