"""What happened with one far end of a pinger's run: one entry a request, and the counts beside it."""

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from doxa_agent.net.stamp import Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """To whom requests go: a numeric address and its family; the port is for handshakes only."""

    family: int
    address: str
    port: int = 80


class Departures:
    """When the rounds of one batch left, on both clocks: shared by all far ends of the batch."""

    __slots__ = ("offset", "others", "real", "sent")

    def __init__(self) -> None:
        self.sent = 0
        """Rounds that were sent."""
        self.real = array("q")
        """Realtime nanoseconds of each."""
        self.offset = array("q")
        """What to take away for the monotonic clock."""
        self.others: dict[tuple[int, int], Moment] = {}
        """Place and sequence of requests that left at a moment of their own."""

    def add(self, moment: Moment) -> int:
        """Book a round; its number."""
        self.real.append(moment.real)
        self.offset.append(moment.real - moment.mono)
        self.sent += 1
        return self.sent - 1


@dataclass(slots=True, kw_only=True)
class Track:
    """What happened with one far end. `delays` has one entry per request in sending order: nanoseconds or None."""

    target: Target
    way: str | None = None
    """`icmp_datagram`, `icmp_raw` or `tcp_handshake`; None where no socket could be had (`errors` says why)."""
    delays: list[int | None] = field(default_factory=list)
    late: int = 0
    """Replies after the timeout, each counted once."""
    duplicates: int = 0
    """Further replies to a request that already had one."""
    foreign: int = 0
    """Replies with our token from another address than the one asked."""
    unsent: int = 0
    """Requests among `delays` that the kernel refused to send."""
    open: frozenset[int] = frozenset()
    """Requests (indices) that the run did not live to see decided: neither received nor lost."""
    breaks: Sequence[int] = ()
    """Indices before which requests are missing (a pause): their neighbours are none."""
    paused: int = 0
    """Requests that were not sent because a heavy test loaded the line."""
    by_process: int = 0
    """Delays taken when this process noticed, not from a kernel stamp: upper bounds."""
    departures: int = 0
    """Requests with a kernel transmit stamp; for the others the delay begins when this process sent them."""
    stepped: int = 0
    """Delays during which the wall clock was set."""
    carried: int = 0
    """The first so many of `delays` were sent by the run before, at whose end they were still open."""
    errors: Counter[str] = field(default_factory=Counter)
    """Reason codes: why requests were not sent, and the ICMP errors that came back."""
    place: int = field(default=0, repr=False)
    left: Departures = field(default_factory=Departures, repr=False)
    stamps: "array[int]" = field(default_factory=lambda: array("q"), repr=False)
    """The kernel's transmit stamps (realtime ns), 0 where there is none."""
    answered: bytearray = field(default_factory=bytearray, repr=False)
    before: Sequence[int] = field(default=(), repr=False)
    """Monotonic sending times of the carried ones, and their delays and breaks, until the run is closed."""
    before_delays: Sequence[int | None] = field(default=(), repr=False)
    before_breaks: Sequence[int] = field(default=(), repr=False)

    @property
    def undecided(self) -> int:
        """How many requests are open."""
        return len(self.open)

    @property
    def delays_ms(self) -> list[float | None]:
        """The delays in milliseconds, exact to the nanosecond."""
        return [None if delay is None else delay / 1e6 for delay in self.delays]

    @property
    def received(self) -> int:
        """Requests answered in time."""
        return len(self.delays) - self.delays.count(None)

    def sent_at(self, seq: int) -> Moment:
        """When this run's request number `seq` left, by the kernel's stamp where there is one."""
        sent = self.asked_at(seq)
        stamp = self.stamps[seq]
        return Moment(stamp, sent.mono + stamp - sent.real) if stamp else sent

    def asked_at(self, seq: int) -> Moment:
        """When this process sent it."""
        found = self.left.others.get((self.place, seq))
        return found or Moment(self.left.real[seq], self.left.real[seq] - self.left.offset[seq])

    @property
    def sent_mono(self) -> list[int]:
        """Monotonic nanoseconds of every sending, in the order of `delays`."""
        own = len(self.delays) - self.carried
        return [*self.before, *(self.sent_at(seq).mono for seq in range(own))]

    def stretches(self, unlike: Callable[[int], bool] = lambda _: False) -> list[list[int | None]]:
        """The decided requests in stretches within which neighbours were really neighbours in time.

        A stretch ends where requests are missing, open, or `unlike` (asked with the monotonic sending time) the others,
        which are left out.
        """
        found: list[list[int | None]] = [[]]
        breaks = set(self.breaks)
        for index, (delay, sent) in enumerate(zip(self.delays, self.sent_mono, strict=True)):
            if index in breaks:
                found.append([])
            if index in self.open or unlike(sent):
                found.append([])
            else:
                found[-1].append(delay)
        return [stretch for stretch in found if stretch]

    def reordered(self) -> int:
        """Replies that came after the reply to a later request (RFC 4737 §3.3, on round trips)."""
        arrived = [
            None if delay is None else sent + delay for delay, sent in zip(self.delays, self.sent_mono, strict=True)
        ]
        found, earliest = 0, None
        for arrival in reversed(arrived):
            if arrival is None:
                continue
            if earliest is not None and arrival > earliest:
                found += 1
            else:
                earliest = arrival
        return found
