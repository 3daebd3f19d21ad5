"""Shorthands of the papers: paragraphs, grounds, cells, the end of a text, and figures that may be missing."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from doxa_collector.assess.wording import OUTCOMES
from doxa_collector.papers.model import (
    NO_FIGURE,
    Align,
    Block,
    Cell,
    Column,
    Head,
    Paragraph,
    Run,
    Signature,
    Table,
    Tone,
    plain_number,
)
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.plans.model import Operator
from doxa_collector.verdict import VerdictOutcome

NOT_ENOUGH: Final = "chưa đủ dữ liệu"
NOT_APPLICABLE: Final = "không áp dụng"
END: Final = "./."
_QUOTED_ID: Final = re.compile(r"[A-Z]{1,3}-?\d+")
_WHOLE: Final = 1e-9
"""A share of a value below which a digit is the noise of binary fractions and not what somebody wrote."""
TONES: Final = {
    VerdictOutcome.PASS: Tone.GOOD,
    VerdictOutcome.FAIL: Tone.BAD,
    VerdictOutcome.PROBE_LIMITED: Tone.LIMITED,
    VerdictOutcome.INSUFFICIENT: Tone.OPEN,
}


def head(settings: PaperSettings, kind: str, letters: str, subject: str) -> Head:
    """The heading block; `letters` are the kind's in the symbol (`BC`), empty for a record, which has no number."""
    symbol = f"{letters}-{settings.short}" if letters else ""
    return Head(
        agency=settings.agency, parent=settings.parent, symbol=symbol, place=settings.place,
        kind=kind, subject=subject, draft=settings.draft,
    )  # fmt: skip


def signer(settings: PaperSettings) -> tuple[Signature, ...]:
    """Who signs for the agency."""
    return (Signature(lines=settings.signer),)


def paragraph(words: str, *, bold: str = "", small: bool = False, italic: bool = False) -> Paragraph:
    """Plain words, after some bold ones."""
    runs = ((Run(bold, bold=True),) if bold else ()) + (Run(words, italic=italic),)
    return Paragraph(runs=runs, small=small, indent=not small)


def point(words: str, *, bold: str = "") -> Paragraph:
    """A point of a list, with a dash as state documents have it."""
    runs = (Run("- "), Run(bold, bold=True), Run(words)) if bold else (Run(f"- {words}"),)
    return Paragraph(runs=runs)


def titled(label: str, title: str) -> str:
    """`A1. Tốc độ …`; an id that is a word for machines (`shared-bts`) is not printed before its title."""
    return f"{label}. {title}" if _QUOTED_ID.fullmatch(label) else title


def quoted(words: str, line: str, *, literally: bool = True) -> str:
    """A quotation with where it stands; words that only sum an excerpt up stand without quotation marks."""
    if not words:
        return ""
    where = f" ({line})" if line else ""
    return f"«{words}»{where}" if literally else f"Tóm tắt: {words}{where}"


def blank(words: str) -> Paragraph:
    """A place that people fill in."""
    return Paragraph(runs=(Run(words + " " + "…" * 16),), align=Align.LEFT)


def grounds(lines: Sequence[str]) -> tuple[Paragraph, ...]:
    """Căn cứ: in italics, each with a semicolon, the last with a full stop."""
    return tuple(
        Paragraph(runs=(Run(f"Căn cứ {words}{'.' if at + 1 == len(lines) else ';'}", italic=True),))
        for at, words in enumerate(lines)
    )


def ended(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """The blocks with the sign of the end behind the last words, or below a last table."""
    found = list(blocks)
    if found and isinstance(found[-1], Paragraph) and not found[-1].small:
        last = found[-1]
        runs = (
            *last.runs[:-1],
            Run(last.runs[-1].text.rstrip(" ."), last.runs[-1].bold, last.runs[-1].italic),
            Run(END),
        )
        found[-1] = Paragraph(runs=runs, align=last.align, indent=last.indent)
    else:
        found.append(Paragraph(runs=(Run(END),)))
    return tuple(found)


def figure(
    value: float | None,
    unit: str = "",
    decimals: int = 1,
    *,
    note: str = "",
    absent: str = NO_FIGURE,
    tone: Tone | None = None,
) -> Cell:
    """A number with its unit and note, or the words that it is missing."""
    if value is None:
        return Cell(text=absent, tone=tone)
    return Cell(number=value, decimals=decimals, unit=unit, note=note, tone=tone)


def whole(value: int | None) -> Cell:
    """A count."""
    return figure(value, decimals=0)


def verdict(outcome: VerdictOutcome) -> Cell:
    """The outcome in words, with its shade."""
    return Cell(text=OUTCOMES[outcome].vi, tone=TONES[outcome], bold=outcome is VerdictOutcome.FAIL)


def decimals_beside(value: float, operator: Operator | None, wanted: float | None) -> int:
    """One decimal, or as many more as keep a rounded value on its side of what was wanted."""
    if operator is None or wanted is None:
        return 1
    met = operator.holds(value, wanted)
    return next((n for n in range(1, 7) if operator.holds(round(value, n), wanted) is met), 7)


def shortest(value: float) -> int:
    """As few decimals as a number has, at most four."""
    near = _WHOLE * max(1.0, abs(value))
    return next((n for n in range(4) if abs(round(value, n) - value) <= near), 4)


def said(value: float | None, unit: str = "", decimals: int | None = None) -> str:
    """A number within a sentence: `81,2 Mbps`, or that it is missing."""
    if value is None:
        return NO_FIGURE
    return f"{plain_number(value, shortest(value) if decimals is None else decimals)} {unit}".rstrip()


def count_width(width: float, rows: int) -> float:
    """How wide a column of running numbers is: from 1.000 on they would be broken between digits."""
    return width if rows < 1000 else 1.4 * width


def tabled(
    name: str,
    columns: Sequence[tuple[str, Column]],
    rows: Iterable[tuple[Cell, ...]],
    *,
    title: str = "",
    size: float = 11.0,
) -> Table:
    """A table with one header row."""
    header = (tuple(Cell(text=words) for words, _ in columns),)
    return Table(
        name=name,
        title=title,
        columns=tuple(column for _, column in columns),
        header=header,
        rows=tuple(rows),
        size=size,
    )
