"""`doxa incidents …`: what fails now and why, what was done about it, and planned work."""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from doxa_collector import asking
from doxa_collector.config import DEFAULT_FILE, Settings, read_settings
from doxa_collector.incidents import lifecycle, showing, store
from doxa_collector.incidents.atlas import read_atlas
from doxa_collector.incidents.explain import Ground
from doxa_collector.incidents.summary import summary
from doxa_collector.incidents.windows import Scope
from doxa_collector.ledger.engine import open_ledger, writing
from doxa_collector.ledger.engine import reading as looking
from doxa_collector.ledger.reading import now_us
from doxa_collector.nodes.reading import read_tree
from doxa_collector.nodes.tree import Tree
from doxa_collector.registry import read_registry
from doxa_core.errors import InputError
from doxa_core.language import VIETNAM_TIME, Text
from doxa_core.moments import microseconds
from doxa_core.similar import nearest

Command = Callable[[argparse.Namespace], int]


def main(argv: list[str]) -> int:
    """Run one command; `DoxaError` passes through to the `doxa` command, which prints it."""
    args = _parser().parse_args(argv)
    command: Command = args.command
    return command(args)


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="doxa incidents", description=str(_ABOUT), epilog=asking.example("doxa incidents list --open --place 20")
    )
    verbs = top.add_subparsers(required=True, metavar=str(_COMMAND))
    rows = _verb(verbs, "list", _LIST, list_incidents, "doxa incidents list --open --place 20")
    rows.add_argument("--open", action="store_true", help=str(_OPEN))
    rows.add_argument("--place", metavar=str(_CODE), help=str(_PLACE))
    rows.add_argument("--since", type=_moment, metavar="24/11/2026", help=str(_SINCE))
    rows.add_argument("--limit", type=int, default=50, help=str(_LIMIT))
    _numbered(_verb(verbs, "show", _SHOW, show, "doxa incidents show 12"))
    ack = _numbered(_verb(verbs, "ack", _ACK, acknowledge, "doxa incidents ack 12 đã gọi VNPT"))
    ack.add_argument("text", nargs="*", metavar=str(_TEXT), help=str(_REMARK))
    remark = _numbered(_verb(verbs, "comment", _COMMENT, comment, "doxa incidents comment 12 chờ thợ hàn cáp"))
    remark.add_argument("text", nargs="+", metavar=str(_TEXT), help=str(_REMARK))
    close = _numbered(_verb(verbs, "close", _CLOSE, close_incident, "doxa incidents close 12 đã thay cáp"))
    close.add_argument("text", nargs="*", metavar=str(_TEXT), help=str(_REMARK))
    close.add_argument("--force", action="store_true", help=str(_FORCE))
    _verb(verbs, "summary", _SUMMARY, summarise, "doxa incidents summary")
    _maintenance(verbs)
    return top


def _maintenance(verbs: Any) -> None:
    example = "doxa incidents maintenance add --from 24/11/2026T22:00 --to 25/11/2026T02:00 --node agg-20 --reason x"
    parser = verbs.add_parser("maintenance", help=str(_WORK), description=str(_WORK), epilog=asking.example(example))
    group = parser.add_subparsers(required=True, metavar=str(_COMMAND))
    add = _verb(group, "add", _WORK_ADD, add_window, example)
    add.add_argument("--from", dest="from_", type=_moment, metavar="24/11/2026T22:00", help=str(_FROM))
    add.add_argument("--to", type=_moment, required=True, metavar="25/11/2026T02:00", help=str(_TO))
    for name, text in _SCOPES.items():
        add.add_argument(f"--{name}", help=str(text))
    add.add_argument("--everything", action="store_true", help=str(_EVERYTHING))
    add.add_argument("--reason", required=True, help=str(_REASON))
    rows = _verb(group, "list", _WORK_LIST, list_windows, "doxa incidents maintenance list")
    rows.add_argument("--all", action="store_true", help=str(_PAST))
    _numbered(_verb(group, "cancel", _WORK_CANCEL, cancel_window, "doxa incidents maintenance cancel 3"))


