"""`doxa report notice`: lines to paste into a message, and the same as a thông báo."""

import argparse
import sys
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection

from doxa_collector.asking import asked_month
from doxa_collector.incidents import store
from doxa_collector.incidents.atlas import Atlas, read_atlas
from doxa_collector.incidents.explain import Ground
from doxa_collector.ledger.engine import reading
from doxa_collector.papers.drafts.notice import Notice, lines, notice_paper
from doxa_collector.papers.secrecy import veiled
from doxa_collector.period import local_day
from doxa_collector.report.incident_data import day_of
from doxa_collector.report.making import files_of, opened, tree_of, verb, wanted_formats, write_paper
from doxa_collector.report.notice_data import incidents_of, notice_now, notice_of, notice_of_month
from doxa_collector.report.settings import read_paper
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.moments import microseconds
from doxa_core.similar import nearest

_LARGEST: Final = 2**63 - 1
_ALL: Final = 1_000_000


def add(verbs: Any) -> None:
    """The verb with its arguments."""
    parser = verb(verbs, "notice", _ABOUT, notice, "doxa report notice 118 --text")
    parser.add_argument("number", nargs="?", type=int, metavar=str(_NUMBER), help=str(_OF_LIST))
    parser.add_argument("--period", metavar="2026-10", help=str(_PERIOD))
    parser.add_argument("--place", metavar=str(_CODE), help=str(_PLACE))
    parser.add_argument("--text", action="store_true", help=str(_TEXT))


def notice(args: argparse.Namespace) -> int:
    """Print the lines; write the paper unless only the text is asked for."""
    wanted, paper = wanted_formats(args.format), read_paper(args.settings)
    if args.number is not None and (args.period is not None or args.place is not None):
        raise InputError("doxa report notice", _TWO_THINGS, _EITHER)
    now_us = microseconds(datetime.now(UTC))
    with opened(args) as (engine, settings), reading(engine) as conn:
        name, day_us = _name(args, conn, now_us)
        files = {} if args.text else files_of(args, *name, forms_wanted=wanted)
        ground = Ground(tree_of(settings), read_atlas(conn, day_of(day_us)), settings.incidents)
        found = _notice(args, conn, ground, now_us, reveal=paper.words.reveal)
    for line in lines(veiled(found, reveal=paper.words.reveal, tslcd=True)):
        sys.stdout.write(f"{line}\n")
    if files:
        write_paper(notice_paper(found, paper.words), files, paper, args)
    return 0


def _name(args: argparse.Namespace, conn: Connection, now_us: int) -> tuple[tuple[str, ...], int]:
    """The words of the files' name, and the moment whose registry counts."""
    place = (args.place,) if args.place else ()
    if args.number is not None:
        found = store.get(conn, args.number) if 0 < args.number <= _LARGEST else None
        if found is None:
            where = str(Text(vi=f"sự cố {args.number}", en=f"incident {args.number}"))
            raise InputError(where, _NO_INCIDENT, _SEE_LIST)
        return ("thong-bao-su-co", str(args.number)), found.began_us
    if args.period is not None:
        period = asked_month(args.period, now_us)
        return ("thong-bao", *place, period.month), min(now_us, period.to_us - 1)
    return ("thong-bao", *place, f"{local_day(now_us):%Y-%m-%d}"), now_us


def _notice(args: argparse.Namespace, conn: Connection, ground: Ground, now_us: int, *, reveal: bool) -> Notice:
    if args.number is not None:
        one = store.get(conn, args.number)
        if one is None:  # `_name` found it in this very transaction
            raise InputError(str(args.number), _NO_INCIDENT, _SEE_LIST)
        return notice_of(one, ground, now_us, reveal=reveal)
    sites, area = _place(args.place, ground.atlas)
    if args.period is not None:
        period = asked_month(args.period, now_us)
        return notice_of_month(incidents_of(conn, period, sites), ground, period, area, now_us, reveal=reveal)
    live = store.find(conn, live=True, limit=_ALL)
    if sites is not None:
        live = [one for one in live if one.sites & sites]
    return notice_now(live, ground, now_us, reveal=reveal)


def _place(code: str | None, atlas: Atlas) -> tuple[frozenset[str] | None, str]:
    """The offices of a place and its name; None for all of them."""
    if code is None:
        return None, "toàn hệ thống"
    if code not in atlas.names:
        near = nearest(code, sorted(atlas.names))
        mend = _SEE_PLACES if near is None else Text(vi=f"có phải ý bạn là {near}?", en=f"did you mean {near}?")
        raise InputError(f"--place {code}", _NO_PLACE, mend)
    sites = frozenset(site for site in atlas.offices if code in (atlas.place_of(site), atlas.province_of(site)))
    return sites, atlas.names[code]


_ABOUT: Final = Text(
    vi="thông báo: câu để dán vào tin nhắn và mẫu giấy, về lúc này, về một sự cố hoặc về một tháng",
    en="a notice: lines to paste into a message and the paper, of this moment, of one incident or of a month",
)
_NUMBER: Final = Text(vi="SỐ", en="NUMBER")
_OF_LIST: Final = Text(
    vi="số trong doxa incidents list; bỏ trống: tình hình lúc này", en="its number in doxa incidents list; none: now"
)
_PERIOD: Final = Text(vi="các sự cố của tháng này", en="the incidents of this month")
_CODE: Final = Text(vi="MÃ", en="CODE")
_PLACE: Final = Text(vi="chỉ tỉnh hoặc xã có mã này", en="the province or commune with this code only")
_TEXT: Final = Text(vi="chỉ in câu, không ghi tệp", en="print the lines only, write no file")
_TWO_THINGS: Final = Text(vi="vừa một sự cố, vừa một kỳ hoặc địa bàn", en="one incident, and a period or a place")
_EITHER: Final = Text(vi="hãy bỏ một trong hai", en="leave out one of the two")
_NO_INCIDENT: Final = Text(vi="không có sự cố này", en="there is no such incident")
_SEE_LIST: Final = Text(vi="hãy xem doxa incidents list", en="see doxa incidents list")
_NO_PLACE: Final = Text(vi="danh mục không có địa bàn này", en="the registry has no such place")
_SEE_PLACES: Final = Text(vi="hãy xem mã trong sites.toml", en="see the codes in sites.toml")
