"""How one line itself stands against a level, in the period that is judged: apart from the verdict on the whole place."""

from dataclasses import dataclass
from statistics import fmean, median
from typing import Final

from sqlalchemy import Connection, func, select

from doxa_collector.ledger.schema import measurement
from doxa_collector.plans.model import Measure, Operator, Statistic
from doxa_core.outcome import Outcome

_COUNTED: Final = (Outcome.OK.value, Outcome.PROBE_LIMITED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The statistic of this line's own samples in the period."""

    value: float
    n: int
    meets: bool


def read_standing(
    conn: Connection, key: tuple[str, str], measure: Measure, operator: Operator, wanted: float, period: tuple[int, int]
) -> Standing | None:
    """The figure of the line `key` (site, link) within `period` [from, to) in microseconds; None without samples."""
    m = measurement.c
    number = func.json_extract(m["values"], f'$."{measure.value}"')
    query = select(number).where(
        m.site == key[0],
        m.link == key[1],
        m.meter == measure.meter,
        m.started_us >= period[0],
        m.started_us < period[1],
        m.outcome.in_(_COUNTED),
    )
    values = [float(value) for value in conn.execute(query).scalars() if value is not None]
    if not values:
        return None
    value = fmean(values) if measure.statistic is Statistic.MEAN else median(values)
    return Standing(value=value, n=len(values), meets=operator.holds(value, wanted))
