"""What several resources ask of the ledger: names of places, and which lines are internal."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, select

from doxa_collector.api.types import NAME, Field, Record
from doxa_collector.ledger.reading import valid_on
from doxa_collector.ledger.schema import link, place
from doxa_core.linkkind import LinkKind

RESOURCES: Final = ()
PIECE: Final = 500
"""Names in one statement: databases limit their number."""
_T = TypeVar("_T")

CODED: Final = Record(
    "Reason",
    "A reason code with its words.",
    (
        Field("code", NAME, "A stable word for machines."),
        Field("vi", NAME, "In Vietnamese."),
        Field("en", NAME, "In English."),
    ),
)


def pieces(found: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """The names in pieces that fit a statement."""
    for start in range(0, len(found), PIECE):
        yield found[start : start + PIECE]


def names_of(conn: Connection, codes: Collection[str], on: date) -> dict[str, str]:
    """Code → the place's name in the registry on that day."""
    found: dict[str, str] = {}
    for part in pieces(sorted(set(codes))):
        query = select(place.c.code, place.c.name).where(place.c.code.in_(part), valid_on(place, on))
        found |= {row.code: row.name for row in conn.execute(query)}
    return found


def internal_lines(conn: Connection, sites: Collection[str]) -> "Lines":
    """Which lines of these sites are internal."""
    kinds: dict[tuple[str, str], set[str]] = {}
    for part in pieces(sorted(set(sites))):
        query = select(link.c.site, link.c.link, link.c.kind).where(link.c.site.in_(part))
        for site, name, kind in conn.execute(query):
            kinds.setdefault((site, name), set()).add(kind)
    return Lines(kinds)


class Lines:
    """A line is internal if it is or ever was TSLCD, or if the registry does not know it (as the page decides)."""

    def __init__(self, kinds: dict[tuple[str, str], set[str]]) -> None:
        self._kinds = kinds

    def internal(self, site: str, name: str) -> bool:
        """Whether what is internal of this line must be hidden."""
        kinds = self._kinds.get((site, name))
        return not kinds or LinkKind.TSLCD in kinds


def cut(rows: Sequence[Any], limit: int) -> tuple[Sequence[Any], bool]:
    """At most `limit` of the rows, and whether there are more; the query asked for one more."""
    return rows[:limit], len(rows) > limit
