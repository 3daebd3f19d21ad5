"""What a month of TSLCD figures is read from: the registry's lines and contracts, and the measurements that count.

A closed month stands on its closing: the registry as it was kept, and no measurement that came later. An open month
stands on what is there now, up to the last whole day.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection

from doxa_collector.assess.closing import Closing, late, latest_closings
from doxa_collector.assess.inputs import Inputs, Row, decode, read_inputs
from doxa_collector.assess.p95 import DAYS, Contract
from doxa_collector.assess.run import newest
from doxa_collector.assess.snapshots import recall
from doxa_collector.period import Period, local_day
from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text
from doxa_core.layers import Layer
from doxa_core.linkkind import LinkKind
from doxa_core.similar import nearest

_A_DAY: Final = timedelta(days=1)
_KINDS: Final = ("Tỉnh", "Thành", "Xã", "Phường", "Đặc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """One month as far as it can be read."""

    period: Period
    """The whole month."""
    part: Period
    """Its whole days that are over: what the figures are of."""
    inputs: Inputs
    last_id: int
    """Measurements up to this id count."""
    made_on: date
    closing: Closing | None
    """None: the month is open, and the figures are provisional."""
    late: int
    """Measurements that came after the closing and do not count."""

    @property
    def span(self) -> tuple[int, int]:
        """Its moments in microseconds since 1970 UTC, the second one not in it."""
        return self.part.from_us, self.part.to_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """One state of a line's contract, from day to day."""

    first: date
    last: date | None
    down_mbps: float | None
    up_mbps: float | None
    layer: Layer | None
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A TSLCD line that was in force on some day of the month."""

    site: str
    link: str
    office: str
    code: str
    """Of the place."""
    place: str
    province: str
    """Its name; empty where the registry does not have it."""
    province_code: str
    states: tuple[Agreed, ...]
    """In order; at least one of them meets the month."""
    first: date
    """The first day of the month on which it was in force."""
    last: date

    @property
    def now(self) -> Agreed:
        """The state on its last day."""
        return next(
            s for s in reversed(self.states) if s.first <= self.last and (s.last is None or self.last <= s.last)
        )

    def contracts(self) -> dict[date, Contract]:
        """What the provider owes on each day in force, those of the week before the month too."""
        found: dict[date, Contract] = {}
        day = self.first - (DAYS - 1) * _A_DAY
        while day <= self.last:
            for state in self.states:
                if state.first <= day and (state.last is None or day <= state.last):
                    rates = {"download": state.down_mbps, "upload": state.up_mbps}
                    known = {name: rate for name, rate in rates.items() if rate is not None}
                    found[day] = Contract(mbps=known, layer=state.layer)
            day += _A_DAY
        return found


def open_book(conn: Connection, period: Period, now_us: int) -> Book:
    """The month; `InputError` where no day of it is over yet, `OperationError` where what a closing kept is damaged."""
    today = local_day(now_us)
    last = min(period.last, today - _A_DAY)
    if last < period.first:
        raise InputError(f"--period {period.month}", _NO_DAY, _EARLIER)
    closing = latest_closings(conn).get(period.first)
    if closing is None:
        inputs, last_id, made_on = read_inputs(conn, period), newest(conn), today
    else:
        inputs, last_id, made_on = _kept(conn, closing), closing.last_id, local_day(closing.judged_us)
    return Book(
        period=period, part=Period(first=period.first, last=last), inputs=inputs, last_id=last_id, made_on=made_on,
        closing=closing, late=0 if closing is None else late(conn, closing),
    )  # fmt: skip


def _kept(conn: Connection, closing: Closing) -> Inputs:
    try:
        return decode(recall(conn, closing.inputs))
    except ValueError as error:
        month = closing.period.first.strftime("%m/%Y")
        raise OperationError(_DAMAGED.fill(month=month, error=error)) from error


def lines_of(book: Book, place: str | None = None) -> list[Line]:
    """The TSLCD lines of the month by place, site and link: all, or those of a province or a commune.

    `InputError` for a place that the registry does not know, and where there is no such line.
    """
    places = _places(book)
    if place is not None and place not in places:
        raise InputError(f"--place {place}", _NO_PLACE, _near(place, places))
    found = [
        line for line in _lines(book, places) if place is None or place in (line.code, line.province_code)
    ]  # fmt: skip
    if not found:
        where = f"--period {book.period.month}" if place is None else f"--place {place}"
        raise InputError(where, _NO_LINE, _REGISTER)
    return sorted(found, key=lambda line: (line.code, line.site, line.link))


def area_of(book: Book, lines: list[Line], place: str | None = None) -> str:
    """What the lines are of, in words: the place that was asked for, their province, or how many provinces."""
    if place is not None:
        return within_sentence(str(_places(book)[place]["name"]))
    provinces = {line.province_code: line.province or line.province_code for line in lines}
    return (
        within_sentence(next(iter(provinces.values()))) if len(provinces) == 1 else f"{len(provinces)} tỉnh, thành phố"
    )


def within_sentence(name: str) -> str:
    """`tỉnh Lạng Sơn`: the registry's names begin with a capital."""
    kind, _, rest = name.partition(" ")
    return f"{kind.lower()} {rest}" if kind in _KINDS and rest else name


