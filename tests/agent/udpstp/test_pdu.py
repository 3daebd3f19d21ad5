"""The packets: kept bytes, every field at its place, and nothing but PduError from bytes that are none."""

import contextlib
import dataclasses
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.udpstp.packets import PACKETS, TOLD, WISHES, golden

from doxa_agent.udpstp.legacy import activation_from, activation_to, status_from, status_to
from doxa_agent.udpstp.pdu import (
    LOAD_SIZE,
    Activation,
    Load,
    Null,
    PduError,
    Setup,
    Status,
)
from doxa_agent.udpstp.rates import ROW_SIZE, SendingRate, table
from doxa_agent.udpstp.wire import checksum

KINDS = (Setup, Null, Activation, Load, Status)
SIZES = {Setup: 56, Null: 48, Activation: 104, Load: 32, Status: 204}


@pytest.mark.parametrize("name", PACKETS)
def test_the_bytes_of_a_packet_stay_as_they_were_kept(name: str) -> None:
    assert PACKETS[name][1]().hex() == golden(name).hex()


@pytest.mark.parametrize("name", [name for name in PACKETS if not name.endswith("_signed")])
def test_what_was_written_is_what_is_read(name: str) -> None:
    packet = PACKETS[name][0]
    assert type(packet).decode(golden(name)) == packet


FIELDS: dict[str, list[tuple[int, str, int]]] = {
    "setup_request": [
        (0, "H", 0xACE1), (2, "H", 20), (4, "B", 1), (5, "B", 2), (6, "H", 0x1234), (8, "B", 1), (9, "B", 0),
        (10, "H", 0x8000 + 300), (12, "H", 0), (14, "B", 1), (15, "B", 0), (16, "I", 0), (52, "B", 0), (54, "H", 0),
    ],
    "setup_request_signed": [(15, "B", 1), (16, "I", 1_790_000_000), (52, "B", 3), (53, "B", 0), (54, "H", 0)],
    "setup_response": [(8, "B", 2), (9, "B", 1), (12, "H", 54321), (14, "B", 2)],
    "null_signed": [
        (0, "H", 0xDEAD), (2, "H", 20), (4, "B", 1), (5, "B", 0), (6, "B", 0), (7, "B", 1), (8, "I", 1_790_000_000),
        (44, "B", 3), (46, "H", 0),
    ],
    "activation_request": [
        (0, "H", 0xACE2), (2, "H", 20), (4, "B", 2), (5, "B", 0), (6, "H", 31), (8, "H", 91), (10, "H", 51),
        (12, "H", 11), (14, "B", 0), (15, "B", 0xB8), (16, "H", 0x123), (18, "B", 1), (19, "B", 12), (20, "H", 4),
        (22, "H", 13), (24, "B", 0), (25, "B", 1), (26, "B", 1), (27, "B", 0), (28, "I", 0), (52, "I", 0),
        (56, "H", 990), (58, "I", 0), (62, "B", 0), (63, "B", 0),
    ],
    "activation_request_signed": [(63, "B", 1), (64, "I", 1_790_000_000), (100, "B", 3), (102, "H", 0)],
    "activation_response": [
        (4, "B", 1), (5, "B", 1), (16, "H", 0xFFFF), (28, "I", 100), (32, "I", 1222), (36, "I", 1), (40, "I", 1000),
        (44, "I", 1222), (48, "I", 2), (52, "I", 3 * 125 - 28),
    ],
    "load": [
        (0, "H", 0xBEEF), (2, "B", 0), (3, "B", 0), (4, "I", 0x01020304), (8, "H", 1222), (10, "H", 2),
        (12, "I", 1_790_000_001), (16, "I", 234_567_890), (20, "I", 1_790_000_001), (24, "I", 234_567_895),
        (28, "H", 7), (30, "H", 0),
    ],
    "load_stop": [(2, "B", 2), (3, "B", 1), (4, "I", 9), (8, "H", 52), (12, "I", 0), (16, "I", 0)],
    "status": [
        (0, "H", 0xFEED), (2, "B", 0), (3, "B", 0), (4, "I", 20), (8, "I", 100), (16, "I", 9), (32, "I", 9 * 125 - 28),
        (36, "I", 1),
        (40, "I", 10_000), (44, "Q", 0x1_0000_0001), (52, "I", 1_000_123), (56, "I", 1), (60, "I", 2), (64, "I", 3),
        (68, "I", 4), (72, "I", 5), (76, "I", 6), (80, "I", 7), (84, "I", 8), (88, "I", 9), (92, "I", 1010),
        (96, "I", 11), (100, "I", 12), (104, "I", 13), (108, "i", -14), (112, "I", 15), (116, "I", 16), (120, "I", 17),
        (124, "I", 18), (128, "I", 19), (132, "I", 21), (136, "B", 1), (140, "I", 50_022), (144, "I", 23),
        (148, "I", 24), (152, "I", 1_790_000_001), (156, "I", 234_567_890), (163, "B", 1), (176, "I", 25),
        (180, "I", 26), (185, "B", 1), (186, "H", 0), (202, "H", 0),
    ],
    "status_first": [(112, "I", 0xFFFFFFFF), (128, "I", 0xFFFFFFFF), (132, "I", 0xFFFFFFFF), (68, "I", 0xFFFFFFFF)],
}  # fmt: skip
"""Offsets as the protocol states them, written down apart from the codecs."""


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_stands_at_its_offset(name: str) -> None:
    found = [(at, form, *struct.unpack_from("!" + form, golden(name), at)) for at, form, _ in FIELDS[name]]
    assert found == FIELDS[name]


