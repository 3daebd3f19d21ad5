"""A long run as a row of shorter ones: far ends bound the length of one test (ours: 60 s), and people want to see it go on.

Between two pieces the line rests for as long as it takes to ask for the next one; `detail.pieces` of the reading keeps each.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from doxa_agent.acceptance.judgement import Figures
from doxa_agent.meter import Reading
from doxa_core.outcome import Outcome

PIECE_S: Final = 60.0
"""The longest test that any far end of ours grants without being told otherwise."""
Piece = tuple[Reading, Figures]
_ORDER: Final = (Outcome.ERROR, Outcome.FAILED, Outcome.SKIPPED, Outcome.PROBE_LIMITED)


def lengths(seconds: float) -> list[float]:
    """The pieces of a run, all of one length of at most `PIECE_S`."""
    count = max(1, math.ceil(seconds / PIECE_S))
    return [seconds / count] * count


def join(pieces: Sequence[Piece], direction: str) -> Piece:
    """What they amount to: mean rates over the time, loss over all packets, the largest delays; the worst outcome stands.

    The 95th percentile of the whole is not known from those of the pieces: the largest of them is above it, never below.
    """
    if len(pieces) == 1:
        return pieces[0]
    readings, every = [reading for reading, _ in pieces], [figures for _, figures in pieces]
    found = {reading.outcome for reading in readings}
    outcome = next((one for one in _ORDER if one in found), Outcome.OK)
    figures = _join(every)
    values = {} if figures.received_ip_mbps is None else {f"{direction}_mean_ip_mbps": figures.received_ip_mbps}
    joined = replace(
        readings[0],
        outcome=outcome,
        reasons=tuple(dict.fromkeys(code for reading in readings for code in reading.reasons)),
        findings=tuple(dict.fromkeys(code for reading in readings for code in reading.findings)),
        values=values,
        detail={"pieces": [_fields(one) for one in every]},
    )
    return joined, figures


def _join(every: Sequence[Figures]) -> Figures:
    measured = [one for one in every if one.received_ip_mbps is not None and one.seconds]
    if len(measured) < len(every):
        return Figures()  # a piece without figures: the whole has none
    seconds = sum(one.seconds or 0.0 for one in measured)
    sent = [_sent(one) for one in measured]
    losses = [one.loss_ratio for one in measured]
    packets = sum((rate or 0.0) * (one.seconds or 0.0) for rate, one in zip(sent, measured, strict=True))
    return Figures(
        received_ip_mbps=sum((one.received_ip_mbps or 0.0) * (one.seconds or 0.0) for one in measured) / seconds,
        sent_ip_mbps=packets / seconds if None not in [one.sent_ip_mbps for one in measured] else None,
        loss_ratio=_mean_loss(measured, sent, packets) if None not in losses else None,
        rtt_p95_ms=_largest([one.rtt_p95_ms for one in measured]),
        pdv_ms=_largest([one.pdv_ms for one in measured]),
        seconds=seconds,
    )


def _sent(one: Figures) -> float:
    """As said, or as what came and what was lost make it."""
    if one.sent_ip_mbps is not None:
        return one.sent_ip_mbps
    return (one.received_ip_mbps or 0.0) / max(1e-9, 1.0 - (one.loss_ratio or 0.0))


def _mean_loss(measured: Sequence[Figures], sent: Sequence[float], packets: float) -> float:
    lost = sum((one.loss_ratio or 0.0) * rate * (one.seconds or 0.0) for one, rate in zip(measured, sent, strict=True))
    return lost / packets if packets else 0.0


def _largest(found: Sequence[float | None]) -> float | None:
    known = [one for one in found if one is not None]
    return max(known) if len(known) == len(found) else None


def _fields(one: Figures) -> dict[str, Any]:
    found = {
        "received_ip_mbps": one.received_ip_mbps, "sent_ip_mbps": one.sent_ip_mbps, "loss_ratio": one.loss_ratio,
        "rtt_p95_ms": one.rtt_p95_ms, "delay_variation_ms": one.pdv_ms, "measured_s": one.seconds,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}
