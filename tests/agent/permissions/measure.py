"""Runs meters and checks with the rights that this process has: `measure.py TASKS.json`; prints their results as JSON.

A task is `{"meter": …, "interface": …, "far_ends": [{…}], "family": …, "options": {…}}`; all run at once.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from doxa_agent import meters
from doxa_agent.checklist._rights import rights
from doxa_agent.meter import Deadline, FarEnd, Link, Request
from doxa_core.linkkind import LinkKind
from doxa_core.strict import Table


def run(task: dict[str, Any]) -> dict[str, Any]:
    """One run of a meter."""
    meter = meters.load(task["meter"])
    table = Table(task.get("options", {}), task["plan"], "task.t.options.")
    options = meter.read_options(table)
    table.close()
    ends = tuple(_far_end(**end) for end in task["far_ends"])
    link = Link(name="internet", kind=LinkKind.FIXED, interface=task["interface"])
    (found,) = meter.measure(
        Request(link=link, far_ends=ends, options=options, deadline=Deadline(100), family=task.get("family"))
    )
    return {
        "outcome": found.outcome.value, "reasons": found.reasons, "findings": found.findings,
        "values": dict(found.values), "detail": found.detail,
    }  # fmt: skip


def _far_end(*, ca_file: str | None = None, **found: Any) -> FarEnd:
    return FarEnd(ca_file=Path(ca_file) if ca_file else None, **found)


def main(argv: list[str]) -> int:
    """All tasks; the result of each under its name."""
    tasks = json.loads(Path(argv[0]).read_text())
    with ThreadPoolExecutor(len(tasks)) as pool:
        found = dict(zip(tasks, pool.map(run, tasks.values()), strict=True))
    may = rights()
    print(json.dumps(found | {"check": {"way": may.way, "raw": may.raw}}, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
