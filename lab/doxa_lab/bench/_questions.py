"""What simulated lines are asked, and the rules that answer."""

from typing import Final

from doxa_collector.assess.settings import Settings
from doxa_collector.plans.model import Measure, Statistic
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_lab.bench._cells import DOXA, ESTIMATE

TARGET: Final = 100.0
LEVELS: Final = (0.90, 0.95, 0.98, 1.00, 1.02, 1.05, 1.10)
"""What is true ÷ what is asked."""
SETTINGS: Final = {DOXA: Settings(), ESTIMATE: Settings(decide_by="estimate")}


def measure_of(statistic: Statistic) -> Measure:
    """A rate at the layer that the contract names, so that no second layer softens an answer."""
    return Measure(
        meter="speed", value="download_ip_mbps", link_kind=LinkKind.TSLCD, layer=Layer.IP, statistic=statistic
    )


def met(level: float) -> bool | None:
    """Whether so much of the target meets it; None for exactly as much."""
    return None if level == 1 else level > 1
