"""`python -m doxa_lab.bench [--strict] [NAME …]`: runs every benchmark of this folder (or the named ones), prints a table."""

import importlib
import pkgutil
import sys

from doxa_core.errors import DoxaError
from doxa_lab import bench
from doxa_lab.bench import Row


def main(names: list[str]) -> int:
    """Print the table. A missed goal is a report, not a failure, unless `--strict` asks for exit code 1."""
    strict = "--strict" in names
    names = [name for name in names if name != "--strict"]
    found = sorted(m.name for m in pkgutil.iter_modules(bench.__path__) if not m.name.startswith("_"))
    rows: list[Row] = []
    for name in names or found:
        try:
            rows += importlib.import_module(f"{bench.__name__}.{name}").run()
        except DoxaError as error:
            print(f"{name}: {error}", file=sys.stderr)  # noqa: T201 - the command speaks to its user
            return error.exit_code
    _show(rows)
    return 1 if strict and not all(row.met for row in rows) else 0


def _show(rows: list[Row]) -> None:
    table = [("", "doxa", "peer", "ratio", "goal", "")]
    table += [(r.what, r.ours, r.peer, f"{r.ratio:.3f}", f"<= {r.goal:g}", "ok" if r.met else "MISSED") for r in rows]
    widths = [max(len(line[n]) for line in table) for n in range(len(table[0]))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
