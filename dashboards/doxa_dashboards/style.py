"""The house style of all pages: colours, units, decimals, lines, legends, tooltips, and what an empty panel says.

States and references have the colours of Okabe and Ito, which people with any colour blindness tell apart; lines of one
query, of which there may be any number, have Grafana's own; and no panel says anything by colour alone. No threshold stands here: what is enough, the series of targets and contracts say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.models import common, dashboard

from doxa_core.language import Text

BLUE, ORANGE, GREEN, YELLOW = "#0072B2", "#E69F00", "#009E73", "#F0E442"
SKY, VERMILION, PURPLE, GREY = "#56B4E9", "#D55E00", "#CC79A7", "#8C8C8C"
PALETTE: Final = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW, GREY)
GOOD, BAD, LIMITED, UNKNOWN, ACCENT = GREEN, VERMILION, ORANGE, GREY, BLUE

NO_DATA: Final = Text(
    vi="Chưa có số liệu trong khoảng thời gian đã chọn", en="No figures yet in the chosen range of time"
)
NO_PROVIDER: Final = Text(vi="chưa rõ nhà mạng", en="provider not known")
TIMEZONE: Final = "Asia/Ho_Chi_Minh"
GRID: Final = 24
"""Columns of Grafana's grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How values of a unit are shown: Grafana's name of the unit, and the digits after the comma."""

    unit: str
    decimals: int


UNITS: Final[Mapping[str, Shown]] = {
    "mbps": Shown(unit="suffix: Mbps", decimals=1),
    "ms": Shown(unit="ms", decimals=1),
    "ms2": Shown(unit="suffix: ms²", decimals=1),
    "us": Shown(unit="µs", decimals=0),
    "s": Shown(unit="s", decimals=1),
    "length": Shown(unit="dthms", decimals=0),
    "ratio": Shown(unit="percentunit", decimals=1),
    "loss": Shown(unit="percentunit", decimals=2),
    "percent": Shown(unit="percent", decimals=1),
    "count": Shown(unit="none", decimals=0),
    "bytes": Shown(unit="decbytes", decimals=1),
    "flag": Shown(unit="percentunit", decimals=0),
    "celsius": Shown(unit="celsius", decimals=1),
    "hz": Shown(unit="hertz", decimals=1),
    "mtu": Shown(unit="suffix: B", decimals=0),
    "factor": Shown(unit="suffix: ×", decimals=2),
    "rpm": Shown(unit="suffix: rpm", decimals=0),
    "days": Shown(unit="d", decimals=0),
    "age": Shown(unit="dateTimeFromNow", decimals=0),
    "month": Shown(unit="time:MM/YYYY", decimals=0),
    "value": Shown(unit="none", decimals=1),
    "code": Shown(unit="none", decimals=0),
    "text": Shown(unit="string", decimals=0),
}
"""Every unit of doxa_core.names, and what panels show besides; a `_flag` over time is the share of runs that said yes."""


class Role(Enum):
    """What a line of a chart is: measured lines are drawn through, every reference has its own dashes and colour."""

    MEASURED = (None, (), 2)
    CONTRACT = (BLUE, (12, 6), 2)
    FLOOR = (VERMILION, (3, 5), 2)
    REQUIRED = (PURPLE, (16, 4, 3, 4), 2)
    TARGET = ("text", (8, 4), 2)
    PUBLISHED = (ORANGE, (2, 3), 3)

    def properties(self) -> list[dashboard.DynamicConfigValue]:
        """The overrides of a series in this role."""
        color, dashes, width = self.value
        if color is None:
            return []
        fixed = {"mode": "fixed", "fixedColor": color}
        found: list[tuple[str, object]] = [
            ("color", fixed),
            ("custom.lineStyle", {"fill": "dash", "dash": list(dashes)}),
            ("custom.lineWidth", width),
            ("custom.showPoints", "never"),
            ("custom.fillOpacity", 0),
            ("custom.lineInterpolation", "stepAfter"),
            ("custom.spanNulls", True),
        ]
        return [dashboard.DynamicConfigValue(id_val=name, value=value) for name, value in found]


def legend(*, table: bool = True) -> common_builders.VizLegendOptions:
    """Below the chart, with mean and largest; a list where figures would mean nothing."""
    built = (
        common_builders.VizLegendOptions()
        .show_legend(True)  # noqa: FBT003 - the SDK's own
        .placement(common.LegendPlacement.BOTTOM)
        .display_mode(common.LegendDisplayMode.TABLE if table else common.LegendDisplayMode.LIST)
    )
    return built.calcs(["lastNotNull", "mean", "max"] if table else [])


def tooltip() -> common_builders.VizTooltipOptions:
    """All series of the moment, the largest first."""
    return common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)


def shades(color: str) -> dict[str, str]:
    """The colour of a query's series beside those of others: one hue. More than three of them look alike."""
    return {"mode": "shades", "fixedColor": color}


MANY: Final = {"mode": "palette-classic"}
"""The colours of one query's series: each its own."""
