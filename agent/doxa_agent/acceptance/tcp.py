"""The figures of RFC 6349 from a speed reading: transfer time ratio, TCP efficiency, buffer delay, window against BDP.

They describe; the contract's rate is judged by the steps, because TCP on its own never proves a line to be slow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from doxa_agent.acceptance.contract import FULL_PACKET, TCP, Contract
from doxa_agent.meter import Reading
from doxa_core.layers import HeaderModel, Layer, mbps
from doxa_core.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpFigures:
    """One direction; what was not measured is None."""

    direction: str
    seconds: float | None = None
    """Actual TCP transfer time."""
    octets: float | None = None
    """TCP payload that was transferred."""
    mean_mbps: float | None = None
    """TCP payload over the whole transfer, slow start included."""
    ideal_mbps: float
    """What TCP can carry at the contracted rate in full packets (RFC 6349 §4.1.1)."""
    transfer_time_ratio: float | None = None
    """Actual over ideal transfer time (§4.1): 1 is ideal, below 1 the line is faster than its contract."""
    efficiency_ratio: float | None = None
    """Octets that were not sent again over all octets sent (§4.2); only the sender knows it."""
    buffer_delay_ratio: float | None = None
    """Mean round trip under load above the idle one, over the idle one (§4.3)."""
    base_rtt_ms: float | None = None
    """The idle round trip by the same small HTTP requests as under load: another method would not compare."""
    loaded_rtt_mean_ms: float | None = None
    loaded_rtt_p95_ms: float | None = None
    streams: float | None = None
    bdp_bytes: float | None = None
    """Bandwidth-delay product: contracted bits/s × idle round trip / 8 (§3.3.1): what all windows together must hold."""

    def as_fields(self) -> dict[str, Any]:
        """For the result; what is not known is absent."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: round(value, 6) if isinstance(value, float) else value
            for name, value in found.items()
            if value is not None
        }


def ideal_mbps(contract: Contract, direction: str, family: int) -> float:
    """The TCP payload rate of a line that carries exactly its contract, in full packets (1500 octets, timestamps)."""
    if contract.layer is Layer.PAYLOAD:
        return contract.mbps(direction)
    model = HeaderModel(family=family, transport=TCP)
    payload = FULL_PACKET - model.octets(0, 1, Layer.IP)
    return contract.mbps(direction) * payload / model.octets(payload, 1, contract.layer)


def tcp_figures(reading: Reading, direction: str, contract: Contract, family: int) -> TcpFigures | None:
    """The figures of one direction; None where the reading has no transfer."""
    values = reading.values
    octets, seconds = values.get(f"{direction}_bytes"), values.get(f"{direction}_duration_s")
    if reading.outcome not in (Outcome.OK, Outcome.PROBE_LIMITED) or not octets or not seconds:
        return None
    ideal = ideal_mbps(contract, direction, family)
    streams = values.get("streams_count")
    mean_rtt, base = _loaded_mean_ms(reading, direction), values.get("http_ping_median_ms")
    return TcpFigures(
        direction=direction,
        seconds=seconds,
        octets=octets,
        mean_mbps=mbps(octets, seconds),
        ideal_mbps=ideal,
        transfer_time_ratio=transfer_time_ratio(octets, seconds, ideal),
        efficiency_ratio=_efficiency(reading) if direction == "upload" else None,
        buffer_delay_ratio=None if mean_rtt is None else buffer_delay_ratio(mean_rtt, base),
        base_rtt_ms=base,
        loaded_rtt_mean_ms=mean_rtt,
        loaded_rtt_p95_ms=values.get(f"{direction}_loaded_rtt_p95_ms", values.get("loaded_rtt_p95_ms")),
        streams=streams,
        bdp_bytes=None if base is None else bdp_bytes(contract.mbps(direction), base),
    )


def transfer_time_ratio(octets: float, seconds: float, ideal: float) -> float:
    """Actual over ideal transfer time of the same octets (RFC 6349 §4.1)."""
    return seconds / (octets * 8e-6 / ideal)


def efficiency_ratio(sent: float, again: float) -> float | None:
    """(sent − sent again) / sent (RFC 6349 §4.2), `sent` with what was sent again; None where nothing was sent."""
    return None if sent <= 0 else max(0.0, (sent - again) / sent)


def buffer_delay_ratio(loaded_mean_ms: float, base_ms: float | None) -> float | None:
    """(mean under load − idle) / idle (RFC 6349 §4.3); None without an idle one. Negative is possible, and kept."""
    return None if not base_ms or base_ms <= 0 else (loaded_mean_ms - base_ms) / base_ms


def bdp_bytes(rate_mbps: float, rtt_ms: float) -> float:
    """Bandwidth × delay in octets (RFC 6349 §3.3.1)."""
    return rate_mbps * 1e6 * rtt_ms / 1e3 / 8


def _efficiency(reading: Reading) -> float | None:
    """By segments, of which all but the last of a stream are full."""
    streams = _streams(reading, "upload")
    sent = sum(stream.get("segments", 0) for stream in streams)
    return efficiency_ratio(sent, sum(stream.get("retransmits", 0) for stream in streams))


def _streams(reading: Reading, direction: str) -> list[Mapping[str, Any]]:
    part = reading.detail.get(direction)
    found = part.get("streams") if isinstance(part, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list | tuple) else []


def _loaded_mean_ms(reading: Reading, direction: str) -> float | None:
    part = reading.detail.get(direction)
    loaded = part.get("loaded_rtt") if isinstance(part, Mapping) else None
    found = loaded.get("mean_ms") if isinstance(loaded, Mapping) else None
    return float(found) if isinstance(found, int | float) else None
