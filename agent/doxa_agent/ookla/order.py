"""What the parent asks of the child process, and what the child answers: one line of JSON each."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from doxa_agent.meter import Link
from doxa_core.linkkind import LinkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One test: by which line, in which family, against which service, how long."""

    interface: str | None
    source: str | None
    family: int | None
    base_url: str
    server_id: int | None
    test_s: float
    pings: int

    @property
    def link(self) -> Link:
        """The way by which every connection must leave."""
        return Link(name="ookla", kind=LinkKind.FIXED, interface=self.interface, source=self.source)

    def encode(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "Order":
        """What `encode` wrote."""
        return cls(**json.loads(line))


@dataclass(slots=True, kw_only=True)
class Transfer:
    """One direction as the package counted it."""

    octets: int
    seconds: float
    cpu_s: float
    """Processor time of the child meanwhile."""
    interface_octets: int | None = None
    """What the interface's counter moved in that direction; None where it is not known."""
    interface_packets: int | None = None


@dataclass(slots=True, kw_only=True)
class Answer:
    """What the child found until it ended; `reason` says why it ended early."""

    reason: str | None = None
    why: str | None = None
    """More of it for the detail: the name of an exception."""
    family: int | None = None
    address: str | None = None
    """The server's address that was really used."""
    server: dict[str, str] = field(default_factory=dict)
    package_ping_ms: float | None = None
    rtts_ms: list[float] = field(default_factory=list)
    download: Transfer | None = None
    upload: Transfer | None = None
    threads: dict[str, int] = field(default_factory=dict)
    memory_bytes: int | None = None
    """The child's largest resident size."""
    link_reason: str | None = None
    """Why a connection could not be made: the last reason code of the line or of the name."""

    def encode(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "Answer":
        """What `encode` wrote; `ValueError` for anything else."""
        try:
            found: dict[str, Any] = json.loads(line)
            for name in ("download", "upload"):
                found[name] = None if found[name] is None else Transfer(**found[name])
            return cls(**found)
        except (TypeError, KeyError, RecursionError) as error:
            raise ValueError(str(error)) from None
