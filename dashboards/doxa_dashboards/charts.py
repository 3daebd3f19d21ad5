"""Charts over time, numbers, and states as bands, in the house style."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import stat, statetimeline, timeseries
from grafana_foundation_sdk.cog import builder as cog
from grafana_foundation_sdk.models import common, dashboard

from doxa_core.language import Text
from doxa_core.linkkind import LinkKind
from doxa_dashboards import style
from doxa_dashboards.codes import Seen
from doxa_dashboards.panel import Ask, Card, Fixed, Property, Transformation, Words, dressed, mapping, ref


def chart(
    key: str,
    words: Words,
    *asks: Ask,
    unit: str,
    width: int = 12,
    height: int = 9,
    step: str = "1h",
    bars: bool = False,
    stacked: bool = False,
    top: float | None = None,
    columns: Mapping[str, tuple[Text, str]] = MappingProxyType({}),
) -> Card:
    """Lines over time (or `bars`), measured ones drawn through, references dashed by their role.

    `step` is the least length of `$__interval`; `stacked` shows shares of a whole; `top` is the axis' natural end.
    `columns`: where one query brings several (its alias is `COLUMN`), what each is called, and its colour.
    """
    built = (
        timeseries.Panel()
        .interval(step)
        .legend(style.legend(table=not stacked))
        .tooltip(style.tooltip())
        .draw_style(common.GraphDrawStyle.BARS if bars else common.GraphDrawStyle.LINE)
        .line_width(0 if bars else 2)
        .fill_opacity(70 if bars else 0)
        .point_size(4)
        .show_points(common.VisibilityMode.AUTO)
        .span_nulls(False)  # noqa: FBT003 - the SDK's own
        .axis_soft_min(0)
    )
    if top is not None:
        built.axis_soft_max(top)
    if stacked:
        built.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    measured = sum(ask.role is style.Role.MEASURED for ask in asks)
    built.overrides([_Override(number, ask, alone=measured == 1) for number, ask in enumerate(asks)])
    # Grafana formats ticks that it leaves out as values that are not there: without this they say the panel's "nothing".
    built.override_by_regexp(".*", [Property(id_val="noValue", value=_UNSEEN)])
    for name, (text, color) in columns.items():
        told = [("displayName", str(text)), ("color", {"mode": "fixed", "fixedColor": color})]
        built.override_by_name(name, [Property(id_val=key, value=value) for key, value in told])
    dressed(built, words, asks, unit, as_table=False)
    if style.UNITS[unit].unit == "percentunit":  # 0 digits would leave the ticks of 0 and 100 % alone
        built.decimals(max(1, style.UNITS[unit].decimals))
    panel = built.build()
    panel.transformations = _in_words(asks) or None
    return Card(key=key, panel=panel, width=width, height=height)


_UNSEEN: Final = "\u200b"
"""Nothing to see, and no number either: what reads as a number, and "" and blanks read as 0, Grafana draws in each gap."""

COLUMN: Final = Text(vi="$col", en="$col")
"""The alias of a query whose series are told apart by their columns."""


class _Override(cog.Builder[dashboard.DashboardFieldConfigSourceOverrides]):
    """How the series of one query look: many of the only measured query differ in hue, of several each has its hue."""

    def __init__(self, number: int, ask: Ask, *, alone: bool) -> None:
        self._number, self._ask = number, ask
        self._many = alone and ask.color is None and ask.alias is not None and "$tag_" in ask.alias.vi

    def build(self) -> dashboard.DashboardFieldConfigSourceOverrides:
        color = self._ask.color or style.PALETTE[self._number % len(style.PALETTE)]
        own = [Property(id_val="color", value=style.MANY if self._many else style.shades(color))]
        return dashboard.DashboardFieldConfigSourceOverrides(
            matcher=dashboard.MatcherConfig(id_val="byFrameRefID", options=ref(self._number)),
            properties=self._ask.role.properties() or own,
        )


def _in_words(asks: Sequence[Ask]) -> list[Transformation]:
    """Series are called after tags, in which kinds and statistics are codes: in an alias they stand in brackets."""
    aliases = " ".join(ask.alias.vi for ask in asks if ask.alias is not None)
    found = [_renamed(kind.value, kind.text) for kind in LinkKind if "($tag_kind" in aliases]
    if any(ask.alias is not None and ask.alias.vi.startswith("$tag_provider") for ask in asks):
        for regex, rest in (("^Value$", ""), ("^: (.*)$", ": $1")):  # "Value" is Grafana's word for no name
            nobody = {"regex": regex, "renamePattern": f"{style.NO_PROVIDER}{rest}"}
            found.append(Transformation(id_val="renameByRegex", options=nobody))
    return found + [_renamed(code, text) for code, text in STATISTICS.items() if "$tag_statistic)" in aliases]


def _renamed(code: str, text: Text) -> Transformation:
    pattern = rf"(.*[(,] ?){code}([,)].*)"
    return Transformation(id_val="renameByRegex", options={"regex": pattern, "renamePattern": f"$1{text}$2"})


STATISTICS: Final[Mapping[str, Text]] = {
    "median": Text(vi="trung vị", en="median"),
    "mean": Text(vi="trung bình", en="mean"),
}
"""The tag `statistic` of doxa_published in words."""


def number(
    key: str, words: Words, *asks: Ask, unit: str, width: int = 4, height: int = 4, codes: Sequence[Seen] = ()
) -> Card:
    """The newest value of each series, large."""
    built = (
        stat.Panel()
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]).values(False))  # noqa: FBT003
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.VALUE)
        .text_mode(common.BigValueTextMode.AUTO)
        .color_scheme(Fixed("text"))
    )
    if codes:
        built.mappings([mapping(codes)])
    return Card(key=key, panel=dressed(built, words, asks, unit, as_table=False).build(), width=width, height=height)


def states(
    key: str, words: Words, *asks: Ask, codes: Sequence[Seen], width: int = 12, height: int = 7, step: str = "5m"
) -> Card:
    """Which state each series was in, as bands of time with shape and word."""
    built = (
        statetimeline.Panel()
        .interval(step)
        .mappings([mapping(codes)])
        .color_scheme(Fixed(style.GREY))
        .show_value(common.VisibilityMode.AUTO)
        .merge_values(True)  # noqa: FBT003
        .row_height(0.8)
        .legend(style.legend(table=False))
        .tooltip(style.tooltip())
    )
    return Card(key=key, panel=dressed(built, words, asks, "code", as_table=False).build(), width=width, height=height)
