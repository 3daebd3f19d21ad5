"""`doxa collector …`: run the collector, check it, look into it."""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine

from doxa_collector import asking
from doxa_collector.config import DEFAULT_FILE, Settings, read_settings
from doxa_collector.ledger import forwarding, reading
from doxa_collector.ledger.engine import open_ledger, writing
from doxa_collector.ledger.engine import reading as looking
from doxa_collector.ledger.writing import note
from doxa_collector.rollups import cli as rollups
from doxa_collector.stores import arguments as stores
from doxa_core.errors import InputError
from doxa_core.language import VIETNAM_TIME, Text, local_time, number
from doxa_core.moments import microseconds

Command = Callable[[argparse.Namespace], int]
_MOMENTS: Final = 10**14
"""Positions above are moments in microseconds (this one was in 1973), below they are rows."""


def main(argv: list[str]) -> int:
    """Run one command; `DoxaError` passes through to the `doxa` command, which prints it."""
    args = _parser().parse_args(argv)
    command: Command = args.command
    return command(args)


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="doxa collector",
        description=str(_ABOUT),
        epilog=str(_EXAMPLES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = top.add_subparsers(required=True, metavar=str(_COMMAND))
    _verb(verbs, "run", _RUN, run, example="doxa collector run --config collector.toml")
    _json(_verb(verbs, "check", _CHECK, check, example="doxa collector check --config collector.toml --json"))
    _json(_verb(verbs, "status", _STATUS, status, example="doxa collector status --json"))
    _sinks(verbs)
    _backup(verbs)
    _quarantine(verbs)
    _p95(verbs)
    _rollups(verbs)
    return top


def _sinks(verbs: Any) -> None:
    group = _group(verbs, "sinks", _SINKS, example="doxa collector sinks status")
    _json(_verb(group, "status", _SINKS, sinks_status, example="doxa collector sinks status"))
    looking_at = _verb(group, "check", stores.CHECK, sinks_check, example=stores.CHECK_EXAMPLE)
    stores.add_check(_json(looking_at))
    stores.add_setup(group).set_defaults(command=sinks_setup)
    rewind = _verb(
        group, "rewind", _REWIND, sinks_rewind, example="doxa collector sinks rewind grafana --since 2026-11-21"
    )
    rewind.add_argument("sink", help=str(Text(vi="tên trong [sink.TÊN]", en="the name in [sink.NAME]")))
    whence = rewind.add_mutually_exclusive_group(required=True)
    whence.add_argument("--to", type=int, metavar="ID", help=str(_TO))
    whence.add_argument("--since", type=_moment, metavar="2026-11-21[T08:00]", help=str(_SINCE))
    whence.add_argument("--all", action="store_true", help=str(_ALL))


def _backup(verbs: Any) -> None:
    one = _verb(verbs, "backup", _BACKUP, backup, example="doxa collector backup /srv/backup/ledger-2026-11-22.db")
    one.add_argument("file", type=Path, help=str(_BACKUP_FILE))
    one.add_argument("--check", action="store_true", help=str(_BACKUP_CHECK))
    _json(one)


def _quarantine(verbs: Any) -> None:
    group = _group(verbs, "quarantine", _ASIDE, example="doxa collector quarantine list")
    rows = _verb(group, "list", _ASIDE_LIST, quarantine_list, example="doxa collector quarantine list --code bad_time")
    rows.add_argument("--code", help=str(Text(vi="chỉ mã này", en="this code only")))
    rows.add_argument(
        "--limit", type=int, default=50, help=str(Text(vi="nhiều nhất bao nhiêu dòng", en="at most so many rows"))
    )
    _json(rows)
    show = _verb(group, "show", _ASIDE_SHOW, quarantine_show, example="doxa collector quarantine show 17")
    show.add_argument("id", type=int, help=str(Text(vi="số trong danh sách", en="its number in the list")))
    again = _verb(group, "replay", _ASIDE_REPLAY, quarantine_replay, example="doxa collector quarantine replay")
    again.add_argument("--code", action="append", help=str(_CODES))
    _json(again)


def _p95(verbs: Any) -> None:
    parser = _verb(
        verbs, "p95", _ABOUT_P95, p95, example="doxa collector p95 dong-dang tslcd --until 2026-11-21 --json"
    )
    parser.add_argument("site", help=str(Text(vi="trụ sở, như trong sites.toml", en="the office, as in sites.toml")))
    parser.add_argument("link", help=str(Text(vi="đường truyền của trụ sở đó", en="a line of that office")))
    parser.add_argument("--until", type=asking.day, metavar="2026-11-21", help=str(_UNTIL))
    parser.add_argument("--series", metavar=str(_SERIES_NAME), help=str(_SERIES))
    _json(parser)


def _rollups(verbs: Any) -> None:
    group = _group(verbs, "rollups", _ROLLUPS, example="doxa collector rollups check --period 2026-10")
    checking = _verb(
        group, "check", _ROLLUPS_CHECK, rollups_check, example="doxa collector rollups check --period 2026-10 --json"
    )
    rollups.add_check(_json(checking))
    again = _verb(
        group, "rebuild", _ROLLUPS_REBUILD, rollups_rebuild, example="doxa collector rollups rebuild --period 2026-10"
    )
    rollups.add_rebuild(_json(again))


def _group(verbs: Any, name: str, about: Text, *, example: str) -> Any:
    parser = verbs.add_parser(name, help=str(about), description=str(about), epilog=asking.example(example))
    return parser.add_subparsers(required=True, metavar=str(_COMMAND))


def _verb(group: Any, name: str, about: Text, command: Command, *, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = group.add_parser(
        name, help=str(about), description=str(about), epilog=asking.example(example)
    )
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help=str(_CONFIG))
    parser.set_defaults(command=command)
    return parser


def _json(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--json", action="store_true", help=str(Text(vi="cho máy đọc", en="for machines")))
    return parser


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=VIETNAM_TIME)


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(message)s", stream=sys.stderr)
    from doxa_collector.service import Service

    return Service(read_settings(args.config)).run()


def check(args: argparse.Namespace) -> int:
    """Say line by line what `run` would do; 0 if all is well."""
    from doxa_collector.check import check as look

    lines, good = [], True
    for line in look(args.config):
        good = good and line.ok
        lines.append({"name": line.name, "ok": line.ok, "text": str(line.text)})
        if not args.json:
            print(f"{'✓' if line.ok else '✗'} {line.title}: {line.text}", flush=True)
    if args.json:
        _print({"ok": good, "lines": lines})
    return 0 if good else 1


def status(args: argparse.Namespace) -> int:
    """How much the ledger holds, and how far the sinks are."""
    settings = read_settings(args.config)
    with _ledger(settings) as engine, looking(engine) as conn:
        counts, sinks = reading.counts(conn), _cursors(conn, settings)
    found = {
        "measurements": counts.measurements, "quarantine": counts.quarantine, "agents": counts.agents,
        "counters": counts.counters, "sinks": sinks,
    }  # fmt: skip
    if args.json:
        _print(found)
        return 0
    print(_LINE_MEASUREMENTS.fill(n=counts.measurements))
    for title, group in ((_LINE_QUARANTINE, counts.quarantine), (_LINE_AGENTS, counts.agents)):
        print(title.fill(parts=", ".join(f"{k} {v}" for k, v in group.items()) or "0"))
    _print_sinks(sinks)
    return 0


def backup(args: argparse.Namespace) -> int:
    """Copy the ledger while it is written to, or check a copy."""
    from doxa_collector.ledger.copying import check_copy, copy_ledger

    if args.check:
        found = check_copy(args.file)
    elif sys.stderr.isatty():
        found = copy_ledger(read_settings(args.config).ledger, args.file, _tell_share)
    else:
        found = copy_ledger(read_settings(args.config).ledger, args.file)
    if args.json:
        _print({**asdict(found), "path": str(found.path)})
    else:
        size, count = number(found.size_bytes / 1_000_000, 1), number(found.measurements, 0)
        print(_LINE_COPY.fill(path=found.path, count=count, size=size, sha256=found.sha256))
    return 0


def _tell_share(share: float) -> None:
    print(f"\r{share:4.0%}", end="\n" if share >= 1 else "", file=sys.stderr, flush=True)


def sinks_status(args: argparse.Namespace) -> int:
    """How far each sink is."""
    settings = read_settings(args.config)
    with _ledger(settings) as engine, looking(engine) as conn:
        sinks = _cursors(conn, settings)
    if args.json:
        _print(sinks)
    elif sinks:
        _print_sinks(sinks)
    else:
        print(Text(vi="chưa có sink nào trong cấu hình", en="the settings name no sink"))
    return 0


def sinks_check(args: argparse.Namespace) -> int:
    """Whether each sink's store is as the settings say; 1 where something is wrong."""
    from doxa_collector.stores.cli import run_check
    from doxa_collector.stores.finding import Finding

    settings = read_settings(args.config)
    if args.name is not None:
        _known_sink(args.name, settings)
    sinks = [(sink.name, sink.options) for sink in settings.sinks if args.name in (None, sink.name)]

    def ask(question: Callable[[Connection], list[Finding]]) -> list[Finding]:
        with _ledger(settings) as engine, looking(engine) as conn:
            return question(conn)

    return run_check(sinks, args, ask)


def sinks_setup(args: argparse.Namespace) -> int:
    """Make in a store what a sink needs; 1 where something could not be made."""
    from doxa_collector.stores.cli import run_setup

    return run_setup(args)


def sinks_rewind(args: argparse.Namespace) -> int:
    """Send a sink back; the running service notices by itself."""
    from doxa_collector import series

    settings = read_settings(args.config)
    _known_sink(args.sink, settings)
    with _ledger(settings) as engine, writing(engine) as conn:
        if args.since is not None:
            position = forwarding.received_since(conn, microseconds(args.since))
        else:
            position = 0 if args.all else max(0, args.to)
        before = forwarding.cursor_of(conn, args.sink)
        after = forwarding.rewind(conn, args.sink, position, reading.now_us())
        streams = forwarding.begin_again(conn, args.sink, reading.now_us()) & series.names()  # the others nobody writes
        detail = {"sink": args.sink, "from": before.position, "to": after.position}
        note(conn, reading.now_us(), asking.who(), "sink.rewind", detail)
    print(_LINE_REWOUND.fill(sink=args.sink, before=before.position, after=after.position))
    if streams:
        print(_LINE_ANEW.fill(n=len(streams)))
    return 0


def quarantine_list(args: argparse.Namespace) -> int:
    """The newest rows of the quarantine."""
    from doxa_collector.quarantine import list_rows

    with _ledger(read_settings(args.config)) as engine, looking(engine) as conn:
        rows = list_rows(conn, code=args.code, limit=args.limit)
    found = [
        {
            "id": row.id, "code": row.code, "count": row.count, "size": row.size, "topic": row.topic,
            "detail": row.detail, "first_us": row.first_us, "last_us": row.last_us, "replayed_us": row.replayed_us,
        }
        for row in rows
    ]  # fmt: skip
    if args.json:
        _print(found)
        return 0
    for row in rows:
        mark = "↻" if row.replayed_us else " "
        print(f"{row.id:>6} {mark} {_when(row.last_us)}  ×{row.count:<5} {row.code:<18} {row.topic}  {row.detail}")
    if not rows:
        print(Text(vi="khu cách ly trống", en="the quarantine is empty"))
    return 0


def quarantine_show(args: argparse.Namespace) -> int:
    """One row with its payload as it came (control characters made visible)."""
    from doxa_collector.quarantine import show_row

    with _ledger(read_settings(args.config)) as engine, looking(engine) as conn:
        row = show_row(conn, args.id)
    if row is None:
        what = Text(vi="không có dòng này trong khu cách ly", en="there is no such row in the quarantine")
        raise InputError(f"id {args.id}", what, Text(vi="hãy xem quarantine list", en="see quarantine list"))
    print(f"{row.topic}\n{row.code}: {row.detail}\n{_when(row.first_us)} … {_when(row.last_us)}  ×{row.count}")
    print(_LINE_PAYLOAD.fill(kept=len(row.payload), size=row.size))
    text = row.payload.decode("utf-8", "backslashreplace")
    print("".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text))
    return 0


