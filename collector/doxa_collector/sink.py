"""The contract of a sink: one file in `sinks/`, found by its name, that writes what it is given and knows no cursor.

A sink's module has these names, all checked by `sinks.load()`:

    TITLE: Text                                            what people call it
    read_options(table: Table, base: Path) -> Options      strict; the caller closes the table. Secrets stay in files
    open_sink(options: Options) -> Sink                    makes no connection yet

The frame around it (forwarder.py) supplies batches, order, bisecting, retries, the cursor and going back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One verdict as a store gets it."""

    plan: str
    target: str
    place: str
    province: str
    outcome: str
    period_from: date
    computed_us: int
    numbers: dict[str, float]
    """`value`, `n`, `lower`, `upper`, `published`, those that are known."""


Item = Parcel | Judgement


class RefusedError(DoxaError):
    """The store will never take these points as they are: with one point it is rejected, with more they are halved."""


class UnavailableError(DoxaError):
    """The store takes nothing for now (down, busy, wrong token): everything is kept and tried again.

    `steady` says that the store itself answered, so it has not restarted and forgotten nothing.
    """

    def __init__(self, text: Text, *, steady: bool = False) -> None:
        super().__init__(text)
        self.steady = steady


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
