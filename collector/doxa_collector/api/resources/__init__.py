"""What there is to read. The folder is the list: each file here gives its `RESOURCES`."""

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

from doxa_collector.api.resource import Resource


def all_resources() -> Sequence[Resource]:
    """Every address; within a file in its order, a fixed address before one with parameters in the same place."""
    names = sorted(module.name for module in iter_modules(__path__))
    return [one for name in names for one in import_module(f"{__name__}.{name}").RESOURCES]
