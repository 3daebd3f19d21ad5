"""The settings of the responsiveness meter, and how a plan writes them."""

from dataclasses import dataclass, field
from typing import Final

from doxa_agent.directions import DIRECTIONS, read_directions
from doxa_agent.net import congestion
from doxa_agent.responsiveness.stability import Parameters
from doxa_agent.speed.target import CONNECT_S
from doxa_core.strict import Table

_RESOLVE_S: Final = 5.0
_MARGIN_S: Final = 3.0
IDLE_PROBES: Final = 5
_IDLE_S: Final = 2.0
"""The longest wait for one idle probe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How one test runs."""

    directions: tuple[str, ...] = DIRECTIONS
    limit_s: float = 20.0
    """The longest time of one direction: half of it for goodput, half for responsiveness."""
    congestion: str = congestion.AUTO
    parameters: Parameters = field(default_factory=Parameters)


def read_options(table: Table) -> Options:
    """`directions`, `limit_s`, `connections`, `probes_hz`, `congestion`; strict."""
    standard = Options()
    known = sorted(congestion.available() | {congestion.AUTO, congestion.SYSTEM})
    return Options(
        directions=read_directions(table, standard.directions),
        limit_s=table.number("limit_s", 8, 120, standard.limit_s),
        congestion=table.choice("congestion", known, standard.congestion),
        parameters=Parameters(
            most=table.integer("connections", 1, 64, standard.parameters.most),
            probes_per_s=table.integer("probes_hz", 2, 200, standard.parameters.probes_per_s),
        ),
    )


def seconds(options: Options, far_ends: int) -> float:
    """How long a run takes at most."""
    idle = IDLE_PROBES * _IDLE_S
    direction = options.limit_s + options.parameters.interval_s + CONNECT_S
    return max(1, far_ends) * (_RESOLVE_S + idle + len(options.directions) * direction + _MARGIN_S)
