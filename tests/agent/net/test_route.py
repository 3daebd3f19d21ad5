"""The kernel says which way packets take, for v4 and v6, with and without a binding."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.conftest import Line, inside, ip

from doxa_agent.meter import Link
from doxa_agent.net import netlink
from doxa_agent.net.binding import LinkUnusable
from doxa_agent.net.route import prove
from doxa_core.linkkind import LinkKind
from doxa_core.measurement import LinkProof

FREE = Link(name="x", kind=LinkKind.FIXED)


def test_loopback_needs_no_gateway() -> None:
    assert prove("127.0.0.1", FREE, "127.0.0.1") == LinkProof(interface="lo", source="127.0.0.1")
    assert prove("::1", FREE, "::1") == LinkProof(interface="lo", source="::1")


@pytest.mark.root
def test_the_gateway_and_interface_are_proved_in_both_families(line: Line) -> None:
    link = Link(name="x", kind=LinkKind.FIXED, interface=line.interface)
    with inside(line.client):
        four = prove(line.there4, link, line.here4)
        six = prove(line.there6, link, line.here6)
        near = prove(line.gateway4, link, line.here4)
    assert four == LinkProof(interface=line.interface, source=line.here4, gateway=line.gateway4)
    assert six == LinkProof(interface=line.interface, source=line.here6, gateway=line.gateway6)
    assert near.gateway is None


@pytest.mark.root
def test_the_binding_decides_between_two_lines(line: Line) -> None:
    ip("-n", line.client, "link", "add", "other0", "type", "veth", "peer", "name", "other1")
    ip("-n", line.client, "link", "set", "other1", "up")
    ip("-n", line.client, "addr", "add", "10.99.7.1/24", "dev", "other0")
    ip("-n", line.client, "link", "set", "other0", "up")
    ip("-n", line.client, "route", "add", "default", "via", "10.99.7.2", "metric", "900")
    other = Link(name="y", kind=LinkKind.MOBILE, interface="other0")
    with inside(line.client):
        bound = prove(line.there4, other, "10.99.7.1")
        loose = prove(line.there4, other, "10.99.7.1", held=False)
    assert bound == LinkProof(interface="other0", source="10.99.7.1", gateway="10.99.7.2")
    assert loose.interface == line.interface, "a socket that no device holds follows the routing table"


@pytest.mark.root
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("how", ["removed", "unreachable"])
def test_a_missing_route_is_a_reason(line: Line, family: int, how: str) -> None:
    ip("-n", line.client, f"-{family}", "route", "del", "default")
    if how == "unreachable":
        ip("-n", line.client, f"-{family}", "route", "add", "unreachable", "default")
    with inside(line.client), pytest.raises(LinkUnusable) as found:
        prove(line.there4 if family == 4 else line.there6, FREE, line.here4 if family == 4 else line.here6)
    assert found.value.reason == "no_route"


def test_an_interface_that_left_meanwhile_is_a_reason() -> None:
    with pytest.raises(LinkUnusable) as found:
        prove("127.0.0.1", Link(name="x", kind=LinkKind.FIXED, interface="gone0"), "127.0.0.1")
    assert found.value.reason in ("interface_absent", "no_route")


@pytest.mark.parametrize(("kind", "error"), [(1, -101), (7, 0), (6, 0)])
def test_an_answer_that_refuses_is_no_route(monkeypatch: pytest.MonkeyPatch, kind: int, error: int) -> None:
    """Older kernels answer an unreachable IPv6 destination with a route of that type, or with an error inside it."""
    cached = struct.pack("=IIIiIII", 0, 0, 0, error, 0, 0, 0)
    answer = struct.pack("=BBBBBBBBI", 10, 128, 0, 0, 0, 0, 0, kind, 0)
    answer += netlink.attribute(4, struct.pack("=I", 1)) + netlink.attribute(12, cached)
    monkeypatch.setattr(netlink, "ask", lambda _kind, _body: [answer])
    with pytest.raises(LinkUnusable) as found:
        prove("2001:db8::1", FREE, "::1")
    assert found.value.reason == "no_route"


@given(st.dictionaries(st.integers(1, 60), st.binary(max_size=40), max_size=8))
def test_attributes_survive_packing(found: dict[int, bytes]) -> None:
    packed = b"".join(netlink.attribute(kind, value) for kind, value in found.items())
    assert netlink.attributes(packed) == found


@given(st.binary(max_size=200))
def test_rubbish_in_attributes_never_raises(packed: bytes) -> None:
    assert isinstance(netlink.attributes(packed), dict)
