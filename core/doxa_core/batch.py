"""A batch on the wire: measurements, one JSON line each, verbatim as they were spooled (docs/wire.md §3).

A line may carry a signature after one TAB (a JSON line never holds a raw TAB): the door for signed evidence.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from doxa_core.errors import WireError

MAX_BATCH_BYTES: Final = 256 * 1024
MAX_LINES: Final = 500


@dataclass(frozen=True, slots=True)
class Line:
    """One measurement's bytes, and its signature where there is one."""

    raw: bytes
    signature: bytes | None = None


def join(lines: Iterable[Line]) -> bytes:
    """The payload of a batch."""
    return b"\n".join(line.raw if line.signature is None else line.raw + b"\t" + line.signature for line in lines)


def split(payload: bytes) -> list[Line]:
    """The lines of a batch; `WireError` for an empty or an oversized one. Each line is decoded on its own."""
    if len(payload) > MAX_BATCH_BYTES:
        raise WireError("too_big", f"{len(payload)} bytes in a batch, {MAX_BATCH_BYTES} allowed")
    lines = [line for line in payload.split(b"\n") if line]
    if not lines:
        raise WireError("empty", "a batch without a line")
    if len(lines) > MAX_LINES:
        raise WireError("too_big", f"{len(lines)} lines in a batch, {MAX_LINES} allowed")
    return [_line(line) for line in lines]


def _line(text: bytes) -> Line:
    raw, tab, signature = text.partition(b"\t")
    return Line(raw, signature if tab else None)
