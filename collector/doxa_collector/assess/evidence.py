"""What the ledger holds about a place in a period: its offices, their lines, and what was measured over them."""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from sqlalchemy import Connection, func, select

from doxa_collector.assess.inputs import Inputs, Row
from doxa_collector.assess.traffic import Poll, read_polled, read_polls
from doxa_collector.ledger.schema import measurement
from doxa_collector.period import DAY_US, Period, day_of
from doxa_collector.plans.model import PlaceLevel, PlanPlace
from doxa_collector.rollups.model import LineRuns, Source
from doxa_collector.rollups.raw import Raw
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome

_CHUNK: Final = 500  # names in one statement: databases limit their number
_PLACES_KEPT: Final = 4  # (place, meter) pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One state of a link, as the registry has it."""

    site: str
    link: str
    kind: LinkKind
    layer: Layer | None
    """The layer that the contract names; None: it names none."""
    valid_from: str
    valid_to: str | None

    def valid_on(self, day: date) -> bool:
        """Whether this state holds on `day`."""
        return self.valid_from <= day.isoformat() and (self.valid_to is None or day.isoformat() <= self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """One site, with the unit that it belongs to on the day of the judgement."""

    site: str
    name: str
    place: str
    province: str
    commune: bool
    """Whether that unit is a commune."""
    lines: tuple[Line, ...]

    def lines_on(self, day: date, kind: LinkKind | None = None) -> list[Line]:
        """The lines in force on `day`, all or those of a kind."""
        return [line for line in self.lines if line.valid_on(day) and kind in (None, line.kind)]


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """A line's runs on the days of the period on which it was of the kind that is asked for."""

    runs: LineRuns
    layers: frozenset[Layer | None]
    """The layers that its contracts named on these days; None: one that names none."""


@dataclass(slots=True)
class Pulse:
    """What came through a line lately, of any meter."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    failing_us: int = 0
    """Between the first and the last failure."""

    @property
    def through(self) -> int:
        """Runs that reached the far end."""
        return self.outcomes[Outcome.OK] + self.outcomes[Outcome.PROBE_LIMITED]

    @property
    def broken(self) -> int:
        """Runs that the line or the far end did not answer."""
        return self.outcomes[Outcome.FAILED]

    def dead(self, least: int, days: float) -> bool:
        """Whether the line is down for certain: nothing through, and enough failures over enough time."""
        return not self.through and self.broken >= least and self.failing_us >= days * DAY_US


class Evidence:
    """The ledger's evidence for one period, read once per (place, meter) however many targets of a plan ask.

    `source` gives the runs: the evidence itself up to `last_id`, or what is kept of it (which must stand at `last_id`).
    """

    def __init__(
        self, conn: Connection, period: Period, day: date, inputs: Inputs, last_id: int, source: Source | None = None
    ) -> None:
        self.period = period
        self.day = day
        """The day whose registry counts: the last of the period, or today in an open one."""
        self.inputs = inputs
        self._conn = conn
        self._last_id = last_id  # what came later is no evidence here, so a month can be judged again
        self._source = Raw(conn, last_id) if source is None else source
        self._offices = _offices_of(inputs, day)
        self._states = defaultdict[tuple[str, str], list[Row]](list)
        for row in inputs.link:  # by site, link and first day
            self._states[row["site"], row["link"]].append(row)
        self._probed = frozenset(row["site"] for row in inputs.probe)
        self._read: OrderedDict[tuple[str, tuple[str, ...]], list[LineRuns]] = OrderedDict()

    def offices(self, where: PlanPlace) -> list[Office]:
        """The offices of a plan's place: of its own commune, of its members, or of the whole province or country."""
        if where.level is PlaceLevel.COUNTRY:
            return list(self._offices)
        if where.level is PlaceLevel.PROVINCE:
            return [office for office in self._offices if office.province == where.code]
        codes = set(where.members) or {where.code}
        return [office for office in self._offices if office.place in codes]

    def probed(self, office: Office) -> bool:
        """Whether the registry has a probe at this office."""
        return office.site in self._probed

    def runs(self, offices: Sequence[Office], meter: str, kind: LinkKind) -> list[InForce]:
        """The runs of `meter` in the period over the lines of these offices, on the days on which they were of `kind`.

        In the order of (site, link); a line without a run is absent. `ValueError` for a meter that is not rolled up.
        """
        states = defaultdict[tuple[str, str], list[Line]](list)
        for line in (line for office in offices for line in office.lines if line.kind is kind):
            states[line.site, line.link].append(line)
        found = ((runs, states.get((runs.site, runs.link), ())) for runs in self._all_runs(offices, meter))
        return [one for one in (_in_force(runs, lines) for runs, lines in found if lines) if one is not None]

    def _all_runs(self, offices: Sequence[Office], meter: str) -> list[LineRuns]:
        """Read once for the targets of one place, which come one after the other; a country does not fit in memory."""
        key = (meter, tuple(sorted(office.site for office in offices)))
        if key not in self._read:
            self._read[key] = list(self._source.read(key[1], meter, self.period))
            while len(self._read) > _PLACES_KEPT:
                self._read.popitem(last=False)
        self._read.move_to_end(key)
        return self._read[key]

    def states(self, site: str, link: str) -> Sequence[Row]:
        """A line's states as the month's inputs have them, the oldest first, with what the contract promised in each."""
        return self._states.get((site, link), ())

    def polled(self, lines: Sequence[Line], period: Period) -> set[tuple[str, str]]:
        """Those of these lines, as (site, link), whose traffic was polled in a period."""
        wanted, found = {(line.site, line.link) for line in lines}, set[tuple[str, str]]()
        links = sorted({link for _, link in wanted})
        for sites in _parts(sorted({site for site, _ in wanted})):
            for names in _parts(links):
                found |= read_polled(self._conn, sites, names, period, self._last_id)
        return found & wanted

    def polls(self, site: str, link: str, period: Period) -> list[Poll]:
        """The polls of a line's traffic in a period, which may reach before the month (`traffic.read_polls`)."""
        return read_polls(self._conn, site, link, period, self._last_id)

    def pulses(self, offices: Sequence[Office], from_us: int, to_us: int) -> dict[tuple[str, str], Pulse]:
        """What came through each (site, link) between two moments, of any meter."""
        m, found = measurement.c, defaultdict[tuple[str, str], Pulse](Pulse)
        for part in _parts(tuple(office.site for office in offices)):
            query = (
                select(m.site, m.link, m.outcome, func.count(), func.max(m.started_us) - func.min(m.started_us))
                .where(m.site.in_(part), m.started_us >= from_us, m.started_us < to_us, m.id <= self._last_id)
                .group_by(m.site, m.link, m.outcome)
            )
            for site_name, link_name, outcome, n, span_us in self._conn.execute(query):
                pulse = found[site_name, link_name]
                pulse.outcomes[Outcome(outcome)] += n
                if outcome == Outcome.FAILED:
                    pulse.failing_us = span_us
        return dict(found)


def _in_force(runs: LineRuns, lines: Sequence[Line]) -> InForce | None:
    layers: set[Layer | None] = set()
    days = set()
    for number in runs.outcomes:
        day = day_of(number)
        line = next((line for line in lines if line.valid_on(day)), None)
        if line is not None:
            days.add(number)
            layers.add(line.layer)
    return InForce(runs=runs.on(days), layers=frozenset(layers)) if days else None


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _CHUNK):
        yield names[start : start + _CHUNK]


def _offices_of(inputs: Inputs, day: date) -> list[Office]:
    """Every site whose unit exists on `day`, in the order of their names."""
    lines = defaultdict[str, list[Line]](list)
    for row in inputs.link:
        layer = row.get("layer")
        lines[row["site"]].append(
            Line(
                site=row["site"],
                link=row["link"],
                kind=LinkKind(row["kind"]),
                layer=None if layer is None else Layer(layer),
                valid_from=row["valid_from"],
                valid_to=row.get("valid_to"),
            )
        )
    units = {row["code"]: row for row in inputs.place if _holds(row["valid_from"], row.get("valid_to"), day)}
    return [
        Office(
            site=row["site"],
            name=row["name"],
            place=row["place_code"],
            province=units[row["place_code"]]["province"],
            commune=units[row["place_code"]]["level"] == PlaceLevel.COMMUNE,
            lines=tuple(lines[row["site"]]),
        )
        for row in inputs.site
        if row["place_code"] in units
    ]


def _holds(valid_from: str, valid_to: str | None, day: date) -> bool:
    return valid_from <= day.isoformat() and (valid_to is None or day.isoformat() <= valid_to)
