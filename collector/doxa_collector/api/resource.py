"""One thing to read: its address, its parameters, its record, and how the ledger gives it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection

from doxa_collector.api.audience import View
from doxa_collector.api.cursor import Key
from doxa_collector.api.params import DEFAULT_LIMIT, MAX_LIMIT, Param, one_of, pattern, whole
from doxa_collector.api.types import Record
from doxa_collector.api.workshop import Workshop
from doxa_collector.nodes.tree import Tree
from doxa_collector.places.gazetteer import Gazetteer
from doxa_collector.plans.model import Plan
from doxa_core.language import Text

FORMATS: Final = ("json", "csv")
_NAMES: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """What there is to read from besides the ledger."""

    plans: Sequence[Plan]
    """In force today."""
    tree: Callable[[], Tree]
    gazetteer: Callable[[], Gazetteer]
    workshop: Workshop


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question, its parameters read."""

    conn: Connection
    """One consistent view of the ledger."""
    store: Store
    view: View
    today: date
    """In Vietnam."""
    values: Mapping[str, Any]
    """Parameter → value; None where it was not given and has no default."""
    after: Key | None = None
    """The key of the last row that the caller has."""
    limit: int = DEFAULT_LIMIT

    def get(self, name: str) -> Any:
        """A parameter's value."""
        return self.values[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows of a list."""

    rows: Sequence[Mapping[str, Any]]
    next: Sequence[int | str] | None = None
    """The key to go on after; None at the end."""
    final: bool = False
    """Of a closed month: the same bytes as long as nobody opens the month again."""
    pinned: bool = False
    """Of a named revision: the same bytes for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Single:
    """One row."""

    row: Mapping[str, Any]
    final: bool = False
    pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """Bytes of another type than JSON and CSV."""

    media: str
    make: Callable[[], bytes]
    """Called only when they are needed: not for a caller who has them. `Asked.conn` is closed then."""
    stamp: str
    """The same for the same bytes: what the ETag is made of."""
    name: str
    pinned: bool = False


Found = Page | Single | File | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One address."""

    path: str
    """Such as `/sites/{site}`, below /api/v1."""
    name: str
    """The operation's id."""
    title: Text
    about: str
    record: Record | None
    """None for a file."""
    read: Callable[[Asked], Found]
    """None where there is no such thing; `Refusal` where it is refused."""
    params: tuple[Param, ...] = ()
    """Of the path and of the query."""
    key: tuple[type, ...] | None = None
    """Of a list, the types of a row's key; None for a single thing."""
    most: int = MAX_LIMIT
    """The largest `limit` of a list."""
    media: tuple[str, ...] = ()
    """Of a file: the types that it has."""
    missing: Text = field(default=Text(vi="không có mục này", en="there is no such thing"))
    """The sentence of a 404."""
    refusals: tuple[int, ...] = ()
    """Statuses besides those that every address has."""

    @property
    def is_list(self) -> bool:
        """Whether it has many rows."""
        return self.key is not None

    @property
    def in_path(self) -> tuple[Param, ...]:
        """The parameters of the path, in their order."""
        known = {param.name: param for param in self.params}
        return tuple(known[name].needed() for name in _NAMES.findall(self.path))

    @property
    def in_query(self) -> tuple[Param, ...]:
        """Those of the query, with those that every list has."""
        own = tuple(param for param in self.params if f"{{{param.name}}}" not in self.path)
        return (*own, *self._of_lists()) if self.is_list else own

    def _of_lists(self) -> Iterable[Param]:
        yield whole("limit", "The largest number of items in one answer.", 1, self.most, min(DEFAULT_LIMIT, self.most))
        yield CURSOR
        yield one_of("format", "The form of the answer; goes before the header Accept.", FORMATS)
        yield DECIMAL


CURSOR: Final = pattern(
    "cursor",
    "Where to go on: `next` of the answer before, with the same other parameters.",
    "[A-Za-z0-9_-]{1,512}",
    Text(vi="giá trị next của trang trước", en="`next` of the page before"),
    longest=512,
)
DECIMAL: Final = one_of(
    "decimal",
    "Of CSV: `comma` writes 81,2 with `;` between the cells, as Excel in Vietnamese opens it; `point` writes 81.2 with `,`.",
    ("point", "comma"),
    "point",
)
