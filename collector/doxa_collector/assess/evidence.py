"""What the ledger holds about a place in a period: its offices, their lines, and what was measured over them."""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from sqlalchemy import Connection, func, select

from doxa_collector.assess.inputs import Inputs, Row
from doxa_collector.ledger.schema import measurement
from doxa_collector.period import DAY_US, Period, day_of
from doxa_collector.plans.model import PlaceLevel, PlanPlace
from doxa_collector.rollups.kept import Kept
from doxa_collector.rollups.model import LineRuns, Source
from doxa_collector.rollups.pack import OFFSET_US
from doxa_collector.rollups.polled import KeptPolls, LinePolls, PollSource, RawPolls
from doxa_collector.rollups.pulses import Heard, hear
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
        for row in (*inputs.earlier, *inputs.link):  # each by site, link and first day
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
        """A line's states as the month's inputs have them, the oldest first, with what the contract promised in each.

        Also those that ended in the days before the month that the inputs look back to.
        """
        return self._states.get((site, link), ())

    def traffic(self, lines: Sequence[Line], period: Period) -> Iterator[LinePolls]:
        """The polls of those of these lines whose traffic was polled in a period, which may reach before the month."""
        wanted = {(line.site, line.link) for line in lines}
        source: PollSource = RawPolls(self._conn, self._last_id)
        if isinstance(self._source, Kept):
            source = KeptPolls(self._conn, self._source.position, last_id=self._last_id)
        found = source.read([site for site, _ in wanted], period, [link for _, link in wanted])
        return (line for line in found if (line.site, line.link) in wanted)

    def pulses(self, offices: Sequence[Office], from_us: int, to_us: int) -> dict[tuple[str, str], Pulse]:
        """What came through each (site, link) between two moments, of any meter.

        Whole days come from the rollups where these have counted just what is evidence here, the rest from the evidence.
        """
        found = defaultdict[tuple[str, str], Heard](Heard)
        first, end = -(-(from_us + OFFSET_US) // DAY_US), (to_us + OFFSET_US) // DAY_US
        spans = [(from_us, to_us)]
        for sites in _parts(tuple(office.site for office in offices)):
            if first < end and self._counted(from_us, to_us):
                hear(self._conn, sites, first, end - 1, found)
                spans = [(from_us, first * DAY_US - OFFSET_US), (end * DAY_US - OFFSET_US, to_us)]
            for start, stop in spans:
                if start < stop:
                    self._hear(sites, start, stop, found)
        return {line: Pulse(heard.outcomes, heard.failing_us) for line, heard in found.items()}

    def _counted(self, from_us: int, to_us: int) -> bool:
        """Whether the rollups have just the evidence of a time: of the period that is sure, of another only where they stand
        at the same measurement.
        """
        if not isinstance(self._source, Kept):
            return False
        inside = self.period.from_us <= from_us and to_us <= self.period.to_us
        return self._source.position == self._last_id or (inside and self._source.position > self._last_id)

    def _hear(self, sites: Sequence[str], from_us: int, to_us: int, found: Mapping[tuple[str, str], Heard]) -> None:
        m = measurement.c
        query = (
            select(m.site, m.link, m.outcome, func.count(), func.min(m.started_us), func.max(m.started_us))
            .where(m.site.in_(sites), m.started_us >= from_us, m.started_us < to_us, m.id <= self._last_id)
            .group_by(m.site, m.link, m.outcome)
        )
        for site, link, outcome, n, first_us, last_us in self._conn.execute(query):
            heard = found[site, link]
            heard.outcomes[Outcome(outcome)] += n
            if outcome == Outcome.FAILED:
                heard.failed(first_us, last_us)


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
