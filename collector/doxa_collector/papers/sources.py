"""How sure a fact is, beside the fact: only what was read in the full text stands in a paper without a mark."""

from collections.abc import Iterable
from dataclasses import dataclass

from doxa_collector.papers.model import Paragraph
from doxa_collector.papers.parts import paragraph
from doxa_collector.plans.model import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A document that a paper stands on."""

    words: str
    """As it stands behind "Căn cứ"."""
    mark: Mark = Mark.V
    source: str = ""
    """Where it was read; needed for everything but `V`."""


def sign(mark: Mark) -> str:
    """` [S]`; nothing for what was read in full."""
    return "" if mark is Mark.V else f" [{mark.value}]"


def read_in_full(grounds: Iterable[Ground]) -> tuple[str, ...]:
    """The grounds that may be printed as such."""
    return tuple(ground.words for ground in grounds if ground.mark is Mark.V)


def doubtful(grounds: Iterable[Ground]) -> tuple[Paragraph, ...]:
    """The others, as what they are: a reference with its mark and its source."""
    return tuple(
        paragraph(
            f"Tham khảo, chưa phải căn cứ{sign(g.mark)}: {g.words} (nguồn: {g.source or 'chưa ghi'}).", small=True
        )
        for g in grounds
        if g.mark is not Mark.V
    )


def legend(marks: Iterable[Mark]) -> tuple[Paragraph, ...]:
    """What the marks of a paper mean, once each; the unit checks such a fact before it signs."""
    found = [mark for mark in Mark if mark in set(marks) and mark is not Mark.V]
    if not found:
        return ()
    words = "; ".join(f"[{mark.value}] {mark.text.vi}" for mark in found)
    return (paragraph(f"Dấu về độ chắc chắn của nguồn: {words}. Đơn vị kiểm tra lại trước khi ký.", small=True),)
