"""A calendar month of our own tests, counted the way that i-Speed publishes: median and mean, from 300 samples on.

Never i-Speed's own figure: that is VNNIC's statistic over other people's tests and is imported. The label says so.
"""

from dataclasses import dataclass
from typing import Final

from doxa_collector.plans.model import Mark
from doxa_collector.statistics.mean import Figure, mean_of
from doxa_collector.statistics.missing import Counts, counts_of
from doxa_collector.statistics.quantile import quantile_of
from doxa_collector.statistics.rollup import Rollup, added
from doxa_core.language import Text

NEEDED_SAMPLES: Final = 300
MARK: Final = Mark.S
LABEL: Final = Text(
    vi="đo tại trụ sở (không phải số liệu i-Speed công bố)", en="measured at the office (not a figure of i-Speed)"
)
SOURCE: Final = Text(
    vi="ngưỡng 300 mẫu/tháng của i-Speed [S: chỉ đọc trong bản trích]",
    en="i-Speed's threshold of 300 samples a month [S: read only in an excerpt]",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthView:
    """One month of one measure. Both statistics always, because publications of i-Speed mix them."""

    median: Figure | None
    mean: Figure | None
    samples: int
    needed: int
    counts: Counts

    @property
    def enough(self) -> bool:
        """Whether a commune with so many samples would be published."""
        return self.samples >= self.needed

    @property
    def progress(self) -> Text:
        """`210/300 mẫu`."""
        return Text(vi="{n}/{needed} mẫu", en="{n}/{needed} samples").fill(n=self.samples, needed=self.needed)


def month_view(rollup: Rollup, *, samples: int = NEEDED_SAMPLES) -> MonthView:
    """From the rollup of one calendar month (the caller's to cut: `Rollup.between`). 95 % bounds.

    Only values that describe the line: one that the probe limited would pull the figure down.
    """
    if samples < 1:
        raise ValueError("at least one sample is needed")
    own = {day: one.bins for day, one in rollup.days.items()}
    return MonthView(
        median=quantile_of(own),
        mean=mean_of({day: added(bins.values()) for day, bins in own.items()}),
        samples=sum(added(bins.values()).n for bins in own.values()),
        needed=samples,
        counts=counts_of(rollup),
    )
