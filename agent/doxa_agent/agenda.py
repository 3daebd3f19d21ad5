"""Which task starts next: the schedule of all tasks, driven by the clocks that the service hands in."""

from collections.abc import Iterable
from dataclasses import dataclass

from doxa_agent.plan import Task
from doxa_agent.schedule import Cadence, cadence_of, is_missed, next_due


@dataclass(slots=True)
class _Entry:
    task: Task
    cadence: Cadence
    due: float
    """By the monotonic clock."""


class Agenda:
    """Not thread-safe: the service's main loop owns it."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._entries: dict[str, _Entry] = {}
        self.missed = 0
        """Starts that were slept through (suspend, stalled machine) since the service began."""

    def plan(self, tasks: Iterable[Task], *, wall: float, monotonic: float) -> None:
        """Take over a plan; a task whose cadence did not change keeps its next start."""
        before, self._entries = self._entries, {}
        for task in tasks:
            cadence = cadence_of(self._agent, task.name, task.every_s, task.phase_s)
            old = before.get(task.name)
            same = old is not None and old.cadence == cadence
            due = old.due if old and same else next_due(cadence, wall=wall, monotonic=monotonic, last=None)
            self._entries[task.name] = _Entry(task, cadence, due)

    @property
    def next_at(self) -> float:
        """The monotonic time of the next start, infinity without tasks."""
        return min((entry.due for entry in self._entries.values()), default=float("inf"))

    def take_due(self, *, wall: float, monotonic: float) -> list[Task]:
        """The tasks to start now, earliest first; each gets its next start. Missed starts are counted and left out."""
        found = []
        for entry in sorted(self._entries.values(), key=lambda entry: entry.due):
            if entry.due > monotonic:
                break
            if is_missed(entry.cadence, due=entry.due, monotonic=monotonic):
                self.missed += 1
                entry.due = next_due(entry.cadence, wall=wall, monotonic=monotonic, last=None)
            else:
                found.append(entry.task)
                entry.due = next_due(entry.cadence, wall=wall, monotonic=monotonic, last=monotonic)
        return found
