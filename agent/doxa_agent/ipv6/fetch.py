"""A page by its phases, and a short transfer, over one family only (RFC 9112)."""

import os
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from doxa_agent.ipv6.stream import HTTP, Failed, Place, Stream
from doxa_agent.meter import Deadline, FarEnd
from doxa_agent.net.binding import Unreachable
from doxa_agent.speed import http

ENOUGH: Final = 64 * 1024
"""So much of a page is read: its first octets decide, not its pictures."""
STALL_S: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One page."""

    status: int
    connect_s: float
    tls_s: float | None
    first_byte_s: float
    """From the request to the first octet of the answer."""
    total_s: float
    """From SYN to the end of what is read."""
    octets: int
    mss: int | None
    """The segment size that TCP agreed upon, as far as we may send."""


def page(place: Place, path: str, timeout_s: float, deadline: Deadline, *, mss: int | None = None) -> Fetched:
    """Fetch `path`, at most `ENOUGH` octets of it; raises `Failed`."""
    began = time.monotonic()
    with Stream(place, timeout_s, deadline, mss=mss) as stream:
        asked = time.monotonic()
        stream.send(_request(place.far_end, path))
        piece = stream.receive(timeout_s, reason="answer_timeout")
        first_byte_s = time.monotonic() - asked
        answer, octets = http.Answer(), 0
        while True:
            octets += len(piece)
            _feed(answer, piece)
            if answer.head is not None and (answer.complete or octets >= ENOUGH):
                break
            piece = stream.receive(timeout_s)
        return Fetched(
            status=answer.head.status,
            connect_s=stream.connect_s,
            tls_s=stream.tls_s,
            first_byte_s=first_byte_s,
            total_s=time.monotonic() - began,
            octets=octets,
            mss=stream.info.snd_mss,
        )


def _request(far_end: FarEnd, path: str) -> bytes:
    return http.request("GET", http.host_field(far_end.host, far_end.port, tls=far_end.tls), path, keep=False)


def _feed(answer: http.Answer, piece: bytes) -> None:
    try:
        answer.feed(piece)
    except Unreachable as unreachable:
        raise Failed(HTTP, unreachable.reason) from None


def path_of(far_end: FarEnd, name: str) -> str:
    """The path of a LibreSpeed endpoint of that server, never cached."""
    folder = f"/{quote(far_end.path.strip('/'))}" if far_end.path.strip("/") else ""
    return f"{folder}/{name}{'&' if '?' in name else '?'}r={os.urandom(4).hex()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A short download."""

    octets: int
    seconds: float
    """From the first octet of the body to the last."""
    mbps: float | None
    """Decimal megabits of payload per second after the first third (slow start); None where it was over too soon."""
    status: int = 200

    @property
    def at_least_mbps(self) -> float:
        """A bound from below where it was over too soon to be timed well."""
        return self.mbps or self.octets * 8e-6 / max(self.seconds, _SHORTEST_S)


_SHORTEST_S: Final = 0.005


def transfer(
    place: Place, octets: int, most_s: float, deadline: Deadline, *, stall_s: float = STALL_S, mss: int | None = None
) -> Transfer:
    """Download up to `octets` for at most `most_s`; raises `Failed` (`stalled` where the octets stop coming)."""
    chunks = max(1, -(-octets // 1_000_000))
    with Stream(place, stall_s, deadline, mss=mss) as stream:
        stream.send(_request(place.far_end, path_of(place.far_end, f"garbage.php?ckSize={chunks}")))
        head, rest = _head(stream, stall_s)
        if head.status != 200:
            return Transfer(octets=0, seconds=0.0, mbps=None, status=head.status)
        began = time.monotonic()
        marks = [(began, len(rest))]
        wanted = octets if head.length is None else min(octets, head.length)
        while marks[-1][1] < wanted and time.monotonic() - began < most_s:
            piece = stream.receive(stall_s)
            if not piece:
                break
            marks.append((time.monotonic(), marks[-1][1] + len(piece)))
    return Transfer(octets=marks[-1][1], seconds=marks[-1][0] - began, mbps=_rate(marks))


def _head(stream: Stream, stall_s: float) -> tuple[http.Head, bytes]:
    received = b""
    while True:
        piece = stream.receive(stall_s, reason="answer_timeout")
        if not piece:
            raise Failed(HTTP, "broke_off")
        received += piece
        try:
            head = http.parse_head(received)
        except Unreachable as unreachable:
            raise Failed(HTTP, unreachable.reason) from None
        if head is not None and head.status >= 200:
            return head, received[head.size :]
        received = received if head is None else received[head.size :]


def _rate(marks: list[tuple[float, int]]) -> float | None:
    """The pace between a third of the octets and the last of them."""
    total = marks[-1][1]
    start = next(mark for mark in marks if mark[1] * 3 >= total)
    seconds, octets = marks[-1][0] - start[0], total - start[1]
    return octets * 8e-6 / seconds if seconds >= _SHORTEST_S and octets else None
