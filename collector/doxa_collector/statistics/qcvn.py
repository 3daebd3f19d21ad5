"""The view of QCVN 34 for a fixed line: arithmetic mean of whole-transfer speeds ÷ contracted rate, each direction.

QCVN 34 binds operators, and this project read it only in an excerpt: the view is indicative and always says both.
The samples must be whole transfers, slow start included (`download_mean_mbps` and the like, not the steady figure).
"""

from dataclasses import dataclass
from typing import Final

from doxa_collector.plans.model import Mark
from doxa_collector.statistics.coverage import Spread, spread_of
from doxa_collector.statistics.mean import Figure, mean_of
from doxa_collector.statistics.missing import Counts, counts_of
from doxa_collector.statistics.rollup import Rollup
from doxa_collector.statistics.sample import micro
from doxa_core.language import Text

NEEDED_SHARE: Final = 0.8
NEEDED_SAMPLES: Final = 1000
MARK: Final = Mark.S
SOURCE: Final = Text(
    vi="QCVN 34:2022/BTTTT [S: chỉ đọc trong bản trích]; áp dụng cho doanh nghiệp viễn thông, ở đây chỉ để tham khảo",
    en="QCVN 34:2022/BTTTT [S: read only in an excerpt]; it binds operators and is indicative here",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QcvnWay:
    """One direction."""

    contracted_mbps: float
    mean: Figure | None
    """Mbps, with 95 % bounds over days."""
    share: float | None
    """Of the contracted rate."""
    samples: int
    needed: int
    spread: Spread
    counts: Counts
    meets: bool | None
    """Whether the mean reaches the needed share; None before enough samples are there."""

    @property
    def progress(self) -> Text:
        """`612/1000 mẫu, 22/24 giờ`."""
        return Text(vi="{n}/{needed} mẫu, {hours}/24 giờ", en="{n}/{needed} samples, {hours} of 24 hours").fill(
            n=self.samples, needed=self.needed, hours=self.spread.hours
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QcvnView:
    """Both directions."""

    download: QcvnWay
    upload: QcvnWay

    @property
    def meets(self) -> bool | None:
        """False where a direction falls short, None while one is open, else True."""
        found = {self.download.meets, self.upload.meets}
        if False in found:
            return False
        return None if None in found else True


def qcvn_way(
    rollup: Rollup, contracted_mbps: float, *, share: float = NEEDED_SHARE, samples: int = NEEDED_SAMPLES
) -> QcvnWay:
    """One direction over a period. `ValueError` for a rate, a share or a number that is none.

    A line that the probe limited is not judged to fall short: with its values as they stand below the share, `meets`
    stays None.
    """
    if micro(contracted_mbps) <= 0 or not 0 < share <= 1 or samples < 1:
        raise ValueError("a contracted rate, a share up to 1 and a number of samples are needed, all above 0")
    mean = mean_of({day: one.all for day, one in rollup.days.items()})
    n, total = rollup.all
    reached = n > 0 and total >= micro(share * contracted_mbps) * n
    limited = any(day.limited for day in rollup.days.values())
    return QcvnWay(
        contracted_mbps=contracted_mbps,
        mean=mean,
        share=None if mean is None else mean.value / contracted_mbps,
        samples=n,
        needed=samples,
        spread=spread_of(rollup),
        counts=counts_of(rollup),
        meets=None if n < samples or (limited and not reached) else reached,
    )
