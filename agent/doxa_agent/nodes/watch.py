"""One run over all nodes of a task, and the readings that are worth giving.

A country of probes that told ten nodes every ten seconds would send far more than it says. So a run gives a reading of
each node whose state changed, of each that was not told for `report_s`, and always of the one that was told longest
ago. Its counts are of the whole time since its last reading: nothing is measured in vain, and nothing is told twice.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from doxa_agent.meter import FarEnd, Reading, Request
from doxa_agent.net import heavy
from doxa_agent.net.delay import summarise
from doxa_agent.net.echosocket import NOT_PERMITTED
from doxa_agent.net.handshake import inconclusive
from doxa_agent.net.names import Address, resolve_all
from doxa_agent.net.ping import LEAD_S, SETTLE_S, Open, ping
from doxa_agent.net.proof import proof_if_any
from doxa_agent.net.track import Target, Track
from doxa_agent.nodes.book import Asked, Book
from doxa_agent.nodes.connect import Connector
from doxa_agent.nodes.options import Options
from doxa_core.outcome import Outcome

FORGET_S: Final = 600.0
"""A run so long after the one before knows nothing of it."""
RENEW_S: Final = 300.0
"""So long the address of a name is believed: a resolver that fails must not look like a node that does."""
RESOLVE_S: Final = 3.0
END_S: Final = 0.2
END_EACH_S: Final = 0.005
"""A run comes back so long before its end, and so much more a node: readings have to be kept before the next one starts."""
_TICKET: Final = 4
"""Reasons that a reading names, the most frequent first."""

_Key = tuple[str, int | None, Options, tuple[FarEnd, ...]]


@dataclass(slots=True)
class _Memory:
    """What a run leaves for the next one of its task."""

    books: list[Book]
    found: list[Address | str] = field(default_factory=list)
    found_s: float = 0.0
    left_s: float = 0.0
    """When the run ended."""
    open: Open | None = None
    """Echo requests whose time was not over, for which targets."""
    targets: tuple[Target, ...] = ()


class _Shelf:
    """The memories of all tasks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[_Key, _Memory] = {}

    def take(self, key: _Key) -> _Memory | None:
        """What the run before left, if that was not too long ago; everything older is thrown away."""
        now = time.monotonic()
        with self._lock:
            old = [name for name, memory in self._found.items() if now - memory.left_s > FORGET_S]
            given_up = [self._found.pop(name) for name in old]
            found = self._found.pop(key, None)
        for memory in given_up:
            if memory.open is not None:
                memory.open.abandon()
        return found

    def put(self, key: _Key, memory: _Memory) -> None:
        """Keep it for the next run."""
        with self._lock:
            before = self._found.pop(key, None)
            self._found[key] = memory
        if before is not None and before.open is not None:
            before.open.abandon()


_SHELF: Final = _Shelf()


def measure_all(request: Request[Options]) -> list[Reading]:
    """The readings of this run, in the order of the far ends."""
    began = time.monotonic()
    key = (request.link.name, request.family, request.options, request.far_ends)
    memory = _SHELF.take(key) or _Memory(
        [Book(down_after=request.options.down_after, since_s=began) for _ in request.far_ends]
    )
    try:
        return _Run(request, memory, began).readings()
    finally:
        memory.left_s = time.monotonic()
        _SHELF.put(key, memory)


