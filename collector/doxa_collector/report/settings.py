"""paper.toml: what a deployment decides about its papers, one table `[paper]`; every key is read or refused."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from doxa_collector.papers.fonts import FAMILY, FontSettings
from doxa_collector.papers.forms import Look
from doxa_collector.papers.settings import PaperSettings
from doxa_core.language import Text
from doxa_core.strict import Table, read_toml

MAX_LINES: Final = 20
"""Of a signature or of the recipients: more do not fit below a text."""
_LINE: Final = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What the file says, the defaults where it says nothing."""

    words: PaperSettings = field(default_factory=PaperSettings)
    look: Look = field(default_factory=Look)


def read_paper(file: Path | None) -> Paper:
    """The settings in `file`, the neutral defaults for None; `InputError` for what is wrong in it."""
    if file is None:
        return Paper()
    top = read_toml(file)
    table = top.table("paper")
    found = Paper(words=_words(table), look=_look(table, file.parent))
    table.close()
    top.table("accept", optional=True)  # the records of acceptance read it (accept.settings)
    top.close()
    return found


def _words(table: Table) -> PaperSettings:
    known = PaperSettings()
    return PaperSettings(
        agency=_line(table, "agency", known.agency),
        parent=_parent(table, known.parent),
        short=_line(table, "short", known.short),
        place=_line(table, "place", known.place),
        signer=_lines(table, "signer", known.signer),
        recipients=_lines(table, "recipients", known.recipients),
        draft=table.flag("draft", default=known.draft),
        reveal=table.flag("reveal", default=known.reveal),
    )


def _parent(table: Table, default: str) -> str:
    """The body above; `no_parent = true` where there is none, since an empty text is more often a slip."""
    if not table.flag("no_parent", default=False):
        return _line(table, "parent", default)
    if "parent" in table:
        raise table.refuse("no_parent", _BOTH, _ONE)
    return ""


def _look(table: Table, base: Path) -> Look:
    family = _line(table, "font", FAMILY)
    folder = None if table.text("fonts", None) is None else table.path("fonts", base=base)
    if folder is not None and not folder.is_dir():
        raise table.refuse("fonts", Text(vi=f"không có thư mục {folder}", en=f"there is no folder {folder}"), _FOLDER)
    return Look(fonts=FontSettings(folder=folder, family=family), comma=table.flag("decimal_comma", default=True))


def _line(table: Table, key: str, default: str) -> str:
    return table.text(key, default, pattern=_LINE, wanted=_ONE_LINE)


def _lines(table: Table, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    found = table.texts(key, default)
    if not found or len(found) > MAX_LINES or not all(_LINE.fullmatch(line) for line in found):
        raise table.refuse(key, _BAD_LINES, _GOOD_LINES)
    return found


_ONE_LINE: Final = Text(
    vi="một dòng chữ, tối đa 200 ký tự, không có khoảng trắng ở hai đầu",
    en="one line of at most 200 characters without outer spaces",
)
_BAD_LINES: Final = Text(vi="danh sách dòng chữ không hợp lệ", en="this list of lines is not valid")
_GOOD_LINES: Final = Text(
    vi=f"hãy ghi từ 1 đến {MAX_LINES} dòng, mỗi dòng tối đa 200 ký tự",
    en=f"write 1 to {MAX_LINES} lines of at most 200 characters each",
)
_BOTH: Final = Text(vi="vừa ghi không có cơ quan chủ quản, vừa ghi parent", en="there is none above, and there is one")
_ONE: Final = Text(vi="hãy bỏ một trong hai khóa", en="leave out one of the two keys")
_FOLDER: Final = Text(vi="hãy ghi thư mục chứa tệp phông chữ", en="write the folder that holds the font files")
