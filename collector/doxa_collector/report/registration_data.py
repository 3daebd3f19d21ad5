"""TSLCD lines as the record of the registration annex: what they have, what is asked for, and what their traffic says of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Final

from sqlalchemy import Connection

from doxa_collector.assess.p95 import MOST, Week
from doxa_collector.papers.drafts.registration import RegisteredLine, Registration, from_week
from doxa_collector.papers.drafts.tslcd_tables import WAYS, share_words
from doxa_collector.papers.parts import said
from doxa_collector.papers.period import day
from doxa_collector.report.tslcd_books import Book, Line, area_of
from doxa_collector.report.tslcd_data import GROUND, reason_words
from doxa_collector.report.tslcd_traffic import Taken, rates_of, seven_days, take, traffic_of
from doxa_collector.verdict import VerdictOutcome
from doxa_core.errors import InputError
from doxa_core.language import Text

_LAST_BIT: Final = 1e-9
"""A quotient of floats may miss a whole number by so much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the evidence of one line says."""

    outcome: VerdictOutcome
    reasons: tuple[str, ...]
    week: Week | None
    """The seven days that are shown."""
    rates: Mapping[str, float]
    """Their percentiles in Mbps."""
    looked_at: str


def registration_of(
    conn: Connection,
    book: Book,
    lines: Sequence[Line],
    wanted: Mapping[tuple[str, str], float],
    *,
    year: int | None = None,
    until: date | None = None,
    series: str | None = None,
    place: str | None = None,
) -> Registration:
    """The annex: by the seven days that end with `until`, else by the fullest seven days of the month."""
    return Registration(
        area=area_of(book, list(lines), place),
        year=year if year is not None else book.made_on.year + (book.made_on.month > 1),
        made_on=book.made_on,
        provisional=book.closing is None,
        lines=tuple(
            _line(line, _seen(take(conn, book, line, series), line, until), wanted.get((line.site, line.link)))
            for line in lines
        ),
        grounds=(GROUND,),
    )


def _seen(taken: Taken, line: Line, until: date | None) -> Seen:
    if until is not None:
        if not line.first <= until <= line.last:
            raise InputError(f"{line.site}/{line.link}", _NOT_THEN.fill(day=day(until)), _CHECK)
        week = seven_days(taken, line, until)
        return Seen(
            outcome=week.outcome, reasons=_reasons(week), week=week, rates=rates_of(taken, line, week.period),
            looked_at=_days(week),
        )  # fmt: skip
    traffic = traffic_of(taken, line)
    week_or_none = traffic.fullest
    return Seen(
        outcome=traffic.outcome,
        reasons=traffic.reasons if taken.proof.n else ("no_samples",),
        week=week_or_none,
        rates={} if week_or_none is None else rates_of(taken, line, week_or_none.period),
        looked_at=f"mọi giai đoạn 7 ngày kết thúc từ {day(line.first)} đến {day(line.last)}",
    )


def _reasons(week: Week) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code for way in week.ways for code in way.reasons))


def _days(week: Week) -> str:
    return f"7 ngày từ {day(week.period.first)} đến {day(week.period.last)}"


def _line(line: Line, seen: Seen, want: float | None) -> RegisteredLine:
    now, needs = line.now, _needs(seen)
    return RegisteredLine(
        code=line.code,
        place=line.place,
        link=line.link,
        provider=now.provider,
        have_mbps=now.down_mbps,
        have_up_mbps=None if now.up_mbps == now.down_mbps else now.up_mbps,
        want_mbps=want,
        need_mbps=max(needs.values(), default=None),
        outcome=seen.outcome,
        looked_at=seen.looked_at,
        conclusion=tuple(_concluded(line, seen, needs, want)),
        ways=() if seen.week is None else from_week(seen.week, dict(seen.rates)),
    )


def _needs(seen: Seen) -> dict[str, int]:
    """By direction that is above: the smallest whole capacity of which its percentile would not be."""
    failed = [way.direction for way in seen.week.ways if way.outcome is VerdictOutcome.FAIL] if seen.week else []
    return {name: ceil(seen.rates[name] / MOST - _LAST_BIT) for name in failed if name in seen.rates}


def _concluded(line: Line, seen: Seen, needs: Mapping[str, int], want: float | None) -> Iterator[str]:
    """Whether more is needed, then what that says of the rate that is asked for."""
    if seen.outcome is VerdictOutcome.FAIL and seen.week is not None:
        yield from _above(line, seen.week, needs)
    elif seen.outcome is VerdictOutcome.PASS and seen.week is not None:
        yield (
            f"Chưa cần nâng theo quy tắc dung lượng: đã xét {seen.looked_at}, cao nhất bằng {share_words(_fullest(seen.week))} "
            f"dung lượng ({_days(seen.week)}), không vượt {said(100 * MOST, '%')}"
        )
    else:
        why = "; ".join(reason_words(code) for code in seen.reasons)
        yield f"Chưa kết luận được có cần nâng hay không (đã xét {seen.looked_at}): {why or 'chưa đủ dữ liệu'}"
    if want is not None:
        yield from _asked_for(line, seen, needs, want)


def _fullest(week: Week) -> float | None:
    return max((way.share for way in week.ways if way.share is not None), default=None)


def _above(line: Line, week: Week, needs: Mapping[str, int]) -> Iterator[str]:
    """Above: what it needs; and where the contract has been raised since, whether that is enough already."""
    over = max((way for way in week.ways if way.outcome is VerdictOutcome.FAIL), key=lambda way: way.share or 0.0)
    found = f"bách phân vị 95 của {_days(week)} bằng {share_words(over.share)} dung lượng ({WAYS[over.direction]}), vượt {said(100 * MOST, '%')}"
    needed = ", ".join(f"{WAYS[name]} phải từ {said(need, 'Mbps')}" for name, need in needs.items())
    if _enough(line, needs):
        have = {"download": line.now.down_mbps, "upload": line.now.up_mbps}
        now = ", ".join(f"{WAYS[name]} {said(have[name], 'Mbps')}" for name in needs)
        yield f"Dung lượng trước đây không đủ: {found}"
        yield f"Cùng lưu lượng ấy cần dung lượng {needed}; dung lượng hiện nay ({now}) đã đủ, chưa cần nâng thêm"
    else:
        yield f"Cần nâng dung lượng: {found}. Với lưu lượng này, dung lượng {needed}"


def _enough(line: Line, needs: Mapping[str, int]) -> bool:
    """Whether the contract of the last day carries what was measured: also where nothing is needed."""
    have = {"download": line.now.down_mbps, "upload": line.now.up_mbps}
    return all((have[name] or 0.0) >= need for name, need in needs.items())


def _asked_for(line: Line, seen: Seen, needs: Mapping[str, int], want: float) -> Iterator[str]:
    have = line.now.down_mbps
    enough = _enough(line, needs)
    if not enough and any(want < need for need in needs.values()):
        yield f"Mức đăng ký {said(want, 'Mbps')} chưa đủ cho lưu lượng đã đo"
    elif not enough:
        share = max(seen.rates[name] for name in needs) / want
        yield f"Với mức đăng ký {said(want, 'Mbps')}, cùng lưu lượng ấy bằng {share_words(share)} dung lượng"
    elif have is not None and want > have:
        yield f"Lưu lượng đã đo không phải căn cứ cho mức đăng ký {said(want, 'Mbps')}; cần nêu căn cứ khác"


_NOT_THEN: Final = Text(
    vi="đường này không có hiệu lực ngày {day}, hoặc ngày đó chưa qua",
    en="this line was not in force on {day}, or that day is not over",
)
_CHECK: Final = Text(
    vi="hãy chọn --until khác, hoặc kiểm tra thời hạn trong sites.toml",
    en="choose another --until, or check the line's period in sites.toml",
)
