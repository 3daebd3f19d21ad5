"""The folder `rules` is the registry: each file offers `RULES`."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from doxa_dashboards.alerting import rules
from doxa_dashboards.alerting.model import Rule


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, by name."""
    names = sorted(module.name for module in iter_modules(rules.__path__))
    found = [rule for name in names for rule in import_module(f"{rules.__name__}.{name}").RULES]
    return tuple(sorted(found, key=lambda rule: rule.name))
