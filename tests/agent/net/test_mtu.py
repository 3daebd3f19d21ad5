"""The largest packet of a path: the search by itself, and real paths with a narrow hop that speaks or keeps silent."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.conftest import Line, far_end, inside, ip

from doxa_agent.meter import Deadline, Link
from doxa_agent.net import mtuprobe
from doxa_agent.net.binding import LinkUnusable
from doxa_agent.net.mtu import LOWEST, Answer, Claim, Fate, PathMtu, path_mtu, search
from doxa_core.linkkind import LinkKind

LOOPBACK = Link(name="loopback", kind=LinkKind.FIXED)
NOBODY = 65534


class Path:
    """A path that carries `mtu` octets; larger packets are refused with the MTU that `says`, or vanish."""

    way = "played"
    patience_s = 1.0
    floor_s = 0.1

    def __init__(self, mtu: int, says: Callable[[int], int | None] | None, lose: frozenset[int] = frozenset()) -> None:
        self.mtu, self.says, self.lose = mtu, says, lose
        self.asked: list[int] = []

    def ask(self, size: int, timeout_s: float) -> Answer:
        assert 0 < timeout_s <= self.patience_s
        self.asked.append(size)
        if len(self.asked) in self.lose:
            return Answer(fate=Fate.LOST)
        if size <= self.mtu:
            return Answer(fate=Fate.PASSED, delay_s=0.01)
        return Answer(fate=Fate.LOST) if self.says is None else Answer(fate=Fate.TOO_BIG, mtu=self.says(size))

    def close(self) -> None:
        pass


def run(path: Path, family: int = 4, highest: int = 1500) -> PathMtu:
    return search(path, family, highest, Deadline(60))


@given(mtu=st.integers(1280, 9216), family=st.sampled_from([4, 6]), silent=st.booleans(), top=st.integers(1280, 9216))
def test_every_size_is_found_exactly_whether_routers_speak_or_not(
    mtu: int, family: int, silent: bool, top: int
) -> None:
    found = run(Path(mtu, None if silent else lambda _: mtu), family, top)
    assert found.mtu == min(mtu, top)
    assert found.beyond is (Fate.OWN if mtu >= top else Fate.LOST if silent else Fate.TOO_BIG)
    assert found.black_hole is (silent and mtu < top)


@given(mtu=st.integers(1280, 1499), lie=st.integers(0, 70_000))
def test_a_router_that_lies_about_the_size_that_fits_is_not_believed(mtu: int, lie: int) -> None:
    assert run(Path(mtu, lambda _: lie)).mtu == mtu


@given(mtu=st.integers(1280, 1500), lost=st.sets(st.integers(1, 60), max_size=30))
def test_scattered_losses_do_not_make_a_small_path(mtu: int, lost: set[int]) -> None:
    """Never three in a row: what is lost three times counts as refused, by RFC 8899's own rule."""
    thin = frozenset(n for n in lost if not {n - 1, n - 2} <= lost)
    scattered = frozenset(n for n in thin if n % 3 != 0)
    assert run(Path(mtu, None, scattered)).mtu == mtu


@pytest.mark.parametrize(
    ("mtu", "says", "claimed", "claim"),
    [
        (1400, lambda _: 1400, 1400, Claim.TRUE),
        (1400, lambda size: 1450 if size > 1450 else 1400, 1400, Claim.TRUE),
        (1400, lambda _: 1450, 1450, Claim.WRONG),
        (1400, lambda _: 1300, 1300, Claim.WRONG),
        (1400, lambda _: None, None, Claim.UNSIZED),
        (1400, None, None, Claim.MISSING),
        (1500, None, None, Claim.UNASKED),
    ],
)
def test_what_routers_claim_is_compared_with_what_passes(
    mtu: int, says: Callable[[int], int | None] | None, claimed: int | None, claim: Claim
) -> None:
    found = run(Path(mtu, says))
    assert (found.mtu, found.claimed, found.claim) == (mtu, claimed, claim)


def test_a_claim_that_the_far_end_contradicts_is_wrong_and_takes_nothing_away() -> None:
    class Contradicted(Path):
        def ask(self, size: int, timeout_s: float) -> Answer:
            answer = super().ask(size, timeout_s)
            return replace(answer, mtu=1300, contradicted=True) if size == 1500 else answer

    found = run(Contradicted(1500, None))
    assert (found.mtu, found.contradicted, found.claim) == (1500, True, Claim.WRONG)


def test_the_usual_sizes_cost_few_packets() -> None:
    """A silent path is asked three times for each size that is too large: seconds, so the guesses matter."""
    spoken, silent = Path(1492, lambda _: 1492), Path(1492, None)
    run(spoken)
    run(silent)
    assert len(spoken.asked) <= 4
    assert len(silent.asked) <= 2 + 3 * 4


def test_a_path_that_answers_nothing_has_no_mtu_rather_than_a_small_one() -> None:
    found = run(Path(100, None))
    assert (found.mtu, found.black_hole, found.marks) == (None, False, {})


