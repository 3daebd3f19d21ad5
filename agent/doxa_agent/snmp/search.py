"""Finds the line's interface among those of the terminal, and reads its row: by name or label, since indexes move."""

import time
from typing import Any, Final, Protocol

from doxa_agent.snmp.objects import LABELS, NUMBERS, SYSDESCR, UPTIME, Oid
from doxa_agent.snmp.order import Answer, Choice

MOST_ROWS: Final = 4096
"""Interfaces of a terminal that are looked through at most."""
OFFERED: Final = 20
_LONGEST: Final = 255


class Asks(Protocol):
    """What a session can do (`session.Session`)."""

    async def get(self, oids: list[Oid]) -> list[Any]:
        """The value of each object, None where there is none."""

    async def next(self, oid: Oid) -> list[tuple[Oid, Any]]:
        """Some objects that follow."""


async def read_interface(session: Asks, choice: Choice, known: int | None, answer: Answer) -> None:
    """Fill `answer` with the interface of `choice`; `answer.reason` says why not. Faults of the session pass through."""
    index = known if choice.index is None else choice.index
    labels = {} if index is None else await _labels(session, index)
    if index is None or not _fits(choice, labels):
        index = await _find(session, choice, answer) if choice.index is None else None
        if index is None:
            answer.reason = answer.reason or "interface_unknown"
            return
        labels = await _labels(session, index)
    answer.index, answer.labels = index, labels
    await _numbers(session, index, answer)


async def _labels(session: Asks, index: int) -> dict[str, str]:
    found = await session.get([SYSDESCR, *((*column, index) for column in LABELS.values())])
    return {name: text for name, value in zip(("sysdescr", *LABELS), found, strict=True) if (text := _text(value))}


def _fits(choice: Choice, labels: dict[str, str]) -> bool:
    """Whether these are the labels of the interface that is meant."""
    if choice.alias is not None:
        return labels.get("alias") == choice.alias
    if choice.name is not None:
        return labels.get("name", labels.get("descr")) == choice.name
    return bool(labels.keys() - {"sysdescr"})  # the row is there


async def _find(session: Asks, choice: Choice, answer: Answer) -> int | None:
    """The index of the one interface with that name or label; None, and why, where there is none or more than one."""
    wanted = choice.alias if choice.alias is not None else choice.name
    columns = ("alias",) if choice.alias is not None else ("name", "descr")
    for column in columns:
        rows = await _column(session, LABELS[column])
        found = [index for index, text in rows.items() if text == wanted]
        if len(found) > 1:
            answer.reason = "interface_ambiguous"
        if found:
            return found[0] if len(found) == 1 else None
        answer.offered = [text for text in rows.values() if text][:OFFERED]
        if any(rows.values()):  # ifDescr speaks only where ifName says nothing
            return None
    return None


async def _column(session: Asks, column: Oid) -> dict[int, str]:
    """Index → text of a whole column; a terminal whose walk does not go forward is left where it stands."""
    found: dict[int, str] = {}
    last: Oid = column
    while len(found) < MOST_ROWS:
        rows = await session.next(last)
        for oid, value in rows:
            if oid[: len(column)] != column or len(oid) != len(column) + 1 or oid <= last:
                return found
            found[oid[-1]], last = _text(value), oid
        if not rows:
            return found
    return found


async def _numbers(session: Asks, index: int, answer: Answer) -> None:
    """The whole row with sysUpTime in one request, so that counters and time belong together."""
    asked = [UPTIME, *((*column, index) for column in NUMBERS.values())]
    answer.sent_s = time.monotonic()
    found = await session.get(asked)
    answer.received_s = time.monotonic()
    numbers = {name: _number(value) for name, value in zip(("uptime", *NUMBERS), found, strict=True)}
    answer.numbers = {name: number for name, number in numbers.items() if number is not None}


def _number(value: Any) -> int | None:
    """A counter, gauge or integer; None for anything that is none, whatever the terminal sends in its place."""
    try:
        found = int(value)
    except (TypeError, ValueError):
        return None
    return found if 0 <= found < 2**64 else None


def _text(value: Any) -> str:
    """Octets as printable text; empty for what is none."""
    octets = getattr(value, "asOctets", None)  # bytes() of a number would be that many zeros
    text = octets().decode("utf-8", "replace") if octets is not None else ""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:_LONGEST]
