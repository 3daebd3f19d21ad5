"""What `doxa_p95_1d` says of a line's day: the day's own percentiles, and the rule's seven days that end on it.

The samples, the percentile and the rule are those of `assess`: a page and a paper that look at the same polls agree.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

from doxa_collector.assess.p95 import Contract, days_of, exceeds, judge_week
from doxa_collector.assess.p95_month import WeekFigures, week_figures
from doxa_collector.assess.percentile import percentile_of
from doxa_collector.assess.traffic import DIRECTIONS, PER_DAY, FiveMinutes, fullest, intervals_of, week_ending
from doxa_collector.period import Period
from doxa_collector.plans.model import Rule
from doxa_collector.rollups.pack import EPOCH
from doxa_collector.rollups.polled import LinePolls
from doxa_core.codes import OUTCOMES
from doxa_core.layers import Layer

WANTED: Final = tuple((way, layer) for way in DIRECTIONS for layer in (Layer.IP, Layer.WIRE))
_CONTRACT_WAYS: Final = {"download": "down", "upload": "up"}
Fields = dict[str, float | str | None]


def part(line: LinePolls, last: date) -> LinePolls:
    """Of a line's polls those that the seven days until `last` ask for: with the hour after them."""
    week = week_ending(last)
    first, until = (day.toordinal() - EPOCH for day in (week.first, week.last))
    days = {number: day for number, day in line.days.items() if first <= number <= until + 1}
    return LinePolls(site=line.site, link=line.link, first=first, last=until, days=days)


def fields_of(polls: LinePolls, contracts: Mapping[date, Contract] | None, last: date) -> Fields:
    """The day `last` and the seven days that end on it, from the polls of exactly these (`part`).

    `contracts`: what is in force on each of the days; None for a line that the rule is not about. Seven days of which one
    has no line in force are not judged, as no month judges them.
    """
    week, held = week_ending(last), contracts or {}
    found = week_figures(polls, held, WANTED) or _sorted_out(polls, held, week)
    told: Fields = {
        "samples_count": min(PER_DAY, found.samples[-1]),
        "week_samples_count": sum(min(PER_DAY, n) for n in found.samples),
    }
    for (way, layer), (of_day, of_week) in found.rates.items():
        told |= {f"{way}_p95_{layer}_mbps": of_day, f"{way}_week_p95_{layer}_mbps": of_week}
    if (contract := held.get(last)) is not None:
        share = Rule.P95_90.limit_percent / 100
        told |= {f"limit_{_CONTRACT_WAYS[way]}_mbps": share * rate for way, rate in contract.mbps.items()}
    if all(day in held for day in days_of(week)):
        told["week_outcome_code"] = OUTCOMES[found.outcome].number
        for direction, used in found.shares.items():
            told[f"{direction}_week_p95_ratio"] = used
            told[f"{direction}_week_over_flag"] = None if used is None else float(exceeds(used))
    return told


def _sorted_out(polls: LinePolls, contracts: Mapping[date, Contract], week: Period) -> WeekFigures:
    """The same by the samples themselves."""
    samples = [one for one in fullest(intervals_of(polls)) if week.first <= one.day <= week.last]
    counts = Counter(one.day for one in samples)
    own = [one for one in samples if one.day == week.last]
    judged = judge_week(samples, contracts, week)
    return WeekFigures(
        samples=tuple(counts[day] for day in days_of(week)),
        rates={name: (_p95(own, name), _p95(samples, name)) for name in WANTED},
        outcome=judged.outcome,
        shares={way.direction: way.share for way in judged.ways},
    )


def _p95(samples: Iterable[FiveMinutes], name: tuple[str, Layer]) -> float | None:
    found = percentile_of([one.rates[name] for one in samples if name in one.rates])
    return None if found is None else found.value
