"""The terminal of the demo: steps with their time, and a table that is redrawn in place, or printed anew where it cannot."""

import shutil
import sys
import time
import unicodedata
from collections.abc import Sequence
from typing import Final, TextIO

from doxa_core.language import Text, number
from doxa_core.outcome import Outcome
from doxa_lab.demo.ground import RTT, Ground, Spot
from doxa_lab.demo.results import Results
from doxa_lab.demo.verdicts import Verdicts

_CLEAR_BELOW: Final = "\x1b[J"
_PLAIN_EVERY_S: Final = 15.0

HEAD: Final = (
    Text(vi="Trụ sở", en="Office"),
    Text(vi="Đường", en="Line"),
    Text(vi="Thật ↓/↑ Mbit/s", en="True ↓/↑ Mbit/s"),
    Text(vi="Đo được ↓/↑", en="Measured ↓/↑"),
    Text(vi="RTT thật/đo ms", en="RTT true/meas. ms"),
    Text(vi="Kết luận", en="Verdict"),
)
DOWN = Text(vi="đang đứt", en="down now")
WAITS = Text(vi="…", en="…")
FOOT = Text(
    vi="Trang kết quả: {url}   ({runs} phép đo trong sổ cái; Ctrl-C để dừng)",
    en="Results: {url}   ({runs} measurements in the ledger; Ctrl-C stops)",
)
LAYERS = Text(
    vi="Tốc độ ở tầng của mỗi đường: «ip» gồm phần đầu IP và TCP, còn lại là tải trọng TCP.\n"
    "Kết luận theo trị số của vài lần đo, chỉ để trình diễn; hệ thống thật chờ đủ mẫu và đủ ngày.",
    en="Rates at each line's layer: 'ip' counts IP and TCP headers too, the others TCP payload.\n"
    "Verdicts by the figure of a few tests, for show only; in service doxa waits for enough samples and days.",
)


class Screen:
    """Where the demo speaks; with `quiet` nothing but errors is said (`--json`)."""

    def __init__(self, out: TextIO = sys.stdout, *, quiet: bool = False) -> None:
        self._out = out
        self._quiet = quiet
        self._live = out.isatty() and not quiet
        self._began = time.monotonic()
        self._drawn = 0
        self._last = ("", 0.0)

    def tell(self, text: Text) -> None:
        """One step: `  3.2 s  …`."""
        if not self._quiet:
            self._erase()
            self._write(f"{number(time.monotonic() - self._began, 1):>6} s  {text}\n")

    def show(self, ground: Ground, results: Results, verdicts: Verdicts, url: str, cut: set[str]) -> None:
        """Draw the table, in place on a terminal; elsewhere when it has changed, and not too often."""
        if self._quiet:
            return
        rows = [[str(head) for head in HEAD]]
        rows += [_row(spot, results, verdicts, spot.name in cut) for spot in ground.spots]
        foot = f"{LAYERS}\n{FOOT.fill(url=url, runs=len(results.runs))}"
        text = "\n".join(_columns(rows))
        if self._live:
            self._redraw(f"\n{text}\n\n{foot}\n")
        elif text != self._last[0] and time.monotonic() - self._last[1] >= _PLAIN_EVERY_S:
            self._last = (text, time.monotonic())
            self._write(f"\n{text}\n\n{foot}\n")

    def _redraw(self, text: str) -> None:
        self._erase()
        width = shutil.get_terminal_size((120, 40)).columns
        lines = [_cut(line, width) for line in text.split("\n")]
        self._write("\n".join(lines))
        self._drawn = len(lines) - 1

    def _erase(self) -> None:
        if self._drawn:
            self._write(f"\x1b[{self._drawn}F{_CLEAR_BELOW}")
            self._drawn = 0

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _row(spot: Spot, results: Results, verdicts: Verdicts, is_down: bool) -> list[str]:  # noqa: FBT001 - private
    speed, latency = results.latest(spot, "speed"), results.undisturbed(spot, "latency")
    layer = spot.link.layer.value
    names = ("download_mbps", "upload_mbps") if layer == "payload" else ("download_ip_mbps", "upload_ip_mbps")
    true = "/".join(number(spot.truths[name], 1) for name in names)
    measured = str(WAITS)
    if speed is not None:
        measured = "/".join(_shown(speed.values.get(name)) for name in names)
        if speed.outcome is not Outcome.OK:
            measured = ",".join(speed.reasons) or speed.outcome.value
    rtt = "–"
    if RTT in spot.truths:
        rtt = f"{number(spot.truths[RTT], 1)}/{_shown(latency.values.get(RTT) if latency else None)}"
    judged = "; ".join(str(one.text) for one in verdicts.of_spot(spot, results))
    line = spot.link.name + (" ip" if layer == "ip" else "")
    return [spot.office.place.name, line, true, measured, rtt, (f"[{DOWN}] " if is_down else "") + judged]


def _shown(value: float | None) -> str:
    return str(WAITS) if value is None else number(value, 1)


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(_width(row[n]) for row in rows) for n in range(len(rows[0]))]
    return ["  ".join(_pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _width(text: str) -> int:
    """Columns of a terminal: a combining mark takes none."""
    return sum(not unicodedata.combining(letter) for letter in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _cut(line: str, width: int) -> str:
    """A longer line would wrap, and the next redraw would miss a row."""
    return line if _width(line) <= width else line[: width - 1] + "…"
