"""The settings of the speed meter, and how a plan writes them."""

from dataclasses import dataclass
from typing import Final

from doxa_agent.net import congestion
from doxa_agent.speed.target import CONNECT_S
from doxa_core.language import Text
from doxa_core.strict import Table

DIRECTIONS: Final = ("download", "upload")
_RESOLVE_S: Final = 5.0
_PING_S: Final = 3.0
_MARGIN_S: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How one test runs."""

    directions: tuple[str, ...] = DIRECTIONS
    streams: int = 8
    limit_s: float = 10.0
    """The longest transfer of one direction."""
    early_stop: bool = True
    """Stop when the stop rule holds; false runs the whole limit, as the long run a day does that catches burst credit."""
    ping_count: int = 10
    ck_size: int = 1024
    """MiB asked for in one download request; servers of the LibreSpeed family allow up to 1024."""
    congestion: str = congestion.AUTO


def read_options(table: Table) -> Options:
    """The options in a plan's table; strict."""
    standard = Options()
    directions = table.texts("directions", standard.directions)
    if not directions or set(directions) - set(DIRECTIONS) or len(set(directions)) != len(directions):
        raise table.refuse(
            "directions",
            Text(vi="chiều đo không hợp lệ", en="the directions are not valid"),
            Text(vi='hãy ghi "download", "upload" hoặc cả hai', en='write "download", "upload" or both'),
        )
    known = sorted(congestion.available() | {congestion.AUTO, congestion.SYSTEM})
    return Options(
        directions=directions,
        streams=table.integer("streams", 1, 64, standard.streams),
        limit_s=table.number("limit_s", 2, 300, standard.limit_s),
        early_stop=table.flag("early_stop", standard.early_stop),
        ping_count=table.integer("ping_count", 0, 100, standard.ping_count),
        ck_size=table.integer("ck_size", 1, 1024, standard.ck_size),
        congestion=table.choice("congestion", known, standard.congestion),
    )


def seconds(options: Options, far_ends: int) -> float:
    """How long a run takes at most: name, connecting, pings, each direction with its settling."""
    once = _RESOLVE_S + CONNECT_S + _PING_S + 0.5 * options.ping_count
    direction = CONNECT_S + options.limit_s + _MARGIN_S
    return max(1, far_ends) * (once + len(options.directions) * direction)
