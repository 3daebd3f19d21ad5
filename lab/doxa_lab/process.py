"""One child process of the lab: dies with us, keeps its log, can be killed and started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from doxa_core.errors import OperationError
from doxa_core.language import Text

_LAUNCH: Final = Path(__file__).with_name("launch.py")
_LOG_TAIL: Final = 3000

NOT_READY = Text(
    vi="{name} không sẵn sàng sau {seconds:.0f} giây ({why}); cuối nhật ký của nó:\n{log}",
    en="{name} was not ready after {seconds:.0f} s ({why}); the end of its log:\n{log}",
)


class Process:
    """A program with its log file, perhaps inside a network namespace.

    The kernel kills it when the *thread* that called `start()` ends (PR_SET_PDEATHSIG), so a killed run leaves
    nothing behind: start it from a thread that lives as long as it shall.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        namespace: str | None = None,
        env: Mapping[str, str] | None = None,
        listening: socket.socket | None = None,
    ) -> None:
        self.name = name
        self.argv = tuple(argv)
        self.log = log
        self.namespace = namespace
        self._env = dict(env or {})
        self._listening = listening
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def start(self) -> None:
        """Start it (again); its output is added to the log."""
        if self.running:
            return
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._child = subprocess.Popen(  # the child has its own session: Ctrl-C is for us alone
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | self._env,
                pass_fds=() if self._listening is None else (self._listening.fileno(),),
                start_new_session=True,
            )

    def _command(self) -> list[str]:
        listening = -1 if self._listening is None else self._listening.fileno()
        inside = () if self.namespace is None else ("ip", "netns", "exec", self.namespace)
        return [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), str(listening), *inside, *self.argv]

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        """Its process id; `RuntimeError` before the first start."""
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code (negative: the signal), None while it runs or before the first start."""
        return None if self._child is None else self._child.poll()

    def wait_ready(self, ready: Callable[[], bool], seconds: float = 20.0) -> None:
        """Wait until `ready()`; `OperationError` with the end of the log when it ends or stays silent."""
        until = time.monotonic() + seconds
        while not ready():
            if not self.running:
                raise self._not_ready(seconds, f"exit {self.exit_code}")
            if time.monotonic() > until:
                raise self._not_ready(seconds, "timeout")
            time.sleep(0.005)

    def _not_ready(self, seconds: float, why: str) -> OperationError:
        return OperationError(NOT_READY.fill(name=self.name, seconds=seconds, why=why, log=self.tail()))

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, where it runs."""
        if self._child is not None and self.running:
            self._child.send_signal(number)

    def wait(self, seconds: float | None = None) -> int:
        """Wait for its end; the exit code. `subprocess.TimeoutExpired` when it takes longer."""
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child.wait(seconds)

    def stop(self, grace_s: float = 5.0) -> None:
        """SIGTERM, and SIGKILL for what does not obey within `grace_s`."""
        if not self.running:
            return
        self.signal(signal.SIGTERM)
        try:
            self.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        if self._child is not None:
            self._child.wait()

    def tail(self, most: int = _LOG_TAIL) -> str:
        """The end of what it has said since it was last started."""
        try:
            with self.log.open("rb") as log:
                log.seek(self._log_start)
                return log.read()[-most:].decode("utf-8", "replace")
        except OSError:
            return ""
