"""Moments on two clocks at once: a round trip from kernel receive stamps that no step of the wall clock can falsify.

The kernel stamps packets with CLOCK_REALTIME, which somebody may set; CLOCK_MONOTONIC never jumps. Both are slewed alike,
so their offset changes only when the wall clock is stepped: that is how a step is noticed.
"""

import socket
import struct
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

SO_TIMESTAMPING_NEW: Final = 65
"""Linux include/uapi/asm-generic/socket.h: stamps of 64 bits on every machine (Linux ≥ 5.1)."""
SO_TIMESTAMPING_OLD: Final = 37
"""The same with native longs, for older kernels."""
_BOTH_IN_SOFTWARE: Final = 1 << 1 | 1 << 3 | 1 << 4  # SOF_TIMESTAMPING_TX_SOFTWARE | RX_SOFTWARE | SOFTWARE
_LAYOUTS: Final = {SO_TIMESTAMPING_NEW: struct.Struct("=2q"), SO_TIMESTAMPING_OLD: struct.Struct("@2l")}
"""The first of three pairs of seconds and nanoseconds is the software stamp (struct scm_timestamping)."""

STAMP_ROOM: Final = socket.CMSG_SPACE(48)
"""Octets of ancillary room for one stamp."""

STEP_NS: Final = 50_000
"""A smaller change of the offset is the spread of reading two clocks; it bounds the error that can pass unnoticed."""
LONGEST_WAIT_NS: Final = 10_000_000_000
"""How long a packet may have waited in this machine before it left; a stamp after that is of a clock that was set."""
_TIGHT_NS: Final = 10_000
_TRIES: Final = 4


class Moment(NamedTuple):
    """One instant on both clocks, nanoseconds."""

    real: int
    mono: int


def now(
    real: Callable[[], int] = time.time_ns,
    mono: Callable[[], int] = time.monotonic_ns,
) -> Moment:
    """This instant; read again when the process was interrupted between the clocks."""
    before = mono()
    found = real()
    width = mono() - before
    if width <= _TIGHT_NS:
        return Moment(found, before + width // 2)
    return _read_again(real, mono, Moment(found, before + width // 2), width)


def _read_again(real: Callable[[], int], mono: Callable[[], int], best: Moment, width: int) -> Moment:
    for _ in range(_TRIES):
        before = mono()
        found = real()
        spread = mono() - before
        if spread < width:
            best, width = Moment(found, before + spread // 2), spread
        if width <= _TIGHT_NS:
            break
    return best


class RoundTrip(NamedTuple):
    """A delay in nanoseconds and how far it can be trusted."""

    delay: int
    by_kernel: bool
    """Taken from the kernel's stamp; otherwise until this process noticed the packet, an upper bound."""
    stepped: bool
    """The wall clock was set between sending and noticing."""


def round_trip(sent: Moment, stamp: int | None, noticed: Moment) -> RoundTrip:
    """The delay from `sent` to the kernel's `stamp` (realtime ns) of a packet that this process found at `noticed`.

    After a step the stamp is carried to the monotonic clock by the offset before or after it, whichever puts the arrival
    between sending and noticing; where both or neither do, the monotonic time until noticing is all that is certain.
    """
    elapsed = max(0, noticed.mono - sent.mono)
    if stamp is None:
        return RoundTrip(elapsed, by_kernel=False, stepped=False)
    before, after = sent.real - sent.mono, noticed.real - noticed.mono
    if abs(after - before) <= STEP_NS and -STEP_NS <= stamp - sent.real <= elapsed + STEP_NS:
        return RoundTrip(max(0, stamp - sent.real), by_kernel=True, stepped=False)
    possible = [d for d in (stamp - before - sent.mono, stamp - after - sent.mono) if 0 <= d <= elapsed]
    if len(possible) == 1:
        return RoundTrip(possible[0], by_kernel=True, stepped=True)
    return RoundTrip(elapsed, by_kernel=False, stepped=True)


def departed(sent: Moment, stamp: int) -> Moment:
    """`sent` moved to the kernel's transmit stamp, where that is plausible: when the driver took the packet.

    Until then it may have waited for the processor or in this machine's own queue, which is no delay of the line (the
    wire time of RFC 2330 §10.2). A stamp from before sending, or too long after, was taken on a clock that was stepped.
    """
    wait = stamp - sent.real
    return Moment(stamp, sent.mono + wait) if 0 <= wait <= LONGEST_WAIT_NS else sent


def ask_for_stamps(sock: socket.socket) -> None:
    """Let the kernel stamp what `sock` sends and receives; `OSError` where it cannot.

    SO_TIMESTAMPING, not SO_TIMESTAMPNS: the latter invents the time of reading for packets that came before stamping was
    switched on (a deferred job in Linux), the former leaves such packets without a stamp, which is honest.
    """
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING_NEW, _BOTH_IN_SOFTWARE)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING_OLD, _BOTH_IN_SOFTWARE)


def stamp_of(ancillary: Iterable[tuple[int, int, bytes]]) -> int | None:
    """The kernel's stamp among the control messages of a packet, realtime nanoseconds; None where it has none."""
    for level, kind, octets in ancillary:
        if level == socket.SOL_SOCKET and (layout := _LAYOUTS.get(kind)) and len(octets) >= layout.size:
            seconds, nanoseconds = layout.unpack_from(octets)
            return int(seconds * 1_000_000_000 + nanoseconds) or None
    return None