@pytest.mark.parametrize("kind", KINDS)
def test_a_packet_of_another_length_or_identifier_is_refused(kind: Any) -> None:
    good = bytearray(next(golden(name) for name, (packet, _) in PACKETS.items() if type(packet) is kind))
    assert len(good) == SIZES[kind]
    with pytest.raises(PduError, match="length"):
        kind.decode(bytes(good[:-1]))
    if kind is not Load:  # its padding follows
        with pytest.raises(PduError, match="length"):
            kind.decode(bytes(good) + b"\0")
    good[0] ^= 1
    with pytest.raises(PduError, match="id"):
        kind.decode(bytes(good))


@pytest.mark.parametrize(
    ("name", "at", "value", "code"),
    [
        ("setup_request", 8, 0, "command"),
        ("setup_request", 8, 3, "command"),
        ("setup_request", 9, 14, "range"),
        ("null", 2, 1, "version"),
        ("null", 4, 2, "command"),
        ("null", 5, 1, "range"),
        ("activation_request", 3, 21, "version"),
        ("activation_request", 4, 3, "command"),
        ("activation_request", 5, 3, "range"),
        ("activation_request", 18, 2, "range"),
        ("activation_request", 24, 2, "range"),
        ("activation_request", 26, 2, "range"),
        ("load", 2, 3, "range"),
        ("load", 3, 2, "range"),
        ("load", 24, 0x3C, "range"),
        ("load", 16, 0x3C, "range"),
        ("status", 2, 3, "range"),
        ("status", 3, 2, "range"),
        ("status", 136, 2, "range"),
        ("status", 156, 0x3C, "range"),
        ("status", 163, 2, "range"),
    ],
)
def test_a_value_out_of_its_range_is_refused(name: str, at: int, value: int, code: str) -> None:
    data = bytearray(golden(name))
    data[at] = value
    with pytest.raises(PduError) as caught:
        type(PACKETS[name][0]).decode(bytes(data))
    assert caught.value.code == code


def test_sequence_numbers_begin_with_one() -> None:
    for name in ("load", "status"):
        data = bytearray(golden(name))
        data[4:8] = bytes(4)
        with pytest.raises(PduError, match="range"):
            type(PACKETS[name][0]).decode(bytes(data))


