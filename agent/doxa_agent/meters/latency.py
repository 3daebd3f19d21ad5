"""Round-trip delay, loss and delay variation by ICMP echo to many far ends at once (RFC 2681, RFC 6673, RFC 5481).

What the numbers mean: delays are from the kernel's transmit stamp to its receive stamp of the same machine, without the
waiting of this process; percentiles are by nearest rank (net/delay.py). A request that got no reply within `timeout_s` is
lost; one that the kernel could not send because the line was down counts as sent and lost too (`detail.unsent`). What
they do not mean: half a round trip is not a one-way delay, and a far end that answers ICMP slowly is not a slow line.

Requests that leave while a heavy test of this agent loads the line say nothing about the idle line: they are told apart
as `loaded_…` (`heavy = "mark"`), or not sent (`heavy = "pause"`).

`count` requests take what they take. With `duration_s` the run keeps to its time, so that runs may follow each other
without a gap (`every_s = duration_s`): a request that is still open at the end of one is booked by the next.

Where the system allows no ICMP socket the delay is that of TCP handshakes: finding `not_icmp`, `detail.way` says so. A far
end that never answered one is then not measured at all (`icmp_not_permitted`): a filtered port would look like total loss.
"""

import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from doxa_agent.meter import FarEnd, Reading, Request
from doxa_agent.net import echo, heavy
from doxa_agent.net.cadence import PERIODIC, RANDOM
from doxa_agent.net.delay import Summary, summarise_stretches
from doxa_agent.net.echosocket import NOT_PERMITTED
from doxa_agent.net.handshake import HandshakeSocket, inconclusive
from doxa_agent.net.names import resolve_all
from doxa_agent.net.ping import LEAD_S, SETTLE_S, Cadence, Open, Run, Target, Track, ping
from doxa_agent.net.proof import proof_if_any
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
    "jitter_mean_abs_ms": Text(
        vi="trung bình |chênh lệch| giữa hai trễ khứ hồi liền nhau",
        en="mean |difference| of successive round-trip delays",
    ),
    "rtt_variance_ms2": Text(
        vi="phương sai (n − 1) của trễ khứ hồi: «jitter» theo cách tính của i-Speed",
        en="variance (n − 1) of the round-trip delay: what i-Speed calls jitter",
    ),
    "pdv_p50_ms": Text(
        vi="biến thiên trễ RFC 5481: trung vị trừ trị nhỏ nhất",
        en="delay variation of RFC 5481: median minus smallest",
    ),
    "pdv_p95_ms": Text(
        vi="biến thiên trễ RFC 5481: bách phân vị 95 trừ trị nhỏ nhất",
        en="delay variation of RFC 5481: 95th percentile minus smallest",
    ),
    "pdv_p99_ms": Text(
        vi="biến thiên trễ RFC 5481: bách phân vị 99 trừ trị nhỏ nhất",
        en="delay variation of RFC 5481: 99th percentile minus smallest",
    ),
    "loss_burst_count": Text(vi="số đợt mất gói liên tiếp", en="bursts of loss: successive lost requests"),
    "loss_burst_max_count": Text(vi="số yêu cầu trong đợt mất dài nhất", en="requests in the longest burst of loss"),
    "loss_burst_mean_s": Text(
        vi="độ dài trung bình của một đợt mất: số yêu cầu × khoảng cách gửi",
        en="mean length of a burst of loss: its requests × the interval",
    ),
    "loss_gap_mean_s": Text(
        vi="độ dài trung bình giữa các đợt mất: số yêu cầu có trả lời × khoảng cách gửi",
        en="mean length of a gap between bursts: its answered requests × the interval",
    ),
    "duplicate_count": Text(vi="số trả lời lặp lại", en="further replies to a request that had one"),
    "reordered_count": Text(
        vi="số trả lời đến sau trả lời của yêu cầu gửi muộn hơn",
        en="replies that came after the reply to a later request",
    ),
    "loaded_sent_count": Text(
        vi="số yêu cầu gửi khi đường đang chịu phép đo nặng", en="requests sent while a heavy test loaded the line"
    ),
    "loaded_received_count": Text(
        vi="số yêu cầu khi đường chịu tải có trả lời trong thời hạn", en="of those under load, answered in time"
    ),
    "loaded_loss_ratio": Text(vi="tỷ lệ mất gói khi đường chịu tải", en="share without a reply under load"),
    "loaded_rtt_p50_ms": Text(vi="trung vị trễ khứ hồi khi chịu tải", en="median round-trip delay under load"),
    "loaded_rtt_p95_ms": Text(
        vi="bách phân vị 95 của trễ khứ hồi khi chịu tải", en="95th percentile of the round-trip delay under load"
    ),
}

