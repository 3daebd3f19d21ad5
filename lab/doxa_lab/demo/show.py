"""The course of the demo: build, start, watch, compare, and clear everything away."""

import json
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text
from doxa_lab.country.office import read_offices
from doxa_lab.demo.comparison import Compared, by_spot, compare, unmeasured
from doxa_lab.demo.country import Country
from doxa_lab.demo.ground import Ground, Loopback, Namespaces
from doxa_lab.demo.results import LedgerView, Results, repeated
from doxa_lab.demo.screen import Screen
from doxa_lab.demo.verdicts import Verdicts, decided
from doxa_lab.net.lab import can_make, is_stale, own_mark

DEFAULT_PORT: Final = 8800
_LOOK_S: Final = 1.0
_ONCE_LIMIT_S: Final = 300.0
_FOLDER_PREFIX: Final = "doxa-demo-"

BUSY_PORT = Text(
    vi="cổng {port} đang được dùng; hãy chọn cổng khác: doxa demo --port SỐ",
    en="port {port} is in use; choose another one: doxa demo --port NUMBER",
)
NOT_EMPTY = Text(vi="thư mục này đã có tệp", en="the folder is not empty")
EMPTY_IT = Text(
    vi="hãy chọn một thư mục mới hoặc rỗng, ghi được", en="choose a new or empty folder that can be written"
)
OPEN_PAGE = Text(vi="mở trang này trong trình duyệt: {url}", en="open this page in a browser: {url}")
FIRST_VERDICT = Text(vi="kết luận đầu tiên sau {seconds:.0f} giây", en="first verdict after {seconds:.0f} s")
LINE_DOWN = Text(vi="đường {name} bị đứt (kịch bản của demo)", en="line {name} goes down (the demo's script)")
LINE_UP = Text(vi="đường {name} đã nối lại", en="line {name} is back")
STOPPING = Text(vi="đang dọn dẹp: dừng tiến trình, xóa namespace", en="clearing away: processes and namespaces")
GONE = Text(vi="đã dọn sạch", en="all cleared away")
KEPT = Text(vi="tệp được giữ tại {folder}", en="files are kept in {folder}")
NOT_ALL = Text(
    vi="sau {seconds:.0f} giây vẫn thiếu kết quả: {missing}",
    en="results still missing after {seconds:.0f} s: {missing}",
)
ALL_NEAR = Text(
    vi="{count} giá trị đo đều nằm trong sai số cho phép; lệch tốc độ lớn nhất {worst:.2%}",
    en="all {count} measured values are within tolerance; largest error of a rate {worst:.2%}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asked for."""

    once: bool = False
    as_json: bool = False
    port: int | None = None
    keep: Path | None = None
    minutes: float | None = None


def run(wish: Wish) -> int:
    """The whole demo; 1 where a `--once` round missed a truth."""
    screen = Screen(quiet=wish.as_json)
    with ExitStack() as stack:
        if not wish.once:
            stack.enter_context(suppress(KeyboardInterrupt))  # how one stops it
        stack.enter_context(_ended_like_ctrl_c())
        folder = stack.enter_context(_folder(wish.keep))
        listening = stack.enter_context(_listen(wish.port))
        ground = _ground(folder)
        stack.callback(screen.tell, GONE)
        stack.enter_context(ground)
        country = Country(folder, ground, read_offices(), listening, screen.tell)
        stack.callback(country.close)
        stack.callback(screen.tell, STOPPING)
        stack.callback(_be_deaf)
        country.start()
        screen.tell(OPEN_PAGE.fill(url=country.url))
        if wish.keep is not None:
            screen.tell(KEPT.fill(folder=folder))
        watch = Watch(country, screen)
        stack.callback(watch.close)
        if wish.once:
            return _once(watch, wish)
        watch.on(None if wish.minutes is None else wish.minutes * 60)
    return 0


def _ground(folder: Path) -> Ground:
    return Namespaces(folder) if can_make() else Loopback()


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """SIGTERM and a closed terminal clear away as Ctrl-C does."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        _be_deaf()  # the first one is enough: a second would interrupt the clearing away
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _be_deaf() -> None:
    """A second Ctrl-C must not interrupt the clearing away, which takes less than a second."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """The folder of all files: the user's, or one that is removed at the end (or by the next demo after a kill)."""
    if keep is not None:
        yield _kept(keep)
        return
    _clear_stale_folders()
    made = Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{own_mark()}-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _kept(folder: Path) -> Path:
    """The user's folder, which must be new or empty: an old ledger would be taken for this run's."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InputError(f"--keep {folder}", NOT_EMPTY, EMPTY_IT)
    except OSError as error:
        what = Text(vi=f"không dùng được ({error.strerror})", en=f"it cannot be used ({error.strerror})")
        raise InputError(f"--keep {folder}", what, EMPTY_IT) from None
    return folder.resolve()


def _clear_stale_folders() -> None:
    for found in Path(tempfile.gettempdir()).glob(f"{_FOLDER_PREFIX}*"):
        if is_stale(found.name.removeprefix(_FOLDER_PREFIX).split("-")[0]):
            shutil.rmtree(found, ignore_errors=True)


def _listen(port: int | None) -> socket.socket:
    """The page's socket: the port that was asked for, else the usual one, else any that is free."""
    for chosen in (port,) if port is not None else (DEFAULT_PORT, 0):
        try:
            return socket.create_server(("127.0.0.1", chosen))
        except OSError:
            continue
    raise OperationError(BUSY_PORT.fill(port=port))


class Watch:
    """Looks at the ledger once a second, draws, and plays the outages."""

    def __init__(self, country: Country, screen: Screen) -> None:
        self.country = country
        self.first_verdict_s: float | None = None
        self._screen = screen
        self._view = LedgerView(country.folder / "ledger.db")
        self._verdicts = Verdicts()
        self._cut: set[str] = set()

    def tell(self, text: Text) -> None:
        """Say a sentence on the screen."""
        self._screen.tell(text)

    def look(self) -> Results:
        """One look, drawn."""
        self.country.check()
        results = self._view.look()
        if self.first_verdict_s is None and results.runs and decided(results.verdicts):
            self.first_verdict_s = time.monotonic() - self.country.started
            self._screen.tell(FIRST_VERDICT.fill(seconds=self.first_verdict_s))
        self._screen.show(self.country.ground, results, self._verdicts, self.country.url, self._cut)
        return results

    def on(self, seconds: float | None) -> None:
        """Watch for so long, or until interrupted."""
        until = float("inf") if seconds is None else time.monotonic() + seconds
        while time.monotonic() < until:
            self._play_outages(time.monotonic() - self.country.started)
            self.look()
            time.sleep(_LOOK_S)

    def _play_outages(self, elapsed_s: float) -> None:
        for spot in self.country.ground.spots:
            outage = spot.link.outage
            if outage is None:
                continue
            down = outage.down_at(elapsed_s)
            if self.country.set_line(spot, down=down):
                self._screen.tell((LINE_DOWN if down else LINE_UP).fill(name=spot.name))
                (self._cut.add if down else self._cut.discard)(spot.name)

    def round(self, limit_s: float) -> tuple[Results, list[str]]:
        """Watch until every figure of every line was measured and is judged; what is missing after `limit_s`."""
        until = time.monotonic() + limit_s
        while True:
            results = self.look()
            missing = self._missing(results)
            if not missing or time.monotonic() > until:
                return results, missing
            time.sleep(_LOOK_S)

    def _missing(self, results: Results) -> list[str]:
        spots = self.country.ground.spots
        found = [f"{spot.name} {value}" for spot in spots for value in unmeasured(spot, results)]
        if not found and not _all_judged(results):
            found = ["verdicts"]
        return found

    def close(self) -> None:
        """Let go of the ledger."""
        self._view.close()


def _all_judged(results: Results) -> bool:
    """Whether the assessment has looked again after the last measurement came in."""
    newest = max(run.received_us for run in results.runs)
    return any(judged.computed_us > newest for judged in results.verdicts)


def _once(watch: Watch, wish: Wish) -> int:
    limit = _ONCE_LIMIT_S if wish.minutes is None else wish.minutes * 60
    results, missing = watch.round(limit)
    found = compare(watch.country.ground, results)
    failures = [one.text for one in found if not one.good]
    if missing:
        failures.append(NOT_ALL.fill(seconds=limit, missing=", ".join(missing)))
    if wish.as_json:
        print(json.dumps(_report(watch, results, found, failures), ensure_ascii=False, indent=1))  # noqa: T201
    else:
        _say(watch, found, failures)
    return 1 if failures else 0


def _report(watch: Watch, results: Results, found: list[Compared], failures: list[Text]) -> dict[str, Any]:
    ground = watch.country.ground
    return {
        "mode": ground.mode,
        "note": str(ground.note),
        "truths": by_spot(found, "truth"),
        "measured": by_spot(found, "measured"),
        "errors": by_spot(found, "error"),
        "failures": [str(text) for text in failures],
        "verdicts": [asdict(judged) for judged in results.verdicts],
        "repeated": repeated(ground.spots, results),
        "measurements": len(results.runs),
        "first_verdict_s": watch.first_verdict_s,
    }


def _say(watch: Watch, found: list[Compared], failures: list[Text]) -> None:
    for text in failures:
        watch.tell(text)
    if not failures:
        errors = [abs(one.error) for one in found if one.error is not None and one.value.endswith("_mbps")]
        watch.tell(ALL_NEAR.fill(count=len(found), worst=max(errors)))
