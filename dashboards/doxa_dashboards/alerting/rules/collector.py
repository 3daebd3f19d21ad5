"""The collector itself: silent, behind, without its broker, or unable to write to a store.

Only here is "no data" an alarm: who writes each minute and is not read is not running, or the store is gone. All other
rules then have nothing to judge, so this one speaks for them.
"""

from typing import Final

from doxa_dashboards.alerting.model import NoData, Query, Rule, Severity
from doxa_dashboards.query import Column, largest, number_of, select, smallest

_PAGE: Final = "doxa-health"
_TEN_MINUTES_S: Final = 600


def _ask(column: Column, by: str = "") -> Query:
    return Query(ref="found", select=select("doxa_collector", column, by=by), from_s=_TEN_MINUTES_S)


RULES: Final = (
    Rule(
        name="collector-silent",
        group="nhanh",
        title="Máy chủ thu thập không ghi số liệu",
        queries=(_ask(number_of("accepted_count")),),
        when="$found < 1",
        wait="2m",
        severity=Severity.CRITICAL,
        summary="Máy chủ thu thập không ghi số liệu",
        description="""Hơn mười phút nay kho số liệu không có số liệu nào của máy chủ thu thập. Dịch vụ doxa-collector dừng, hoặc kho không ghi được;
            số liệu của thiết bị đo vẫn chờ, không mất. Xem: doxa collector check.""",
        page=_PAGE,
        no_data=NoData.ALERTING,
    ),
    Rule(
        name="collector-behind",
        group="nhanh",
        title="Máy chủ thu thập tiếp nhận chậm",
        queries=(_ask(smallest("intake_behind_s")),),
        when="$found > 300",
        wait="5m",
        severity=Severity.WARNING,
        summary="Máy chủ thu thập tiếp nhận chậm {{ with $values.found }}{{ humanizeDuration .Value }}{{ end }}",
        description="""Suốt mười phút qua máy chủ thu thập xử lý chậm ít nhất
            {{ with $values.found }}{{ humanizeDuration .Value }}{{ end }} so với lúc số liệu tới. Các cảnh báo khác cũng chậm theo.""",
        page=_PAGE,
    ),
    Rule(
        name="broker-lost",
        group="nhanh",
        title="Máy chủ thu thập mất kết nối với máy chủ MQTT",
        queries=(_ask(largest("broker_connected_flag")),),
        when="$found < 0.5",
        wait="0s",
        severity=Severity.CRITICAL,
        summary="Máy chủ thu thập mất kết nối với máy chủ MQTT",
        description="Suốt mười phút qua máy chủ thu thập không nối được với máy chủ MQTT; kết quả nằm lại trên thiết bị đo, không mất.",
        page=_PAGE,
    ),
    Rule(
        name="sink-waiting",
        group="nhanh",
        title="Kho số liệu không nhận",
        queries=(_ask(smallest("waiting_flag"), by="sink"),),
        when="$found > 0.5",
        wait="5m",
        severity=Severity.WARNING,
        summary="Kho {{ $labels.sink }} không nhận số liệu",
        description="""Suốt mười phút qua kho {{ $labels.sink }} không nhận số liệu; máy chủ thu thập giữ lại và gửi bù sau. Xem: doxa
            collector sinks check.""",
        page=_PAGE,
    ),
)
