"""A socket leaves by the line that was asked for, or a code says why not."""

import socket
from collections.abc import Iterator

import pytest
from tests.agent.conftest import Line, inside, ip

from doxa_agent.meter import Link
from doxa_agent.net.binding import LinkUnusable, addresses, bind_socket, check_interface
from doxa_core.linkkind import LinkKind


def link(interface: str | None = None, source: str | None = None) -> Link:
    return Link(name="x", kind=LinkKind.FIXED, interface=interface, source=source)


@pytest.fixture
def tcp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        yield sock


def test_the_addresses_of_loopback_are_found() -> None:
    assert "127.0.0.1" in addresses("lo", 4)
    assert "::1" in addresses("lo", 6)


def test_an_interface_that_is_not_there_has_no_addresses() -> None:
    assert addresses("nosuch0", 4) == []


@pytest.mark.parametrize("name", ["nosuch0", "", "x" * 40])
def test_an_absent_interface_is_named(name: str) -> None:
    with pytest.raises(LinkUnusable) as found:
        check_interface(name)
    assert found.value.reason == "interface_absent"


def test_a_link_without_interface_and_source_follows_the_routing_table(tcp: socket.socket) -> None:
    assert bind_socket(tcp, link(), 4) is False
    assert tcp.getsockname()[0] == "0.0.0.0"


def test_a_source_address_is_bound(tcp: socket.socket) -> None:
    assert bind_socket(tcp, link(source="127.0.0.2"), 4) is False
    assert tcp.getsockname()[0] == "127.0.0.2"


def test_a_source_that_is_not_ours_is_refused(tcp: socket.socket) -> None:
    with pytest.raises(LinkUnusable) as found:
        bind_socket(tcp, link(source="192.0.2.77"), 4)
    assert found.value.reason == "no_address"


def test_a_source_of_the_other_family_is_no_address_for_this_one(tcp: socket.socket) -> None:
    with pytest.raises(LinkUnusable) as found:
        bind_socket(tcp, link(source="::1"), 4)
    assert found.value.reason == "no_address"


def test_the_device_holds_the_socket(tcp: socket.socket) -> None:
    assert bind_socket(tcp, link("lo"), 4) is True
    assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"lo"


def test_without_permission_the_source_address_leads_the_way(
    tcp: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doxa_agent.net.binding._hold", lambda _sock, _interface: False)
    assert bind_socket(tcp, link("lo"), 4) is False
    assert tcp.getsockname()[0] == "127.0.0.1"


@pytest.mark.root
def test_an_interface_that_is_down_is_named(line: Line) -> None:
    ip("-n", line.client, "link", "set", line.interface, "down")
    with inside(line.client), pytest.raises(LinkUnusable) as found:
        check_interface(line.interface)
    assert found.value.reason == "interface_down"


@pytest.mark.root
def test_an_interface_whose_other_end_is_down_has_no_carrier(line: Line) -> None:
    ip("-n", line.router, "link", "set", "down0", "down")
    with inside(line.client), pytest.raises(LinkUnusable) as found:
        check_interface(line.interface)
    assert found.value.reason == "no_carrier"


@pytest.mark.root
def test_an_interface_without_an_address_of_the_family_is_named(line: Line) -> None:
    ip("-n", line.client, "-6", "addr", "flush", "dev", line.interface, "scope", "global")
    with inside(line.client), socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
        assert addresses(line.interface, 4) == [line.here4]
        with pytest.raises(LinkUnusable) as found:
            bind_socket(sock, link(line.interface), 6)
    assert found.value.reason == "no_address"
