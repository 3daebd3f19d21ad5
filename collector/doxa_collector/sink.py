"""The contract of a sink: one file in `sinks/`, found by its name, that writes what it is given and knows no cursor.

A sink's module has these names, all checked by `sinks.load()`:

    TITLE: Text                                            what people call it
    read_options(table: Table, base: Path) -> Options      strict; the caller closes the table. Secrets stay in files
    open_sink(options: Options) -> Sink                    makes no connection yet

The frame around it (forwarder.py) supplies batches, order, bisecting, retries, the cursor and going back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Connection

from doxa_collector.ledger.record import Record
from doxa_core.errors import DoxaError
from doxa_core.language import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where a measurement was taken, as the registry says for the day of its start; absent where it says nothing."""

    province: str | None = None
    place: str | None = None
    kind: str | None = None
    """The kind of the link."""
    provider: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One measurement with all that a store may want of it."""

    record: Record
    where: Where
    duration_s: float
    rank: int
    """How many earlier measurements of the ledger share its site, link, meter and start: 0 but for a rare few.

    It keeps two points of one series apart where they started in the same microsecond, the same on every writing.
    """


class Tier(StrEnum):
    """How long a store keeps a series: each tier is a bucket of its own (docs/influx.md)."""

    RAW = "raw"
    """Single runs and the collector's health: 90 days."""
    FIVE_MINUTES = "5m"
    """Windows of five minutes: a year."""
    LONG = "long"
    """Windows of an hour and a day, verdicts, targets, contracts, presence, incidents: for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point of a series that is not a measurement itself, ready for any store."""

    tier: Tier
    measurement: str
    tags: Mapping[str, str | None]
    """None and the empty text are no tag."""
    fields: Mapping[str, float | str | None]
    """None is no field; a point without fields is not written. Texts are for annotations only."""
    at_us: int
    rank: int = 0
    """Nanoseconds that keep two points of one series and microsecond apart, below 1000."""
    internal: bool = False
    """Whether it is *nội bộ* (TSLCD): stores for the public never get it."""
    public: Mapping[str, float | str | None] | None = None
    """Of an internal one: the fields that a store for the public gets in place of the others, where it gets any."""
    position: int
    """How far the stream is once this point is written. The points of one batch carry the position before it, all but
    the last: so a batch that broke off is written again as a whole.
    """


Item = Parcel | Point


class RefusedError(DoxaError):
    """The store will never take these points as they are: with one point it is rejected, with more they are halved.

    `whole` says that each single one of them is refused for this reason, so there is nothing to find by halving.
    """

    def __init__(self, text: Text, *, whole: bool = False) -> None:
        super().__init__(text)
        self.whole = whole


class UnavailableError(DoxaError):
    """The store takes nothing for now (down, busy, wrong token): everything is kept and tried again.

    `steady` says that the store itself answered, so it has not restarted and forgotten nothing.
    """

    def __init__(self, text: Text, *, steady: bool = False) -> None:
        super().__init__(text)
        self.steady = steady


class Stream(Protocol):
    """An ordered part of what the ledger knows, with a position for each item; what it is called after follows the sink's name."""

    @property
    def suffix(self) -> str:
        """What the sink's name is followed by in the name of the cursor, such as `/verdicts`."""

    def after(self, conn: Connection, position: int, limit: int) -> Sequence[Item]:
        """What comes next; 0 is the beginning. About `limit` items, more where they belong together."""

    def position(self, item: Item) -> int:
        """How far the stream is once the item is written."""


class Sink(Protocol):
    """A store. Writing the same item again must change nothing (same series, same time)."""

    @property
    def connections(self) -> int:
        """How many connections were opened so far: one more means that the store may have restarted and forgotten."""

    def send(self, items: Sequence[Item]) -> None:
        """Write them all; `RefusedError` or `UnavailableError`."""

    def check(self) -> Text:
        """One sentence about a store that could be written to now; `UnavailableError` where it could not."""

    def close(self) -> None:
        """Let go of the connections."""