MAX_SAMPLES: Final = 2000
"""Raw delays kept in `detail`: about 16 KiB of a measurement's 64."""
MAX_COUNT: Final = 36_000
RESOLVE_S: Final = 5.0
END_S: Final = 0.2
"""A run with `duration_s` comes back so long before its end, and …"""
END_EACH_S: Final = 0.005
"""… so much more per far end: their readings have to be kept before the next run starts."""
FORGET_S: Final = 60.0
"""Open requests for which no run followed within this time are nobody's."""
MARK, PAUSE = "mark", "pause"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings of a run."""

    cadence: Cadence
    duration_s: float | None = None
    """How long the run lasts, all in; None where it lasts as long as its `count` requests need."""


def read_options(table: Table) -> Options:
    """`interval_s`, `count` or `duration_s`, `payload_bytes`, `timeout_s`, `pattern`, `dscp`, `heavy`."""
    interval_s = table.number("interval_s", 0.02, 60.0, 1.0)
    if "count" in table and "duration_s" in table:
        raise table.refuse("duration_s", _BOTH, _KEEP_ONE)
    duration_s = table.number("duration_s", 1.0, 86_400.0, None)
    count = table.integer("count", 1, MAX_COUNT, 10)
    if duration_s is not None:
        count = max(1, math.floor(duration_s / interval_s + 1e-9))
        if count > MAX_COUNT:
            raise table.refuse("duration_s", _MANY.fill(count=count), _SHORTER.fill(most=MAX_COUNT))
    cadence = Cadence(
        interval_s=interval_s,
        count=count,
        payload=table.integer("payload_bytes", echo.MIN_PAYLOAD, echo.MAX_PAYLOAD, 56),
        timeout_s=table.number("timeout_s", 0.05, 30.0, 2.0),
        pattern=table.choice("pattern", (PERIODIC, RANDOM), PERIODIC),
        dscp=table.integer("dscp", 0, 63, 0),
        pause=table.choice("heavy", (MARK, PAUSE), MARK) == PAUSE,
    )
    return Options(cadence=cadence, duration_s=duration_s)


_BOTH: Final = Text(vi="đã có count", en="count is there too")
_KEEP_ONE: Final = Text(vi="hãy chỉ giữ một trong hai", en="keep one of the two")
_MANY: Final = Text(vi="thành {count} yêu cầu mỗi đầu xa", en="it makes {count} requests per far end")
_SHORTER: Final = Text(
    vi="tối đa {most}: hãy giảm duration_s hoặc tăng interval_s", en="at most {most}: shorten it or raise interval_s"
)


def seconds(options: Options, far_ends: int) -> float:
    """The worst case: `duration_s` where it is set; else names that resolve slowly (all at once), all requests, the last
    timeout, a margin for scheduling.
    """
    if options.duration_s is not None:
        return options.duration_s
    cadence = options.cadence
    return RESOLVE_S + cadence.interval_s * cadence.count + cadence.timeout_s + 2.0 + 0.01 * far_ends


def measure(request: Request[Options]) -> list[Reading]:
    """One reading per far end, in their order."""
    began = time.monotonic()
    ends = _end_of(request, began)
    found = _targets(request)
    targets = {place: target for place, target in enumerate(found) if isinstance(target, Target)}
    proofs = {place: proof_if_any(target.address, target.family, request.link) for place, target in targets.items()}
    cadence, key = request.options.cadence, _key(request)
    before = _OPEN.take(key) if ends is not None else None
    run = ping(list(targets.values()), request.link, cadence, request.deadline, ends=ends, before=before)
    if run.open is not None:
        _OPEN.put(key, run.open)
    tracks = dict(zip(targets, run.tracks, strict=True))
    since = began - SETTLE_S - cadence.timeout_s  # requests of the run before may be among them
    spans = heavy.spans(request.link.name, since, time.monotonic() + LEAD_S)
    return [
        _reading(far_end, cadence, run, tracks[place], proofs[place], spans)
        if place in tracks
        else Reading(outcome=Outcome.FAILED, far_end=far_end.name, family=request.family, reasons=(str(found[place]),))
        for place, far_end in enumerate(request.far_ends)
    ]


def _end_of(request: Request[Options], began: float) -> float | None:
    if request.options.duration_s is None:
        return None
    spare = min(END_S + END_EACH_S * len(request.far_ends), request.options.duration_s / 4)
    return began + request.options.duration_s - spare


_Key = tuple[str, int | None, Cadence, tuple[FarEnd, ...]]


def _key(request: Request[Options]) -> _Key:
    """What makes two runs two of the same task, as far as their packets go."""
    return request.link.name, request.family, request.options.cadence, request.far_ends


class _Waiting:
    """Open requests between two runs of a task."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[_Key, tuple[float, Open]] = {}

    def put(self, key: _Key, found: Open) -> None:
        """Keep them for the next run; what was kept in vain is given back."""
        now = time.monotonic()
        with self._lock:
            old = [name for name, (since, _) in self._found.items() if name == key or now - since > FORGET_S]
            given_up = [self._found.pop(name)[1] for name in old]
            self._found[key] = (now, found)
        for one in given_up:
            one.abandon()

    def take(self, key: _Key) -> Open | None:
        """What the run before left, if that was just now."""
        with self._lock:
            since, found = self._found.pop(key, (0.0, None))
        if found is not None and time.monotonic() - since > FORGET_S:
            found.abandon()
            return None
        return found


