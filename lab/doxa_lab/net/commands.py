"""Running `ip` and `tc` in batches, with their own words when they refuse."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_lab.net.namespaces import entered

_DEADLINE_S: Final = 60.0

REFUSED = Text(vi="lệnh «{command}» không chạy được: {error}", en="the command '{command}' failed: {error}")


def run(command: Sequence[str], *, given: str = "") -> str:
    """Run a program, give it `given`, return its output; `OperationError` with its words when it fails."""
    shown = " ".join(command)
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OperationError(REFUSED.fill(command=shown, error=error)) from None
    if done.returncode != 0:
        raise OperationError(REFUSED.fill(command=shown, error=done.stderr.strip() or done.returncode))
    return done.stdout


def ip(lines: Sequence[str], namespace: str | None = None, *, family: int | None = None) -> None:
    """One `ip -batch` of `lines`, inside `namespace` where one is named; `family` where a line does not show it."""
    inside = () if namespace is None else ("-netns", namespace)
    of_family = () if family is None else (f"-{family}",)
    run(["ip", *of_family, *inside, "-batch", "-"], given="\n".join(lines) + "\n")


def tc(lines: Sequence[str], namespace: str) -> None:
    """One `tc -batch` of `lines` inside `namespace`."""
    run(["tc", "-netns", namespace, "-batch", "-"], given="\n".join(lines) + "\n")


def set_sysctls(namespace: str, settings: dict[str, str]) -> None:
    """Write `net.*` settings of a namespace (names with slashes: `ipv4/ip_forward`); absent ones are left out."""
    with entered(namespace):
        for name, value in settings.items():
            file = Path("/proc/sys/net") / name
            if file.exists():
                file.write_text(value)
