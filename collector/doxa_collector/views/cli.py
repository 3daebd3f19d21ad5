"""`doxa views SITE LINK` and `doxa views trend PLAN TARGET`: a line's month, and what closed months promise."""

import argparse
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, select

from doxa_collector import asking
from doxa_collector.asking import asked_month
from doxa_collector.config import DEFAULT_FILE, Settings, read_settings
from doxa_collector.ledger.engine import open_ledger, reading
from doxa_collector.ledger.schema import link as link_table
from doxa_collector.period import Period
from doxa_collector.plans import load_plans
from doxa_collector.plans.model import Plan, PlanPlace, Target
from doxa_collector.views.fields import forecast_fields, month_fields
from doxa_collector.views.forecast import forecast_of
from doxa_collector.views.month import read_month
from doxa_collector.views.showing import forecast_lines, month_lines
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.moments import microseconds
from doxa_core.similar import nearest

TREND: Final = "trend"
"""The second command; a site of that name is asked for as `doxa views -- trend LINK`."""


def main(argv: list[str]) -> int:
    """Run one command; `DoxaError` passes through to the `doxa` command, which prints it."""
    if argv[:1] == [TREND]:
        return _trend(_trend_parser().parse_args(argv[1:]))
    return _month(_month_parser().parse_args(argv))


def _month(args: argparse.Namespace) -> int:
    settings, now_us = read_settings(args.config), microseconds(datetime.now(UTC))
    period = asked_month(args.period, now_us)
    engine = open_ledger(settings.ledger, create=False)
    try:
        with reading(engine) as conn:
            plans = load_plans(settings.plans)
            found = read_month(conn, args.site, args.link, period, plans=plans, now_us=now_us)
            if found is None:
                raise InputError(f"{args.site} {args.link}", _NO_LINE, _offer(conn, args.site, args.link))
    finally:
        engine.dispose()
    _print(args, month_fields(found), month_lines(found))
    return 0


def _trend(args: argparse.Namespace) -> int:
    settings, now_us = read_settings(args.config), microseconds(datetime.now(UTC))
    until = asked_month(args.period, now_us)
    plan, target = _target(settings, args.plan, args.target)
    engine = open_ledger(settings.ledger, create=False)
    try:
        with reading(engine) as conn:
            found = [(place, forecast_of(conn, plan, target, place, until)) for place in _places(plan, args, until)]
    finally:
        engine.dispose()
    told = [(place, forecast) for place, forecast in found if forecast is not None]
    if args.json:
        fields = [{"place": place.code, "name": place.name, **forecast_fields(one)} for place, one in told]
        print(json.dumps({"plan": plan.id, "target": target.id, "places": fields}, ensure_ascii=False, indent=2))
        return 0
    if not told:
        print(_no_forecast(target, until))
    for place, forecast in told:
        print(f"{plan.id} {target.label} · {place.name} ({place.code})")
        print("\n".join(f"  {line}" for line in forecast_lines(forecast)))
    return 0


def _print(args: argparse.Namespace, fields: dict[str, Any], lines: Iterable[str]) -> None:
    print(json.dumps(fields, ensure_ascii=False, indent=2) if args.json else "\n".join(lines))


def _target(settings: Settings, plan: str, target: str) -> tuple[Plan, Target]:
    plans = load_plans(settings.plans)
    chosen = next((one for one in plans if one.id == plan), None)
    if chosen is None:
        raise InputError(plan, _NO_PLAN, _known(plan, [one.id for one in plans]))
    wanted = chosen.target(target)
    if wanted is None:
        raise InputError(target, _NO_TARGET, _known(target, [one.id for one in chosen.targets]))
    return chosen, wanted


def _places(plan: Plan, args: argparse.Namespace, until: Period) -> Sequence[PlanPlace]:
    there = [place for place in plan.places if place.judged_on(_last_day(until))]
    chosen = [place for place in there if args.place in (None, place.code)]
    if not chosen:
        raise InputError(
            f"--place {args.place or ''}".rstrip(), _NO_PLACE, _known(args.place or "", [p.code for p in there])
        )
    return chosen


def _last_day(until: Period) -> date:
    return min(until.last, asking.today())


def _no_forecast(target: Target, until: Period) -> Text:
    if target.due is None:
        return _NOT_DUE
    return _PAST.fill(due=target.due.strftime("%d/%m/%Y")) if target.due <= until.last else _NO_MONTH


def _offer(conn: Connection, site: str, link: str) -> Text:
    table = link_table.c
    there = sorted({f"{row.site} {row.link}" for row in conn.execute(select(table.site, table.link).distinct())})
    own = [name for name in there if name.split()[0] == site]
    return _known(f"{site} {link}", own or there)


def _known(wanted: str, known: Sequence[str]) -> Text:
    if len(known) > _MOST_NAMES and (near := nearest(wanted, known)):
        return _NEAR.fill(near=near)
    return _THESE.fill(known=", ".join(known[:_MOST_NAMES]) or "–")


