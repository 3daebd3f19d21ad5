"""`doxa collector rollups …`: hold what is kept against the evidence, make it anew, and say what came out."""

import argparse
import sys
import time
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine

from doxa_collector import asking
from doxa_collector.asking import asked_month
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.reading import now_us, sites
from doxa_collector.ledger.writing import note
from doxa_collector.period import Period
from doxa_collector.rollups.checking import (
    DAMAGED,
    DIFFERS,
    EXTRA,
    MISSING,
    Checked,
    Difference,
    Rebuilt,
    Step,
    check,
    check_sample,
    rebuild,
)
from doxa_collector.rollups.pack import EPOCH
from doxa_core.errors import InputError
from doxa_core.language import Text, language
from doxa_core.moments import microseconds
from doxa_core.similar import nearest

SAMPLE: Final = 200
"""Packs that are looked at where nothing is asked for."""
_SHOWN: Final = 20
_EVERY_S: Final = 1.0


def add_check(parser: argparse.ArgumentParser) -> None:
    """What `check` can be asked."""
    _add_period(parser)
    parser.add_argument("--site", metavar=str(Text(vi="TRỤ-SỞ", en="SITE")), help=str(_SITE))
    parser.add_argument("--sample", type=_count, metavar="N", help=str(_SAMPLE.fill(n=SAMPLE)))


def add_rebuild(parser: argparse.ArgumentParser) -> None:
    """What `rebuild` can be asked."""
    _add_period(parser)


def run_check(engine: Engine, args: argparse.Namespace) -> tuple[int, dict[str, Any], list[str]]:
    """The exit code, the answer for machines, and the lines for people. `InputError` for an unknown site or month."""
    period = _period(args)
    if args.sample is not None and (args.period or args.site):
        raise InputError("--sample", _ALONE, _CHOOSE)
    with reading(engine) as conn:
        where = None if args.site is None else [_site(conn, args.site)]
        if period is None and where is None:
            found = check_sample(conn, args.sample or SAMPLE, progress=_ticker())
        else:
            found = check(conn, period, where, progress=_ticker())
    return int(bool(found.differences)), _check_fields(found), _check_lines(found)


def run_rebuild(engine: Engine, args: argparse.Namespace) -> tuple[int, dict[str, Any], list[str]]:
    """The same for making anew; it goes into the audit log."""
    period = _period(args)
    done = rebuild(engine, period, progress=_ticker())
    fields = {"period": None if period is None else period.month, **_rebuilt_fields(done)}
    with writing(engine) as conn:
        note(conn, now_us(), asking.who(), "rollups.rebuild", fields)
    return 0, fields, [str(_REBUILT.fill(packs=done.packs, runs=done.runs, dropped=done.dropped))]


def _add_period(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--period", metavar="2026-10", help=str(_PERIOD))


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:9]) <= 1_000_000:
        raise argparse.ArgumentTypeError(str(_NO_COUNT.fill(text=text[:40])))
    return int(text)


def _period(args: argparse.Namespace) -> Period | None:
    return None if args.period is None else asked_month(args.period, microseconds(datetime.now(UTC)))


def _site(conn: Connection, name: str) -> str:
    known = [row.site for row in sites(conn)]
    if name in known:
        return name
    near = nearest(name, known)
    raise InputError(f"--site {name}", _NO_SITE, _SEE if near is None else _NEAR.fill(near=near))


def _check_fields(found: Checked) -> dict[str, Any]:
    return {
        "position": found.position,
        "checked": found.packs,
        "differences": [
            {**one.key._asdict(), "what": one.what, "days": [_day(day).isoformat() for day in one.days]}
            for one in found.differences
        ],
    }


def _check_lines(found: Checked) -> list[str]:
    if not found.packs:
        return [str(_NOTHING)]
    if not found.differences:
        return [str(_SAME.fill(n=found.packs, position=found.position))]
    lines = [_sentence(one) for one in found.differences[:_SHOWN]]
    if len(found.differences) > _SHOWN:
        lines.append(str(_MORE.fill(n=len(found.differences) - _SHOWN)))
    months = sorted({one.key.month for one in found.differences})
    command = f"doxa collector rollups rebuild{f' --period {months[0]}' if len(months) == 1 else ''}"
    return [*lines, str(_WRONG.fill(n=len(found.differences), of=found.packs, command=command))]


