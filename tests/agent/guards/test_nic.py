"""The port as a guard: what it means for a run, and when it was the limit."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.guard import Effect, Finding, GuardSettings, Turn
from doxa_agent.guards import nic as guard
from doxa_agent.meter import Link, Reading
from doxa_agent.net.nic import Duplex, Nic
from doxa_core.layers import HeaderModel, Layer, best_share
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome

LINK = Link(name="office", kind=LinkKind.FIXED, interface="eth0")
SPEEDS = st.none() | st.sampled_from([10, 100, 1000, 2500, 10_000])
DUPLEXES: st.SearchStrategy[Duplex | None] = st.sampled_from([None, "full", "half"])


def port(speed: int | None, duplex: Duplex | None = "full") -> Nic:
    return Nic(name="eth0", up=True, operstate="up", speed_mbps=speed, duplex=duplex)


@pytest.mark.parametrize(
    ("speed", "duplex", "codes"),
    [
        (1000, "full", []),
        (100, "full", ["nic_fast_ethernet"]),
        (10, "half", ["nic_fast_ethernet", "nic_half_duplex"]),
        (1000, "half", ["nic_half_duplex"]),
        (None, None, []),
    ],
)
def test_a_port_that_cannot_show_100_mbps_is_found(
    speed: int | None, duplex: Duplex | None, codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "read_nic", lambda _: port(speed, duplex))
    assert guard.look(Turn(link=LINK, heavy=True)) == [Finding(code=code, effect=Effect.LIMIT) for code in codes]
    assert guard.look(Turn(link=LINK, heavy=False)) == [Finding(code=code, effect=Effect.NOTE) for code in codes]


def test_a_link_without_an_interface_or_with_an_absent_one_has_no_port() -> None:
    assert guard.look(Turn(link=Link(name="office", kind=LinkKind.FIXED), heavy=True)) == []
    assert guard.look(Turn(link=replace(LINK, interface="absent0"), heavy=True)) == []


@pytest.mark.parametrize(
    ("speed", "duplex", "wire", "reason"),
    [
        (100, "full", 89.9, None),
        (100, "full", 90.0, "nic_fast_ethernet"),
        (1000, "full", 100.0, None),
        (1000, "full", 930.0, "nic_port_limit"),
        (1000, "half", 1.0, "nic_half_duplex"),
        (None, "half", 1.0, "nic_half_duplex"),
        (None, None, 5000.0, None),
    ],
)
def test_the_port_was_the_limit_only_near_its_speed(
    speed: int | None, duplex: Duplex | None, wire: float, reason: str | None
) -> None:
    assert guard.judge_port(port(speed, duplex), wire) == reason


def test_a_line_of_100_mbps_fills_a_fast_ethernet_port() -> None:
    """94.1 Mbps of payload is all that 100 Mb/s on the wire can carry: exactly the case that must not become a fail."""
    model = HeaderModel(family=4)
    payload = 100 * best_share(model, Layer.WIRE)
    assert payload == pytest.approx(94.15, abs=0.01)
    assert guard.judge_port(port(100), payload / best_share(model, Layer.WIRE)) == "nic_fast_ethernet"


@given(SPEEDS, DUPLEXES, st.floats(0, 20_000), st.floats(0, 20_000))
def test_more_on_the_wire_never_makes_the_port_less_of_a_limit(
    speed: int | None, duplex: Duplex | None, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    if guard.judge_port(port(speed, duplex), low) is not None:
        assert guard.judge_port(port(speed, duplex), high) is not None


@pytest.mark.parametrize(
    ("speed", "target", "code"), [(1000, 1000.0, True), (1000, 950.0, False), (2500, 1000.0, False)]
)
def test_a_port_must_carry_what_its_lines_promise_with_the_wires_own_octets(
    speed: int, target: float, *, code: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1000 Mbps at the IP layer are 1025 on the wire."""
    monkeypatch.setattr(guard, "read_nic", lambda _: port(speed))
    turn = Turn(link=LINK, heavy=True, settings=GuardSettings(target_mbps=target))
    assert [finding.code for finding in guard.look(turn)] == (["nic_below_target"] if code else [])


def test_a_rate_near_the_ports_speed_is_the_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "read_nic", lambda _: port(100))
    reading = Reading(outcome=Outcome.OK, values={"download_wire_mbps": 99.0, "upload_wire_mbps": 20.0})
    found = guard.judge(Turn(link=LINK, heavy=True), reading)
    assert found.limits == ("nic_fast_ethernet",)
    assert found.detail == {"port_mbps": 100, "port_duplex": "full"}