def _month_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="doxa views", description=str(_ABOUT), epilog=asking.example(_EXAMPLES))
    parser.add_argument("site", metavar=str(_SITE), help=str(_SITE_HELP))
    parser.add_argument("link", metavar=str(_LINK), help=str(_LINK_HELP))
    return _common(parser, _PERIOD)


def _trend_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="doxa views trend", description=str(_ABOUT_TREND), epilog=asking.example(_TREND_EXAMPLE)
    )
    parser.add_argument("plan", metavar=str(_PLAN), help=str(_PLAN_HELP))
    parser.add_argument("target", metavar=str(_TARGET), help=str(_TARGET_HELP))
    parser.add_argument("--place", metavar=str(_CODE), help=str(_PLACE_HELP))
    return _common(parser, _UNTIL)


def _common(parser: argparse.ArgumentParser, period: Text) -> argparse.ArgumentParser:
    parser.add_argument("--period", metavar="2026-10", help=str(period))
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help=str(_CONFIG))
    parser.add_argument("--json", action="store_true", help=str(Text(vi="cho máy đọc", en="for machines")))
    return parser


_MOST_NAMES: Final = 12
_EXAMPLES: Final = "doxa views dong-dang fixed --period 2026-10    ·    doxa views trend d-ha-tinh d4 --place 42"
_TREND_EXAMPLE: Final = "doxa views trend d-ha-tinh d4 --place 42"
_ABOUT: Final = Text(
    vi="Thống kê một tháng của một đường truyền: trung bình, trung vị, tỷ lệ lần đo đạt mức, QCVN 34, FCC 80/80, cách đếm của i-Speed, giờ cao điểm, độ khả dụng, p95 TSLCD. Xu hướng và dự báo: doxa views trend.",
    en="A month of one line: mean, median, share of tests, QCVN 34, FCC 80/80, counted as i-Speed does, peak hours, availability, TSLCD p95. Trend and forecast: doxa views trend.",
)
_ABOUT_TREND: Final = Text(
    vi="Xu hướng của một chỉ tiêu qua các tháng đã khóa sổ, và có khả năng đạt trước hạn hay không.",
    en="The trend of a target over closed months, and whether it is likely to be met when it is due.",
)
_SITE: Final = Text(vi="TRỤ-SỞ", en="SITE")
_LINK: Final = Text(vi="ĐƯỜNG-TRUYỀN", en="LINK")
_PLAN: Final = Text(vi="KẾ-HOẠCH", en="PLAN")
_TARGET: Final = Text(vi="CHỈ-TIÊU", en="TARGET")
_CODE: Final = Text(vi="MÃ", en="CODE")
_SITE_HELP: Final = Text(vi="tên trụ sở như trong sites.toml", en="the office as in sites.toml")
_LINK_HELP: Final = Text(vi="tên đường truyền của trụ sở đó", en="the line of that office")
_PLAN_HELP: Final = Text(vi="tên kế hoạch, ví dụ d-ha-tinh", en="the plan, such as d-ha-tinh")
_TARGET_HELP: Final = Text(vi="chỉ tiêu, ví dụ d4", en="the target, such as d4")
_PLACE_HELP: Final = Text(vi="chỉ địa bàn có mã này", en="the place with this code only")
_PERIOD: Final = Text(vi="tháng cần xem (mặc định: tháng này)", en="the month (default: this one)")
_UNTIL: Final = Text(vi="tính đến tháng nào (mặc định: tháng này)", en="up to which month (default: this one)")
_CONFIG: Final = Text(vi=f"tệp cấu hình (mặc định {DEFAULT_FILE})", en=f"the configuration (default {DEFAULT_FILE})")
_NO_LINE: Final = Text(
    vi="danh mục không có đường truyền này và chưa có phép đo nào",
    en="the registry has no such line and nobody measured it",
)
_NO_PLAN: Final = Text(vi="không có kế hoạch này", en="there is no such plan")
_NO_TARGET: Final = Text(vi="kế hoạch không có chỉ tiêu này", en="the plan has no such target")
_NO_PLACE: Final = Text(vi="kế hoạch không được đánh giá tại địa bàn này", en="the plan is not judged at this place")
_NEAR: Final = Text(vi="có phải ý bạn là «{near}»?", en="did you mean '{near}'?")
_THESE: Final = Text(vi="hiện có: {known}", en="there are: {known}")
_NOT_DUE: Final = Text(vi="chỉ tiêu này không có hạn nên không dự báo", en="this target has no due date: no forecast")
_PAST: Final = Text(
    vi="hạn {due} không còn ở phía trước: không dự báo", en="the due date {due} does not lie ahead: no forecast"
)
_NO_MONTH: Final = Text(
    vi="chưa có tháng nào khóa sổ với chỉ tiêu này, hoặc chỉ tiêu này không được dự báo (xếp hạng, nhập tay)",
    en="no month of this target is closed yet, or it is not forecast (a rank, a figure entered by hand)",
)
