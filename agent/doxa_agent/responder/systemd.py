"""The three words that a service exchanges with systemd: given sockets, readiness, watchdog (sd_listen_fds(3), sd_notify(3))."""

import os
import socket
from collections.abc import MutableMapping
from typing import Final

_FIRST: Final = 3


def given_sockets(environment: MutableMapping[str, str] = os.environ) -> list[socket.socket]:
    """The listening sockets that our parent opened for us; empty where there are none. They are taken only once."""
    count = environment.pop("LISTEN_FDS", "")
    ours = environment.pop("LISTEN_PID", str(os.getpid())) == str(os.getpid())
    environment.pop("LISTEN_FDNAMES", None)
    if not ours or not count.isdigit():
        return []
    return [_taken(fd) for fd in range(_FIRST, _FIRST + int(count))]


def _taken(fd: int) -> socket.socket:
    os.set_inheritable(fd, False)  # noqa: FBT003 - the only form that it has
    sock = socket.socket(fileno=fd)
    sock.settimeout(0)
    return sock


def notify(state: str, environment: MutableMapping[str, str] = os.environ) -> bool:
    """Tell systemd `READY=1`, `WATCHDOG=1`, `STOPPING=1` …; False where nobody listens."""
    path = environment.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return False
    address = "\0" + path[1:] if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.sendto(state.encode(), address)
    except OSError:
        return False
    return True


def watchdog_s(environment: MutableMapping[str, str] = os.environ) -> float | None:
    """How often to say `WATCHDOG=1`: half of what systemd allows; None where it does not watch."""
    allowed = environment.get("WATCHDOG_USEC", "")
    mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(allowed) / 2e6 if mine and allowed.isdigit() and int(allowed) > 0 else None
