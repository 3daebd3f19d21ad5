"""The door of the far end: asking for a slot, giving it back, and which transfers may begin under which token."""

import math
import re
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from doxa_agent.directions import DIRECTIONS, Direction
from doxa_agent.responder import answers
from doxa_agent.responder.requests import HttpRequest, Refusal
from doxa_agent.responder.slots import LONGEST_S, UNUSED_S, Refused, Slot, Slots

MOST_MBPS: Final = 100_000.0
FLOOR: Final = 0.05
"""The share of the promise that clients without a slot may always use together: a trickle that still answers them."""
NEEDS_SLOT: Final = (
    "This far end serves only clients with a slot: POST slot?seconds=S&mbps=M&directions=download,upload\n"
)
SLOT_OVER: Final = "The slot of this token is over or unknown: ask for a new one with POST slot\n"
BAD_ASK: Final = f"Ask with seconds (1 to {LONGEST_S:.0f}), mbps (0.1 to {MOST_MBPS:.0f}) and directions (download, upload or both)\n"
_TOKEN: Final = re.compile(r"[0-9a-f]{32}")
_SO_MAX_PACING_RATE: Final = 47
_UNPACED: Final = 0xFFFFFFFF


class Admission:
    """Slots over HTTP, and what is left for clients that have none."""

    def __init__(self, slots: Slots, *, required: bool = False) -> None:
        self.slots = slots
        self.required = required
        """Whether transfers without a token are refused (`--require-slot`)."""
        self.held_at: float | None = None
        """When clients without a slot were last given less for the sake of slots."""

    def answer(self, request: HttpRequest, peer: str, now: float) -> bytes:
        """The answer to a request for `slot`; `Refusal` for one that makes no sense."""
        if request.method == "POST":
            return self._ask(request, peer, now)
        token = token_of(request.query)
        if token is None:
            raise Refusal(400, SLOT_OVER)
        if request.method == "DELETE":
            found: dict[str, Any] = {"doxa": 1, "returned": self.slots.give_back(token, now)}
        elif request.method == "GET":
            slot = self.slots.find(token, now)
            found = {"doxa": 1, "open": slot is not None}
            if slot is not None:
                found["expires_s"] = round(slot.ends - now, 3)
                found["left_bytes"] = {d: max(0, math.floor(slot.left(d))) for d in slot.directions}
            if (why := self.slots.why_ended(token)) is not None:
                found["ended"] = why
        else:
            raise Refusal(405)
        return answers.json_answer(found, keep=request.keep_alive)

    def _ask(self, request: HttpRequest, peer: str, now: float) -> bytes:
        query = request.query
        seconds, mbps = _number(query, "seconds", 1, 1e6), _number(query, "mbps", 0.1, MOST_MBPS)
        directions: tuple[Direction, ...] = tuple(d for d in DIRECTIONS if d in query.get("directions", "").split(","))
        if seconds is None or mbps is None or not directions:
            raise Refusal(400, BAD_ASK)
        got = self.slots.ask(peer, seconds=seconds, mbps=mbps, directions=directions, now=now)
        if isinstance(got, Refused):
            # Hanging up makes each further try cost its client a connection: many in one packet would hold us up.
            busy = answers.come_back(got.come_back_s, got.why, keep=False)
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, answer=busy)
        found = {
            "doxa": 1,
            "token": got.token,
            "seconds": round(got.ends - got.began, 3),
            "mbps": round(got.mbps, 3),
            "directions": list(got.directions),
            "expires_s": round(got.ends - now, 3),
            "unused_s": UNUSED_S,
            "allowance_bytes": math.floor(got.allowance),
        }
        return answers.json_answer(found, keep=request.keep_alive)

    def admit(self, request: HttpRequest, direction: Direction, now: float) -> Slot | None:
        """The slot that a transfer runs under, None for one without; `Refusal(403)` where it may not run."""
        if "token" not in request.query:
            if self.required:
                raise Refusal(HTTPStatus.FORBIDDEN, NEEDS_SLOT)
            return None
        token = token_of(request.query)
        slot = None if token is None else self.slots.find(token, now)
        if slot is None or slot.left(direction) <= 0:
            raise Refusal(HTTPStatus.FORBIDDEN, SLOT_OVER)
        slot.used = now
        return slot

    def share(self, direction: Direction, transfers: int, now: float) -> float | None:
        """Octets a second for each of the `transfers` without a slot; None where they are not held back."""
        slots = self.slots
        left = slots.left_mbps(direction)
        if left is None or slots.promise_mbps is None or not transfers or not slots.booked_mbps(direction):
            return None
        self.held_at = now
        return max(left, FLOOR * slots.promise_mbps) * 1e6 / 8 / transfers


def token_of(query: Mapping[str, str]) -> str | None:
    """The token that a request names, None where it names none or not in our form."""
    token = query.get("token", "")
    return token if _TOKEN.fullmatch(token) else None


def pace_socket(sock: socket.socket, per_second: float | None) -> None:
    """Let the kernel send at most so many octets a second (SO_MAX_PACING_RATE, socket(7)); None: as fast as it can."""
    rate = _UNPACED if per_second is None else min(_UNPACED - 1, max(1, round(per_second)))
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_MAX_PACING_RATE, struct.pack("=I", rate))


def _number(query: Mapping[str, str], name: str, lowest: float, highest: float) -> float | None:
    text = query.get(name, "")
    if len(text) > 20 or not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return None
    value = float(text)
    return value if lowest <= value <= highest else None