def quarantine_replay(args: argparse.Namespace) -> int:
    """Decide again, with the registry as the file has it now."""
    from doxa_collector.admission import REPLAYABLE, Known
    from doxa_collector.quarantine import replay
    from doxa_collector.registry import read_registry

    settings = read_settings(args.config)
    registry = read_registry(settings.registry)
    known = Known(registry.home_of(), registry.lines_of())
    codes = tuple(args.code) if args.code else REPLAYABLE
    with _ledger(settings) as engine:
        done = replay(engine, known, reading.now_us(), codes=codes, actor=asking.who())
    if args.json:
        _print({"accepted": done.accepted, "known": done.known, "still": done.still})
    else:
        print(_LINE_REPLAYED.fill(accepted=done.accepted, known=done.known, still=done.still))
    return 0


def p95(args: argparse.Namespace) -> int:
    """The p95 rule over seven days of one line; computed from the ledger each time, so late data counts."""
    from doxa_collector.assess.p95_ledger import read_week
    from doxa_collector.assess.p95_words import as_json, table

    last = args.until or datetime.now(VIETNAM_TIME).date() - timedelta(days=1)
    with _ledger(read_settings(args.config)) as engine, looking(engine) as conn:
        week = read_week(conn, args.site, args.link, last, args.series)
    if args.json:
        _print(as_json(args.site, args.link, week))
    else:
        print("\n".join(table(week)))
    return 0


