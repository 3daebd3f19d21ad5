"""The settings of the speed meter, and how a plan writes them."""

from dataclasses import dataclass, replace
from typing import Final

from doxa_agent.directions import DIRECTIONS, read_directions
from doxa_agent.net import congestion
from doxa_agent.speed.target import CONNECT_S
from doxa_core.layers import Layer
from doxa_core.strict import Table

SHORT: Final = "short"
STANDARD: Final = "standard"
LONG: Final = "long"
SHORT_S: Final = 4.0
LONG_S: Final = 20.0
"""A shaper with burst credit must have time to use it up."""
_LAYERS: Final = (Layer.PAYLOAD.value, Layer.IP.value, Layer.WIRE.value)
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
    form: str = STANDARD
    """`short` answers with the least data, `long` finds what a shaper with burst credit sustains."""
    target_mbps: float | None = None
    """Ask only whether the line carries this much, and stop when that is known; None measures the rate."""
    upload_target_mbps: float | None = None
    """The same for the upload where it differs; None takes `target_mbps`."""
    target_layer: Layer = Layer.IP
    """Where the targets are counted."""
    slot_mbps: float = 1000.0
    """What is asked of a far end that gives slots."""

    def target_of(self, direction: str) -> float | None:
        """The target of one direction."""
        if direction == "upload" and self.upload_target_mbps is not None:
            return self.upload_target_mbps
        return self.target_mbps


def shortened(options: Options) -> Options:
    """The form for a line whose data budget is nearly used up: the same question, with the least data."""
    return replace(
        options,
        form=SHORT,
        early_stop=True,
        limit_s=min(options.limit_s, SHORT_S),
        ping_count=min(options.ping_count, 5),
    )


def effective(options: Options, *, frugal: bool = False) -> Options:
    """The options with what their form implies."""
    if frugal or options.form == SHORT:
        return shortened(options)
    if options.form == LONG:
        return replace(options, early_stop=False, limit_s=max(options.limit_s, LONG_S), target_mbps=None,
                       upload_target_mbps=None)  # fmt: skip
    return options


def read_options(table: Table) -> Options:
    """The options in a plan's table; strict."""
    standard = Options()
    known = sorted(congestion.available() | {congestion.AUTO, congestion.SYSTEM})
    return Options(
        directions=read_directions(table, standard.directions),
        streams=table.integer("streams", 1, 64, standard.streams),
        limit_s=table.number("limit_s", 2, 300, standard.limit_s),
        early_stop=table.flag("early_stop", standard.early_stop),
        ping_count=table.integer("ping_count", 0, 100, standard.ping_count),
        ck_size=table.integer("ck_size", 1, 1024, standard.ck_size),
        congestion=table.choice("congestion", known, standard.congestion),
        form=table.choice("form", [SHORT, STANDARD, LONG], standard.form),
        target_mbps=_target(table, "target_mbps"),
        upload_target_mbps=_target(table, "upload_target_mbps"),
        target_layer=Layer(table.choice("target_layer", list(_LAYERS), standard.target_layer.value)),
        slot_mbps=table.number("slot_mbps", 0.1, 100_000, standard.slot_mbps),
    )


def _target(table: Table, name: str) -> float | None:
    return table.number(name, 0.1, 100_000, None)


def seconds(options: Options, far_ends: int) -> float:
    """How long a run takes at most: name, connecting, pings, each direction with its settling."""
    options = effective(options)
    once = _RESOLVE_S + CONNECT_S + _PING_S + 0.5 * options.ping_count
    direction = CONNECT_S + options.limit_s + _MARGIN_S
    return max(1, far_ends) * (once + len(options.directions) * direction)
