"""From what a flow gave to values, evidence and judgement: the capacity of RFC 9097 with its companions, by layer."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

from doxa_agent.net.delay import percentile
from doxa_agent.udpstp.fast import LATE
from doxa_agent.udpstp.flow import Flow, Sub
from doxa_agent.udpstp.options import Options
from doxa_agent.udpstp.rates import SendingRate, row_for, table
from doxa_core.layers import HeaderModel, Layer, mbps

ACHIEVED: Final = 0.98
"""A sender that reaches less of what it was asked was itself the limit (methods.md §3)."""
NOT_STABLE: Final = "not_stable"
"""The finding of a fast search that saw no rate long enough to end early: the value is the maximum over sub-intervals."""
CPU_FULL: Final = 0.9
DROPPED: Final = 1e-4
"""Share of datagrams that our own socket may lose before the run says more about us."""
FULL_LOSS: Final = 0.005
FULL_MS: Final = 20.0
"""Loss or delay variation that shows that a search filled the line."""
IMPOSSIBLE_MBPS: Final = 20_000.0
_MOST_SUBS: Final = 120


def ip_mbps(part: Sub, model: HeaderModel) -> float | None:
    """The IP-layer rate of an interval."""
    if part.seconds <= 0 or not part.datagrams:
        return None
    return mbps(model.octets(part.octets, part.datagrams, Layer.IP), part.seconds)


def capacity_mbps(flow: Flow, model: HeaderModel) -> float | None:
    """The IP-layer capacity: what the early stop found, else the maximum over the sub-intervals (RFC 9097 §5)."""
    if flow.estimate is not None:
        return flow.estimate.mbps
    return max((rate for sub in flow.subs if (rate := ip_mbps(sub, model)) is not None), default=None)


def values(flow: Flow, model: HeaderModel, options: Options) -> dict[str, float]:
    """The values of one direction; what is not known is absent."""
    row = row_of(options)
    whole, found = flow.whole, dict[str, float]()
    if not whole.datagrams:
        return found
    payload = whole.octets / whole.datagrams
    on_ip = model.octets(payload, 1, Layer.IP)
    if (capacity := capacity_mbps(flow, model)) is not None:
        found["ip_mbps"] = capacity
        found["udp_mbps"] = capacity * payload / on_ip
        found["wire_mbps"] = capacity * model.octets(payload, 1, Layer.WIRE) / on_ip
    if (mean := ip_mbps(whole, model)) is not None:
        found["mean_ip_mbps"] = mean
    distinct = whole.datagrams - whole.duplicates
    lost = max(0, whole.lost - flow.dropped)
    found["loss_ratio"] = _share(lost, distinct + lost)
    found["reordered_ratio"] = _share(whole.reordered, distinct)
    found["duplicate_ratio"] = _share(whole.duplicates, distinct)
    if whole.variation_max_ms is not None:
        found["delay_variation_max_ms"] = whole.variation_max_ms
    if flow.seconds > 0:
        found["sent_mbps"] = _sent_mbps(flow, model, row)
    found["bytes"] = float(whole.octets)
    found["duration_s"] = flow.seconds
    # A Status counts whole milliseconds: its 0 is "less than one", which is no number to publish.
    if len(flow.rtts_ms) >= 2 and (p95 := percentile(sorted(flow.rtts_ms), 95)) > 0:
        found["loaded_rtt_p95_ms"] = p95
        found["rpm"] = 60_000 / p95
    return {f"{flow.direction}_{name}": value for name, value in found.items()}


def _sent_mbps(flow: Flow, model: HeaderModel, row: SendingRate | None) -> float:
    """What was sent; lost datagrams of a download count as the mean of a fixed row, or of those that came."""
    datagrams, octets, seconds = flow.sent_datagrams, float(flow.sent_octets), flow.sent_seconds or flow.seconds
    if flow.direction == "download" and row is not None:
        if min(flow.paced) > 0:
            datagrams, seconds = flow.paced
        sizes = row.for_family(flow.family)
        octets = datagrams * sizes.payload_bps / 8 / sizes.datagrams_per_s
    return mbps(model.octets(octets, datagrams, Layer.IP), seconds)


def _share(part: int, whole: int) -> float:
    return min(1.0, part / whole) if whole > 0 else 0.0


def idle_rtt_ms(rtts_s: Sequence[float]) -> float | None:
    """The round trip of the requests before any load."""
    return median(rtts_s) * 1000 if rtts_s else None


def row_of(options: Options) -> SendingRate | None:
    """The row that a fixed rate means; None in a search."""
    if options.rate_mbps is None:
        return None
    rows = table(traditional=options.traditional, jumbo=True)
    return rows[row_for(options.rate_mbps, rows)]


def asked_mbps(options: Options) -> float | None:
    """The IP-layer rate of the row that a fixed rate means."""
    row = row_of(options)
    return None if row is None else row.ip_bps / 1e6


def limits(flow: Flow, found: Mapping[str, float], options: Options) -> tuple[str, ...]:
    """Why the probe or the far end, and not the line, may have set these values."""
    reasons = []
    asked, full = asked_mbps(options), filled(flow)
    proven = asked is None and flow.estimate is not None  # more was sent than came: whatever it cost, the line was full
    if flow.cpu_ratio > CPU_FULL and not proven:
        reasons.append("cpu_limited")
    if flow.dropped > DROPPED * max(1, flow.whole.datagrams):
        reasons.append("receive_buffer_drops")
    if flow.asked_octets and flow.sent_octets < ACHIEVED * flow.asked_octets and (asked is not None or not full):
        reasons.append("local_interface_limited" if flow.blocked else "sender_limited")
    sent = found.get(f"{flow.direction}_sent_mbps")
    if asked is not None and sent is not None and sent < ACHIEVED * asked and not _is_ours(reasons):
        reasons.append("far_end_sent_less" if flow.direction == "download" else "far_end_asked_less")
    if asked is None and full and _stalled(flow):
        reasons.append("machine_stalled")
    if asked is None and found and not full:
        reasons.append("far_end_rate_limit" if _at_the_end(flow, found, options) else "line_not_filled")
    return tuple(reasons)


def _stalled(flow: Flow) -> bool:
    """Whether the sub-interval that gave the capacity was one in which a machine stalled."""
    if flow.estimate is not None or not flow.subs:
        return False
    best = max(flow.subs, key=lambda sub: sub.octets / sub.seconds if sub.seconds > 0 else 0.0)
    return best.late_s > LATE * best.seconds


def _is_ours(reasons: Sequence[str]) -> bool:
    return "sender_limited" in reasons or "local_interface_limited" in reasons


def filled(flow: Flow) -> bool:
    """Whether a search came to the line's end: then loss or delay showed it."""
    if flow.estimate is not None:
        return True
    parts = (*flow.subs, flow.whole)
    return any(
        part.lost > FULL_LOSS * max(1, part.datagrams) or (part.variation_max_ms or 0) >= FULL_MS for part in parts
    )