_OPEN: Final = _Waiting()


def _targets(request: Request[Options]) -> list[Target | str]:
    """The numeric target of each far end, or the reason why it has none."""
    timeout_s = min(RESOLVE_S, request.deadline.left_s)
    places = resolve_all([far_end.host for far_end in request.far_ends], request.family, timeout_s=timeout_s)
    return [
        place if isinstance(place, str) else Target(family=place[0], address=place[1], port=far_end.port)
        for far_end, place in zip(request.far_ends, places, strict=True)
    ]


def _reading(
    far_end: FarEnd,
    cadence: Cadence,
    run: Run,
    track: Track,
    proof: LinkProof | None,
    spans: Sequence[heavy.Span] = (),
) -> Reading:
    if inconclusive(track):
        return Reading(
            outcome=Outcome.SKIPPED,
            far_end=far_end.name,
            family=track.target.family,
            proof=proof,
            reasons=(NOT_PERMITTED,),
            detail={"way": track.way, "port": track.target.port},
        )
    summary, loaded = _apart(track, spans)
    outcome, reasons = _judge(track, summary, loaded, run)
    return Reading(
        outcome=outcome,
        far_end=far_end.name,
        family=track.target.family,
        proof=proof,
        reasons=reasons,
        findings=tuple(_findings(track, run)),
        values=values(summary, cadence.interval_s) | _counted(summary, track) | loaded_values(loaded),
        detail=_detail(track, cadence, run),
    )


def _apart(track: Track, spans: Sequence[heavy.Span]) -> tuple[Summary, Summary]:
    """What the idle line did, and what it did under the load of heavy tests."""
    times = [((span.began - LEAD_S) * 1e9, (span.ended + SETTLE_S) * 1e9) for span in spans]

    def is_loaded(sent: int) -> bool:
        return any(since <= sent <= until for since, until in times)

    def is_idle(sent: int) -> bool:
        return not is_loaded(sent)

    idle = track.stretches(is_loaded) if times else track.stretches()
    return _summary(idle), _summary(track.stretches(is_idle) if times else [])


