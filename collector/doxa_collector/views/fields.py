"""A line's month and a forecast for machines: numbers with their unit in the name; what is not known is absent."""

from collections.abc import Mapping
from typing import Any

from doxa_collector.assess import p95_words
from doxa_collector.statistics.fcc import FccShare, FccView
from doxa_collector.statistics.ispeed import MonthView
from doxa_collector.statistics.mean import Figure
from doxa_collector.statistics.missing import Counts
from doxa_collector.statistics.peak import Peak
from doxa_collector.statistics.qcvn import QcvnWay
from doxa_collector.views.capacity import CapacityMonth
from doxa_collector.views.delays import Delays
from doxa_collector.views.evening import EveningWeek
from doxa_collector.views.forecast import Forecast
from doxa_collector.views.month import LineMonth, PartView
from doxa_collector.views.speeds import Figures, Held, Speeds
from doxa_collector.views.uptime import Uptime
from doxa_core.language import Text

Fields = dict[str, Any]
_US = 1_000_000


def month_fields(month: LineMonth) -> Fields:
    """Everything of `views.month`."""
    return _known({
        "site": month.site,
        "link": month.link,
        "place": None if month.where is None else month.where.place,
        "period": month.period.month,
        "last_day": month.last.isoformat(),
        "running": month.running,
        "parts": [_part(part) for part in month.parts],
        "ispeed_like": {way: _ispeed(view) for way, view in month.ispeed.items()},
        "published": [_known({
            "place": one.place, "direction": one.direction, "statistic": one.statistic, "value_mbps": one.mbps,
            "n_count": one.n, "source": one.source, "mark": one.mark,
        }) for one in month.published],
        "capacity": None if month.capacity is None else _capacity(month, month.capacity),
        "evidence": dict(month.evidence),
    })  # fmt: skip


def forecast_fields(found: Forecast) -> Fields:
    """Everything of `views.forecast`; numbers in `unit`."""
    return _known({
        "answer": found.answer.value,
        "reason": found.found.reason or None,
        "text": _text(found.text),
        "notes": [_text(note) for note in found.notes],
        "target": found.target,
        "unit": found.unit,
        "due": found.due.month,
        "months": found.found.months,
        "forecast": None if found.found.value is None else _known({
            "value": found.found.value, "lower": found.found.lower, "upper": found.found.upper, "confidence": 0.8,
            "slope_per_month": found.found.slope,
        }),
        "points": [_known({
            "period": point.period.month, "value": point.value, "lower": point.lower, "upper": point.upper,
            "n_count": point.n, "plan_version": point.plan_version, "layer": point.layer, "left_out": point.why_not or None,
        }) for point in found.points],
        "line": [_known({
            "period": band.period.month, "value": band.value, "lower": band.lower, "upper": band.upper,
        }) for band in found.line],
    })  # fmt: skip


def _part(view: PartView) -> Fields:
    contract = view.part.contract
    return _known({
        "from": view.part.first.isoformat(),
        "to": view.part.last.isoformat(),
        "contract": None if contract is None else _known({
            "kind": contract.kind.value, "provider": contract.provider, "technology": contract.technology,
            "down_mbps": contract.down_mbps, "up_mbps": contract.up_mbps,
            "layer": None if contract.layer is None else contract.layer.value,
        }),
        "speed": None if view.speeds is None else _speeds(view.speeds),
        "latency": None if view.delays is None else _delays(view.delays),
        "fcc": None if view.evenings is None else _evenings(view.evenings),
        "availability": None if view.uptime is None else _uptime(view.uptime),
    })  # fmt: skip


def _speeds(found: Speeds) -> Fields:
    return {
        "meter": found.meter,
        "other_meters": dict(found.others),
        "layer": found.layer.value,
        "hours_layer": found.peak_layer.value,
        "figures": [
            {"direction": one.direction, "layer": one.layer.value, **_figures(one.own)} for one in found.figures
        ],
        "shares": [_held(one) for one in found.held],
        "runs": {way: _counts(counts) for way, counts in found.counts.items()},
        "qcvn": {way: _qcvn(one) for way, one in found.qcvn.items()},
        "hours": {window: {way: _peak(one) for way, one in ways.items()} for window, ways in found.peaks.items()},
    }


def _delays(found: Delays) -> Fields:
    return {
        "meter": found.meter,
        "figures": [
            *({"series": one.series, **_figures(one)} for one in found.figures),
            *({"series": name, "mean": _figure(mean)} for name, mean in found.means),
        ],
        "shares": [_held(one) for one in found.held],
        "runs": _counts(found.counts),
        "hours": {window: {name: _peak(one) for name, one in ways.items()} for window, ways in found.peaks.items()},
    }


