"""Who is reading: what of the ledger a caller may see."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class Audience(IntEnum):
    """From the least to the most that is shown."""

    PUBLIC = 0
    """Figures and verdicts. No lines as probes sent them, no names of persons, nothing internal of a TSLCD line."""
    OFFICE = 1
    """What the page shows to those who may read it: also who did what and why; TSLCD lines stay masked."""
    INTERNAL = 2
    """Everything, with the addresses of TSLCD lines: they may be state secrets (domain.md §8)."""

    @property
    def word(self) -> str:
        """As a file of tokens and the answers name it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class View:
    """How one caller sees: the audience, and how addresses in words are hidden from it."""

    audience: Audience
    hide: Callable[[str], str]

    @property
    def reveals(self) -> bool:
        """Whether what is internal of TSLCD lines is shown."""
        return self.audience is Audience.INTERNAL

    def words(self, text: str) -> str:
        """Words of people or of a probe, with every address hidden from whom it must be hidden."""
        return text if self.reveals else self.hide(text)
