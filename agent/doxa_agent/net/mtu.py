"""The largest packet that a path carries, found by sending packets of known size, and what becomes of larger ones.

    found = path_mtu("192.0.2.1", 4, link, Deadline(30))
    found.mtu          1492
    found.beyond       Fate.TOO_BIG (a router says so), Fate.LOST (a black hole) or Fate.OWN (our own interface)

Method: packetisation-layer probing as in RFC 4821 and RFC 8899 (a size counts when its packet was answered; three tries
before it counts as lost; a router's Packet-Too-Big is a hint that is checked, never believed). Every packet carries "do
not fragment" and ignores what the kernel cached. It is the way out that is found: an answer may come back in fragments.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from doxa_agent.meter import Deadline, Link
from doxa_agent.net.echosocket import NotPermitted
from doxa_agent.net.nic import read_nic

LOWEST: Final = {4: 576, 6: 1280}
"""What every path carries (RFC 791 §3.1: every host accepts it; RFC 8200 §5: every link carries it)."""
MARKS: Final = (1280, 1500)
"""Sizes whose fate is always told: the least of IPv6, and Ethernet's."""
USUAL: Final = (1500, 1492, 1420, 1400, 1280)
"""Sizes that lines really have (Ethernet, PPPoE, tunnels): tried first, because a silent wrong guess costs seconds."""
TRIES: Final = 3
"""MAX_PROBES of RFC 8899 §5.1.2."""
HIGHEST: Final = 9216
"""Where the interface does not tell its own, or tells an absurd one (65536 on loopback)."""


class Fate(StrEnum):
    """What became of a packet of one size."""

    PASSED = "passed"
    """It was answered."""
    TOO_BIG = "too_big"
    """A router said that it does not fit (RFC 1191, RFC 8201): large packets fail, and senders can learn it."""
    LOST = "lost"
    """Silence, where smaller packets are answered: a black hole, large transfers hang."""
    OWN = "own"
    """Our own interface cannot send it."""
    UNKNOWN = "unknown"
    """Not tried to the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one packet brought back."""

    fate: Fate
    mtu: int | None = None
    """What the router that refused says would fit."""
    delay_s: float | None = None
    """How long the answer took."""
    contradicted: bool = False
    """It passed although a router said that it does not fit."""


class Claim(StrEnum):
    """What the routers' word about the path is worth, compared with what really passes."""

    TRUE = "true"
    """The packet that does not pass is refused, and the size that is named passes."""
    WRONG = "wrong"
    """Another size is named than passes, or a packet was refused that passed all the same."""
    UNSIZED = "unsized"
    """It is refused without a size (RFC 1191 §5 knows such routers)."""
    MISSING = "missing"
    """It vanishes without a word: a black hole."""
    UNASKED = "unasked"
    """No router had to say anything: the path carries what our own interface does, or it was not tried to the end."""


class Prober(Protocol):
    """A way to send a packet of a size and to learn that it arrived."""

    way: str
    patience_s: float
    """How long an answer may take while nothing is known of the path."""
    floor_s: float
    """The least that is waited once the path's round trip is known."""

    def ask(self, size: int, timeout_s: float) -> Answer:
        """Send one IP packet of `size` octets and wait for its answer."""

    def close(self) -> None:
        """Give the socket back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathMtu:
    """What was found of a path."""

    way: str
    """`icmp_datagram`, `icmp_raw`, `udp_refused` (port unreachable), or `tcp_mss` (not `exact`)."""
    mtu: int | None = None
    """The largest IP packet that passes, in octets; None where nothing was answered."""
    exact: bool = True
    """Whether packets of this size were sent. False: an upper bound by the segment size that TCP agreed upon."""
    beyond: Fate = Fate.UNKNOWN
    """What becomes of a packet that is one octet larger."""
    reported: int | None = None
    """What a router's Packet-Too-Big named last."""
    claims: Mapping[int, int] = field(default_factory=dict)
    """By size of a packet that a router refused, the size that it named; 0 where it named none."""
    contradicted: bool = False
    """A packet passed although a router had refused it."""
    marks: Mapping[int, Fate] = field(default_factory=dict)
    """The fate of packets of 1280 and of 1500 octets."""
    packets: int = 0
    """How many were sent."""

    @property
    def black_hole(self) -> bool:
        """Whether larger packets vanish without a word, though they should be carried or refused."""
        return self.exact and self.mtu is not None and self.beyond is Fate.LOST

    @property
    def claimed(self) -> int | None:
        """The size that was named to the smallest packet that did not pass; routers farther on may name a smaller one
        than those before, so only this one has to be true. None where none was named.
        """
        return (self.claims.get(self.mtu + 1) or None) if self.mtu is not None else None

    @property
    def claim(self) -> Claim:
        """What the routers' word is worth."""
        if self.mtu is None or not self.exact:
            return Claim.UNASKED
        if self.contradicted:
            return Claim.WRONG
        if self.beyond is Fate.LOST:
            return Claim.MISSING
        if self.beyond is not Fate.TOO_BIG:
            return Claim.UNASKED
        if self.claimed is None:
            return Claim.UNSIZED
        return Claim.TRUE if self.claimed == self.mtu else Claim.WRONG