class _Run:
    """One run of a task."""

    def __init__(self, request: Request[Options], memory: _Memory, began: float) -> None:
        self._request, self._memory = request, memory
        options = request.options
        spare = min(END_S + END_EACH_S * len(request.far_ends), options.duration_s / 4)
        self._ends = began + options.duration_s - spare
        self._ways: dict[int, str | None] = {}

    def readings(self) -> list[Reading]:
        """Ask everybody, book what came, tell what is worth it."""
        self._find()
        targets = {
            place: Target(family=found[0], address=found[1], port=self._request.far_ends[place].port)
            for place, found in enumerate(self._memory.found)
            if not isinstance(found, str)
        }
        if self._request.options.connect:
            self._connect(targets)
        else:
            self._ping(targets)
        now = time.monotonic()
        return [self._reading(place, now) for place in sorted(self._worth_telling(now))]

    def _find(self) -> None:
        """The addresses; those of names are looked up again from time to time, and an old one is kept if that fails."""
        memory, now = self._memory, time.monotonic()
        fresh = memory.found and now - memory.found_s < RENEW_S
        if fresh and not any(isinstance(found, str) for found in memory.found):
            return
        hosts = [far_end.host for far_end in self._request.far_ends]
        patience_s = min(RESOLVE_S, self._request.deadline.left_s, self._request.options.duration_s / 4)
        found = resolve_all(hosts, self._request.family, timeout_s=patience_s)
        before = memory.found or found
        memory.found = [old if isinstance(new, str) else new for new, old in zip(found, before, strict=True)]
        memory.found_s = now

    def _connect(self, targets: dict[int, Target]) -> None:
        run = Connector(
            tuple(targets.values()), self._request.link, self._request.options.cadence, self._request.deadline
        )
        run.run(self._ends)
        for place, asked, errors in zip(targets, run.asked, run.errors, strict=True):
            self._ways[place] = "tcp_connect"
            self._book(place, asked, errors)

    def _ping(self, targets: dict[int, Target]) -> None:
        memory, chosen = self._memory, tuple(targets.values())
        before, memory.open = memory.open, None
        if before is not None and memory.targets != chosen:
            before.abandon()
            before = None
        run = ping(
            chosen, self._request.link, self._request.options.cadence, self._request.deadline,
            ends=self._ends, before=before,
        )  # fmt: skip
        memory.open, memory.targets = run.open, chosen
        for place, track in zip(targets, run.tracks, strict=True):
            self._ways[place] = track.way
            if inconclusive(track):
                self._book(place, [replace(one, blind=True) for one in _asked(track)], Counter({NOT_PERMITTED: 1}))
            else:
                self._book(place, _asked(track), track.errors)

    def _book(self, place: int, asked: Sequence[Asked], errors: Counter[str]) -> None:
        book = self._memory.books[place]
        since = min((one.sent_s for one in asked), default=time.monotonic())
        spans = heavy.spans(self._request.link.name, since - SETTLE_S, time.monotonic() + LEAD_S)
        for one in asked:
            loaded = any(span.began - LEAD_S <= one.sent_s <= span.ended + SETTLE_S for span in spans)
            book.take(_loaded(one) if loaded else one)
        if not asked and errors:  # no socket could be had
            book.take(Asked(sent_s=since, blind=True))
        book.errors += errors

    def _worth_telling(self, now: float) -> set[int]:
        books = self._memory.books
        if not books:
            return set()
        report_s = self._request.options.report_s
        told = {place: -1.0 if book.told_s is None else book.told_s for place, book in enumerate(books)}
        found = {place for place, book in enumerate(books) if book.news or now - told[place] >= report_s}
        return found | {min(told, key=lambda place: (told[place], place))}

    def _reading(self, place: int, now: float) -> Reading:
        book, far_end, found = self._memory.books[place], self._request.far_ends[place], self._memory.found[place]
        if isinstance(found, str):
            reading = Reading(
                outcome=Outcome.FAILED, far_end=far_end.name, family=self._request.family, reasons=(found,)
            )
        else:
            outcome, reasons = _judge(book)
            family, address = found
            reading = Reading(
                outcome=outcome,
                far_end=far_end.name,
                family=family,
                proof=proof_if_any(address, family, self._request.link),
                reasons=reasons,
                findings=tuple(self._findings(book, place)),
                values=_values(book, now),
                detail=self._detail(book, place, address, now),
            )
        book.tell(now)
        return reading

    def _findings(self, book: Book, place: int) -> Iterator[str]:
        if self._ways.get(place) == "tcp_handshake":
            yield "not_icmp"
        if book.loaded:
            yield "during_heavy_test"

    def _detail(self, book: Book, place: int, address: str, now: float) -> dict[str, Any]:
        rare = {"loaded": book.loaded, "unsent": book.unsent, "errors": dict(book.errors.most_common(_TICKET))}
        found = {"address": address, "way": self._ways.get(place), "window_s": round(now - book.since_s, 1)}
        return {name: value for name, value in found.items() if value is not None} | {
            k: v for k, v in rare.items() if v
        }


def _asked(track: Track) -> list[Asked]:
    """A pinger's column as requests whose fate is decided: those of the run before first."""
    own = track.answered[: track.left.sent]
    refused = [False] * track.carried + [mark == 2 for mark in own]
    rows = zip(track.delays_ms, track.sent_mono, refused, strict=True)
    return [
        Asked(sent_s=sent / 1e9, delay_ms=delay, blind=blind)
        for index, (delay, sent, blind) in enumerate(rows)
        if index not in track.open
    ]


def _loaded(asked: Asked) -> Asked:
    return Asked(sent_s=asked.sent_s, delay_ms=asked.delay_ms, alive=asked.alive, blind=asked.blind, loaded=True)


def _judge(book: Book) -> tuple[Outcome, tuple[str, ...]]:
    if book.up:
        return Outcome.OK, ()
    errors = tuple(code for code, _ in book.errors.most_common(_TICKET))
    if book.up is None and not book.sent and not errors:
        return Outcome.SKIPPED, ("cut_short",)
    if book.up is None and set(errors) == {NOT_PERMITTED}:
        return Outcome.SKIPPED, errors
    return Outcome.FAILED, errors or ("no_reply",)


def _values(book: Book, now: float) -> dict[str, float]:
    summary = summarise([*book.delays_ms, *([None] * (book.sent - len(book.delays_ms)))])
    found: dict[str, float | None] = {
        "up_flag": None if book.up is None else int(book.up),
        "down_s": book.silence_s(now),
        "rtt_min_ms": summary.minimum,
        "rtt_p50_ms": summary.p50,
        "rtt_p95_ms": summary.p95,
        "rtt_max_ms": summary.maximum,
    }
    counted: dict[str, float] = {}
    if summary.loss_ratio is not None:
        counted = {
            "sent_count": summary.sent,
            "received_count": summary.received,
            "loss_ratio": summary.loss_ratio,
            "silence_max_s": round(book.longest_s(now), 3),
        }
    return {name: round(value, 3) for name, value in found.items() if value is not None} | counted
