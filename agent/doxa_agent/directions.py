"""The two directions of a line, as seen from the probe, and how a plan names those that a task measures."""

from typing import Final, Literal

from doxa_core.language import Text
from doxa_core.strict import Table

Direction = Literal["download", "upload"]
DIRECTIONS: Final[tuple[Direction, ...]] = ("download", "upload")
"""In the order in which they are measured."""


def read_directions(table: Table, standard: tuple[str, ...] = DIRECTIONS) -> tuple[str, ...]:
    """The option `directions` of a plan's table: one of them or both, each once; `InputError` for anything else."""
    directions = table.texts("directions", standard)
    if not directions or set(directions) - set(DIRECTIONS) or len(set(directions)) != len(directions):
        raise table.refuse("directions", _NOT_VALID, _WRITE)
    return directions


_NOT_VALID: Final = Text(vi="chiều đo không hợp lệ", en="the directions are not valid")
_WRITE: Final = Text(vi='hãy ghi "download", "upload" hoặc cả hai', en='write "download", "upload" or both')
