"""What the roles have in common (no role itself: `_`): options in two languages, the word where one listens, the stop."""

import argparse
import json
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn, Protocol

from doxa_core.errors import InputError
from doxa_core.language import Text

Places = list[dict[str, Any]]
"""Where something listens: `host` and `port` of each."""


class Serves(Protocol):
    """A role's server."""

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens."""

    def serve(self) -> None:
        """Run until stopped."""

    def stop(self) -> None:
        """Stop politely; may be called by a signal handler."""


def add_option(parser: argparse.ArgumentParser, name: str, vi: str, en: str, **more: object) -> None:
    """One option with its help; `more` is for `add_argument`."""
    parser.add_argument(name, help=str(Text(vi=vi, en=en)), **more)  # type: ignore[arg-type]


def add_host(parser: argparse.ArgumentParser) -> None:
    """`--host`, which every role takes: `doxa responder run` hands its own on."""
    add_option(parser, "--host", "địa chỉ lắng nghe, có thể lặp lại (mặc định: mọi địa chỉ v4 và v6)",
               "address to listen at, may be repeated (default: all, v4 and v6)", action="append", metavar="ADDRESS")  # fmt: skip


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`, which every role takes: `doxa responder run` reads where it listens."""
    add_option(
        parser, "--json", "in địa chỉ lắng nghe dạng JSON", "print where it listens as JSON", action="store_true"
    )


def check_within(name: str, value: float, lowest: float, highest: float) -> None:
    """`InputError` for an option's value that is outside."""
    if not lowest <= value <= highest:
        refuse(name, Text(vi=f"hãy ghi từ {lowest} đến {highest}", en=f"write from {lowest} to {highest}"))


def refuse(name: str, mend: Text) -> NoReturn:
    """`InputError` for an option's value."""
    raise InputError(name, Text(vi="giá trị không hợp lệ", en="the value is not valid"), mend)


def serve(
    server: Serves,
    *,
    listening: Text,
    stopped: Text,
    as_json: bool,
    beside: Callable[[], dict[str, Places]] = dict,
    stopping: Callable[[], None] = lambda: None,
) -> int:
    """Say where it listens and serve until SIGTERM or SIGINT; 0 after a polite stop.

    `listening` has `{where}`. `beside` starts what runs beside the server once that holds its port, and tells where;
    `stopping` hears of the stop at once.
    """

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping()
        server.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    places = [{"host": host, "port": port} for host, port in server.addresses]
    _say_where(listening, places, beside(), as_json=as_json)
    server.serve()
    if not as_json:
        print(stopped)  # noqa: T201 - the command speaks to its user
    return 0


def _say_where(listening: Text, places: Places, others: dict[str, Places], *, as_json: bool) -> None:
    if as_json:
        found: dict[str, Any] = {"listening": places} | ({"roles": others} if others else {})
        print(json.dumps(found), flush=True)  # noqa: T201
        return
    print(listening.fill(where=_spoken(places)), flush=True)  # noqa: T201
    for name, found_places in others.items():
        print(f"{name}: {_spoken(found_places)}", flush=True)  # noqa: T201


def _spoken(places: Places) -> str:
    return ", ".join(
        f"[{p['host']}]:{p['port']}" if ":" in str(p["host"]) else f"{p['host']}:{p['port']}" for p in places
    )