def _summary(stretches: Sequence[Sequence[int | None]]) -> Summary:
    return summarise_stretches([[None if d is None else d / 1e6 for d in stretch] for stretch in stretches])


def _judge(track: Track, summary: Summary, loaded: Summary, run: Run) -> tuple[Outcome, tuple[str, ...]]:
    if summary.received:
        return (Outcome.PROBE_LIMITED, ("receive_queue_overflow",)) if run.overflowed else (Outcome.OK, ())
    if not summary.sent and (loaded.sent or track.paused):
        return Outcome.SKIPPED, ("during_heavy_test",)
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


def values(summary: Summary, interval_s: float = 1.0) -> dict[str, float]:
    """The declared values that `summary` has; what was not measured is absent."""
    bursts = summary.bursts
    found: dict[str, float | None] = {
        "rtt_min_ms": summary.minimum,
        "rtt_mean_ms": summary.mean,
        "rtt_p50_ms": summary.p50,
        "rtt_p95_ms": summary.p95,
        "rtt_p99_ms": summary.p99,
        "rtt_max_ms": summary.maximum,
        "jitter_rfc3550_ms": summary.jitter,
        "jitter_mean_abs_ms": summary.mean_abs,
        "rtt_variance_ms2": summary.variance,
        "pdv_p50_ms": summary.pdv_p50,
        "pdv_p95_ms": summary.pdv_p95,
        "pdv_p99_ms": summary.pdv_p99,
        "loss_burst_mean_s": None if bursts.mean_burst is None else bursts.mean_burst * interval_s,
        "loss_gap_mean_s": None if bursts.mean_gap is None else bursts.mean_gap * interval_s,
    }
    counted: dict[str, float] = {}
    if summary.loss_ratio is not None:
        counted = {
            "sent_count": summary.sent,
            "received_count": summary.received,
            "loss_ratio": summary.loss_ratio,  # as exact as a float is: 1 of 300 is 1/300
            "loss_burst_count": bursts.count,
            "loss_burst_max_count": bursts.longest,
        }
    return counted | {name: round(value, 6) for name, value in found.items() if value is not None}


def _counted(summary: Summary, track: Track) -> dict[str, float]:
    if not summary.sent:
        return {}
    return {"duplicate_count": track.duplicates, "reordered_count": track.reordered()}


def loaded_values(loaded: Summary) -> dict[str, float]:
    """What the line did under load, in values of its own; empty where no heavy test ran."""
    if loaded.loss_ratio is None:
        return {}
    delays = {"loaded_rtt_p50_ms": loaded.p50, "loaded_rtt_p95_ms": loaded.p95}
    return {
        "loaded_sent_count": loaded.sent,
        "loaded_received_count": loaded.received,
        "loaded_loss_ratio": loaded.loss_ratio,
    } | {name: round(value, 6) for name, value in delays.items() if value is not None}


def _detail(track: Track, cadence: Cadence, run: Run) -> dict[str, Any]:
    every = -(-len(track.delays) // MAX_SAMPLES) or 1
    found: dict[str, Any] = {
        "way": track.way,
        "address": track.target.address,
        "interval_s": cadence.interval_s,
        "timeout_s": cadence.timeout_s,
        "payload_bytes": cadence.payload,
        "pattern": cadence.pattern,
        "together": run.together,
        "late": track.late,
        "duplicates": track.duplicates,
        "rtts_ms": [None if delay is None else round(delay, 3) for delay in track.delays_ms[::every]],
        "kernel_stamps": {"sent": track.departures, "received": track.received - track.by_process},
    }
    rare = {
        "rtts_every": every if every > 1 else 0,
        "unsent": track.unsent,
        "undecided": track.undecided,
        "carried": track.carried,
        "paused": track.paused,
        "dscp": cadence.dscp,
        "foreign": track.foreign,
        "stepped": track.stepped,
        "overflowed": run.overflowed,
        "errors": dict(track.errors.most_common(8)),
    }
    return {name: value for name, value in found.items() if value is not None} | {k: v for k, v in rare.items() if v}