def find_line(book: Book, site: str, link: str) -> Line:
    """One TSLCD line; `InputError` where it is none or was not in force in the month."""
    rows = [row for row in book.inputs.link if (row["site"], row["link"]) == (site, link)]
    if not rows:
        known = sorted({f"{row['site']}/{row['link']}" for row in book.inputs.link if row["kind"] == LinkKind.TSLCD})
        near = nearest(f"{site}/{link}", known)
        mend = _SEE if near is None else Text(vi=f"có phải ý bạn là: {near}?", en=f"did you mean: {near}?")
        raise InputError(f"{site}/{link}", _UNKNOWN.fill(month=book.period.first.strftime("%m/%Y")), mend)
    found = [line for line in _lines(book, _places(book)) if (line.site, line.link) == (site, link)]
    if not found and any(row["kind"] == LinkKind.TSLCD for row in rows):
        raise InputError(f"{site}/{link}", _NOT_YET.fill(month=book.period.first.strftime("%m/%Y")), _CHECK_DAYS)
    if not found:
        raise InputError(f"{site}/{link}", _OTHER_KIND.fill(kind=LinkKind(rows[-1]["kind"]).text), _CHOOSE_TSLCD)
    return found[0]


def _places(book: Book) -> Mapping[str, Row]:
    """The registry's places on the last day that counts."""
    day = book.part.last.isoformat()
    return {
        row["code"]: row
        for row in book.inputs.place
        if row["valid_from"] <= day and (row.get("valid_to") is None or day <= row["valid_to"])
    }


def _lines(book: Book, places: Mapping[str, Row]) -> Iterator[Line]:
    sites = {row["site"]: row for row in book.inputs.site}
    states = defaultdict[tuple[str, str], list[Agreed]](list)
    for row in (*book.inputs.earlier, *book.inputs.link):
        if row["kind"] == LinkKind.TSLCD:
            states[row["site"], row["link"]].append(_agreed(row))
    for (site, link), found in states.items():
        days = [day for state in found for day in _meeting(state, book.part)]
        if not days or site not in sites:
            continue
        code = sites[site]["place_code"]
        where: Mapping[str, str] = places.get(code, {})
        above = where.get("province", "")
        yield Line(
            site=site, link=link, office=sites[site]["name"], code=code, place=where.get("name", sites[site]["name"]),
            province=str(places.get(above, {}).get("name", "")), province_code=above,
            states=tuple(sorted(found, key=lambda state: state.first)), first=min(days), last=max(days),
        )  # fmt: skip


def _agreed(row: Row) -> Agreed:
    layer, last = row.get("layer"), row.get("valid_to")
    return Agreed(
        first=date.fromisoformat(row["valid_from"]),
        last=None if last is None else date.fromisoformat(last),
        down_mbps=row.get("contracted_down_mbps"),
        up_mbps=row.get("contracted_up_mbps"),
        layer=None if layer is None else Layer(layer),
        provider=row.get("provider") or "",
    )


def _meeting(state: Agreed, part: Period) -> Iterator[date]:
    """The two ends of the days on which a state was in force within the part."""
    first, last = max(state.first, part.first), part.last if state.last is None else min(state.last, part.last)
    if first <= last:
        yield from (first, last)


def _near(place: str, places: Mapping[str, Row]) -> Text:
    near = nearest(place, sorted(places))
    if near is None:
        return _SEE_PLACES
    name = places[near]["name"]
    return Text(vi=f"có phải ý bạn là {near} ({name})?", en=f"did you mean {near} ({name})?")


_NO_DAY: Final = Text(vi="tháng này chưa có ngày nào trọn vẹn", en="no day of this month is over yet")
_EARLIER: Final = Text(vi="hãy chọn tháng trước", en="choose the month before")
_DAMAGED: Final = Text(
    vi="tháng {month}: sổ cái không còn giữ nguyên vẹn căn cứ của lần khóa sổ ({error}); không in báo cáo; hãy khôi phục từ bản lưu",
    en="month {month}: the ledger no longer holds what the month was closed with ({error}); no paper is made; restore a backup",
)
_NO_PLACE: Final = Text(vi="danh mục không có địa bàn này", en="the registry has no such place")
_SEE_PLACES: Final = Text(vi="hãy xem mã trong sites.toml", en="see the codes in sites.toml")
_NO_LINE: Final = Text(
    vi="danh mục không có đường TSLCD nào trong tháng này", en="the registry has no TSLCD line in this month"
)
_REGISTER: Final = Text(
    vi='hãy kiểm tra các đường có kind = "tslcd" và thời hạn của chúng trong sites.toml',
    en='check the lines with kind = "tslcd" and their periods in sites.toml',
)
_UNKNOWN: Final = Text(
    vi="danh mục của tháng {month} không có đường truyền này", en="the registry of {month} has no such line"
)
_SEE: Final = Text(vi="hãy xem tên trong sites.toml", en="see the names in sites.toml")
_OTHER_KIND: Final = Text(vi="đây không phải đường TSLCD mà là {kind}", en="this is no TSLCD line but {kind}")
_NOT_YET: Final = Text(
    vi="đường này không có hiệu lực trong ngày nào đã qua của tháng {month}",
    en="this line was in force on no day of {month} that is over",
)
_CHECK_DAYS: Final = Text(
    vi="hãy kiểm tra valid_from và valid_to trong sites.toml", en="check valid_from and valid_to in sites.toml"
)
_CHOOSE_TSLCD: Final = Text(vi="hãy chọn đường TSLCD của trụ sở đó", en="choose the TSLCD line of that office")
