"""The byte audit: interface counters against what our octets and their headers explain."""

import socket

import pytest

from doxa_agent.net import audit
from doxa_agent.net.audit import Balance, Moved
from doxa_core.layers import HeaderModel

MODEL = HeaderModel(family=4)  # TCP with timestamps: 52 octets of IP and TCP, 14 of Ethernet
SEGMENTS = 100e6 / 1448


def moved(octets: float, packets: float = SEGMENTS) -> Moved:
    return Moved(rx_packets=round(packets), rx_octets=round(octets), tx_packets=1, tx_octets=70, seconds=8.0)


def books(octets: float, packets: float = SEGMENTS) -> Balance:
    found = audit.balance(moved(octets, packets), sending=False, payload=100e6, packets=SEGMENTS, model=MODEL)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("octets", "fails"),
    [(100e6, False), (104.56e6, False), (95e6, False), (112e6, True), (90e6, True), (100.9e6, False)],
)
def test_the_audit_allows_what_headers_explain_and_no_more(octets: float, *, fails: bool) -> None:
    found = books(octets)
    assert found.framed_bytes == pytest.approx(100e6 * 1514 / 1448, abs=1)
    assert found.fails is fails


def test_an_interface_that_joins_segments_leaves_no_room_for_others_to_hide() -> None:
    joined = books(102e6, SEGMENTS / 40)
    assert joined.other_bytes == pytest.approx(102e6 - 100e6 - SEGMENTS / 40 * 66, abs=70)
    assert books(100e6 * 1514 / 1448).other_bytes <= 1, "with one header a segment nothing is left over"


def test_tags_and_pppoe_of_the_line_are_not_on_the_probes_interface() -> None:
    model = HeaderModel(family=4, vlan_tags=1, pppoe=True)
    found = audit.balance(moved(0), sending=False, payload=1448e3, packets=1e3, model=model)
    assert found is not None
    assert found.framed_bytes == 1448e3 + 1e3 * 66


def test_no_interface_no_audit() -> None:
    assert audit.begin(None).end() is None
    assert audit.begin("no-such-port").end() is None
    assert audit.balance(None, sending=True, payload=1e6, packets=700, model=MODEL) is None


def test_the_kernel_counts_what_passes_through_an_interface() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        other.bind(("127.0.0.1", 0))
        watched = audit.begin("lo")
        for _ in range(200):
            one.sendto(bytes(1000), other.getsockname())
        found = watched.end()
    assert found is not None
    assert found.octets(sending=True) >= 200 * 1028
    assert found.packets(sending=False) >= 200
    assert found.seconds >= 0


def test_the_books_are_found_again_in_a_readings_detail() -> None:
    found = books(112e6)
    detail = {
        "download": {"audit": found.detail, "mss": 1448},
        "audit": "of another kind",
        "upload": {"audit": {"a": 1}},
    }
    assert list(audit.balances_in(detail)) == [found]
