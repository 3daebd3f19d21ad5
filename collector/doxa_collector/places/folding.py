"""Vietnamese names as people type them: with or without marks, NFC or NFD, òa or oà, Mỹ or Mĩ, TX or thị xã."""

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

MAX_LETTERS: Final = 200
"""Of a text to search for; what is longer is cut."""
_TONES: Final = {"\u0300": "2", "\u0301": "1", "\u0303": "4", "\u0309": "3", "\u0323": "5"}
_SILENT: Final = dict.fromkeys(map(ord, "'’‘ʼ`´ʹ′"))
_WORD: Final = re.compile(r"[^\W\d_]+|\d+")
_Y: Final = re.compile(r"(?<=[bcdfghjklmnpqrstvx])y$|(?<=qu)y$")


class Word(NamedTuple):
    """A word in two forms."""

    plain: str
    """Without any mark: `dong`."""
    marked: str
    """With its marks, wherever in the word its tone was put: `đông2`."""

    @property
    def has_marks(self) -> bool:
        """Did its writer use Vietnamese marks in it?"""
        return self.plain != self.marked


@lru_cache(maxsize=16_384)
def _word(text: str) -> Word:
    tone = ""
    marked: list[str] = []
    plain: list[str] = []
    for letter in unicodedata.normalize("NFD", text):
        if letter in _TONES:
            tone = _TONES[letter]
            continue
        marked.append(letter)
        if not unicodedata.combining(letter):
            plain.append("d" if letter == "đ" else letter)
    return Word(_Y.sub("i", "".join(plain)), _Y.sub("i", "".join(marked)) + tone)


def words(text: str) -> tuple[Word, ...]:
    """The words of a text, numbers apart from letters: `P.12` → p, 12; an apostrophe parts nothing: `Cư M'gar`."""
    lowered = unicodedata.normalize("NFC", text[:MAX_LETTERS]).translate(_SILENT).lower()
    return tuple(_word(found) for found in _WORD.findall(lowered))


def plain(text: str) -> str:
    """The text for comparing without marks: `Thị trấn Mĩ Hào` → `thi tran mi hao`."""
    return " ".join(word.plain for word in words(text))


SHORT: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    ("xa",): ("Xã",), ("x",): ("Xã",),
    ("phuong",): ("Phường",), ("p",): ("Phường",), ("f",): ("Phường",),
    ("thi", "tran"): ("Thị trấn",), ("tt",): ("Thị trấn",),
    ("dac", "khu"): ("Đặc khu",), ("dk",): ("Đặc khu",),
    ("quan",): ("Quận",), ("q",): ("Quận",),
    ("huyen",): ("Huyện",), ("h",): ("Huyện",),
    ("thi", "xa"): ("Thị xã",), ("tx",): ("Thị xã",),
    ("thanh", "pho"): ("Thành phố",), ("tp",): ("Thành phố",), ("t", "p"): ("Thành phố",),
    ("tinh",): ("Tỉnh",), ("t",): ("Tỉnh",),
}  # fmt: skip
"""Type words as they are typed (plain) → type words."""


def typed(found: tuple[Word, ...]) -> list[tuple[str, int]]:
    """Each way to read the beginning as a type word: (type word, how many words it takes); ("", 0) is always one."""
    ways = [("", 0)]
    for size in (1, 2):
        key = tuple(word.plain for word in found[:size])
        if len(found) > size:
            ways += [(kind, size) for kind in SHORT.get(key, ())]
    return ways
