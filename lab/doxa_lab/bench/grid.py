"""Errors of `speed` and `capacity` against the truth, on a grid: rate × round trip × loss × shaper or policer × headers × burst credit.

`python -m doxa_lab.bench.grid [--full] [--method speed|capacity] [--repeat N] [--json FILE]`; without `--full` a sample of
the grid that takes some minutes. Each cell is a line of its own; its truth is what the shaper lets through at the IP
layer (doxa_lab.truth), which no method knows.

What is judged is a figure that the method called stable. Where TCP cannot fill a line (a long round trip with loss) the
right answer of `speed` is "not stable": such a run is counted apart, and a stable figure below the line is called false.
A line with burst credit is asked by the daily long run of `speed`: what it sustains is the truth, and a run that does not
name the credit counts as false.
"""

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any, Final

from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import capacity, speed
from doxa_agent.speed import options as speed_options
from doxa_core.layers import ETHERNET_HEADER, PPPOE_HEADER, VLAN_TAG
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome
from doxa_core.strict import Table
from doxa_lab.bench import Row
from doxa_lab.bench.farends import far_ends
from doxa_lab.net.lab import Lab
from doxa_lab.net.line import Laid, Line
from doxa_lab.net.namespaces import entered
from doxa_lab.truth import MTU

METHODS: Final[dict[str, ModuleType]] = {"speed": speed, "capacity": capacity}
DIRECTIONS: Final = ("download", "upload")
FALSE_STABLE: Final = 0.02
"""A stable figure so far below the line is a false one."""
RELAYED_MBPS: Final = 200
"""Delay and loss are added by a relay of ours, which carries TCP's large segments at any rate but hardly more than 20,000
datagrams a second: beyond it `capacity` would measure the relay. Its rate of 1000 Mbit/s stands in bench.capacity."""
GOALS: Final = {"speed": (0.1, 0.5), "capacity": (0.1, 0.5)}
"""Median and worst error in percent (throughput.md §7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One line of the grid."""

    mbps: int
    """What its shaper lets through at the IP layer, with full packets."""
    rtt_ms: float
    loss: float = 0.0
    policed: bool = False
    family: int = 4
    headers: str = "ethernet"
    """What the shaper counts around each IP packet: `ethernet`, `vlan`, `pppoe` (with an MTU of 1492)."""
    credit_s: float = 0.0
    """So long a full bucket lets twice the rate through."""

    @property
    def overhead(self) -> int:
        """Octets beyond an Ethernet header."""
        return {"ethernet": 0, "vlan": VLAN_TAG, "pppoe": VLAN_TAG + PPPOE_HEADER}[self.headers]

    @property
    def mtu(self) -> int:
        """The largest IP packet."""
        return MTU - PPPOE_HEADER if self.headers == "pppoe" else MTU

    @property
    def line(self) -> Line:
        """The line to lay."""
        bps = round(self.mbps * 1e6 * (self.mtu + ETHERNET_HEADER + self.overhead) / self.mtu / 8) * 8
        return Line(
            down_bps=bps, up_bps=bps, rtt_ms=self.rtt_ms, loss=self.loss, policed=self.policed,
            overhead=self.overhead, mtu=self.mtu, credit_octets=round(bps / 8 * self.credit_s),
        )  # fmt: skip

    def truth(self, packet: float) -> float:
        """What passes at the IP layer, in Mbit/s, when each packet has `packet` octets: the shaper counts more for small ones."""
        around = ETHERNET_HEADER + self.overhead
        return self.mbps * (self.mtu + around) / self.mtu * packet / (packet + around)

    @property
    def name(self) -> str:
        """In one line."""
        kind = "policer" if self.policed else "shaper"
        credit = f" credit {self.credit_s:g} s" if self.credit_s else ""
        return (
            f"{self.mbps} Mbit/s {self.rtt_ms:g} ms {self.loss * 100:g} % {kind} v{self.family} {self.headers}{credit}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one method said of one direction of a cell."""

    cell: Cell
    method: str
    direction: str
    outcome: str
    stable: bool
    error: float | None
    """Of the figure at the IP layer, as a share of the truth; None without a figure."""
    seconds: float | None
    octets: float | None
    findings: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def false_stable(self) -> bool:
        """A figure that was called stable, well below the line (or above what it sustains), with nothing said against it."""
        if not self.stable or self.outcome != Outcome.OK or self.error is None:
            return False
        if self.cell.credit_s and "burst_credit" not in self.findings:
            return True
        return self.error < -FALSE_STABLE


def cells(*, full: bool) -> list[Cell]:
    """The whole grid that a laboratory can lay, or a sample of it."""
    plain = [
        Cell(mbps=mbps, rtt_ms=rtt, loss=loss, policed=policed, family=family)
        for mbps, rtt, loss, policed, family in product(
            (20, 50, 100, 300, 940), (2, 20, 80), (0.0, 0.001, 0.01), (False, True), (4, 6)
        )
    ]
    headers = [
        Cell(mbps=mbps, rtt_ms=20, family=family, headers=name)
        for mbps, family, name in product((50, 100, 300), (4, 6), ("vlan", "pppoe"))
    ]
    sustained = [
        Cell(mbps=mbps, rtt_ms=20, family=family, credit_s=10) for mbps, family in ((20, 4), (50, 6), (100, 4))
    ]
    possible = [cell for cell in plain + headers if not cell.line.too_fast]
    if full:
        return possible + sustained
    return sorted(random.Random(3).sample(possible, 16), key=lambda cell: cell.name)


@contextmanager
def laid(cell: Cell) -> Iterator[Laid]:
    """The line of a cell, in service."""
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), name="grid") as lab:
        office = lab.office("o")
        found = lab.lay("w1", office, cell.line)
        lab.start()
        yield found


