"""What wakes an epoll loop may be used by anybody at any time."""

import os
import select

import pytest

from doxa_agent.net.wake import Wake


def test_a_loop_is_roused_and_sleeps_again() -> None:
    wake = Wake()
    with select.epoll() as poller:
        poller.register(wake, select.EPOLLIN)
        assert poller.poll(0) == []
        wake.rouse()
        wake.rouse()
        assert poller.poll(0) == [(wake.fileno(), select.EPOLLIN)]
        wake.clear()
        assert poller.poll(0) == []
    wake.close()


def test_who_comes_after_the_end_touches_no_file_of_others() -> None:
    wake = Wake()
    before = wake.fileno()
    wake.close()
    wake.close()
    other = os.eventfd(0, os.EFD_NONBLOCK)
    try:
        assert other == before, "the kernel gives the lowest free descriptor"
        wake.rouse()
        with pytest.raises(BlockingIOError):
            os.eventfd_read(other)
    finally:
        os.close(other)
