"""Layers: the table of domain.md §6, and what every model must keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_core.layers import TCP_HEADER, UDP_HEADER, HeaderModel, Layer, best_share, mbps

MODELS = st.builds(
    HeaderModel,
    family=st.sampled_from([4, 6]),
    transport=st.sampled_from([8, 20, 32]),
    vlan_tags=st.integers(0, 2),
    pppoe=st.booleans(),
)


@pytest.mark.parametrize(
    ("model", "layer", "percent"),
    [
        (HeaderModel(), Layer.WIRE, 94.15),
        (HeaderModel(transport=TCP_HEADER), Layer.WIRE, 94.93),
        (HeaderModel(family=6), Layer.WIRE, 92.85),
        (HeaderModel(transport=UDP_HEADER), Layer.WIRE, 95.71),
        (HeaderModel(family=6, transport=UDP_HEADER), Layer.WIRE, 94.41),
        (HeaderModel(vlan_tags=1), Layer.WIRE, 93.90),
        (HeaderModel(vlan_tags=1, family=6), Layer.WIRE, 92.61),
        (HeaderModel(vlan_tags=1, transport=TCP_HEADER), Layer.WIRE, 94.68),
        (HeaderModel(), Layer.FRAME, 95.39),
        (HeaderModel(family=6), Layer.FRAME, 94.07),
        (HeaderModel(transport=UDP_HEADER), Layer.FRAME, 96.97),
        (HeaderModel(), Layer.PAYLOAD, 100.0),
    ],
)
def test_the_best_share_of_a_line_is_that_of_the_table(model: HeaderModel, layer: Layer, percent: float) -> None:
    assert round(best_share(model, layer) * 100, 2) == percent


@given(MODELS, st.floats(0, 1e12), st.integers(0, 10**9))
def test_each_layer_counts_at_least_what_the_layer_above_counts(
    model: HeaderModel, payload: float, packets: int
) -> None:
    counted = [model.octets(payload, packets, layer) for layer in (Layer.PAYLOAD, Layer.IP, Layer.FRAME, Layer.WIRE)]
    assert counted == sorted(counted)


def test_a_small_packet_fills_a_minimum_frame() -> None:
    assert HeaderModel(transport=8).octets(1, 1, Layer.FRAME) == 64


def test_the_model_is_named_with_every_header_that_it_counts() -> None:
    assert HeaderModel(family=6, vlan_tags=1, pppoe=True).name == "ipv6+32/ethernet+vlan1+pppoe"


def test_a_megabit_is_a_million_bits() -> None:
    assert mbps(1_000_000, 1) == 8.0
