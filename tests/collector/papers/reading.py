"""Papers read back: the words and tables of each format."""

import csv
from io import BytesIO, StringIO
from typing import Any

import docx
from docx.oxml.ns import qn
from openpyxl import load_workbook
from pypdf import PdfReader

from doxa_collector.papers.model import Document, Heading, Paragraph


def pdf_text(found: bytes) -> str:
    """All words without white space: where lines break is not what a test asks."""
    return squeezed("".join(page.extract_text() for page in PdfReader(BytesIO(found)).pages))


def pages(found: bytes) -> int:
    """How many pages."""
    return len(PdfReader(BytesIO(found)).pages)


def docx_text(found: bytes) -> str:
    """All words of the body, tables too."""
    body = docx.Document(BytesIO(found)).element.body
    return squeezed("".join(node.text or "" for node in body.iter(qn("w:t"))))


def sheets(found: bytes) -> dict[str, list[list[Any]]]:
    """Sheets by name, as rows of values."""
    book = load_workbook(BytesIO(found))
    return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets}


def csv_rows(found: bytes, delimiter: str = ";") -> list[list[str]]:
    """The rows of a CSV."""
    return list(csv.reader(StringIO(found.decode("utf-8-sig")), delimiter=delimiter))


def squeezed(words: str) -> str:
    """Without white space and the signs that let a long word break."""
    return "".join(words.replace("\u200b", "").split())


def said_by(document: Document) -> list[str]:
    """Every text that a reader of the printed paper must find."""
    head = document.head
    found = [head.agency, head.parent, head.kind, head.subject, head.place, *document.recipients]
    blocks = [*document.blocks, *(block for annex in document.annexes for block in annex.blocks)]
    found += [block.text for block in blocks if isinstance(block, (Heading, Paragraph))]
    for table in document.tables():
        found += [text for row in (*table.header, *table.rows) for cell in row for text in (cell.shown, cell.note)]
    found += [line for one in document.signatures for line in one.lines]
    return [text for text in found if text.strip()]
