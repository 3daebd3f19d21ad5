"""Round-trip delay, loss and delay variation by ICMP echo to many far ends at once (RFC 2681, RFC 6673, RFC 5481).

What the numbers mean: delays are from the kernel's transmit stamp to its receive stamp of the same machine, without the
waiting of this process; percentiles are by nearest rank (net/delay.py). A request that got no reply within `timeout_s` is
lost; one that the kernel could not send because the line was down counts as sent and lost too (`detail.unsent`). What
they do not mean: half a round trip is not a one-way delay, and a far end that answers ICMP slowly is not a slow line.

Where the system allows no ICMP socket the delay is that of TCP handshakes: finding `not_icmp`, `detail.way` says so.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from doxa_agent.meter import FarEnd, Link, Reading, Request
from doxa_agent.net import echo
from doxa_agent.net.binding import LinkUnusable, Unreachable, resolve
from doxa_agent.net.delay import Summary, summarise
from doxa_agent.net.handshake import HandshakeSocket
from doxa_agent.net.ping import Cadence, Run, Target, Track, ping
from doxa_agent.net.source import prove_from_here
from doxa_core.language import Text
from doxa_core.measurement import LinkProof
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

METHOD: Final = "latency/1"
TITLE: Final = Text(vi="Độ trễ, mất gói, biến thiên trễ", en="Latency, loss, delay variation")
HEAVY: Final = False

VALUES: Final[Mapping[str, Text]] = {
    "sent_count": Text(vi="số yêu cầu đã gửi", en="requests sent"),
    "received_count": Text(vi="số yêu cầu có trả lời trong thời hạn", en="requests answered in time"),
    "loss_ratio": Text(vi="tỷ lệ mất gói khứ hồi", en="share of requests without a reply in time"),
    "rtt_min_ms": Text(vi="trễ khứ hồi nhỏ nhất", en="smallest round-trip delay"),
    "rtt_mean_ms": Text(vi="trễ khứ hồi trung bình", en="mean round-trip delay"),
    "rtt_p50_ms": Text(vi="trung vị trễ khứ hồi", en="median round-trip delay"),
    "rtt_p95_ms": Text(vi="bách phân vị 95 của trễ khứ hồi", en="95th percentile of the round-trip delay"),
    "rtt_p99_ms": Text(vi="bách phân vị 99 của trễ khứ hồi", en="99th percentile of the round-trip delay"),
    "rtt_max_ms": Text(vi="trễ khứ hồi lớn nhất", en="largest round-trip delay"),
    "jitter_rfc3550_ms": Text(vi="biến thiên trễ theo RFC 3550", en="interarrival jitter of RFC 3550"),
    "pdv_p95_ms": Text(
        vi="biến thiên trễ RFC 5481: bách phân vị 95 trừ trị nhỏ nhất",
        en="delay variation of RFC 5481: 95th percentile minus smallest",
    ),
}

MAX_SAMPLES: Final = 2000
"""Raw delays kept in `detail`: about 16 KiB of a measurement's 64."""
MAX_COUNT: Final = 36_000
RESOLVE_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings of a run."""

    cadence: Cadence


def read_options(table: Table) -> Options:
    """`interval_s`, `count` or `duration_s`, `payload_bytes`, `timeout_s`."""
    interval_s = table.number("interval_s", 0.02, 60.0, 1.0)
    if "count" in table and "duration_s" in table:
        raise table.refuse("duration_s", _BOTH, _KEEP_ONE)
    duration_s = table.number("duration_s", 0.02, 86_400.0, None)
    count = table.integer("count", 1, MAX_COUNT, 10)
    if duration_s is not None:
        count = max(1, round(duration_s / interval_s))
        if count > MAX_COUNT:
            raise table.refuse("duration_s", _MANY.fill(count=count), _SHORTER.fill(most=MAX_COUNT))
    cadence = Cadence(
        interval_s=interval_s,
        count=count,
        payload=table.integer("payload_bytes", echo.MIN_PAYLOAD, echo.MAX_PAYLOAD, 56),
        timeout_s=table.number("timeout_s", 0.05, 30.0, 2.0),
    )
    return Options(cadence=cadence)


_BOTH: Final = Text(vi="đã có count", en="count is there too")
_KEEP_ONE: Final = Text(vi="hãy chỉ giữ một trong hai", en="keep one of the two")
_MANY: Final = Text(vi="thành {count} yêu cầu mỗi đầu xa", en="it makes {count} requests per far end")
_SHORTER: Final = Text(
    vi="tối đa {most}: hãy giảm duration_s hoặc tăng interval_s", en="at most {most}: shorten it or raise interval_s"
)


def seconds(options: Options, far_ends: int) -> float:
    """The worst case: names that resolve slowly (all at once), all requests, the last timeout, a margin for scheduling."""
    cadence = options.cadence
    return RESOLVE_S + cadence.interval_s * cadence.count + cadence.timeout_s + 2.0 + 0.01 * far_ends


def measure(request: Request[Options]) -> list[Reading]:
    """One reading per far end, in their order."""
    found = _resolve_all(request)
    targets = {place: target for place, target in enumerate(found) if isinstance(target, Target)}
    proofs = {place: _prove(target, request.link) for place, target in targets.items()}
    run = ping(list(targets.values()), request.link, request.options.cadence, request.deadline)
    tracks = dict(zip(targets, run.tracks, strict=True))
    return [
        _reading(far_end, request.options.cadence, run, tracks[place], proofs[place])
        if place in tracks
        else Reading(outcome=Outcome.FAILED, far_end=far_end.name, family=request.family, reasons=(str(found[place]),))
        for place, far_end in enumerate(request.far_ends)
    ]


def _resolve_all(request: Request[Options]) -> list[Target | str]:
    """The numeric target of each far end, or the reason why it has none; names are looked up all at once."""
    found: list[Target | str] = ["name_timeout"] * len(request.far_ends)

    def look_up(place: int, far_end: FarEnd) -> None:
        try:
            family, address = resolve(far_end.host, request.family, timeout_s=min(RESOLVE_S, request.deadline.left_s))
        except Unreachable as unreachable:
            found[place] = unreachable.reason
        else:
            found[place] = Target(family=family, address=address, port=far_end.port)

    threads = [threading.Thread(target=look_up, args=item, daemon=True) for item in enumerate(request.far_ends)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _prove(target: Target, link: Link) -> LinkProof | None:
    try:
        return prove_from_here(target.address, target.family, link)
    except LinkUnusable:  # the run itself says what is wrong with the line
        return None


def _reading(far_end: FarEnd, cadence: Cadence, run: Run, track: Track, proof: LinkProof | None) -> Reading:
    summary = summarise(track.delays_ms, undecided=track.undecided)
    outcome, reasons = _judge(track, summary, run)
    return Reading(
        outcome=outcome,
        far_end=far_end.name,
        family=track.target.family,
        proof=proof,
        reasons=reasons,
        findings=tuple(_findings(track, run)),
        values=values(summary),
        detail=_detail(track, cadence, run),
    )


def _judge(track: Track, summary: Summary, run: Run) -> tuple[Outcome, tuple[str, ...]]:
    if summary.received:
        return (Outcome.PROBE_LIMITED, ("receive_queue_overflow",)) if run.overflowed else (Outcome.OK, ())
    if not summary.sent and track.way is not None:
        return Outcome.SKIPPED, ("cut_short",)
    errors = tuple(code for code, _ in track.errors.most_common(4))
    return Outcome.FAILED, (errors or ("no_reply",)) + (("late_replies",) if track.late else ())


def _findings(track: Track, run: Run) -> Iterator[str]:
    if track.way == HandshakeSocket.way:
        yield "not_icmp"
    if track.stepped:
        yield "clock_stepped"
    if run.cut_short:
        yield "cut_short"
    if run.overflowed:
        yield "receive_queue_overflow"


def values(summary: Summary) -> dict[str, float]:
    """The declared values that `summary` has; what was not measured is absent."""
    found: dict[str, float | None] = {
        "rtt_min_ms": summary.minimum,
        "rtt_mean_ms": summary.mean,
        "rtt_p50_ms": summary.p50,
        "rtt_p95_ms": summary.p95,
        "rtt_p99_ms": summary.p99,
        "rtt_max_ms": summary.maximum,
        "jitter_rfc3550_ms": summary.jitter,
        "pdv_p95_ms": summary.pdv_p95,
    }
    counted: dict[str, float] = {}
    if summary.loss_ratio is not None:
        counted = {
            "sent_count": summary.sent,
            "received_count": summary.received,
            "loss_ratio": round(summary.loss_ratio, 9),
        }
    return counted | {name: round(value, 6) for name, value in found.items() if value is not None}


def _detail(track: Track, cadence: Cadence, run: Run) -> dict[str, Any]:
    every = -(-len(track.delays) // MAX_SAMPLES) or 1
    found: dict[str, Any] = {
        "way": track.way,
        "address": track.target.address,
        "interval_s": cadence.interval_s,
        "timeout_s": cadence.timeout_s,
        "payload_bytes": cadence.payload,
        "late": track.late,
        "duplicates": track.duplicates,
        "rtts_ms": [None if delay is None else round(delay, 3) for delay in track.delays_ms[::every]],
        "kernel_stamps": {"sent": track.departures, "received": track.received - track.by_process},
    }
    rare = {
        "rtts_every": every if every > 1 else 0,
        "unsent": track.unsent,
        "undecided": track.undecided,
        "foreign": track.foreign,
        "stepped": track.stepped,
        "overflowed": run.overflowed,
        "errors": dict(track.errors.most_common(8)),
    }
    return {name: value for name, value in found.items() if value is not None} | {k: v for k, v in rare.items() if v}
