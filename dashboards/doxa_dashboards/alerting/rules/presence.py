"""An office whose probe is silent, by the collector's own presence (which knows when it is its own fault)."""

from typing import Final

from doxa_dashboards.alerting.model import Query, Rule, Severity
from doxa_dashboards.query import last, select

_REACH_S: Final = 1_200
"""Two windows that are over, and the one that grows."""


def _last(ref: str, field: str) -> Query:
    return Query(ref=ref, select=select("doxa_presence_5m", last(field), by="province place site"), from_s=_REACH_S)


RULES: Final = (
    Rule(
        name="probe-silent",
        group="nhanh",
        title="Thiết bị đo mất liên lạc",
        queries=(
            _last("silent", "silent_count"),
            _last("probes", "probes_count"),
        ),
        when="$silent > 0",
        wait="10m",
        severity=Severity.WARNING,
        summary="Điểm đo {{ $labels.site }}: thiết bị đo mất liên lạc",
        description="""Điểm đo {{ $labels.site }}, xã {{ $labels.place }}, tỉnh {{ $labels.province }}: {{ $values.silent.Value }}
            trên {{ $values.probes.Value }} thiết bị mất liên lạc. Có thể mất điện, mất mạng hoặc hỏng thiết bị.""",
        page="doxa-noc",
        variables={"province": "province"},
    ),
)
