"""Wakes an epoll loop from another thread or from a signal handler, also when the loop has just ended."""

import os
import threading


class Wake:
    """An eventfd(2) for an epoll set; `rouse()` after `close()` does nothing instead of writing into another's file."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        # Re-entrant: a signal handler runs in the thread that may hold it.
        self._lock = threading.RLock()

    def fileno(self) -> int:
        """For epoll; −1 after `close()`."""
        return self._fd

    def rouse(self) -> None:
        """Let the loop look at once."""
        with self._lock:
            if self._fd >= 0:
                os.eventfd_write(self._fd, 1)

    def clear(self) -> None:
        """Back to sleep; `BlockingIOError` where nobody had roused."""
        os.eventfd_read(self._fd)

    def close(self) -> None:
        """There is no loop any more."""
        with self._lock:
            closed, self._fd = self._fd, -1
            if closed >= 0:
                os.close(closed)
