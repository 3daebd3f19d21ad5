"""A year of the whole country judged, and its report written: 3,321 communes × 2 lines × 12 months, 12 tests a day.

`python -m doxa_lab.bench.national [--ledger FILE] [--communes N] [--months N]` makes a ledger of rollups (kept in the
folder of temporary files for the next run), judges every month by the national plans and writes the report as PDF and
XLSX. 29 million measurements are not made one by one: each line's month is a pack of `doxa_collector.rollups`, written by
its own functions with the ten series that a speed test has.

`--polled N`: so many of the TSLCD lines are polled every five minutes (100 by default). A country's polls are 13 GB, so the
benchmark polls a part of the lines and reckons the rest: seconds a line and month, times the lines that are left.
"""

import argparse
import os
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Final

from sqlalchemy import Engine, insert, select

from doxa_collector.assess.evidence import Evidence
from doxa_collector.assess.inputs import read_inputs
from doxa_collector.assess.rules import Ruler
from doxa_collector.assess.settings import Settings
from doxa_collector.ledger import schema
from doxa_collector.ledger.engine import open_ledger, reading, writing
from doxa_collector.papers.forms import Look
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.period import month_of
from doxa_collector.places.gazetteer import load
from doxa_collector.places.model import Level
from doxa_collector.plans import load_plans
from doxa_collector.plans.model import COUNTRY, PlaceLevel, PlanPlace
from doxa_collector.report.national import NATIONAL, national_of
from doxa_collector.report.national_verb import rendered
from doxa_collector.report.span import asked_span
from doxa_collector.rollups.kept import Kept
from doxa_collector.rollups.model import Trace
from doxa_collector.rollups.pack import EPOCH, Key, Pack
from doxa_collector.rollups.polls import DIRECTIONS, RATES, Poll, PollDay
from doxa_collector.rollups.polls import METER as POLLS
from doxa_collector.rollups.series import LAYOUT, SERIES
from doxa_core.layers import Layer
from doxa_core.moments import microseconds
from doxa_lab.bench import Row

YEAR: Final = 2026
GOAL_S: Final = 60.0
_PER_DAY: Final = 12
_DAY: Final = date(YEAR, 12, 31)
_POOL: Final = 64
"""Courses of noise that lines share: what a month of a line looks like beside its own rate."""
_KINDS: Final = ("fixed", "tslcd")
_SHARES: Final = {"payload": 0.9418, "ip": 0.9753, "frame": 0.987, "wire": 1.0}
_LAYERS: Final = {Layer.IP: 0.987, Layer.FRAME: 1.0, Layer.WIRE: 1.013}
_POLLED: Final = 100
_MOMENT: Final = datetime(YEAR + 1, 1, 2, 5, 0, tzinfo=UTC)
"""When it is judged: the year is over, no month is closed."""


def run() -> list[Row]:
    """The whole country; the ledger is made where it is not there yet."""
    ledger = _ledger(None, communes=None, months=12, polled=_POLLED)
    seconds = measured(ledger, months=12)
    whole = seconds + rest(ledger, months=12, polled=_POLLED)
    what = "national report of a year, s"
    return [
        Row(what=what, ours=f"{seconds:.1f}", peer=f"{GOAL_S:g}", ratio=seconds, goal=GOAL_S),
        Row(
            what=f"{what}, all lines polled (reckoned)",
            ours=f"{whole:.1f}",
            peer=f"{GOAL_S:g}",
            ratio=whole,
            goal=GOAL_S,
        ),
    ]


def rest(ledger: Path, *, months: int, polled: int) -> float:
    """An extrapolation: what the lines without polls would take if they had some, on all processors."""
    if not polled:
        return 0.0
    each = by_line(ledger, months=months)
    with reading(open_ledger(ledger, create=False)) as conn:
        lines = len(conn.execute(select(schema.link.c.site).where(schema.link.c.kind == "tslcd")).all())
    workers = min(months, os.cpu_count() or 1)
    print(f"{each * 1e3:.2f} ms a polled line and month, {polled} of {lines} lines polled", flush=True)  # noqa: T201
    return each * max(0, lines - polled) * months / workers


def by_line(ledger: Path, *, months: int) -> float:
    """Seconds of the p95 rule for a polled line and month, in one process."""
    plan = next(plan for plan in load_plans(NATIONAL) if plan.id == "tt06-2026")
    rule = plan.targets[0].condition
    lines, begun, asleep = 0, time.perf_counter(), 0.0
    engine = open_ledger(ledger, create=False)
    with reading(engine) as conn:
        kept = Kept(conn)
        for number in range(1, months + 1):
            before = time.perf_counter()
            period = month_of(date(YEAR, number, 1))
            inputs = read_inputs(conn, period, None)
            evidence = Evidence(conn, period, period.last, inputs, kept.position, kept)
            offices = evidence.offices(PlanPlace(code=COUNTRY, name="", level=PlaceLevel.COUNTRY, province=COUNTRY))
            asleep += time.perf_counter() - before
            if rule is not None and rule.rule is not None:
                lines += len(list(Ruler(evidence, offices, rule.rule, microseconds(_MOMENT)).stood_on()))
    engine.dispose()
    return (time.perf_counter() - begun - asleep) / max(1, lines)


