"""The rule of TT 06/2026, Đ.5.6, as an alarm: the collector's own seven days, by the newest day that is over.

The outcome is the verdict's, with its whole local days, its samples and each day's contract; what is not decided (gaps, no
contract for each of the days) raises nothing. It fails for the line; the direction is the one whose share of the capacity,
at the layer of the contract, is above what the rule allows.
"""

from typing import Final

from doxa_dashboards.alerting.model import BY_LINE, Query, Rule, Severity
from doxa_dashboards.query import compared, last, select

_DAY_S: Final = 86_400
_OVER_S: Final = _DAY_S + 3_600
"""A day's point stands at its beginning. Its last polls are counted ten minutes after its end: before the hour is over the
day would seem to have a gap."""
_DAYS: Final = 3
"""An older day says nothing of now: a line that is polled no longer, or that has left the registry."""
_WORDS: Final = {"download": "tải xuống", "upload": "tải lên"}
_JUDGED: Final = compared("week_outcome_code", ">=", 0)
"""The days that have an outcome: all numbers of an alarm are of the same day."""


def _newest(ref: str, field: str) -> Query:
    asked = select("doxa_p95_1d", last(field), where=[_JUDGED], by=BY_LINE)
    return Query(ref=ref, select=asked, from_s=_OVER_S + _DAYS * _DAY_S, to_s=_OVER_S)


def _rule(direction: str, name: str) -> Rule:
    word = _WORDS[direction]
    return Rule(
        name=f"p95-{name}",
        group="gio",
        title=f"Lưu lượng {word} vượt 90 % dung lượng (p95 bảy ngày)",
        queries=(
            _newest("outcome", "week_outcome_code"),
            _newest("over", f"{direction}_week_over_flag"),
            _newest("share", f"{direction}_week_p95_ratio"),
        ),
        when="$outcome < 0.5 && $over > 0.5",
        wait="0s",
        severity=Severity.WARNING,
        summary=f"Điểm đo {{{{ $labels.site }}}}: {{{{ $labels.link }}}} {word} vượt 90 % dung lượng",
        description=f"""Đường {{{{ $labels.link }}}} ({{{{ $labels.provider }}}}) tại điểm đo {{{{ $labels.site }}}}, xã
            {{{{ $labels.place }}}}, tỉnh {{{{ $labels.province }}}}: bách phân vị 95 của lưu lượng {word} trong bảy ngày, ngày
            cuối là ngày gần nhất đã trọn, là {{{{ with $values.share }}}}{{{{ humanizePercentage .Value }}}}{{{{ end }}}} dung
            lượng theo hợp đồng; mức cho phép là 90 %. Xem kết luận: doxa collector p95 {{{{ $labels.site }}}}
            {{{{ $labels.link }}}}.""",
        page="doxa-tslcd",
        variables={"province": "province", "place": "place", "link": "link"},
    )


RULES: Final = (_rule("download", "down"), _rule("upload", "up"))
