"""What our responder says arrived of an upload: the receiver's own bins, by its own clock."""

import json
from dataclasses import dataclass
from typing import Any

from doxa_agent.speed.bins import Bin
from doxa_agent.speed.http import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The receiver's figures of one upload session."""

    octets: float
    seconds: float
    bins: tuple[Bin, ...]
    counted: str
    """`segments` or `read`, see the responder's sessions."""
    connections: int


def read_report(answer: Answer) -> Report | None:
    """The report in an answer; None where the far end is another LibreSpeed server."""
    if answer.head is None or answer.head.status != 200:
        return None
    try:
        found = json.loads(answer.body)
        return _report(found) if isinstance(found, dict) and found.get("doxa") == 1 else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _report(found: dict[str, Any]) -> Report | None:
    spans, octets = found["bins_us"], found["bins_octets"]
    if not isinstance(spans, list) or not isinstance(octets, list):
        return None
    bins = tuple(Bin(seconds=_number(us) / 1e6, octets=_number(n)) for us, n in zip(spans, octets, strict=True))
    return Report(
        octets=_number(found["octets"]),
        seconds=_number(found["seconds"]),
        bins=bins,
        counted="read" if found["counted"] == "read" else "segments",
        connections=int(_number(found["connections"])),
    )


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e18:
        raise ValueError("not a count")
    return float(value)
