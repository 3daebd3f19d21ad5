"""What one measurement says for each series, and which series answers for a plan's value."""

from typing import Any

import pytest

from doxa_agent.meters import capacity, latency, speed, stamp
from doxa_collector.rollups.raw import Raw
from doxa_collector.rollups.series import SERIES, read_series, series_of
from doxa_core.layers import Layer


def test_a_value_and_a_layer_name_a_series() -> None:
    assert series_of("download_mbps", Layer.WIRE) == "download@wire"
    assert series_of("download_ip_mbps", None) == "download@ip"
    assert series_of("upload_mbps", None) == series_of("upload_ip_mbps", Layer.PAYLOAD) == "upload@payload"
    assert series_of("download_mean_mbps", None) == series_of("download_mean_mbps", Layer.PAYLOAD)
    assert series_of("download_mean_mbps", None) == "download_mean@payload"
    assert series_of("upload_mean_ip_mbps", None) == "upload_mean@ip"
    assert series_of("rtt_p50_ms", None) == "rtt_p50_ms"
    assert series_of("loss_ratio", None) == "loss_percent"


@pytest.mark.parametrize(
    ("value", "layer"),
    [
        ("download_mean_mbps", Layer.WIRE),
        ("rtt_p50_ms", Layer.IP),
        ("cpu_ratio", None),
        ("", None),
        ("loss_percent", None),
    ],
)
def test_what_is_not_rolled_up_is_said(value: str, layer: Layer | None) -> None:
    with pytest.raises(ValueError, match="is not rolled up"):
        series_of(value, layer)


def test_every_layer_of_a_speed_run() -> None:
    values = {"download_mbps": 90.0, "download_ip_mbps": 95.0, "download_wire_mbps": 99.0, "download_mean_mbps": 80.5}
    found = read_series("speed", values | {"cpu_ratio": 0.5})
    assert found == {
        "download@payload": 90.0,
        "download@ip": 95.0,
        "download@frame": 95.0 + 4.0 * 18 / 38,
        "download@wire": 99.0,
        "download_mean@payload": 80.5,
    }


def test_wire_and_frame_are_computed_where_the_probe_gave_only_ip() -> None:
    found = read_series("speed", {"upload_ip_mbps": 1500.0})
    assert found == {"upload@ip": 1500.0, "upload@frame": 1518.0, "upload@wire": 1538.0}
    assert read_series("speed", {"upload_wire_mbps": 100.0}) == {"upload@wire": 100.0}


def test_capacity_has_its_own_names_for_the_layers() -> None:
    values = {"download_ip_mbps": 100.0, "download_udp_mbps": 97.0, "download_mean_ip_mbps": 88.0, "download_mbps": 1.0}
    found = read_series("capacity", values)
    assert (found["download@payload"], found["download@ip"], found["download_mean@ip"]) == (97.0, 100.0, 88.0)
    assert "download_mean@payload" not in found


def test_a_share_is_counted_in_per_cent_and_no_data_stays_absent() -> None:
    assert read_series("latency", {"loss_ratio": 0.25, "rtt_p50_ms": 3.5}) == {"loss_percent": 25.0, "rtt_p50_ms": 3.5}
    assert read_series("latency", {"loss_ratio": 0.0}) == {"loss_percent": 0.0}
    assert read_series("dns", {"resolve_ms": 3.0}) == {}


@pytest.mark.parametrize("meter", [speed, capacity, latency, stamp], ids=["speed", "capacity", "latency", "stamp"])
def test_every_series_is_read_from_what_its_meter_publishes(meter: Any) -> None:
    kind = meter.__name__.rpartition(".")[2]
    assert set(read_series(kind, dict.fromkeys(meter.VALUES, 1.0))) == set(SERIES[kind])


def test_a_meter_that_is_not_rolled_up_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="the meter dns is not rolled up; these are: speed, capacity, latency, stamp"):
        list(Raw(None).read(["a"], "dns", None))  # type: ignore[arg-type]
