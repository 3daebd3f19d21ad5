"""The path to a far end: its hops, the last mile, what the largest packet is, and whether it is still the same path.

What the numbers mean: every probe of a run has the same ports (or the same ICMP identifier and checksum) and, over IPv6,
the same flow label, so a balancer sends them all one way (paris traceroute). Loss is the far end's alone: a router that
answers some probes only passes all of them on, and its silence says nothing about the line. Hop delays are from the
kernel's transmit stamp to its receive stamp; what a router takes to answer is in them, so the last mile is bounded by
whoever answers sooner from behind it. The path's MTU is found by packets of known size that the far end answers (RFC 4821,
RFC 8899); what routers claim about it is compared, never believed.

What they do not mean: the way back may be another one, and a delay to a hop is not that hop's fault.

Addresses of hops stand in `detail` only, because paths of the TSLCD network are not for everybody (docs/measuring.md).
"""

import ipaddress
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from doxa_agent.meter import FarEnd, Reading, Request
from doxa_agent.net.binding import Unreachable
from doxa_agent.net.delay import percentile
from doxa_agent.net.echosocket import NOT_PERMITTED, NotPermitted
from doxa_agent.net.mtu import Claim, PathMtu, path_mtu
from doxa_agent.net.names import resolve_all
from doxa_agent.net.proof import proof_if_any
from doxa_agent.path import tcpreach
from doxa_agent.path.change import Change, Memory
from doxa_agent.path.hops import MAX_ADDRESSES, Hop, bounded, hop_fields, limited, loss_after
from doxa_agent.path.lastmile import Network, first_outside, office_of
from doxa_agent.path.trace import AUTO, DISCOVER_S, ICMP, TRIES, UDP, Settings, Trace, trace
from doxa_agent.path.within import Within
from doxa_core.language import Text
from doxa_core.measurement import LinkProof
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

METHOD: Final = "path/1"
TITLE: Final = Text(vi="Đường đi, chặng cuối và MTU", en="Path, last mile and MTU")
HEAVY: Final = False

VALUES: Final[Mapping[str, Text]] = {
    "end_reached_flag": Text(vi="đầu xa có trả lời", en="the far end answered"),
    "hop_count": Text(vi="số chặng đến đầu xa, tính cả đầu xa", en="hops to the far end, itself included"),
    "last_hop_count": Text(
        vi="chặng xa nhất có trả lời, khi không tới được đầu xa",
        en="the farthest hop that answered, without the far end",
    ),
    "silent_hop_count": Text(vi="số chặng không trả lời", en="hops that never answered"),
    "limited_hop_count": Text(
        vi="số chặng trả lời thưa (giới hạn ICMP), không phải mất gói của đường truyền",
        en="hops that answer seldom (they limit ICMP): no loss of the line",
    ),
    "balanced_hop_count": Text(vi="số chặng có nhiều địa chỉ luân phiên", en="hops with several addresses in turn"),
    "sent_count": Text(vi="số gói thăm dò gửi đến đầu xa", en="probes sent to the far end"),
    "received_count": Text(vi="số gói đầu xa trả lời trong thời hạn", en="probes that the far end answered in time"),
    "loss_ratio": Text(vi="tỷ lệ mất gói đến đầu xa", en="share of probes that the far end did not answer"),
    "loss_after_hop_count": Text(
        vi="chặng cuối cùng chưa mất gói: việc mất gói bắt đầu sau chặng này (0: ngay từ chặng đầu)",
        en="the last hop without the loss: it begins behind this one (0: at the first hop)",
    ),
    "rtt_min_ms": Text(vi="trễ khứ hồi nhỏ nhất đến đầu xa", en="smallest round-trip delay to the far end"),
    "rtt_p50_ms": Text(vi="trung vị trễ khứ hồi đến đầu xa", en="median round-trip delay to the far end"),
    "rtt_p95_ms": Text(
        vi="bách phân vị 95 của trễ khứ hồi đến đầu xa", en="95th percentile of the round-trip delay to the far end"
    ),
    "last_mile_hop_count": Text(
        vi="chặng đầu tiên ngoài trụ sở là chặng thứ mấy", en="number of the first hop outside the office"
    ),
    "last_mile_rtt_min_ms": Text(
        vi="chặng cuối: trễ khứ hồi nhỏ nhất đến chặng đầu tiên ngoài trụ sở (cận trên)",
        en="last mile: smallest round-trip delay to the first hop outside the office (upper bound)",
    ),
    "last_mile_rtt_p50_ms": Text(
        vi="chặng cuối: trung vị trễ khứ hồi đến chặng đầu tiên ngoài trụ sở (cận trên)",
        en="last mile: median round-trip delay to the first hop outside the office (upper bound)",
    ),
    "path_mtu": Text(vi="gói IP lớn nhất đi qua được", en="the largest IP packet that passes"),
    "claimed_mtu": Text(
        vi="kích thước mà bộ định tuyến báo là đi qua được (ICMP)", en="the size that a router says would fit (ICMP)"
    ),
    "changed_flag": Text(vi="đường đi khác lần đo trước", en="another path than at the run before"),
    "changed_hop_count": Text(vi="chặng đầu tiên khác lần đo trước", en="the first hop that differs"),
}

