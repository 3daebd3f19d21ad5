"""The HTTP ping: round trips of an empty answer over a persistent connection, and its three jitters.

i-Speed's jitter is the variance of these round trips; LibreSpeed's is close to the mean |Δ|; RFC 3550's is smoothed.
Three names, three values (methods.md §6).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from doxa_agent.net.binding import Unreachable
from doxa_agent.net.delay import jitter
from doxa_agent.speed.dialogue import Dialogue


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPing:
    """Round trips in milliseconds, in the order in which they were made."""

    rtts_ms: tuple[float, ...]
    reconnected: int
    """How often the server hung up in between; connecting is never part of a round trip."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """The fields of the last answer's head."""

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
            }
        if (smoothed := jitter(self.rtts_ms)) is not None:
            found["http_jitter_rfc3550_ms"] = smoothed
        return found


def median(rtts: Sequence[float]) -> float:
    """The middle one, or the mean of the two in the middle. (The library's statistics cost 3 MiB on a small probe.)"""
    ordered = sorted(rtts)
    return (ordered[(len(rtts) - 1) // 2] + ordered[len(rtts) // 2]) / 2


def variance(rtts: Sequence[float]) -> float:
    """The sample variance (n − 1) of at least two."""
    mean = sum(rtts) / len(rtts)
    return sum((rtt - mean) ** 2 for rtt in rtts) / (len(rtts) - 1)


def mean_abs(rtts: Sequence[float]) -> float:
    """The mean |difference| of at least two successive round trips."""
    return sum(abs(b - a) for a, b in pairwise(rtts)) / (len(rtts) - 1)


def ping(dialogue: Dialogue, count: int) -> HttpPing:
    """`count` round trips; `Unreachable("http_status")` where the far end has no empty answer for us."""
    found: list[float] = []
    fields: Mapping[str, str] = {}
    before = dialogue.opened
    _ = dialogue.sock
    for _n in range(count):
        answer, took = dialogue.ask("empty.php")
        if answer.head is None or not 200 <= answer.head.status < 300:
            raise Unreachable("http_status")
        found.append(took * 1000)
        fields = answer.head.fields
    return HttpPing(rtts_ms=tuple(found), reconnected=max(0, dialogue.opened - max(before, 1)), fields=fields)