def _verb(group: Any, name: str, about: Text, command: Command, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = group.add_parser(
        name, help=str(about), description=str(about), epilog=asking.example(example)
    )
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help=str(_CONFIG))
    parser.add_argument("--json", action="store_true", help=str(Text(vi="cho máy đọc", en="for machines")))
    parser.set_defaults(command=command)
    return parser


def _numbered(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("number", type=int, metavar=str(_NUMBER), help=str(_OF_LIST))
    return parser


def _moment(text: str) -> datetime:
    """24/11/2026, 24/11/2026T22:00 or ISO 8601; Vietnamese time where none is named."""
    for form in ("%d/%m/%Y", "%d/%m/%YT%H:%M", "%d/%m/%Y %H:%M"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=VIETNAM_TIME)
        except ValueError:
            continue
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=VIETNAM_TIME)


# --- incidents


def list_incidents(args: argparse.Namespace) -> int:
    """The newest incidents, or those that last."""
    with _opened(args) as (engine, settings), looking(engine) as conn:
        ground, reveal = _ground(conn, settings)
        _known_place(args.place, ground)
        atlas = ground.atlas
        sites = [s for s in atlas.offices if args.place in (atlas.place_of(s), atlas.province_of(s))]
        since = None if args.since is None else microseconds(args.since)
        found = store.find(
            conn, live=args.open, since_us=since, place=args.place, sites=sites, limit=max(1, args.limit)
        )
    if args.json:
        _print([showing.plain(i, ground, reveal=reveal) for i in found])
    else:
        print("\n".join(showing.listing(found, ground, reveal=reveal)))
    return 0


def show(args: argparse.Namespace) -> int:
    """One incident with its members and history."""
    with _opened(args) as (engine, settings), looking(engine) as conn:
        ground, reveal = _ground(conn, settings)
        found = store.get(conn, args.number)
        history = store.entries(conn, args.number)
    if found is None:
        where = str(Text(vi=f"sự cố {args.number}", en=f"incident {args.number}"))
        raise InputError(where, _NO_INCIDENT, _SEE_LIST)
    if args.json:
        entries = [showing.plain_entry(entry) for entry in history]
        _print(showing.plain(found, ground, reveal=reveal, members=True) | {"history": entries})
    else:
        print("\n".join(showing.full(found, history, ground, reveal=reveal)))
    return 0


def acknowledge(args: argparse.Namespace) -> int:
    """Somebody works on it."""
    return _act(
        args, lambda conn: lifecycle.acknowledge(conn, args.number, asking.who(), now_us(), " ".join(args.text))
    )


def comment(args: argparse.Namespace) -> int:
    """Add a remark."""
    return _act(args, lambda conn: lifecycle.comment(conn, args.number, asking.who(), now_us(), " ".join(args.text)))


def close_incident(args: argparse.Namespace) -> int:
    """Put it away."""
    return _act(
        args,
        lambda conn: lifecycle.close(conn, args.number, asking.who(), now_us(), " ".join(args.text), force=args.force),
    )


def _act(args: argparse.Namespace, act: Callable[[Connection], Any]) -> int:
    with _opened(args) as (engine, settings), writing(engine) as conn:
        found = act(conn)
        ground, reveal = _ground(conn, settings)
    if args.json:
        _print(showing.plain(found, ground, reveal=reveal))
    else:
        print(_DONE.fill(number=found.id, state=found.state.text))
    return 0


def summarise(args: argparse.Namespace) -> int:
    """What is lost now, in one line a cause."""
    with _opened(args) as (engine, settings), looking(engine) as conn:
        ground, reveal = _ground(conn, settings)
        found = store.find(conn, live=True, limit=100_000)
    lines = summary(found, ground, now_us(), reveal=reveal)
    if args.json:
        _print([{"vi": line.vi, "en": line.en} for line in lines])
    else:
        print("\n".join(map(str, lines)))
    return 0