RESOLVE_S: Final = 5.0
MTU_S: Final = 20.0
TCP_S: Final = 12.0
MAX_HOPS: Final = 60
MAX_DETAIL_BYTES: Final = 48 * 1024
"""Of a measurement's 64 KiB; the rest is for values, findings and what the runner adds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings of a run."""

    settings: Settings
    mtu: bool = True
    office: tuple[Network, ...] = ()
    """The office's own prefixes; empty lets private addresses and the probe's own network count as inside."""


def read_options(table: Table) -> Options:
    """`probe`, `rounds`, `interval_s`, `timeout_s`, `max_hops`, `mtu`, `office_prefixes`."""
    settings = Settings(
        probe=table.choice("probe", (AUTO, UDP, ICMP), AUTO),
        rounds=table.integer("rounds", 1, 100, 10),
        interval_s=table.number("interval_s", 0.1, 60.0, 1.0),
        timeout_s=table.number("timeout_s", 0.2, 5.0, 1.0),
        max_hops=table.integer("max_hops", 1, MAX_HOPS, 30),
    )
    return Options(settings=settings, mtu=table.flag("mtu", default=True), office=_prefixes(table))


def _prefixes(table: Table) -> tuple[Network, ...]:
    found: list[Network] = []
    for text in table.texts("office_prefixes", ()):
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError:
            raise table.refuse("office_prefixes", _NOT_PREFIX.fill(text=text), _A_PREFIX) from None
    return tuple(found)


_NOT_PREFIX: Final = Text(vi="«{text}» không phải dải địa chỉ", en="'{text}' is not a network prefix")
_A_PREFIX: Final = Text(
    vi='hãy ghi địa chỉ mạng với độ dài tiền tố, ví dụ "10.20.30.0/24" hoặc "2001:db8:7::/48"',
    en='write a network address with its prefix length, such as "10.20.30.0/24" or "2001:db8:7::/48"',
)


def seconds(options: Options, far_ends: int) -> float:
    """The worst case: names that resolve slowly (all at once); then, one far end after the other, two ways that are tried
    and discovered, all rounds, and the search for the MTU or the handshakes instead of it.
    """
    settings = options.settings
    tried_s = 2 * (TRIES * settings.timeout_s + DISCOVER_S + TRIES * settings.timeout_s)
    rounds_s = settings.rounds * settings.interval_s + settings.timeout_s
    return RESOLVE_S + max(1, far_ends) * (tried_s + rounds_s + max(MTU_S if options.mtu else 0.0, TCP_S) + 2.0)


PATHS: Final = Memory()
"""The paths that this process has seen, so that the next run can tell whether they changed."""


def measure(request: Request[Options]) -> list[Reading]:
    """One reading per far end, in their order; one far end after the other, so that no router is asked too often."""
    hosts = [far_end.host for far_end in request.far_ends]
    places = resolve_all(hosts, request.family, timeout_s=min(RESOLVE_S, request.deadline.left_s))
    return [_measure_one(request, far_end, place) for far_end, place in zip(request.far_ends, places, strict=True)]


def _measure_one(request: Request[Options], far_end: FarEnd, place: tuple[int, str] | str) -> Reading:
    if isinstance(place, str):
        return _without(far_end, request.family, place)
    family, address = place
    if request.deadline.over:
        return Reading(outcome=Outcome.SKIPPED, far_end=far_end.name, family=family, reasons=("cut_short",))
    try:
        found = trace(address, family, request.link, request.options.settings, request.deadline)
    except Unreachable as unreachable:
        return _without(far_end, family, unreachable.reason)
    except NotPermitted:
        return Reading(outcome=Outcome.SKIPPED, far_end=far_end.name, family=family, reasons=(NOT_PERMITTED,))
    return _Account(request, far_end, found, family, address).reading()