def rollups_check(args: argparse.Namespace) -> int:
    """Hold rollups against the evidence; 1 where they differ."""
    return _rolled(args, rollups.run_check)


def rollups_rebuild(args: argparse.Namespace) -> int:
    """Make rollups anew from the evidence."""
    return _rolled(args, rollups.run_rebuild)


def _rolled(args: argparse.Namespace, command: Callable[..., tuple[int, dict[str, Any], list[str]]]) -> int:
    with _ledger(read_settings(args.config)) as engine:
        code, fields, lines = command(engine, args)
    if args.json:
        _print(fields)
    else:
        print("\n".join(lines))
    return code


@contextmanager
def _ledger(settings: Settings) -> Iterator[Engine]:
    engine = open_ledger(settings.ledger, create=False)
    try:
        yield engine
    finally:
        engine.dispose()


def _cursors(conn: Any, settings: Settings) -> list[dict[str, Any]]:
    from doxa_collector import series

    newest, used, found = forwarding.newest(conn), series.names(), []
    for sink in settings.sinks:
        cursor = forwarding.cursor_of(conn, sink.name)
        found.append(
            {
                "name": sink.name, "kind": sink.kind, "position": cursor.position, "pending": newest - cursor.position,
                "written": cursor.written, "rejected": cursor.rejected, "rewound": cursor.rewound, "error": cursor.error,
                "streams": [
                    _stream(name, one, used=name in used)
                    for name, one in forwarding.streams_of(conn, sink.name).items()
                ],
            }
        )  # fmt: skip
    return found


