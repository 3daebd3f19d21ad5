"""Topics, batches, acknowledges and status."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_core import ack, batch, status
from doxa_core.errors import WireError
from doxa_core.topic import SHARDS, Channel, Topic, filter_for, shard_of

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True)


@given(NAMES, NAMES, st.sampled_from(Channel))
def test_a_topic_is_read_as_it_was_written(site: str, agent: str, channel: Channel) -> None:
    topic = Topic(site=site, agent=agent, channel=channel)
    assert Topic.parse(str(topic)) == topic


def test_the_shard_of_a_site_never_changes() -> None:
    assert (
        str(Topic(site="dong-dang", agent="dong-dang-1", channel=Channel.ACK)) == "doxa/v1/47/dong-dang/dong-dang-1/ack"
    )


def test_the_sites_of_a_country_spread_over_all_shards() -> None:
    counts = [0] * SHARDS
    for n in range(3321):
        counts[shard_of(f"xa-{n:05d}")] += 1
    assert min(counts) > 3321 / SHARDS / 2
    assert max(counts) < 3321 / SHARDS * 2


@pytest.mark.parametrize(
    "text",
    ["", "doxa/v1", "doxa/v2/55/dong-dang/dong-dang-1/ack", "doxa/v1/46/dong-dang/dong-dang-1/ack", "doxa/v1/5/dong-dang/dong-dang-1/ack",
     "doxa/v1/47/dong-dang/dong-dang-1/plan", "doxa/v1/47/dong-dang/+/ack", "doxa/v1/47/dong-dang/dong-dang-1/ack/x", "\x00/a/b/c/d/e"],
)  # fmt: skip
def test_a_topic_that_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        Topic.parse(text)


@given(st.text(max_size=60))
def test_any_text_is_a_topic_or_refused(text: str) -> None:
    try:
        assert str(Topic.parse(text)) == text
    except WireError as error:
        assert error.code in ("bad_topic", "bad_identifier")


def test_a_collector_subscribes_to_all_shards_or_to_one() -> None:
    assert filter_for(Channel.MEASUREMENTS) == "doxa/v1/+/+/+/measurements"
    assert filter_for(Channel.STATUS, 3) == "doxa/v1/03/+/+/status"


@given(
    st.lists(
        st.tuples(st.from_regex(rb"[^\n\t]+", fullmatch=True), st.none() | st.from_regex(rb"[^\n\t]+", fullmatch=True)),
        min_size=1,
        max_size=20,
    )
)
def test_a_batch_keeps_every_line_and_signature_verbatim(lines: list[tuple[bytes, bytes | None]]) -> None:
    wanted = [batch.Line(raw, signature) for raw, signature in lines]
    assert batch.split(batch.join(wanted)) == wanted


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"x" * (batch.MAX_BATCH_BYTES + 1), "too_big"),
        (b"x\n" * (batch.MAX_LINES + 1), "too_big"),
    ],
)
def test_a_batch_beyond_its_limits_is_refused(payload: bytes, code: str) -> None:
    with pytest.raises(WireError) as caught:
        batch.split(payload)
    assert caught.value.code == code


@given(st.sets(st.integers(1, 200)))
def test_ranges_hold_exactly_the_numbers_that_they_were_made_of(numbers: set[int]) -> None:
    found = ack.ranges(numbers)
    assert {n for first, last in found for n in range(first, last + 1)} == numbers
    assert all(b[0] - a[1] > 1 for a, b in itertools.pairwise(found))


@given(st.sets(st.integers(1, 2**53 - 1)), st.sets(st.integers(1, 2**53 - 1)))
def test_an_acknowledge_is_read_as_it_was_written(kept: set[int], refused: set[int]) -> None:
    sent = ack.Ack(epoch="00112233445566aa", kept=ack.ranges(kept), refused=ack.ranges(refused))
    assert ack.decode(sent.encode()) == sent


@pytest.mark.parametrize(
    "ranges",
    ["1", "[1]", "[[1]]", "[[2,1]]", "[[0,1]]", "[[1,2,3]]", '[["1",2]]', "[[1,9007199254740992]]", "{}", "[[1.0,2]]"],
)
def test_an_acknowledge_with_wrong_ranges_is_refused(ranges: str) -> None:
    with pytest.raises(WireError):
        ack.decode(f'{{"schema":1,"epoch":"00112233445566aa","kept":{ranges}}}'.encode())


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_neither_status_nor_acknowledge(noise: bytes) -> None:
    for read in (ack.decode, status.decode):
        with pytest.raises(WireError):
            read(noise)


@pytest.mark.parametrize(
    "change",
    [
        '"state":"asleep"',
        '"last_seq":-1',
        '"spool_rows":1.5',
        '"links":{"a b":{}}',
        '"links":{"a":1}',
        '"at":"yesterday"',
        '"schema":0',
        '"epoch":"x"',
    ],
)
def test_a_status_that_breaks_the_contract_is_refused(change: str) -> None:
    good = {
        "schema": '"schema":1', "site": '"site":"a"', "agent": '"agent":"a"', "epoch": '"epoch":"00112233445566aa"',
        "state": '"state":"online"', "version": '"version":"1"',
    }  # fmt: skip
    assert status.decode(("{" + ",".join(good.values()) + "}").encode()).state is status.State.ONLINE
    good[change.split('"')[1]] = change
    with pytest.raises(WireError):
        status.decode(("{" + ",".join(good.values()) + "}").encode())