def path_mtu(address: str, family: int, link: Link, deadline: Deadline, *, port: int = 80) -> PathMtu:
    """The path's MTU to a numeric address, by the first way that is permitted and answered.

    ICMP echo, then UDP to a closed port, then the segment size of a TCP handshake to `port`. Raises `Unreachable` with
    the line's reason where the line itself cannot carry the family.
    """
    from doxa_agent.net import mtuprobe

    nic = read_nic(link.interface) if link.interface else None
    highest = min(HIGHEST, (nic.mtu if nic else None) or HIGHEST)
    found = PathMtu(way="none")
    for way in mtuprobe.WAYS:
        with suppress(NotPermitted):
            prober = way(address, family, link)
            try:
                found = search(prober, family, highest, deadline)
            finally:
                prober.close()
            if found.mtu is not None or deadline.over:
                return found
    hint = mtuprobe.by_segment_size(address, family, link, port, min(5.0, deadline.left_s))
    return found if hint is None else PathMtu(way="tcp_mss", mtu=hint, exact=False, packets=found.packets)


def search(prober: Prober, family: int, highest: int, deadline: Deadline) -> PathMtu:
    """The largest size that passes, between what every path carries and `highest`."""
    return _Search(prober, family, highest, deadline).run()


class _Search:
    """One search: `_low` passed, `_high` did not, and the fates of all sizes that were tried."""

    def __init__(self, prober: Prober, family: int, highest: int, deadline: Deadline) -> None:
        self._prober = prober
        self._deadline = deadline
        self._low = LOWEST[family]
        self._high = max(highest, self._low) + 1  # what is above the interface is not worth a packet
        self._fates: dict[int, Fate] = {}
        self._patience_s = prober.patience_s
        self._reported: int | None = None
        self._claims: dict[int, int] = {}
        self._contradicted = False
        self._packets = 0

    def run(self) -> PathMtu:
        """Narrow the gap until nothing lies between."""
        top = self._high
        if self._fate_of(self._low) is not Fate.PASSED:
            return PathMtu(way=self._prober.way, packets=self._packets)
        sizes = [size for size in (top - 1, *USUAL) if self._low < size < top]
        for size in dict.fromkeys(sizes):
            self._narrow(size)
        while self._high - self._low > 1 and not self._deadline.over:
            self._narrow(self._next())
        return PathMtu(
            way=self._prober.way,
            mtu=self._low,
            beyond=Fate.OWN if self._low == top - 1 else self._fates.get(self._high, Fate.UNKNOWN),
            reported=self._reported,
            claims=dict(self._claims),
            contradicted=self._contradicted,
            marks={mark: self._mark(mark, top) for mark in MARKS},
            packets=self._packets,
        )

    def _next(self) -> int:
        """What a router named, where it lies in the gap; the octet above it, or above a usual size, once it passed, for
        then it is most likely the last that does; else the middle.
        """
        named = self._reported
        if self._low in USUAL:
            return self._low + 1
        if named is not None and self._low <= named < self._high:
            return named + 1 if named == self._low else named
        return (self._low + self._high) // 2

    def _narrow(self, size: int) -> None:
        if not self._low < size < self._high or self._deadline.over:
            return
        fate = self._fate_of(size)
        if fate is Fate.PASSED:
            self._low = size
        elif fate is not Fate.UNKNOWN:
            self._high = size

    def _mark(self, mark: int, top: int) -> Fate:
        if mark <= self._low:
            return Fate.PASSED
        if mark >= top:
            return Fate.OWN
        return self._fates.get(mark) or self._fate_of(mark)

    def _fate_of(self, size: int) -> Fate:
        """The first answer out of three tries; silence only after all of them."""
        for _ in range(TRIES):
            if self._deadline.over:
                return Fate.UNKNOWN
            self._packets += 1
            answer = self._prober.ask(size, min(self._patience_s, self._deadline.left_s))
            if answer.delay_s is not None and len(self._fates) == 0:
                self._patience_s = min(self._patience_s, max(self._prober.floor_s, 6 * answer.delay_s))
            if answer.fate is Fate.LOST:
                continue
            if answer.mtu is not None:
                self._reported = answer.mtu
            if answer.fate is Fate.TOO_BIG:
                self._claims[size] = answer.mtu or 0
            self._contradicted = self._contradicted or answer.contradicted
            self._fates[size] = answer.fate
            return answer.fate
        self._fates[size] = Fate.UNKNOWN if self._deadline.over else Fate.LOST
        return self._fates[size]
