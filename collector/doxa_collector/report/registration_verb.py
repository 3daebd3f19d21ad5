"""`doxa report registration`: the annex of the phiếu đăng ký with the p95 evidence of TSLCD lines."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final

from doxa_collector import asking
from doxa_collector.ledger.engine import reading
from doxa_collector.papers.drafts.registration import registration_annex
from doxa_collector.period import Period, local_day, month_of
from doxa_collector.report.making import files_of, opened, verb, wanted_formats, write_paper
from doxa_collector.report.registration_data import registration_of
from doxa_collector.report.settings import read_paper
from doxa_collector.report.tslcd_books import Line, find_line, lines_of, open_book
from doxa_collector.report.tslcd_verb import month_asked, remarks
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.moments import microseconds

_MOST_MBPS: Final = 1_000_000.0


def add(verbs: Any) -> None:
    """The verb with its arguments."""
    parser = verb(verbs, "registration", _ABOUT, registration, "doxa report registration dong-dang tslcd --want 200")
    parser.add_argument("site", nargs="?", metavar=str(_SITE_NAME), help=str(_SITE))
    parser.add_argument("link", nargs="?", metavar=str(_LINK_NAME), help=str(_LINK))
    parser.add_argument("--place", metavar=str(_CODE), help=str(_PLACE))
    parser.add_argument("--want", action="append", default=[], metavar=str(_WANT_NAME), help=str(_WANT))
    parser.add_argument("--year", type=int, metavar="2027", help=str(_YEAR))
    parser.add_argument("--period", metavar="2026-10", help=str(_PERIOD))
    parser.add_argument("--until", type=asking.day, metavar="2026-11-21", help=str(_UNTIL))
    parser.add_argument("--series", metavar=str(_SERIES_NAME), help=str(_SERIES))


def registration(args: argparse.Namespace) -> int:
    """Write the annex of one line, or of all lines of a place."""
    wanted, paper = wanted_formats(args.format), read_paper(args.settings)
    _check(args)
    now_us = microseconds(datetime.now(UTC))
    with opened(args) as (engine, _), reading(engine) as conn:
        book = open_book(conn, _month(args, now_us), now_us)
        lines = lines_of(book, args.place) if args.site is None else [find_line(book, args.site, args.link)]
        named = [args.place] if args.site is None else [args.site, args.link]
        when = book.period.month if args.until is None else args.until.isoformat()
        files = files_of(args, "phu-luc-dang-ky", *named, when, forms_wanted=wanted)
        data = registration_of(
            conn, book, lines, _rates(args.want, lines), year=args.year, until=args.until, series=args.series,
            place=args.place,
        )  # fmt: skip
    write_paper(registration_annex(data, paper.words), files, paper, args)
    for line in data.lines:
        sys.stdout.write(f"{line.place} ({line.code}) {line.link}: {'. '.join(line.conclusion)}.\n")
    for text in remarks(book):
        sys.stderr.write(f"{text}\n")
    return 0


def _check(args: argparse.Namespace) -> None:
    if (args.site is None) is (args.place is None) or (args.site is not None and args.link is None):
        raise InputError("doxa report registration", _WHICH, _ONE_OF)
    if args.until is not None and args.period is not None:
        raise InputError("--until", _TWICE, _EITHER)
    if args.series is not None and args.site is None:
        raise InputError("--series", _OF_ONE, _NAME_IT)
    if args.year is not None and not 2000 <= args.year <= 2100:
        raise InputError(f"--year {args.year}", _NO_YEAR, _A_YEAR)


def _month(args: argparse.Namespace, now_us: int) -> Period:
    if args.until is None:
        return month_asked(args.period, now_us)
    if args.until >= local_day(now_us):
        raise InputError(f"--until {args.until}", _NOT_OVER, _EARLIER)
    return month_of(args.until)


def _rates(asked: Sequence[str], lines: Sequence[Line]) -> Mapping[tuple[str, str], float]:
    """`200` for the one line, `SITE/LINK=200` for one of several."""
    known = {f"{line.site}/{line.link}": (line.site, line.link) for line in lines}
    found: dict[tuple[str, str], float] = {}
    for text in asked:
        name, equals, rate = text.rpartition("=")
        if not equals and len(lines) > 1:
            raise InputError(f"--want {text}", _WHOSE, _WRITE_NAME)
        if equals and name not in known:
            raise InputError(f"--want {text}", _NOT_HERE, _NAMES.fill(names=", ".join(sorted(known)[:5])))
        found[known[name] if equals else (lines[0].site, lines[0].link)] = _rate(rate, text)
    return found


def _rate(words: str, text: str) -> float:
    try:
        value = float(words.replace(",", "."))
    except ValueError:
        value = -1.0
    if not isfinite(value) or not 0 < value <= _MOST_MBPS:
        raise InputError(f"--want {text}", _NO_RATE, _A_RATE)
    return value


_ABOUT: Final = Text(
    vi="phụ lục phiếu đăng ký TSLCD: bằng chứng bách phân vị 95 của lưu lượng, cần nâng dung lượng hay không và vì sao",
    en="annex of the TSLCD registration: the traffic's 95th percentile, whether more capacity is needed and why",
)
_SITE_NAME: Final = Text(vi="TRỤ-SỞ", en="SITE")
_SITE: Final = Text(vi="trụ sở, như trong sites.toml", en="the office, as in sites.toml")
_LINK_NAME: Final = Text(vi="ĐƯỜNG", en="LINK")
_LINK: Final = Text(vi="đường TSLCD của trụ sở đó", en="its TSLCD line")
_CODE: Final = Text(vi="MÃ", en="CODE")
_PLACE: Final = Text(vi="mọi đường TSLCD của tỉnh hoặc xã này", en="all TSLCD lines of this province or commune")
_WANT_NAME: Final = Text(vi="[TRỤ-SỞ/ĐƯỜNG=]MBPS", en="[SITE/LINK=]MBPS")
_WANT: Final = Text(
    vi="dung lượng đăng ký, Mbps; lặp lại cho từng đường khi có nhiều đường",
    en="the capacity that is asked for, in Mbps; once for each line where there are several",
)
_YEAR: Final = Text(vi="năm đăng ký (mặc định: năm của hạn 31/01 sắp tới)", en="the year (default: of the next 31/01)")
_PERIOD: Final = Text(
    vi="tháng có bằng chứng, lấy 7 ngày đầy nhất (mặc định: tháng trước)",
    en="the month of the evidence, by its fullest seven days (default: the month before)",
)
_UNTIL: Final = Text(
    vi="thay cho --period: đúng 7 ngày đến ngày này", en="instead: exactly the seven days up to this one"
)
_SERIES_NAME: Final = Text(vi="TÁC-VỤ[/ĐẦU-XA]", en="TASK[/FAR-END]")
_SERIES: Final = Text(vi="khi nhiều tác vụ cùng đọc đường này", en="where several tasks poll the line")
_WHICH: Final = Text(vi="chưa rõ đường nào", en="it is not clear which line")
_ONE_OF: Final = Text(
    vi="hãy ghi TRỤ-SỞ và ĐƯỜNG, hoặc --place MÃ (chỉ một trong hai)",
    en="write SITE and LINK, or --place CODE (one of the two)",
)
_TWICE: Final = Text(vi="không dùng cùng --period", en="it does not go with --period")
_EITHER: Final = Text(vi="hãy bỏ một trong hai", en="leave out one of the two")
_OF_ONE: Final = Text(vi="chỉ dùng cho một đường", en="it is for one line only")
_NAME_IT: Final = Text(vi="hãy ghi TRỤ-SỞ và ĐƯỜNG", en="write SITE and LINK")
_NO_YEAR: Final = Text(vi="không phải một năm", en="this is no year")
_A_YEAR: Final = Text(vi="hãy ghi từ 2000 đến 2100", en="write 2000 to 2100")
_NOT_OVER: Final = Text(vi="ngày này chưa qua", en="this day is not over")
_EARLIER: Final = Text(vi="hãy chọn hôm qua hoặc sớm hơn", en="choose yesterday or earlier")
_WHOSE: Final = Text(vi="chưa rõ của đường nào", en="it is not clear of which line")
_WRITE_NAME: Final = Text(vi="hãy ghi TRỤ-SỞ/ĐƯỜNG=MBPS", en="write SITE/LINK=MBPS")
_NOT_HERE: Final = Text(vi="đường này không có trong phụ lục", en="this line is not in the annex")
_NAMES: Final = Text(vi="các đường: {names}", en="the lines: {names}")
_NO_RATE: Final = Text(vi="không phải dung lượng", en="this is no capacity")
_A_RATE: Final = Text(vi="hãy ghi số Mbps lớn hơn 0, như 200", en="write Mbps above 0, such as 200")
