"""How long each panel waits for a whole country: a year of rollups in InfluxDB 1.6.7, every query of every page.

    python -m doxa_lab.bench.dashboards --keep DIR --load-s 180     # again until it says that all is loaded
    python -m doxa_lab.bench.dashboards --keep DIR [PAGE …]         # measure, all pages or these

Grafana 11 asks a panel's queries one after the other, so a panel's time is their sum.
Each query is asked three times and its median counts: the store is warm, as it is when a page refreshes itself.
"""

import argparse
import http.client
import json
import sys
import tempfile
import time
import urllib.parse
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final, Self

from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_dashboards import build, pages
from doxa_dashboards.catalogue import Tier
from doxa_lab import grafana
from doxa_lab.bench import Row
from doxa_lab.bench._country import DAY, DEEP, Country
from doxa_lab.servers import InfluxDB16

GOAL_MS: Final = 1000.0
_TIMES: Final = 3
_HOPELESS_MS: Final = 2 * GOAL_MS
"""What takes so long is not asked again."""
_BATCH: Final = 10_000
_WAITING: Final = 4
_OPENING_S: Final = 180.0
"""influxd opens the whole country in 40 to 80 s."""
_SHARDS: Final = {Tier.RAW: "7d", Tier.FIVE_MINUTES: "7d", Tier.LONG: "364d"}
_WIDTH_PX: Final = 1000
"""How many steps Grafana makes at most of a range: the width of a panel."""
RANGES: Final = {"24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "1y": 365 * DAY}
_STEPS: Final = {"24h": "2m", "7d": "10m", "30d": "1h", "1y": "12h"}
"""Grafana's `$__interval` of these ranges at `_WIDTH_PX`."""
_LENGTHS: Final = {"s": 1, "m": 60, "h": 3600, "d": DAY}


def run() -> list[Row]:
    """Load what is not there yet, measure everything; the worst panel of each page against a second."""
    folder = Path(tempfile.gettempdir()) / "doxa-bench-dashboards"
    with Store(folder) as store:
        store.load(float("inf"))
        found = [one for name in pages.names() for one in measured(store, name)]
    worst = {one.page: one for one in sorted(panels(found), key=lambda one: one.ms)}
    return [
        Row(
            what=f"{page}: {one.panel} ({one.choice}, {one.span}), ms",
            ours=f"{one.ms:.0f}",
            peer=f"{GOAL_MS:g}",
            ratio=one.ms / GOAL_MS,
            goal=1,
        )
        for page, one in sorted(worst.items())
    ]


# --- the store


class Store:
    """The country in an influxd whose folder stays for the next run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._server = InfluxDB16(folder / "influxd", patience_s=_OPENING_S)
        self._state = folder / "loaded.json"
        self._loaded: dict[str, Any] = json.loads(self._state.read_text()) if self._state.exists() else {}

    def __enter__(self) -> Self:
        self._server.__enter__()
        if not self._loaded:
            for tier, shard in _SHARDS.items():
                self._server.query(f'CREATE DATABASE "{tier.database}" WITH DURATION INF SHARD DURATION {shard}')
            now = int(time.time())
            self._keep({"now": now - now % 300, "pieces": {}})
        return self

    def __exit__(self, *error: object) -> None:
        self._server.stop()

    @property
    def now(self) -> int:
        """The moment that the store ends at, seconds."""
        found: int = self._loaded["now"]
        return found

    @property
    def points(self) -> int:
        """How many were written."""
        return sum(points for points, _ in self._loaded["pieces"].values())

    @property
    def disk_bytes(self) -> int:
        """What the folder takes on disk."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())

    def load(self, seconds: float) -> bool:
        """Load pieces until the time is up; whether all are there."""
        end = time.monotonic() + seconds
        for piece in Country().pieces():
            if piece.name in self._loaded["pieces"]:
                continue
            if time.monotonic() > end:
                return False
            begun = time.monotonic()
            points = self._write(piece.tier.database, piece.make(self.now))
            took = time.monotonic() - begun
            self._loaded["pieces"][piece.name] = (points, round(took, 1))
            self._keep(self._loaded)
            _say(f"{piece.name}: {points:,} points, {took:.1f} s")
        return True

    def _keep(self, state: dict[str, Any]) -> None:
        self._loaded = state
        self._state.write_text(json.dumps(state))

    def _write(self, database: str, lines: Iterator[str]) -> int:
        points, waiting = 0, deque[Future[None]]()
        with ThreadPoolExecutor(2) as threads:
            while some := list(islice(lines, _BATCH)):
                points += len(some)
                waiting.append(threads.submit(self._send, database, "\n".join(some).encode()))
                if len(waiting) > _WAITING:
                    waiting.popleft().result()
            for one in waiting:
                one.result()
        return points

    def _send(self, database: str, body: bytes) -> None:
        status, told = self._asked("POST", f"/write?db={database}&precision=s", body)
        if status != 204:
            raise OperationError(_REFUSED.fill(why=told[:300].decode(errors="replace")))

    def _asked(self, method: str, path: str, body: bytes, kind: str = "text/plain") -> tuple[int, bytes]:
        conn = http.client.HTTPConnection(self._server.host, self._server.port, timeout=110)
        try:
            conn.request(method, path, body, {"Content-Type": kind})
            answer = conn.getresponse()
            return answer.status, answer.read()
        finally:
            conn.close()

    def ask(self, uid: str, statement: str) -> list[dict[str, Any]]:
        """The series that a data source answers, with its tags."""
        return self.timed(uid, statement)[1]

    def timed(self, uid: str, statement: str) -> tuple[float, list[dict[str, Any]]]:
        """How many milliseconds the whole answer took to arrive, and its series."""
        form = urllib.parse.urlencode({"q": statement, "db": Tier(uid).database, "epoch": "ms"}).encode()
        begun = time.perf_counter()
        _, told = self._asked("POST", "/query", form, "application/x-www-form-urlencoded")
        took = (time.perf_counter() - begun) * 1000
        found = json.loads(told)["results"][0]
        if "error" in found:
            raise OperationError(_REFUSED.fill(why=f"{found['error']}: {statement}"))
        return took, found.get("series", [])


# --- the pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """A query (or a panel: the sum of its queries) for one choice of the variables and one range."""

    page: str
    panel: str
    query: str
    choice: str
    span: str
    ms: float
    rows: int
    statement: str = ""


def measured(store: Store, name: str, spans: Mapping[str, int] = RANGES, only: str = "") -> Iterator[Took]:
    """Every query of a page: variables once, panels for every choice and range."""
    page, now_ms = build.built(name), store.now * 1000
    for number, (label, how, fixed) in enumerate(one for one in _choices(page) if one[0].startswith(only)):
        choice = grafana.choose(page, how, store.ask, fixed)
        if number == 0:
            yield from _variables(store, page, choice, name)
        for span, seconds in spans.items():
            known = dict[str, tuple[float, int]]()
            for document in [{**page, "annotations": {"list": []}, "panels": [one]} for one in page["panels"]] + [
                {**page, "panels": []}
            ]:
                step = _step(document["panels"], span)
                shown = grafana.Range(from_ms=now_ms - seconds * 1000, to_ms=now_ms, interval=step)
                for query in grafana.queries(document, choice, shown):
                    if query.statement not in known:
                        known[query.statement] = _three(store, query.uid, query.statement)
                    ms, rows = known[query.statement]
                    panel = query.panel.removeprefix("panel ")
                    yield Took(
                        page=name, panel=panel, query=query.name, choice=label, span=span, ms=ms, rows=rows,
                        statement=query.statement,
                    )  # fmt: skip


def _three(store: Store, uid: str, statement: str) -> tuple[float, int]:
    answers = [store.timed(uid, statement)]
    while len(answers) < _TIMES and answers[-1][0] < _HOPELESS_MS:
        answers.append(store.timed(uid, statement))
    return median(ms for ms, _ in answers), sum(len(one["values"]) for one in answers[0][1])


def _choices(page: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Sequence[str]]]]:
    """Everything that can be all; the deep province; one commune of it; the same by the day where a page offers that."""
    names = {variable["name"]: variable for variable in page["templating"]["list"]}
    place = {"place": [next(o.place for o in Country().offices if o.province == DEEP)]} if "place" in names else {}
    windows = [option["value"] for option in names["window"]["options"]] if "window" in names else [""]
    for window in windows:
        by = {"window": [window]} if window else {}
        told = f", {window}" if window else ""
        if "province" not in names or names["province"]["includeAll"]:
            yield f"all{told}", "all", by
        if "province" in names:
            if _all(names, "place"):
                yield f"province{told}", "all", {"province": [DEEP], **by}
            if place:
                yield f"commune{told}", "all", {"province": [DEEP], **place, **by}


