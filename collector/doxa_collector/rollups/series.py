"""Which series are rolled up for each meter, and what one measurement says for each of them.

A series is a quantity at a layer: `download@wire`. What has no layer keeps the name of its value, with one exception:
a share is counted in per cent (`loss_percent`), since that is what targets are written in.
"""

from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from doxa_core.layers import ETHERNET_FCS, ETHERNET_HEADER, MTU, PREAMBLE_AND_GAP, Layer

_FRAME: Final = ETHERNET_HEADER + ETHERNET_FCS
_WIRE: Final = _FRAME + PREAMBLE_AND_GAP
_FRAME_SHARE: Final = _FRAME / _WIRE
_WAYS: Final = ("download", "upload")
_PERCENT: Final = 100

_ROUND_TRIP: Final = (
    "rtt_p50_ms",
    "rtt_mean_ms",
    "rtt_p95_ms",
    "loss_percent",
    "jitter_rfc3550_ms",
    "jitter_mean_abs_ms",
)

SERIES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "speed": (
            *(f"{way}@{layer}" for way in _WAYS for layer in Layer),
            *(f"{way}_mean@{Layer.PAYLOAD}" for way in _WAYS),  # of the whole transfer, slow start included: QCVN 34
        ),
        "capacity": (
            *(f"{way}@{layer}" for way in _WAYS for layer in Layer),
            *(f"{way}_mean@{Layer.IP}" for way in _WAYS),
        ),
        "latency": _ROUND_TRIP,
        "stamp": _ROUND_TRIP,
    }
)
"""Meter → its series, in the order in which they are kept. A meter that is not here is not rolled up."""

LAYOUT: Final = sha256(f"2 {sorted(SERIES.items())}".encode()).hexdigest()[:16]
"""Names the series and how they are read; the 2 (with polls and pulses) is raised when `read_series`, `polls` or `pulses`
say something else. What was kept under another layout is counted anew from the evidence.
"""

_RATES: Final[Mapping[str, tuple[str, Layer]]] = {
    f"{way}{middle}_mbps": (way + kind, layer)
    for way in _WAYS
    for middle, kind, layer in (
        ("", "", Layer.PAYLOAD),
        ("_udp", "", Layer.PAYLOAD),
        ("_ip", "", Layer.IP),
        ("_wire", "", Layer.WIRE),
        ("_mean", "_mean", Layer.PAYLOAD),
        ("_mean_ip", "_mean", Layer.IP),
    )
}
"""Name of a value → its quantity, and the layer that it is counted at."""
_OTHERS: Final[Mapping[str, str]] = {
    "loss_ratio": "loss_percent",
    **{name: name for name in _ROUND_TRIP if name != "loss_percent"},
}


def series_of(value: str, layer: Layer | None) -> str:
    """The series that answers for a value at a layer; None takes the value's own layer, or none where it has none.

    `ValueError` for what is not rolled up: an unknown value, a layer for what has none, and a mean over the whole
    transfer at another layer than its own, which nobody measures.
    """
    if value in _RATES:
        quantity, own = _RATES[value]
        if layer is None or layer is own or not quantity.endswith("_mean"):
            return f"{quantity}@{own if layer is None else layer}"
    elif value in _OTHERS and layer is None:
        return _OTHERS[value]
    raise ValueError(f"{value} is not rolled up" + ("" if layer is None else f" at the layer {layer}"))


def read_series(meter: str, values: Mapping[str, float]) -> dict[str, float]:
    """What one measurement says for every series of its meter; a series that it does not measure is absent.

    The frame layer is not measured; it lies 18 of the 38 octets that Ethernet puts around a packet above IP (no VLAN
    tag). A wire figure that the probe did not give is computed from the IP figure with full packets of 1,500 octets.
    """
    found: dict[str, float] = {}
    if meter in ("speed", "capacity"):
        own = "_mbps" if meter == "speed" else "_udp_mbps"
        mean, at = ("_mean_mbps", Layer.PAYLOAD) if meter == "speed" else ("_mean_ip_mbps", Layer.IP)
        for way in _WAYS:
            ip, wire = values.get(f"{way}_ip_mbps"), values.get(f"{way}_wire_mbps")
            _put(found, f"{way}@payload", values.get(way + own))
            _put(found, f"{way}@ip", ip)
            _put(found, f"{way}@frame", _above_ip(ip, wire, _FRAME_SHARE))
            _put(found, f"{way}@wire", _above_ip(ip, wire, 1.0))
            _put(found, f"{way}_mean@{at.value}", values.get(way + mean))
    elif meter in SERIES:
        for name, series in _OTHERS.items():
            value = values.get(name)
            _put(found, series, value * _PERCENT if value is not None and name == "loss_ratio" else value)
    return found


def _put(found: dict[str, float], series: str, value: float | None) -> None:
    if value is not None:
        found[series] = value


def _above_ip(ip: float | None, wire: float | None, share: float) -> float | None:
    if share == 1 and wire is not None:
        return wire
    if ip is None:
        return None
    return ip + ((wire - ip) if wire is not None else ip * _WIRE / MTU) * share
