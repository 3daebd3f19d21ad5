"""Loss in bursts and the gaps between them (the words of RFC 3611 §4.7.2 and ITU-T G.1020), exactly defined.

A *burst* is as many successive lost requests as there are: RFC 3357 calls it a loss period. A *gap* is as many successive
answered requests as there are. RFC 3611 also counts up to 15 answered packets between two losses into a burst (its Gmin),
which suits 50 voice packets a second and not one ping a second; so here Gmin is 1. Nothing reaches over a stretch's end:
a burst that a pause cuts in two is two.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True, slots=True, kw_only=True)
class Bursts:
    """How loss was spread over the requests of a run."""

    count: int = 0
    """Bursts; a single lost request is one."""
    longest: int = 0
    """Requests in the longest burst."""
    mean_burst: float | None = None
    """Requests in a burst on average; None where nothing was lost."""
    mean_gap: float | None = None
    """Answered requests in a gap on average, before the first and after the last burst too; None where nothing was
    lost, and where nothing was answered."""


def bursts_of(stretches: Iterable[Sequence[float | None]]) -> Bursts:
    """The bursts and gaps of requests in sending order, None for each that was lost."""
    bursts: list[int] = []
    gaps: list[int] = []
    for stretch in stretches:
        for lost, group in groupby(stretch, key=lambda delay: delay is None):
            (bursts if lost else gaps).append(sum(1 for _ in group))
    if not bursts:
        return Bursts()
    return Bursts(
        count=len(bursts),
        longest=max(bursts),
        mean_burst=sum(bursts) / len(bursts),
        mean_gap=sum(gaps) / len(gaps) if gaps else None,
    )
