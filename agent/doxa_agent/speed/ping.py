"""The HTTP ping: round trips of an empty answer over a persistent connection, and its three jitters.

i-Speed's jitter is the variance of these round trips; LibreSpeed's is close to the mean |Δ|; RFC 3550's is smoothed.
Three names, three values (methods.md §6).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median, variance

from doxa_agent.net.binding import Unreachable
from doxa_agent.speed.dialogue import Dialogue


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPing:
    """Round trips in milliseconds, in the order in which they were made."""

    rtts_ms: tuple[float, ...]
    reconnected: int
    """How often the server hung up in between; connecting is never part of a round trip."""

    @property
    def values(self) -> dict[str, float]:
        """The figures; absent where there are too few round trips."""
        found: dict[str, float] = {}
        if self.rtts_ms:
            found |= {"http_ping_min_ms": min(self.rtts_ms), "http_ping_median_ms": median(self.rtts_ms)}
        if len(self.rtts_ms) > 1:
            found |= {
                "http_jitter_variance_ms2": variance(self.rtts_ms),
                "http_jitter_mean_abs_ms": mean_abs(self.rtts_ms),
                "http_jitter_rfc3550_ms": rfc3550(self.rtts_ms),
            }
        return found


def mean_abs(rtts: Sequence[float]) -> float:
    """The mean |difference| of successive round trips."""
    return fmean(abs(b - a) for a, b in pairwise(rtts))


def rfc3550(rtts: Sequence[float]) -> float:
    """RFC 3550 §6.4.1 and A.8 on round trips: J += (|D| − J) / 16, from 0."""
    jitter = 0.0
    for a, b in pairwise(rtts):
        jitter += (abs(b - a) - jitter) / 16
    return jitter


def ping(dialogue: Dialogue, count: int) -> HttpPing:
    """`count` round trips; `Unreachable("http_status")` where the far end has no empty answer for us."""
    found: list[float] = []
    before = dialogue.opened
    _ = dialogue.sock
    for _n in range(count):
        answer, took = dialogue.ask("empty.php")
        if answer.head is None or not 200 <= answer.head.status < 300:
            raise Unreachable("http_status")
        found.append(took * 1000)
    return HttpPing(rtts_ms=tuple(found), reconnected=max(0, dialogue.opened - max(before, 1)))
