"""The congestion control of a socket: bbr where the kernel has it, the system's otherwise, any loaded one by name."""

import contextlib
import socket
from pathlib import Path
from typing import Final

AUTO: Final = "auto"
"""bbr where it can be had: it finds a line's rate also where single packets get lost (throughput.md §3)."""
SYSTEM: Final = "system"
"""Whatever net.ipv4.tcp_congestion_control says."""
_AVAILABLE: Final = Path("/proc/sys/net/ipv4/tcp_available_congestion_control")
_seen: Final[set[str]] = set()
"""Those that were loaded once: what is in use is not unloaded, and a test opens ten connections."""


def available() -> frozenset[str]:
    """The algorithms that this kernel has loaded."""
    try:
        return frozenset(_AVAILABLE.read_text(encoding="ascii").split())
    except OSError:
        return frozenset()


def choose(sock: socket.socket, wanted: str) -> str:
    """Set `wanted` where that is possible; returns what is in force, empty where the kernel does not say.

    Only loaded algorithms are asked for, so that no stranger makes the kernel load a module.
    """
    name = "bbr" if wanted == AUTO else wanted
    if name != SYSTEM and _is_loaded(name):
        with contextlib.suppress(OSError):  # unprivileged only tcp_allowed_congestion_control; the answer below tells
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.encode())
    return in_force(sock)


def _is_loaded(name: str) -> bool:
    if name not in _seen:
        _seen.update(available())
    return name in _seen


def in_force(sock: socket.socket) -> str:
    """The algorithm that the socket has now."""
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).split(b"\0")[0].decode("ascii", "replace")
    except OSError:
        return ""
