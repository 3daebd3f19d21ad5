"""A line that reaches nothing: no far end answered for a quarter of an hour."""

from typing import Final

from doxa_dashboards.alerting.model import BY_LINE, Query, Rule, Severity
from doxa_dashboards.query import select, total

_WINDOW_S: Final = 900


def _runs(ref: str, count: str) -> Query:
    """All far ends and both families together: one far end that is down is no line that is down."""
    return Query(ref=ref, select=select("doxa_latency_5m", total(count), by=BY_LINE), from_s=_WINDOW_S)


# A probe that is silent has no series here, so its line is not called down a second time: presence.py tells of it.
RULES: Final = (
    Rule(
        name="link-down",
        group="nhanh",
        title="Mất kết nối đường truyền",
        queries=(
            _runs("answered", "ok_count"),
            _runs("failed", "failed_count"),
        ),
        when="$answered == 0 && $failed >= 3",
        wait="2m",
        severity=Severity.CRITICAL,
        summary="Điểm đo {{ $labels.site }}: mất kết nối {{ $labels.link }}",
        description="""Đường {{ $labels.link }} ({{ $labels.provider }}) tại điểm đo {{ $labels.site }}, xã {{ $labels.place }},
            tỉnh {{ $labels.province }}: 15 phút qua không đầu xa nào trả lời, {{ $values.failed.Value }} lần đo đều không tới được.""",
        page="doxa-commune",
        variables={"province": "province", "place": "place", "link": "link"},
    ),
)
