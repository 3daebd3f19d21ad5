"""The contract of the installer's checklist: one file in `checklist/`, found by its name, that looks at one thing.

A check's module has these names:

    ORDER: int                                     its place in the list, low first
    TITLE: Text                                    what people call it
    def look(scene: Scene) -> Iterator[Item]       one line per thing looked at; never raises for the surroundings

Each line says what was found, and where it is not good, what to do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from doxa_agent.config import Settings
from doxa_agent.meter import FarEnd, Link
from doxa_agent.plan import Plan
from doxa_core.language import Text


class State(StrEnum):
    """How a thing stands."""

    GOOD = "good"
    WARNING = "warning"
    """The probe works, but a number may need explaining."""
    BAD = "bad"
    """The installation is not finished."""
    SKIPPED = "skipped"
    """Not looked at; the value says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of the checklist."""

    key: str
    """Stable, for machines: `nic.internet`."""
    title: Text
    state: State
    value: Text
    """What was found."""
    advice: Text | None = None
    """What to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the checks look at."""

    settings: Settings
    plan: Plan | None
    """None where it cannot be read: a check of its own says so."""
    speed: bool = True
    """Whether the line may be loaded for two seconds each way."""

    @property
    def links(self) -> tuple[Link, ...]:
        """The links in the file's order."""
        return tuple(self.settings.links.values())

    def ways(self) -> Iterator[tuple[Link, FarEnd, frozenset[str]]]:
        """Each link with each far end that the plan measures over it, and by which meters."""
        found: dict[tuple[str, str], set[str]] = {}
        for task in self.plan.tasks if self.plan else ():
            for far_end in task.far_ends:
                found.setdefault((task.link.name, far_end.name), set()).add(task.meter.kind)
        for (link, name), kinds in found.items():
            if self.plan is not None:
                yield self.settings.links[link], self.plan.far_ends[name], frozenset(kinds)


def same(text: str) -> Text:
    """What is written alike in both languages: numbers with units, addresses, names."""
    return Text(vi=text, en=text)
