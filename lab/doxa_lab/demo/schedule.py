"""When the demo's tasks start: one heavy test after the other, each office's telling lines first."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from doxa_core.linkkind import LinkKind
from doxa_lab.demo.ground import Spot

HEAVY_SLOT_S: Final = 5.0
"""A speed test with early stop takes three to four seconds; those that take longer make the next one wait its turn."""
LIGHT_EVERY_S: Final = 20.0
_RANK: Final = {LinkKind.FIXED: 0, LinkKind.TSLCD: 1, LinkKind.MOBILE: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Cadence and phase of one task, in seconds of the wall clock's grid."""

    every_s: float
    phase_s: float


def in_order(spots: Sequence[Spot]) -> list[Spot]:
    """Round by round over the offices, so that each has a verdict early."""
    return sorted(spots, key=lambda spot: (_RANK[spot.link.kind], spot.number))


def timings(spots: Sequence[Spot], *, lead_s: float) -> dict[str, dict[str, Timing]]:
    """Spot name → meter → timing. The latency of a line is measured half a round away from its speed test."""
    base, slots = time.time() + lead_s, len(spots)
    heavy = max(60.0, slots * HEAVY_SLOT_S)
    found = {}
    for place, spot in enumerate(in_order(spots)):
        away = (place + slots // 2) % slots
        found[spot.name] = {
            "speed": _timing(base + place * HEAVY_SLOT_S, heavy),
            "latency": _timing(base + away * HEAVY_SLOT_S, LIGHT_EVERY_S),
        }
    return found


def _timing(at: float, every_s: float) -> Timing:
    return Timing(every_s=every_s, phase_s=round(at % every_s, 3))
