"""The octets of a pack, and the rollups that come of its columns."""

from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doxa_collector.rollups.columns import CODE_OF, ENDINGS, bins_of, line_runs, units_of
from doxa_collector.rollups.model import LineRuns, Trace
from doxa_collector.rollups.pack import Key, Pack, Run, decode, first_moment, month_days, month_of, next_month
from doxa_collector.rollups.series import SERIES
from doxa_collector.statistics.bins import bin_of
from doxa_collector.statistics.due import Placed
from doxa_collector.statistics.rollup import Rollup
from doxa_collector.statistics.sample import DAY_US, LARGEST, SLOT_US, Sample, slot_of
from doxa_core.outcome import Outcome

KEY = Key("dong-dang", "fixed", "latency", "2026-11")
FIRST, DAYS = month_days("2026-11")
NAMES = SERIES["latency"]
SERIES_N = len(NAMES)
VALUES = (
    st.none()
    | st.sampled_from([0, 254, 255, 256, 65_534, 65_535, 2**32 - 2, 2**32 - 1, 10**18])
    | st.integers(0, 10**9)
)


def run(day: int, number: int, half_hour: int, outcome: Outcome, units: Sequence[int | None]) -> Run:
    telling = outcome in (Outcome.OK, Outcome.PROBE_LIMITED)
    return Run(
        FIRST + day, number, half_hour, CODE_OF[outcome], units if telling else [None] * SERIES_N,
        sha256(str(number).encode()).digest(),
    )  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> list[Run]:
    """Runs of a month in the order of their ids, on days in any order, several on a day and in a half hour.

    In every other one all runs are well and give every value, which is the usual case, and counted another way.
    """
    plain = draw(st.booleans())
    days = st.sampled_from([0, 1, 1, 7, DAYS - 1])
    numbers = st.sampled_from([0, 254, 9_999, 100_050_000, 100_050_001, 99_999_999]) | st.integers(0, 10**9)
    values = st.lists(numbers if plain else VALUES, min_size=SERIES_N, max_size=SERIES_N)
    outcomes = st.just(Outcome.OK) if plain else st.sampled_from(Outcome)
    rows = draw(st.lists(st.tuples(days, st.integers(0, 47), outcomes, values), max_size=25))
    return [run(day, number, slot, outcome, units) for number, (day, slot, outcome, units) in enumerate(rows, 3)]


def grown(history: Sequence[Run], cuts: Sequence[int]) -> Pack:
    """The pack of a history that came in pieces, stored between them."""
    pack = Pack.empty(SERIES_N)
    for start, end in pairwise([0, *sorted(cuts), len(history)]):
        pack.add(history[start:end])
        pack = decode(pack.encode(KEY), KEY, SERIES_N)
    return pack


def line(pack: Pack) -> LineRuns:
    return line_runs("dong-dang", "fixed", "latency", pack.runs(NAMES), pack.traces)


@given(histories(), st.data())
def test_a_pack_does_not_tell_in_which_pieces_its_runs_came(history: list[Run], data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(history)), max_size=4))
    assert grown(history, cuts).encode(KEY) == grown(history, []).encode(KEY)