def try_cell(cell: Cell, methods: Sequence[str], repeat: int) -> list[Found]:
    """Every method on one line, so often."""
    with laid(cell) as line, far_ends(line.far) as ports:
        return [
            found for _ in range(repeat) for method in methods if _possible(cell, method)
            for found in _judge(cell, method, _measure(cell, method, line, ports))
        ]  # fmt: skip


def _possible(cell: Cell, method: str) -> bool:
    """Only the long run of `speed` outlasts a burst credit."""
    return method == "speed" or (cell.mbps <= RELAYED_MBPS and not cell.credit_s)


def _measure(cell: Cell, method: str, line: Laid, ports: dict[str, int]) -> Reading:
    module = METHODS[method]
    far_end = FarEnd(
        name="far",
        host=line.far_v4 if cell.family == 4 else line.far_v6,
        port=ports["http"],
        capacity_port=ports["capacity"],
    )
    options = module.read_options(Table({"form": speed_options.LONG} if cell.credit_s else {}, "grid", ""))
    request: Request[Any] = Request(
        link=Link(name="grid", kind=LinkKind.FIXED, interface=line.interface),
        far_ends=(far_end,),
        options=options,
        deadline=Deadline(module.seconds(options, 1)),
        family=cell.family,
    )
    with entered(line.office):
        (reading,) = module.measure(request)
    return reading  # type: ignore[no-any-return]


def _judge(cell: Cell, method: str, reading: Reading) -> list[Found]:
    return [_one(cell, method, reading, direction) for direction in DIRECTIONS]


def _one(cell: Cell, method: str, reading: Reading, direction: str) -> Found:
    values = reading.values
    rate = values.get(f"{direction}_ip_mbps")
    packet = cell.mtu if method == "speed" else _mean_packet(cell, reading, direction)
    return Found(
        cell=cell, method=method, direction=direction, outcome=str(reading.outcome), stable=rate is not None,
        error=None if rate is None else rate / cell.truth(packet) - 1,
        seconds=values.get(f"{direction}_duration_s"), octets=values.get(f"{direction}_bytes"),
        findings=reading.findings, reasons=reading.reasons,
    )  # fmt: skip


def _mean_packet(cell: Cell, reading: Reading, direction: str) -> float:
    """Octets of the IP packets that came: the sending rates mix full datagrams with shorter ones."""
    datagrams = reading.detail.get(direction, {}).get("received_datagrams")
    octets = reading.values.get(f"{direction}_bytes")
    if not datagrams or octets is None:
        return float(reading.detail.get("ip_packet_bytes", 1250))
    return float(octets / datagrams) + (48 if cell.family == 6 else 28)


def summary(found: Iterable[Found]) -> list[Row]:
    """Median and worst error of each method's stable figures, and how many were false."""
    rows: list[Row] = []
    every = list(found)
    for method, (middle, worst) in GOALS.items():
        ours = [f for f in every if f.method == method]
        stable = [f for f in ours if f.error is not None and f.outcome == Outcome.OK]
        if not stable:
            continue
        errors = [abs(f.error or 0.0) * 100 for f in stable]
        false = sum(f.false_stable for f in stable)
        of = f"{len(stable)} of {len(ours)} stable"
        rows += [
            Row(what=f"{method} on the grid, median error %", ours=f"{median(errors):.3f}", peer=of,
                ratio=median(errors), goal=middle),
            Row(what=f"{method} on the grid, worst error %", ours=f"{max(errors):.3f}", peer=of,
                ratio=max(errors), goal=worst),
            Row(what=f"{method} on the grid, false 'stable'", ours=str(false), peer=of, ratio=false, goal=0),
        ]  # fmt: skip
    return rows


def run() -> list[Row]:
    """The sample, each method once."""
    return summary(found for cell in cells(full=False) for found in _told(try_cell(cell, tuple(METHODS), 1)))


def _told(found: list[Found]) -> list[Found]:
    for one in found:
        error = "–" if one.error is None else f"{one.error * 100:+.3f} %"
        words = ",".join((*one.reasons, *one.findings))
        line = f"{one.cell.name:48} {one.method:9} {one.direction:8} {one.outcome:14} {error:>10} {one.seconds or 0:6.2f} s"
        print(line, words, file=sys.stderr, flush=True)  # noqa: T201 - progress of a long run
    return found


def main(argv: list[str]) -> int:
    """The grid from the command line."""
    parser = argparse.ArgumentParser(prog="python -m doxa_lab.bench.grid", description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--method", action="append", choices=sorted(METHODS))
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--only", default="", help="cells whose name contains this text")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(argv)
    found: list[Found] = []
    for cell in cells(full=asked.full):
        if asked.only in cell.name:
            found += _told(try_cell(cell, asked.method or tuple(METHODS), asked.repeat))
    if asked.json:
        asked.json.write_text(json.dumps([asdict(one) for one in found], indent=1))
    for row in summary(found):
        print(f"{row.what:40} {row.ours:>8}  {row.peer}  {'ok' if row.met else 'MISSED'}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
