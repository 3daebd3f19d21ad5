"""A document without a format: the parts that a state document of Vietnam has, in their order.

Every text is cleaned as it enters a part (`cleaning.clean`), so that no format meets what it cannot hold. Lengths are in
millimetres. A line feed in a text is a line break.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final

from doxa_collector.papers.cleaning import clean
from doxa_collector.papers.records import field_names
from doxa_core.language import number

NO_FIGURE: Final = "chưa có số liệu"
"""What stands where a figure is missing: never 0, never nothing."""


class Align(StrEnum):
    """How text stands between its edges."""

    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"
    JUSTIFY = "justify"


class Tone(StrEnum):
    """The shade of a cell; the words in it say the same, for a black-and-white printer."""

    GOOD = "good"
    BAD = "bad"
    LIMITED = "limited"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class _Part:
    """What cleans its own texts."""

    def __post_init__(self) -> None:
        for name in field_names(type(self)):
            value = getattr(self, name)
            if type(value) is str:
                object.__setattr__(self, name, clean(value))
            elif isinstance(value, tuple) and any(type(item) is str for item in value):
                object.__setattr__(self, name, tuple(clean(v) if type(v) is str else v for v in value))


@dataclass(frozen=True, slots=True)
class Run(_Part):
    """Words of one look."""

    text: str
    bold: bool = False
    italic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Head(_Part):
    """The block above the text. Number and date are blanks that people fill in."""

    agency: str
    """Who issues it, in capitals."""
    parent: str = ""
    """The body above it; empty for none."""
    symbol: str
    """What follows the blank number, such as `BC-SKHCN`; empty: the document has no number (a record)."""
    place: str
    """Where it is signed (địa danh)."""
    kind: str
    """BÁO CÁO, BIÊN BẢN … (tên loại)."""
    subject: str
    """What it is about (trích yếu)."""
    draft: bool = True


@dataclass(frozen=True, slots=True)
class Heading(_Part):
    """A numbered heading: level 1 is `I.`, 2 is `1.`, 3 is `a)`; numbers come from `numbering`."""

    level: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph(_Part):
    """A paragraph of runs."""

    runs: tuple[Run, ...]
    align: Align = Align.JUSTIFY
    indent: bool = True
    """The first line, as state documents have it."""
    small: bool = False
    """A note below a table."""

    @property
    def text(self) -> str:
        """Its words alone."""
        return "".join(run.text for run in self.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell(_Part):
    """A text, or a number that each format writes in its own way: `number` wins over `text`.

    A number that is not finite is none at all: the cell says so in words.
    """

    text: str = ""
    number: float | None = None
    decimals: int = 0
    unit: str = ""
    """Behind the number."""
    note: str = ""
    """Below it, smaller: statistic, layer, month. Tables of numbers (XLSX, CSV) give it a column of its own."""
    tone: Tone | None = None
    bold: bool = False
    align: Align | None = None
    """None: as its column."""
    columns: int = 1
    rows: int = 1
    """How many it covers."""

    def __post_init__(self) -> None:
        _Part.__post_init__(self)
        if self.number is not None and not math.isfinite(self.number):
            object.__setattr__(self, "number", None)
            object.__setattr__(self, "text", NO_FIGURE)

    @property
    def shown(self) -> str:
        """What people read, without the note: `1.234,5 Mbps`."""
        if self.number is None:
            return self.text
        return f"{plain_number(self.number, self.decimals)} {self.unit}".rstrip()


def plain_number(value: float, decimals: int) -> str:
    """A number in the Vietnamese way, `1.234,5`; what rounds to nothing has no sign."""
    found = number(value, decimals, "vi")
    return found.lstrip("-") if not found.strip("-0,.") else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column's share of the width and how its cells stand."""

    width: float
    align: Align = Align.LEFT


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(_Part):
    """A table whose header rows are repeated on every page."""

    title: str = ""
    """Above it."""
    name: str
    """In two or three words, for a sheet of a workbook."""
    columns: tuple[Column, ...]
    header: tuple[tuple[Cell, ...], ...]
    rows: tuple[tuple[Cell, ...], ...]
    size: float = 11.0
    """Points."""
    on_pages: tuple[tuple[Cell, ...], ...] | None = None
    """Fewer rows for formats with pages (DOCX, PDF); None: the same. A workbook and CSV have all of `rows`."""

    @property
    def paged(self) -> "Table":
        """The table as pages show it."""
        return self if self.on_pages is None else replace(self, rows=self.on_pages, on_pages=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar(_Part):
    """One bar; `value` None is drawn as the words that the figure is missing."""

    label: str
    value: float | None
    series: int = 0
    """The place of its series in the chart's list."""
    tone: Tone | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart(_Part):
    """Bars against a target line. Figures of different origin are different series: they never share a colour."""

    title: str
    unit: str
    series: tuple[str, ...]
    bars: tuple[Bar, ...]
    target: float | None = None
    target_label: str = ""
    decimals: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint(_Part):
    """One period of a trend; what is not known is None, and the line is not drawn across it."""

    label: str
    value: float | None
    lower: float | None = None
    upper: float | None = None
    other: float | None = None
    """A figure of another origin for the same period: a mark of its own, never joined to the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendChart(_Part):
    """A figure by month with its bounds, against a target line."""

    title: str
    unit: str
    points: tuple[TrendPoint, ...]
    target: float | None = None
    target_label: str = ""
    bounds_label: str = ""
    label: str = ""
    """What the line is, in the legend; empty: the title says it."""
    other_label: str = ""
    """What the marks of another origin are."""
    decimals: int = 1
    ahead: TrendPoint | None = None
    """What is forecast behind the last period: it has a column of its own and is joined by broken lines."""
    ahead_label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Qr(_Part):
    """A QR picture of `text`, with a caption beside it."""

    text: str
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature(_Part):
    """One who signs: the lines above the blank."""

    lines: tuple[str, ...]
    hint: str = ""
    """Below them, in italics: `(Ký, ghi rõ họ tên)`."""


Picture = BarChart | TrendChart
Block = Heading | Paragraph | Table | BarChart | TrendChart | Qr


@dataclass(frozen=True, slots=True, kw_only=True)
class Annex(_Part):
    """An annex, on pages of its own; its number (`Phụ lục I`) comes from `numbering`."""

    title: str
    blocks: tuple[Block, ...]
    landscape: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(_Part):
    """A whole paper."""

    head: Head
    blocks: tuple[Block, ...]
    signatures: tuple[Signature, ...] = ()
    recipients: tuple[str, ...] = ()
    """Nơi nhận, without dashes and ends."""
    annexes: tuple[Annex, ...] = ()
    made_on: date
    """The day of its data: the date of creation that files carry, so that equal data are equal bytes."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What it says, for machines: already masked, JSON types only."""

    @property
    def title(self) -> str:
        """Kind and subject in one line."""
        return " ".join(f"{self.head.kind} {self.head.subject}".split())

    def tables(self) -> tuple[Table, ...]:
        """All tables, in order."""
        blocks = [*self.blocks, *(block for annex in self.annexes for block in annex.blocks)]
        return tuple(block for block in blocks if isinstance(block, Table))
