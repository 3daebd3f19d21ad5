"""Domain names as they travel (RFC 1035 §3.1, §4.1.4) and as people write them (§5.1).

A name is the tuple of its labels' octets without the root's empty one; `()` is the root.
"""

from typing import Final

Name = tuple[bytes, ...]

MAX_LABEL: Final = 63
MAX_NAME: Final = 255
"""Octets of a whole name at most, with its length octets (RFC 1035 §2.3.4)."""
_POINTER: Final = 0xC0


class Malformed(Exception):  # noqa: N818 - what it says is a fact about the message
    """The octets are no DNS message; `what` names the part in a code. The only exception that decoding raises."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def parse(text: str) -> Name:
    r"""The name that people write, with or without its last dot; other scripts by IDNA (RFC 3490).

    Raises `ValueError` where a label or the whole is empty or too long. Escapes (`\.`) are not read.
    """
    bare = text.removesuffix(".")
    if not bare.isascii():
        bare = bare.encode("idna").decode("ascii")  # UnicodeError is a ValueError
    labels = tuple(label.encode("ascii") for label in bare.split(".")) if bare else ()
    if any(not 0 < len(label) <= MAX_LABEL for label in labels) or len(encode(labels)) > MAX_NAME:
        raise ValueError(text)
    if any(octet <= 0x20 or octet >= 0x7F for label in labels for octet in label):
        raise ValueError(text)
    return labels


def encode(name: Name) -> bytes:
    """The octets of a name, never compressed."""
    return b"".join(bytes([len(label)]) + label for label in name) + b"\0"


def decode(octets: bytes, at: int) -> tuple[Name, int]:
    """The name that begins at `at`, and where what follows it begins. Raises `Malformed`.

    A pointer must lead to before the piece in which it stands, as "a prior occurrence" says: so no chain of pointers
    can be a loop, and each makes the rest shorter.
    """
    labels: list[bytes] = []
    size, begin, after = 1, at, -1
    while True:
        if at >= len(octets):
            raise Malformed("name_cut")
        length = octets[at]
        if length & _POINTER == _POINTER:
            if at + 1 >= len(octets):
                raise Malformed("name_cut")
            after = at + 2 if after < 0 else after
            at = (length & 0x3F) << 8 | octets[at + 1]
            if at >= begin:
                raise Malformed("name_pointer")
            begin = at
            continue
        if length & _POINTER:
            raise Malformed("name_label")  # RFC 6891 §5: the other label types are no longer used
        at += 1
        if not length:
            return tuple(labels), at if after < 0 else after
        if at + length > len(octets):
            raise Malformed("name_cut")
        size += 1 + length
        if size > MAX_NAME:
            raise Malformed("name_long")
        labels.append(octets[at : at + length])
        at += length


def same(one: Name, other: Name) -> bool:
    """Whether two names are equal: ASCII letters of both cases are (RFC 4343 §3)."""
    return len(one) == len(other) and all(a.lower() == b.lower() for a, b in zip(one, other, strict=True))


def show(name: Name) -> str:
    r"""The name in ASCII, with what is no plain character as `\DDD` (RFC 1035 §5.1); the root is a dot."""
    return ".".join("".join(map(_show_octet, label)) for label in name) or "."


def _show_octet(octet: int) -> str:
    if octet in b'.\\"();@$':
        return f"\\{octet:c}"
    return chr(octet) if 0x20 < octet < 0x7F else f"\\{octet:03d}"
