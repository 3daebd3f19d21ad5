"""Names become addresses of one family, many at once, and nobody waits for ever."""

import socket
import subprocess
import sys
import threading
from threading import Event

import pytest

from doxa_agent.net.binding import Unreachable
from doxa_agent.net.names import resolve, resolve_all


def test_a_literal_address_keeps_its_family() -> None:
    assert resolve("127.0.0.1") == (4, "127.0.0.1")
    assert resolve("::1") == (6, "::1")


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", 6), ("::1", 4)])
def test_a_forced_family_never_falls_back_to_the_other(host: str, family: int) -> None:
    with pytest.raises(Unreachable) as found:
        resolve(host, family)
    assert found.value.reason == "no_address_in_family"


def test_a_name_is_looked_up_in_the_forced_family() -> None:
    assert resolve("localhost", 4) == (4, "127.0.0.1")


@pytest.mark.parametrize("host", ["", "a..b", "x" * 300, "không có"])
def test_a_name_that_cannot_exist_is_not_found(host: str) -> None:
    with pytest.raises(Unreachable) as found:
        resolve(host)
    assert found.value.reason == "name_not_found"


def test_a_silent_resolver_does_not_hold_us_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_args: object) -> list[object]:
        done.wait(20)
        return []

    done = Event()
    monkeypatch.setattr(socket, "getaddrinfo", never)
    with pytest.raises(Unreachable) as found:
        resolve("slow.example", timeout_s=0.05)
    done.set()
    assert found.value.reason == "name_timeout"


def test_all_names_are_asked_at_once_and_each_has_its_own_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = threading.Barrier(3, timeout=20)

    def look_up(host: bytes, *_args: object) -> list[object]:
        meeting.wait()
        if host == b"known":
            return [(socket.AF_INET, 0, 0, "", ("192.0.2.7", 0))]
        raise socket.gaierror(socket.EAI_NONAME, "")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    found = resolve_all(["nowhere", "192.0.2.1", "known", "::1", "elsewhere"], 4)
    assert found == ["name_not_found", (4, "192.0.2.1"), (4, "192.0.2.7"), "no_address_in_family", "name_not_found"]


def test_one_silent_name_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(host: bytes, *_args: object) -> list[object]:
        if host == b"slow":
            done.wait(20)
        return [(socket.AF_INET6, 0, 0, "", ("2001:db8::7", 0, 0, 0))]

    done = Event()
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert resolve_all(["slow", "known"], timeout_s=0.2) == ["name_timeout", (6, "2001:db8::7")]
    done.set()


def test_a_name_in_vietnamese_is_asked_for_as_idna_spells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def look_up(host: str | bytes, *_args: object) -> list[object]:
        asked.append(host.encode("idna") if isinstance(host, str) else host)
        return [(socket.AF_INET, 0, 0, "", ("192.0.2.7", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert resolve_all(["xã.example", "xa.example"]) == [(4, "192.0.2.7")] * 2
    assert sorted(map(str, asked)) == [str(b"xa.example"), str(b"xn--x-yfa.example")]


def test_the_tables_of_idna_are_not_read_for_a_name_in_ascii() -> None:
    """They cost a small probe 2 MiB."""
    program = "import sys; from doxa_agent.net.names import resolve; resolve('localhost', 4); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "doxa_agent.net.names" in said.stdout
    assert "stringprep" not in said.stdout
