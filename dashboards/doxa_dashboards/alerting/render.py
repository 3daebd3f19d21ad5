"""A rule in Grafana's form: queries, reductions, one comparison, one threshold."""

from typing import Any, Final

from doxa_core.codes import COUNTRY
from doxa_dashboards.alerting.model import Query, Rule

LABEL: Final = "doxa"
"""The label that every rule of ours carries; our notification policy asks for it."""
CONDITION: Final = "alarm"
EXPRESSION: Final = "__expr__"
_EXPRESSION_SOURCE: Final = {"type": EXPRESSION, "uid": EXPRESSION}
_MOST_POINTS: Final = 43_200
_INTERVAL_MS: Final = 60_000


def rendered(rule: Rule, *, folder: str, org_id: int) -> dict[str, Any]:
    """The body of Grafana's alert-rule provisioning API."""
    return {
        "uid": rule.uid,
        "orgID": org_id,
        "folderUID": folder,
        "ruleGroup": rule.group,
        "title": rule.title,
        "condition": CONDITION,
        "data": _data(rule),
        "noDataState": str(rule.no_data),
        "execErrState": "Error",
        "for": rule.wait,
        "labels": {LABEL: rule.name, "severity": str(rule.severity)},
        "annotations": _annotations(rule),
    }


def _data(rule: Rule) -> list[dict[str, Any]]:
    asked = [step for query in rule.queries for step in (_question(query), _reduction(query))]
    return [
        *asked,
        _step("compared", {"type": "math", "expression": rule.when}),
        _step(CONDITION, {"type": "threshold", "expression": "compared", "conditions": [_ABOVE_ZERO]}),
    ]


_ABOVE_ZERO: Final = {"type": "query", "evaluator": {"type": "gt", "params": [0]}}


def _question(query: Query) -> dict[str, Any]:
    ref = f"{query.ref}_series"
    uid = str(query.select.tier)
    return {
        "refId": ref,
        "queryType": "",
        "relativeTimeRange": {"from": query.from_s, "to": query.to_s},
        "datasourceUid": uid,
        "model": {
            "refId": ref,
            "datasource": {"type": "influxdb", "uid": uid},
            "query": query.select.statement(),
            "rawQuery": True,
            "resultFormat": "time_series",
            "intervalMs": _INTERVAL_MS,
            "maxDataPoints": _MOST_POINTS,
        },
    }


def _reduction(query: Query) -> dict[str, Any]:
    wanted = {"type": "reduce", "expression": f"{query.ref}_series", "reducer": "last", "settings": {"mode": "dropNN"}}
    return _step(query.ref, wanted)


def _step(ref: str, model: dict[str, Any]) -> dict[str, Any]:
    return {
        "refId": ref,
        "queryType": "",
        "relativeTimeRange": {"from": 0, "to": 0},
        "datasourceUid": EXPRESSION,
        "model": {
            "refId": ref,
            "datasource": _EXPRESSION_SOURCE,
            "intervalMs": _INTERVAL_MS,
            "maxDataPoints": _MOST_POINTS,
            **model,
        },
    }


def _annotations(rule: Rule) -> dict[str, str]:
    return {
        "summary": rule.summary,
        "description": " ".join(rule.description.split()),
        "link": page_link(rule),
    }


def page_link(rule: Rule) -> str:
    """The address of the dashboard with its variables filled from the alarm's labels."""
    asked = "&".join(f"var-{variable}={{{{ urlquery $labels.{label} }}}}" for variable, label in rule.variables.items())
    address = rule.page + (f"?{asked}" if asked else "")
    if rule.country_page:
        country = f'eq (print $labels.province) "{COUNTRY}"'
        address = f"{{{{ if {country} }}}}{rule.country_page}{{{{ else }}}}{address}{{{{ end }}}}"
    return f"{_GRAFANA}/d/{address}"


_GRAFANA: Final = "{{ reReplaceAll `/+\\z` `` externalURL }}"
"""Grafana's own address without the slash at its end: it answers 404 to `//d/…`."""