@pytest.mark.parametrize(
    ("name", "at"),
    [("setup_request", 54), ("null", 46), ("activation_request", 102), ("load", 30), ("status", 202), ("status", 186)],
)
def test_a_checksum_is_checked_where_there_is_one(name: str, at: int) -> None:
    """186 is where the reference implementation writes the one of a Status."""
    data = bytearray(golden(name))
    data[at : at + 2] = checksum(bytes(data)).to_bytes(2, "big")
    assert type(PACKETS[name][0]).decode(bytes(data)) == PACKETS[name][0]
    data[-1] ^= 0xFF if at != len(data) - 2 else 0
    data[at] ^= 0x55
    with pytest.raises(PduError, match="checksum"):
        type(PACKETS[name][0]).decode(bytes(data))


def test_only_the_head_of_a_load_packet_need_be_there() -> None:
    assert Load.decode(golden("load") + bytes(1190)) == Load.decode(golden("load"))


@given(st.sampled_from(KINDS), st.binary(max_size=256))
def test_no_bytes_raise_anything_but_the_packet_error(kind: Any, data: bytes) -> None:
    with contextlib.suppress(PduError):
        kind.decode(data)


@given(st.sampled_from(sorted(PACKETS)), st.lists(st.tuples(st.integers(0, 203), st.integers(0, 255)), max_size=6))
def test_a_damaged_packet_is_refused_or_is_another_packet(name: str, damage: list[tuple[int, int]]) -> None:
    data = bytearray(golden(name))
    for at, value in damage:
        data[at % len(data)] = value
    kind = type(PACKETS[name][0])
    try:
        found = kind.decode(bytes(data))
    except PduError:
        return
    assert kind.decode(found.encode()) == found or found.authentication.digest


@given(st.binary(min_size=ROW_SIZE, max_size=ROW_SIZE))
def test_no_row_of_the_wire_makes_a_sender_run_wild(data: bytes) -> None:
    try:
        row = SendingRate.decode(data)
    except PduError:
        return
    assert row.ip_bps <= 3 * max(row.ip_bps for row in table(jumbo=True))


def test_a_value_that_does_not_fit_is_refused_by_the_writer() -> None:
    for wrong in (Setup(bandwidth_mbps=40_000), Setup(test_port=70_000), Load(sequence=1 << 32, payload=52, sent_ns=0)):
        with pytest.raises(PduError, match="range"):
            wrong.encode()
    assert LOAD_SIZE == 32


def test_the_packets_of_older_versions_have_their_own_places() -> None:
    """A Status of 168 bytes: padding at 44 and 100, its send time last; an activation of 60 with seconds at 14."""
    old = status_to(golden("status"))
    assert len(old) == 168
    assert (old[44:48], old[100:104]) == (bytes(4), bytes(4))
    assert struct.unpack_from("!IQ", old, 40)[0] == 10_000
    assert struct.unpack_from("!Q", old, 48)[0] == 0x1_0000_0001
    assert struct.unpack_from("!II", old, 160) == (1_790_000_001, 234_567_890)
    back = Status.decode(status_from(old))
    assert back == dataclasses.replace(TOLD, mode=0, ce_marks=0, sub_interval_ce_marks=0, ecn_bleached=False)
    activation = activation_to(dataclasses.replace(WISHES, sub_interval_ms=3000).encode(), 15)
    assert (len(activation), activation[2:4], activation[14]) == (60, b"\0\x0f", 3)
    assert Activation.decode(activation_from(activation, 15)) == dataclasses.replace(WISHES, sub_interval_ms=3000)


@given(st.binary(max_size=210), st.integers(11, 19))
def test_older_packets_raise_nothing_else_either(data: bytes, version: int) -> None:
    for read in (lambda: Status.decode(status_from(data)), lambda: Activation.decode(activation_from(data, version))):
        with contextlib.suppress(PduError):
            read()


@pytest.mark.parametrize(("size", "at"), [(60, 58), (168, 146)])
def test_older_packets_have_their_checksum_elsewhere(size: int, at: int) -> None:
    data = bytearray(status_to(golden("status")) if size == 168 else activation_to(golden("activation_request"), 12))
    good, read = bytes(data), status_from if size == 168 else lambda data: activation_from(data, 12)
    data[at : at + 2] = checksum(good).to_bytes(2, "big")
    assert read(bytes(data)) == read(good)
    data[20] ^= 1
    with pytest.raises(PduError, match="checksum"):
        read(bytes(data))
