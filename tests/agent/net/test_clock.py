"""The kernel's account of the wall clock."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.net.clock import STA_UNSYNC, TIME_ERROR, Timex, boot_id, judge, read_clock


def test_the_structure_has_the_size_that_the_c_library_uses() -> None:
    """adjtimex(2): 208 octets with 64-bit longs, 128 with the 32-bit longs of ARM."""
    assert ctypes.sizeof(Timex) == (208 if ctypes.sizeof(ctypes.c_long) == 8 else 128)


def test_the_fields_stand_where_a_32_bit_kernel_writes_them() -> None:
    narrow = {ctypes.c_long: ctypes.c_int32, ctypes.c_long * 2: ctypes.c_int32 * 2}

    class Timex32(ctypes.Structure):
        _fields_ = tuple((name, narrow.get(kind, kind)) for name, kind in Timex._fields_)  # type: ignore[misc]

    assert ctypes.sizeof(Timex32) == 128
    assert (Timex32.maxerror.offset, Timex32.status.offset, Timex32.tai.offset) == (12, 20, 80)


def test_reading_agrees_with_a_second_opinion() -> None:
    """The state that the call returns, into a nameless buffer, says the same as the structure."""
    state = int(
        subprocess.run(
            [sys.executable, "-c", "import ctypes; print(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)))"],
            capture_output=True, text=True, check=True, timeout=20,
        ).stdout
    )  # fmt: skip
    clock = read_clock()
    assert clock.synchronised == (state != TIME_ERROR)
    assert (clock.error_ms is not None) == clock.synchronised


@given(st.integers(-1, 5), st.integers(0, 0xFFFF), st.integers(-5, 20_000_000))
def test_an_error_bound_stands_only_where_the_clock_is_synchronised(state: int, status: int, maxerror: int) -> None:
    clock = judge(state, status, maxerror)
    assert clock.synchronised == (state in range(TIME_ERROR) and not status & STA_UNSYNC)
    if clock.synchronised:
        assert clock.error_ms == max(0, maxerror) / 1000
    else:
        assert clock.error_ms is None


@pytest.mark.parametrize("status", [0, 1, 0x2001])
def test_microseconds_become_milliseconds(status: int) -> None:
    assert judge(0, status, 1500).error_ms == 1.5


def test_the_boot_id_is_the_kernels() -> None:
    assert boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_without_proc_the_boot_id_holds_for_this_process(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    assert boot_id(missing) == boot_id(missing)
    assert boot_id(missing) != boot_id()
    assert len(boot_id(missing)) <= 40
