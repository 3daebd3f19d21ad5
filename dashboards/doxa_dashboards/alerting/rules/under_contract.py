"""Speed of the last whole day against what the provider owes, both read from the series: no constant stands here."""

from typing import Final

from doxa_dashboards.alerting.model import BY_LINE, Query, Rule, Severity
from doxa_dashboards.query import Select, compared, largest, select, smallest

_DAY_S: Final = 86_400
_ENOUGH_RUNS: Final = 3
"""A day with fewer runs that succeeded says nothing."""
_WORDS: Final = {"download": "tải xuống", "upload": "tải lên"}
_FLOORS: Final = {"download": "floor_down_mbps", "upload": "floor_up_mbps"}


def _speed(direction: str) -> Select:
    """The best of the line's tests, by their median of the day: then no test of it reached the floor."""
    enough = compared("ok_count", ">=", _ENOUGH_RUNS)
    return select("doxa_speed_1d", largest(f"{direction}_mbps_median"), where=[enough], by=BY_LINE)


def _owed(field: str) -> Select:
    """The least that was owed in that time, so a contract that changes within it raises nothing by itself."""
    return select("doxa_contract", smallest(field), by=BY_LINE)


def _over_yesterday(ref: str, asked: Select) -> Query:
    """From 48 to 24 hours ago there is exactly one local midnight: the beginning of the last whole day."""
    return Query(ref=ref, select=asked, from_s=2 * _DAY_S, to_s=_DAY_S)


def _under_contract(direction: str, name: str) -> Rule:
    word = _WORDS[direction]
    return Rule(
        name=f"under-contract-{name}",
        group="gio",
        title=f"Tốc độ {word} dưới mức QCVN 34 (80 % hợp đồng)",
        queries=(_over_yesterday("speed", _speed(direction)), _over_yesterday("floor", _owed(_FLOORS[direction]))),
        when="$speed < $floor",
        wait="0s",
        severity=Severity.WARNING,
        summary=f"Điểm đo {{{{ $labels.site }}}}: {{{{ $labels.link }}}} {word} dưới mức QCVN 34 (80 % hợp đồng)",
        description=f"""Đường {{{{ $labels.link }}}} ({{{{ $labels.provider }}}}) tại điểm đo {{{{ $labels.site }}}}, xã
            {{{{ $labels.place }}}}, tỉnh {{{{ $labels.province }}}}: trung vị {word} ngày hôm qua là
            {{{{ printf "%.1f" $values.speed.Value }}}} Mbps, mức QCVN 34 (80 % hợp đồng) là {{{{ printf "%.1f" $values.floor.Value }}}} Mbps.""",
        page="doxa-commune",
        variables={"province": "province", "place": "place", "link": "link"},
    )


RULES: Final = (
    _under_contract("download", "down"),
    _under_contract("upload", "up"),
    Rule(
        name="tslcd-below-required",
        group="gio",
        title="Mạng TSLCD dưới tốc độ yêu cầu",
        queries=(
            _over_yesterday("speed", _speed("download")),
            _over_yesterday("required", _owed("required_mbps")),
        ),
        when="$speed < $required",
        wait="0s",
        severity=Severity.WARNING,
        summary="Điểm đo {{ $labels.site }}: mạng TSLCD dưới tốc độ yêu cầu",
        description="""Đường {{ $labels.link }} ({{ $labels.provider }}) tại điểm đo {{ $labels.site }}, xã {{ $labels.place }},
            tỉnh {{ $labels.province }}: trung vị tải xuống ngày hôm qua là {{ printf "%.1f" $values.speed.Value }} Mbps,
            yêu cầu {{ printf "%.0f" $values.required.Value }} Mbps.""",
        page="doxa-tslcd",
        variables={"province": "province", "place": "place", "link": "link"},
    ),
)
