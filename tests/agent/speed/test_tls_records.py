"""The headers of TLS records tell how much of a ciphertext is payload, however the stream is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.net.binding import Unreachable
from doxa_agent.speed.tls import Records


def record(payload: int) -> bytes:
    return b"\x17\x03\x03" + (payload + 17).to_bytes(2, "big") + bytes(payload + 17)


def test_full_records_carry_99_87_percent() -> None:
    found = Records(17)
    assert found.share == pytest.approx(16384 / 16406)
    found.feed(record(16384) * 3)
    assert found.share == pytest.approx(16384 / 16406)


@given(st.lists(st.integers(1, 16384), min_size=1, max_size=12), st.lists(st.integers(1, 20000), max_size=30))
def test_the_latest_records_decide_however_the_stream_is_cut(sizes: list[int], cuts: list[int]) -> None:
    whole = b"".join(record(size) for size in sizes)
    found, at = Records(17), 0
    for cut in cuts:
        found.feed(whole[at : at + cut])
        at += cut
    found.feed(whole[at:])
    latest = sizes[-4:]
    assert found.share == pytest.approx(sum(latest) / (sum(latest) + 22 * len(latest)))
    assert found.seen == len(whole)


@given(st.binary(max_size=100))
def test_what_is_no_record_is_refused_and_nothing_else_is_raised(packed: bytes) -> None:
    try:
        Records(17).feed(packed)
    except Unreachable as error:
        assert error.reason == "tls_failed"


def test_an_alert_in_the_place_of_data_ends_it() -> None:
    with pytest.raises(Unreachable):
        Records(17).feed(b"\x15\x03\x03\x00\x13" + bytes(19))
