"""`doxa collector sinks check` and `sinks setup` carried out: their lines for people or machines, and the exit code."""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from doxa_collector.ledger.reading import now_us
from doxa_collector.sinks.influx import Options, read_options
from doxa_collector.stores.checking import check
from doxa_collector.stores.cursors import cursors
from doxa_collector.stores.finding import Finding, Mark, unseen, wrong
from doxa_collector.stores.making import make, refuse_mixed
from doxa_collector.stores.secretfile import read_token
from doxa_collector.stores.visit import Order
from doxa_core.errors import DoxaError, InputError
from doxa_core.language import Text
from doxa_core.strict import Table

Looking = Callable[[Callable[[Connection], list[Finding]]], list[Finding]]


def run_check(sinks: Sequence[tuple[str, Any]], args: argparse.Namespace, looking: Looking) -> int:
    """Look at these sinks' stores and cursors: 0 all right, 1 something wrong. `looking` opens the ledger."""
    asked = [(name, options) for name, options in sinks if isinstance(options, Options)]
    operator = None
    if args.operator_token_file is not None:
        refuse_mixed(asked)
        operator = read_token(args.operator_token_file)
    told, good = [], True
    if not asked and not args.json:
        print(_NO_SINKS)
    for name, options in asked:
        found = _show(name, _both(name, options, operator, looking), args)
        good = good and all(one.mark is not Mark.WRONG for one in found)
        told.append({"name": name, "lines": [_machine(one) for one in found]})
    if args.json:
        print(json.dumps({"ok": good, "sinks": told}, ensure_ascii=False, indent=2))
    return 0 if good else 1


def _both(name: str, options: Options, operator: str | None, looking: Looking) -> Iterator[Finding]:
    yield from check(name, options, operator)
    try:
        yield from looking(lambda conn: cursors(conn, name, now_us()))
    except DoxaError as error:
        yield unseen("cursor", error.text)


def run_setup(args: argparse.Namespace) -> int:
    """Make what is missing: 0 done, 1 something wrong. What was made before a failure is told, too."""
    options = _options(args)
    operator = None if args.operator_token_file is None else read_token(args.operator_token_file)
    order = Order(
        options=options, operator=operator, write_token_file=args.write_token_file,
        read_token_file=args.read_token_file, change_retention=args.change_retention, rehearse=args.dry_run,
    )  # fmt: skip
    found = _show(None, _told(order), args)
    good = all(one.mark is not Mark.WRONG for one in found)
    if args.json:
        lines = [_machine(one) for one in found]
        print(json.dumps({"ok": good, "dry_run": args.dry_run, "lines": lines}, ensure_ascii=False, indent=2))
    return 0 if good else 1


def _told(order: Order) -> Iterator[Finding]:
    try:
        yield from make(order)
    except InputError:
        raise
    except DoxaError as error:
        mend = getattr(error, "mend", _AGAIN)
        yield wrong("stopped", getattr(error, "told", error.text), mend)


def _options(args: argparse.Namespace) -> Options:
    """The options of a sink that would write there, as strict as those of the settings file."""
    kept = {
        key: getattr(args, key)
        for key in ("raw_days", "five_minutes_days", "long_days")
        if getattr(args, key) is not None
    }
    found: dict[str, Any] = {"url": args.url, "org": args.org, "bucket": args.bucket, "retention": kept}
    if args.ca_file is not None:
        found["ca_file"] = str(args.ca_file)
    return read_options(Table(found, "sinks setup"), Path.cwd())


def _show(name: str | None, lines: Iterator[Finding], args: argparse.Namespace) -> list[Finding]:
    """Print each line as soon as it is known."""
    found = []
    if name is not None and not args.json:
        print(f"[sink.{name}]", flush=True)
    for one in lines:
        found.append(one)
        if not args.json:
            about = "" if one.about is None or one.about in str(one.text) else f" {one.about}"
            print(f"{one.mark.sign} {_TITLES.get(one.what, one.what)}{about}: {one.text}", flush=True)
            if one.mend is not None:
                print(f"    → {one.mend}", flush=True)
    return found


def _machine(one: Finding) -> dict[str, Any]:
    found = {"what": one.what, "about": one.about, "mark": one.mark.value, "text": str(one.text)}
    return found | {"mend": None if one.mend is None else str(one.mend)}


_TITLES: Final = {
    "url": Text(vi="địa chỉ", en="address"),
    "org": Text(vi="tổ chức", en="organisation"),
    "operator": Text(vi="mã quản trị", en="operator token"),
    "token": Text(vi="mã truy cập", en="token"),
    "bucket": Text(vi="bucket", en="bucket"),
    "mapping": Text(vi="InfluxQL", en="InfluxQL"),
    "retention": Text(vi="thời gian lưu", en="retention"),
    "shards": Text(vi="độ dài shard", en="shards"),
    "twice": Text(vi="ghi lại", en="writing again"),
    "texts": Text(vi="trường chữ", en="text fields"),
    "cursor": Text(vi="con trỏ", en="cursor"),
    "rejected": Text(vi="bị từ chối", en="refused"),
    "stopped": Text(vi="dừng lại", en="stopped"),
}
_NO_SINKS = Text(vi="chưa có sink nào trong cấu hình", en="the settings name no sink")
_AGAIN = Text(
    vi="sửa xong hãy chạy lại: những gì đã tạo được giữ nguyên", en="mend it and run it again: what was made stays"
)
