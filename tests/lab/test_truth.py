"""The truth of a shaped line at every layer, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_core.layers import Layer
from doxa_lab.net.line import Line
from doxa_lab.truth import UDP, Truth, carried_mbps, tbf_bps


def test_a_line_of_100_mbps_ip_needs_the_rate_of_the_measured_recipe() -> None:
    assert tbf_bps(100, Layer.IP) == pytest.approx(100_933_333, abs=8)


@pytest.mark.parametrize(
    ("layer", "family", "transport", "octets"),
    [
        (Layer.PAYLOAD, 4, 32, 1448),
        (Layer.PAYLOAD, 6, 32, 1428),
        (Layer.PAYLOAD, 4, UDP, 1472),
        (Layer.IP, 4, 32, 1500),
        (Layer.IP, 6, 32, 1500),
        (Layer.FRAME, 4, 32, 1518),
        (Layer.WIRE, 4, 32, 1538),
    ],
)
def test_each_layer_counts_its_own_octets_of_the_1514_that_tbf_counts(
    layer: Layer, family: int, transport: int, octets: int
) -> None:
    assert carried_mbps(1514e6, layer, family=family, transport=transport) == pytest.approx(octets)


@given(st.floats(1, 1000), st.sampled_from(list(Layer)), st.sampled_from([4, 6]))
def test_the_rate_for_a_wanted_figure_carries_that_figure(wanted: float, layer: Layer, family: int) -> None:
    rate = tbf_bps(wanted, layer, family=family)
    assert rate % 8 == 0  # the kernel keeps whole octets a second
    assert carried_mbps(rate, layer, family=family) == pytest.approx(wanted, abs=1e-5)


def test_a_truth_names_every_layer() -> None:
    truth = Truth.of(tbf_bps(94, Layer.IP))
    assert truth.at(Layer.IP) == pytest.approx(94)
    assert truth.at(Layer.PAYLOAD) == pytest.approx(94 * 1448 / 1500)
    assert truth.wire > truth.frame > truth.ip > truth.payload


def test_a_line_tells_its_truths_in_both_directions() -> None:
    line = Line.carrying(85.07, 40, rtt_ms=10, jitter_ms=4)
    assert line.down.payload == pytest.approx(85.07)
    assert line.up.payload == pytest.approx(40)
    assert line.middle_rtt_ms == 12


def test_bursts_grow_with_the_rate() -> None:
    assert "burst 32kb" in Line.carrying(100, 10).shaper(100_000_000)
    assert "burst 64kb" in Line.carrying(100, 10).shaper(300_000_000)
    assert "burst 128kb" in Line.carrying(100, 10).shaper(940_000_000)
