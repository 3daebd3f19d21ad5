"""Reads Load PDUs in batches: many datagrams a system call, only their heads copied, with the kernel's receive stamps.

`recvmmsg(2)` is called through ctypes with structures declared as the C library has them, so 32-bit machines get theirs.
With `MSG_TRUNC` the kernel gives each datagram's true length although only its head is copied. Where there is no
`recvmmsg`, each datagram is read by `recvmsg` to the same end.

Whoever expects load asks for `UDP_GRO` (udp(7), Linux 5.0): datagrams that follow each other closely then come as one,
with the size at which to part them again. They share the stamp of the first; they came within one poll of the interface.
"""

import ctypes
import errno
import os
import socket
import struct
import sys
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

from doxa_agent.net.stamp import SO_TIMESTAMPING_NEW, SO_TIMESTAMPING_OLD
from doxa_agent.udpstp.steady import SteadyClock

MESSAGES: Final = 128
"""Datagrams a system call at most."""
STRIDE: Final = 224
"""Octets from one head to the next; a Status PDU (204) fits."""
LOAD_HEAD: Final = 32
BUFFER: Final = 8 << 20
"""The receive buffer that we ask for, octets as the kernel counts them (with its own overhead)."""
_TRUESIZE: Final = 2304
"""What a datagram of 1250–1500 octets costs of it, on the safe side of what drivers do."""
_SO_RCVBUFFORCE: Final = 33
_SO_MEMINFO: Final = 55
_MEMORY: Final = struct.Struct("=9I")
_STAMP_ON_RECEIPT: Final = 1 << 3 | 1 << 4  # SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE
_CONTROL: Final = 96
"""Octets of control room a message: one header and three stamps of 16 octets, one header and the size of the parts."""
_SOL_UDP: Final = 17
_UDP_GRO: Final = 104
_JOINED_MESSAGES: Final = 32
_JOINED_ROOM: Final = 1 << 16
"""With UDP_GRO: messages a call, each of which may be as long as an IP packet."""
_NS: Final = 1_000_000_000
_SPREAD_NS: Final = 200_000
"""How far a right stamp may seem to lie in the future because two clocks are not read at once."""
_ABSENT: Final = frozenset({errno.ENOSYS, errno.EOPNOTSUPP})
_LITTLE: Final = sys.byteorder == "little"


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Msghdr(ctypes.Structure):
    """struct msghdr of recvmsg(2) as glibc has it; musl's differs only in padding on little-endian 64-bit machines."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("iov", ctypes.POINTER(_Iovec)),
        ("iov_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Mmsghdr(ctypes.Structure):
    _fields_ = (("header", _Msghdr), ("length", ctypes.c_uint))


@dataclass(frozen=True, slots=True)
class Batch:
    """Datagrams in the order of their arrival."""

    count: int
    heads: bytes
    """`count` heads, each in its `stride` octets; what follows a short head's end there is undefined."""
    stride: int
    lengths: list[int]
    """Octets of UDP payload of each."""
    base: int
    """What to add to each of `fractions`."""
    fractions: list[int]
    """When each came, nanoseconds of the steady clock above `base`."""

    @property
    def stamps(self) -> list[int]:
        """When each came, nanoseconds of the steady clock."""
        base = self.base
        return [base + fraction for fraction in self.fractions]

    def stamp(self, place: int) -> int:
        """When one came."""
        return self.base + self.fractions[place]

    def cut(self, start: int, end: int) -> "Batch":
        """A part of it."""
        return Batch(
            end - start, self.heads[start * self.stride : end * self.stride], self.stride, self.lengths[start:end],
            self.base, self.fractions[start:end],
        )  # fmt: skip

    def head(self, place: int) -> bytes:
        """What was copied of one datagram."""
        start = place * self.stride
        return self.heads[start : start + min(self.stride, self.lengths[place])]


