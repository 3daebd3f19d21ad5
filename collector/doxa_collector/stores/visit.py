"""What a look at a store, and what the setting up of one, is given."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from doxa_collector.sinks.influx import Options
from doxa_collector.stores.buckets import Bucket, buckets
from doxa_collector.stores.door import Door, token_words
from doxa_collector.stores.finding import Finding
from doxa_core.language import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A look at the store of one sink."""

    name: str
    """The sink's."""
    options: Options
    token: str | None = field(repr=False)
    """The sink's own."""
    operator: str | None = field(default=None, repr=False)
    """One that may see everything; None where the person has none at hand."""

    @property
    def door(self) -> Door:
        """The store as the sink sees it."""
        return door(self.options, None if self.token is None else f"Token {self.token}")

    @property
    def wide_door(self) -> Door:
        """The store as the operator sees it, else as the sink does."""
        return self.door if self.operator is None else door(self.options, token_words(self.operator))

    @property
    def buckets(self) -> list[Bucket]:
        """The buckets that should be there."""
        return buckets(self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be made. `options` are those of a sink that would write there."""

    options: Options
    operator: str | None = field(default=None, repr=False)
    write_token_file: Path | None = None
    read_token_file: Path | None = None
    change_retention: bool = False
    rehearse: bool = False
    """Say what would be made, and make nothing."""

    @property
    def door(self) -> Door:
        """The store as the operator sees it."""
        return door(self.options, token_words(self.operator))

    @property
    def buckets(self) -> list[Bucket]:
        """The buckets that should be there."""
        return buckets(self.options)


class Keeper(Protocol):
    """What a kind of store offers: one module each."""

    def create(self, options: Options, bucket: Bucket) -> str:
        """The command that makes this bucket."""

    def new_token(self, options: Options) -> Text:
        """How to come by a token that may write."""

    def look(self, visit: Visit) -> Iterator[Finding]:
        """What is to be known beyond writing: mapping, retention, how it was started."""

    def make(self, order: Order) -> Iterator[Finding]:
        """Make what is missing."""


def door(options: Options, authorization: str | None) -> Door:
    """A door with the sink's address, authority and patience."""
    return Door(
        url=options.url, authorization=authorization, ca_file=options.ca_file, timeout_s=options.timeout_s
    )  # fmt: skip


def setup_command(options: Options, *more: str) -> str:
    """Our own command that makes what this sink's store lacks."""
    words = ["--url", options.url]
    words += [] if options.org == "doxa" else ["--org", options.org]
    words += [] if options.bucket == "doxa" else ["--bucket", options.bucket]
    kept = options.retention
    for option, days, plain in (
        ("--raw-days", kept.raw_days, 90), ("--five-minutes-days", kept.five_minutes_days, 365),
        ("--long-days", kept.long_days, 0),
    ):  # fmt: skip
        words += [] if days == plain else [option, str(days)]
    return "doxa collector sinks setup " + " ".join(shlex.quote(word) for word in (*words, *more))
