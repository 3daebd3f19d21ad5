"""From the course of a transfer to named values: steady and whole-transfer figures, each at its layer, and findings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from doxa_agent.meter import Link
from doxa_agent.net.delay import percentile
from doxa_agent.net.tcpinfo import TcpInfo
from doxa_agent.speed.bins import Bin, Steady, merged, total
from doxa_agent.speed.course import Course
from doxa_core.layers import TCP_HEADER, TCP_TIMESTAMPS, HeaderModel, Layer, mbps

CPU_FULL: Final = 0.9
DISAGREEMENT: Final = 0.01
LOSSY: Final = 0.0005
"""Share of segments that came out of order or were sent again, from which on TCP is called limited by loss."""
_LIMITED: Final = 0.5
_CHANGED: Final = 0.05
_SWING: Final = 0.05
_MOST_BINS: Final = 300


@dataclass(slots=True, kw_only=True)
class Account:
    """What one far end's test gathers on its way to a reading."""

    values: dict[str, float] = field(default_factory=dict)
    detail: dict[str, Any] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def find(self, code: str) -> None:
        """Note a finding once."""
        if code not in self.findings:
            self.findings.append(code)

    def fail(self, reason: str) -> None:
        """Note a reason once."""
        if reason not in self.reasons:
            self.reasons.append(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The series that the figures of one direction rest on."""

    bins: Sequence[Bin]
    whole: Bin
    steady: Steady | None
    share: float = 1.0
    """Payload as a share of what TCP carried: below 1 where TLS stands between."""
    by: str
    """Where and how it was counted: `receiver/segments`, `receiver/octets`, `sender/delivered` …"""


def header_model(family: int, infos: Sequence[TcpInfo], link: Link | None = None) -> HeaderModel:
    """The headers around each segment, from what the connections negotiated and what the link is said to add."""
    timestamps = any(info.timestamps for info in infos)
    transport = TCP_HEADER + (TCP_TIMESTAMPS if timestamps else 0)
    return HeaderModel(family=family, transport=transport) if link is None else link.header(family, transport)


def rates(direction: str, counted: Counted, model: HeaderModel, mss: int | None) -> dict[str, float]:
    """The values of one direction; what is not known is absent."""
    whole, found = counted.whole, {}
    if whole.seconds > 0 and whole.octets > 0:
        found = {
            f"{direction}_mean_mbps": mbps(whole.octets, whole.seconds),
            f"{direction}_bytes": float(round(whole.octets)),
            f"{direction}_duration_s": whole.seconds,
        }
    if counted.steady is not None:
        steady = counted.steady.mbps
        found[f"{direction}_mbps"] = steady
        if mss:
            of_tcp = steady / counted.share
            found[f"{direction}_ip_mbps"] = of_tcp * model.octets(mss, 1, Layer.IP) / mss
            found[f"{direction}_wire_mbps"] = of_tcp * model.octets(mss, 1, Layer.WIRE) / mss
    return found


def describe(course: Course, counted: Counted, model: HeaderModel, mss: int | None) -> dict[str, Any]:
    """The evidence: series, how it was counted, how it ended."""
    bin_s, series = merged(counted.bins, _MOST_BINS)
    found: dict[str, Any] = {
        "bin_s": bin_s,
        "mbps": series,
        "counted": counted.by,
        "ended": course.ended,
        "headers": model.name,
        "cpu_s": round(course.cpu_s, 4),
    }
    if mss:
        found["mss"] = mss
    if counted.steady is None and (span := _range(counted.bins)):
        found["range_mbps"] = span
    return found


def _range(bins: Sequence[Bin]) -> list[float]:
    """The lowest and highest half second after the first one: what TCP reached where it never stood still."""
    rest = bins[10:]
    halves = [total(rest[at : at + 10]) for at in range(0, len(rest) - 9, 10)]
    found = [half.octets * 8e-6 / half.seconds for half in halves if half.seconds > 0]
    return [round(min(found), 3), round(max(found), 3)] if found else []


def swings(bins: Sequence[Bin]) -> bool:
    """Whether the half seconds lie further apart than lumps on a line of constant rate would explain."""
    span = _range(bins)
    return bool(span) and span[1] - span[0] > _SWING * span[1]


def stream_summary(infos: Sequence[TcpInfo], *, sending: bool) -> list[dict[str, Any]]:
    """One line a stream; a field that the kernel does not have is absent."""
    return [_one_stream(info, sending=sending) for info in infos[:64]]


def _one_stream(info: TcpInfo, *, sending: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"min_rtt_ms": _ms(info.min_rtt_us)}
    if sending:
        found |= {
            "retransmits": info.total_retrans,
            "segments": info.data_segs_out,
            "rwnd_limited_ms": _ms(info.rwnd_limited_us),
            "sndbuf_limited_ms": _ms(info.sndbuf_limited_us),
        }
    else:
        found |= {"segments": info.data_segs_in, "out_of_order": info.rcv_ooopack}
    return {name: value for name, value in found.items() if value is not None}


def _ms(microseconds: int | None) -> float | None:
    return None if microseconds is None or microseconds >= 0xFFFFFFFF else round(microseconds / 1000, 3)


def min_rtt_ms(infos: Sequence[TcpInfo]) -> float | None:
    """The smallest round trip that TCP saw on any stream."""
    found = [ms for info in infos if (ms := _ms(info.min_rtt_us))]
    return min(found) if found else None


def loss_share(infos: Sequence[TcpInfo], *, sending: bool) -> float:
    """Segments sent again (at the sender) or out of order (at the receiver), as a share of all."""
    segments = sum((info.data_segs_out if sending else info.data_segs_in) or 0 for info in infos)
    bad = sum((info.total_retrans if sending else info.rcv_ooopack) or 0 for info in infos)
    return bad / segments if segments else 0.0


def sender_limits(infos: Sequence[TcpInfo]) -> list[str]:
    """Findings where a window, not the line, held the sender for most of its busy time."""
    busy = sum(info.busy_us or 0 for info in infos)
    waits = {
        "rwnd_limited": sum(info.rwnd_limited_us or 0 for info in infos),
        "sndbuf_limited": sum(info.sndbuf_limited_us or 0 for info in infos),
    }
    return [name for name, waited in waits.items() if busy and waited > _LIMITED * busy]


def sent_octets(infos: Sequence[TcpInfo]) -> float:
    """Octets of payload that left this end, what was sent again included: what its interface counted."""
    return float(sum((info.data_segs_out or 0) * (info.snd_mss or 0) for info in infos))


def disagree(one: float, other: float, margin: float = 0.0) -> bool:
    """Whether two rates differ by more than 1 % and the margin."""
    return abs(one - other) > (DISAGREEMENT + margin) * max(one, other)


def loaded_values(direction: str, rtts_ms: Sequence[float]) -> dict[str, float]:
    """The round trip while one direction is full, and how many fit in a minute (RPM-like)."""
    p95 = loaded(rtts_ms).get("p95_ms")
    if p95 is None or p95 <= 0:
        return {}
    return {f"{direction}_loaded_rtt_p95_ms": p95, f"{direction}_rpm": 60000 / p95}


def changed(bins: Sequence[Bin], steady: Steady) -> bool:
    """Whether the rate of a long run was not the same at its start and its end: a shaper with burst credit."""
    length = max(10, len(bins) // 5)
    first = max(0, len(bins) - _bins_in(bins, steady.seconds))
    early, late = total(bins[first : first + length]), total(bins[-length:])
    if early.seconds <= 0 or late.seconds <= 0:
        return False
    one, other = early.octets / early.seconds, late.octets / late.seconds
    return abs(one - other) > _CHANGED * max(one, other)


def _bins_in(bins: Sequence[Bin], seconds: float) -> int:
    found, left = 0, seconds
    while found < len(bins) and left > 1e-6:
        found += 1
        left -= bins[-found].seconds
    return found


def loaded(rtts_ms: Sequence[float]) -> dict[str, float]:
    """The round trip under load, from small requests beside the streams."""
    if len(rtts_ms) < 2:
        return {}
    return {"p95_ms": percentile(sorted(rtts_ms), 95), "mean_ms": sum(rtts_ms) / len(rtts_ms)}
