"""Many packets with one call of the kernel: sendmmsg(2) and recvmmsg(2) over memory that is laid out once.

A wake-up of a pinger that then makes two calls for a hundred packets costs less than one that makes four hundred. The
memory of a box is one row a packet: address, control messages, octets, so that a single `struct.Struct.iter_unpack` reads
all that came. Raises `OSError` with the kernel's errno. A C library without the calls gets one call a packet.
"""

import ctypes
import errno
import os
import struct
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
"""struct mmsghdr as one record: a hundred rows are laid out at the beginning of every run."""
_VECTOR: Final = struct.Struct("@PN")
"""struct iovec."""
assert _HEAD.size == _HEADER
_LENGTHS: Final = struct.Struct(f"={_MMsgHdr.length.offset}xI{_HEADER - _MMsgHdr.length.offset - 4}x")
_CONTROL_LENGTH: Final = struct.Struct("@N")
_CONTROL_AT: Final = _MsgHdr.control_length.offset


_BOTH: Final = hasattr(_LIBC, "sendmmsg") and hasattr(_LIBC, "recvmmsg")
"""glibc ≥ 2.14 and musl have them."""


class _Box:
    """Rows of memory and the headers that point into them; `windows` repeats the headers so that a window may wrap."""

    def __init__(self, rows: int, name: int, control: int, data: int, *, windows: int = 1) -> None:
        self.name, self.control, self.row = name, control, name + control + data
        self.memory = bytearray(rows * self.row)
        self._pinned = (ctypes.c_char * len(self.memory)).from_buffer(self.memory)
        self._vectors = bytearray(rows * _VECTOR.size)
        self._pinned_vectors = (ctypes.c_char * len(self._vectors)).from_buffer(self._vectors)
        self._heads = bytearray(rows * windows * _HEADER)
        self._headers = (_MMsgHdr * (rows * windows)).from_buffer(self._heads)
        base, vectors = ctypes.addressof(self._pinned), ctypes.addressof(self._pinned_vectors)
        for place in range(rows):
            start = base + place * self.row
            _VECTOR.pack_into(self._vectors, place * _VECTOR.size, start + name + control, data)
            controls = start + name if control else 0
            vector = vectors + place * _VECTOR.size
            _HEAD.pack_into(self._heads, place * _HEADER, start, name, vector, 1, controls, control, 0, 0)
        self._heads[:] = bytes(self._heads[: rows * _HEADER]) * windows
        self._first = ctypes.addressof(self._headers)


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
    """Room for packets with their sender and control messages. What a row does not hold is 0."""

    def __init__(self, rows: int, name: int, control: int, data: int) -> None:
        super().__init__(rows, name, control, data)
        self.rows = rows
        self._fresh = bytes(self._heads)
        self._zeros = memoryview(bytes(len(self.memory)))
        self._view, self._heads_view = memoryview(self.memory), memoryview(self._heads)
        self._used = 0

    def receive(self, descriptor: int, flags: int = 0) -> int:
        """Take what waits, at most `rows`; 0 where nothing does. `OSError` for what the socket has to say."""
        stale = self._used * self.row
        self._view[:stale] = self._zeros[:stale]
        self._heads_view[:] = self._fresh
        self._used = 0
        found = self._receive(descriptor, flags | MSG_DONTWAIT)
        if found < 0:
            if ctypes.get_errno() in (errno.EAGAIN, errno.EINTR):
                return 0
            raise _error()
        self._used = found
        return found

    def _receive(self, descriptor: int, flags: int) -> int:
        if _BOTH:
            return int(_LIBC.recvmmsg(descriptor, ctypes.c_void_p(self._first), self.rows, flags, None))
        for place in range(self.rows):
            length = _LIBC.recvmsg(descriptor, ctypes.c_void_p(self._first + place * _HEADER), flags)
            if length < 0:
                return place or -1
            self._headers[place].length = length
        return self.rows

    def used(self) -> memoryview:
        """The rows of the last `receive`."""
        return self._view[: self._used * self.row]

    def lengths(self) -> Iterator[tuple[int]]:
        """The octets of each packet of the last `receive`."""
        return _LENGTHS.iter_unpack(self._heads_view[: self._used * _HEADER])

    def parts(self, place: int) -> tuple[bytes, bytes, bytes]:
        """One row: the sender's socket address, the control messages as they are, the packet."""
        start, head = place * self.row, place * _HEADER
        (length,) = _LENGTHS.unpack_from(self._heads, head)
        (control,) = _CONTROL_LENGTH.unpack_from(self._heads, head + _CONTROL_AT)
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
_WORD: Final = struct.calcsize("@N")


def read_controls(octets: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The control messages in `octets` as level, type and content (cmsg(3)); stops where one is cut."""
    start = 0
    while start + _CMSG.size <= len(octets):
        length, level, kind = _CMSG.unpack_from(octets, start)
        if length < _CMSG.size or start + length > len(octets):
            return
        yield level, kind, octets[start + _CMSG.size : start + length]
        start += -(-length // _WORD) * _WORD
