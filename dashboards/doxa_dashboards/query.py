"""InfluxQL by parts: a query that is built here is quoted rightly and names only what somebody writes.

InfluxQL is the one language that InfluxDB 1, 2 (by DBRP mapping) and 3 all answer. A `Select` is checked against the
catalogue when it is made, so a page with a wrong name cannot even be built.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from doxa_core.errors import DoxaError
from doxa_core.language import Text
from doxa_dashboards.catalogue import Series, Tier, check_columns, flag_counts, look_up

OFFSET: Final = "-7h"
"""Steps begin at Vietnamese midnight, said with each step: under `tz()` InfluxDB 2.7 cuts the rows of a subquery by steps of
UTC, and a step that 7 h is no multiple of comes in pieces (seen with 2.7.12; 1.6.7 does it right). Vietnam has no summer time.
"""
INTERVAL: Final = "$__interval"
"""The step that Grafana finds for the panel's width and range."""
TIME_FILTER: Final = "$timeFilter"
"""Grafana puts the dashboard's range in its place."""
RANGE_END: Final = "${__to}ms"
"""The end of the dashboard's range."""
_PLACE = re.compile(r"\{(\w+)\}")
_DURATION = re.compile(r"\d+(?:s|m|h|d|w)")


class QueryError(DoxaError):
    """A query that cannot be: a defect of the page that builds it."""


def quoted(name: str) -> str:
    """A measurement, tag, field or alias in double quotes."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def literal(value: str) -> str:
    """A text in single quotes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def pattern(regex: str) -> str:
    """A regular expression (RE2) between slashes."""
    return "/" + regex.replace("/", r"\/") + "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What one column of the answer holds, and the names it is made of."""

    text: str
    fields: frozenset[str]
    name: str
    """The column's name in the answer (`AS`); Grafana shows it where no alias says otherwise."""

    def named(self, name: str) -> "Column":
        """The same under another name."""
        return replace(self, name=name)


def field(name: str, alias: str | None = None) -> Column:
    """A field or tag as it was written, one row a point."""
    return Column(text=quoted(name), fields=frozenset({name}), name=alias or name)


def _aggregate(function: str, of: str, alias: str | None, argument: str = "") -> Column:
    return Column(text=f"{function}({quoted(of)}{argument})", fields=frozenset({of}), name=alias or of)


def mean(of: str, alias: str | None = None) -> Column:
    """The arithmetic mean of a field."""
    return _aggregate("mean", of, alias)


def median(of: str, alias: str | None = None) -> Column:
    """The median of a field."""
    return _aggregate("median", of, alias)


def last(of: str, alias: str | None = None) -> Column:
    """The newest value of a field."""
    return _aggregate("last", of, alias)


def largest(of: str, alias: str | None = None) -> Column:
    """The largest value of a field."""
    return _aggregate("max", of, alias)


def smallest(of: str, alias: str | None = None) -> Column:
    """The smallest value of a field."""
    return _aggregate("min", of, alias)


def total(of: str, alias: str | None = None) -> Column:
    """The sum of a field."""
    return _aggregate("sum", of, alias)


def number_of(of: str, alias: str | None = None) -> Column:
    """How many points have the field."""
    return _aggregate("count", of, alias)


def percentile(of: str, share: int, alias: str | None = None) -> Column:
    """The value that `share` percent of the points do not exceed (nearest rank)."""
    return _aggregate("percentile", of, alias, f", {share}")


def grown(of: str, alias: str | None = None) -> Column:
    """By how much a counter grew from step to step; a counter that began anew tells nothing. Only in `over_time`."""
    return Column(text=f"non_negative_difference(last({quoted(of)}))", fields=frozenset({of}), name=alias or of)


def computed(formula: str, alias: str, **parts: Column) -> Column:
    """Arithmetic on columns: `computed("1 - {a} / {b}", "loss", a=total("x"), b=total("y"))`.

    InfluxQL gives 0 for a division by zero: keep the divisor above zero by a condition.
    """
    wanted = set(_PLACE.findall(formula))
    if wanted != set(parts):
        raise QueryError(Text(vi=f"công thức «{formula}» thiếu phần", en=f"the formula '{formula}' lacks a part"))
    told = _PLACE.sub(lambda found: parts[found[1]].text, formula)
    return Column(text=told, fields=frozenset().union(*(part.fields for part in parts.values())), name=alias)


