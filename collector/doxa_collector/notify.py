"""What systemd and we say to each other: ready, reloading, stopping, still alive, and a socket that it opened for us."""

import os
import socket
import time
from typing import Final

_FIRST_FD: Final = 3
"""Sockets that are passed begin here (sd_listen_fds(3))."""


def tell(*lines: str) -> bool:
    """Send a state such as `READY=1` (sd_notify(3)); whether there was anybody to tell."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    name = "\0" + address[1:] if address.startswith("@") else address  # an abstract socket
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.connect(name)
            sock.sendall("\n".join(lines).encode())
    except OSError:  # nobody listens any more: not our trouble
        return False
    return True


def ready(status: str) -> None:
    """The service works."""
    tell("READY=1", f"STATUS={status}")


def reloading() -> None:
    """The service reads its files again; `ready` ends it. The moment is needed by Type=notify-reload."""
    tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def stopping() -> None:
    """The service ends as asked."""
    tell("STOPPING=1")


def alive() -> None:
    """The watchdog may sleep on."""
    tell("WATCHDOG=1")


def watchdog_s() -> float | None:
    """How long systemd waits for a sign of life, where it does."""
    meant_for = os.environ.get("WATCHDOG_PID")
    if meant_for is not None and meant_for != str(os.getpid()):
        return None
    try:
        return int(os.environ["WATCHDOG_USEC"]) / 1e6
    except (KeyError, ValueError):
        return None


def passed_socket() -> socket.socket | None:
    """The listening socket that was opened for us (LISTEN_FDS), or None."""
    if os.environ.get("LISTEN_PID", str(os.getpid())) != str(os.getpid()):
        return None
    if os.environ.get("LISTEN_FDS", "0") in ("", "0"):
        return None
    return socket.socket(fileno=_FIRST_FD)
