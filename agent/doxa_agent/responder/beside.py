"""Other roles beside the HTTP far end: each a child process, watched by a thread, started again when it dies."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from doxa_core.errors import DoxaError
from doxa_core.language import Text

START_S: Final = 20.0
"""How long a role may take to say where it listens."""
STOP_S: Final = 8.0
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
STEADY_S: Final = 60.0
"""A role that ran so long begins again with the shortest pause."""
# PR_SET_PDEATHSIG (prctl(2)): a child must not outlive us and keep its port. The parent may be gone before it is set.
_MAIN: Final = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15, 0, 0, 0); parent = int(sys.argv.pop(1));"
    " os.getppid() == parent or os._exit(1);"
    " from doxa_core.command import main; sys.exit(main(['responder', *sys.argv[1:]]))"
)
NOT_STARTED: Final = Text(
    vi="vai trò {name} không khởi động được (mã {code}); xem dòng phía trên, hoặc bỏ --also {name}",
    en="the role {name} did not start (code {code}); see the line above, or leave out --also {name}",
)
DIED: Final = Text(
    vi="vai trò {name} dừng bất ngờ (mã {code}); khởi động lại sau {pause} giây",
    en="the role {name} ended unexpectedly (code {code}); it starts again in {pause} s",
)


class NotStartedError(DoxaError):
    """A role refused to start; its own sentence stands above."""

    def __init__(self, name: str, code: int | None) -> None:
        super().__init__(NOT_STARTED.fill(name=name, code="-" if code is None else code))
        self.exit_code = 2 if code == 2 else 1


class Child:
    """One role. `start` brings it up, and from then on it is kept up until `stop`."""

    def __init__(self, name: str, options: list[str]) -> None:
        self.name = name
        self.places: list[dict[str, Any]] = []
        self._options = options
        self._stopping = threading.Event()
        self._told = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._code: int | None = None
        self._thread = threading.Thread(target=self._keep, name=f"role-{name}", daemon=True)

    def start(self) -> list[dict[str, Any]]:
        """Where it listens; `NotStartedError` if it does not come up."""
        self._thread.start()
        self._told.wait(START_S)
        if not self.places:
            code = self._code
            self.stop()
            raise NotStartedError(self.name, code)
        return self.places

    def stop(self) -> None:
        """End it, politely first; returns when it is gone."""
        self.tell_stop()
        if self._thread.ident is not None:
            self._thread.join(STOP_S)
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.kill()

    def tell_stop(self) -> None:
        """Ask it to end and return at once (safe in a signal handler: no lock is waited for)."""
        self._stopping.set()
        process = self._process
        if process is not None and process.returncode is None:
            process.terminate()

    def _keep(self) -> None:
        """Run it again and again. The thread lives as long as the child: PR_SET_PDEATHSIG counts the thread."""
        pause = FIRST_PAUSE_S
        while not self._stopping.is_set():
            began = time.monotonic()
            self._code = self._run_once()
            if not self.places:
                self._told.set()  # the first start failed: `start` raises
                return
            if self._stopping.is_set():
                return
            pause = FIRST_PAUSE_S if time.monotonic() - began >= STEADY_S else min(LONGEST_PAUSE_S, pause)
            sys.stderr.write(f"{DIED.fill(name=self.name, code=self._code, pause=round(pause))}\n")
            sys.stderr.flush()
            self._stopping.wait(pause)
            pause *= 2

    def _run_once(self) -> int:
        command = [sys.executable, "-c", _MAIN, str(os.getpid()), self.name, "--json", *self._options]
        with self._lock:
            if self._stopping.is_set():
                return 0
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environment(os.environ)
            )
            self._process = process
        if self._stopping.is_set():
            process.terminate()
        assert process.stdout is not None
        with process.stdout as said:
            self._listen(said.readline())
            for _line in said:  # whatever else it says is not for our standard output
                pass
        return process.wait()

    def _listen(self, line: str) -> None:
        try:
            found = json.loads(line)["listening"]
        except (ValueError, KeyError, TypeError):
            return
        if isinstance(found, list) and found:
            self.places = found
            self._told.set()


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """A child's environment: what systemd gave is for this process alone."""
    kept = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")
    return {name: value for name, value in ours.items() if name not in kept}


class Beside:
    """All roles beside the HTTP far end."""

    def __init__(self, options: Mapping[str, list[str]]) -> None:
        self._children = [Child(name, words) for name, words in options.items()]

    def start(self) -> dict[str, list[dict[str, Any]]]:
        """Bring all up; where one does not come, none stays and `NotStartedError` is raised."""
        try:
            return {child.name: child.start() for child in self._children}
        except NotStartedError:
            self.stop()
            raise

    def tell_stop(self) -> None:
        """Ask all to end and return at once."""
        for child in self._children:
            child.tell_stop()

    def stop(self) -> None:
        """End all; returns when they are gone."""
        self.tell_stop()
        for child in self._children:
            child.stop()
