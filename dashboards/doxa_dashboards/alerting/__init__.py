"""Grafana alert rules as code, for those who prefer them to the collector's own: one file a rule in `rules/`."""

from doxa_dashboards.alerting.model import Rule
from doxa_dashboards.alerting.registry import all_rules

__all__ = ["Rule", "all_rules"]
