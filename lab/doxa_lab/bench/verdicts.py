"""Verdicts of the threshold test on a line whose rate is known, and the 10 s test beside them.

`python -m doxa_lab.bench.verdicts --runs 200 [--upload]` prints the whole table; `run()` is its short form for the
list of all benchmarks. Half of the runs ask for 95 and half for 105 Mbit/s of a line that carries 100 at the IP layer.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import speed
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_lab.bench import Row
from doxa_lab.bench.speed import _far_ends
from doxa_lab.net.lab import Lab
from doxa_lab.net.line import Laid, Line
from doxa_lab.net.namespaces import entered

LINE_MBPS: Final = 100.0
TARGETS: Final = (95.0, 105.0)
_RTT_MS: Final = 20.0
_FEW: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One run: what was asked, what was said, what it cost, and what the 10 s test said (None: it was not run)."""

    target: float
    met: bool | None
    seconds: float
    megabytes: float
    long_met: bool | None

    @property
    def wrong(self) -> bool:
        """The opposite of the truth was said; saying nothing is not wrong."""
        return self.met is not None and self.met is not (self.target <= LINE_MBPS)


def run() -> list[Row]:
    """The rows of a few runs of the download."""
    return rows(list(outcomes(_FEW, "download", beside=False)))


def rows(found: list[Outcome]) -> list[Row]:
    """The bars of the issue."""
    wrong = sum(o.wrong for o in found) / len(found)
    undecided = sum(o.met is None for o in found)
    both = [o for o in found if o.long_met is not None]
    table = [
        Row(what=f"verdicts at {TARGETS} of {LINE_MBPS:g} Mbit/s, wrong", ours=f"{wrong:.3f}",
            peer=f"{len(found)} runs, {undecided} open", ratio=wrong, goal=0.01),
        Row(what="verdicts, median s", ours=f"{median(o.seconds for o in found):.2f}", peer="10 s",
            ratio=median(o.seconds for o in found), goal=4.0),
        Row(what="verdicts, median MB", ours=f"{median(o.megabytes for o in found):.1f}", peer="119 (10 s)",
            ratio=median(o.megabytes for o in found), goal=50.0),
    ]  # fmt: skip
    if both:
        other = sum(o.met is not o.long_met for o in both) / len(both)
        table.append(
            Row(what="verdicts, not that of the 10 s test", ours=f"{other:.3f}", peer=f"{len(both)} pairs",
                ratio=other, goal=0.02)
        )  # fmt: skip
    return table


def outcomes(runs: int, direction: str, *, beside: bool) -> Iterator[Outcome]:
    """`runs` verdicts, the targets in turn; `beside` also runs a 10 s test for every two, judged against both targets."""
    long: float | None = None
    with _line() as (laid, port):
        for n in range(runs):
            if beside and n % len(TARGETS) == 0:
                long = _long(laid, port, direction)
            target = TARGETS[n % len(TARGETS)]
            short = _measure(laid, port, speed.Options(directions=(direction,), target_mbps=target))
            flag = short.values.get(f"{direction}_target_met_flag")
            yield Outcome(
                target=target,
                met=None if flag is None else bool(flag),
                seconds=short.values.get(f"{direction}_duration_s", 0.0),
                megabytes=short.values.get(f"{direction}_bytes", 0.0) / 1e6,
                long_met=None if long is None else long >= target,
            )


@contextmanager
def _line() -> Iterator[tuple[Laid, int]]:
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), name="verdict") as lab:
        office = lab.office("o")
        laid = lab.lay("w1", office, Line.carrying(LINE_MBPS, LINE_MBPS, Layer.IP, rtt_ms=_RTT_MS))
        lab.start()
        with _far_ends(laid) as port:
            yield laid, port


def _long(laid: Laid, port: int, direction: str) -> float | None:
    """What the 10 s test says, Mbit/s at the IP layer."""
    options = speed.Options(directions=(direction,), early_stop=False, limit_s=10)
    return _measure(laid, port, options).values.get(f"{direction}_ip_mbps")


def _measure(laid: Laid, port: int, options: speed.Options) -> Reading:
    request = Request(
        link=Link(name="bench", kind=LinkKind.FIXED, interface=laid.interface),
        far_ends=(FarEnd(name="far", host=laid.far_v4, port=port),),
        options=options,
        deadline=Deadline(60),
    )
    with entered(laid.office):
        (reading,) = speed.measure(request)
    return reading


def main(argv: list[str]) -> int:
    """Print one line a run, then the table."""
    parser = argparse.ArgumentParser(prog="python -m doxa_lab.bench.verdicts")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--upload", action="store_true")
    parser.add_argument("--alone", action="store_true", help="leave out the 10 s tests")
    asked = parser.parse_args(argv)
    found = []
    for outcome in outcomes(asked.runs, "upload" if asked.upload else "download", beside=not asked.alone):
        found.append(outcome)
        print(outcome, flush=True)  # noqa: T201 - the command speaks to its user
    for row in rows(found):
        print(f"{row.what}: {row.ours} ({row.peer}), goal <= {row.goal:g}: {'ok' if row.met else 'MISSED'}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
