"""The rules in force: those shipped with doxa, changed, switched off or joined by the deployment's rules.toml."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from doxa_collector.alerts.model import Rule
from doxa_collector.alerts.reading import read_rule, refuse_other_way, refuse_stranger, refuse_twice
from doxa_core.errors import InputError
from doxa_core.strict import Table, read_toml

SHIPPED: Final = Path(__file__).with_name("rules.toml")
_CONDITION: Final = frozenset({"threshold", "clear_threshold", "baseline"})


def read_rules(file: Path | None = None) -> tuple[Rule, ...]:
    """Every rule, also those that are switched off, shipped ones first; `InputError` for the first thing that is wrong.

    A `[[rule]]` of the file whose id is that of a shipped one changes the keys that it names; a table in it
    (`message`, `scope`, `schedule`, `baseline` …) replaces the shipped table whole, and a new condition the old one.
    """
    shipped = _shipped()
    found: dict[str, tuple[Table, Rule]] = {}
    for name, plain in shipped.items():
        table = Table(dict(plain), SHIPPED.name, f"rule[{name}].")
        found[name] = table, read_rule(table)
    if file is not None:
        found |= _deployed(file, shipped)
    _check_ways(list(found.values()))
    return tuple(rule for _, rule in found.values())


@cache
def _shipped() -> Mapping[str, Mapping[str, Any]]:
    """The shipped file as TOML gave it, by id."""
    return {rule["id"]: rule for rule in tomllib.loads(SHIPPED.read_text(encoding="utf-8"))["rule"]}


def _deployed(file: Path, shipped: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[Table, Rule]]:
    top = read_toml(file)
    tables = top.array("rule")
    top.close()
    found: dict[str, tuple[Table, Rule]] = {}
    for place, own in enumerate(tables, 1):
        name = own.identifier("id")
        if name in found:
            raise refuse_twice(own, name, list(found).index(name) + 1)
        if name not in shipped and "metric" not in own:
            raise refuse_stranger(own, name, list(shipped))
        table = _over(shipped.get(name, {}), own, str(file), place)
        found[name] = table, read_rule(table)
    return found


def _over(base: Mapping[str, Any], own: Table, where: str, place: int) -> Table:
    changes = own._found  # noqa: SLF001 - one layer over another is no reading of keys, so Table has no word for it
    dropped = _CONDITION if _CONDITION & changes.keys() else frozenset[str]()
    if dropped and "baseline" not in changes and "threshold" not in changes and "threshold" in base:
        dropped = frozenset()  # only the hysteresis is changed
    kept = {key: value for key, value in base.items() if key not in dropped}
    return Table(kept | changes, where, f"rule[{place}].")


def _check_ways(found: Sequence[tuple[Table, Rule]]) -> None:
    """Of several far ends one figure is formed, so all rules over a metric must call the same thing better."""
    first: dict[str, Rule] = {}
    for table, rule in found:
        if rule.enabled and _way(other := first.setdefault(rule.metric.name, rule)) != _way(rule):
            raise refuse_other_way(table, rule, other)


def _way(rule: Rule) -> bool:
    """Whether the larger of two figures speaks for the line."""
    return rule.operator.upward == (rule.far_ends == "worst")


def wanted(rules: Iterable[Rule]) -> dict[str, bool]:
    """The metrics that these rules read; whether the larger one of several far ends' figures speaks for the line."""
    return {rule.metric.name: _way(rule) for rule in rules if rule.enabled}


def worst(rules: Iterable[Rule]) -> frozenset[str]:
    """The metrics of which every far end counts for itself: the one that fares worst speaks, and is named."""
    return frozenset(rule.metric.name for rule in rules if rule.enabled and rule.far_ends == "worst")


class Rules:
    """The rules of a running service: a bad file is told and changes nothing, the last good set stays in force."""

    def __init__(self, file: Path | None = None) -> None:
        """`InputError` for a file that is wrong from the start."""
        self.file = file
        self.current = read_rules(file)

    def reload(self) -> InputError | None:
        """Read the file again; what is wrong with it, None where the new rules are in force now."""
        try:
            self.current = read_rules(self.file)
        except InputError as error:
            return error
        return None
