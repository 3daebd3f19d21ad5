"""The kinds of channel: each is a module in this folder, imported when it is named; the folder is the registry."""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from doxa_collector.notify.channel import Channel
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.strict import Table

_NAMES = ("TITLE", "LONGEST", "read_options", "open_channel")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelModule:
    """What a channel's module offers (channel.py)."""

    kind: str
    title: Text
    longest: int
    read_options: Callable[[Table, Path], Any]
    open_channel: Callable[[Any], Channel]


def kinds() -> list[str]:
    """The kinds that exist, without importing any of them."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_"))


def load(kind: str) -> ChannelModule:
    """The channel `kind` (one of `kinds()`); `InputError` for a module that does not keep the contract."""
    module = import_module(f"{__name__}.{kind}")
    missing = [name for name in _NAMES if not hasattr(module, name)]
    if missing:
        what = Text(vi=f"mô-đun thiếu {', '.join(missing)}", en=f"its module lacks {', '.join(missing)}")
        raise InputError(f"notify «{kind}»", what, _CONTRACT)
    return ChannelModule(
        kind=kind, title=module.TITLE, longest=module.LONGEST, read_options=module.read_options,
        open_channel=module.open_channel,
    )  # fmt: skip


_CONTRACT = Text(vi="hãy xem doxa_collector/notify/channel.py", en="see doxa_collector/notify/channel.py")