def _figures(found: Figures) -> Fields:
    named = {"mean": found.mean, "median": found.median, "p5": found.p5, "p95": found.p95, "at_least": found.at_least}
    return {name: _figure(figure) for name, figure in named.items() if figure is not None}


def _figure(found: Figure) -> Fields:
    return _known({
        "value": found.value, "n_count": found.n, "day_count": found.days, "lower": found.lower, "upper": found.upper,
        "effective_n": found.effective_n,
    })  # fmt: skip


def _held(found: Held) -> Fields:
    return _known({
        "series": found.series, "plan": None if found.demand is None else found.demand.plan,
        "target": None if found.demand is None else found.demand.target, "operator": found.operator.value,
        "level": found.target, "met_count": found.met, "share": None if found.share is None else _figure(found.share),
        "independent": None if found.independent is None else _figure(found.independent),
        "worst_ratio": found.extremes.worst, "best_ratio": found.extremes.best,
    })  # fmt: skip


def _counts(found: Counts) -> Fields:
    return {
        "due_count": found.due, "measured_count": found.measured, "probe_limited_count": found.probe_limited,
        "failed_count": found.failed, "skipped_count": found.skipped, "error_count": found.error,
        "without_value_count": found.without_value,
    }  # fmt: skip


def _qcvn(found: QcvnWay) -> Fields:
    return _known({
        "contracted_mbps": found.contracted_mbps, "mean": None if found.mean is None else _figure(found.mean),
        "share_ratio": found.share, "sample_count": found.samples, "needed_count": found.needed,
        "hour_count": found.spread.hours, "meets": found.meets,
    })  # fmt: skip


def _evenings(found: EveningWeek) -> Fields:
    return {
        "from": found.first.isoformat(),
        "to": found.last.isoformat(),
        "layer": found.layer.value,
        "runs": {outcome.value: n for outcome, n in sorted(found.outcomes.items())},
        **{way: {"speed_mbps": found.speed_mbps[way], **_fcc(view)} for way, view in found.ways.items()},
    }


def _fcc(view: FccView) -> Fields:
    return _known({
        "hour_count": view.hours, "met": view.met, "speed": _condition(view.speed), "latency": _condition(view.latency),
    })  # fmt: skip


def _condition(found: FccShare) -> Fields:
    return _known({
        "claim_ratio": found.claim, "needed_count": found.needed, "shown": found.shown.value,
        "independent": None if found.figure is None else _figure(found.figure),
        "by_days": None if found.by_days is None else _figure(found.by_days),
    })  # fmt: skip


def _ispeed(found: MonthView) -> Fields:
    return _known({
        "median": None if found.median is None else _figure(found.median),
        "mean": None if found.mean is None else _figure(found.mean),
        "sample_count": found.samples, "needed_count": found.needed,
    })  # fmt: skip


def _peak(found: Peak) -> Fields:
    gap = found.difference
    return _known({
        "inside": None if found.inside is None else _figure(found.inside),
        "outside": None if found.outside is None else _figure(found.outside),
        "difference": None if gap is None else _known({
            "value": gap.value, "day_count": gap.days, "lower": gap.lower, "upper": gap.upper,
        }),
    })  # fmt: skip


def _uptime(found: Uptime) -> Fields:
    known = found.found
    return _known({
        "share_ratio": known.share, "worst_ratio": known.worst, "best_ratio": known.best, "up_s": known.up_us / _US,
        "down_s": known.down_us / _US, "unknown_s": known.unknown_us / _US, "outage_count": known.outages,
        "longest_s": known.longest_us / _US, "longest_possible_s": known.longest_possible_us / _US,
        "meter": found.meter, "run_count": found.runs, "failed_count": found.failed, "step_s": found.step_us / _US,
        "unknown_by_cause_s": {cause: us / _US for cause, us in found.unknown_us.items()},
    })  # fmt: skip


def _capacity(month: LineMonth, found: CapacityMonth) -> Fields:
    return {
        "series": found.series,
        "span_count": found.spans,
        "above_count": found.above,
        "open_count": found.open,
        "latest": p95_words.as_json(month.site, month.link, found.latest),
        "fullest": p95_words.as_json(month.site, month.link, found.fullest),
    }


def _text(text: Text) -> Fields:
    return {"vi": text.vi, "en": text.en}


def _known(found: Mapping[str, Any]) -> Fields:
    return {key: value for key, value in found.items() if value is not None}
