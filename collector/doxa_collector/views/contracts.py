"""The contracts of one line within a month. Each makes a part of its own: a mean over two contracts describes neither."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection, select

from doxa_collector.ledger.schema import link as link_table
from doxa_collector.period import Period
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind

_EPOCH: Final = date(1970, 1, 1).toordinal()
_A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What the registry says of a line in force; what it does not say is None."""

    kind: LinkKind
    provider: str | None = None
    technology: str | None = None
    number: str | None = None
    down_mbps: float | None = None
    up_mbps: float | None = None
    layer: Layer | None = None
    """The layer that it names; None: it names none."""

    def mbps(self, direction: str) -> float | None:
        """What it promises in a direction (`download`, `upload`)."""
        return self.down_mbps if direction == "download" else self.up_mbps


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some days of the month, both ends in, under one contract; None: the registry has no such line on these days."""

    first: date
    last: date
    contract: Contract | None

    @property
    def days(self) -> range:
        """Its days since 1970, as rollups count them."""
        return range(day_number(self.first), day_number(self.last) + 1)

    @property
    def period(self) -> Period:
        """Its days as a period of the ledger."""
        return Period(first=self.first, last=self.last)


def day_number(day: date) -> int:
    """Days since 1 January 1970."""
    return day.toordinal() - _EPOCH


def day_of(number: int) -> date:
    """The day that `day_number` counts so."""
    return date.fromordinal(number + _EPOCH)


def parts_of(conn: Connection, site: str, link: str, period: Period) -> list[Part]:
    """The parts of `period`, in order and without a gap; states of the registry that say the same are one part."""
    table = link_table.c
    query = select(link_table).where(table.site == site, table.link == link).order_by(table.valid_from)
    states = []
    for row in conn.execute(query).mappings():
        last = None if row["valid_to"] is None else date.fromisoformat(row["valid_to"])
        contract = Contract(
            kind=LinkKind(row["kind"]), provider=row["provider"], technology=row["technology"], number=row["contract"],
            down_mbps=row["contracted_down_mbps"], up_mbps=row["contracted_up_mbps"],
            layer=None if row["layer"] is None else Layer(row["layer"]),
        )  # fmt: skip
        states.append((date.fromisoformat(row["valid_from"]), last or period.last, contract))
    return _joined(_laid_out(states, period))


def _laid_out(states: Sequence[tuple[date, date, Contract]], period: Period) -> Iterator[Part]:
    """The states within the period, and the days between them that have none."""
    free = period.first
    for begins, ends, contract in states:
        first, last = max(begins, free), min(ends, period.last)
        if first > last:
            continue
        if first > free:
            yield Part(first=free, last=first - _A_DAY, contract=None)
        yield Part(first=first, last=last, contract=contract)
        free = last + _A_DAY
    if free <= period.last:
        yield Part(first=free, last=period.last, contract=None)


def _joined(parts: Iterator[Part]) -> list[Part]:
    found: list[Part] = []
    for part in parts:
        if found and found[-1].contract == part.contract:
            found[-1] = replace(found[-1], last=part.last)
        else:
            found.append(part)
    return found