def _stream(name: str, cursor: forwarding.Cursor, *, used: bool) -> dict[str, Any]:
    """One of a sink's other streams. It counts in moments (`reached_us`) or in rows of its own (`position`).

    Without `used` an older version left it.
    """
    counts_moments = cursor.position > _MOMENTS
    return {
        "name": name, "reached_us" if counts_moments else "position": cursor.position, "written": cursor.written,
        "rejected": cursor.rejected, "rewound": cursor.rewound, "error": cursor.error, "used": used,
    }  # fmt: skip


def _print_sinks(sinks: list[dict[str, Any]]) -> None:
    for sink in sinks:
        print(_LINE_SINK.fill(**{**sink, "error": f" – {sink['error']}" if sink["error"] else ""}))
        for stream in sink["streams"]:
            if not stream["used"]:
                print(_LINE_UNUSED.fill(name=stream["name"]))
                continue
            reached = _when(stream["reached_us"]) if "reached_us" in stream else stream["position"]
            error = f" – {stream['error']}" if stream["error"] else ""
            print(_LINE_STREAM.fill(**{**stream, "reached": reached, "error": error}))


def _known_sink(name: str, settings: Settings) -> None:
    names = [sink.name for sink in settings.sinks]
    if name not in names:
        what = Text(vi="không có sink này", en="there is no such sink")
        mend = Text(vi=f"các sink: {', '.join(names) or 'chưa có'}", en=f"sinks: {', '.join(names) or 'none'}")
        raise InputError(f"sink {name}", what, mend)


