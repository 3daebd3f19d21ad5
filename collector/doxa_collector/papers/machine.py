"""A record as JSON types: fields in their order, days and moments in ISO form, no figure is null."""

import math
from dataclasses import is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from doxa_collector.papers.cleaning import clean
from doxa_collector.papers.records import field_names
from doxa_core.moments import to_wire


def machine(found: Any) -> Any:
    """The record's fields, and those of the records in it."""
    if is_dataclass(found) and not isinstance(found, type):
        return {name: machine(getattr(found, name)) for name in field_names(type(found))}
    if type(found) is str:
        return clean(found)
    if isinstance(found, (tuple, list)):
        return [machine(item) for item in found]
    if isinstance(found, datetime):
        return to_wire(found)
    if isinstance(found, date):
        return found.isoformat()
    if isinstance(found, Enum):
        return found.value
    return None if isinstance(found, float) and not math.isfinite(found) else found
