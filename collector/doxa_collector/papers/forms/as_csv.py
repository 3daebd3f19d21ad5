"""CSV that Excel opens: UTF-8 with BOM, `;` and decimal comma by a switch, no cell that a spreadsheet would compute.

Numbers stand in full, as they were given: a reader of CSV computes. RFC 4180 for quotes and line ends.
"""

import csv
from io import StringIO
from typing import Final

from doxa_collector.papers.forms import Look
from doxa_collector.papers.model import Cell, Document, Table
from doxa_collector.papers.sheet import flatten

_BOM: Final = b"\xef\xbb\xbf"
_DANGEROUS: Final = ("=", "+", "-", "@")


def render(document: Document, look: Look) -> bytes:
    """All tables, each under its title, with an empty line between."""
    parts = []
    for table in document.tables():
        title = _line([_text(table.title or table.name)], comma=look.comma)
        parts.append(title + _body(table, comma=look.comma))
    return _BOM + "\r\n".join(parts).encode()


def render_table(table: Table, *, comma: bool = True) -> bytes:
    """One table alone: a line of headings and its rows."""
    return _BOM + _body(table, comma=comma).encode()


def _body(table: Table, *, comma: bool) -> str:
    sheet = flatten(table)
    lines = [_line([_text(column.heading) for column in sheet.columns], comma=comma)]
    lines += [_line([_value(cell, comma=comma) for cell in row], comma=comma) for row in sheet.rows]
    return "".join(lines)


def _line(fields: list[str], *, comma: bool) -> str:
    out = StringIO()
    csv.writer(out, delimiter=";" if comma else ",", lineterminator="\r\n").writerow(fields)
    return out.getvalue()


def _value(cell: Cell, *, comma: bool) -> str:
    if cell.number is None:
        return _text(cell.text)
    found = repr(cell.number)
    if "e" in found:
        found = f"{cell.number:.15f}".rstrip("0").rstrip(".") if abs(cell.number) < 1 else f"{cell.number:.0f}"
    found = found.removesuffix(".0")
    return found.replace(".", ",") if comma else found


def _text(text: str) -> str:
    """Text that begins like a formula gets an apostrophe before it, also behind white space (OWASP, CSV injection)."""
    return f"'{text}" if text.lstrip().startswith(_DANGEROUS) else text
