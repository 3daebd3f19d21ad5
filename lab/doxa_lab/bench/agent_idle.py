"""What an idle probe costs: resident memory and CPU of `doxa agent run` that pings ten far ends once a second.

    python -m doxa_lab.bench.agent_idle [--seconds 60] [--json]

The agent is a process of its own, connected to a real mosquitto; the far ends are 127.0.0.1 … 127.0.0.10. CPU is counted
while it pings (utime + stime of /proc/PID/stat), from the first second of one run to its last.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from doxa_core.language import Text, number
from doxa_lab.bench import Row
from doxa_lab.servers import Mosquitto

FAR_ENDS: Final = 10
LEAD_S: Final = 4.0
"""From the start of the process to the first request."""
GOAL_MIB: Final = 35.0
GOAL_RATIO: Final = 0.01
_DOXA: Final = "import sys; from doxa_core.command import main; sys.exit(main())"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0 where both goals are met."""
    parser = argparse.ArgumentParser(prog="doxa_lab.bench.agent_idle", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    found = measure(args.seconds)
    sys.stdout.write((json.dumps(found) if args.json else _spoken(found)) + "\n")
    return int(found["rss_mib"] > GOAL_MIB or found["cpu_ratio"] > GOAL_RATIO)


def run() -> list[Row]:
    """The two goals as rows of the bench: the share of each that is used up."""
    found = measure(30.0)
    memory, cpu = found["rss_mib"], found["cpu_ratio"]
    what = f"idle agent, {FAR_ENDS} far ends a second"
    return [
        Row(what=f"{what}: memory", ours=f"{memory} MiB", peer=f"{GOAL_MIB:.0f} MiB", ratio=memory / GOAL_MIB, goal=1),
        Row(what=f"{what}: CPU", ours=f"{cpu:.2%}", peer=f"{GOAL_RATIO:.0%}", ratio=cpu / GOAL_RATIO, goal=1),
    ]


def measure(seconds: float) -> dict[str, float]:
    """Run an agent for so long: its memory at the end and at most, its share of one core, its threads, pings sent."""
    with tempfile.TemporaryDirectory(prefix="doxa-idle-") as name, Mosquitto(Path(name) / "mosquitto") as broker:
        folder = Path(name)
        _write(folder, broker.port, seconds)
        with _agent(folder) as pid:
            time.sleep(LEAD_S + 2)
            before, began = _cpu_s(pid), time.monotonic()
            time.sleep(seconds)
            ratio = (_cpu_s(pid) - before) / (time.monotonic() - began)
            memory = _memory_kib(pid)
    return {
        "far_ends": FAR_ENDS,
        "seconds": seconds,
        "rss_mib": round(memory["VmRSS"] / 1024, 1),
        "rss_peak_mib": round(memory["VmHWM"] / 1024, 1),
        "rss_anonymous_mib": round(memory["RssAnon"] / 1024, 1),
        "threads": memory["Threads"],
        "cpu_ratio": round(ratio, 5),
    }


def _write(folder: Path, port: int, seconds: float) -> None:
    every = seconds + 60
    phase = (time.time() + LEAD_S) % every
    names = [f"h{n}" for n in range(1, FAR_ENDS + 1)]
    agent = ['site = "idle"', 'agent = "idle-1"', "[broker]", f"port = {port}", "[spool]", 'path = "spool.db"']
    agent += ["[link.internet]", 'kind = "fixed"', 'interface = "lo"']
    plan = [line for n, name in enumerate(names, 1) for line in (f"[far-end.{name}]", f'host = "127.0.0.{n}"')]
    plan += ["[task.rtt]", 'meter = "latency"', 'link = "internet"', f"every_s = {every}", f"phase_s = {phase:.3f}"]
    plan += [
        f"far_ends = {json.dumps(names)}",
        "[task.rtt.options]",
        f"duration_s = {seconds + 10}",
        "interval_s = 1.0",
    ]
    (folder / "agent.toml").write_text("\n".join(agent) + "\n")
    (folder / "plan.toml").write_text("\n".join(plan) + "\n")


@contextmanager
def _agent(folder: Path) -> Iterator[int]:
    command = [sys.executable, "-c", _DOXA, "agent", "run", "--config", str(folder / "agent.toml")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as child:
        try:
            yield child.pid
        finally:
            child.terminate()


def _cpu_s(pid: int) -> float:
    """User and system time of all its threads, also those that have ended (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_kib(pid: int) -> Mapping[str, int]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    pairs = (line.split(":") for line in lines)
    return {name: int(value.split()[0]) for name, value in pairs if name in ("VmRSS", "VmHWM", "RssAnon", "Threads")}


def _spoken(found: Mapping[str, float]) -> str:
    parts = {
        "rss": Text(*(number(found["rss_mib"], 1, lang) for lang in ("vi", "en"))),
        "peak": Text(*(number(found["rss_peak_mib"], 1, lang) for lang in ("vi", "en"))),
        "cpu": Text(*(number(100 * found["cpu_ratio"], 2, lang) for lang in ("vi", "en"))),
    }
    return str(
        SPOKEN.fill(far_ends=int(found["far_ends"]), goal=f"{GOAL_MIB:.0f}", share=f"{100 * GOAL_RATIO:.0f}", **parts)
    )


SPOKEN = Text(
    vi="agent nhàn rỗi, {far_ends} đầu xa mỗi giây: bộ nhớ {rss} MiB (cao nhất {peak}; mục tiêu ≤ {goal}), "
    "CPU {cpu} % một lõi (mục tiêu < {share} %)",
    en="idle agent, {far_ends} far ends a second: {rss} MiB resident (peak {peak}; goal ≤ {goal}), "
    "CPU {cpu} % of a core (goal < {share} %)",
)

if __name__ == "__main__":
    sys.exit(main())
