"""The measurement on the wire: what is written can be read, and nothing else can."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_core.errors import WireError
from doxa_core.measurement import MAX_BYTES, Clock, LinkProof, Measurement, decode
from doxa_core.outcome import Outcome

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True)
PRINTABLE = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=40)
FINITE = st.floats(min_value=0, max_value=1e12)

MEASUREMENTS = st.builds(
    Measurement,
    site=NAMES, agent=NAMES, link=NAMES, task=NAMES, meter=NAMES, method=PRINTABLE, boot=PRINTABLE, version=PRINTABLE,
    epoch=st.from_regex(r"[0-9a-f]{16}", fullmatch=True), seq=st.integers(1, 2**53 - 1),
    started=st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    monotonic_s=FINITE, duration_s=st.floats(0, 1e6),
    clock=st.builds(Clock, synchronised=st.booleans(), error_ms=st.none() | FINITE),
    outcome=st.sampled_from(Outcome), far_end=st.none() | PRINTABLE, family=st.sampled_from([None, 4, 6]),
    proof=st.none() | st.builds(LinkProof, interface=PRINTABLE.map(lambda t: t[:30]), source=PRINTABLE, gateway=st.none() | PRINTABLE),
    reasons=st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True), max_size=5).map(tuple),
    findings=st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True), max_size=5).map(tuple),
    values=st.dictionaries(st.sampled_from(["download_mbps", "rtt_p95_ms", "sent_count", "received_bytes"]), FINITE)
    | st.dictionaries(st.just("loss_ratio"), st.floats(0, 1)),
    detail=st.dictionaries(PRINTABLE, st.lists(FINITE, max_size=5), max_size=3),
)  # fmt: skip


def sample(**changes: Any) -> Measurement:
    fields: dict[str, Any] = {
        "site": "dong-dang", "agent": "dong-dang-1", "epoch": "00112233445566aa", "seq": 1, "task": "t", "meter": "speed",
        "method": "speed/1", "link": "fixed", "started": datetime(2026, 11, 21, 1, 2, 3, 4, tzinfo=UTC), "boot": "b",
        "monotonic_s": 1.5, "duration_s": 2.5, "clock": Clock(synchronised=True), "outcome": Outcome.OK, "version": "0.1.0",
    }  # fmt: skip
    return Measurement(**(fields | changes))


def refusal(changes: dict[str, Any], without: str = "") -> str:
    found = json.loads(sample().encode()) | changes
    found.pop(without, None)
    with pytest.raises(WireError) as caught:
        decode(json.dumps(found).encode())
    return caught.value.code


@given(MEASUREMENTS)
def test_what_is_encoded_is_decoded_to_the_same_measurement(m: Measurement) -> None:
    assert decode(m.encode()) == m


@given(MEASUREMENTS)
def test_a_measurement_has_one_byte_form(m: Measurement) -> None:
    shuffled = json.dumps(dict(reversed(json.loads(m.encode()).items())), indent=1).encode()
    assert decode(shuffled).encode() == m.encode()


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_with_a_code_and_nothing_worse(noise: bytes) -> None:
    with pytest.raises(WireError) as caught:
        decode(noise)
    assert caught.value.code


@given(
    MEASUREMENTS,
    st.sampled_from(sorted(json.loads(sample().encode()))),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(st.text(max_size=5), deeper, max_size=3),
        max_leaves=5,
    ),
)
def test_a_measurement_with_one_field_replaced_is_read_or_refused_and_never_crashes(
    m: Measurement, key: str, junk: Any
) -> None:
    damaged = json.loads(m.encode()) | {key: junk}
    try:
        decode(json.dumps(damaged).encode())
    except WireError as error:
        assert error.code


@pytest.mark.parametrize("key", [k for k in json.loads(sample().encode()) if k != "values"])
def test_a_required_field_that_is_missing_is_named(key: str) -> None:
    assert refusal({}, without=key) == "missing_field"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"schema": 0}, "old_schema"),
        ({"schema": -1}, "bad_field"),
        ({"schema": True}, "bad_field"),
        ({"site": "Đồng Đăng"}, "bad_identifier"),
        ({"site": "a/b"}, "bad_identifier"),
        ({"agent": "+"}, "bad_identifier"),
        ({"link": "x" * 41}, "bad_identifier"),
        ({"epoch": "XYZ"}, "bad_field"),
        ({"seq": 0}, "bad_field"),
        ({"seq": 1.0}, "bad_field"),
        ({"seq": 2**53}, "bad_field"),
        ({"started": "2026-13-01T00:00:00Z"}, "bad_time"),
        ({"started": "2026-01-01T00:00:00+07:00"}, "bad_time"),
        ({"started": 5}, "bad_time"),
        ({"outcome": "good"}, "bad_outcome"),
        ({"outcome": None}, "bad_outcome"),
        ({"family": 5}, "bad_field"),
        ({"duration_s": -1}, "bad_field"),
        ({"duration_s": "1"}, "not_a_number"),
        ({"values": {"download_mbps": "85"}}, "not_a_number"),
        ({"values": {"download_mbps": True}}, "not_a_number"),
        ({"values": {"download_mbps": None}}, "not_a_number"),
        ({"values": {"download_mbps": -1}}, "bad_field"),
        ({"values": {"download_mbps": 10**400}}, "not_a_number"),
        ({"values": {"loss_ratio": 1.01}}, "bad_field"),
        ({"values": {"download": 1}}, "bad_value_name"),
        ({"values": {"download_mb": 1}}, "bad_value_name"),
        ({"values": {"Download_mbps": 1}}, "bad_value_name"),
        ({"values": {f"v{n}_count": n for n in range(201)}}, "too_big"),
        ({"values": []}, "bad_field"),
        ({"reasons": ["Bad Reason"]}, "bad_field"),
        ({"reasons": "busy"}, "bad_field"),
        ({"reasons": ["x"] * 33}, "bad_field"),
        ({"proof": {}}, "missing_field"),
        ({"proof": {"interface": "eth0\n", "source": "::1"}}, "bad_field"),
        ({"clock": {"synchronised": 1}}, "bad_field"),
        ({"clock": {"synchronised": True, "error_ms": -1}}, "bad_field"),
        ({"detail": [1]}, "bad_field"),
        ({"method": "x" * 41}, "bad_field"),
    ],
)
def test_what_breaks_the_contract_is_refused_with_its_code(changes: dict[str, Any], code: str) -> None:
    assert refusal(changes) == code


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "not_json"),
        (b"nonsense", "not_json"),
        (b"[]", "not_json"),
        (b"[" * 30_000, "not_json"),
        (b'{"schema":NaN}', "not_a_number"),
        (b'{"schema":Infinity}', "not_a_number"),
        (b'{"schema":1,"schema":1}', "repeated_key"),
        (b'{"schema":"\xff"}', "not_utf8"),
        (b" " * (MAX_BYTES + 1), "too_big"),
    ],
)
def test_what_is_not_one_json_object_is_refused_with_its_code(line: bytes, code: str) -> None:
    with pytest.raises(WireError) as caught:
        decode(line)
    assert caught.value.code == code


def test_a_value_that_is_not_a_number_never_leaves_the_probe() -> None:
    with pytest.raises(ValueError, match=r"Out of range|not JSON compliant"):
        sample(values={"download_mbps": math.nan}).encode()


def test_a_measurement_too_big_for_the_wire_never_leaves_the_probe() -> None:
    with pytest.raises(WireError, match="bytes"):
        sample(detail={"samples": ["x" * 100] * 1000}).encode()


def test_what_is_not_known_is_absent_and_never_null() -> None:
    assert b"null" not in sample().encode()


def test_the_start_is_written_in_utc_whatever_the_zone() -> None:
    hanoi = timezone(timedelta(hours=7))
    m = sample(started=datetime(2026, 11, 21, 8, 5, 9, tzinfo=hanoi))
    assert b'"started":"2026-11-21T01:05:09.000000Z"' in m.encode()


def test_a_naive_start_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="aware"):
        sample(started=datetime(2026, 1, 1)).encode()