# --- planned work


def add_window(args: argparse.Namespace) -> int:
    """Enter planned work."""
    given = {name: getattr(args, name) for name in _SCOPES if getattr(args, name) is not None}
    if not given and not args.everything:
        raise InputError("maintenance add", _NO_SCOPE, _GIVE_SCOPE)
    now = now_us()
    with _opened(args) as (engine, settings), writing(engine) as conn:
        ground, _ = _ground(conn, settings)
        scope = _known_scope(Scope.of(given), ground)
        window = lifecycle.add_window(
            conn, from_us=now if args.from_ is None else microseconds(args.from_), to_us=microseconds(args.to),
            scope=scope, reason=args.reason, actor=asking.who(), now_us=now,
        )  # fmt: skip
    return _tell_windows(args, [window], now)


def list_windows(args: argparse.Namespace) -> int:
    """Planned work that is on or to come."""
    now = now_us()
    with _opened(args) as (engine, _), looking(engine) as conn:
        found = lifecycle.windows(conn, now, past=args.all)
    return _tell_windows(args, found, now)


def cancel_window(args: argparse.Namespace) -> int:
    """Planned work that is off."""
    now = now_us()
    with _opened(args) as (engine, _), writing(engine) as conn:
        found = lifecycle.cancel_window(conn, args.number, asking.who(), now)
    return _tell_windows(args, [found], now)


def _tell_windows(args: argparse.Namespace, windows: list[Any], now: int) -> int:
    if args.json:
        _print([showing.plain_window(w, now) for w in windows])
    else:
        print("\n".join(showing.window_lines(windows, now)))
    return 0


def _known_place(code: str | None, ground: Ground) -> None:
    if code is not None and code not in ground.atlas.names:
        raise InputError(f"--place {code}", _UNKNOWN, _near(code, ground.atlas.names))


def _known_scope(scope: Scope, ground: Ground) -> Scope:
    atlas = ground.atlas
    known: dict[str, set[str]] = {
        "place": set(atlas.names), "site": set(atlas.offices), "node": set(ground.tree.nodes),
        "link": {link for _, link in atlas.wires},
        "provider": {wire.provider for wire in atlas.wires.values() if wire.provider is not None}
        | {node.provider for node in ground.tree.nodes.values() if node.provider is not None},
    }  # fmt: skip
    for name, value in scope.plain().items():
        if value not in known[name]:
            raise InputError(f"--{name} {value}", _UNKNOWN, _near(value, known[name]))
    return scope


def _near(wanted: str, known: Any) -> Text:
    if near := nearest(wanted, sorted(known)):
        return Text(vi=f"có phải ý bạn là «{near}»?", en=f"did you mean '{near}'?")
    return Text(vi="hãy xem sites.toml và nodes.toml", en="see sites.toml and nodes.toml")


# --- surroundings


@contextmanager
def _opened(args: argparse.Namespace) -> Iterator[tuple[Engine, Settings]]:
    settings = read_settings(args.config)
    engine = open_ledger(settings.ledger, create=False)
    try:
        yield engine, settings
    finally:
        engine.dispose()


def _ground(conn: Connection, settings: Settings) -> tuple[Ground, bool]:
    """The registry as the ledger has it and the tree as its file has it; and whether TSLCD may be shown."""
    atlas = read_atlas(conn, datetime.now(VIETNAM_TIME).date())
    reveal = settings.web is not None and settings.web.page.reveal_tslcd
    return Ground(_tree(settings), atlas, settings.incidents), reveal


def _tree(settings: Settings) -> Tree:
    """The nodes; none where no file of them is named."""
    file = settings.watch.nodes
    return Tree() if file is None else read_tree(file, read_registry(settings.registry))


def _print(found: object) -> None:
    print(json.dumps(found, ensure_ascii=False, indent=2))


