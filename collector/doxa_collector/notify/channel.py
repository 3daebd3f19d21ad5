"""The contract of a channel: one file in `channels/`, found by its name, that delivers one message and keeps no state of it.

A channel's module has these names, all checked by `channels.load()`:

    TITLE: Text                                            what people call it
    LONGEST: int                                           characters of a message that it carries, more are cut
    read_options(table: Table, base: Path) -> Options      strict; the caller closes the table. Secrets stay in files
    open_channel(options: Options) -> Channel              makes no connection yet

The frame around it (courier.py) supplies the outbox, order, retries and the rate limit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from doxa_core.errors import DoxaError
from doxa_core.language import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is told, already masked and in the channel's language."""

    title: str
    """One line."""
    body: str
    """Plain text of some lines, the title not repeated."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """The same for machines (docs/operating.md, webhook)."""

    def text(self, longest: int) -> str:
        """Title and body, cut at `longest` characters where need be."""
        whole = f"{self.title}\n{self.body}".strip()
        return whole if len(whole) <= longest else whole[: longest - 1] + "…"


class NotTakenError(DoxaError):
    """The message was not delivered: the sentence says why and how to mend it."""

    def __init__(self, text: Text, *, retry_after_s: float | None = None, for_ever: bool = False) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s
        """When the other side asked to be tried again."""
        self.for_ever = for_ever
        """Whether it would refuse this message again however often it is tried."""


class Channel(Protocol):
    """One way to people. Called by one thread at a time."""

    def send(self, message: Message) -> None:
        """Deliver it; `NotTakenError`. A message may come twice: a crash between delivery and our note of it."""

    def check(self) -> Text:
        """One sentence about a channel that could deliver now, without delivering anything; `NotTakenError`."""
