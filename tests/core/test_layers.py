"""Layers: the table of domain.md §6, and what every model must keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_core.layers import TCP_HEADER, UDP_HEADER, HeaderModel, Layer, best_share, convert, mbps, rates

MODELS = st.builds(
    HeaderModel,
    family=st.sampled_from([4, 6]),
    transport=st.sampled_from([8, 20, 32]),
    vlan_tags=st.integers(0, 2),
    pppoe=st.booleans(),
)
LAYERS = st.sampled_from(list(Layer))
SIZES = st.integers(100, 9000)
"""IP packets that fill a minimum frame under every model."""


@pytest.mark.parametrize(
    ("model", "layer", "percent"),
    [
        (HeaderModel(), Layer.WIRE, 94.15),
        (HeaderModel(transport=TCP_HEADER), Layer.WIRE, 94.93),
        (HeaderModel(family=6), Layer.WIRE, 92.85),
        (HeaderModel(transport=UDP_HEADER), Layer.WIRE, 95.71),
        (HeaderModel(family=6, transport=UDP_HEADER), Layer.WIRE, 94.41),
        (HeaderModel(transport=0), Layer.WIRE, 96.23),  # what an IP packet itself carries
        (HeaderModel(vlan_tags=1), Layer.WIRE, 93.90),
        (HeaderModel(vlan_tags=1, family=6), Layer.WIRE, 92.61),
        (HeaderModel(vlan_tags=1, transport=TCP_HEADER), Layer.WIRE, 94.68),
        (HeaderModel(vlan_tags=1, transport=UDP_HEADER), Layer.WIRE, 95.46),
        (HeaderModel(vlan_tags=1, family=6, transport=UDP_HEADER), Layer.WIRE, 94.16),
        (HeaderModel(), Layer.FRAME, 95.39),
        (HeaderModel(transport=TCP_HEADER), Layer.FRAME, 96.18),
        (HeaderModel(family=6), Layer.FRAME, 94.07),
        (HeaderModel(transport=UDP_HEADER), Layer.FRAME, 96.97),
        (HeaderModel(family=6, transport=UDP_HEADER), Layer.FRAME, 95.65),
        (HeaderModel(), Layer.PAYLOAD, 100.0),
    ],
)
def test_the_best_share_of_a_line_is_that_of_the_table(model: HeaderModel, layer: Layer, percent: float) -> None:
    assert round(best_share(model, layer) * 100, 2) == percent


@pytest.mark.parametrize(
    ("model", "layer", "percent"),
    [
        (HeaderModel(), Layer.WIRE, 97.53),
        (HeaderModel(vlan_tags=1), Layer.WIRE, 97.28),
        (HeaderModel(), Layer.FRAME, 98.81),
    ],
)
def test_ip_packets_take_the_share_of_the_table(model: HeaderModel, layer: Layer, percent: float) -> None:
    assert round(convert(model, 100, layer, Layer.IP), 2) == percent


def test_pppoe_takes_eight_octets_from_the_packet_and_leaves_the_frame_as_long() -> None:
    plain, dsl = HeaderModel(vlan_tags=1), HeaderModel(vlan_tags=1, pppoe=True)
    assert (plain.mtu, dsl.mtu) == (1500, 1492)
    assert dsl.octets(1492 - 52, 1, Layer.WIRE) == plain.octets(1500 - 52, 1, Layer.WIRE) == 1542
    assert best_share(dsl, Layer.WIRE) == pytest.approx(1440 / 1542)
    assert best_share(dsl, Layer.WIRE, 1500) == pytest.approx(1448 / 1550), "RFC 4638"


@given(MODELS, st.floats(0, 1e12), st.integers(0, 10**9))
def test_each_layer_counts_at_least_what_the_layer_above_counts(
    model: HeaderModel, payload: float, packets: int
) -> None:
    counted = [model.octets(payload, packets, layer) for layer in (Layer.PAYLOAD, Layer.IP, Layer.FRAME, Layer.WIRE)]
    assert counted == sorted(counted)


@given(MODELS, LAYERS, st.floats(0, 1e9), st.floats(0, 1e9), st.integers(0, 10**6))
def test_more_payload_or_packets_are_never_fewer_octets(
    model: HeaderModel, layer: Layer, one: float, other: float, packets: int
) -> None:
    low, high = sorted((one, other))
    assert model.octets(low, packets, layer) <= model.octets(high, packets, layer)
    assert model.octets(low, packets, layer) <= model.octets(low, packets + 1, layer)


@given(MODELS, LAYERS, SIZES, st.integers(1, 10**6))
def test_payload_is_found_again_from_the_octets_of_any_layer(
    model: HeaderModel, layer: Layer, size: int, packets: int
) -> None:
    payload = (size - model.ip_octets) * packets
    assert model.payload(model.octets(payload, packets, layer), packets, layer) == pytest.approx(payload, rel=1e-9)


@given(MODELS, LAYERS, LAYERS, SIZES, st.floats(0.001, 1e5))
def test_a_conversion_there_and_back_is_the_same_rate(
    model: HeaderModel, one: Layer, other: Layer, size: int, rate: float
) -> None:
    assert convert(model, convert(model, rate, one, other, size), other, one, size) == pytest.approx(rate)


@given(MODELS, LAYERS, st.integers(0, 2), st.booleans())
def test_more_headers_never_leave_a_larger_share(model: HeaderModel, layer: Layer, tags: int, pppoe: bool) -> None:
    more = HeaderModel(family=6, transport=32, vlan_tags=max(tags, model.vlan_tags), pppoe=pppoe or model.pppoe)
    assert best_share(more, layer, 1492) <= best_share(model, layer, 1492)


def test_a_small_packet_fills_a_minimum_frame() -> None:
    model = HeaderModel(transport=8)
    assert model.octets(1, 1, Layer.FRAME) == 64
    assert model.octets(10, 10, Layer.WIRE) == 840
    assert model.payload(64, 1, Layer.FRAME) == 18, "padding is payload to one who sees the frame only"


def test_headers_alone_carry_nothing() -> None:
    assert HeaderModel().payload(10, 1, Layer.IP) == 0
    with pytest.raises(ValueError, match=r"no room for payload in ipv6\+32/ethernet"):
        convert(HeaderModel(family=6), 1, Layer.IP, Layer.PAYLOAD, 72)


def test_one_count_is_a_rate_at_every_layer() -> None:
    found = rates(HeaderModel(vlan_tags=1), payload=1448e4, packets=1e4, seconds=1.0)
    assert {layer.value: round(rate, 3) for layer, rate in found.items()} == {
        "payload": 115.84, "ip": 120.0, "frame": 121.76, "wire": 123.36,
    }  # fmt: skip


def test_the_model_is_named_with_every_header_that_it_counts() -> None:
    assert HeaderModel(family=6, vlan_tags=1, pppoe=True).name == "ipv6+32/ethernet+vlan1+pppoe"


def test_a_megabit_is_a_million_bits() -> None:
    assert mbps(1_000_000, 1) == 8.0