@given(histories(), st.sampled_from(range(SERIES_N)))
def test_a_series_comes_back_as_the_rollup_of_its_runs(history: list[Run], place: int) -> None:
    """Against `Rollup.of`, day by day, with exact whole numbers up to where floats still are."""
    small = [one for one in history if all(v is None or v <= 2**53 for v in one.units)]
    expected = Rollup.of(
        Sample(
            one.day * DAY_US - 7 * 3_600_000_000 + one.half_hour * SLOT_US,
            ENDINGS[one.ending],
            None if (units := one.units[place]) is None else units / 1e6,
        )
        for one in small
    )
    found = line(grown(small, [len(small) // 2]))
    assert found.rollup(NAMES[place]).to_json() == expected.to_json()
    assert found.sums(NAMES[place]) == {day: one.all for day, one in expected.days.items() if one.slots}
    assert (NAMES[place] in found.series) == any(one.slots for one in expected.days.values())


@given(histories(), st.sampled_from(range(SERIES_N)))
def test_the_values_of_a_line_that_nothing_limited_come_by_day(history: list[Run], place: int) -> None:
    found = line(grown(history, [len(history) // 2])).units(NAMES[place])
    if any(ENDINGS[one.ending] is Outcome.PROBE_LIMITED for one in history):
        assert found is None
        return
    expected: dict[int, list[int]] = {}
    for one in history:
        value = one.units[place]
        if value is not None:
            expected.setdefault(one.day, []).append(value)
    assert found is not None
    assert {day: list(values) for day, values in found.items()} == expected
    part = line(grown(history, [])).on({FIRST + 1}).units(NAMES[place])
    assert {day: list(values) for day, values in (part or {}).items()} == {
        day: values for day, values in expected.items() if day == FIRST + 1
    }


@settings(max_examples=30)
@given(histories(), st.sampled_from(range(SERIES_N)))
def test_skipped_runs_and_values_come_at_their_half_hours_whole_or_in_parts(history: list[Run], place: int) -> None:
    expected: dict[int, list[Placed]] = {}
    for one in history:
        ending, value = ENDINGS[one.ending], one.units[place]
        if ending is Outcome.SKIPPED or value is not None:
            found = Placed(one.half_hour, value, limited=ending is Outcome.PROBE_LIMITED)
            expected.setdefault(one.day, []).append(found)
    whole = line(grown(history, [len(history) // 2]))
    early, late = ([one for one in history if (one.day < FIRST + 2) is first] for first in (True, False))
    assert whole.placed(NAMES[place]) == expected
    assert line(grown(early, [])).merge(line(grown(late, []))).placed(NAMES[place]) == expected
    assert whole.on({FIRST + 1}).placed(NAMES[place]) == {
        day: runs for day, runs in expected.items() if day == FIRST + 1
    }


@given(histories())
def test_the_trace_of_a_day_is_a_chain_over_its_lines(history: list[Run]) -> None:
    expected: dict[int, Trace] = {}
    for one in history:
        n, first, _, chain = expected.get(one.day, Trace(0, one.number, 0, b""))
        expected[one.day] = Trace(n + 1, first, one.number, sha256(chain + one.digest).digest())
    assert grown(history, [1] if history else []).traces == dict(sorted(expected.items()))


def test_the_octets_of_version_1_stay_as_they_are() -> None:
    pack = Pack.empty(2)
    pack.add([Run(FIRST, 7, 15, 0, [254, 300_000_000], b"a" * 32), Run(FIRST + 29, 9, 47, 1, [None, None], b"b" * 32)])
    pack.add([Run(FIRST, 12, 15, 3, [255, None], b"c" * 32)])
    key = Key("s", "l", "m", "2026-11")
    content = pack.encode(key)
    chain = sha256(sha256(b"a" * 32).digest() + b"c" * 32).digest()
    body = (
        b"\x02\x02\x03\0\0\0"
         b"\x01\x02\0\0\0" + (7).to_bytes(8, "little") + (12).to_bytes(8, "little") + chain
        + b"\x1e\x01\0\0\0" + (9).to_bytes(8, "little") * 2 + sha256(b"b" * 32).digest()
        + b"\x0f\x0f\x2f" + b"\0\x03\x01" + b"\x02\x04"
        + b"\xfe\0\xff\0\xff\xff" + (300_000_000).to_bytes(4, "little") + b"\xff" * 8
    )  # fmt: skip
    assert content == b"DXR1" + sha256(b"s/l/m/2026-11" + body).digest()[:8] + body


SOUND = grown([run(0, 1, 3, Outcome.OK, [1, 300, None, 70_000, 2**40, 0]), run(4, 2, 0, Outcome.ERROR, [])], [])


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda rest: b"DXR1" + rest))
def test_other_octets_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(content, KEY, SERIES_N)


@given(st.integers(0, len(SOUND.encode(KEY)) - 1), st.integers(1, 255))
def test_one_octet_that_changed_is_noticed(place: int, change: int) -> None:
    content = bytearray(SOUND.encode(KEY))
    content[place] ^= change
    with pytest.raises(ValueError, match=r"version 1|checksum"):
        decode(bytes(content), KEY, SERIES_N)


@given(st.data())
def test_what_contradicts_itself_is_refused_even_with_its_checksum(data: st.DataObject) -> None:
    body = bytearray(SOUND.encode(KEY)[12:])
    for _ in range(data.draw(st.integers(1, 3))):
        if data.draw(st.booleans()):
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
        else:
            del body[data.draw(st.integers(0, len(body) - 1)) :]
        if not body:
            break
    content = b"DXR1" + sha256("/".join(KEY).encode() + body).digest()[:8] + body
    try:
        found = decode(content, KEY, SERIES_N)
    except ValueError:
        return
    assert found.encode(KEY) == content
    for name in NAMES:
        line(found).rollup(name)


@pytest.mark.parametrize(
    "key", [KEY._replace(month="2026-12"), KEY._replace(site="other"), KEY._replace(link="mobile")]
)
def test_a_pack_under_another_name_is_refused(key: Key) -> None:
    with pytest.raises(ValueError, match="checksum"):
        decode(SOUND.encode(KEY), key, SERIES_N)


def test_a_day_of_another_month_does_not_get_in() -> None:
    pack = Pack.empty(SERIES_N)
    pack.add([run(DAYS, 1, 0, Outcome.OK, [1] * SERIES_N)])
    with pytest.raises(ValueError, match="does not lie in 2026-11"):
        pack.encode(KEY)


@given(st.lists(st.integers(0, 10**18), max_size=20) | st.lists(st.integers(0, 200_000), max_size=20))
def test_bins_of_many_are_the_bins_of_each(units: list[int]) -> None:
    assert bins_of(units) == [bin_of(value) for value in units]


def test_what_is_no_measurement_gives_no_value() -> None:
    assert units_of(Outcome.OK, LARGEST) == 10**18
    for value in (-0.1, LARGEST * 1.01, float("nan"), float("inf"), None):
        assert units_of(Outcome.OK, value) is None
    assert units_of(Outcome.FAILED, 5.0) is None
    assert units_of(Outcome.PROBE_LIMITED, 5.0) == 5_000_000


def test_months_are_vietnamese() -> None:
    day = slot_of(first_moment("2026-11")).day
    assert (day, slot_of(first_moment("2026-11") - 1).day) == (FIRST, FIRST - 1)
    assert [month_of(FIRST - 1), month_of(FIRST), month_of(FIRST + DAYS)] == ["2026-10", "2026-11", "2026-12"]
    assert next_month("2026-12") == "2027-01"
    assert month_of(10**9) is None
