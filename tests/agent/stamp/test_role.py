"""`doxa responder stamp` as a process, and its key."""

import argparse
import socket
from pathlib import Path

import pytest
from tests.agent.stamp.conftest import KEY, reflector_process

from doxa_agent.responder.roles import stamp as role
from doxa_agent.stamp.keyfile import read_key
from doxa_agent.stamp.packet import Request, encode_request, parse_reply
from doxa_agent.stamp.timestamp import ErrorEstimate
from doxa_core.errors import InputError


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    role.add_options(parser)
    return parser.parse_args(list(words))


def test_the_process_says_where_it_listens_answers_with_its_key_and_stops_politely(tmp_path: Path) -> None:
    (file := tmp_path / "stamp.key").write_text(KEY.hex() + "\n")
    request = encode_request(Request(sequence=0, timestamp=1, error=ErrorEstimate()), KEY)
    with (
        reflector_process("--host", "127.0.0.1", "--key", str(file)) as port,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sock.settimeout(20)
        sock.sendto(request, ("127.0.0.1", port))
        assert parse_reply(sock.recv(4096), KEY).asked_timestamp == 1


def test_the_defaults_are_those_of_the_rfc() -> None:
    settings = role._settings(parsed())
    assert (settings.port, settings.hosts, settings.key, settings.stateful) == (862, ("0.0.0.0", "::"), None, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--port", "65536"), "--port: the value is not valid; write from 0 to 65535"),
        (("--max-sessions", "0"), "--max-sessions: the value is not valid; write from 1 to 1000000"),
        (
            ("--key", "/nonexistent/key"),
            "--key: /nonexistent/key cannot be read (No such file or directory); check the path and the permission to read",
        ),
    ],
)
def test_a_bad_option_is_refused_with_its_cure(words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        role._settings(parsed(*words))
    assert error.value.text.en == sentence


@pytest.mark.parametrize("text", ["", "00" * 15, "00" * 65, "zz" * 16, "0" * 33, "a secret phrase"])
def test_what_is_no_key_is_refused_without_repeating_it(tmp_path: Path, text: str) -> None:
    (file := tmp_path / "key").write_text(text)
    with pytest.raises(InputError) as error:
        read_key(file, "--key")
    assert error.value.text.en.startswith(f"--key: {file} holds no STAMP key; make one: openssl rand -hex 32")
    assert not text or text not in str(error.value)
