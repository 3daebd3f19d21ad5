"""A list as CSV that Excel opens: UTF-8 with BOM, one header, no cell that a spreadsheet would compute (RFC 4180)."""

import csv
from collections.abc import Mapping, Sequence
from decimal import Decimal
from io import StringIO
from typing import Any, Final

from doxa_collector.api.audience import Audience
from doxa_collector.api.types import Cell, Record

MEDIA: Final = "text/csv"
_BOM: Final = "\ufeff"
_DANGEROUS: Final = ("=", "+", "-", "@")


def render(record: Record, rows: Sequence[Mapping[str, Any]], audience: Audience, *, comma: bool) -> bytes:
    """The rows that `Record.shape` gave. `comma`: a decimal comma, and `;` between the cells, as Excel in Vietnamese wants it."""
    fields = [field for field in record.fields if audience >= field.least]
    found: list[dict[str, Cell]] = []
    for row in rows:
        cells: dict[str, Cell] = {}
        for field in fields:
            cells |= field.type.cells(field.name, row.get(field.name))
        found.append(cells)
    heads: list[str] = []
    for field in fields:
        columns = field.type.columns(field.name)
        if columns is None:
            columns = tuple(
                sorted({name for row in rows for name in field.type.cells(field.name, row.get(field.name))})
            )
        heads += columns
    out = StringIO()
    writer = csv.writer(out, delimiter=";" if comma else ",", lineterminator="\r\n")
    writer.writerow([_text(head) for head in heads])
    writer.writerows([_cell(cells.get(head), comma=comma) for head in heads] for cells in found)
    return (_BOM + out.getvalue()).encode()


def _cell(value: Cell, *, comma: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    plain = format(Decimal(repr(value)), "f").removesuffix(".0")
    return plain.replace(".", ",") if comma else plain


def _text(text: str) -> str:
    """Text that begins like a formula gets an apostrophe before it, also behind white space (OWASP, CSV injection)."""
    return f"'{text}" if text.lstrip().startswith(_DANGEROUS) else text
