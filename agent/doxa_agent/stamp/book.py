"""The books of one STAMP session: what was sent, what came back, and what that says about each direction.

Pure bookkeeping over numbers and times, without sockets. The moments of one reply (RFC 8762 §4): T1 the request left,
T2 it reached the reflector, T3 the reflector answered, T4 the answer came. T1 and T4 are of this machine's clock, T2 and
T3 of the reflector's.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from doxa_agent.net.stamp import Moment
from doxa_agent.stamp.tlv import Counters

_REORDER: Final = 64
"""By how much a reflector's number may fall between neighbours before it counts as begun anew."""
_DRIFT: Final = 5e-4
"""How far two clocks may part in a second without a step: the kernel slews by at most 500 ppm (adjtimex(2))."""
_SPREAD_NS: Final = 100_000
_OWN_STEP_NS: Final = 1_000_000
"""A smaller change between our two clocks is the spread of reading them on a busy machine."""
"""What reading clocks and stamping adds to a difference of two of them."""


class Answer(NamedTuple):
    """One sound reply: nanoseconds, and the numbers in it."""

    asked: int
    """The request's sequence number."""
    number: int
    """The reflector's."""
    trip: int
    """T4 − T1, without this process's waiting."""
    residence: int
    """T3 − T2."""
    out: int
    """T2 on the reflector's clock − T1 on our monotonic one: only differences of it mean something."""
    back: int
    """T4 on our monotonic clock − T3, likewise."""
    ttl: int
    counters: Counters | None
    bound_ms: float | None
    """The reflector's word on its clock."""
    ptp: bool
    by_kernel: bool
    stepped: bool
    """This machine's clock was set meanwhile."""

    @property
    def delay(self) -> int | None:
        """The round trip without the reflector's residence; None where the reflector's times cannot be."""
        return self.trip - self.residence if 0 <= self.residence <= self.trip else None


