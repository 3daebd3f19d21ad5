"""Many packets with one call of the kernel: sendmmsg(2) and recvmmsg(2) over memory that is laid out once.

A wake-up of a pinger that then makes two calls for a hundred packets costs less than one that makes four hundred. The
memory of a box is one row a packet: address, control messages, octets, so that a field of all packets can be read as one
column. Raises `OSError` with the kernel's errno. A C library without the calls gets one call a packet.
"""

import ctypes
import errno
import os
import struct
from array import array
from collections.abc import Iterator
from typing import Final

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
MSG_DONTWAIT: Final = 0x40


class _MsgHdr(ctypes.Structure):
    """struct msghdr, with this machine's own sizes."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vector", ctypes.c_void_p),
        ("vector_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _MMsgHdr(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = (("header", _MsgHdr), ("length", ctypes.c_uint))


_HEADER: Final = ctypes.sizeof(_MMsgHdr)
_HEAD: Final = struct.Struct("@PIPNPNi0PI0P")
"""struct mmsghdr as one record."""
_VECTOR: Final = struct.Struct("@PN")
"""struct iovec."""
_WORD: Final = struct.calcsize("@P")
_NAME_AT, _VECTOR_AT, _CONTROL_AT = 0, 2, 4
"""Where the pointers stand in a struct mmsghdr, counted in pointers: it is eight of them long, with 32 and 64 bits."""
assert _HEAD.size == _HEADER == 8 * _WORD
_LENGTHS: Final = struct.Struct(f"={_MMsgHdr.length.offset}xI{_HEADER - _MMsgHdr.length.offset - 4}x")
_CONTROL_LENGTH: Final = struct.Struct("@N")
_CONTROL_LENGTH_AT: Final = _MsgHdr.control_length.offset


_BOTH: Final = hasattr(_LIBC, "sendmmsg") and hasattr(_LIBC, "recvmmsg")
"""glibc ≥ 2.14 and musl have them."""


_CLEARED: Final = 32
"""So many rows are cleared at once."""


class _Box:
    """Rows of memory and the headers that point into them; `windows` repeats the headers so that a window may wrap."""

    def __init__(self, rows: int, name: int, control: int, data: int, *, windows: int = 1) -> None:
        self.name, self.control, self.row = name, control, name + control + data
        self.memory = bytearray(rows * self.row)
        self._pinned = (ctypes.c_char * len(self.memory)).from_buffer(self.memory)
        base = ctypes.addressof(self._pinned)
        self._vectors = bytearray(_lay_out(rows, _VECTOR.pack(0, data), {0: (base + name + control, self.row)}))
        self._pinned_vectors = (ctypes.c_char * len(self._vectors)).from_buffer(self._vectors)
        pointers = {_NAME_AT: (base, self.row), _VECTOR_AT: (ctypes.addressof(self._pinned_vectors), _VECTOR.size)}
        if control:
            pointers[_CONTROL_AT] = (base + name, self.row)
        self._heads = bytearray(_lay_out(rows, _HEAD.pack(0, name, 0, 1, 0, control, 0, 0), pointers) * windows)
        self._headers = (_MMsgHdr * (rows * windows)).from_buffer(self._heads)
        self._first = ctypes.addressof(self._headers)


def _lay_out(rows: int, record: bytes, pointers: dict[int, tuple[int, int]]) -> bytes:
    """`rows` times the record; the pointers at these places (counted in pointers) begin somewhere and go on in steps.

    By columns, for there are hundreds of rows at the beginning of every run.
    """
    found, words = array("L", record * rows), len(record) // _WORD
    for place, (start, step) in pointers.items():
        found[place::words] = array("L", range(start, start + rows * step, step))
    return found.tobytes()


class Outbox(_Box):
    """Packets that are sent again and again with small changes: the caller writes into `memory`.

    A row is the socket address (`name` octets) and the packet. `send(fd, first, many)` may run over the end: the row after
    the last is the first.
    """

    def __init__(self, rows: int, name: int, data: int) -> None:
        super().__init__(rows, name, 0, data, windows=2)

    def send(self, descriptor: int, first: int, many: int) -> int:
        """Send `many` rows from `first` on; how many the kernel took, at least one. `OSError` where not even the first."""
        start = ctypes.c_void_p(self._first + first * _HEADER)
        if not _BOTH:
            if _LIBC.sendmsg(descriptor, start, MSG_DONTWAIT) < 0:
                raise _error()
            return 1
        done: int = _LIBC.sendmmsg(descriptor, start, many, MSG_DONTWAIT)
        if done <= 0:
            raise _error()
        return done


class Inbox(_Box):
    """Room for packets with their sender and control messages. What a row does not hold is 0.

    Packets may be gathered by several calls of `more` and read together: a pinger that wakes rarely finds its code and
    data displaced from the processor's caches, and reads a few hundred rows hardly dearer than fifty.
    """

    def __init__(self, rows: int, name: int, control: int, data: int) -> None:
        super().__init__(rows, name, control, data)
        self.rows = rows
        self._fresh = memoryview(bytes(self._heads))
        self._zeros = bytes(_CLEARED * self.row)
        self._view, self._heads_view = memoryview(self.memory), memoryview(self._heads)
        self._views: dict[tuple[int, int], memoryview] = {}
        self._used = 0

    @property
    def filled(self) -> int:
        """Rows that hold a packet."""
        return self._used

    @property
    def room(self) -> int:
        """Rows that do not."""
        return self.rows - self._used

    def receive(self, descriptor: int, flags: int = 0) -> int:
        """Take what waits instead of what is here; otherwise as `more`."""
        self.clear()
        return self.more(descriptor, flags)

    def clear(self) -> None:
        """Forget what is here."""
        heads = self._used * _HEADER
        for first in range(0, self._used * self.row, len(self._zeros)):
            part = self._view[first : first + len(self._zeros)]
            part[:] = self._zeros[: len(part)]
        self._heads_view[:heads] = self._fresh[:heads]
        self._used = 0

    def more(self, descriptor: int, flags: int = 0) -> int:
        """Take what waits into the rows that are left; how many came. `OSError` for what the socket has to say."""
        if self._used == self.rows:
            return 0
        found = self._receive(descriptor, flags | MSG_DONTWAIT)
        if found < 0:
            if ctypes.get_errno() in (errno.EAGAIN, errno.EINTR):
                return 0
            raise _error()
        self._used += found
        return found

    def _receive(self, descriptor: int, flags: int) -> int:
        start, room = self._first + self._used * _HEADER, self.rows - self._used
        if _BOTH:
            return int(_LIBC.recvmmsg(descriptor, ctypes.c_void_p(start), room, flags, None))
        for turn in range(room):
            length = _LIBC.recvmsg(descriptor, ctypes.c_void_p(start + turn * _HEADER), flags)
            if length < 0:
                return turn or -1
            self._headers[self._used + turn].length = length
        return room

    def used(self, first: int = 0, after: int | None = None) -> memoryview:
        """The rows that hold a packet, or those from `first` to before `after` of them."""
        return self._view[first * self.row : (self._used if after is None else after) * self.row]

    def column(self, at: int, first: int, after: int, size: int = 4) -> list[int]:
        """The unsigned number of 2 or 4 octets, in this machine's order, that stands at `at` of each of these rows.

        By columns nothing is built for a row: it costs a tenth of `struct`. The row has to be a multiple of `size` long.
        """
        shift = at % size
        view = self._views.get((shift, size))
        if view is None:
            whole = self._view[shift : len(self.memory) - (-shift % size)]
            view = self._views[shift, size] = whole.cast("I" if size == 4 else "H")
        step = self.row // size
        return view[first * step + at // size : after * step : step].tolist()

    def lengths(self, first: int = 0, after: int | None = None) -> Iterator[tuple[int]]:
        """The octets of each of these packets."""
        end = self._used if after is None else after
        return _LENGTHS.iter_unpack(self._heads_view[first * _HEADER : end * _HEADER])

    def parts(self, place: int) -> tuple[bytes, bytes, bytes]:
        """One row: the sender's socket address, the control messages as they are, the packet."""
        start, head = place * self.row, place * _HEADER
        (length,) = _LENGTHS.unpack_from(self._heads, head)
        (control,) = _CONTROL_LENGTH.unpack_from(self._heads, head + _CONTROL_LENGTH_AT)
        after = start + self.name + self.control
        return (
            bytes(self._view[start : start + self.name]),
            bytes(self._view[start + self.name : start + self.name + min(control, self.control)]),
            bytes(self._view[after : min(after + length, start + self.row)]),
        )


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


_CMSG: Final = struct.Struct("@Nii")
"""struct cmsghdr: length with the header, level, type."""


def read_controls(octets: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The control messages in `octets` as level, type and content (cmsg(3)); stops where one is cut."""
    start = 0
    while start + _CMSG.size <= len(octets):
        length, level, kind = _CMSG.unpack_from(octets, start)
        if length < _CMSG.size or start + length > len(octets):
            return
        yield level, kind, octets[start + _CMSG.size : start + length]
        start += -(-length // _WORD) * _WORD
