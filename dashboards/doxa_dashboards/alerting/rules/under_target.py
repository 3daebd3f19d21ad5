"""A target that its last decided verdict found not met: statistics, sample counts and bounds are the verdict's business."""

from typing import Final

from doxa_dashboards.alerting.model import Query, Rule, Severity
from doxa_dashboards.query import among, compared, last, select

_TWO_MONTHS_S: Final = 62 * 86_400
"""A verdict stands at the first instant of its month, so the month before this one is always in reach."""


def _last(ref: str, field: str) -> Query:
    """Of provinces and the country only: communes are ten thousand judgements, and their lines have rules of their own.

    Only verdicts that pass (1) or fail (0) are asked: a month that is still too short takes no alarm back.
    """
    decided = (compared("outcome_code", "<", 2), among("level", "country", "province"))
    asked = select("doxa_verdict", last(field), where=decided, by="plan target level province kind")
    return Query(ref=ref, select=asked, from_s=_TWO_MONTHS_S)


RULES: Final = (
    Rule(
        name="under-target",
        group="gio",
        title="Chỉ tiêu không đạt",
        queries=(_last("passed", "outcome_code"), _last("found", "value"), _last("threshold", "threshold")),
        when="$passed < 0.5",
        wait="0s",
        severity=Severity.INFO,
        summary="Chỉ tiêu {{ $labels.target }} của kế hoạch {{ $labels.plan }}: không đạt",
        description="""{{ if eq (print $labels.province) "00" }}Cả nước{{ else }}Tỉnh {{ $labels.province }}{{ end }},
            kế hoạch {{ $labels.plan }}, chỉ tiêu {{ $labels.target }}: kết luận gần nhất là không đạt{{ if $values.found.Labels
            }}, giá trị {{ printf "%.2f" $values.found.Value }}{{ end }}{{ if $values.threshold.Labels
            }}, ngưỡng {{ printf "%.2f" $values.threshold.Value }}{{ end }}.""",
        page="doxa-province",
        variables={"province": "province"},
        country_page="doxa-nation",
    ),
)
