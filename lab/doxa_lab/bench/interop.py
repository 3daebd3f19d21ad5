"""Other people's programs at the other end: OB-UDPST (`udpst`) and LibreSpeed (`librespeed-cli`, `librespeed-server`).

`python -m doxa_lab.bench.interop [--udpst PATH] [--librespeed-cli PATH] [--librespeed-server PATH]`. Debian has none of
them: whoever has built one names it, or puts it on PATH; what is not there is left out, and said. Each line of the table is one
test over a line of 100 Mbit/s at the IP layer, both ways round: our client with their server, their client with our far end.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import capacity, speed
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_core.strict import Table
from doxa_lab.bench import Row
from doxa_lab.bench.farends import far_ends
from doxa_lab.net.lab import Lab
from doxa_lab.net.line import Laid, Line
from doxa_lab.net.namespaces import entered

LINE_MBPS: Final = 100.0
PROGRAMS: Final = ("udpst", "librespeed-cli", "librespeed-server")
_RTT_MS: Final = 20.0
_KEY: Final = "of the laboratory"
_OURS: Final[tuple[dict[str, Any], ...]] = ({}, {"search": "b"}, {"search": "c"}, {"rate_mbps": 60.0})
_THEIRS: Final = ((), ("-A", "C"), ("-T",), ("-I", "60"), ("-o",), ("-X",), ("-C", "2"))
_SPEED: Final[tuple[dict[str, Any], ...]] = ({}, {"target_mbps": 95.0}, {"target_mbps": 105.0}, {"early_stop": False})
_UDPST_RATE: Final = re.compile(r"Maximum Mbps\(L3/IP\): ([0-9.]+)")
_PATIENCE_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One test: what it was, what it said in Mbit/s (None: it failed, and `words` says how)."""

    what: str
    mbps: float | None
    words: str = ""
    truth: float | None = LINE_MBPS
    """None where the other program's figure counts something else: the row then only says that the test went through."""

    @property
    def error(self) -> float | None:
        """In percent of the truth."""
        return None if self.mbps is None or self.truth is None else (self.mbps / self.truth - 1) * 100


def run() -> list[Row]:
    """The rows of the programs that are on PATH."""
    return rows(list(tests({name: found for name in PROGRAMS if (found := shutil.which(name))})))


def rows(found: list[Found]) -> list[Row]:
    """How many tests worked, and the worst error of their figures, for each pair of programs."""
    table: list[Row] = []
    for pair in dict.fromkeys(one.what.split(":")[0] for one in found):
        ours = [one for one in found if one.what.startswith(pair)]
        failed = sum(one.mbps is None for one in ours)
        errors = [abs(one.error) for one in ours if one.error is not None]
        table.append(
            Row(what=f"{pair}, tests that failed", ours=str(failed), peer=f"{len(ours)} tests", ratio=failed, goal=0)
        )
        if errors:
            table.append(
                Row(what=f"{pair}, worst error %", ours=f"{max(errors):.2f}", peer="tbf", ratio=max(errors), goal=1.0)
            )
    return table


def tests(programs: dict[str, str]) -> Iterator[Found]:
    """Every pair that `programs` allows, v4 and v6."""
    with _line() as laid:
        if "udpst" in programs:
            yield from _our_capacity(laid, programs["udpst"])
            yield from _their_capacity(laid, programs["udpst"])
        if "librespeed-server" in programs:
            yield from _our_speed(laid, programs["librespeed-server"])
        if "librespeed-cli" in programs:
            yield from _their_speed(laid, programs["librespeed-cli"])


@contextmanager
def _line() -> Iterator[Laid]:
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), name="interop") as lab:
        office = lab.office("o")
        laid = lab.lay("w1", office, Line.carrying(LINE_MBPS, LINE_MBPS, Layer.IP, rtt_ms=_RTT_MS))
        lab.start()
        yield laid


# --- OB-UDPST


def _our_capacity(laid: Laid, program: str) -> Iterator[Found]:
    for key in ("", _KEY):
        with _running(laid.far, [program, *(["-a", key] if key else [])]), _keys(key) as keys:
            for family in (4, 6):
                for options in _OURS if not key else _OURS[:1]:
                    far_end = replace(_far_end(laid, family), capacity_keys=keys)
                    reading = _measure(capacity, laid, far_end, options, family)
                    yield from _read(reading, f"our capacity, their udpst: v{family} {options}{' key' if key else ''}")


def _their_capacity(laid: Laid, program: str) -> Iterator[Found]:
    with far_ends(laid.far, ("capacity",)) as ports:
        for family in (4, 6):
            for direction in ("-d", "-u"):
                for more in _THEIRS:
                    host = laid.far_v4 if family == 4 else f"[{laid.far_v6}]"
                    asked = [program, direction, f"-{family}", "-s", "-t", "5", *more, f"{host}:{ports['capacity']}"]
                    said = _once(laid.office, asked)
                    rate = _UDPST_RATE.search(said)
                    yield Found(
                        what=f"their udpst, our far end: {direction} v{family} {' '.join(more)}",
                        mbps=float(rate[1]) if rate else None,
                        words=said[-200:],
                        truth=60.0 if "-I" in more else LINE_MBPS,
                    )


