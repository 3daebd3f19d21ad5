"""The fonts of pictures and PDF: a folder with a family that carries Vietnamese, metric-compatible with Times New Roman.

A font of that name is not enough: Liberation 1 (Debian 12's package fonts-liberation) has no letters such as ế, ự or ộ and
would print boxes. So the letters are looked for in the file itself (OpenType 1.9, `cmap`).
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import typst

from doxa_core.errors import InputError
from doxa_core.language import Text

DEBIAN: Final = (
    Path("/usr/share/fonts/truetype/liberation2"),
    Path("/usr/share/fonts/truetype/liberation"),
)
"""Where Debian's packages fonts-liberation2 (Debian 12) and fonts-liberation (Debian 13 and later) put them."""
FAMILY: Final = "Liberation Serif"
VIETNAMESE: Final = frozenset(map(ord, "ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹẠẢẤẬẮẶẸẾỆỊỌỐỘỚỢỤỨỰỲỴ–≥≤"))
"""Letters and signs that a paper cannot do without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FontSettings:
    """Only this folder is read: the fonts that a machine happens to have must not change a paper's bytes."""

    folder: Path | None = None
    """None: the first of `DEBIAN` with a sound font."""
    family: str = FAMILY


@lru_cache(maxsize=4)
def load(settings: FontSettings) -> typst.Fonts:
    """The fonts of the folder; `InputError` where the family is not in it, or has no Vietnamese letters."""
    folders = DEBIAN if settings.folder is None else (settings.folder,)
    known = False
    for folder in folders:
        found = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)])
        files = [Path(f.path) for f in found.fonts() if f.family == settings.family and f.path is not None]
        known = known or bool(files)
        if files and all(letters(file) >= VIETNAMESE for file in files):
            return found
    where = ", ".join(str(folder) for folder in folders)
    what = (_NO_LETTERS if known else _MISSING).fill(family=settings.family)
    raise InputError(where, what, _INSTALL)


@dataclass(frozen=True, slots=True)
class Face:
    """How wide the letters of one font file are."""

    widths: Mapping[int, float]
    """Code point → advance in em; what is absent is not in the font."""

    def knows(self, words: str) -> bool:
        """Whether every letter is in the font; line feeds are no letters."""
        return all(ord(c) in self.widths for c in words if c != "\n")

    def width(self, words: str) -> float:
        """The sum of the advances in em. Kerning, which only draws letters together here, is left out."""
        return sum(self.widths[ord(c)] for c in words)


@lru_cache(maxsize=4)
def faces(settings: FontSettings) -> tuple[Face, Face] | None:
    """The family's upright regular and bold face; None where the folder has not both, or one cannot be read."""
    found = [f for f in load(settings).fonts() if f.family == settings.family and f.style == "normal" and f.path]
    files = {f.weight: Path(f.path) for f in found if f.path is not None}
    try:
        return Face(_widths(files[400].read_bytes())), Face(_widths(files[700].read_bytes()))
    except (KeyError, OSError, struct.error):
        return None


def _widths(font: bytes) -> dict[int, float]:
    """OpenType 1.9 `head` (units per em), `hhea` (how many advances) and `hmtx` (the last advance holds for the rest)."""
    tables = _tables(font)
    if not {b"head", b"hhea", b"hmtx"} <= set(tables):
        raise struct.error
    (em,) = struct.unpack_from(">H", font, tables[b"head"] + 18)
    (count,) = struct.unpack_from(">H", font, tables[b"hhea"] + 34)
    advances = [struct.unpack_from(">H", font, tables[b"hmtx"] + 4 * n)[0] / em for n in range(count)]
    return {code: advances[min(glyph, count - 1)] for code, glyph in _letters(font)}


def letters(file: Path) -> frozenset[int]:
    """The code points that a TrueType or OpenType font draws; none where the file is not readable as one."""
    try:
        return frozenset(code for code, _ in _letters(file.read_bytes()))
    except (OSError, struct.error):
        return frozenset()


def _tables(font: bytes) -> dict[bytes, int]:
    """Tag → where the table begins."""
    (count,) = struct.unpack_from(">H", font, 4)
    return {font[12 + 16 * n : 16 + 16 * n]: struct.unpack_from(">I", font, 20 + 16 * n)[0] for n in range(count)}


def _letters(font: bytes) -> Iterator[tuple[int, int]]:
    """Code points with their glyphs."""
    start = _tables(font).get(b"cmap")
    if start is None:
        return
    for n in range(struct.unpack_from(">H", font, start + 2)[0]):
        at = start + struct.unpack_from(">I", font, start + 8 + 8 * n)[0]
        (shape,) = struct.unpack_from(">H", font, at)
        if shape == 4:
            yield from _segments(font, at)
        elif shape == 12:
            for group in range(struct.unpack_from(">I", font, at + 12)[0]):
                first, last, glyph = struct.unpack_from(">III", font, at + 16 + 12 * group)
                yield from ((code, glyph + code - first) for code in range(first, min(last, 0x10FFFF) + 1))


def _segments(font: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Format 4: segments of code points, each mapped by a difference or through a list of glyphs; glyph 0 is none."""
    double = struct.unpack_from(">H", font, at + 6)[0]
    for n in range(double // 2):
        last, first, delta, offset = (
            struct.unpack_from(">H", font, at + 14 + 2 * n + part)[0] for part in (0, 2 + double, 2 + 2 * double, 2 + 3 * double)
        )  # fmt: skip
        for code in range(first, last + 1):
            if offset == 0:
                glyph = (code + delta) & 0xFFFF
            else:
                (glyph,) = struct.unpack_from(">H", font, at + 16 + 3 * double + 2 * n + offset + 2 * (code - first))
                glyph = (glyph + delta) & 0xFFFF if glyph else 0
            if glyph and code != 0xFFFF:
                yield code, glyph


_MISSING: Final = Text(vi="thư mục phông chữ không có «{family}»", en="this folder has no font '{family}'")
_NO_LETTERS: Final = Text(
    vi="phông «{family}» ở đây thiếu chữ tiếng Việt", en="the font '{family}' here lacks Vietnamese letters"
)
_INSTALL: Final = Text(
    vi="hãy cài gói fonts-liberation2 (Debian 12) hoặc fonts-liberation từ bản 2, hoặc chỉ ra thư mục có phông đủ chữ",
    en="install the package fonts-liberation2 (Debian 12) or fonts-liberation from version 2, or name a folder that has it",
)
