"""Free ports on loopback, taken below the range that outgoing connections use, so a restart finds its port free."""

import random
import socket
from pathlib import Path
from typing import Final

_LOWEST: Final = 20_000
_HIGHEST: Final = 32_000
"""Linux hands out 32768–60999 to outgoing connections; a server that is down for a moment must not lose its port."""
_LISTEN: Final = "0A"
"""TCP_LISTEN as /proc/net/tcp writes it (proc(5))."""


def free_port(host: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port on `host` that nobody listens on now. Whoever starts a server on it must be ready to try another."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(200):
        port = random.randint(_LOWEST, _HIGHEST)
        with socket.socket(family, kind) as sock:
            try:
                sock.bind((host, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port on {host} between {_LOWEST} and {_HIGHEST}")


def listens(pid: int, port: int) -> bool:
    """Whether the process `pid` itself listens on the TCP port: a port that answers may be somebody else's."""
    process = Path("/proc") / str(pid)
    try:
        sockets = {str(entry.readlink()) for entry in (process / "fd").iterdir()}
        rows = [line.split() for name in ("tcp", "tcp6") for line in (process / "net" / name).read_text().splitlines()]
    except OSError:  # it ended while we looked, or a descriptor closed
        return False
    return any(
        len(row) > 9
        and row[3] == _LISTEN
        and int(row[1].rpartition(":")[2], 16) == port
        and f"socket:[{row[9]}]" in sockets
        for row in rows
    )