class Receiver:
    """One connected, non-blocking UDP socket, read in batches."""

    def __init__(
        self,
        sock: socket.socket,
        clock: SteadyClock,
        head_bytes: int = STRIDE,
        *,
        batched: bool = True,
        joined: bool = False,
    ) -> None:
        self._sock, self._clock = sock, clock
        self._stride = (min(head_bytes, STRIDE) + 3) // 4 * 4
        self.buffer_octets = _grow(sock)
        self.stamped = _ask_for_stamps(sock)
        """Whether the kernel stamps: then a late read costs no accuracy."""
        self._function = _recvmmsg() if batched else None
        self.joined = joined and self._function is not None and _ask_for_joined(sock)
        """Whether the kernel may hand over several datagrams as one."""
        self._most = _JOINED_MESSAGES if self.joined else MESSAGES
        self._room = _JOINED_ROOM if self.joined else self._stride
        self._floor = 0
        self._more = False
        if self._function is not None:
            self._prepare()

    @property
    def dropped(self) -> int:
        """Datagrams that came but found this socket's buffer full: our own fault (SO_MEMINFO, Linux ≥ 4.12)."""
        try:
            found = self._sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMORY.size)
        except OSError:
            return 0
        return int(_MEMORY.unpack(found)[-1]) if len(found) == _MEMORY.size else 0

    def pause_s(self, bits_per_s: float) -> float:
        """How long one may stay away at such a rate and leave three quarters of the buffer free; 1 to 10 ms."""
        datagrams = max(bits_per_s, 1e6) / 8 / 1250
        return max(0.001, min(0.01, self.buffer_octets / 4 / _TRUESIZE / datagrams))

    def drain(self, limit: int = 2048) -> list[Batch]:
        """What is there, up to `limit` datagrams; an `OSError` (an ICMP error that came back) only if nothing is."""
        found: list[Batch] = []
        count = 0
        while count < limit:
            try:
                batch = self._one_by_one() if self._function is None else self._call()
            except BlockingIOError:
                break
            except OSError as error:
                if self._function is not None and error.errno in _ABSENT:
                    self._give_up_batches()
                    continue
                if found:
                    break
                raise
            found.append(batch)
            count += batch.count
            if not self._more:
                break
        return found

    # --- recvmmsg ----------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        room, most = self._room, self._most
        self._heads = ctypes.create_string_buffer(most * room)
        self._controls = ctypes.create_string_buffer(most * _CONTROL)
        self._iovecs = (_Iovec * most)()
        self._messages = (_Mmsghdr * most)()
        heads, controls = ctypes.addressof(self._heads), ctypes.addressof(self._controls)
        for n in range(most):
            self._iovecs[n].base, self._iovecs[n].length = heads + n * room, room
            header = self._messages[n].header
            header.iov, header.iov_count = ctypes.pointer(self._iovecs[n]), 1
            header.control, header.control_length = controls + n * _CONTROL, _CONTROL
        self._fresh = bytes(self._messages)
        self._head_view = memoryview(self._heads).cast("B")
        words = memoryview(self._messages).cast("B").cast("I")
        self._lengths = words[_Mmsghdr.length.offset // 4 :: ctypes.sizeof(_Mmsghdr) // 4]
        self._rooms = words[_Msghdr.control_length.offset // 4 + (0 if _LITTLE else _WORDS - 1) :: _STEP]
        stamp_words = memoryview(self._controls).cast("B").cast("I")
        second = ctypes.sizeof(ctypes.c_size_t) // 4 + 2  # after struct cmsghdr: length, level, type
        low = 0 if _LITTLE else 1
        self._seconds = stamp_words[second + low :: _CONTROL // 4]
        self._fractions = stamp_words[second + 2 + low :: _CONTROL // 4]
        self._wide = self.stamped == SO_TIMESTAMPING_NEW or ctypes.sizeof(ctypes.c_long) == 8
        word = ctypes.sizeof(ctypes.c_size_t)
        head = word + 8
        stamps = -(-(head + (48 if self._wide else 24)) // word) * word if self.stamped else 0
        self._stamped_room, self._joined_room = stamps, stamps + -(-(head + 4) // word) * word
        self._sizes = stamp_words[(stamps + head) // 4 :: _CONTROL // 4]

    def _call(self) -> Batch:
        assert self._function is not None
        ctypes.memmove(self._messages, self._fresh, len(self._fresh))
        flags = socket.MSG_DONTWAIT | socket.MSG_TRUNC
        count = self._function(self._sock.fileno(), self._messages, self._most, flags, None)
        if count < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        lengths = self._lengths[:count].tolist()
        self._more = count == self._most
        if self.joined:
            return self._parted(count, lengths)
        return Batch(count, bytes(self._head_view[: count * self._stride]), self._stride, lengths, *self._times(count))

    def _parted(self, count: int, lengths: list[int]) -> Batch:
        """The datagrams of messages of which some may be several joined."""
        base, fractions = self._times(count)
        view, stride, room, whole = self._head_view, self._stride, self._room, self._joined_room
        heads: list[bytes | memoryview] = []
        parts: list[int] = []
        times: list[int] = []
        for place, (length, time, control) in enumerate(
            zip(lengths, fractions, self._rooms[:count].tolist(), strict=True)
        ):
            start, size = place * room, self._sizes[place] if control == whole else length
            if not 0 < size < length:
                heads.append(view[start : start + stride])
                parts.append(length)
                times.append(time)
                continue
            several, rest = divmod(length, size)
            if size >= stride:
                heads += _heads_of(several, size, stride).unpack_from(view, start)
            else:
                heads += [view[at : at + stride] for at in range(start, start + several * size, size)]
            if rest:
                heads.append(view[start + several * size : start + several * size + stride])
            parts += [size] * several + [rest] * (rest > 0)
            times += [time] * (several + (rest > 0))
        # The last head may reach over the end of all the room.
        joined = b"".join(heads).ljust(len(parts) * stride, b"\0")
        return Batch(len(parts), joined, stride, parts, base, times)

    def _give_up_batches(self) -> None:
        self._function = None
        if self.joined:
            self.joined = False
            self._sock.setsockopt(_SOL_UDP, _UDP_GRO, 0)

    def _times(self, count: int) -> tuple[int, list[int]]:
        """The base and the fractions of the arrivals."""
        now, shift = self._clock.now(), self._clock.shift()
        rooms = self._rooms[:count].tolist()
        if not self._wide or not self.stamped or min(rooms) < self._stamped_room:
            return now, [0] * count
        first, last = self._seconds[0], self._seconds[count - 1]
        fractions = self._fractions[:count].tolist()
        if first == last:
            base = first * _NS + shift
        else:
            base = shift
            fractions = [s * _NS + f for s, f in zip(self._seconds[:count].tolist(), fractions, strict=True)]
        if not self._floor <= base + fractions[0] <= base + fractions[-1] <= now:
            base, fractions = 0, self._mend([base + fraction for fraction in fractions], now)
        self._floor = base + fractions[-1]
        return base, fractions

    def _mend(self, times: list[int], now: int) -> list[int]:
        """Stamps that go back or lie in the future were taken before the system's clock was stepped."""
        floor, mended = self._floor, []
        for time in times:
            floor = max(floor, min(time, now) if time <= now + _SPREAD_NS else floor) or now
            mended.append(floor)
        return mended

    # --- one by one --------------------------------------------------------------------------------------------------

    def _one_by_one(self) -> Batch:
        heads = bytearray()
        lengths: list[int] = []
        room = bytearray(self._stride)
        while len(lengths) < MESSAGES:
            try:
                length = self._sock.recv_into(room, self._stride, socket.MSG_DONTWAIT | socket.MSG_TRUNC)
            except BlockingIOError:
                if not lengths:
                    raise
                break
            heads += room
            lengths.append(length)
        self._more = len(lengths) == MESSAGES
        return Batch(len(lengths), bytes(heads), self._stride, lengths, self._clock.now(), [0] * len(lengths))


_WORDS: Final = ctypes.sizeof(ctypes.c_size_t) // 4
_STEP: Final = ctypes.sizeof(_Mmsghdr) // 4


@lru_cache(maxsize=256)
def _heads_of(several: int, size: int, stride: int) -> struct.Struct:
    """The heads of datagrams that stand one after the other: one call for all costs a third of a slice for each."""
    return struct.Struct("=" + f"{stride}s{size - stride}x" * several)


@cache
def _recvmmsg() -> Any:
    function = getattr(ctypes.CDLL(None, use_errno=True), "recvmmsg", None)
    if function is not None:
        function.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
        function.restype = ctypes.c_int
    return function


def _grow(sock: socket.socket) -> int:
    """The largest receive buffer that we get, octets: SO_RCVBUFFORCE needs CAP_NET_ADMIN, SO_RCVBUF has the system's limit."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER // 2)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER // 2)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def _ask_for_joined(sock: socket.socket) -> bool:
    try:
        sock.setsockopt(_SOL_UDP, _UDP_GRO, 1)
    except OSError:
        return False
    return True


def _ask_for_stamps(sock: socket.socket) -> int:
    """Stamps of received datagrams only; which of the two options gave them, 0 for none."""
    for option in (SO_TIMESTAMPING_NEW, SO_TIMESTAMPING_OLD):
        try:
            sock.setsockopt(socket.SOL_SOCKET, option, _STAMP_ON_RECEIPT)
        except OSError:
            continue
        return option
    return 0
