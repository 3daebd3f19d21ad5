"""Runs a command with exactly what a unit of systemd grants: `confined.py ORDER.json`, inside the namespace, as root.

The order names the account, the capabilities, the address families, the system calls and the command. The filter is that of
tests/deploy/unitrun.py; the rest is setpriv(1). A plain account gets through folders that only root may pass (a checkout or an
interpreter below /root) by an overlay that this process alone sees.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

UNITRUN = Path(__file__).resolve().parents[2] / "deploy" / "unitrun.py"


def unitrun() -> ModuleType:
    """The module that reads units and makes their filters."""
    spec = importlib.util.spec_from_file_location("unitrun", UNITRUN)
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def let_through(paths: list[str], folder: str) -> None:
    """Make every folder on the way to `paths` one that anybody may pass, in this mount namespace only."""
    closed = {
        parent
        for path in paths
        for parent in (*Path(path).parents, *Path(path).resolve().parents)
        if not parent.stat().st_mode & 0o001
    }
    covered: list[Path] = []
    for number, place in enumerate(sorted(closed)):  # the outer ones first: they cover what lies in them
        if not any(place.is_relative_to(outer) for outer in covered):
            upper, work = Path(folder) / f"u{number}", Path(folder) / f"w{number}"
            upper.mkdir()
            work.mkdir()
            layers = f"lowerdir={place},upperdir={upper},workdir={work}"
            subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, str(place)], check=True)
            covered.append(place)
        place.chmod(0o711)


def become(order: dict[str, Any], file: str) -> None:
    """The account with its capabilities; then this program again, for the filter."""
    scratch = "/run/confined"
    Path(scratch).mkdir(exist_ok=True)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", scratch], check=True)
    let_through(order["paths"], scratch)
    account = str(order["account"])
    rights = ",".join(["-all", *(f"+{name}" for name in order["capabilities"])])
    words = [
        "setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups", f"--bounding-set={rights}",
        f"--inh-caps={rights}", f"--ambient-caps={rights}", "--securebits=+noroot,+noroot_locked", "--no-new-privs",
    ]  # fmt: skip
    os.execvp(words[0], [*words, sys.executable, __file__, file, "filtered"])


def main(argv: list[str]) -> None:
    """First as root, then as the account."""
    order = json.loads(Path(argv[0]).read_text())
    if len(argv) == 1:
        become(order, argv[0])
    unitrun().install_filter({"RestrictAddressFamilies": [order["families"]]}, set(order["calls"]))
    os.execv(order["command"][0], order["command"])


if __name__ == "__main__":
    main(sys.argv[1:])
