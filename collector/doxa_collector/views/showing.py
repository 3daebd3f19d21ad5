"""A line's month and a forecast as lines of text, in the language in force."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from doxa_collector.assess import p95_words
from doxa_collector.statistics.ispeed import LABEL
from doxa_collector.statistics.mean import Figure
from doxa_collector.views import words
from doxa_collector.views.delays import Delays
from doxa_collector.views.forecast import Forecast
from doxa_collector.views.month import LineMonth, PartView
from doxa_collector.views.speeds import Figures, Held, Speeds
from doxa_core.language import Text, language

_COLUMNS: Final = ("mean", "median", "p5", "p95")


def month_lines(month: LineMonth) -> Iterator[str]:
    """The whole month."""
    title = _RUNNING.fill(last=words.day(month.last)) if month.running else Text(vi="", en="")
    yield str(_HEAD.fill(site=month.site, link=month.link, month=month.period.first.strftime("%m/%Y"), tail=title))
    if month.empty:
        yield str(_NOTHING)
        return
    for part in month.parts:
        yield ""
        yield from _part(part)
    yield from _ispeed(month)
    if month.capacity is not None:
        yield from ("", str(_CAPACITY))
        yield f"  {words.capacity(month.capacity)}"
        yield from (f"  {p95_words.sentence(way)}" for way in month.capacity.latest.ways)
    evidence = month.evidence
    if evidence.get("n"):
        yield from ("", str(_EVIDENCE.fill(**{key: evidence[key] for key in ("n", "first", "last", "sha256")})))


def forecast_lines(found: Forecast) -> Iterator[str]:
    """The sentence, what belongs to it, and the months."""
    yield str(found.text)
    yield from (f"  {note}" for note in found.notes)
    for point in found.points:
        value = "–" if point.value is None else str(words.amount(point.value, 2))
        yield f"  {point.period.first:%m/%Y}  {value:>10} {found.unit}  n = {point.n}" + (
            f"  ({_LEFT_OUT})" if point.why_not else ""
        )


def _part(view: PartView) -> Iterator[str]:
    yield str(words.part_title(view.part))
    if view.speeds is not None:
        yield from _speeds(view.speeds)
    if view.evenings is not None:
        yield f"  FCC 80/80 – {words.week_words(view.evenings)}"
        yield from (f"    {words.evening(view.evenings, way)}" for way in view.evenings.ways)
    if view.delays is not None:
        yield from _delays(view.delays)
    if view.uptime is not None:
        yield f"  {words.uptime(view.uptime)}"
        yield f"    {words.uptime_evidence(view.uptime)}"
    if view.speeds is None and view.delays is None and view.uptime is None:
        yield f"  {_NOTHING}"


def _speeds(found: Speeds) -> Iterator[str]:
    yield f"  {words.METERS[found.meter]}"
    rows = [(f"{words.DIRECTIONS[one.direction]}, {words.layer_words(one.layer)}", one.own) for one in found.figures]
    yield from _table(rows)
    yield from (f"  {words.DIRECTIONS[way]}: {words.missing(counts)}" for way, counts in found.counts.items())
    yield from _held(found.held)
    yield from (f"  QCVN 34 – {words.qcvn(one, way)}" for way, one in found.qcvn.items())
    for window, ways in found.peaks.items():
        yield f"  {words.WINDOWS[window]}:"
        yield from (f"    {words.peak(one, words.rate(way, found.peak_layer), 'Mbps', 1)}" for way, one in ways.items())


def _delays(found: Delays) -> Iterator[str]:
    yield f"  {words.METERS[found.meter]}: {words.missing(found.counts)}"
    yield from _table([(str(words.SERIES[one.series]), one) for one in found.figures])
    for name, mean in found.means:
        yield f"  {words.SERIES[name]}: {_MEAN} {_figure(mean, words.decimals_of(name))} {words.unit_of(name)}"
    yield from _held(found.held)
    for window, ways in found.peaks.items():
        yield f"  {words.WINDOWS[window]}:"
        yield from (f"    {words.peak(one, words.LATENCY, 'ms', 2)}" for one in ways.values())


def _held(found: Iterable[Held]) -> Iterator[str]:
    for held in found:
        label = "" if held.demand is None else f"{held.demand.label}: "
        yield f"  {label}{words.held(held)}"
        if (ends := words.extremes(held)) is not None:
            yield f"    {ends}"


def _ispeed(month: LineMonth) -> Iterator[str]:
    if not month.ispeed:
        return
    yield from ("", f"i-Speed: {LABEL}")
    yield from (f"  {words.ispeed(view, way)}" for way, view in month.ispeed.items())
    for one in month.published:
        text = _PUBLISHED.fill(
            place=words.place_of(month.where, one.place), direction=words.DIRECTIONS[one.direction],
            value=words.amount(one.mbps, 2), statistic=words.STATISTICS[one.statistic], source=one.source, mark=one.mark,
        )  # fmt: skip
        yield f"  {text}"
    if not month.published:
        yield f"  {_NOT_ENTERED}"


def _table(rows: Sequence[tuple[str, Figures]]) -> Iterator[str]:
    """One row a series: n, then each figure with its bounds."""
    cells = [["", "n", *(head.in_language(language()) for head in _HEADS)]]
    for name, found in rows:
        decimals, unit = words.decimals_of(found.series), words.unit_of(found.series)
        figures = [getattr(found, column) for column in _COLUMNS]
        cells.append([f"{name} ({unit})", str(found.n), *(_figure(figure, decimals) for figure in figures)])
        if found.at_least is not None:
            cells.append([f"  {_AT_LEAST}", str(found.at_least.n), _figure(found.at_least, decimals), "", "", ""])
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for row in cells:
        yield (
            "  "
            + "  ".join(
                [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
            ).rstrip()
        )
    for _, found in rows:
        if found.mean is not None and (few := words.few(found.n, found.mean.days)) is not None:
            yield f"  {few}"
            break


def _figure(found: Figure | None, decimals: int) -> str:
    if found is None:
        return "–"
    bounds = words.bounds(found, decimals)
    return str(words.amount(found.value, decimals)) + ("" if bounds is None else f" ({bounds})")


_HEADS: Final = (
    Text(vi="trung bình", en="mean"),
    Text(vi="trung vị", en="median"),
    Text(vi="p5", en="p5"),
    Text(vi="p95", en="p95"),
)
_MEAN: Final = Text(vi="trung bình", en="mean")
_HEAD: Final = Text(vi="{site} / {link} · tháng {month}{tail}", en="{site} / {link} · {month}{tail}")
_RUNNING: Final = Text(vi=" (đang chạy, tính đến {last})", en=" (running, up to {last})")
_NOTHING: Final = Text(vi="chưa có số liệu", en="no figures yet")
_CAPACITY: Final = Text(vi="Dung lượng TSLCD (TT 06/2026 Đ.5.6)", en="TSLCD capacity (TT 06/2026, Art. 5.6)")
_EVIDENCE: Final = Text(
    vi="Căn cứ: {n} phép đo, số {first} đến {last}, SHA-256 {sha256}",
    en="Evidence: {n} measurements, numbers {first} to {last}, SHA-256 {sha256}",
)
_PUBLISHED: Final = Text(
    vi="i-Speed công bố, {place}: {direction} {statistic} {value} Mbps ({source}) [{mark}]",
    en="i-Speed published, {place}: {direction} {statistic} {value} Mbps ({source}) [{mark}]",
)
_NOT_ENTERED: Final = Text(
    vi="số i-Speed công bố của tháng này: chưa nhập", en="i-Speed's figures of this month: not entered"
)
_AT_LEAST: Final = Text(vi="ít nhất, kể cả lần bị thiết bị đo giới hạn", en="at least, with what the probe limited")
_LEFT_OUT: Final = Text(vi="không tính", en="left out")