@contextmanager
def _keys(key: str) -> Iterator[Path | None]:
    if not key:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "keys"
        file.write_text(f"0,{key}\n")
        yield file


# --- LibreSpeed


def _our_speed(laid: Laid, program: str) -> Iterator[Found]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "settings.toml"
        settings.write_text('listen_port=8989\ndatabase_type="none"\nredact_ip_addresses=true\n')
        with _running(laid.far, [program, "-c", str(settings)], folder):
            for family in (4, 6):
                for options in _SPEED:
                    far_end = replace(_far_end(laid, family), port=8989)
                    reading = _measure(speed, laid, far_end, options, family)
                    yield from _read(reading, f"our speed, their LibreSpeed: v{family} {options}")


def _their_speed(laid: Laid, program: str) -> Iterator[Found]:
    with far_ends(laid.far, ("http",)) as ports, tempfile.TemporaryDirectory() as folder:
        for family in (4, 6):
            host = laid.far_v4 if family == 4 else f"[{laid.far_v6}]"
            server = {"id": 1, "name": "doxa", "server": f"http://{host}:{ports['http']}/", "dlURL": "garbage.php"}
            server |= {"ulURL": "empty.php", "pingURL": "empty.php", "getIpURL": "getIP.php"}
            servers = Path(folder) / "servers.json"
            servers.write_text(json.dumps([server]))
            asked = [program, "--local-json", str(servers), "--server", "1", "--json", "--no-icmp", f"--ipv{family}"]
            said = _once(laid.office, [*asked, "--telemetry-level", "disabled", "--duration", "10"])
            yield from _read_librespeed(said, f"their LibreSpeed, our far end: v{family}")


def _read_librespeed(said: str, what: str) -> Iterator[Found]:
    """Its figures are payload over the whole time, the ramp included: not comparable with a rate at the IP layer."""
    try:
        (found,) = json.loads(said[said.index("[") :])
        rates = {direction: float(found[direction]) for direction in ("download", "upload")}
    except (ValueError, KeyError):
        yield Found(what=what, mbps=None, words=said[-200:])
        return
    for direction, rate in rates.items():
        yield Found(what=f"{what} {direction}", mbps=rate or None, words="nothing came through", truth=None)


# --- both


def _measure(module: Any, laid: Laid, far_end: FarEnd, options: dict[str, Any], family: int) -> Reading:
    read = module.read_options(Table(dict(options), "interop", ""))
    request: Request[Any] = Request(
        link=Link(name="interop", kind=LinkKind.FIXED, interface=laid.interface),
        far_ends=(far_end,),
        options=read,
        deadline=Deadline(module.seconds(read, 1)),
        family=family,
    )
    with entered(laid.office):
        (reading,) = module.measure(request)
    return reading  # type: ignore[no-any-return]


def _read(reading: Reading, what: str) -> Iterator[Found]:
    words = ", ".join((str(reading.outcome), *reading.reasons, *reading.findings))
    fixed = re.search(r"rate_mbps': ([0-9.]+)", what)
    for direction in ("download", "upload"):
        rate = reading.values.get(f"{direction}_ip_mbps")
        yield Found(what=f"{what} {direction}", mbps=rate, words=words, truth=float(fixed[1]) if fixed else LINE_MBPS)


def _far_end(laid: Laid, family: int) -> FarEnd:
    return FarEnd(name="far", host=laid.far_v4 if family == 4 else laid.far_v6)


@contextmanager
def _running(namespace: str, command: list[str], folder: str | None = None) -> Iterator[None]:
    process = subprocess.Popen(
        ["ip", "netns", "exec", namespace, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
    )
    try:
        time.sleep(1.0)  # neither program says when it listens
        yield
    finally:
        process.terminate()
        process.wait(10)


def _once(namespace: str, command: list[str]) -> str:
    found = subprocess.run(
        ["ip", "netns", "exec", namespace, *command], capture_output=True, text=True, check=False, timeout=_PATIENCE_S
    )
    return found.stdout + found.stderr


def main(argv: list[str]) -> int:
    """Print each test as it ends, then the table."""
    parser = argparse.ArgumentParser(prog="python -m doxa_lab.bench.interop", description=__doc__)
    for name in PROGRAMS:
        parser.add_argument(f"--{name}", default=shutil.which(name))
    asked = vars(parser.parse_args(argv))
    programs = {name: found for name in PROGRAMS if (found := asked[name.replace("-", "_")])}
    for name in PROGRAMS:
        if name not in programs:
            print(f"{name}: not there, left out", file=sys.stderr)  # noqa: T201 - the command speaks to its user
    found = []
    for one in tests(programs):
        found.append(one)
        print(f"{one.what:64} {_figure(one):>20}  {one.words if one.mbps is None else ''}", flush=True)  # noqa: T201
    for row in rows(found):
        print(f"{row.what}: {row.ours} ({row.peer}), goal <= {row.goal:g}: {'ok' if row.met else 'MISSED'}")  # noqa: T201
    return 0


def _figure(one: Found) -> str:
    if one.mbps is None:
        return "–"
    return f"{one.mbps:.2f}" if one.error is None else f"{one.mbps:.2f} ({one.error:+.2f} %)"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
