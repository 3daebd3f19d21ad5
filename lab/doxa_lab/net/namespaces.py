"""Entering a network namespace for a moment, to make a socket that stays in it."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

CLONE_NEWNET: Final = 0x40000000
FOLDER: Final = Path("/run/netns")
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(descriptor: int) -> None:
    """setns(2); `os.setns` came with Python 3.12 only."""
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


@contextmanager
def entered(name: str | None) -> Iterator[None]:
    """This thread inside the namespace `name` (None: no change). A socket made here belongs there for ever."""
    if name is None:
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(FOLDER / name, os.O_RDONLY)
        try:
            _setns(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)
