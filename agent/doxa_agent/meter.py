"""The contract of a meter: one file in `meters/`, found by its name, that measures and knows neither who nor when.

A meter's module has these names, all checked by `meters.load()`:

    METHOD: str                       name and version of the method, such as "speed/1"
    TITLE: Text                       what people call it
    HEAVY: bool                       whether it loads the line (heavy ones run alone, and guards look first)
    VALUES: Mapping[str, Text]        every value name it can give, with what it means
    Options                           a frozen dataclass of its settings
    def read_options(table: Table) -> Options      strict; the runner calls table.close() afterwards
    def seconds(options, far_ends: int) -> float   how long one run takes at most, for deadlines and schedules
    def measure(request: Request[Options]) -> list[Reading]    one reading a far end; never raises for the line's faults
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from doxa_core.layers import HeaderModel
from doxa_core.linkkind import LinkKind
from doxa_core.measurement import LinkProof
from doxa_core.outcome import Outcome

Options = TypeVar("Options")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One line of the site as the configuration names it: the way by which a measurement must leave."""

    name: str
    kind: LinkKind
    interface: str | None = None
    """Sockets are bound to it (SO_BINDTODEVICE, else its source address); None follows the routing table."""
    source: str | None = None
    """A source address to bind to, where the interface has several or binding to a device is not permitted."""
    vlan_tags: int = 0
    """802.1Q tags around each frame on the line itself, also where the probe's own port does not see them."""
    pppoe: bool = False
    """Whether the line carries its packets in PPPoE (RFC 2516)."""
    monthly_bytes: float | None = None
    """What heavy tests may move over the line in a calendar month, both directions together; None sets no bound."""

    def header(self, family: int, transport: int) -> HeaderModel:
        """The headers around each packet on this line: what every `*_wire_mbps` and `*_frame_mbps` is computed with.

        `transport` is the octets of the transport header, TCP's options included (`layers.UDP_HEADER` …).
        """
        return HeaderModel(family=family, transport=transport, vlan_tags=self.vlan_tags, pppoe=self.pppoe)


@dataclass(frozen=True, slots=True, kw_only=True)
class FarEnd:
    """The other side of an active test."""

    name: str
    host: str
    """A name or an address, v4 or v6."""
    port: int = 8080
    """The HTTP port, for meters that need one."""
    path: str = ""
    """The folder of the LibreSpeed endpoints on that server, without slashes at its ends: `backend`, or empty."""
    tls: bool = False
    """Whether `port` speaks HTTPS."""
    ca_file: Path | None = None
    """The certificates that vouch for a far end with `tls`; None takes the system's."""
    capacity_port: int = 24601
    """The UDP control port of UDPSTP (RFC 9946)."""
    capacity_keys: Path | None = None
    """The file of UDPSTP's shared keys (one `id key` a line); None sends unauthenticated requests."""
    stamp_port: int = 862
    """The UDP port of the STAMP reflector (RFC 8762)."""
    stamp_key: Path | None = None
    """The file of STAMP's shared key; None uses the unauthenticated mode."""


class Deadline:
    """A moment of the monotonic clock after which a run must be over; `cancel()` brings it to now."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds
        self._cancelled = threading.Event()

    @property
    def left_s(self) -> float:
        """Seconds that are left, 0 when over."""
        return 0.0 if self._cancelled.is_set() else max(0.0, self._at - time.monotonic())

    @property
    def over(self) -> bool:
        """Whether the run must end."""
        return self.left_s == 0.0

    def cancel(self) -> None:
        """End the run now: the service stops."""
        self._cancelled.set()

    def wait(self, seconds: float) -> bool:
        """Sleep, but wake when cancelled or over; True while there is time left."""
        self._cancelled.wait(min(seconds, self.left_s))
        return not self.over


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Generic[Options]):
    """What a meter is asked."""

    link: Link
    far_ends: tuple[FarEnd, ...]
    options: Options
    deadline: Deadline
    family: int | None = None
    """4 or 6 forces it; None takes the first address of the name. Never a silent change between them."""
    frugal: bool = False
    """The line's data budget is nearly used up: take the shortest form that still answers the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one run found about one far end."""

    outcome: Outcome
    far_end: str | None = None
    family: int | None = None
    proof: LinkProof | None = None
    reasons: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    retry_after_s: float | None = None
    """The far end was busy and said when to come back; the runner may run the task once more then."""