def test_a_search_that_is_cut_off_does_not_call_the_rest_a_black_hole() -> None:
    deadline = Deadline(60)

    class Cut(Path):
        def ask(self, size: int, timeout_s: float) -> Answer:
            answer = super().ask(size, timeout_s)
            if len(self.asked) == 3:
                deadline.cancel()
            return answer

    found = search(Cut(1400, None), 4, 1500, deadline)
    assert found.mtu == LOWEST[4]
    assert (found.beyond, found.black_hole) == (Fate.UNKNOWN, False)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """These paths answer within a millisecond or never."""
    monkeypatch.setattr(mtuprobe.EchoProber, "patience_s", 0.3)
    monkeypatch.setattr(mtuprobe.RefusalProber, "patience_s", 0.5)


def link_of(line: Line) -> Link:
    return Link(name="office", kind=LinkKind.FIXED, interface=line.interface)


def narrow(line: Line, mtu: int) -> None:
    """The router's far side carries `mtu` octets only."""
    ip("-n", line.router, "link", "set", "up0", "mtu", str(mtu))
    ip("-n", line.server, "link", "set", "line1", "mtu", str(mtu))


def filtered(namespace: str, hook: str, rules: str) -> None:
    table = f"table inet f {{ chain c {{ type filter hook {hook} priority 0;\n{rules}\n}}\n}}"
    subprocess.run(["ip", "netns", "exec", namespace, "nft", "-f", "-"], input=table, text=True, check=True, timeout=20)


NO_PTB = "icmp type destination-unreachable icmp code 4 drop\nicmpv6 type packet-too-big drop"
NO_ECHO = "icmp type echo-request drop\nicmpv6 type echo-request drop"


def ask(line: Line, family: int, **more: Any) -> PathMtu:
    address = line.there4 if family == 4 else line.there6
    with inside(line.client):
        return path_mtu(address, family, link_of(line), Deadline(30), **more)


@pytest.mark.root
@pytest.mark.parametrize("family", [4, 6])
def test_a_narrow_hop_that_says_so_is_told_from_one_that_keeps_silent(line: Line, family: int) -> None:
    narrow(line, 1492)
    spoken = ask(line, family)
    assert (spoken.mtu, spoken.beyond, spoken.reported) == (1492, Fate.TOO_BIG, 1492)
    assert spoken.marks == {1280: Fate.PASSED, 1500: Fate.TOO_BIG}
    filtered(line.router, "output", NO_PTB)
    silent = ask(line, family)
    assert (silent.mtu, silent.black_hole) == (1492, True)
    assert silent.marks == {1280: Fate.PASSED, 1500: Fate.LOST}


@pytest.mark.root
def test_a_whole_path_ends_at_our_own_interface(line: Line) -> None:
    found = ask(line, 4)
    assert (found.way.startswith("icmp"), found.mtu, found.beyond) == (True, 1500, Fate.OWN)
    assert found.marks == {1280: Fate.PASSED, 1500: Fate.PASSED}
    ip("-n", line.client, "link", "set", line.interface, "mtu", "1300")
    assert ask(line, 4).mtu == 1300


@pytest.mark.root
@pytest.mark.usefixtures("impatient")
def test_where_echo_is_filtered_a_closed_udp_port_answers_for_it(line: Line) -> None:
    narrow(line, 1400)
    filtered(line.server, "input", NO_ECHO)
    found = ask(line, 6)
    assert (found.way, found.mtu, found.beyond) == ("udp_refused", 1400, Fate.TOO_BIG)


@pytest.mark.root
@pytest.mark.usefixtures("impatient")
def test_where_only_tcp_passes_the_segment_size_is_named_as_a_bound(line: Line) -> None:
    narrow(line, 1400)
    filtered(line.server, "input", "meta l4proto { icmp, ipv6-icmp, udp } drop")
    with far_end(namespace=line.server) as port:
        found = ask(line, 4, port=port)
    assert (found.way, found.mtu, found.exact, found.black_hole) == ("tcp_mss", 1400, False, False)


@pytest.mark.root
def test_without_any_right_the_way_by_udp_still_measures(line: Line) -> None:
    narrow(line, 1400)
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            with inside(line.client):
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
                found = path_mtu(line.there4, 4, link_of(line), Deadline(30))
                os.write(writer, json.dumps([found.way, found.mtu, found.beyond]).encode())
                os._exit(0)
        finally:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        assert json.loads(told.read()) == ["udp_refused", 1400, "too_big"]
    os.wait()


def test_a_line_that_cannot_carry_says_so() -> None:
    with pytest.raises(LinkUnusable, match="interface_absent"):
        path_mtu("192.0.2.1", 4, Link(name="x", kind=LinkKind.FIXED, interface="nothere0"), Deadline(5))


def test_loopback_has_an_end_too() -> None:
    found = path_mtu("127.0.0.1", 4, LOOPBACK, Deadline(10))
    assert found.mtu == 9216
    assert found.way in {way.way for way in (mtuprobe.RefusalProber,)} | {"icmp_datagram", "icmp_raw"}
