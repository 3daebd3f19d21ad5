"""Delay, loss and delay variation of each direction by STAMP test packets (RFC 8762, RFC 8972).

What the numbers mean: the round trip is (T4 − T1) − (T3 − T2), from kernel stamps at both ends, without the time that the
reflector held the packet. Loss per direction is counted by the reflector's own sequence numbers; lost requests after the
last answered one belong to no direction. What they do not mean: without two synchronised clocks of known error there is no
one-way delay, whatever the timestamps say; the *variation* of each direction needs no such clocks.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from doxa_agent.meter import FarEnd, Reading, Request
from doxa_agent.net.delay import Summary, jitter, percentile, summarise
from doxa_agent.net.names import resolve_all
from doxa_agent.net.proof import proof_if_any
from doxa_agent.stamp.book import Answer, Book, Directions, directions, far_steps, overtaken
from doxa_agent.stamp.keyfile import read_key
from doxa_agent.stamp.sender import MAX_PADDING, Cadence, Run, Target, Track, probe
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.measurement import Clock, LinkProof
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

METHOD: Final = "stamp/1"
TITLE: Final = Text(vi="Trễ và mất gói từng chiều (STAMP)", en="Delay and loss of each direction (STAMP)")
HEAVY: Final = False

_WAYS: Final = {
    "forward": Text(vi="chiều đi", en="towards the far end"),
    "backward": Text(vi="chiều về", en="back from the far end"),
}
_OF_WAY: Final = {
    "lost_count": Text(vi="{way}: số gói bị mất", en="{way}: packets lost"),
    "loss_ratio": Text(vi="{way}: tỷ lệ mất gói", en="{way}: share of packets lost"),
    "reordered_count": Text(vi="{way}: số gói đến sai thứ tự", en="{way}: packets that a later one overtook"),
    "jitter_rfc3550_ms": Text(vi="{way}: biến thiên trễ theo RFC 3550", en="{way}: interarrival jitter of RFC 3550"),
    "delay_min_ms": Text(vi="{way}: trễ nhỏ nhất, sai số tối đa clock_bound_ms",
                         en="{way}: smallest delay, wrong by clock_bound_ms at most"),
    "delay_p50_ms": Text(vi="{way}: trung vị của trễ, sai số tối đa clock_bound_ms",
                         en="{way}: median delay, wrong by clock_bound_ms at most"),
    "delay_p95_ms": Text(vi="{way}: bách phân vị 95 của trễ, sai số tối đa clock_bound_ms",
                         en="{way}: 95th percentile of the delay, wrong by clock_bound_ms at most"),
}  # fmt: skip
VALUES: Final[Mapping[str, Text]] = {
    "sent_count": Text(vi="số gói đã gửi", en="packets sent"),
    "received_count": Text(vi="số gói có trả lời trong thời hạn", en="packets answered in time"),
    "loss_ratio": Text(vi="tỷ lệ mất gói khứ hồi", en="share of packets without an answer in time"),
    "late_count": Text(vi="số trả lời quá hạn (đã tính là mất)", en="answers after the timeout (counted as lost)"),
    "duplicate_count": Text(vi="số bản sao thừa nhận được", en="further copies that came"),
    "reordered_count": Text(vi="số trả lời đến sai thứ tự", en="answers that came after a later one's"),
    "unattributed_lost_count": Text(
        vi="số gói mất không xác định được chiều", en="lost packets of which the direction is not known"
    ),
    "rtt_min_ms": Text(vi="trễ khứ hồi nhỏ nhất", en="smallest round-trip delay"),
    "rtt_mean_ms": Text(vi="trễ khứ hồi trung bình", en="mean round-trip delay"),
    "rtt_p50_ms": Text(vi="trung vị trễ khứ hồi", en="median round-trip delay"),
    "rtt_p95_ms": Text(vi="bách phân vị 95 của trễ khứ hồi", en="95th percentile of the round-trip delay"),
    "rtt_p99_ms": Text(vi="bách phân vị 99 của trễ khứ hồi", en="99th percentile of the round-trip delay"),
    "rtt_max_ms": Text(vi="trễ khứ hồi lớn nhất", en="largest round-trip delay"),
    "jitter_rfc3550_ms": Text(vi="biến thiên trễ khứ hồi theo RFC 3550", en="RFC 3550 jitter of the round trip"),
    "jitter_mean_abs_ms": Text(
        vi="trung bình |Δ| giữa các trễ khứ hồi liên tiếp", en="mean |Δ| of successive round-trip delays"
    ),
    "rtt_variance_ms2": Text(vi="phương sai (n−1) của trễ khứ hồi", en="variance (n−1) of the round-trip delay"),
    "pdv_p50_ms": Text(
        vi="biến thiên trễ RFC 5481: trung vị trừ trị nhỏ nhất", en="delay variation of RFC 5481: median minus smallest"
    ),
    "pdv_p95_ms": Text(
        vi="biến thiên trễ RFC 5481: bách phân vị 95 trừ trị nhỏ nhất",
        en="delay variation of RFC 5481: 95th percentile minus smallest",
    ),
    "pdv_p99_ms": Text(
        vi="biến thiên trễ RFC 5481: bách phân vị 99 trừ trị nhỏ nhất",
        en="delay variation of RFC 5481: 99th percentile minus smallest",
    ),
    "reflector_residence_p50_ms": Text(
        vi="trung vị thời gian gói nằm tại đầu xa (đã trừ khỏi trễ khứ hồi)",
        en="median time that the far end held a packet (not in the round trip)",
    ),
    "reflector_residence_max_ms": Text(
        vi="thời gian lớn nhất gói nằm tại đầu xa", en="longest time that the far end held a packet"
    ),
    "clock_bound_ms": Text(
        vi="sai số lớn nhất của trễ một chiều: tổng sai số hai đồng hồ",
        en="largest error of the one-way delays: the sum of both clocks' bounds",
    ),
    **{f"{name}_{suffix}": text.fill(way=way) for name, way in _WAYS.items() for suffix, text in _OF_WAY.items()},
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
    """`interval_s`, `count` or `duration_s`, `padding_bytes`, `timeout_s`."""
    interval_s = table.number("interval_s", 0.05, 60.0, 1.0)
    if "count" in table and "duration_s" in table:
        raise table.refuse("duration_s", _BOTH, _KEEP_ONE)
    duration_s = table.number("duration_s", 0.05, 86_400.0, None)
    count = table.integer("count", 1, MAX_COUNT, 10)
    if duration_s is not None:
        count = max(1, round(duration_s / interval_s))
        if count > MAX_COUNT:
            raise table.refuse("duration_s", _MANY.fill(count=count), _SHORTER.fill(most=MAX_COUNT))
    cadence = Cadence(
        interval_s=interval_s,
        count=count,
        padding=table.integer("padding_bytes", 0, MAX_PADDING, 0),
        timeout_s=table.number("timeout_s", 0.05, 30.0, 2.0),
    )
    return Options(cadence=cadence)


_BOTH: Final = Text(vi="đã có count", en="count is there too")
_KEEP_ONE: Final = Text(vi="hãy chỉ giữ một trong hai", en="keep one of the two")
_MANY: Final = Text(vi="thành {count} gói mỗi đầu xa", en="it makes {count} packets per far end")
_SHORTER: Final = Text(
    vi="tối đa {most}: hãy giảm duration_s hoặc tăng interval_s", en="at most {most}: shorten it or raise interval_s"
)


def seconds(options: Options, far_ends: int) -> float:
    """The worst case: names that resolve slowly (all at once), all packets, the last timeout, a margin for scheduling."""
    cadence = options.cadence
    return RESOLVE_S + cadence.interval_s * (cadence.count + 1) + cadence.timeout_s + 2.0 + 0.01 * far_ends


def measure(request: Request[Options]) -> list[Reading]:
    """One reading per far end, in their order."""
    found = _targets(request)
    targets = {place: target for place, target in enumerate(found) if isinstance(target, Target)}
    proofs = {place: proof_if_any(target.address, target.family, request.link) for place, target in targets.items()}
    run = probe(list(targets.values()), request.link, request.options.cadence, request.deadline)
    tracks = dict(zip(targets, run.tracks, strict=True))
    return [
        _reading(far_end, request.options.cadence, run, tracks[place], proofs[place])
        if place in tracks
        else _unasked(far_end, request.family, str(found[place]))
        for place, far_end in enumerate(request.far_ends)
    ]


def _unasked(far_end: FarEnd, family: int | None, reason: str) -> Reading:
    """A far end that was sent nothing: without its key that says nothing about the line."""
    outcome = Outcome.ERROR if reason == _NO_KEY else Outcome.FAILED
    return Reading(outcome=outcome, far_end=far_end.name, family=family, reasons=(reason,))


_NO_KEY: Final = "key_unusable"


def _targets(request: Request[Options]) -> list[Target | str]:
    """The numeric target of each far end, or the reason why it has none; without its key a far end is not looked for."""
    keys: dict[int, bytes | None] = {}
    for number, far_end in enumerate(request.far_ends):
        with suppress(InputError):
            keys[number] = None if far_end.stamp_key is None else read_key(far_end.stamp_key, far_end.name)
    timeout_s = min(RESOLVE_S, request.deadline.left_s)
    places = resolve_all([request.far_ends[number].host for number in keys], request.family, timeout_s=timeout_s)
    found: list[Target | str] = [_NO_KEY] * len(request.far_ends)
    for (number, key), place in zip(keys.items(), places, strict=True):
        port = request.far_ends[number].stamp_port
        found[number] = (
            place if isinstance(place, str) else Target(family=place[0], address=place[1], port=port, key=key)
        )
    return found


def _reading(far_end: FarEnd, cadence: Cadence, run: Run, track: Track, proof: LinkProof | None) -> Reading:
    book = track.book
    fates = directions(book)
    steps = far_steps(book)
    one_way, refusal = _one_way(book, run.clocks, steps)
    outcome, reasons = _judge(track)
    return Reading(
        outcome=outcome,
        far_end=far_end.name,
        family=track.target.family,
        proof=proof,
        reasons=reasons,
        findings=tuple(dict.fromkeys(_findings(track, run, fates, steps, refusal))),
        values=_rounded(_counts(book) | _by_direction(fates) | _delays(book, steps) | one_way),
        detail=_detail(track, cadence),
    )


def _judge(track: Track) -> tuple[Outcome, tuple[str, ...]]:
    if track.book.answers:
        return (Outcome.PROBE_LIMITED, ("receive_queue_overflow",)) if track.dropped else (Outcome.OK, ())
    if not track.book.sent and track.packet_bytes:
        return Outcome.SKIPPED, ("cut_short",)
    errors = tuple(code for code, _ in track.errors.most_common(4)) or ("no_reply",)
    refused = ("bad_authentication",) if track.refused["bad_hmac"] else ()
    return Outcome.FAILED, errors + refused + (("late_replies",) if track.book.late else ())


def _findings(
    track: Track, run: Run, fates: Directions | str, steps: frozenset[int], refusal: str | None
) -> Iterator[str]:
    if isinstance(fates, str) and track.book.answers:
        yield fates
    if refusal is not None:
        yield refusal
    if steps:
        yield "far_clock_stepped"
    if track.book.stepped:
        yield "clock_stepped"
    if any(answer.delay is None for answer in track.book.answers.values()):
        yield "reflector_residence_impossible"
    if run.cut_short:
        yield "cut_short"
    if track.dropped:
        yield "receive_queue_overflow"


def _counts(book: Book) -> dict[str, float | None]:
    if not book.sent:
        return {}
    received = len(book.answers)
    return {
        "sent_count": book.sent,
        "received_count": received,
        "loss_ratio": (book.sent - received) / book.sent,
        "late_count": len(book.late),
        "duplicate_count": book.duplicated_out + book.duplicated_back,
        "reordered_count": overtaken(book.arrivals) if book.arrivals else None,
    }


def _by_direction(fates: Directions | str) -> dict[str, float | None]:
    if isinstance(fates, str):
        return {}
    return {
        "forward_lost_count": fates.asked - fates.arrived,
        "forward_loss_ratio": (fates.asked - fates.arrived) / fates.asked,
        "forward_reordered_count": fates.reordered_out,
        "backward_lost_count": fates.arrived - fates.returned,
        "backward_loss_ratio": (fates.arrived - fates.returned) / fates.arrived,
        "backward_reordered_count": fates.reordered_back,
        "unattributed_lost_count": fates.unattributed,
    }


def _delays(book: Book, steps: frozenset[int]) -> dict[str, float | None]:
    """Round trips, the variation of each direction, the reflector's residence; empty where nothing came back."""
    summary: Summary = summarise(book.delays_ms())
    if not summary.received:
        return {}
    residences = sorted(answer.residence / 1e6 for answer in book.answers.values() if answer.delay is not None)
    return {
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
        "forward_jitter_rfc3550_ms": jitter(_transits(book, steps, out=True)),
        "backward_jitter_rfc3550_ms": jitter(_transits(book, steps, out=False)),
        "reflector_residence_p50_ms": percentile(residences, 50),
        "reflector_residence_max_ms": residences[-1],
    }