def lost(alias: str = "loss") -> Column:
    """The share of lost packets of any time: by the counts, never a mean of ratios. Needs `sent()` as a condition."""
    return computed("1 - {r} / {s}", alias, r=total("received_count_sum"), s=total("sent_count_sum"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One part of WHERE, and the names it is made of."""

    text: str
    columns: frozenset[str]


def chosen(*variables: str) -> tuple[Condition, ...]:
    """Each tag is one of the values that the viewer chose in the variable of the same name; "all" is any or none."""
    return tuple(chosen_as(name, name) for name in variables)


def chosen_as(tag: str, variable: str) -> Condition:
    """A tag is one of the values chosen in a variable of another name."""
    return Condition(text=f"{quoted(tag)} =~ {pattern(f'^${{{variable}:regex}}$')}", columns=frozenset({tag}))


def chosen_or_any(tag: str, everything: str) -> Condition:
    """A tag is the value chosen in the variable of the same name, or any where the viewer chose `everything`: a page of
    the country's own figures (`variables.province_or_country`) lists with it what carries its province only.

    The server compares the two texts once, before it reads anything.
    """
    all_of_it = f"{literal(f'${{{tag}:raw}}')} = {literal(everything)}"
    [one] = chosen(tag)
    return Condition(text=f"({all_of_it} OR {one.text})", columns=one.columns)


def singled_out(tag: str, everything: str) -> Condition:
    """A tag is one of the values that the viewer picked one by one in the variable of the same name; where `everything` was
    chosen, none is.

    The server compares the two texts once, before it reads anything.
    """
    some = f"{literal(f'${{{tag}:raw}}')} != {literal(everything)}"
    [one] = chosen(tag)
    return Condition(text=f"({some} AND {one.text})", columns=one.columns)


def among(tag: str, *values: str) -> Condition:
    """A tag is one of these; `${variable}` in a value stands for what the viewer chose, an empty one for no tag."""
    parts = [_chosen_parts(value) for value in values]
    joined = "|".join(parts)
    return Condition(text=f"{quoted(tag)} =~ {pattern(f'^({joined})$')}", columns=frozenset({tag}))


def reaches(tag: str, codes: str, everywhere: str) -> Condition:
    """What concerns a place chosen in the variable `tag`: by `tag` alone, or by the text `codes` with each code between
    blanks (" 12 20 "), where `everywhere` stands for all places.
    """
    [one] = chosen(tag)
    several = pattern(f" ({re.escape(everywhere)}|${{{tag}:regex}}) ")
    return Condition(text=f"({one.text} OR {quoted(codes)} =~ {several})", columns=one.columns | {codes})


def _chosen_parts(value: str) -> str:
    found = re.fullmatch(r"\$\{(\w+)\}", value)
    return f"${{{found[1]}:regex}}" if found else re.escape(value)


def equal(tag: str, value: str) -> Condition:
    """A tag has this value; the empty one is: it has none."""
    return Condition(text=f"{quoted(tag)} = {literal(value)}", columns=frozenset({tag}))


def either(*conditions: Condition) -> Condition:
    """At least one of them."""
    return _joined(" OR ", conditions)


def both(*conditions: Condition) -> Condition:
    """All of them: for a part of `either`."""
    return _joined(" AND ", conditions)


def _joined(word: str, conditions: tuple[Condition, ...]) -> Condition:
    columns = frozenset().union(*(condition.columns for condition in conditions))
    return Condition(text="(" + word.join(condition.text for condition in conditions) + ")", columns=columns)


def unlike(tag: str, value: str) -> Condition:
    """A tag has another value, or none."""
    return Condition(text=f"{quoted(tag)} != {literal(value)}", columns=frozenset({tag}))


def compared(of: str, operator: str, value: float) -> Condition:
    """A field against a number."""
    if operator not in {"=", "!=", ">", ">=", "<", "<="}:
        raise QueryError(Text(vi=f"không có phép so sánh «{operator}»", en=f"there is no operator '{operator}'"))
    return Condition(text=f"{quoted(of)} {operator} {value}", columns=frozenset({of}))


def sent() -> Condition:
    """Something was sent: what `lost()` divides by."""
    return compared("sent_count_sum", ">", 0)


def within(duration: str) -> Condition:
    """The last `duration` (`365d`) before now, whatever range the dashboard shows: for a `Select` with `ranged=False`."""
    if not _DURATION.fullmatch(duration):
        raise QueryError(Text(vi=f"«{duration}» không phải khoảng thời gian", en=f"'{duration}' is no duration"))
    return Condition(text=f"time > now() - {duration}", columns=frozenset())


def until_end(duration: str) -> Condition:
    """The last `duration` before the end of the dashboard's range: the newest fact, however short the range is, and
    nothing of what has ended long ago. For a `Select` with `ranged=False`.
    """
    if not _DURATION.fullmatch(duration):
        raise QueryError(Text(vi=f"«{duration}» không phải khoảng thời gian", en=f"'{duration}' is no duration"))
    return Condition(text=f"time <= {RANGE_END} AND time > {RANGE_END} - {duration}", columns=frozenset())


def day_over(duration: str | None = None) -> Condition:
    """Local days that were over at the end of the dashboard's range: for a series by the day whose running day is
    incomplete. With a `duration`, no older ones, whatever the range: then for a `Select` with `ranged=False`.
    """
    over = f"time <= {RANGE_END} - 1d"
    if duration is None:
        return Condition(text=over, columns=frozenset())
    if not _DURATION.fullmatch(duration):
        raise QueryError(Text(vi=f"«{duration}» không phải khoảng thời gian", en=f"'{duration}' is no duration"))
    return Condition(text=f"{over} AND time > {RANGE_END} - {duration}", columns=frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """One SELECT. `source` is a measurement, or another `Select` whose columns' names this one may use."""

    columns: tuple[Column, ...]
    source: "str | Select"
    where: tuple[Condition, ...] = ()
    by: tuple[str, ...] = ()
    """Tags: one series for each of their combinations."""
    every: str | None = None
    """A length of time (`1d`) or `INTERVAL`: one point for each."""
    fill: str = "none"
    """What an empty step gets: `none`, `null`, `previous`, `linear`."""
    newest_first: bool = False
    limit: int | None = None
    ranged: bool = True
    """Whether the dashboard's range holds; a query over another one has it from its own range."""

    def __post_init__(self) -> None:
        """Refuse unknown names now, while the page's own lines stand in the traceback."""
        asked = frozenset().union(*(c.fields for c in self.columns), *(c.columns for c in self.where), self.by)
        if isinstance(self.source, str):
            check_columns(self.series, asked)
            return
        offered = {column.name for column in self.source.columns} | set(self.source.by)
        for name in sorted(asked - offered):
            raise QueryError(
                Text(vi=f"truy vấn con không có cột «{name}»", en=f"the inner query has no column '{name}'")
            )

    @property
    def series(self) -> Series:
        """What is asked at the bottom."""
        return look_up(self.source) if isinstance(self.source, str) else self.source.series

    @property
    def tier(self) -> Tier:
        """Where it is kept, and so which data source answers."""
        return self.series.tier

    def text(self) -> str:
        """The statement."""
        # An inner query steps through days of its own: InfluxDB 1 does not hand the zone of the outer one down to it.
        inner = quoted(self.source) if isinstance(self.source, str) else f"({self.source.statement()})"
        told = ", ".join(_told(column) for column in self.columns)
        parts = [f"SELECT {told} FROM {inner}", self._where(), self._group()]  # noqa: S608 - InfluxQL, all parts quoted
        if self.newest_first:
            parts.append("ORDER BY time DESC")
        if self.limit is not None:
            parts.append(f"LIMIT {self.limit}")
        return " ".join(part for part in parts if part)

    def _where(self) -> str:
        asks_series = self.ranged and isinstance(self.source, str)
        conditions = [c.text for c in self.where] + ([TIME_FILTER] if asks_series else [])
        return "WHERE " + " AND ".join(conditions) if conditions else ""

    def _group(self) -> str:
        groups = ([f"time({self.every}, {OFFSET})"] if self.every else []) + [quoted(tag) for tag in self.by]
        if not groups:
            return ""
        told = "GROUP BY " + ", ".join(groups)
        return f"{told} fill({self.fill})" if self.every else told

    def statement(self) -> str:
        """The statement as it is sent."""
        return self.text()


def _told(column: Column) -> str:
    plain = quoted(column.name)
    return column.text if column.text == plain else f"{column.text} AS {plain}"


def select(source: str | Select, *columns: Column, where: Iterable[Condition] = (), by: str = "") -> Select:
    """The usual one: columns of a source under conditions, grouped `by` tags (`"site link"`)."""
    return Select(source=source, columns=columns, where=tuple(where), by=tuple(by.split()))


def over_time(
    source: str | Select,
    *columns: Column,
    where: Iterable[Condition] = (),
    by: str = "",
    every: str = INTERVAL,
    fill: str = "none",
) -> Select:
    """The same step by step through the range."""
    return Select(source=source, columns=columns, where=tuple(where), by=tuple(by.split()), every=every, fill=fill)


def tag_values(tag: str, source: str, *where: Condition) -> str:
    """The values that a tag has: what a variable offers. `source` is a measurement or, between slashes, a pattern."""
    if not source.startswith("/"):
        check_columns(look_up(source), frozenset({tag}).union(*(condition.columns for condition in where)))
    told = source if source.startswith("/") else quoted(source)
    asked = f"SHOW TAG VALUES FROM {told} WITH KEY = {quoted(tag)}"
    return " ".join([asked, *(["WHERE " + " AND ".join(c.text for c in where)] if where else [])])


def share_of_runs(
    source: str, flag: str, alias: str, *, where: Iterable[Condition] = (), by: str = "", every: str | None = INTERVAL
) -> Select:
    """The share of runs that said yes, of those that could judge it: the windows' shares weighed by these runs."""
    judged = f"{flag}_count"
    yes = computed("{share} * {runs}", "yes", share=field(f"{flag}_mean"), runs=field(judged))
    inner = select(source, yes, field(judged, "runs"), where=(*where, compared(judged, ">", 0)))
    column = computed("{yes} / {runs}", alias, yes=total("yes"), runs=total("runs"))
    return Select(columns=(column,), source=replace(inner, by=tuple(by.split())), by=tuple(by.split()), every=every)


def yes_share(flag: str, alias: str | None = None) -> Column:
    """The share of runs in which a flag said yes, of those that could judge it: by their numbers, exact over any time,
    lines and areas. `flag` is without its unit; the source counts flags (`catalogue.flag_counts`).
    """
    yes, judged = flag_counts(flag)
    return computed("{y} / {j}", alias or flag, y=total(yes), j=total(judged))


def yes_share_of_point(flag: str, alias: str | None = None) -> Column:
    """The same of a single point: one day of one commune."""
    yes, judged = flag_counts(flag)
    return computed("{y} / {j}", alias or flag, y=field(yes), j=field(judged))


def newest(source: str, *columns: Column, lasts: str, where: Iterable[Condition] = (), by: str = "") -> Select:
    """What stood at the end of the dashboard's range, not older than `lasts` (`1h`)."""
    found = select(source, *columns, where=(*where, until_end(lasts)), by=by)
    return replace(found, ranged=False)


def newest_point(source: str, *columns: Column, lasts: str, where: Iterable[Condition] = (), by: str = "") -> Select:
    """The newest point of each group as it was written. Group by all tags that differ: of several points of one moment
    the server takes any. This takes a third of the time of sums over the same week (3,321 communes: 310 against 866 ms).
    """
    return replace(newest(source, *columns, lasts=lasts, where=where, by=by), newest_first=True, limit=1)


def of_newest(
    source: str,
    name: str,
    combined: Column,
    *,
    lasts: str,
    by: str,
    where: Iterable[Condition] = (),
    outer: str = "",
    having: Iterable[Condition] = (),
) -> Select:
    """The newest value of the field `name` in each group of `by`, combined over the groups that fulfil `having`."""
    return select(newest(source, last(name), lasts=lasts, where=where, by=by), combined, where=having, by=outer)
