"""The rule of TT 06/2026, Đ.5.6, as an early warning: traffic of seven days against 90 % of the contracted rate.

The verdict is the collector's, which knows whole local days and each day's contract. Here: seven times 24 hours until
now, IP layer (the smallest of the layers: what is above there is above everywhere), the largest contract of that week.
"""

from typing import Final

from doxa_dashboards.alerting.model import BY_LINE, Query, Rule, Severity
from doxa_dashboards.query import Column, largest, number_of, percentile, select

_WEEK_S: Final = 7 * 86_400
_ENOUGH: Final = 1_918
"""7 × 274 of 7 × 288 five-minute samples, as the verdict asks for."""
_WORDS: Final = {"download": "tải xuống", "upload": "tải lên"}
_CONTRACTS: Final = {"download": "contracted_down_mbps", "upload": "contracted_up_mbps"}


def _over_week(ref: str, source: str, column: Column) -> Query:
    return Query(ref=ref, select=select(source, column, by=BY_LINE), from_s=_WEEK_S)


def _rule(direction: str, name: str) -> Rule:
    field, word = f"{direction}_traffic_ip_mbps_mean", _WORDS[direction]
    return Rule(
        name=f"p95-{name}",
        group="gio",
        title=f"Lưu lượng {word} vượt 90 % dung lượng (p95 bảy ngày)",
        queries=(
            _over_week("p95", "doxa_snmp_5m", percentile(field, 95)),
            _over_week("samples", "doxa_snmp_5m", number_of(field)),
            _over_week("contract", "doxa_contract", largest(_CONTRACTS[direction])),
        ),
        when=f"$p95 > 0.9 * $contract && $samples >= {_ENOUGH}",
        wait="1h",
        severity=Severity.WARNING,
        summary=f"Điểm đo {{{{ $labels.site }}}}: {{{{ $labels.link }}}} {word} vượt 90 % dung lượng",
        description=f"""Đường {{{{ $labels.link }}}} ({{{{ $labels.provider }}}}) tại điểm đo {{{{ $labels.site }}}}, xã
            {{{{ $labels.place }}}}, tỉnh {{{{ $labels.province }}}}: bách phân vị 95 của lưu lượng {word} trong bảy ngày là
            {{{{ printf "%.1f" $values.p95.Value }}}} Mbps, dung lượng hợp đồng là
            {{{{ printf "%.0f" $values.contract.Value }}}} Mbps. Xem kết luận: doxa collector p95 {{{{ $labels.site }}}}
            {{{{ $labels.link }}}}.""",
        page="doxa-tslcd",
        variables={"province": "province", "place": "place", "link": "link"},
    )


RULES: Final = (_rule("download", "down"), _rule("upload", "up"))
