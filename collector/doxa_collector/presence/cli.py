"""`doxa presence`: which probes are there, since when, and why not."""

import argparse
import json
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from doxa_collector.config import DEFAULT_FILE, read_settings
from doxa_collector.ledger import reading
from doxa_collector.ledger.engine import open_ledger
from doxa_collector.ledger.engine import reading as looking
from doxa_collector.ledger.schema import presence_change
from doxa_collector.presence.model import Cause, Evidence, Presence, State
from doxa_collector.presence.store import shown
from doxa_core.errors import InputError
from doxa_core.language import Text, local_time, span

_ORDER = (State.OFFLINE, State.UNKNOWN, State.NEVER, State.ONLINE)


def main(argv: list[str]) -> int:
    """Run the command; `DoxaError` passes through to the `doxa` command, which prints it."""
    args = _parser().parse_args(argv)
    settings = read_settings(args.config)
    engine = open_ledger(settings.ledger, create=False)
    try:
        with looking(engine) as conn:
            names = {row.site: row.name for row in reading.sites(conn)}
            probes = shown(conn)
            history = _history(conn, args.probe) if args.probe else []
    finally:
        engine.dispose()
    if args.probe and args.probe not in {one.agent for one in probes}:
        raise InputError(f"--probe {args.probe}", _NO_PROBE, _CHECK_NAME)
    chosen = [one for one in probes if _wanted(one, args)]
    if args.json:
        print(json.dumps(_fields(chosen, probes, history), ensure_ascii=False, indent=2))
        return 0
    _print(chosen, probes, names)
    if args.probe:
        _print_history(history)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="doxa presence", description=str(_ABOUT), epilog=str(_EXAMPLE))
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help=str(_CONFIG))
    parser.add_argument("--state", action="append", choices=[s.value for s in State], help=str(_STATE))
    parser.add_argument("--site", help=str(_SITE))
    parser.add_argument("--probe", help=str(_PROBE))
    parser.add_argument("--json", action="store_true", help=str(Text(vi="cho máy đọc", en="for machines")))
    return parser


def _wanted(one: Presence, args: argparse.Namespace) -> bool:
    return (
        (not args.state or one.state.value in args.state)
        and (args.site is None or one.site == args.site)
        and (args.probe is None or one.agent == args.probe)
    )


def _counts(probes: list[Presence]) -> dict[str, int]:
    return {state.value: sum(one.state is state for one in probes) for state in _ORDER}


def _fields(chosen: list[Presence], probes: list[Presence], history: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"counts": _counts(probes), "probes": [_one(one) for one in chosen]}
    return found | ({"history": history} if history else {})


def _one(one: Presence) -> dict[str, Any]:
    found: dict[str, Any] = {
        "agent": one.agent,
        "site": one.site,
        "state": one.state.value,
        "cause": None if one.cause is None else one.cause.value,
        "since_us": None if one.state is State.NEVER else one.since_us,
        "evidence": [evidence.as_fields() for evidence in one.evidence] or None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _history(conn: Any, agent: str) -> list[dict[str, Any]]:
    p = presence_change.c
    rows = conn.execute(select(presence_change).where(p.agent == agent).order_by(p.id.desc()).limit(20))
    return [
        {
            "state": row.state, "cause": row.cause, "began_us": row.began_us, "noticed_us": row.noticed_us,
            "evidence": json.loads(row.evidence),
        }
        for row in rows
    ]  # fmt: skip


# --- for people


def _print(chosen: list[Presence], probes: list[Presence], names: dict[str, str]) -> None:
    counts = _counts(probes)
    parts = ", ".join(f"{counts[state.value]} {state.text}" for state in _ORDER if counts[state.value])
    print(_SUMMARY.fill(n=len(probes), parts=parts or "0"))
    now = datetime.now(UTC)
    for one in sorted(chosen, key=lambda p: (_ORDER.index(p.state), p.site, p.agent)):
        mark = {State.ONLINE: "✓", State.OFFLINE: "✗"}.get(one.state, "–")
        line = f"{mark} {_pad(one.agent, 20)} {_pad(names.get(one.site, one.site), 24)} {one.state.text}"
        if one.state is not State.NEVER:
            line += str(
                _SINCE.fill(
                    when=local_time(_moment(one.since_us)), span=span((now - _moment(one.since_us)).total_seconds())
                )
            )
        print(line)
        if one.cause is not None:
            print(f"    {one.cause.text}: " + "; ".join(str(evidence.text) for evidence in one.evidence))


def _print_history(history: list[dict[str, Any]]) -> None:
    print(_HISTORY)
    for row in history:
        cause = "" if row["cause"] is None else f" – {Cause(row['cause']).text}"
        words = "; ".join(str(Evidence(code=e["code"], about=e.get("about", "")).text) for e in row["evidence"])
        print(
            f"  {local_time(_moment(row['began_us']))}  {State(row['state']).text}{cause}"
            + (f" ({words})" if words else "")
        )


def _moment(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1e6, UTC)


def _pad(text: str, width: int) -> str:
    """Filled to `width` columns; a combining mark takes none."""
    shown_width = sum(not unicodedata.combining(c) for c in text)
    return text + " " * max(0, width - shown_width)


_ABOUT = Text(
    vi="Thiết bị đo nào đang trực tuyến, thiết bị nào mất liên lạc, từ bao giờ và vì sao.",
    en="Which probes are online, which are not, since when and why.",
)
_EXAMPLE = Text(
    vi="ví dụ: doxa presence --state offline    ·    doxa presence --probe dong-dang-1",
    en="example: doxa presence --state offline    ·    doxa presence --probe dong-dang-1",
)
_CONFIG = Text(vi=f"tệp cấu hình (mặc định {DEFAULT_FILE})", en=f"the configuration (default {DEFAULT_FILE})")
_STATE = Text(vi="chỉ trạng thái này, có thể lặp lại", en="this state only; may be repeated")
_SITE = Text(vi="chỉ điểm đo này", en="this office only")
_PROBE = Text(vi="chỉ thiết bị này, kèm lịch sử", en="this probe only, with its history")
_NO_PROBE = Text(vi="không có thiết bị này trong danh mục", en="there is no such probe in the registry")
_CHECK_NAME = Text(vi="hãy xem tên bằng doxa presence", en="see the names by doxa presence")
_SUMMARY = Text(vi="{n} thiết bị đo: {parts}", en="{n} probes: {parts}")
_SINCE = Text(vi=" từ {when} ({span})", en=" since {when} ({span})")
_HISTORY = Text(vi="lịch sử:", en="history:")
