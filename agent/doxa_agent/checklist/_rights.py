"""What the service may do: by its installed unit where an administrator asks, else by what this process may do."""

import os
import pwd
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from doxa_agent.meter import Link
from doxa_agent.net.binding import Unreachable
from doxa_agent.net.echo import TOKEN_BYTES
from doxa_agent.net.echosocket import EchoSocket, NotPermitted
from doxa_core.linkkind import LinkKind

UNIT: Final = Path("/etc/systemd/system/doxa-agent.service")
"""Where install.sh writes it; what `systemctl edit` adds stands in the folder `doxa-agent.service.d` beside it."""
RANGE: Final = Path("/proc/sys/net/ipv4/ping_group_range")
RIGHT: Final = "CAP_NET_RAW"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """The rights of one account."""

    way: str | None
    """How it may ping: `icmp_datagram`, `icmp_raw`, or not at all."""
    raw: bool
    """Whether it has CAP_NET_RAW."""
    groups: str
    """net.ipv4.ping_group_range as it is in force."""
    account: str | None = None
    """The service's account, where it was judged by its unit; None for this process itself."""


def rights(unit: Path = UNIT) -> Rights:
    """Those of the service. Root may do everything, so what root may do says nothing about a service that is not root."""
    return (_of_unit(unit) if os.geteuid() == 0 else None) or Rights(way=_way(), raw=_raw(), groups=groups())


def groups() -> str:
    """The range of groups that may ping, `?` where it cannot be read."""
    try:
        return " ".join(RANGE.read_text(encoding="ascii").split())
    except OSError:
        return "?"


def _of_unit(unit: Path) -> Rights | None:
    """The rights that the unit with its additions gives; None where none is installed, or where it runs as root."""
    files = [unit, *sorted(unit.with_name(f"{unit.name}.d").glob("*.conf"))]
    try:
        settings = _settings("\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files))
        account = pwd.getpwnam(settings.get("User", ["root"])[-1])
    except (OSError, KeyError, IndexError):
        return None
    if account.pw_uid == 0:
        return None
    raw = RIGHT in settings.get("AmbientCapabilities", [])
    found = groups()
    way = "icmp_datagram" if _within(account.pw_gid, found) else "icmp_raw" if raw else None
    return Rights(way=way, raw=raw, groups=found, account=account.pw_name)


def _settings(text: str) -> dict[str, list[str]]:
    """The words of each setting; a line without any takes back what was said before (systemd.syntax(7))."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"(?m)^(\w+)[ \t]*=[ \t]*(.*)$", text):
        found[key] = [*found.get(key, []), *value.split()] if value.strip() else []
    return found


def _within(group: int, found: str) -> bool:
    lowest, _, highest = found.partition(" ")
    return lowest.isdigit() and highest.isdigit() and int(lowest) <= group <= int(highest)


def _way() -> str | None:
    anywhere = Link(name="any", kind=LinkKind.FIXED)
    for family in (4, 6):
        try:
            found = EchoSocket(family, anywhere, bytes(TOKEN_BYTES), 56)
        except NotPermitted:
            return None
        except Unreachable:
            continue
        found.close()
        return found.way
    return None


def _raw() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()
    except OSError:
        return False
    return True