def _when(at_us: int) -> str:
    return local_time(datetime.fromtimestamp(at_us / 1e6, UTC))


def _print(found: object) -> None:
    print(json.dumps(found, ensure_ascii=False, indent=2))


_ABOUT = Text(
    vi="Bộ thu thập: nhận kết quả đo từ các thiết bị, giữ trong sổ cái, chấm chỉ tiêu, phục vụ trang xem.",
    en="The collector: receives measurements from the probes, keeps them in its ledger, judges targets, serves the page.",
)
_EXAMPLES = Text(
    vi="ví dụ:\n  doxa collector check --config collector.toml\n  doxa collector run --config collector.toml",
    en="examples:\n  doxa collector check --config collector.toml\n  doxa collector run --config collector.toml",
)
_COMMAND = Text(vi="LỆNH", en="COMMAND")
_CONFIG = Text(vi=f"tệp cấu hình (mặc định {DEFAULT_FILE})", en=f"the settings file (default {DEFAULT_FILE})")
_RUN = Text(vi="chạy bộ thu thập cho đến khi được yêu cầu dừng", en="run the collector until it is told to stop")
_CHECK = Text(vi="nói từng dòng những gì run sẽ làm", en="say line by line what run would do")
_STATUS = Text(vi="sổ cái đang giữ bao nhiêu", en="how much the ledger holds")
_BACKUP = Text(
    vi="sao chép sổ cái ra một tệp mà không dừng dịch vụ, rồi kiểm tra bản sao",
    en="copy the ledger to a file without stopping the service, and check the copy",
)
_BACKUP_FILE = Text(vi="tệp mới sẽ được tạo (quyền 0600)", en="the new file to be made (0600)")
_BACKUP_CHECK = Text(vi="chỉ kiểm tra tệp đã có", en="only check a file that exists")
_LINE_COPY = Text(
    vi="{path}: nguyên vẹn, {count} kết quả đo, {size} MB, SHA-256 {sha256}",
    en="{path}: intact, {count} measurements, {size} MB, SHA-256 {sha256}",
)
_SINKS = Text(vi="các sink đã ghi đến đâu", en="how far the sinks are")
_REWIND = Text(
    vi="cho một sink ghi lại: kết quả đo từ một vị trí trước đó, các chuỗi số liệu khác từ đầu",
    en="let a sink write again: measurements from an earlier position, all other series from their beginning",
)
_TO = Text(
    vi="số thứ tự kết quả trong sổ cái; ghi lại những gì sau nó",
    en="an id of the ledger; what follows it is written again",
)
_SINCE = Text(
    vi="ghi lại những gì nhận từ lúc này (giờ Việt Nam)",
    en="write again what was received since then (Vietnamese time)",
)
_ALL = Text(vi="ghi lại tất cả từ đầu", en="write everything again")
_ASIDE = Text(vi="khu cách ly: những gì không được nhận", en="the quarantine: what was not accepted")
_ASIDE_LIST = Text(vi="liệt kê, mới nhất trước", en="list it, newest first")
_ASIDE_SHOW = Text(vi="xem một dòng và nội dung của nó", en="show one row and its payload")
_ASIDE_REPLAY = Text(vi="xét lại sau khi đã sửa danh mục", en="decide again after the registry was mended")
_CODES = Text(
    vi="mã cần xét lại (mặc định: unknown_agent và unknown_link)",
    en="a code to decide again about (default: unknown_agent and unknown_link)",
)
_ABOUT_P95 = Text(
    vi="bách phân vị 95 của lưu lượng mỗi chiều trong 7 ngày so với 90 phần trăm dung lượng (TT 06/2026, Đ.5.6)",
    en="95th percentile of each direction's traffic over 7 days against nine tenths of the capacity (TT 06/2026, Đ.5.6)",
)
_UNTIL = Text(
    vi="ngày cuối của 7 ngày, giờ Việt Nam (mặc định hôm qua)",
    en="the last of the seven days, Vietnamese time (default yesterday)",
)
_SERIES_NAME = Text(vi="TÁC-VỤ[/ĐẦU-XA]", en="TASK[/FAR-END]")
_SERIES = Text(vi="khi nhiều tác vụ cùng hỏi đường này", en="where several tasks poll the line")
_ROLLUPS = Text(vi="số liệu tổng hợp theo tháng", en="the rollups by month")
_ROLLUPS_CHECK = Text(
    vi="so số liệu tổng hợp với số liệu gốc: một tháng, một trụ sở, hoặc một mẫu ngẫu nhiên",
    en="hold the rollups against the evidence: a month, an office, or a random sample",
)
_ROLLUPS_REBUILD = Text(vi="tổng hợp lại từ số liệu gốc", en="make the rollups anew from the evidence")
_LINE_MEASUREMENTS = Text(vi="kết quả đo: {n}", en="measurements: {n}")
_LINE_QUARANTINE = Text(vi="cách ly: {parts}", en="quarantine: {parts}")
_LINE_AGENTS = Text(vi="thiết bị: {parts}", en="agents: {parts}")
_LINE_SINK = Text(
    vi="sink {name} ({kind}): đến {position}, còn {pending}, đã ghi {written}, từ chối {rejected}{error}",
    en="sink {name} ({kind}): at {position}, {pending} to go, {written} written, {rejected} rejected{error}",
)
_LINE_STREAM = Text(
    vi="    {name}: đến {reached}, đã ghi {written}, từ chối {rejected}{error}",
    en="    {name}: at {reached}, {written} written, {rejected} rejected{error}",
)
_LINE_UNUSED = Text(
    vi="    {name}: không còn dùng (của phiên bản cũ để lại)",
    en="    {name}: no longer used (an older version left it)",
)
_LINE_ANEW = Text(
    vi="{n} chuỗi số liệu khác của sink này được ghi lại từ đầu",
    en="{n} other series of this sink are written again from their beginning",
)
_LINE_REWOUND = Text(vi="sink {sink}: từ {before} về {after}", en="sink {sink}: from {before} back to {after}")
_LINE_PAYLOAD = Text(vi="giữ {kept} trong {size} byte:", en="{kept} of {size} bytes kept:")
_LINE_REPLAYED = Text(
    vi="nhận {accepted}, đã có {known}, vẫn bị từ chối {still}",
    en="{accepted} accepted, {known} known, {still} still refused",
)
