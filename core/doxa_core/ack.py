"""The application acknowledge: which measurements the collector has committed, so the probe may forget them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from doxa_core.errors import WireError
from doxa_core.fields import Fields, canonical, parse_object
from doxa_core.measurement import MAX_SEQ, SCHEMA, epoch

MAX_RANGES: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Sequence ranges of one epoch, both ends included.

    `kept` are committed to the ledger; `refused` were quarantined under their sequence: sending them again would
    change nothing, so the probe drops them from its queue and counts them.
    """

    epoch: str
    kept: tuple[tuple[int, int], ...] = ()
    refused: tuple[tuple[int, int], ...] = ()

    def encode(self) -> bytes:
        """The canonical bytes."""
        found = {"schema": SCHEMA, "epoch": self.epoch, "kept": [list(r) for r in self.kept]}
        if self.refused:
            found["refused"] = [list(r) for r in self.refused]
        return canonical(found)


def decode(payload: bytes) -> Ack:
    """The acknowledge in `payload`, or `WireError`."""
    found = parse_object(payload, 64 * 1024)
    fields = Fields(found)
    fields.integer("schema", 1, 2**31)
    return Ack(
        epoch=epoch(fields.raw("epoch")),
        kept=_ranges(found.get("kept", []), "kept"),
        refused=_ranges(found.get("refused", []), "refused"),
    )


def _ranges(found: object, key: str) -> tuple[tuple[int, int], ...]:
    if not isinstance(found, list) or len(found) > MAX_RANGES:
        raise WireError("bad_field", f"{key}: not a list of at most {MAX_RANGES} ranges")
    return tuple(_range(item, key) for item in found)


def _range(item: object, key: str) -> tuple[int, int]:
    if isinstance(item, list) and len(item) == 2:
        fields = Fields({"from": item[0], "to": item[1]})
        first, last = fields.integer("from", 1, MAX_SEQ), fields.integer("to", 1, MAX_SEQ)
        if first <= last:
            return first, last
    raise WireError("bad_field", f"{key}: {item!r:.80} is not a pair [from, to] with from ≤ to")


def ranges(numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """The shortest list of ranges that holds exactly `numbers`."""
    found: list[tuple[int, int]] = []
    for n in sorted(set(numbers)):
        if found and found[-1][1] == n - 1:
            found[-1] = (found[-1][0], n)
        else:
            found.append((n, n))
    return tuple(found)
