"""Remembers the latest runs over every line and says, run by run, whether the line is down."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from doxa_collector.alerts.own import NOT_OF_THE_LINE
from doxa_collector.ledger.record import Record
from doxa_collector.watch.runs import RECENT, ROUND_US, all_failed, deciding
from doxa_collector.watch.subject import Subject
from doxa_core.outcome import Outcome


class _Run(NamedTuple):
    started_us: int
    meter: str
    far_end: str | None
    family: int | None
    outcome: Outcome


@dataclass(slots=True)
class _Line:
    runs: list[_Run] = field(default_factory=list)
    """Newest first; of each meter at least `RECENT`, and all of its newest round."""
    meter: str = ""
    """The one that decided last."""
    down: bool = False

    def far_end(self) -> str:
        """The only one in the newest round of the meter that decides."""
        mine = [run for run in self.runs if run.meter == self.meter]
        names = {run.far_end for run in mine if mine[0].started_us - run.started_us < ROUND_US}
        return (names.pop() or "") if len(names) == 1 else ""


class Lines:
    """Every line that was ever measured: a dozen runs of each of its meters."""

    def __init__(self) -> None:
        self._lines: dict[Subject, _Line] = {}

    def is_down(self, subject: Subject) -> bool:
        """What its last judgement was; a line that nobody judged is not down."""
        found = self._lines.get(subject)
        return found is not None and found.down

    def far_end(self, subject: Subject) -> str:
        """The far end that the line is judged by, where it is a single one; empty else."""
        found = self._lines.get(subject)
        return "" if found is None else found.far_end()

    def against(self, far_end: str) -> Iterator[tuple[Subject, int, bool]]:
        """The lines that are judged by this far end alone: (line, start of the newest run, whether it is down)."""
        for subject, found in self._lines.items():
            if found.far_end() == far_end:
                yield subject, found.runs[0].started_us, found.down

    def pause_us(self, subject: Subject) -> int:
        """The time between the two newest runs of the meter that decides; 0 where there are not two."""
        found = self._lines.get(subject)
        starts = sorted({run.started_us for run in found.runs if run.meter == found.meter}) if found else []
        return starts[-1] - starts[-2] if len(starts) > 1 else 0

    def judge(self, subject: Subject, record: Record) -> bool | None:
        """Whether the line is down after this run; None where the run decides nothing (another meter does, or it is old)."""
        if record.meter in NOT_OF_THE_LINE:
            return None
        line = self._lines.get(subject)
        if line is None:
            line = self._lines[subject] = _Line()
        newest = _remember(
            line.runs, _Run(record.started_us, record.meter, record.far_end, record.family, record.outcome)
        )
        if newest and not line.down and record.meter == line.meter and record.outcome is not Outcome.FAILED:
            return False  # the common case: what decides came through
        decided = deciding(line.runs)
        if not newest or not decided:
            return None
        line.meter, line.down = decided[0].meter, all_failed(decided)
        return line.down if record.meter == line.meter else None


def _remember(runs: list[_Run], run: _Run) -> bool:
    """Keep the run at its place; whether none of its meter is newer."""
    of_meter = [known for known in runs if known.meter == run.meter]
    place = next((n for n, known in enumerate(runs) if known.started_us <= run.started_us), len(runs))
    runs.insert(place, run)
    if len(of_meter) >= RECENT and of_meter[-1].started_us < of_meter[0].started_us:
        runs.remove(of_meter[-1])
    return not of_meter or of_meter[0].started_us <= run.started_us
