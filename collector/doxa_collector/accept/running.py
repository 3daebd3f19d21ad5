"""The test itself: `doxa agent accept` as a child that shows its steps on our terminal and leaves its result in a file.

A child, because agent and collector do not import each other, and because of what it gives: the agent's own lock, guards and
questions, Ctrl-C that keeps what is known, and a result on the disk even when the paper cannot be made.
"""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from doxa_core.errors import OperationError
from doxa_core.language import Text

AGENT: tuple[str, ...] = (sys.executable, "-P", "-m", "doxa_core", "agent", "accept")
"""The agent's command, of the same installation (-P: nothing is imported from the folder we stand in)."""
_STDERR: Final = 2
_SAID: Final = (1, 2, 3, 4, 130)
"""Exit codes with which the agent has said its sentence itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be tested."""

    link: str
    agent: Path
    """agent.toml."""
    down_mbps: float
    up_mbps: float
    layer: str
    options: Sequence[str] = ()
    """Further arguments of `doxa agent accept`, as they were given."""

    def arguments(self, result: Path) -> list[str]:
        """The command line behind `doxa agent accept`."""
        promised = ["--down", repr(self.down_mbps), "--up", repr(self.up_mbps), "--layer", self.layer]
        return [self.link, "--config", str(self.agent), *promised, *self.options, "--output", str(result)]


def measure(order: Order, result: Path) -> int:
    """Run the test; its exit code. `result` is there afterwards unless the test was declined or could not begin.

    The child's words go to our standard error: standard output is for what we wrote. `OperationError` where it was killed.
    """
    command = [*AGENT, *order.arguments(result)]
    try:
        with subprocess.Popen(command, stdout=_STDERR) as child, _handing_on(child):
            code = child.wait()
    except OSError as error:
        raise OperationError(_NOT_STARTED.fill(why=error.strerror)) from None
    if code not in (0, *_SAID):
        raise OperationError(_DIED.fill(code=code))
    return code


@contextmanager
def _handing_on(child: subprocess.Popen[Any]) -> Iterator[None]:
    """Ctrl-C reaches the child by the terminal and is its business; what ends us by SIGTERM ends the test in the same way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(_number: int, _frame: FrameType | None) -> None:
        """A handler, not SIG_IGN: that one the child would inherit."""

    def end(_number: int, _frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            child.send_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, leave), signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


_NOT_STARTED: Final = Text(
    vi="không khởi động được phép đo ({why}); hãy kiểm tra cài đặt doxa",
    en="the test could not be started ({why}); check the installation of doxa",
)
_DIED: Final = Text(
    vi="phép đo dừng đột ngột (mã {code}), không có kết quả; hãy chạy lại",
    en="the test ended suddenly (code {code}) without a result; run it again",
)
