"""The heavy lane: one line-loading test at a time, in this agent and among all agents of the machine."""

import fcntl
import os
import random
import threading
from pathlib import Path
from typing import Final

from doxa_agent.meter import Deadline
from doxa_core.errors import OperationError
from doxa_core.language import Text

LOOK_S: Final = 0.2
"""How often the other agents' lock is tried again; flock(2) has no waiting with a limit."""


class HeavyLane:
    """A turn is taken by `enter()` and given back by `leave()`, from any thread.

    Between processes it is flock(2) on one file: the kernel gives it back when a process dies, however it dies.
    """

    def __init__(self, lock_file: Path | None = None) -> None:
        self._turn = threading.Lock()
        self._file = lock_file
        self._held: int | None = None

    def enter(self, patience: Deadline) -> bool:
        """Wait for the turn until `patience` is over; whether we have it. `OperationError` for an unusable lock file."""
        while not self._turn.acquire(timeout=min(LOOK_S, patience.left_s)):
            if patience.over:
                return False
        try:
            if self._file is None or self._enter_machine(self._file, patience):
                return True
        except BaseException:
            self._turn.release()
            raise
        self._turn.release()
        return False

    def _enter_machine(self, file: Path, patience: Deadline) -> bool:
        try:
            found = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise OperationError(UNUSABLE.fill(path=file, why=error.strerror)) from None
        while True:
            try:
                fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if patience.wait(LOOK_S * random.uniform(0.5, 1.5)):
                    continue
                os.close(found)
                return False
            self._held = found
            return True

    def leave(self) -> None:
        """Give the turn back."""
        held, self._held = self._held, None
        if held is not None:
            os.close(held)  # the last descriptor of the open file: that ends the lock
        self._turn.release()


UNUSABLE = Text(
    vi="không dùng được tệp khóa {path} ({why}); hãy sửa runner.heavy_lock hoặc quyền ghi",
    en="the lock file {path} cannot be used ({why}); mend runner.heavy_lock or its permissions",
)