def measured(ledger: Path, *, months: int, jobs: int | None = None, out: Path | None = None) -> float:
    """Seconds from the ledger to the bytes of the report."""
    begun = time.perf_counter()
    span = asked_span(str(YEAR) if months == 12 else f"{YEAR}-{months:02d}", microseconds(_MOMENT))
    national = national_of(ledger, load_plans(NATIONAL), span, Settings(), microseconds(_MOMENT), jobs=jobs)
    judged = time.perf_counter()
    found = rendered(national, ("pdf", "xlsx"), PaperSettings(), Look())
    ended = time.perf_counter()
    print(f"judged {judged - begun:.1f} s, written {ended - judged:.1f} s", flush=True)  # noqa: T201
    for form, content in found.items():
        if out is not None:
            (out / f"national.{form}").write_bytes(content)
    return ended - begun


# --- the ledger


def _ledger(file: Path | None, *, communes: int | None, months: int, polled: int) -> Path:
    size = "all" if communes is None else str(communes)
    path = file or Path(tempfile.gettempdir()) / f"doxa-bench-national-{LAYOUT}-{size}-{months}-{polled}.db"
    if not path.exists():
        make(path, communes=communes, months=months, polled=polled)
    return path


def make(path: Path, *, communes: int | None, months: int, polled: int = 0) -> None:
    """The registry of a country, a pack for each line and month, and a day of polls for each day of so many lines."""
    waiting = path.with_suffix(".making")
    waiting.unlink(missing_ok=True)
    engine = open_ledger(waiting)
    try:
        sites = _register(engine, communes)
        random = Random(912)
        courses = [_course(random) for _ in range(_POOL)]
        for month in range(1, months + 1):
            rows = _packs(sites, f"{YEAR}-{month:02d}", courses)
            while piece := [row for _, row in zip(range(500), rows, strict=False)]:
                with writing(engine) as conn:
                    conn.execute(insert(schema.rollup_pack), piece)
        days = _polled(sites[:: max(1, len(sites) // polled)][:polled] if polled else [], months)
        while piece := [row for _, row in zip(range(2000), days, strict=False)]:
            with writing(engine) as conn:
                conn.execute(insert(schema.rollup_pack), piece)
        with writing(engine) as conn:
            conn.execute(insert(schema.rollup_cursor).values(layout=LAYOUT, position=1, rebuilt=0))
    finally:
        engine.dispose()
    waiting.rename(path)


def _register(engine: Engine, communes: int | None) -> list[tuple[str, int]]:
    """Provinces, communes, an office with two lines and a probe each; how fast each office is, as a number of 0 … 99."""
    gazetteer = load()
    provinces = list(gazetteer.units(Level.PROVINCE, _DAY))
    units = list(gazetteer.units(Level.COMMUNE, _DAY))[:communes]
    sites = [(f"x{unit.code}", int(sha256(unit.code.encode()).hexdigest(), 16) % 100) for unit in units]
    with writing(engine) as conn:
        conn.execute(
            insert(schema.place),
            [
                {
                    "code": u.code,
                    "valid_from": "1970-01-01",
                    "name": u.name,
                    "level": u.level.value,
                    "province": u.province,
                }
                for u in (*provinces, *units)
            ],
        )
        conn.execute(
            insert(schema.site),
            [{"site": f"x{unit.code}", "name": f"UBND {unit.name}", "place_code": unit.code} for unit in units],
        )
        conn.execute(insert(schema.probe), [{"agent": f"pi-{site}", "site": site} for site, _ in sites])
        conn.execute(
            insert(schema.link),
            [
                {
                    "site": site,
                    "link": kind,
                    "valid_from": "1970-01-01",
                    "kind": kind,
                    "contracted_down_mbps": 100.0,
                    "contracted_up_mbps": 100.0 if kind == "tslcd" else None,
                }
                for site, _ in sites
                for kind in _KINDS
            ],
        )
        conn.execute(insert(schema.measurement).values(_first()))
    return sites


def _first() -> dict[str, Any]:
    """One measurement, so that the ledger knows since when it measures."""
    moment = microseconds(datetime(YEAR, 1, 1, tzinfo=UTC))
    return {
        "agent": "pi", "epoch": "0" * 16, "seq": 1, "site": "nobody", "link": "fixed", "task": "t", "meter": "dns",
        "method": "dns/1", "started_us": moment, "received_us": moment, "outcome": "ok", "values": "{}",
        "reasons": "[]", "findings": "[]", "raw": b"{}",
    }  # fmt: skip


def _course(random: Random) -> list[float]:
    """31 days of 12 tests around 1: each day has its own mean, and each test its own noise."""
    return [
        max(0.2, one + random.gauss(0, 0.02))
        for one in (1 + random.gauss(0, 0.01) for _ in range(31))
        for _ in range(_PER_DAY)
    ]


def _packs(
    sites: Sequence[tuple[str, int]], month: str, courses: Sequence[Sequence[float]]
) -> Iterator[dict[str, Any]]:
    made: dict[tuple[float, int], list[tuple[int, bytes]]] = {}
    period = month_of(date.fromisoformat(f"{month}-01"))
    days = (period.last - period.first).days + 1
    first, runs = period.first.toordinal() - EPOCH, days * _PER_DAY
    half_hours = bytes(4 * (n % _PER_DAY) for n in range(runs))
    traces = {
        first + n: Trace(_PER_DAY, 1 + n * _PER_DAY, (n + 1) * _PER_DAY, sha256(f"{month} {n}".encode()).digest())
        for n in range(days)
    }
    for at, (site, speed) in enumerate(sites):
        for kind in _KINDS:
            number = (at * 2 + (kind == "fixed") + int(month[-2:])) % _POOL
            columns = _columns(_rate(kind, speed), number, courses[number][:runs], made)
            pack = Pack(traces, half_hours, bytes(runs), columns)
            content = pack.encode(Key(site, kind, "speed", month))
            yield {"meter": "speed", "site": site, "link": kind, "month": month, "content": content}


def _polled(sites: Sequence[tuple[str, int]], months: int) -> Iterator[dict[str, Any]]:
    """Polls of TSLCD lines from six days before the year to an hour after its last month: courses that lines share."""
    random = Random(95)
    first = date(YEAR, 1, 1).toordinal() - 6
    last = month_of(date(YEAR, months, 1)).last.toordinal() + 1
    course = [[_poll_day(random, rather) for rather in (15.0, 40.0, 60.0, 88.0)] for _ in range(16)]
    for at, (site, speed) in enumerate(sites):
        for number in range(first, last + 1):
            busy = 3 if speed < 3 else speed % 3  # a few lines are full
            key = Key(site, "tslcd", POLLS, date.fromordinal(number).isoformat())
            content = course[(at + number) % len(course)][busy].encode(key)
            yield {"meter": key.meter, "site": site, "link": key.link, "month": key.month, "content": content}


def _poll_day(random: Random, busy: float) -> PollDay:
    """A day of polls around `busy` Mbit/s in office hours, one in 500 missed; its octets are the same on any day."""
    day = PollDay(0)
    found, missed = list[Poll](), 0
    for n in range(288):
        missed += 1
        if random.random() < 0.002:
            continue
        middle = busy if 90 <= n < 210 else busy / 8
        rates = [round(max(0.01, random.gauss(middle, middle / 4)), 6) for _ in DIRECTIONS]
        said = [round(rates[DIRECTIONS.index(way)] * _LAYERS[layer], 6) for way, layer in RATES]
        seconds = 300.0 * missed + random.choice((-0.01, 0.0, 0.01))
        found.append(
            Poll(
                1,  # the one measurement that the ledger has
                day.from_us + 300_000_000 * n + random.randrange(2_000_000),
                0,
                "t",
                round(seconds, 2),
                said,
                bytes(32),
            )
        )
        missed = 0
    day.add(found)
    return day


def _rate(kind: str, speed: int) -> float:
    """What the line carries on the wire, Mbit/s: most above 100, some just around it, a few far below."""
    if kind == "tslcd":
        return 60.0 if speed < 3 else 98 + speed % 8 if speed < 15 else 200.0
    return 45.0 if speed < 2 else 90 + speed % 25 if speed < 20 else 300.0


def _columns(
    wire: float, number: int, course: Sequence[float], made: dict[tuple[float, int], list[tuple[int, bytes]]]
) -> list[tuple[int, bytes]]:
    """The ten series of a line; lines of one rate and one course share them."""
    if (wire, number) not in made:
        made[wire, number] = [_column(name, wire, course) for name in SERIES["speed"]]
    return made[wire, number]


def _column(name: str, wire: float, course: Sequence[float]) -> tuple[int, bytes]:
    layer = name.partition("@")[2]
    scale = (
        1e6 * wire * _SHARES[layer] * (0.96 if "mean" in name else 1.0) * (0.8 if name.startswith("upload") else 1.0)
    )
    return 4, array("I", [int(scale * one) for one in course]).tobytes()


def main(argv: list[str]) -> int:
    """Print how long it took."""
    parser = argparse.ArgumentParser(prog="python -m doxa_lab.bench.national")
    parser.add_argument("--ledger", type=Path)
    parser.add_argument("--communes", type=int)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--polled", type=int, default=_POLLED, help="TSLCD lines with polls")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--out", type=Path, help="a folder for the report's files")
    parser.add_argument("--make", action="store_true", help="make the ledger and stop")
    asked = parser.parse_args(argv)
    ledger = _ledger(asked.ledger, communes=asked.communes, months=asked.months, polled=asked.polled)
    with reading(open_ledger(ledger, create=False)) as conn:
        print(f"{ledger}: {len(conn.execute(select(schema.rollup_pack.c.site)).all())} packs", flush=True)  # noqa: T201
    if not asked.make:
        seconds = measured(ledger, months=asked.months, jobs=asked.jobs, out=asked.out)
        more = rest(ledger, months=asked.months, polled=asked.polled)
        print(f"{seconds:.1f} s; reckoned with all TSLCD lines polled: {seconds + more:.1f} s")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