def _at_the_end(flow: Flow, found: Mapping[str, float], options: Options) -> bool:
    """Whether the sending rate was the highest that the far end has, or grants."""
    sent = found.get(f"{flow.direction}_sent_mbps", 0.0)
    capacity = found.get(f"{flow.direction}_ip_mbps", sent)
    granted = options.bandwidth_mbps
    return flow.top_rate or bool(granted and capacity >= 0.95 * granted)


def impossible(flow: Flow, model: HeaderModel) -> bool:
    """Numbers that no line of ours can carry: the far end invents them."""
    if not flow.whole.datagrams or flow.seconds <= 0:
        return False
    octets = model.octets(flow.sent_octets, flow.sent_datagrams, Layer.IP)
    return mbps(octets, max(flow.seconds, 0.05)) > IMPOSSIBLE_MBPS


def evidence(flow: Flow, model: HeaderModel) -> dict[str, Any]:
    """The detail of one direction: how it ended, every sub-interval, what was found of ourselves."""
    found: dict[str, Any] = {
        "ended": flow.ended,
        "headers": model.name,
        "cpu_s": round(flow.cpu_s, 4),
        "sub_intervals": [_sub(sub, model) for sub in flow.subs[:_MOST_SUBS]],
        "sent_datagrams": flow.sent_datagrams,
        "received_datagrams": flow.whole.datagrams,
        "lost_datagrams": flow.whole.lost,
    }
    if len(flow.subs) > _MOST_SUBS:
        found["sub_intervals_in_all"] = len(flow.subs)
    if flow.estimate is not None:
        found["estimate"] = {
            "windows_mbps": [round(rate, 4) for rate in flow.estimate.windows_mbps],
            "seconds": round(flow.estimate.seconds, 4),
        }
    if flow.asked_octets:
        found["achieved_ratio"] = round(flow.sent_octets / flow.asked_octets, 5)
    if flow.gso is not None:
        found["gso"] = flow.gso
    if flow.late_s:
        found["late_ms"] = round(flow.late_s * 1000, 1)
    if flow.dropped:
        found["dropped_here"] = flow.dropped
    if flow.reason:
        found["broke"] = flow.reason
    return found


def _sub(sub: Sub, model: HeaderModel) -> dict[str, float]:
    found = {
        "s": sub.seconds,
        "ip_mbps": ip_mbps(sub, model),
        "datagrams": sub.datagrams,
        "lost": sub.lost,
        "reordered": sub.reordered,
        "duplicates": sub.duplicates,
        "variation_min_ms": sub.variation_min_ms,
        "variation_mean_ms": sub.variation_mean_ms,
        "variation_max_ms": sub.variation_max_ms,
        "rtt_min_ms": sub.rtt_min_ms,
        "rtt_max_ms": sub.rtt_max_ms,
        "late_ms": sub.late_s * 1000 if sub.late_s else None,
    }
    return {name: round(value, 4) for name, value in found.items() if value is not None}
