"""What a killed laboratory left is cleared away by the next one, and nothing of a living one; needs root."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from doxa_lab.net.lab import clear_stale, is_stale, own_mark
from doxa_lab.net.namespaces import FOLDER

MAKER = """
import sys, time
from pathlib import Path
from doxa_lab.net.lab import Lab
from doxa_lab.net.line import Line
with Lab(Path(sys.argv[1]), "killed") as lab:
    laid = lab.lay("line", lab.office("office"), Line.carrying(50, 50))
    lab.start()
    print(laid.office, lab.relay(laid).pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.root
def test_a_killed_laboratory_is_cleared_by_the_next_and_its_processes_are_gone(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(MAKER), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        office, pid = maker.stdout.readline().split()
        assert office not in clear_stale()  # it lives
        assert (FOLDER / office).exists()
        relay = psutil.Process(int(pid))
        maker.send_signal(signal.SIGKILL)
    psutil.wait_procs([relay], timeout=20)
    assert not relay.is_running() or relay.status() == psutil.STATUS_ZOMBIE
    clear_stale()  # or another laboratory's start was faster
    assert not (FOLDER / office).exists()


def test_our_own_mark_is_not_stale() -> None:
    assert not is_stale(own_mark())


def test_a_mark_of_a_process_that_had_our_number_before_us_is_stale() -> None:
    pid, _, born = own_mark().partition(".")
    assert is_stale(f"{pid}.{int(born, 16) - 1:x}")


@pytest.mark.parametrize("name", ["", "x", "eth0", "12.", ".", "zz.zz"])
def test_a_name_that_is_no_mark_is_left_alone(name: str) -> None:
    assert not is_stale(name)
