"""The kinds of sink: each is a module in this folder, imported when it is named; the folder is the registry."""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from doxa_collector.sink import Sink
from doxa_core.errors import InputError
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
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_"))


def load(kind: str) -> SinkModule:
    """The sink `kind`; `InputError` for one that does not exist or does not keep the contract."""
    if kind not in kinds():
        raise InputError(f"sink «{kind}»", _UNKNOWN, _known(kind))
    module = import_module(f"{__name__}.{kind}")
    missing = [name for name in ("TITLE", "read_options", "open_sink") if not hasattr(module, name)]
    if missing:
        what = Text(vi=f"mô-đun thiếu {', '.join(missing)}", en=f"its module lacks {', '.join(missing)}")
        raise InputError(f"sink «{kind}»", what, _CONTRACT)
    return SinkModule(kind=kind, title=module.TITLE, read_options=module.read_options, open_sink=module.open_sink)


def _known(kind: str) -> Text:
    near = get_close_matches(kind, kinds(), 1)
    if near:
        return Text(vi=f"có phải ý bạn là «{near[0]}»?", en=f"did you mean '{near[0]}'?")
    return Text(vi=f"các loại: {', '.join(kinds())}", en=f"kinds: {', '.join(kinds())}")


_UNKNOWN = Text(vi="không có loại này", en="there is no such kind")
_CONTRACT = Text(vi="hãy xem doxa_collector/sink.py", en="see doxa_collector/sink.py")
