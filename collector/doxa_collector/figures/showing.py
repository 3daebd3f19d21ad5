"""Figures and indicators as lines for people and as fields for machines."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from doxa_collector.assess.manual import FLAG
from doxa_collector.figures.bringing import Change, Fate
from doxa_collector.figures.naming import Places
from doxa_collector.figures.reading import month_end
from doxa_core.language import Text, local_time, number

SHOWN: Final = 40
"""Lines of an import; the rest is counted."""

KINDS: Final = {
    "fixed": Text(vi="cố định", en="fixed"),
    "mobile": Text(vi="di động", en="mobile"),
    "mobile-5g": Text(vi="di động 5G", en="mobile 5G"),
    "tslcd": Text(vi="TSLCD", en="TSLCD"),
}
STATISTICS: Final = {
    "mean": Text(vi="trung bình", en="mean"),
    "median": Text(vi="trung vị", en="median"),
    "not_stated": Text(vi="không rõ thống kê", en="statistic not stated"),
}
WAYS: Final = {"download": Text(vi="tải xuống", en="download"), "upload": Text(vi="tải lên", en="upload")}


def what_line(row: Mapping[str, Any], places: Places) -> str:
    """What a figure is about: `09/2025  Tỉnh Lạng Sơn (20)  cố định, tải xuống, trung bình`."""
    code, month = row["place_code"], row["month"]
    parts = KINDS[row["link_kind"]], WAYS[row["direction"]], STATISTICS[row["statistic"]]
    return f"{month[5:]}/{month[:4]}  {places.name(code, month_end(month))} ({code})  {', '.join(map(str, parts))}"


def figure_line(row: Mapping[str, Any], places: Places) -> str:
    """A row of the table `figure` with its origin."""
    count = "" if row["n"] is None else f", n = {row['n']}"
    line = f"{what_line(row, places)}: {mbps(row['value_mbps'])}{count}  [{row['mark']}] {row['source']}"
    line += str(_BROUGHT.fill(by=row["imported_by"] or "?", when=_when(row["imported_us"]), file=row["file"] or "?"))
    if row["superseded_us"] is not None:
        line += str(_REPLACED.fill(when=_when(row["superseded_us"])))
    return line


def indicator_line(row: Mapping[str, Any]) -> str:
    """A row of the table `indicator`: what, who, when and from which paper."""
    value = number(row["value"], 2).rstrip("0").rstrip(",.")
    said = str(_DONE if row["value"] == 1 else _NOT_DONE) if row["unit"] == FLAG else f"{value} {row['unit']}"
    origin = _ENTERED.fill(by=row["entered_by"], when=_when(row["entered_us"]), source=row["source"])
    return f"{row['as_of']}  {row['plan']} {row['target']} ({row['place_code']}): {said}{origin}"


def change_lines(found: Sequence[Change], places: Places) -> list[str]:
    """The new and replaced figures; known ones are only counted."""
    signs = {Fate.NEW: "+", Fate.REPLACED: "~"}
    lines = []
    for one in found:
        if one.fate in signs:
            before = "" if one.before_mbps is None else f"{mbps(one.before_mbps)} → "
            line = f"{signs[one.fate]} {what_line(fields(one), places)}: {before}{mbps(one.figure.value_mbps)}"
            lines.append(line)
    more = len(lines) - SHOWN
    return lines if more <= 0 else [*lines[:SHOWN], str(_MORE.fill(n=more))]


def jump_lines(found: Sequence[Change], places: Places) -> list[Text]:
    """A warning for each figure that jumps against the month before."""
    return [
        _JUMP.fill(
            what=what_line(fields(one), places), value=mbps(one.figure.value_mbps), last=mbps(one.last_month_mbps)
        )
        for one in found
        if one.last_month_mbps is not None
    ]


def fields(one: Change) -> dict[str, Any]:
    """A change for machines."""
    figure = {name: getattr(one.figure, name) for name in type(one.figure).__dataclass_fields__}
    return figure | {"fate": one.fate.value, "before_mbps": one.before_mbps, "last_month_mbps": one.last_month_mbps}


def mbps(value: float) -> str:
    """A rate as people write it: `272,44 Mbps`."""
    return f"{number(value, 2)} Mbps"


def _when(us: int) -> str:
    return local_time(datetime.fromtimestamp(us / 1e6, UTC))


_BROUGHT = Text(vi="; {by} nhập {when} từ {file}", en="; imported by {by} {when} from {file}")
_REPLACED = Text(vi="; đã bị thay {when}", en="; replaced {when}")
_ENTERED = Text(vi="; {by} nhập {when} theo {source}", en="; entered by {by} {when} from {source}")
_DONE = Text(vi="đạt", en="done")
_NOT_DONE = Text(vi="chưa đạt", en="not done")
_MORE = Text(vi="… và {n} số liệu nữa (--json để xem hết)", en="… and {n} more figures (--json shows all)")
_JUMP = Text(
    vi="chú ý: {what}: {value}, tháng trước {last}; hãy kiểm tra dấu phẩy và đơn vị",
    en="note: {what}: {value}, the month before {last}; check the decimal mark and the unit",
)
