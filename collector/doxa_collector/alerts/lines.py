"""Remembers the latest runs over every line and says, run by run, whether the line is down."""

from dataclasses import dataclass, field
from typing import NamedTuple

from doxa_collector.alerts.own import NOT_OF_THE_LINE
from doxa_collector.ledger.record import Record
from doxa_collector.watch.runs import RECENT, all_failed, deciding
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


class Lines:
    """Every line that was ever measured: a dozen runs of each of its meters."""

    def __init__(self) -> None:
        self._lines: dict[Subject, _Line] = {}

    def is_down(self, subject: Subject) -> bool:
        """What its last judgement was; a line that nobody judged is not down."""
        found = self._lines.get(subject)
        return found is not None and found.down

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
