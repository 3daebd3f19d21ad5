"""A plan as JSON and back, so that a closed month can be judged again under the very plan that it was judged under."""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from doxa_collector.plans.model import Plan
from doxa_collector.plans.showing import plain


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """Everything that the plan says; what it leaves unsaid is left out."""
    found = plain(plan)
    assert isinstance(found, dict)
    return found


def plan_from_json(found: Mapping[str, Any]) -> Plan:
    """The plan that `plan_as_json` wrote; `ValueError` for what it did not write."""
    try:
        made = _made(Plan, found)
    except (TypeError, KeyError) as error:
        raise ValueError(f"not a plan that was kept: {error}") from error
    assert isinstance(made, Plan)
    return made


def _made(wanted: Any, found: Any) -> Any:
    """`found` as the type that a field has: records, enumerations, days, tuples, and what may be absent."""
    origin = get_origin(wanted)
    if origin in (Union, types.UnionType):
        (inner,) = (part for part in get_args(wanted) if part is not type(None))
        return None if found is None else _made(inner, found)
    if origin is tuple:
        return tuple(_made(get_args(wanted)[0], item) for item in found)
    if is_dataclass(wanted) and isinstance(wanted, type):
        hints = get_type_hints(wanted)
        unknown = set(found) - {field.name for field in fields(wanted)}
        if unknown:
            raise KeyError(f"{wanted.__name__} has no {', '.join(sorted(unknown))}")
        return wanted(**{name: _made(hints[name], value) for name, value in found.items()})
    if wanted is date:
        return date.fromisoformat(found)
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return wanted(found)
    if wanted is float and isinstance(found, int):
        return found  # TOML's 5 stays 5, or its JSON would be another
    if not isinstance(found, wanted) or (wanted is int and isinstance(found, bool)):
        raise TypeError(f"{found!r} is no {wanted.__name__}")
    return found
