"""A short-lived child process for what must not stay in the agent, or could harm it: an order in, one answer out, then gone.

The parent calls `ask`, the child's module ends in `serve`. The order travels through standard input and nowhere else, for
arguments and environment are for others to read. The child has a bounded memory, prints nothing, and dies with the thread
that asked; the parent reads no more than an answer may have, waits no longer than it may, and leaves no process behind.

What it does not promise: the child has the agent's own rights (ambient capabilities reach it), it is no sandbox.
"""

import ctypes
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, TypeVar

from doxa_agent.meter import Deadline

LARGEST: Final = 256 * 1024
"""Octets of an order or of an answer at most; a longer one is none of ours."""
MEMORY_BYTES: Final = 256 * 1024 * 1024
"""The most private memory of a child that states no other bound."""
CRASHED: Final = "child_crashed"
"""It could not be started, or what it wrote before its end is no answer."""
CUT_SHORT: Final = "cut_short"
"""The run was cancelled, or its time was over."""
OVERDUE: Final = "deadline"
"""The child's own time was over."""
_PR_SET_PDEATHSIG: Final = 1
_SLICE_S: Final = 0.1
"""How long one wait lasts at most, so that a cancelled run ends soon."""
_END_S: Final = 2.0
"""How long a child that has answered may take to end."""
_PASSED_ON: Final = frozenset(
    {"PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"}
)
"""What a child has of the environment: no proxies, no credentials' folder, no socket of systemd."""
_NOWHERE: Final = "/nonexistent"
"""Its home: packages that keep settings or caches there find none and leave none."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """There is no answer."""

    reason: str
    """`child_crashed`, `cut_short` or `deadline`."""
    why: str | None = None
    """More of it for the detail: the name of an error, the exit status."""


def ask(module: str, order: bytes, decode: Callable[[bytes], T], deadline: Deadline, limit: Deadline) -> T | Fault:
    """What `decode` makes of the child's answer; it raises `ValueError` for what is none.

    `module` runs as `python -m`. `deadline` is the run's (over: `cut_short`), `limit` the child's own (over: `deadline`).
    """
    command = [
        sys.executable,
        "-P",
        "-W",
        "ignore",
        "-m",
        module,
    ]  # foreign packages' warnings: nobody here can mend them
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            bufsize=0,
            start_new_session=True,  # so that it ends with all that it may have started
        )
    except OSError as error:  # no memory, no process
        return Fault(CRASHED, type(error).__name__)
    with child:
        try:
            octets = _exchange(child, order, deadline, limit)
        finally:
            _end(child)
    if octets is None:
        return Fault(CUT_SHORT if deadline.over else OVERDUE)
    if len(octets) > LARGEST:
        return Fault(CRASHED, "answer too long")
    try:
        return decode(octets)
    except ValueError:
        return Fault(CRASHED, f"exit {child.returncode}")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in _PASSED_ON} | {"HOME": _NOWHERE}


def _exchange(child: "subprocess.Popen[bytes]", order: bytes, deadline: Deadline, limit: Deadline) -> bytes | None:
    """What the child wrote until it closed its output, or a little more than it may; None when the time is over first."""
    if child.stdin is None or child.stdout is None:
        raise ValueError("both ends are pipes")
    left, answer = memoryview(order), bytearray()
    with selectors.DefaultSelector() as ready:
        for pipe, event in ((child.stdin, selectors.EVENT_WRITE), (child.stdout, selectors.EVENT_READ)):
            os.set_blocking(pipe.fileno(), False)
            ready.register(pipe, event)
        while not (deadline.over or limit.over):
            told = ready.select(_SLICE_S)
            if not told and _ended(child):  # somebody whom it started holds its output open
                return bytes(answer)
            for key, _ in told:
                if key.fileobj is child.stdin:
                    left = _give(child.stdin.fileno(), left)
                    if not left:
                        ready.unregister(child.stdin)
                        child.stdin.close()
                    continue
                piece = os.read(child.stdout.fileno(), 65_536)
                answer += piece
                if not piece:
                    _see_it_end(child)
                if not piece or len(answer) > LARGEST:
                    return bytes(answer)
    return None


def _give(descriptor: int, order: memoryview) -> memoryview:
    """What is left of the order; nothing where the child reads no more."""
    try:
        return order[os.write(descriptor, order) :]
    except OSError:
        return order[:0]


def _see_it_end(child: "subprocess.Popen[bytes]") -> None:
    """Wait a little for the end of one that has said all: its status may tell why that is no answer. Nothing is reaped."""
    until = time.monotonic() + _END_S
    while time.monotonic() < until and not _ended(child):
        time.sleep(0.005)


def _ended(child: "subprocess.Popen[bytes]") -> bool:
    """Whether it has ended; it stays to be reaped."""
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Nothing of it stays: the leader is not reaped yet, so the number of its group is still its own."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def serve(work: Callable[[bytes], bytes], memory_bytes: int = MEMORY_BYTES) -> NoReturn:
    """The child's side: bound this process, let `work` answer the order, end.

    What `work` prints goes nowhere. Threads that it leaves behind are not waited for.
    """
    out = os.dup(1)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # never survive the agent
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer = memoryview(work(sys.stdin.buffer.read(LARGEST)))
    while answer:
        answer = answer[os.write(out, answer) :]
    os._exit(0)


def largest_size() -> int | None:
    """The largest resident size so far, octets; not ru_maxrss, which begins with that of the parent it was forked from."""
    with suppress(OSError, ValueError), Path("/proc/self/status").open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None
