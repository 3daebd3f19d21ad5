"""The table `[accept]` of paper.toml: what the record stands on and who takes part; every key is read or refused."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from doxa_collector.papers.drafts.acceptance_records import Party
from doxa_collector.papers.sources import Ground
from doxa_collector.plans.model import Mark
from doxa_core.language import Text
from doxa_core.strict import Table, read_toml

MOST_PARTIES: Final = 6
MOST_LINES: Final = 20
_LINE: Final = re.compile(r"[^\x00-\x1f\x7f]{1,300}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceremony:
    """What the deployment decides about its records of acceptance."""

    grounds: tuple[Ground, ...] = ()
    parties: tuple[Party, ...] = ()
    """Empty: the usual three, with blanks."""


def read_ceremony(file: Path | None) -> Ceremony:
    """The table in `file`; blanks where there is none. `InputError` for what is wrong in it."""
    if file is None:
        return Ceremony()
    table = read_toml(file).table("accept", optional=True)
    if table is None:
        return Ceremony()
    found = Ceremony(
        grounds=tuple(Ground(words=words, mark=Mark.V) for words in _lines(table, "grounds")),
        parties=tuple(_party(one) for one in table.array("party")),
    )
    table.close()
    if len(found.parties) > MOST_PARTIES:
        raise table.refuse("party", _TOO_MANY, _AT_MOST)
    return found


def _party(table: Table) -> Party:
    blank = Party(role="…")
    found = Party(
        role=table.text("role", pattern=_LINE, wanted=_ONE_LINE),
        organisation=table.text("organisation", blank.organisation, pattern=_LINE, wanted=_ONE_LINE),
        people=_lines(table, "people") or blank.people,
    )
    table.close()
    return found


def _lines(table: Table, key: str) -> tuple[str, ...]:
    found = table.texts(key, [])
    if len(found) > MOST_LINES or not all(_LINE.fullmatch(line) for line in found):
        raise table.refuse(key, _BAD_LINES, _GOOD_LINES)
    return found


_ONE_LINE: Final = Text(vi="một dòng chữ, tối đa 300 ký tự", en="one line of at most 300 characters")
_BAD_LINES: Final = Text(vi="danh sách dòng chữ không hợp lệ", en="this list of lines is not valid")
_GOOD_LINES: Final = Text(
    vi=f"hãy ghi tối đa {MOST_LINES} dòng, mỗi dòng tối đa 300 ký tự",
    en=f"write at most {MOST_LINES} lines of at most 300 characters each",
)
_TOO_MANY: Final = Text(vi="quá nhiều bên", en="there are too many parties")
_AT_MOST: Final = Text(vi=f"hãy ghi tối đa {MOST_PARTIES} bên", en=f"write at most {MOST_PARTIES}")
