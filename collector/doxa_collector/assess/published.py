"""Published figures (i-Speed) that a person imported: shown beside what the probes measured, never mixed with it."""

from dataclasses import dataclass

from doxa_collector.assess.inputs import Inputs
from doxa_collector.plans.model import Measure, Statistic


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One published figure, with the statistic that it is."""

    place: str
    value: float
    statistic: str
    source: str
    mark: str


def published_figures(inputs: Inputs, measure: Measure) -> dict[str, Published]:
    """The figures of the month for the kind of line and the direction, by place.

    Of several for one place the one of the measure's statistic is taken, then the one imported last.
    """
    kind, way = measure.link_kind.value, direction_of(measure.value)
    rows = [row for row in inputs.figure if row["link_kind"] == kind and row["direction"] == way]
    found: dict[str, Published] = {}
    for row in sorted(rows, key=lambda row: (row["imported_us"], row["id"])):
        code, statistic = row["place_code"], row["statistic"]
        before = found.get(code)
        if before is None or before.statistic != measure.statistic or statistic == measure.statistic:
            found[code] = Published(
                place=code, value=row["value_mbps"], statistic=statistic, source=row["source"], mark=row["mark"]
            )
    return found


def of_statistic(figures: dict[str, Published], statistic: Statistic) -> dict[str, Published]:
    """Only the figures that are the wanted statistic: a median is not ranked among means."""
    return {code: figure for code, figure in figures.items() if figure.statistic == statistic}


def direction_of(value: str) -> str:
    """`download` or `upload`, from the name of a measured value."""
    return value.partition("_")[0]
