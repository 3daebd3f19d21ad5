"""What a service and systemd say to each other: given sockets, readiness, watchdog (sd_listen_fds(3), sd_notify(3))."""

import os
import socket
import time
from collections.abc import Mapping, MutableMapping
from typing import Final

_FIRST: Final = 3
PATIENCE_S: Final = 0.5
"""A supervisor that does not read its socket must not hold us up."""


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


def tell(*states: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Say `READY=1`, `WATCHDOG=1`, `STATUS=…`; False where nobody listens, which is no reason to stop working."""
    path = environment.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return False
    address = "\0" + path[1:] if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(PATIENCE_S)
            sock.sendto("\n".join(states).encode(), address)
    except OSError:
        return False
    return True


def tell_reloading(environment: Mapping[str, str] = os.environ) -> bool:
    """A reload begins; `READY=1` ends it. The moment is needed by Type=notify-reload."""
    moment = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    return tell("RELOADING=1", f"MONOTONIC_USEC={moment}", environment=environment)


def watchdog_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """The time within which systemd awaits a sign of life from this process; None where it does not watch."""
    allowed = environment.get("WATCHDOG_USEC", "")
    mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(allowed) / 1e6 if mine and allowed.isdigit() and int(allowed) > 0 else None
