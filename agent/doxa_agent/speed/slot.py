"""A slot at the far end: so many megabits per second for so many seconds, or "come back in s seconds".

The far end promises no more than it has (methods.md §9), so that clients measure their own lines and not each other.
Asked over the test's `Dialogue` before the first transfer; every transfer then names the token (`Slot.query`), and
`give_back` ends the slot as soon as the test is over. A far end that knows no slots (any other LibreSpeed server)
is measured without one.
"""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

from doxa_agent.net.binding import Unreachable
from doxa_agent.speed.dialogue import Dialogue
from doxa_agent.speed.http import Answer
from doxa_agent.speed.target import Stopped

MOST_WAIT_S: Final = 3600.0
"""No far end can send us away for longer: what it says is a stranger's word."""
LEAST_WAIT_S: Final = 1.0
_TOKEN: Final = re.compile(r"[0-9a-f]{16,64}")
_WHY: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")


class Busy(Exception):  # noqa: N818 - an answer of the far end, not an error
    """The far end has no room now; `retry_after_s` says when to come back, `why` is a code such as `busy`.

    `busy`: its bandwidth is promised to others; `address_limit`: this address holds as many slots as one may.
    """

    def __init__(self, retry_after_s: float, why: str) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What the far end promised."""

    token: str
    """Named in every transfer: `target.url("garbage.php", **slot.query)`."""
    seconds: float
    """From now until the token dies; it also dies when nothing moved under it for some seconds."""
    mbps: float
    """What it promises in each direction (TCP payload), at most what was asked."""
    asked_mbps: float

    @property
    def query(self) -> dict[str, str]:
        """The part of a transfer's query that names the slot."""
        return {"token": self.token}

    @property
    def short(self) -> bool:
        """Whether the far end could promise less than was asked: its whole bandwidth is smaller than the line's."""
        return self.mbps < 0.999 * self.asked_mbps


def ask_slot(dialogue: Dialogue, *, seconds: float, mbps: float, directions: Sequence[str]) -> Slot | None:
    """A slot of `mbps` in each of the `directions` for at most `seconds`; None where the far end knows no slots.

    Raises `Busy` where it has no room now, and what `Dialogue.ask` raises (`Unreachable`, `Stopped`).
    """
    answer, _took = dialogue.ask(
        "slot", method="POST", seconds=f"{seconds:.3f}", mbps=f"{mbps:.3f}", directions=",".join(directions)
    )
    found = _ours(answer)
    status = 0 if answer.head is None else answer.head.status
    if status in (429, 503):
        _raise_busy(answer, found)
    if found is None or status != 200:
        return None
    token, granted, lasts = found.get("token"), _number(found.get("mbps")), _number(found.get("expires_s"))
    if not (isinstance(token, str) and _TOKEN.fullmatch(token)) or not granted or not lasts:
        return None
    return Slot(token=token, seconds=min(lasts, seconds), mbps=min(granted, mbps), asked_mbps=mbps)


def give_back(dialogue: Dialogue, slot: Slot | None) -> None:
    """Tell the far end that the slot is free again. Where that fails it notices by itself: nothing is raised."""
    if slot is None:
        return
    with suppress(Unreachable, Stopped):
        dialogue.ask("slot", method="DELETE", **slot.query)


def why_ended(dialogue: Dialogue, slot: Slot | None) -> str | None:
    """Why the far end ended the slot by itself: `time`, `volume` or `unused`; None while it stands or where unknown.

    To be asked when a transfer broke off: then it was the far end's limit and not a fault of the line.
    """
    if slot is None:
        return None
    try:
        answer, _took = dialogue.ask("slot", **slot.query)
    except (Unreachable, Stopped):
        return None
    ended = (_ours(answer) or {}).get("ended")
    return ended if ended in ("time", "volume", "unused") else None


def _raise_busy(answer: Answer, found: dict[str, Any] | None) -> None:
    """Raise `Busy` if the answer says when to come back; another server's bare 503 says nothing about slots."""
    after = "" if answer.head is None else answer.head.fields.get("retry-after", "")
    wait = _number((found or {}).get("come_back_s"))
    if wait is None and after.isascii() and after.isdigit() and len(after) < 9:
        wait = float(after)
    if wait is None:
        return
    why = (found or {}).get("why")
    code = why if isinstance(why, str) and _WHY.fullmatch(why) else "busy"
    raise Busy(min(MOST_WAIT_S, max(LEAST_WAIT_S, wait)), code)


def _ours(answer: Answer) -> dict[str, Any] | None:
    """The JSON object of one of our far ends."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("doxa") == 1 else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    with suppress(OverflowError):
        return float(value) if isfinite(value) and 0 <= value < 1e12 else None
    return None
