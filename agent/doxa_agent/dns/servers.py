"""The resolvers that this system is configured with (resolv.conf(5))."""

import ipaddress
from pathlib import Path
from typing import Final

RESOLV_CONF: Final = Path("/etc/resolv.conf")
MOST: Final = 3
"""The C library asks no more of them (MAXNS)."""


def system_servers(file: Path = RESOLV_CONF) -> tuple[str, ...]:
    """The first three name servers of the file, each once; none where it cannot be read."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    return nameservers(text)


def nameservers(text: str) -> tuple[str, ...]:
    """The same of the file's content."""
    rows = (line.split() for line in text.splitlines())
    found = [row[1] for row in rows if len(row) > 1 and row[0] == "nameserver" and is_address(row[1])]
    return tuple(dict.fromkeys(found))[:MOST]


def is_local(address: str) -> bool:
    """Whether a server runs on this machine: it is not reached over a line, and what it asks in turn is its own affair."""
    return ipaddress.ip_address(address).is_loopback


def is_address(text: str) -> bool:
    """Whether it is a numeric address, with or without a zone (RFC 4007)."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
