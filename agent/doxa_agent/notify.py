"""What systemd hears from us: READY, STATUS, RELOADING, STOPPING and the watchdog's sign of life (sd_notify(3))."""

import os
import socket
from time import CLOCK_MONOTONIC, clock_gettime_ns, monotonic
from typing import Final

PATIENCE_S: Final = 0.5
"""A supervisor that does not read its socket must not hold us up."""


class Notifier:
    """Silent where nobody listens (`NOTIFY_SOCKET` absent)."""

    def __init__(self, environ: "os._Environ[str] | dict[str, str]" = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        watched = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environ.get("WATCHDOG_USEC", "") if watched else ""
        self.watchdog_s = int(microseconds) / 1e6 if microseconds.isdigit() else None
        """The time within which a sign of life is awaited, None where there is no watchdog."""
        self._alive_due = 0.0
        self._status = ""

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.settimeout(PATIENCE_S)
                sock.connect(address)
                sock.send("\n".join(lines).encode())
        except OSError:
            return  # a supervisor that went away is no reason to stop measuring

    def ready(self) -> None:
        """The service measures (also: the reload is done)."""
        self._send("READY=1")

    def reloading(self) -> None:
        """A reload begins; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={clock_gettime_ns(CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The service stops as asked."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`; sent only when it changed."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def alive(self) -> None:
        """The sign of life, at most twice within the watchdog's time."""
        if self.watchdog_s is not None and monotonic() >= self._alive_due:
            self._alive_due = monotonic() + self.watchdog_s / 3
            self._send("WATCHDOG=1")
