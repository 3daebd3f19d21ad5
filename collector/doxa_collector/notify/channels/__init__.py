"""The kinds of channel: each is a module in this folder, imported when it is named; the folder is the registry."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doxa_collector import kinds as registry
from doxa_collector.notify.channel import Channel
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
    return registry.kinds(sys.modules[__name__])


def load(kind: str) -> ChannelModule:
    """The channel `kind`; `InputError` for one that does not exist or does not keep the contract."""
    module = registry.load(
        sys.modules[__name__], kind, _NAMES, what="notify", contract="doxa_collector/notify/channel.py"
    )
    return ChannelModule(
        kind=kind, title=module.TITLE, longest=module.LONGEST, read_options=module.read_options,
        open_channel=module.open_channel,
    )  # fmt: skip