def _sentence(one: Difference) -> str:
    days = ", ".join(_spoken(day) for day in one.days[:5]) + (" …" if len(one.days) > 5 else "")
    return str(_KINDS[one.what].fill(days=days, **one.key._asdict()))


def _rebuilt_fields(done: Rebuilt) -> dict[str, Any]:
    return {"packs": done.packs, "measurements": done.runs, "dropped": done.dropped}


def _ticker() -> Step:
    """Says on stderr how far it is, at most once a second; the output stays for the answer."""
    last = [time.monotonic()]

    def tick(done: int, of: int) -> None:
        now = time.monotonic()
        if now - last[0] >= _EVERY_S and done < of:
            last[0] = now
            print(f"… {done}/{of}", file=sys.stderr, flush=True)

    return tick


def _day(day: int) -> date:
    return date.fromordinal(EPOCH + day)


def _spoken(day: int) -> str:
    return _day(day).strftime("%Y-%m-%d" if language() == "en" else "%d/%m/%Y")


_PERIOD = Text(vi="chỉ tháng này, giờ Việt Nam", en="this month only, Vietnamese time")
_SITE = Text(vi="chỉ trụ sở này, như trong sites.toml", en="this office only, as in sites.toml")
_SAMPLE = Text(
    vi="số gói chọn ngẫu nhiên khi không hỏi tháng hay trụ sở nào (mặc định {n})",
    en="packs chosen by chance where neither a month nor an office is asked for (default {n})",
)
_NO_COUNT = Text(vi="«{text}» không phải một số từ 1 đến 1000000", en="'{text}' is no number from 1 to 1000000")
_ALONE = Text(vi="không đi cùng --period hay --site", en="does not go with --period or --site")
_CHOOSE = Text(vi="hãy bỏ một trong hai", en="leave out one of the two")
_NO_SITE = Text(vi="danh mục không có trụ sở này", en="the registry has no such office")
_NEAR = Text(vi="có phải ý bạn là {near}?", en="did you mean {near}?")
_SEE = Text(vi="hãy xem tên trong sites.toml", en="see the names in sites.toml")
_NOTHING = Text(
    vi="chưa có gì để so: chưa tổng hợp, hoặc không có kết quả đo nào",
    en="nothing to compare: nothing is rolled up yet, or there are no measurements",
)
_SAME = Text(
    vi="{n} gói, tính đến kết quả đo {position}: trùng khớp với số liệu gốc",
    en="{n} packs, up to measurement {position}: the same as the evidence",
)
_MORE = Text(vi="… và {n} gói khác", en="… and {n} more")
_WRONG = Text(
    vi="{n} trong {of} gói không trùng với số liệu gốc; hãy chạy: {command}",
    en="{n} of {of} packs are not what the evidence says; run: {command}",
)
_KINDS = {
    MISSING: Text(vi="{month} {site}/{link} ({meter}): có kết quả đo nhưng thiếu gói", en="{month} {site}/{link} ({meter}): there are measurements but no pack"),
    EXTRA: Text(vi="{month} {site}/{link} ({meter}): có gói nhưng không có kết quả đo", en="{month} {site}/{link} ({meter}): there is a pack but no measurement"),
    DAMAGED: Text(vi="{month} {site}/{link} ({meter}): gói bị hỏng", en="{month} {site}/{link} ({meter}): the pack is damaged"),
    DIFFERS: Text(vi="{month} {site}/{link} ({meter}): khác số liệu gốc vào {days}", en="{month} {site}/{link} ({meter}): differs from the evidence on {days}"),
}  # fmt: skip
_REBUILT = Text(
    vi="đã tính lại {packs} gói từ {runs} kết quả đo, bỏ {dropped} gói không còn kết quả đo nào",
    en="{packs} packs made anew from {runs} measurements, {dropped} without any measurement dropped",
)
