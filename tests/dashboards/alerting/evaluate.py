"""What Grafana does with an alert rule: ask, reduce, calculate, compare. After its documented behaviour, none of its code.

The rule is taken in the form in which it is published, so what is tested is what is sent.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Labels = frozenset[tuple[str, str]]
Numbers = dict[Labels, float]
Ask = Callable[[str, str], list[dict[str, Any]]]
"""`ask(uid of the data source, statement)`."""


@dataclass(frozen=True)
class Found:
    """The outcome of one evaluation."""

    no_data: bool
    firing: frozenset[Labels]
    numbers: Mapping[str, Numbers]
    """By the name of the question: what a message shows."""

    @property
    def sites(self) -> set[str]:
        return {dict(labels).get("site", "") for labels in self.firing}


def evaluate(rule: Mapping[str, Any], ask: Ask, now_s: int) -> Found:
    """Evaluate the rule as published, at a moment."""
    series: dict[str, dict[Labels, list[float]]] = {}
    numbers: dict[str, Numbers] = {}
    for query in rule["data"]:
        model, ref = query["model"], query["refId"]
        if query["datasourceUid"] != "__expr__":
            span = query["relativeTimeRange"]
            series[ref] = _asked(ask, query["datasourceUid"], model["query"], now_s - span["from"], now_s - span["to"])
        elif model["type"] == "reduce":
            assert (model["reducer"], model["settings"]) == ("last", {"mode": "dropNN"})
            numbers[ref] = {labels: values[-1] for labels, values in series[model["expression"]].items() if values}
        elif model["type"] == "math":
            numbers[ref] = calculate(model["expression"], numbers)
        else:
            assert model["type"] == "threshold"
            evaluator = model["conditions"][0]["evaluator"]
            assert evaluator["type"] == "gt"
            found = numbers[model["expression"]]
            numbers[ref] = {labels: float(value > evaluator["params"][0]) for labels, value in found.items()}
    condition = numbers[rule["condition"]]
    return Found(
        no_data=not any(series.values()),
        firing=frozenset(labels for labels, value in condition.items() if value),
        numbers=numbers,
    )


def _asked(ask: Ask, uid: str, statement: str, from_s: int, to_s: int) -> dict[Labels, list[float]]:
    told = statement.replace("$timeFilter", f"time >= {from_s * 1000}ms and time <= {to_s * 1000}ms")
    assert "$" not in told.replace(")$/", ""), f"a variable that nobody fills: {told}"
    found: dict[Labels, list[float]] = {}
    for one in ask(uid, told):
        assert len(one["columns"]) == 2, "two columns with equal labels are a mistake to Grafana"
        labels = frozenset((one.get("tags") or {}).items())
        found[labels] = [float(row[1]) for row in one["values"] if row[1] is not None]
    return {labels: values for labels, values in found.items() if values}


# --- Grafana's math: variables are sets of numbers with labels, which meet where labels are equal or contained

_PYTHON: Final = (("&&", " and "), ("||", " or "))
_OPERATORS: Final[dict[type[ast.AST], Callable[[float, float], Any]]] = {
    ast.Lt: operator.lt, ast.Gt: operator.gt, ast.LtE: operator.le, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.And: lambda a, b: bool(a) and bool(b), ast.Or: lambda a, b: bool(a) or bool(b),
}  # fmt: skip


def calculate(expression: str, known: Mapping[str, Numbers]) -> Numbers:
    """The numbers of an expression such as `$speed < 0.9 * $floor`."""
    text = re.sub(r"\$(\w+)", r"\1", expression)
    for theirs, ours in _PYTHON:
        text = text.replace(theirs, ours)
    return _value(ast.parse(text, mode="eval").body, known)


def _value(node: ast.AST, known: Mapping[str, Numbers]) -> Numbers:
    if isinstance(node, ast.Constant):
        return {frozenset(): float(node.value)}  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return known[node.id]
    if isinstance(node, ast.Compare):
        return _joined(_OPERATORS[type(node.ops[0])], _value(node.left, known), _value(node.comparators[0], known))
    if isinstance(node, ast.BinOp):
        return _joined(_OPERATORS[type(node.op)], _value(node.left, known), _value(node.right, known))
    assert isinstance(node, ast.BoolOp), ast.dump(node)
    found = _value(node.values[0], known)
    for other in node.values[1:]:
        found = _joined(_OPERATORS[type(node.op)], found, _value(other, known))
    return found


def _joined(function: Callable[[float, float], Any], left: Numbers, right: Numbers) -> Numbers:
    return {
        max(one, other, key=len): float(function(a, b))
        for one, a in left.items()
        for other, b in right.items()
        if one <= other or other <= one
    }
