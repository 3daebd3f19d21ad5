"""*Tỉnh*."""

from datetime import date
from typing import Final

from tests.dashboards.expected.asked import Asked, Choices, Expected, Rows, Told, grouped, loss, middle, told
from tests.dashboards.expected.facts import SEVERAL, labels, latest_verdicts
from tests.dashboards.expected.line_days import compared_providers, over_lines, trend
from tests.dashboards.month import FULL, OTHER, day_of, plans


def province_targets(asked: Asked) -> Told:
    rows = latest_verdicts(asked, "province", "plan")
    outcome: Rows = {((row["place"], row["target"]), None): {"outcome": row["outcome_code"]} for row in rows}
    return {"A": outcome, "B": labels(asked)}


def province_meanings(asked: Asked) -> Told:
    """Every target in force of a plan for the province or the country."""
    rows: Rows = {}
    day = date.fromisoformat(day_of(asked.to_us))
    for plan in plans():
        holds = plan.valid_from <= day and (plan.judge_until is None or day <= plan.judge_until)
        near = any(place.province == "00" or asked.picks("province", place.province) for place in plan.places)
        for target in plan.targets if holds and near and asked.picks("plan", plan.id) else ():
            unit = "" if target.unit is None else target.unit.value
            rows[(plan.id, target.id, unit), None] = told({"title": target.title.vi, "threshold": target.value})
    return {"A": rows}


AREA: Final = ("province", "kind", "provider")


def province_ranking(asked: Asked) -> Told:
    speeds, delays = (asked.windows(meter, "1d", *AREA) for meter in ("speed", "latency"))
    return {
        "A": grouped(speeds, "place", lambda w: {
            "down": middle(w, "download_mbps"), "up": middle(w, "upload_mbps"), "runs": sum(one.count("ok") for one in w),
        }),
        "B": grouped(
            [w for w in delays if sum(w.column("sent_count"))],
            "place", lambda w: {"rtt": middle(w, "rtt_p50_ms"), "loss": loss(w)},
        ),
        "C": labels(asked),
    }  # fmt: skip


EXPECTED: Final[Expected] = {
    **SEVERAL,
    "targets": province_targets,
    "meanings": province_meanings,
    "ranking": province_ranking,
    "providers": compared_providers,
    "trend_down": trend(over_lines("speed", "download_mbps")),
    "trend_rtt": trend(over_lines("latency", "rtt_p50_ms")),
}

CHOICES: Final[Choices] = (
    ("the full one", "all", {"province": [FULL]}),
    ("two providers and a plan", "several", {"province": [FULL], "provider": ["VNPT", "CMC Telecom"]}),
    ("TSLCD", "all", {"province": [FULL], "kind": ["tslcd"]}),
    ("mobile", "all", {"province": [OTHER], "kind": ["mobile"]}),
    ("the other", "all", {"province": [OTHER]}),
    ("a plan of elsewhere", "all", {"province": [FULL], "plan": ["e-lai-chau"]}),
)
