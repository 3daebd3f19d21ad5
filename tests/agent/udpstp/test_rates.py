"""The sending-rate table: row r is r Mbit/s of IP packets, in both families and with both packet sizes."""

import itertools

import pytest

from doxa_agent.udpstp.pdu import PduError
from doxa_agent.udpstp.rates import SendingRate, row_for, table

BOTH = [table(), table(traditional=True)]


@pytest.mark.parametrize("rows", BOTH)
@pytest.mark.parametrize("family", [4, 6])
def test_a_row_up_to_one_gigabit_is_its_number_in_mbit_s(rows: tuple[SendingRate, ...], family: int) -> None:
    found = [row.for_family(family).ip_bps for row in rows[1:1001]]
    assert found == pytest.approx([number * 1e6 for number in range(1, 1001)], rel=1e-12)


def test_the_first_row_is_a_datagram_of_random_size_now_and_then() -> None:
    row = table()[0]
    assert (row.interval2_us, row.addon2, row.random_addon) == (50_000, 1222, True)
    assert row.ip_bps == pytest.approx(20 * 8 * ((52 + 1222) / 2 + 28))


def test_rows_are_made_of_hundreds_tens_and_an_add_on() -> None:
    assert table()[345] == SendingRate(
        interval1_us=100, payload1=1222, burst1=3, interval2_us=1000, payload2=1222, burst2=4, addon2=5 * 125 - 28
    )
    assert table()[200] == SendingRate(interval1_us=100, payload1=1222, burst1=2)
    assert table()[7] == SendingRate(interval2_us=1000, addon2=7 * 125 - 28)


def test_with_traditional_packets_the_steps_are_of_120_and_12() -> None:
    assert table(traditional=True)[345] == SendingRate(
        interval1_us=100, payload1=1472, burst1=2, interval2_us=1000, payload2=1472, burst2=8, addon2=9 * 125 - 28
    )


@pytest.mark.parametrize("traditional", [False, True])
def test_jumbo_packets_come_only_above_one_gigabit(*, traditional: bool) -> None:
    plain, jumbo = table(traditional=traditional), table(traditional=traditional, jumbo=True)
    assert plain[:1001] == jumbo[:1001]
    assert max(row.payload1 for row in plain) == (1472 if traditional else 1222)
    assert (jumbo[1001].payload1, jumbo[1062].payload1, jumbo[1063].burst1) == (1347, 8972, 11)


@pytest.mark.parametrize("traditional", [False, True])
@pytest.mark.parametrize("jumbo", [False, True])
def test_the_table_has_1153_rows_that_never_fall(*, traditional: bool, jumbo: bool) -> None:
    rows = table(traditional=traditional, jumbo=jumbo)
    rates = [row.ip_bps for row in rows]
    assert len(rows) == 1153
    assert all(a <= b + 1e-6 for a, b in itertools.pairwise(rates))
    assert all(SendingRate.decode(row.encode()) == row for row in rows)


def test_over_ipv6_each_payload_is_20_bytes_shorter_and_the_wire_does_not_know_it() -> None:
    six = table()[345].for_family(6)
    assert (six.payload1, six.payload2, six.addon2) == (1202, 1202, 577)
    assert six.for_family(6) == six
    with pytest.raises(PduError):
        six.encode()


@pytest.mark.parametrize(
    ("mbps", "row"), [(0, 0), (0.5, 0), (1, 1), (99.9, 99), (100, 100), (1000, 1000), (1099, 1000)]
)
def test_the_row_for_a_bandwidth_never_exceeds_it(mbps: float, row: int) -> None:
    assert row_for(mbps, table()) == row


@pytest.mark.parametrize(
    "row",
    [
        SendingRate(interval1_us=99, payload1=1222, burst1=1),
        SendingRate(interval1_us=100, payload1=1222, burst1=101),
        SendingRate(interval1_us=100, payload1=8973, burst1=1),
        SendingRate(interval1_us=100, payload1=51, burst1=1),
        SendingRate(interval1_us=100, burst1=1),
        SendingRate(interval2_us=1_000_001, addon2=60),
        SendingRate(interval2_us=1000, addon2=20),
    ],
)
def test_a_row_that_no_sender_should_follow_is_refused(row: SendingRate) -> None:
    with pytest.raises(PduError, match="range"):
        SendingRate.decode(row.encode())
