"""The series that are no single runs: each is a module in this folder; the folder is the registry (docs/influx.md).

A module offers `streams(world: World) -> Sequence[Stream]` (`_world.py`, `doxa_collector.sink`), and `OWN_THREAD = True` where
its streams have so much to write that they need a thread of their own.
"""

import sys
from collections.abc import Sequence
from typing import Final

from doxa_collector import kinds as registry
from doxa_collector.series._settings import Settings, read_settings
from doxa_collector.series._world import Health, World
from doxa_collector.sink import Stream

__all__ = ["Health", "Settings", "World", "groups", "kinds", "names", "read_settings"]

_CONTRACT: Final = "doxa_collector/series/__init__.py"


def kinds() -> list[str]:
    """The series that exist, without importing any of them."""
    return registry.kinds(sys.modules[__name__])


def groups(world: World) -> list[tuple[Stream, ...]]:
    """Every stream, by the thread that it shares: the quiet ones together, then each module that needs a thread."""
    quiet: list[Stream] = []
    own: list[tuple[Stream, ...]] = []
    for kind in kinds():
        module = registry.load(sys.modules[__name__], kind, ("streams",), what="series", contract=_CONTRACT)
        found: Sequence[Stream] = module.streams(world)
        if getattr(module, "OWN_THREAD", False):
            own.append(tuple(found))
        else:
            quiet += found
    return [tuple(quiet), *own]


def names() -> frozenset[str]:
    """The streams that this version has, as their cursors are called after the sink's name (`windows_5m`).

    A cursor of any other name is left over from a version whose series were others; nothing moves it any more.
    """
    return frozenset(stream.suffix.removeprefix("/") for group in groups(World()) for stream in group)
