"""The processor: a probe that has no time to move octets measures itself, not the line (methods.md §8).

From /proc/stat, core by core: one core at its limit limits a test, however idle the others are, since a connection's
packets and our own loop each live on one.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from doxa_agent.guard import Effect, Finding, GuardSettings, Turn, Verdict
from doxa_core.language import Text

TITLE: Final = Text(vi="Bộ xử lý của thiết bị đo", en="The probe's processor")

BUSY: Final = "cpu_busy"
LIMITED: Final = "cpu_limited"

FINDINGS: Final[Mapping[str, Text]] = {
    BUSY: Text(
        vi="bộ xử lý bận trước khi đo: phép đo nặng được hoãn",
        en="the processor was busy before the run: a heavy run is put off",
    ),
    LIMITED: Text(
        vi="một nhân xử lý chạy hết sức trong khi đo: kết quả có thể là giới hạn của thiết bị, không phải của đường truyền",
        en="a core of the processor was at its limit during the run: the result may be the probe's limit, not the line's",
    ),
}

STAT: Final = Path("/proc/stat")
PRESSURE: Final = Path("/proc/pressure/cpu")
WINDOW_S: Final = 1.0
"""A core's use is judged over windows of so long: shorter ones are full whenever anything runs at all."""
_IDLE: Final = (3, 4)
"""idle and iowait, of user, nice, system, idle, iowait, irq, softirq, steal (proc_stat(5)); a guest's time is in user's."""
_FIELDS: Final = 8


class Use(NamedTuple):
    """Clock ticks since boot."""

    busy: int
    whole: int


def parse_stat(text: str) -> dict[str, Use]:
    """Ticks for each line `cpuN` of /proc/stat, and `cpu` for all together; lines of another form are left out."""
    found: dict[str, Use] = {}
    for line in text.splitlines():
        name, *words = line.split()[: _FIELDS + 1] or [""]
        if (
            not name.startswith("cpu")
            or len(words) <= max(_IDLE)
            or not all(w.isascii() and w.isdigit() for w in words)
        ):
            continue
        ticks = [int(word) for word in words]
        found[name] = Use(sum(ticks) - sum(ticks[place] for place in _IDLE), sum(ticks))
    return found


def shares(one: Mapping[str, Use], other: Mapping[str, Use]) -> dict[str, float]:
    """How busy each was between two readings; a core that came, left or did not tick is absent."""
    found = {}
    for name in one.keys() & other.keys():
        whole = other[name].whole - one[name].whole
        if whole > 0:  # idle and iowait may run backwards by a tick
            found[name] = min(1.0, max(0.0, (other[name].busy - one[name].busy) / whole))
    return found


def parse_pressure(text: str) -> int | None:
    """Microseconds since boot in which some task waited for a processor (`some … total=`, PSI); None without it."""
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        total = rest.rpartition("total=")[2]
        if kind == "some" and total.isascii() and total.isdigit():
            return int(total)
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


class Sample(NamedTuple):
    """One look at the machine."""

    at_s: float
    stat: dict[str, Use]
    pressure_us: int | None
    own_s: float
    """Processor time of our own process, all threads."""


def sample() -> Sample:
    """Now."""
    return Sample(time.monotonic(), parse_stat(_read(STAT)), parse_pressure(_read(PRESSURE)), time.process_time())


def look(turn: Turn) -> list[Finding]:  # noqa: ARG001 - the contract's
    """Nothing can be said in one moment: see `before`."""
    return []


class Before:
    """The processor before a heavy run."""

    def __init__(self, settings: GuardSettings, look_at: Callable[[], Sample] = sample) -> None:
        self._settings, self._sample = settings, look_at
        self._first = look_at()

    def tick(self) -> None:
        """Nothing: the mean over the whole time counts."""

    def end(self) -> list[Finding]:
        """`cpu_busy` where all cores together were busier than permitted."""
        busy = shares(self._first.stat, self._sample().stat).get("cpu")
        return [Finding(code=BUSY, effect=Effect.DEFER)] if busy and busy > self._settings.cpu_before_ratio else []


class During:
    """The processor during a heavy run."""

    def __init__(self, settings: GuardSettings, look_at: Callable[[], Sample] = sample) -> None:
        self._settings, self._sample = settings, look_at
        self._first = look_at()
        self._recent = deque([self._first])
        self._most: dict[str, float] = {}

    def tick(self) -> None:
        """Judge the second that is over now."""
        self._recent.append(self._sample())
        newest = self._recent[-1].at_s
        while len(self._recent) > 2 and newest - self._recent[1].at_s >= WINDOW_S:
            self._recent.popleft()
        if newest - self._recent[0].at_s >= WINDOW_S:
            self._note(self._recent[0], self._recent[-1])

    def _note(self, one: Sample, other: Sample) -> None:
        for name, share in shares(one.stat, other.stat).items():
            self._most[name] = max(share, self._most.get(name, 0.0))

    def end(self) -> Verdict:
        """`cpu_limited` where a core was at its limit for a second."""
        self.tick()
        last = self._recent[-1]
        if not self._most:  # a run shorter than a window: all of it
            self._note(self._first, last)
        cores = {name: share for name, share in self._most.items() if name != "cpu"}
        seconds = last.at_s - self._first.at_s
        if not cores or seconds <= 0:
            return Verdict()
        full = max(cores.values()) > self._settings.cpu_core_ratio
        detail = {
            "cpu_core_max_ratio": round(max(cores.values()), 3),
            "cpu_own_ratio": round((last.own_s - self._first.own_s) / seconds, 3),
        }
        if (mean := shares(self._first.stat, last.stat).get("cpu")) is not None:
            detail["cpu_mean_ratio"] = round(mean, 3)
        if last.pressure_us is not None and self._first.pressure_us is not None:
            detail["cpu_pressure_ratio"] = round((last.pressure_us - self._first.pressure_us) / 1e6 / seconds, 3)
        return Verdict(limits=(LIMITED,) if full else (), detail=detail)


def before(turn: Turn) -> Before:
    """Watch the processor before a heavy run."""
    return Before(turn.settings)


def during(turn: Turn) -> During:
    """Watch it during one."""
    return During(turn.settings)
