"""The agent's own state, retained on the broker; the offline form is the last will (docs/wire.md §5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from doxa_core.errors import WireError
from doxa_core.fields import Fields, canonical, parse_object
from doxa_core.measurement import MAX_SEQ, SCHEMA, epoch
from doxa_core.moments import from_wire, to_wire
from doxa_core.names import identifier

MAX_BYTES = 16 * 1024


class State(StrEnum):
    """Whether the agent is there."""

    ONLINE = "online"
    OFFLINE = "offline"
    """Either it said goodbye (`reason` says `stopped`) or the broker published its last will (`lost`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatus:
    """What an agent says of itself. The last will is written before the fact, so it has no moment of its own."""

    site: str
    agent: str
    epoch: str
    state: State
    version: str
    reason: str = "running"
    """`running`, `stopped` or `lost`."""
    at: datetime | None = None
    """When the agent wrote it; absent in a last will."""
    uptime_s: float | None = None
    last_seq: int | None = None
    spool_rows: int | None = None
    """Measurements that wait for the collector's acknowledge."""
    spool_dropped: int | None = None
    """Measurements that a full spool had to drop since the epoch began: loss is counted, never silent."""
    spool_refused: int | None = None
    """Measurements that the collector quarantined."""
    clock_synchronised: bool | None = None
    boot: str | None = None
    """The kernel's boot id: after an absence it tells a power cut (another one) from a dead line (the same)."""
    on_battery: bool | None = None
    """Whether the mains has failed and a battery or UPS that the kernel knows carries the probe; absent without one."""
    disk_free_ratio: float | None = None
    """The share of the spool's disk that is free for the agent."""
    links: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Per link what the kernel says: `interface`, `up`, `speed_mbps`, `duplex`."""
    findings: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """The canonical bytes."""
        found: dict[str, Any] = {
            "schema": SCHEMA, "site": self.site, "agent": self.agent, "epoch": self.epoch, "state": self.state.value,
            "version": self.version, "reason": self.reason, "at": None if self.at is None else to_wire(self.at),
            "uptime_s": self.uptime_s, "last_seq": self.last_seq, "spool_rows": self.spool_rows,
            "spool_dropped": self.spool_dropped, "spool_refused": self.spool_refused,
            "clock_synchronised": self.clock_synchronised, "boot": self.boot, "on_battery": self.on_battery,
            "disk_free_ratio": self.disk_free_ratio,
            "links": {k: dict(v) for k, v in self.links.items()} or None, "findings": list(self.findings) or None,
        }  # fmt: skip
        return canonical({k: v for k, v in found.items() if v is not None})


def decode(payload: bytes) -> AgentStatus:
    """The status in `payload`, or `WireError`; unknown fields are ignored."""
    fields = Fields(parse_object(payload, MAX_BYTES))
    if fields.integer("schema", 0, 2**31) < SCHEMA:
        raise WireError("old_schema", f"this collector reads schema {SCHEMA} and later")
    state = fields.text("state", longest=20)
    if state not in list(State):
        raise WireError("bad_field", f"state: {state!r} is not one of {', '.join(State)}")
    return AgentStatus(
        site=identifier(fields.raw("site"), "site"),
        agent=identifier(fields.raw("agent"), "agent"),
        epoch=epoch(fields.raw("epoch")),
        state=State(state),
        version=fields.text("version", longest=40),
        reason=fields.text("reason", "running", longest=64),
        at=from_wire(fields.raw("at"), "at") if "at" in fields else None,
        uptime_s=fields.optional_number("uptime_s", 0),
        last_seq=_count(fields, "last_seq"),
        spool_rows=_count(fields, "spool_rows"),
        spool_dropped=_count(fields, "spool_dropped"),
        spool_refused=_count(fields, "spool_refused"),
        clock_synchronised=fields.flag("clock_synchronised") if "clock_synchronised" in fields else None,
        boot=fields.text("boot", longest=64) if "boot" in fields else None,
        on_battery=fields.flag("on_battery") if "on_battery" in fields else None,
        disk_free_ratio=_ratio(fields, "disk_free_ratio"),
        links=_links(fields.mapping("links")),
        findings=fields.texts("findings", 32, 64),
    )


def _count(fields: Fields, key: str) -> int | None:
    return fields.integer(key, 0, MAX_SEQ) if key in fields else None


def _ratio(fields: Fields, key: str) -> float | None:
    found = fields.optional_number(key, 0)
    if found is not None and found > 1:
        raise WireError("bad_field", f"{key}: {found!r} is above 1")
    return found


def _links(found: dict[str, Any]) -> dict[str, Mapping[str, Any]]:
    for name, link in found.items():
        identifier(name, "links")
        if not isinstance(link, dict):
            raise WireError("bad_field", f"links.{name}: not an object")
    return found