@dataclass(slots=True)
class Book:
    """One session's record, filled while it runs."""

    sent_real: "array[int]" = field(default_factory=lambda: array("q"), repr=False)
    sent_mono: "array[int]" = field(default_factory=lambda: array("q"), repr=False)
    stamps: "array[int]" = field(default_factory=lambda: array("Q"), repr=False)
    """The timestamp field of each request, which its reply must repeat."""
    answers: dict[int, Answer] = field(default_factory=dict, repr=False)
    """The first reply to each request that came in time, by the request's number."""
    late: dict[int, Answer] = field(default_factory=dict, repr=False)
    """First replies after the timeout."""
    arrivals: "array[int]" = field(default_factory=lambda: array("I"), repr=False)
    """The numbers of the requests in the order in which their first replies came."""
    unsent: int = 0
    undecided: int = 0
    """Requests that the run did not live to see decided."""
    duplicated_out: int = 0
    """Further replies with a number of their own: the request came twice to the reflector."""
    duplicated_back: int = 0
    """Further copies of the same reply."""
    departures: int = 0
    """Requests with a kernel transmit stamp."""
    seen: set[tuple[int, int]] = field(default_factory=set, repr=False)
    """Requests and reflector's numbers of all replies."""

    @property
    def sent(self) -> int:
        """Requests whose fate is known."""
        return len(self.stamps) - self.undecided

    def sent_at(self, number: int) -> Moment:
        """When a request left."""
        return Moment(self.sent_real[number], self.sent_mono[number])

    def add(self, answer: Answer, timeout_ns: int) -> None:
        """Book a reply: the first in time or late, or a duplicate."""
        pair = (answer.asked, answer.number)
        if answer.asked in self.answers or answer.asked in self.late:
            if pair in self.seen:
                self.duplicated_back += 1
            else:
                self.duplicated_out += 1
            self.seen.add(pair)
            return
        self.seen.add(pair)
        self.arrivals.append(answer.asked)
        (self.late if answer.trip > timeout_ns else self.answers)[answer.asked] = answer

    def one_way(self, answer: Answer) -> tuple[int, int]:
        """T2 − T1 and T4 − T3 as the two wall clocks have it, nanoseconds: right only as far as both clocks are."""
        offset = self.sent_real[answer.asked] - self.sent_mono[answer.asked]
        return answer.out - offset, answer.back + offset

    @property
    def stepped(self) -> bool:
        """Whether this machine's clock was set during the run: between two requests or under way."""
        offsets = [real - mono for real, mono in zip(self.sent_real, self.sent_mono, strict=True)]
        moved = bool(offsets) and max(offsets) - min(offsets) > _OWN_STEP_NS
        return moved or any(answer.stepped for answer in self.answers.values())

    def delays_ms(self) -> list[float | None]:
        """The round trips without residence in sending order; None where lost, late or not believable."""
        found = (self.answers.get(number) for number in range(len(self.stamps)))
        return [None if a is None or a.delay is None else a.delay / 1e6 for a in found]

    def in_order(self) -> list[Answer]:
        """The replies that came in time, in sending order."""
        return [self.answers[number] for number in sorted(self.answers)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Directions:
    """Where requests and replies were lost and overtook each other; whole numbers (stateful reflectors only)."""

    asked: int
    """Requests up to the last that was answered: about later ones nothing tells the direction."""
    arrived: int
    """Of these, how many came to the reflector."""
    returned: int
    """Of its replies, how many came back."""
    unattributed: int
    """Lost requests after the last that was answered."""
    reordered_out: int
    reordered_back: int


def directions(book: Book) -> Directions | str:
    """The fate of the packets by direction, or the reason code why it cannot be told.

    The reflector numbers its replies from 0, so the largest number that came back tells how many requests had reached it
    (RFC 8762 §4.3.1). That the numbers are its own is certain where it filled in its counters (RFC 8972 §4.5) or where
    they differ from the requests' numbers; otherwise it may as well have copied them: `reflector_stateless`. Where the
    numbers contradict each other, as after its restart: `reflector_count_broken`.
    """
    answers = book.answers | book.late
    if not answers:
        return "no_reply"
    ordered = [answers[number] for number in sorted(answers)]
    counted = [answer.counters is not None for answer in ordered]
    if not all(counted) and all(answer.asked == answer.number for answer in ordered):
        return "reflector_stateless"
    if len(set(counted)) > 1 or _restarted(ordered):
        return "reflector_count_broken"
    last = max(number for _, number in book.seen)
    asked = max(answers) + 1
    arrived = last + 1 - book.duplicated_out
    returned = len(answers)
    if not returned <= arrived <= asked:
        return "reflector_count_broken"
    by_number = sorted(ordered, key=lambda answer: answer.number)
    return Directions(
        asked=asked,
        arrived=arrived,
        returned=returned,
        unattributed=max(0, book.sent - asked),
        reordered_out=overtaken(answer.asked for answer in by_number),
        reordered_back=overtaken(answers[number].number for number in book.arrivals),
    )


def _restarted(ordered: list[Answer]) -> bool:
    numbers = [answer.number for answer in ordered]
    falls = any(later < earlier - _REORDER for earlier, later in pairwise(numbers))
    return falls or len(set(numbers)) < len(numbers)


def overtaken(numbers: Iterable[int]) -> int:
    """How many came after a larger number (reordered in the sense of RFC 4737 §3)."""
    largest, found = -1, 0
    for number in numbers:
        found += number < largest
        largest = max(largest, number)
    return found


def far_steps(book: Book) -> frozenset[int]:
    """Requests at which the reflector's clock had been set since the one before, as far as it can be proven.

    The offset between the clocks lies within half a round trip of (out − back) / 2, whatever the path does; a change that
    two such intervals and the clocks' drift cannot hold is a step.
    """
    found = set()
    before: Answer | None = None
    for answer in book.in_order():
        if answer.delay is None:
            continue
        if before is not None and before.delay is not None:
            moved = abs((answer.out - answer.back) - (before.out - before.back)) / 2
            elapsed = book.sent_mono[answer.asked] - book.sent_mono[before.asked]
            if moved > (answer.delay + before.delay) / 2 + _DRIFT * elapsed + _SPREAD_NS:
                found.add(answer.asked)
        before = answer
    return frozenset(found)
