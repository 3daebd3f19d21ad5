"""The kinds of sink: each is a module in this folder, imported when it is named; the folder is the registry."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doxa_collector import kinds as registry
from doxa_collector.sink import Sink
from doxa_core.language import Text
from doxa_core.strict import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkModule:
    """What a sink's module offers (sink.py)."""

    kind: str
    title: Text
    read_options: Callable[[Table, Path], Any]
    open_sink: Callable[[Any], Sink]


def kinds() -> list[str]:
    """The kinds that exist, without importing any of them."""
    return registry.kinds(sys.modules[__name__])


def load(kind: str) -> SinkModule:
    """The sink `kind`; `InputError` for one that does not exist or does not keep the contract."""
    module = registry.load(
        sys.modules[__name__],
        kind,
        ("TITLE", "read_options", "open_sink"),
        what="sink",
        contract="doxa_collector/sink.py",
    )
    return SinkModule(kind=kind, title=module.TITLE, read_options=module.read_options, open_sink=module.open_sink)
