"""What a viewer chose over the ledger, and how the runs of a choice are grouped. No series' or pages' code is used here."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import mean, median
from typing import Any, Final

from tests.dashboards.month import DAY, HOUR, MINUTE, ZONE_US, Books, Row, Window, day_of

from doxa_lab.grafana import ALL, Choice, Range

Key = tuple[tuple[str, ...], int | None]
"""The tags in the order of GROUP BY, and the time (ns) where the query goes through time."""
Rows = dict[Key, dict[str, Any]]
Told = dict[str, Rows]
"""By the query's letter."""
STEP: Final = 6 * HOUR
FIVE: Final = 5 * MINUTE


@dataclass(frozen=True)
class Asked:
    """A viewer's choice over the ledger."""

    books: Books
    choice: Choice
    other: Range | None = None
    """A range of the page's own in place of the month's."""

    @property
    def shown(self) -> Range:
        return self.other or self.books.month.shown

    @cached_property
    def from_us(self) -> int:
        return self.shown.from_ms * 1000

    @cached_property
    def to_us(self) -> int:
        return self.shown.to_ms * 1000

    @property
    def window(self) -> str:
        [found] = self.choice.values["window"]
        return found

    def takes(self, tags: Mapping[str, str], *names: str) -> bool:
        """Whether the viewer chose what has these tags."""
        return all(self.picks(name, tags.get(name, "")) for name in names)

    def picks(self, name: str, value: str) -> bool:
        chosen = list(self.choice.values[name])
        return chosen == [ALL] or value in chosen or (name == "province" and chosen == ["00"])

    def shows(self, at_us: int) -> bool:
        return self.from_us <= at_us <= self.to_us

    def windows(self, meter: str, length: str, *names: str) -> list[Window]:
        """Those in the range that the viewer chose by these tags."""
        return [w for w in self.books.windows(meter, length) if self.shows(w.at_us) and self.takes(w.tags, *names)]

    def steps(self, step: int = STEP) -> range:
        return range(floored(self.from_us, step), self.to_us + 1, step)


def floored(at_us: int, step: int) -> int:
    return at_us - (at_us + ZONE_US) % step


def grouped(
    found: Iterable[Window], by: str, columns: Callable[[Sequence[Window]], Mapping[str, float | None]], step: int = 0
) -> Rows:
    """One row for each combination of tags, and of steps."""
    groups: dict[Key, list[Window]] = defaultdict(list)
    for one in found:
        key = tuple(one.tags.get(tag, "") for tag in by.split())
        groups[key, floored(one.at_us, step) * 1000 if step else None].append(one)
    return {key: cells for key, ws in groups.items() if (cells := told(columns(ws)))}


def told(cells: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in cells.items() if value is not None}


def middle(found: Iterable[Window], value: str) -> float | None:
    """The median of the windows' medians."""
    medians = [median(column) for w in found if (column := w.column(value))]
    return median(medians) if medians else None


def loss(found: Iterable[Window]) -> float | None:
    sent = received = 0.0
    for window in found:
        if one := sum(window.column("sent_count")):
            sent, received = sent + one, received + sum(window.column("received_count"))
    return 1 - received / sent if sent else None


def share(found: Iterable[Window], flag: str) -> float | None:
    """Of all runs that came to an end, not of windows."""
    column = [value for w in found for value in w.column(flag)]
    return mean(column) if column else None


def carried(asked: Asked, values: Mapping[tuple[str, ...], Mapping[int, float]], name: str, by: int = STEP) -> Rows:
    """The latest value of each step, or of the one before."""
    found: Rows = {}
    for tags, at in values.items():
        now = None
        latest: dict[int, float] = {}
        for moment in sorted(moment for moment in at if asked.shows(moment)):
            latest[floored(moment, by)] = at[moment]
        for step in asked.steps(by):
            now = latest.get(step, now)
            if now is not None and latest:
                found[tags, step * 1000] = {name: now}
    return found


LINE: Final = ("province", "place", "site", "link", "kind")
BY_LINE: Final = "site link kind provider"


def told_at(books: Books) -> Iterator[int]:
    """The moments at which the registry's facts are told: hours of the last two days, midnights before."""
    first = floored(min(run.at_us for run in books.runs["speed"]), DAY)
    for at in range(first, books.month.now + 1, HOUR):
        if at >= books.month.now - 2 * DAY or (at + ZONE_US) % DAY == 0:
            yield at


def contracts(asked: Asked, from_us: int, to_us: int, *names: str) -> Iterator[tuple[int, Row, dict[str, str]]]:
    """Every contract at every moment at which it is told."""
    books = asked.books
    for at in told_at(books):
        if from_us <= at <= to_us:
            for row in books.on(day_of(at)):
                tags = books.tags(row.site, row.link, day_of(at))
                if asked.takes(tags, *names):
                    yield at, row, tags


def one_number(name: str, value: float | None) -> Told:
    return {"A": {} if value is None else {((), None): {name: value}}}


def here(asked: Asked, province: str) -> bool:
    """Whether the page shows a province: one without that variable shows all."""
    return "province" not in asked.choice.values or asked.picks("province", province)


Expected = Mapping[str, Callable[[Asked], Told]]
"""By a panel's key: from a choice to the rows of each of its queries."""
Choices = Sequence[tuple[str, str, Mapping[str, Sequence[str]]]]
"""A name, how variables that are not named are chosen (`one`, `several`, `all`, `none`), and those that are."""
