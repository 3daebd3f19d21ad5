"""Authentication: keys as SP 800-108 derives them, digests, the window of the clock, replays, key files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.udpstp.packets import KEYS, golden

from doxa_agent.udpstp.auth import Replays, derive, fits, in_window, read_keys, signed
from doxa_agent.udpstp.pdu import Activation, Direction, Null, Setup
from doxa_core.errors import InputError


def test_the_keys_of_a_test_are_those_that_openssl_derives() -> None:
    """openssl kdf -keylen 64 -kdfopt mac:HMAC -kdfopt digest:SHA256 -kdfopt mode:COUNTER -kdfopt key:firstkey
    -kdfopt salt:UDPSTP -kdfopt info:1700000000 KBKDF"""
    made = derive(b"firstkey", 1_700_000_000)
    assert made.client.hex() == "c46aefd47f968e6dad28d6189797fd06f4a8122fbaccc5b40faa0ac184592c29"
    assert made.server.hex() == "e8c791f77f8195c14eb00897fdb696991fe1ce567b5ce0d38f74f2f3300b04ce"
    assert "c46a" not in repr(made)


@pytest.mark.parametrize(
    "name", ["setup_request", "setup_response", "null", "activation_request", "activation_response"]
)
def test_a_digest_covers_every_byte_but_the_checksum(name: str) -> None:
    key = KEYS.client if name.endswith("request") else KEYS.server
    good = golden(name + "_signed")
    assert fits(good, key)
    for at in range(len(good)):
        data = bytearray(good)
        data[at] ^= 0x01
        assert fits(bytes(data), key) == (at >= len(good) - 2), at


def test_each_side_has_a_key_of_its_own() -> None:
    assert not fits(golden("setup_request_signed"), KEYS.server)
    assert not fits(golden("setup_response_signed"), KEYS.client)


@given(st.binary(min_size=1, max_size=64), st.integers(0, 2**32 - 1), st.integers(0, 255))
def test_what_is_signed_fits_its_key_and_no_other(shared: bytes, unix_time: int, key_id: int) -> None:
    keys = derive(shared, unix_time)
    for packet in (Setup(), Null(), Activation(direction=Direction.UPSTREAM)):
        data = signed(packet, keys.client, key_id=key_id, unix_time=unix_time)
        assert fits(data, keys.client)
        assert not fits(data, derive(shared + b"x", unix_time).client)
        block = type(packet).decode(data).authentication
        assert (block.mode, block.unix_time, block.key_id) == (1, unix_time, key_id)


def test_a_packet_is_of_now_within_five_seconds_either_way() -> None:
    found = [offset for offset in range(-8, 9) if in_window(1000 + offset, 1000.9)]
    assert found == list(range(-5, 6))


def test_a_setup_is_taken_once_while_its_time_is_in_the_window() -> None:
    replays = Replays()
    assert replays.fresh(b"a", 1000, 1000.0)
    assert [replays.fresh(b"a", 1000, now) for now in (1000.0, 1004.9, 1010.0)] == [False] * 3
    assert replays.fresh(b"b", 1000, 1000.0)


def test_replays_remember_no_more_than_they_must() -> None:
    replays = Replays()
    for number in range(10_000):
        assert replays.fresh(str(number).encode(), 1000, 1000.0)
    assert len(replays) <= 4096
    assert not replays.fresh(b"9999", 1000, 1000.0)
    replays.fresh(b"later", 2000, 2000.0)
    assert len(replays) == 1


def test_a_key_file_is_read_in_our_form_and_in_the_reference_s(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# of the province\n7 s3cret!\n\n0,legacykey\t# old\n 255 , x\n", encoding="ascii")
    assert read_keys(file) == {7: b"s3cret!", 0: b"legacykey", 255: b"x"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""), ("# nothing\n", ""), ("1 good\n256 much\n", ":2"), ("-1 x\n", ":1"), ("one key\n", ":1"), ("5\n", ":1"),
        ("5 two words\n", ":1"), ("5 " + "k" * 65 + "\n", ":1"), ("5 a\n5 b\n", ":2"), ("5 khóa\n", ""),
    ],
)  # fmt: skip
def test_a_wrong_key_file_is_named_with_its_line_and_without_its_key(tmp_path: Path, text: str, line: str) -> None:
    file = tmp_path / "keys"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_keys(file)
    assert caught.value.where == f"{file}{line}"
    assert "kkkk" not in caught.value.text.en


def test_a_key_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_keys(tmp_path / "none")
    assert "cannot be read" in caught.value.text.en
