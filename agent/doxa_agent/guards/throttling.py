"""The Raspberry Pi's firmware slows the processor where power or heat fail it: noted, and told apart (methods.md §8).

The word is that of `vcgencmd get_throttled`: bits 0–3 say what is so now, bits 16–19 what was so since boot.
"""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from doxa_agent.guard import Finding, Turn, Verdict
from doxa_core.language import Text

TITLE: Final = Text(vi="Nguồn điện và nhiệt của thiết bị đo", en="The probe's power and heat")

_NAMES: Final = {
    "under_voltage": Text(vi="điện áp nguồn quá thấp", en="the supply's voltage is too low"),
    "frequency_capped": Text(vi="xung nhịp bộ xử lý bị giới hạn", en="the processor's clock is capped"),
    "throttled": Text(vi="bộ xử lý bị giảm tốc", en="the processor is throttled"),
    "temperature_limited": Text(vi="đã chạm ngưỡng nhiệt độ", en="the temperature limit is reached"),
}
"""Bit 0 to bit 3."""
_SINCE: Final = 16
_EARLIER: Final = Text(vi="{what} (từ khi khởi động đến nay)", en="{what} (at some time since boot)")

FINDINGS: Final[Mapping[str, Text]] = _NAMES | {
    f"{name}_since_boot": _EARLIER.fill(what=text) for name, text in _NAMES.items()
}

THROTTLED: Final = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
THERMAL: Final = Path("/sys/class/thermal")
_COMMAND: Final = "vcgencmd"
_TICKS: Final = 4
"""The temperature is read at every fourth tick: once a second."""


def read_throttled(file: Path | None = None) -> int | None:
    """The firmware's word; None on other machines."""
    file = file or THROTTLED
    try:
        return parse_throttled(file.read_text(encoding="ascii", errors="replace"))
    except OSError:
        return _ask_firmware() if file == THROTTLED else None


def _ask_firmware() -> int | None:
    """Newer kernels lack the file; the firmware's own program asks by another door, if it is installed and permitted."""
    program = shutil.which(_COMMAND)
    if program is None:
        return None
    try:
        done = subprocess.run([program, "get_throttled"], capture_output=True, text=True, timeout=2, check=False)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return parse_throttled(done.stdout) if done.returncode == 0 else None


def parse_throttled(text: str) -> int | None:
    """`50005`, `0x50005` or `throttled=0x50005`, always hexadecimal; None for anything else."""
    digits = text.strip().removeprefix("throttled=").removeprefix("0x")
    try:
        return int(digits, 16) if 0 < len(digits) <= 8 and digits.isalnum() and digits.isascii() else None
    except ValueError:
        return None


def codes(word: int) -> list[str]:
    """What the bits say; what is so now is not repeated as something earlier."""
    now = [name for bit, name in enumerate(_NAMES) if word >> bit & 1]
    earlier = [name for bit, name in enumerate(_NAMES) if word >> (_SINCE + bit) & 1 and name not in now]
    return now + [f"{name}_since_boot" for name in earlier]


def read_celsius(folder: Path = THERMAL) -> float | None:
    """The hottest thermal zone; None without any that answers sensibly."""
    found = []
    try:
        zones = list(folder.glob("thermal_zone*/temp"))
    except OSError:
        return None
    for zone in zones:
        try:
            celsius = int(zone.read_text(encoding="ascii")) / 1000
        except (OSError, ValueError):  # a sensor that is switched off answers EINVAL
            continue
        if -40 <= celsius <= 150:
            found.append(celsius)
    return max(found, default=None)


def look(turn: Turn) -> list[Finding]:
    """What the firmware says before a heavy run; light runs do not care."""
    word = read_throttled() if turn.heavy else None
    return [] if word is None else [Finding(code=code) for code in codes(word)]


class During:
    """Power and heat during a run."""

    def __init__(self, throttled: Path = THROTTLED, thermal: Path = THERMAL) -> None:
        self._throttled, self._thermal = throttled, thermal
        self._ticks = 0
        self._hottest = read_celsius(thermal)

    def tick(self) -> None:
        """Note the temperature."""
        self._ticks += 1
        if self._hottest is not None and self._ticks % _TICKS == 0:
            self._hottest = max(self._hottest, read_celsius(self._thermal) or self._hottest)

    def end(self) -> Verdict:
        """What is so now at the latest, and the highest temperature."""
        word = read_throttled(self._throttled)
        detail = {} if self._hottest is None else {"celsius": round(self._hottest, 1)}
        if word is None:
            return Verdict(detail=detail)
        return Verdict(findings=tuple(codes(word)), detail=detail | {"throttled": f"0x{word:x}"})


def during(turn: Turn) -> During:  # noqa: ARG001 - the same for every link
    """Watch a heavy run."""
    return During()
