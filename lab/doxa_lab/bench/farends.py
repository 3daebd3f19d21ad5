"""Our far end in a namespace, with the roles that benchmarks need; each on a port that the system chose."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_MAIN: Final = "import sys; from doxa_core.command import main; sys.exit(main(sys.argv[1:]))"


@contextmanager
def far_ends(namespace: str, roles: tuple[str, ...] = ("http", "capacity")) -> Iterator[dict[str, int]]:
    """The port of each role."""
    running: list[subprocess.Popen[str]] = []
    ports: dict[str, int] = {}
    try:
        for role in roles:
            process = _start(namespace, role)
            running.append(process)
            assert process.stdout is not None
            ports[role] = int(json.loads(process.stdout.readline())["listening"][0]["port"])
        yield ports
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(10)
            if process.stdout is not None:
                process.stdout.close()


def _start(namespace: str, role: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _MAIN, "responder", role, "--json", "--port", "0"]
    return subprocess.Popen(["ip", "netns", "exec", namespace, *command], stdout=subprocess.PIPE, text=True)
