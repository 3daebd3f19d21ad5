"""Counts of answers to simulated questions whose truth is known: kept in pieces, added up, shown with exact bounds."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from doxa_collector.statistics.binomial import share_bounds
from doxa_collector.verdict import VerdictOutcome

DOXA: Final = "doxa"
ESTIMATE: Final = "estimate alone"
CONFIDENCE: Final = 0.95
_SHOWN: Final = (VerdictOutcome.PASS, VerdictOutcome.FAIL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one rule said of one truth."""

    row: str
    """What was simulated."""
    truth: str
    """How it lies to the target, in words of the row."""
    met: bool | None
    """What is true; None: exactly at the target, where any answer but "open" is counted as false."""
    rule: str
    said: Counter[VerdictOutcome] = field(default_factory=Counter)

    @property
    def key(self) -> tuple[str, str, str]:
        """What it counts."""
        return self.row, self.truth, self.rule

    @property
    def n(self) -> int:
        """All answers."""
        return self.said.total()

    @property
    def false_pass(self) -> int:
        """Answers "đạt" of what does not meet its target."""
        return 0 if self.met else self.said[VerdictOutcome.PASS]

    @property
    def false_fail(self) -> int:
        """Answers "không đạt" of what meets it."""
        return 0 if self.met is False else self.said[VerdictOutcome.FAIL]

    @property
    def false(self) -> int:
        """Either."""
        return self.false_pass + self.false_fail

    @property
    def answered(self) -> int:
        """All but the open ones."""
        return sum(self.said[outcome] for outcome in _SHOWN)


class Cells:
    """Cells that are being filled, in the order in which they were met first."""

    def __init__(self, cells: Iterable[Cell] = ()) -> None:
        self._cells: dict[tuple[str, str, str], Cell] = {}
        for cell in cells:
            found = self._cells.setdefault(cell.key, Cell(row=cell.row, truth=cell.truth, met=cell.met, rule=cell.rule))
            if found.met is not cell.met:
                raise ValueError(f"two pieces differ in what is true of {cell.key}")
            found.said.update(cell.said)

    def count(self, row: str, truth: str, rule: str, outcome: VerdictOutcome, *, met: bool | None) -> None:
        """One more answer."""
        key = (row, truth, rule)
        if key not in self._cells:
            self._cells[key] = Cell(row=row, truth=truth, met=met, rule=rule)
        self._cells[key].said[outcome] += 1

    def all(self) -> list[Cell]:
        """Every cell."""
        return list(self._cells.values())

    def of(self, row: str, truth: str, rule: str) -> Cell:
        """One cell. `KeyError` where nothing was counted."""
        return self._cells[row, truth, rule]

    def keep(self, file: Path) -> None:
        """As JSON."""
        rows = [
            {"row": c.row, "truth": c.truth, "met": c.met, "rule": c.rule, "said": {o.value: n for o, n in c.said.items()}}
            for c in self.all()
        ]  # fmt: skip
        file.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")


def joined(files: Sequence[Path]) -> Cells:
    """What pieces of different seeds counted, together. `ValueError` where they contradict each other."""
    return Cells(
        Cell(
            row=row["row"], truth=row["truth"], met=row["met"], rule=row["rule"],
            said=Counter({VerdictOutcome(name): n for name, n in row["said"].items()}),
        )
        for file in files
        for row in json.loads(file.read_text(encoding="utf-8"))
    )  # fmt: skip


def table(cells: Cells) -> str:
    """Markdown: per row what our rule said, its false answers with exact bounds, and those of the other rules."""
    rules = list(dict.fromkeys(cell.rule for cell in cells.all()))
    lines: list[str] = []
    for row in dict.fromkeys(cell.row for cell in cells.all()):
        own = [cell for cell in cells.all() if cell.row == row]
        others = [rule for rule in rules if rule != DOXA and any(cell.rule == rule for cell in own)]
        heads = ["truth", "n", "pass", "fail", "open", "**false đạt**", "**false không đạt**"]
        heads += [f"{rule}: false đạt / không đạt" for rule in others]
        lines += [f"### {row}", "", "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
        lines += [_row(cells, cell, others) for cell in own if cell.rule == DOXA]
        lines.append("")
    return "\n".join(lines)


def _row(cells: Cells, cell: Cell, others: Sequence[str]) -> str:
    shares = [cell.said[outcome] / cell.n for outcome in _SHOWN]
    texts = [cell.truth, str(cell.n), *(f"{share:.1%}" for share in (*shares, 1 - sum(shares)))]
    texts += [
        rate(cell.false_pass, cell.n, asked=not cell.met),
        rate(cell.false_fail, cell.n, asked=cell.met is not False),
    ]
    for rule in others:
        found = cells.of(cell.row, cell.truth, rule)
        texts.append(f"{found.false_pass / found.n:.2%} / {found.false_fail / found.n:.2%}")
    return "| " + " | ".join(texts) + " |"


def rate(count: int, n: int, *, asked: bool = True) -> str:
    """`0.30 % (≤ 0.59)`: the rate, and what it is at most with 95 % (Clopper and Pearson); – where it cannot be."""
    if not asked:
        return "–"
    return f"{100 * count / n:.2f} % (≤ {100 * share_bounds(count, n, CONFIDENCE).upper:.2f})"
