"""Becomes another program that dies with its parent: `python -I -S launch.py PARENT FD COMMAND…`.

Stands on its own (it is run as a file, before any of our packages can be imported). FD is a listening socket that the
program gets as file descriptor 3 in the way of systemd's socket activation, or -1.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
LISTEN_FDS_START = 3


def main(argv: list[str]) -> None:
    """Replace this process; the exit code is 127 where the program cannot be run."""
    parent, listening, command = int(argv[0]), int(argv[1]), argv[2:]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked to be told
        os._exit(1)
    if listening >= 0:
        os.dup2(listening, LISTEN_FDS_START)
        os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell on purpose
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        os._exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])
