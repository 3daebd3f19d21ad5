"""Plans: the demands of the documents, as strict TOML files and as records."""

from doxa_collector.plans.loader import load_plans, read_plan
from doxa_collector.plans.model import (
    Baseline,
    Condition,
    Kind,
    Mark,
    Measure,
    Offices,
    Operator,
    PlaceLevel,
    Plan,
    PlanPlace,
    Rule,
    Statistic,
    Target,
    Unit,
)

__all__ = [
    "Baseline",
    "Condition",
    "Kind",
    "Mark",
    "Measure",
    "Offices",
    "Operator",
    "PlaceLevel",
    "Plan",
    "PlanPlace",
    "Rule",
    "Statistic",
    "Target",
    "Unit",
    "load_plans",
    "read_plan",
]
