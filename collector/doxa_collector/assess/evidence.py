"""What the ledger holds about a place in a period: its offices, their lines, and what was measured over them."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, func, select

from doxa_collector.assess.inputs import Inputs
from doxa_collector.assess.period import DAY_US, Period, local_day
from doxa_collector.ledger.schema import measurement
from doxa_collector.plans.model import PlaceLevel, PlanPlace
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome

_CHUNK = 500  # names in one statement: databases limit their number


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
class Sample:
    """One run of a meter, of any outcome."""

    id: int
    site: str
    link: str
    day: date
    """In Vietnam."""
    outcome: Outcome
    values: Mapping[str, float]
    digest: bytes = b""
    """SHA-256 of the line as the probe signed it."""
    contract: Layer | None = None
    """The layer that the line's contract named then."""


def named(samples: Iterable[Sample]) -> dict[str, Any]:
    """What a verdict stood on, for whoever wants to check it: how many runs, the first and the last, and their hash.

    The hash is SHA-256 over the SHA-256 of each signed line, in the order of their ids.
    """
    found = sorted((sample.id, sample.digest) for sample in samples)
    if not found:
        return {"n": 0}
    whole = sha256(b"".join(digest for _, digest in found)).hexdigest()
    return {"n": len(found), "first": found[0][0], "last": found[-1][0], "sha256": whole}


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
    """The ledger's evidence for one period, read once per (place, meter) however many targets ask."""

    def __init__(self, conn: Connection, period: Period, day: date, inputs: Inputs, last_id: int) -> None:
        self.period = period
        self.day = day
        """The day whose registry counts: the last of the period, or today in an open one."""
        self.inputs = inputs
        self._conn = conn
        self._last_id = last_id  # what came later is no evidence here, so a month can be judged again
        self._offices = _offices_of(inputs, day)
        self._runs: dict[tuple[str, tuple[str, ...]], list[Sample]] = {}

    def offices(self, where: PlanPlace) -> list[Office]:
        """The offices of a plan's place: of its own commune, of its members, or of the whole province."""
        if where.level is PlaceLevel.PROVINCE:
            return [office for office in self._offices if office.province == where.code]
        codes = set(where.members) or {where.code}
        return [office for office in self._offices if office.place in codes]

    def samples(self, offices: Sequence[Office], meter: str, kind: LinkKind) -> list[Sample]:
        """Every run of `meter` in the period over lines of these offices that were of `kind` on that day."""
        key = (meter, tuple(office.site for office in offices))
        if key not in self._runs:
            self._runs[key] = list(self._read(*key))
        lines = defaultdict[tuple[str, str], list[Line]](list)
        for line in (line for office in offices for line in office.lines if line.kind is kind):
            lines[line.site, line.link].append(line)
        return list(_in_force(self._runs[key], lines))

    def _read(self, meter: str, sites: tuple[str, ...]) -> Iterator[Sample]:
        m, period = measurement.c, self.period
        for part in _parts(sites):
            query = select(m.id, m.site, m.link, m.started_us, m.outcome, m["values"], m.digest).where(
                m.site.in_(part), m.meter == meter, m.started_us >= period.from_us, m.started_us < period.to_us,
                m.id <= self._last_id,
            )  # fmt: skip
            for row_id, site_name, link_name, started_us, outcome, values, digest in self._conn.execute(query):
                yield Sample(
                    id=row_id,
                    site=site_name,
                    link=link_name,
                    day=local_day(started_us),
                    outcome=Outcome(outcome),
                    values=json.loads(values),
                    digest=digest,
                )

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


def _in_force(samples: Iterable[Sample], lines: Mapping[tuple[str, str], list[Line]]) -> Iterator[Sample]:
    for sample in samples:
        for line in lines.get((sample.site, sample.link), ()):
            if line.valid_on(sample.day):
                yield sample if line.layer is None else replace(sample, contract=line.layer)
                break


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
