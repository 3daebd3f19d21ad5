"""The p95 rule over what the ledger holds of one line: its samples, and the contract that was in force on each day."""

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Connection, select

from doxa_collector.assess.p95 import Contract, Week, days_of, judge_week
from doxa_collector.assess.traffic import Interval, five_minutes, read_intervals, week_ending
from doxa_collector.ledger.record import AnyRow
from doxa_collector.ledger.schema import link as link_table
from doxa_collector.period import Period
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.layers import Layer
from doxa_core.similar import nearest


def read_week(conn: Connection, site: str, link: str, last: date, series: str | None = None) -> Week:
    """The rule over the seven local days that end with `last`.

    `series` is `TASK` or `TASK/FAR-END`, needed where several tasks polled the line. `InputError` for a line that the
    registry does not have, and for a series that is unknown or missing.
    """
    period = week_ending(last)
    contracts = _contracts(conn, site, link, period)
    intervals = _chosen(read_intervals(conn, site, link, period), series)
    return judge_week(five_minutes(intervals), contracts, period)


def _contracts(conn: Connection, site: str, link: str, period: Period) -> dict[date, Contract]:
    table = link_table.c
    rows = list(conn.execute(select(link_table).where(table.site == site, table.link == link)))
    if not rows:
        raise InputError(f"{site}/{link}", _NO_LINE, _offer(conn, site, link))
    return contracts_on(rows, period)


def contracts_on(rows: Iterable[AnyRow], period: Period) -> dict[date, Contract]:
    """What the rows of one line in the registry promise on each day of a period; nothing for a day that none is about."""
    found = {}
    for day in days_of(period):
        for row in rows:
            if row.valid_from <= day.isoformat() and (row.valid_to is None or day.isoformat() <= row.valid_to):
                rates = {"download": row.contracted_down_mbps, "upload": row.contracted_up_mbps}
                found[day] = Contract(
                    mbps={direction: rate for direction, rate in rates.items() if rate is not None},
                    layer=None if row.layer is None else Layer(row.layer),
                )
    return found


def _offer(conn: Connection, site: str, link: str) -> Text:
    table = link_table.c
    there = sorted({f"{row.site}/{row.link}" for row in conn.execute(select(table.site, table.link))})
    near = [name for name in there if name.startswith(f"{site}/")] or [
        n for n in (nearest(f"{site}/{link}", there),) if n
    ]
    return _NEAR.fill(names=", ".join(near)) if near else _SEE


def _chosen(intervals: Sequence[Interval], series: str | None) -> list[Interval]:
    names = sorted({interval.series for interval in intervals})
    if series is None and len(names) > 1:
        raise InputError("--series", _SEVERAL, _CHOOSE.fill(names=", ".join(names)))
    if series is not None and names and series not in names:
        raise InputError(f"--series {series}", _NO_SERIES, _CHOOSE.fill(names=", ".join(names)))
    return [interval for interval in intervals if series in (None, interval.series)]


_NO_LINE = Text(vi="danh mục không có đường truyền này", en="the registry has no such line")
_NEAR = Text(vi="có phải ý bạn là: {names}?", en="did you mean: {names}?")
_SEE = Text(vi="hãy xem tên trong sites.toml", en="see the names in sites.toml")
_SEVERAL = Text(vi="đường truyền này được hỏi bởi nhiều tác vụ", en="several tasks poll this line")
_NO_SERIES = Text(vi="tuần này không có tác vụ đó", en="no such task in this week")
_CHOOSE = Text(vi="hãy chọn một trong: {names}", en="choose one of: {names}")
