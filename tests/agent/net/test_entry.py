"""By which interface answers come in, on lines with one way and with two."""

import subprocess

import pytest
from tests.agent.conftest import Line, inside, ip

from doxa_agent.guard import Turn
from doxa_agent.guards import way
from doxa_agent.meter import Link, Reading
from doxa_agent.net import entry
from doxa_agent.net.audit import Balance
from doxa_agent.net.binding import LinkUnusable
from doxa_agent.net.entry import entered_by
from doxa_agent.net.proof import prove_from_here
from doxa_core.linkkind import LinkKind
from doxa_core.measurement import LinkProof
from doxa_core.outcome import Outcome

pytestmark = pytest.mark.root


@pytest.fixture
def crooked(line: Line) -> Line:
    """A second cable between client and router, by which the router sends everything back."""
    ip("-n", line.client, "link", "add", "second0", "type", "veth", "peer", "name", "second1", "netns", line.router)
    for name, device, four, six in (
        (line.client, "second0", "10.99.9.1", "fd99:9::1"),
        (line.router, "second1", "10.99.9.2", "fd99:9::2"),
    ):
        ip("-n", name, "addr", "add", f"{four}/24", "dev", device)
        ip("-n", name, "addr", "add", f"{six}/64", "dev", device, "nodad")
        ip("-n", name, "link", "set", device, "up")
    ip("-n", line.router, "route", "add", f"{line.here4}/32", "via", "10.99.9.1")
    ip("-n", line.router, "-6", "route", "add", f"{line.here6}/128", "via", "fd99:9::1")
    _filter(line, 0)
    return line


def _filter(line: Line, strictness: int) -> None:
    for device in ("all", "second0", line.interface):
        command = [
            "ip",
            "netns",
            "exec",
            line.client,
            "sysctl",
            "-qw",
            f"net.ipv4.conf.{device}.rp_filter={strictness}",
        ]
        subprocess.run(command, check=True, timeout=20)


def soon(line: Line, there: str, family: int, here: str) -> tuple[str | None, str | None]:
    """A fresh IPv6 line forwards only when its routers' link-local addresses are no longer tentative."""
    found: tuple[str | None, str | None] = (None, None)
    with inside(line.client):
        for _ in range(10):
            found = entered_by(there, family, line.interface, here)
            if found[0] is not None:
                break
    return found


@pytest.mark.parametrize("family", [4, 6])
def test_a_straight_line_is_entered_by_its_own_interface(line: Line, family: int) -> None:
    there, here = (line.there4, line.here4) if family == 4 else (line.there6, line.here6)
    assert soon(line, there, family, here) == (line.interface, None)


@pytest.mark.parametrize("family", [4, 6])
def test_answers_that_come_in_by_another_interface_are_found(crooked: Line, family: int) -> None:
    there, here = (crooked.there4, crooked.here4) if family == 4 else (crooked.there6, crooked.here6)
    assert soon(crooked, there, family, here) == ("second0", None)


def test_a_strict_filter_hides_them_and_that_is_said(crooked: Line) -> None:
    _filter(crooked, 1)
    with inside(crooked.client):
        found = entered_by(crooked.there4, 4, crooked.interface, crooked.here4)
    assert found == (None, entry.NO_ANSWER)


def test_an_unprivileged_socket_is_enough_and_without_any_right_that_is_said(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise PermissionError

    with inside(line.client):
        command = ["ip", "netns", "exec", line.client, "sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647"]
        subprocess.run(command, check=True, timeout=20)
        sock, raw = entry._open(4)
        sock.close()
        assert not raw
        assert entered_by(line.there4, 4, line.interface, line.here4) == (line.interface, None)
        monkeypatch.setattr("socket.socket", refuse)
        assert entered_by(line.there4, 4, line.interface, line.here4) == (None, entry.NOT_PERMITTED)


def test_nonsense_is_no_answer_and_no_exception() -> None:
    assert entered_by("127.0.0.1", 4, "absent0", "127.0.0.1")[0] is None
    assert entered_by("no address", 4, "lo", "127.0.0.1") == (None, entry.NO_ANSWER)
    assert entered_by("127.0.0.1", 4, "lo", "::1")[0] is None


def judged(line: Line, reading: Reading) -> tuple[tuple[str, ...], dict[str, object]]:
    turn = Turn(link=Link(name="x", kind=LinkKind.FIXED, interface=line.interface), heavy=True)
    with inside(line.client):
        found = way.judge(turn, reading)
    assert found.limits == found.findings
    return found.findings, dict(found.detail)


def reading(line: Line, interface: str, **detail: object) -> Reading:
    proof = LinkProof(interface=interface, source=line.here4)
    return Reading(outcome=Outcome.OK, family=4, proof=proof, detail={"address": line.there4} | detail)


def test_a_result_says_by_which_interface_it_was_entered_and_is_not_held_against_a_line_it_did_not_take(
    crooked: Line,
) -> None:
    line = crooked
    assert judged(line, reading(line, line.interface)) == (("proof_entered_elsewhere",), {"entered_by": "second0"})
    ip("-n", line.router, "route", "del", f"{line.here4}/32")
    assert judged(line, reading(line, line.interface)) == ((), {"entered_by": line.interface})
    assert judged(line, reading(line, "second0"))[0] == ("proof_left_elsewhere",)


@pytest.mark.parametrize(("share", "codes"), [(1.0, ()), (0.6, ()), (0.1, ("proof_entered_elsewhere",))])
def test_octets_that_the_interface_never_saw_came_another_way(line: Line, share: float, codes: tuple[str, ...]) -> None:
    books = Balance(
        interface_bytes=round(20e6 * share), payload_bytes=20_000_000, framed_bytes=21_000_000, own_bytes=20_500_000,
        seconds=4.0,
    )  # fmt: skip
    assert judged(line, reading(line, line.interface, download={"audit": books.detail}))[0] == codes


def test_a_socket_that_the_device_holds_gets_no_answer_by_another_way(crooked: Line) -> None:
    """So a result over such a line is a failure of the line, never a figure of the other one."""
    import socket

    from doxa_agent.net.binding import bind_socket

    link = Link(name="x", kind=LinkKind.FIXED, interface=crooked.interface)
    with inside(crooked.client), socket.socket() as sock:
        try:
            held = bind_socket(sock, link, 4)
        except LinkUnusable:
            pytest.fail("the line is usable")
        assert held
        sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            sock.connect((crooked.there4, 9))
    with inside(crooked.client):
        assert prove_from_here(crooked.there4, 4, link).interface == crooked.interface