def _all(names: Mapping[str, Any], name: str) -> bool:
    return name not in names or bool(names[name]["includeAll"])


def _variables(store: Store, page: Mapping[str, Any], choice: Any, name: str) -> Iterator[Took]:
    for variable in page["templating"]["list"]:
        if variable["type"] == "query":
            statement = choice.put(variable["query"])
            ms, rows = _three(store, variable["datasource"]["uid"], statement)
            panel = f"variable {variable['name']}"
            yield Took(page=name, panel=panel, query="", choice="", span="", ms=ms, rows=rows, statement=statement)


def _step(shown: Sequence[Mapping[str, Any]], span: str) -> str:
    least: list[str] = [panel["interval"] for panel in shown if panel.get("interval")]
    return max([_STEPS[span], *least], key=lambda told: int(told[:-1]) * _LENGTHS[told[-1]])


def panels(found: Sequence[Took]) -> list[Took]:
    """The panels that these queries make up."""
    sums: dict[tuple[str, str, str, str], list[Took]] = {}
    for one in found:
        sums.setdefault((one.page, one.panel, one.choice, one.span), []).append(one)
    return [
        Took(
            page=page, panel=panel, query=f"{len(many)} queries", choice=choice, span=span,
            ms=sum(one.ms for one in many), rows=sum(one.rows for one in many),
        )
        for (page, panel, choice, span), many in sums.items()
    ]  # fmt: skip