def _transits(book: Book, steps: frozenset[int], *, out: bool) -> Iterator[float | None]:
    """Relative transit times in sending order, milliseconds; None breaks a pair: a loss, or a step of the far clock."""
    base: int | None = None
    for number in range(len(book.stamps)):
        answer = book.answers.get(number)
        if answer is None or answer.delay is None:
            yield None
            continue
        if number in steps:
            yield None
            base = None
        transit = answer.out if out else answer.back
        base = transit if base is None else base
        yield (transit - base) / 1e6  # whole nanoseconds first: two clocks may be half a century apart


def _one_way(
    book: Book, clocks: tuple[Clock, Clock], steps: frozenset[int]
) -> tuple[dict[str, float | None], str | None]:
    """The one-way delays, or the finding that says why there are none.

    Only with both clocks synchronised, with known bounds, on one time scale and without a step; and where the figures
    contradict the bounds (a delay below zero by more than they allow), no figure is given at all.
    """
    answers = [answer for answer in book.in_order() if answer.delay is not None]
    if not answers:
        return {}, None
    bound_ms = _bound(answers, clocks)
    if bound_ms is None or steps or book.stepped:
        return {}, "clock_unsynchronised"
    if any(answer.ptp for answer in answers):
        return {}, "timescale_unknown"
    ways = [book.one_way(answer) for answer in answers]
    found: dict[str, float | None] = {"clock_bound_ms": bound_ms}
    for name, delays in (("forward", sorted(out for out, _ in ways)), ("backward", sorted(back for _, back in ways))):
        if delays[0] / 1e6 < -bound_ms:
            return {}, "clock_bound_violated"
        found[f"{name}_delay_min_ms"] = delays[0] / 1e6
        found[f"{name}_delay_p50_ms"] = percentile(delays, 50) / 1e6
        found[f"{name}_delay_p95_ms"] = percentile(delays, 95) / 1e6
    return found, None


