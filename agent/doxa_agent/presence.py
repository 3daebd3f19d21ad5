"""What the agent says of itself: its status with the links as the kernel sees them, and the codes of what is wrong."""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from doxa_agent.config import Settings
from doxa_agent.forwarding import forwarding_switches
from doxa_agent.meter import Link
from doxa_agent.net.clock import boot_id, read_clock
from doxa_agent.net.nic import read_nic
from doxa_agent.power import on_battery
from doxa_agent.spool import Spool, SpoolState
from doxa_core import __version__
from doxa_core.status import AgentStatus, State


class Presence:
    """Makes statuses; from any thread. `findings` of the service are asked for each time."""

    def __init__(self, settings: Settings, spool: Spool, findings: Callable[[], tuple[str, ...]]) -> None:
        self.settings = settings
        self._spool = spool
        self._findings = findings
        self._began = monotonic()

    def status(self, state: State, reason: str) -> AgentStatus:
        """The agent at this moment."""
        spool = self._spool.state()
        return AgentStatus(
            site=self.settings.site,
            agent=self.settings.agent,
            epoch=spool.epoch,
            state=state,
            version=__version__,
            reason=reason,
            at=datetime.now(UTC),
            uptime_s=round(monotonic() - self._began, 1),
            last_seq=spool.last_seq,
            spool_rows=spool.rows,
            spool_dropped=spool.dropped,
            spool_refused=spool.refused,
            clock_synchronised=read_clock().synchronised,
            boot=boot_id(),
            on_battery=on_battery(),
            disk_free_ratio=_free(self.settings.spool.path.parent),
            links={name: look_at(link) for name, link in self.settings.links.items()},
            findings=(*self._of_machine(), *_of_spool(spool), *self._findings())[:32],
        )

    def _of_machine(self) -> tuple[str, ...]:
        if not self.settings.is_dual_homed:
            return ()
        return ("dual_homed", "forwarding_on") if forwarding_switches() else ("dual_homed",)


def _free(folder: Path) -> float | None:
    """What is left of the disk for us, in steps of a percent: the status is told anew when it changes, not at each write."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return round(found.f_bavail / found.f_blocks, 2) if found.f_blocks else None


def _of_spool(spool: SpoolState) -> tuple[str, ...]:
    found = {"spool_in_memory": spool.trouble, "spool_set_aside": spool.set_aside, "spool_damaged": spool.damaged}
    return tuple(code for code, there in found.items() if there)


def look_at(link: Link) -> Mapping[str, Any]:
    """What the kernel says of the link's port; a link without an interface of its own says nothing."""
    if link.interface is None:
        return {"kind": link.kind.value}
    nic = read_nic(link.interface)
    found = {"kind": link.kind.value, "interface": link.interface, "up": nic is not None and nic.up}
    if nic is None or nic.is_virtual:  # the speed of a virtual one is a convention, not a port's
        return found
    return found | {k: v for k, v in (("speed_mbps", nic.speed_mbps), ("duplex", nic.duplex)) if v is not None}