# --- the command


def main(argv: list[str]) -> int:
    """Load or measure; 1 where a panel takes longer than a second, or where not all is loaded yet."""
    parser = argparse.ArgumentParser(prog="python -m doxa_lab.bench.dashboards")
    parser.add_argument("pages", nargs="*", help="these pages only")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "doxa-bench-dashboards")
    parser.add_argument("--load-s", type=float, help="load for so many seconds and stop")
    parser.add_argument("--range", action="append", choices=[*RANGES], help="these ranges only")
    parser.add_argument("--choice", default="", help="only choices that begin so: all, province, commune")
    parser.add_argument("--slowest", type=int, default=15, help="how many queries are printed")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(argv)
    with Store(asked.keep) as store:
        if asked.load_s is not None:
            whole = store.load(asked.load_s)
            _say(
                f"{store.points:,} points, {store.disk_bytes / 1e9:.2f} GB, {'all is loaded' if whole else 'not all yet'}"
            )
            return 0 if whole else 1
        spans = {name: RANGES[name] for name in asked.range or RANGES}
        found = list[Took]()
        for name in asked.pages or pages.names():
            for one in measured(store, name, spans, asked.choice):
                found.append(one)
                if one.ms > GOAL_MS and not asked.json:  # at once: a run may be cut off
                    _say(_line(one))
        size = f"{store.points:,} points, {store.disk_bytes / 1e9:.2f} GB"
    return _told(found, size, asked)


def _told(found: Sequence[Took], size: str, asked: argparse.Namespace) -> int:
    summed = sorted(panels(found), key=lambda one: -one.ms)
    if asked.json:
        print(json.dumps([{n: getattr(one, n) for n in Took.__slots__} for one in found]))  # noqa: T201
    else:
        for one in sorted(found, key=lambda one: -one.ms)[: asked.slowest]:
            _say(_line(one))
            if one.ms > GOAL_MS / 2:
                _say(f"             {one.statement}")
        empty = {(one.page, one.panel, one.query) for one in found}
        empty -= {(one.page, one.panel, one.query) for one in found if one.rows}
        _say(f"without a row anywhere: {sorted(empty)}" if empty else "every query brought rows")
        for page in dict.fromkeys(one.page for one in found):
            worst = next(one for one in summed if one.page == page)
            _say(
                f"{page}: worst panel {worst.ms:.0f} ms: {worst.panel} ({worst.choice} {worst.span}), {worst.rows} rows"
            )
        _say(size)
    return 1 if any(one.ms > GOAL_MS for one in summed) else 0


def _line(one: Took) -> str:
    return f"{one.ms:8.0f} ms  {one.rows:7} rows  {one.page} | {one.panel} {one.query} | {one.choice} {one.span}"


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the command speaks to its user


_REFUSED = Text(vi="InfluxDB từ chối: {why}", en="InfluxDB refuses: {why}")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
