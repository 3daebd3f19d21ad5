"""argparse in Vietnamese: its own words ("usage", "required") follow the language in force.

argparse looks its words up through the module's `_` (gettext), which has no catalogue on a probe. We answer instead of
gettext; a word that a newer Python brings stays English until it stands here.
"""

import argparse
from typing import Final

from doxa_core.language import language

WORDS: Final = {
    "usage: ": "cách dùng: ",
    "options": "tùy chọn",
    "positional arguments": "đối số",
    "show this help message and exit": "hiện trợ giúp này rồi thoát",
    "%(prog)s: error: %(message)s\n": "%(prog)s: %(message)s\n",
    "the following arguments are required: %s": "thiếu đối số: %s",
    "one of the arguments %s is required": "cần một trong các đối số: %s",
    "unrecognized arguments: %s": "không hiểu đối số: %s",
    "argument %(argument_name)s: %(message)s": "đối số %(argument_name)s: %(message)s",
    "invalid %(type)s value: %(value)r": "giá trị %(value)r không hợp lệ",
    "invalid choice: %(value)r (choose from %(choices)s)": "không có lựa chọn %(value)r (hãy chọn: %(choices)s)",
    "expected one argument": "cần một giá trị",
    "expected at least one argument": "cần ít nhất một giá trị",
    "expected at most one argument": "cần nhiều nhất một giá trị",
    "not allowed with argument %s": "không dùng chung với đối số %s",
    "ignored explicit argument %r": "thừa giá trị %r",
    "ambiguous option: %(option)s could match %(matches)s": "tùy chọn %(option)s không rõ là {%(matches)s} nào",
    " (default: %(default)s)": " (mặc định: %(default)s)",
}


def translate(word: str) -> str:
    """The word of argparse in the language in force."""
    return WORDS.get(word, word) if language() == "vi" else word


def speak_our_language() -> None:
    """Let every parser of this process speak through `translate`."""
    vars(argparse)["_"] = translate