def _without(far_end: FarEnd, family: int | None, reason: str) -> Reading:
    return Reading(outcome=Outcome.FAILED, far_end=far_end.name, family=family, reasons=(reason,))


class _Account:
    """What a trace amounts to: the questions that follow it, and the reading."""

    def __init__(self, request: Request[Options], far_end: FarEnd, found: Trace, family: int, address: str) -> None:
        self._request, self._far_end, self._trace = request, far_end, found
        self._family, self._address = family, address
        self._proof: LinkProof | None = proof_if_any(address, family, request.link)
        self._tcp, self._distance = self._ask_tcp()
        self._mtu = self._ask_mtu()
        key = (request.link.name, far_end.name, family, address, found.way)
        self._change: Change = PATHS.compare(key, found.hops, found.distances)
        office = office_of(request.link.kind, request.options.office, self._proof)
        self._outside, self._sure = first_outside(found.hops, office)
        self._limited = limited(found.hops, found.end.loss)

    def reading(self) -> Reading:
        """The reading."""
        reached = self._trace.reached or self._tcp
        return Reading(
            outcome=Outcome.OK if reached else Outcome.SKIPPED if self._unasked or self._half_asked else Outcome.FAILED,
            far_end=self._far_end.name,
            family=self._family,
            proof=self._proof,
            reasons=() if reached else self._reasons(),
            findings=tuple(self._findings()),
            values={name: value for name, value in self._values().items() if value is not None},
            detail=self._detail(),
        )

    @property
    def _unasked(self) -> bool:
        """The run was cut off before the far end was asked once."""
        return self._trace.cut_short and not self._trace.end.sent and not self._trace.refusals

    @property
    def _half_asked(self) -> bool:
        """Nobody refused, and the far end may be one that answers pings only, which this process must not send."""
        found = self._trace
        return found.unpermitted and not (found.reached or self._tcp or found.looped or found.refusals)

    def _ask_tcp(self) -> tuple[bool, int | None]:
        """Whether a far end that answers no probe takes handshakes, and its distance by them."""
        options, link = self._request.options, self._request.link
        if self._trace.reached or self._trace.looped:
            return False, None
        deadline = Within(self._request.deadline, TCP_S)
        where = (self._address, self._family, self._far_end.port, link, deadline)
        wait_s = options.settings.timeout_s
        if not tcpreach.answers_tcp(*where, wait_s=wait_s):
            return False, None
        return True, tcpreach.distance(*where, wait_s=wait_s, most=options.settings.max_hops)

    def _ask_mtu(self) -> PathMtu | None:
        if not self._request.options.mtu or not (self._trace.reached or self._tcp) or self._request.deadline.over:
            return None
        deadline = Within(self._request.deadline, MTU_S)
        with suppress(Unreachable):
            return path_mtu(self._address, self._family, self._request.link, deadline, port=self._far_end.port)
        return None

    def _reasons(self) -> tuple[str, ...]:
        if self._unasked:
            return ("cut_short",)
        if self._half_asked:
            return (NOT_PERMITTED,)
        told = tuple(code for code, _ in self._trace.refusals.most_common(4))
        return ("routing_loop",) * self._trace.looped + (told or ("no_reply",))

    def _findings(self) -> Iterator[str]:
        if self._trace.unpermitted and not self._half_asked:
            yield NOT_PERMITTED
        if self._change.changed:
            yield "path_changed"
        if self._trace.moved:
            yield "path_length_varied"
        if self._trace.reached and self._trace.hop_count is None:
            yield "path_incomplete"
        if self._tcp:
            yield "answers_tcp_only"
        if self._outside is not None and not self._sure:
            yield "last_mile_uncertain"
        yield from self._mtu_findings()
        if self._trace.cut_short:
            yield "cut_short"
        if self._trace.stepped:
            yield "clock_stepped"

    def _mtu_findings(self) -> Iterator[str]:
        if self._mtu is None:
            return
        if self._mtu.mtu is None:
            yield "mtu_not_measured"
        elif not self._mtu.exact:
            yield "mtu_upper_bound"
        told = {
            Claim.MISSING: "mtu_black_hole",
            Claim.WRONG: "mtu_claim_wrong",
            Claim.UNSIZED: "mtu_claim_without_size",
        }
        if self._mtu.claim in told:
            yield told[self._mtu.claim]

    def _values(self) -> dict[str, float | None]:
        found, reached = self._trace, self._trace.reached or self._tcp
        farthest = max((hop.ttl for hop in found.hops if hop.hosts), default=0)
        mtu = self._mtu if self._mtu is not None and self._mtu.mtu is not None else None
        return {
            "end_reached_flag": None if self._unasked or self._half_asked else float(reached),
            "hop_count": found.hop_count or self._distance,
            "last_hop_count": None if reached else farthest,
            "silent_hop_count": sum(1 for hop in found.hops if hop.silent) if found.hops else None,
            "limited_hop_count": len(self._limited) if found.hops else None,
            "balanced_hop_count": sum(1 for hop in found.hops if len(hop.hosts) > 1) if found.hops else None,
            **self._end_values(),
            **self._last_mile_values(),
            "path_mtu": None if mtu is None else mtu.mtu,
            "claimed_mtu": None if mtu is None else mtu.claimed,
            "changed_flag": None if self._change.changed is None else float(self._change.changed),
            "changed_hop_count": self._change.first,
        }

    def _end_values(self) -> dict[str, float | None]:
        """The far end's loss and delays; a far end that only takes handshakes was not asked."""
        end = self._trace.end
        if not end.sent or self._tcp or self._half_asked:
            return {}
        ordered = sorted(end.delays)
        counts: dict[str, float | None] = {
            "sent_count": end.sent,
            "received_count": end.received,
            "loss_ratio": end.loss,
            "loss_after_hop_count": loss_after(self._trace.hops, end.sent, end.sent - end.received),
        }
        # What comes back to UDP are ICMP errors, which hosts hold back (RFC 4443 §2.4): their absence is no loss.
        return ({} if self._trace.unpermitted and self._trace.end_way == UDP else counts) | {
            "rtt_min_ms": _rounded(ordered[0] if ordered else None),
            "rtt_p50_ms": _rounded(percentile(ordered, 50) if ordered else None),
            "rtt_p95_ms": _rounded(percentile(ordered, 95) if ordered else None),
        }

    def _last_mile_values(self) -> dict[str, float | None]:
        if self._outside is None:
            return {}
        shortest, median = bounded([*self._trace.hops, *self._end_behind()], self._outside.ttl)
        return {
            "last_mile_hop_count": self._outside.ttl,
            "last_mile_rtt_min_ms": _rounded(shortest),
            "last_mile_rtt_p50_ms": _rounded(median),
        }

    def _end_behind(self) -> list[Hop]:
        """The far end as a last hop, where it was asked apart: it stands behind all others."""
        return [self._trace.end] if self._trace.end.received else []

    def _detail(self) -> dict[str, Any]:
        """The evidence; a path of many long hops keeps fewer addresses of each, the most frequent ones."""
        all_of_them = self._evidence(MAX_ADDRESSES)
        if len(json.dumps(all_of_them)) <= MAX_DETAIL_BYTES:
            return all_of_them
        return self._evidence(1)

    def _evidence(self, most: int) -> dict[str, Any]:
        found, settings = self._trace, self._request.options.settings
        detail: dict[str, Any] = {
            "way": found.way,
            "end_way": found.end_way,
            "address": self._address,
            "flow": found.flow,
            "rounds": settings.rounds,
            "interval_s": settings.interval_s,
            "timeout_s": settings.timeout_s,
            "hops": [self._hop_fields(hop, most) for hop in found.hops],
            "signature": self._change.signature,
            "counts": {name: count for name, count in found.counts.items() if count},
        }
        before = [{"ttl": hop["ttl"], "addresses": hop["addresses"][-most:]} for hop in self._change.before]
        rare: dict[str, Any] = {
            "hops_before": before,
            "refusals": dict(found.refusals.most_common(8)),
            "tcp": self._tcp,
            "mtu": None if self._mtu is None else _mtu_fields(self._mtu),
        }
        return detail | {name: value for name, value in rare.items() if value}

    def _hop_fields(self, hop: Hop, most: int) -> dict[str, Any]:
        outside = self._outside is not None and hop.ttl >= self._outside.ttl
        return hop_fields(hop, limits=hop.ttl in self._limited, outside=outside, most=most)


def _mtu_fields(found: PathMtu) -> dict[str, Any]:
    claims = {str(size): named for size, named in sorted(found.claims.items())[-16:]}
    fields: dict[str, Any] = {
        "way": found.way,
        "exact": found.exact,
        "beyond": found.beyond.value,
        "claim": found.claim.value,
        "claims": claims,
        "contradicted": found.contradicted,
        "marks": {str(size): fate.value for size, fate in found.marks.items()},
        "packets": found.packets,
    }
    return {name: value for name, value in fields.items() if value not in ({}, False) or name == "exact"}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