_ABOUT = Text(
    vi="Sự cố: cái gì đang hỏng, vì sao, ai đang xử lý; và các đợt bảo trì.",
    en="Incidents: what fails, why, who works on it; and planned work.",
)
_COMMAND = Text(vi="LỆNH", en="COMMAND")
_NUMBER = Text(vi="SỐ", en="NUMBER")
_TEXT = Text(vi="LỜI", en="TEXT")
_CODE = Text(vi="MÃ", en="CODE")
_OF_LIST = Text(vi="số trong danh sách", en="its number in the list")
_REMARK = Text(vi="lời ghi", en="a remark")
_CONFIG = Text(vi=f"tệp cấu hình (mặc định {DEFAULT_FILE})", en=f"the settings file (default {DEFAULT_FILE})")
_LIST = Text(vi="liệt kê sự cố, mới nhất trước", en="list incidents, newest first")
_OPEN = Text(vi="chỉ sự cố đang xảy ra", en="only those that last")
_PLACE = Text(vi="mã tỉnh hoặc mã xã", en="code of a province or commune")
_SINCE = Text(vi="còn xảy ra từ lúc này trở đi (giờ Việt Nam)", en="that lasted then or began later (Vietnamese time)")
_LIMIT = Text(vi="nhiều nhất bao nhiêu sự cố", en="at most so many")
_SHOW = Text(vi="xem một sự cố: nguyên nhân, thành phần, diễn biến", en="show one: cause, members, history")
_ACK = Text(vi="tiếp nhận: có người đang xử lý", en="acknowledge: somebody works on it")
_COMMENT = Text(vi="ghi thêm vào diễn biến", en="add a remark to its history")
_CLOSE = Text(vi="đóng một sự cố đã khôi phục", en="close one that is resolved")
_FORCE = Text(
    vi="đóng cả khi còn thành phần lỗi; chúng chỉ báo lại sau khi đã khôi phục một lần",
    en="close it though members fail; they are told again only after they were well once",
)
_SUMMARY = Text(vi="câu tổng hợp để báo cáo", en="the summary line for reports")
_WORK = Text(vi="các đợt bảo trì: có ghi nhận, không báo", en="planned work: recorded, not told")
_WORK_ADD = Text(vi="khai báo một đợt bảo trì", en="enter planned work")
_WORK_LIST = Text(vi="các đợt đang và sắp bảo trì", en="what is on or to come")
_WORK_CANCEL = Text(vi="hủy hoặc kết thúc sớm", en="cancel it, or end it early")
_FROM = Text(vi="từ lúc nào (mặc định: bây giờ)", en="from when on (default: now)")
_TO = Text(vi="đến lúc nào", en="until when")
_REASON = Text(vi="lý do", en="the reason")
_PAST = Text(vi="cả những đợt đã qua", en="past ones too")
_EVERYTHING = Text(vi="toàn bộ hệ thống", en="everything")
_SCOPES = {
    "place": Text(vi="mã tỉnh hoặc mã xã", en="code of a province or commune"),
    "provider": Text(vi="nhà mạng", en="the provider"),
    "node": Text(vi="nút mạng và mọi thứ phía sau", en="a node and everything behind it"),
    "site": Text(vi="điểm đo", en="the site"),
    "link": Text(vi="tên đường truyền", en="the link's name"),
}
_DONE = Text(vi="sự cố {number}: {state}", en="incident {number}: {state}")
_NO_INCIDENT = Text(vi="không có sự cố này", en="there is no such incident")
_SEE_LIST = Text(vi="hãy xem doxa incidents list", en="see doxa incidents list")
_NO_SCOPE = Text(vi="chưa nói bảo trì cái gì", en="it does not say what is worked on")
_GIVE_SCOPE = Text(
    vi="hãy ghi --place, --provider, --node, --site, --link hoặc --everything",
    en="give --place, --provider, --node, --site, --link or --everything",
)
_UNKNOWN = Text(vi="danh mục không có tên này", en="the registry does not know it")
