"""How good this machine's wall clock is, by the kernel's own account, and which boot this is."""

import ctypes
import os
from functools import cache
from pathlib import Path
from typing import Final

from doxa_core.measurement import Clock

STA_UNSYNC: Final = 0x0040
"""Linux include/uapi/linux/timex.h: nobody disciplines the clock (RFC 5905 calls it a leap indicator of 3)."""
TIME_ERROR: Final = 5
"""The state that adjtimex(2) returns while the clock is not synchronised."""
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Timex(ctypes.Structure):
    """The C library's `struct timex` (adjtimex(2)) with its native longs: 128 octets on 32-bit ARM, 208 on 64 bits.

    `modes` 0 asks without setting, so no privilege is needed. A 32-bit C library for 64-bit time keeps this layout
    under the plain symbol that is called here, and gives its new one another name.
    """

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", ctypes.c_long * 2),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("padding", ctypes.c_int * 11),
    )


def read_clock() -> Clock:
    """The kernel's account of the wall clock: synchronised or not, and its largest error.

    The error is the bound that the clock's disciplining daemon maintains (`maxerror`, from microseconds to
    milliseconds); the kernel lets it grow by 0.5 ms a second and caps it at 16 s, where the clock counts as
    unsynchronised. Absent while unsynchronised: then nobody vouches for any bound.
    """
    timex = Timex(modes=0)
    return judge(_adjtimex()(ctypes.byref(timex)), timex.status, timex.maxerror)


def judge(state: int, status: int, maxerror_us: int) -> Clock:
    """The clock that an answer of adjtimex(2) describes; a call that failed (`state` < 0) vouches for nothing."""
    synchronised = 0 <= state != TIME_ERROR and not status & STA_UNSYNC
    return Clock(synchronised=synchronised, error_ms=max(0, maxerror_us) / 1000 if synchronised else None)


@cache
def _adjtimex() -> "ctypes._NamedFuncPointer":
    function = ctypes.CDLL(None, use_errno=True).adjtimex
    function.argtypes, function.restype = (ctypes.POINTER(Timex),), ctypes.c_int
    return function


@cache
def boot_id(path: Path = BOOT_ID) -> str:
    """The kernel's identity of this boot; where /proc does not tell, one that holds for this process alone."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return f"process-{os.urandom(12).hex()}"