def _bound(answers: Iterable[Answer], clocks: tuple[Clock, Clock]) -> float | None:
    """The sum of the worst bounds of both clocks in the run; None where one vouched for none at any time."""
    ours = [clock.error_ms if clock.synchronised else None for clock in clocks]
    theirs = [answer.bound_ms for answer in answers]
    if None in ours or None in theirs:
        return None
    return max(bound for bound in ours if bound is not None) + max(bound for bound in theirs if bound is not None)


def _rounded(found: Mapping[str, float | None]) -> dict[str, float]:
    """What is there: ratios as exact as a float is, so that 1 of 300 is 1/300; times to the nanosecond."""
    return {
        name: value if name.endswith("_ratio") else round(value, 6)
        for name, value in found.items()
        if value is not None
    }


def _detail(track: Track, cadence: Cadence) -> dict[str, Any]:
    book = track.book
    every = -(-len(book.stamps) // MAX_SAMPLES) or 1
    answers = book.in_order()
    found: dict[str, Any] = {
        "address": track.target.address,
        "port": track.target.port,
        "mode": "open" if track.target.key is None else "authenticated",
        "packet_bytes": track.packet_bytes,
        "interval_s": cadence.interval_s,
        "timeout_s": cadence.timeout_s,
        "rtts_ms": [None if delay is None else round(delay, 3) for delay in book.delays_ms()[::every]],
        "kernel_stamps": {"sent": book.departures, "received": sum(answer.by_kernel for answer in answers)},
    }
    rare = {
        "rtts_every": every if every > 1 else 0,
        "ttl_there": sorted({answer.ttl for answer in answers if answer.ttl})[:8],
        "unsent": book.unsent,
        "undecided": book.undecided,
        "duplicates": {"forward": book.duplicated_out, "backward": book.duplicated_back}
        if book.duplicated_out or book.duplicated_back
        else {},
        "stepped": sum(answer.stepped for answer in answers),
        "dropped": track.dropped,
        "refused": dict(track.refused.most_common(8)),
        "errors": dict(track.errors.most_common(8)),
    }
    return found | {name: value for name, value in rare.items() if value}
