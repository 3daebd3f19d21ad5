"""What systemd hears from us: READY, STATUS, RELOADING, STOPPING and the watchdog's sign of life (sd_notify(3))."""

import os
from collections.abc import Mapping
from time import monotonic

from doxa_core import systemd


class Notifier:
    """Silent where nobody listens (`NOTIFY_SOCKET` absent)."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environment = environ
        self.watchdog_s = systemd.watchdog_s(environ)
        """The time within which a sign of life is awaited, None where there is no watchdog."""
        self._alive_due = 0.0
        self._status = ""

    def _send(self, *lines: str) -> None:
        systemd.tell(*lines, environment=self._environment)

    def ready(self) -> None:
        """The service measures (also: the reload is done)."""
        self._send("READY=1")

    def reloading(self) -> None:
        """A reload begins; `ready` ends it."""
        systemd.tell_reloading(self._environment)

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
