"""The octets that an upload sends: random ones, so that nothing on the way can make them smaller, given without a copy.

sendfile(2) from memory that has no name (memfd_create(2), Linux 3.17) hands the kernel pages that it only refers to.
Where that does not exist or is refused, and over TLS, the same octets are copied by send(2).
"""

import errno
import os
import socket
from contextlib import suppress
from typing import Final

BLOCK: Final = 256 * 1024
"""Octets before they come again: more than any compressor on a line looks back."""
_TIMES: Final = 2
"""How often the block stands in the file, so that a whole block can be sent from any place in the first."""


_REFUSED: Final = (errno.ENOSYS, errno.EINVAL, errno.EPERM)
"""What sendfile(2) fails with where the system does not have it, or a sandbox forbids it."""


class Source:
    """Random octets without end; `by_reference` False copies them, as whoever encrypts must."""

    def __init__(self, *, by_reference: bool = True) -> None:
        block = os.urandom(BLOCK)
        self._fd = _memory(block) if by_reference else None
        self._block = memoryview(block if self._fd is None else b"")

    @property
    def copies(self) -> bool:
        """Whether each send copies."""
        return self._fd is None

    def send(self, sock: socket.socket, at: int, left: int) -> int:
        """Give `sock` what follows `at` octets, at most `left`; how many it took. Raises as `socket.send` does.

        A copy always begins with the block: then every record of TLS is a full one.
        """
        at %= BLOCK
        if self._fd is not None:
            try:
                return os.sendfile(sock.fileno(), self._fd, at, min(left, _TIMES * BLOCK - at))
            except OSError as error:
                if error.errno not in _REFUSED:
                    raise
                self._copy_from_now_on(self._fd)
        return sock.send(self._block[:left])

    def _copy_from_now_on(self, fd: int) -> None:
        self._block = memoryview(os.pread(fd, BLOCK, 0))
        self.close()

    def close(self) -> None:
        """Give the memory back; what is under way keeps its pages."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _memory(block: bytes) -> int | None:
    """A file of the block in memory; None where this system has none."""
    with suppress(AttributeError, OSError):
        fd = os.memfd_create("doxa-upload")
        try:
            for _ in range(_TIMES):
                if os.write(fd, block) != BLOCK:
                    raise OSError
        except OSError:
            os.close(fd)
            raise
        return fd
    return None
