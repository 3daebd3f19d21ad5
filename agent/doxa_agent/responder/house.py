"""What all connections of a far end share: what one client may take, who may load, the buckets, the buffers, the books."""

import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from doxa_agent.net import congestion
from doxa_agent.responder.admission import Admission
from doxa_agent.responder.pacing import Bucket
from doxa_agent.responder.requests import HttpRequest
from doxa_agent.responder.sessions import Sessions
from doxa_agent.responder.slots import Slots

BUFFER: Final = 256 * 1024
CHUNK: Final = 1024 * 1024
"""LibreSpeed's unit of garbage (`ckSize`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client may take; seconds and counts."""

    connections: int = 512
    per_address: int | None = None
    """Connections of one address; None: half of all, but eight at least, so that nobody shuts out the others."""
    transfer_s: float = 60.0
    head_s: float = 10.0
    idle_s: float = 20.0
    linger_s: float = 2.0

    @property
    def of_one_address(self) -> int:
        """Connections that one address may hold."""
        return max(8, self.connections // 2) if self.per_address is None else self.per_address


@dataclass(slots=True, kw_only=True)
class Traffic:
    """Octets of TCP payload since the start."""

    sent: int = 0
    received: int = 0
    transfers: int = 0
    """Downloads and uploads of this moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What all connections share."""

    roots: tuple[str, ...]
    health: Callable[[HttpRequest, str], dict[str, Any]]
    limits: Limits = field(default_factory=Limits)
    congestion: str = congestion.AUTO
    sessions: Sessions = field(default_factory=Sessions)
    admission: Admission = field(default_factory=lambda: Admission(Slots()))
    traffic: Traffic = field(default_factory=Traffic)
    down: Bucket | None = None
    up: Bucket | None = None
    garbage: memoryview = field(default_factory=lambda: memoryview(os.urandom(BUFFER)))
    void: mmap.mmap = field(default_factory=lambda: mmap.mmap(-1, 4 * CHUNK))
    """Never touched: the kernel discards what is received with MSG_TRUNC, so these pages never exist."""
