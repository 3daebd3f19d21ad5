"""How often nodes are asked, when one is down, and how often one that stays as it is is told."""

from dataclasses import dataclass
from typing import Final

from doxa_agent.net import echo
from doxa_agent.net.cadence import Cadence
from doxa_core.language import Text
from doxa_core.strict import Table

PING, CONNECT = "ping", "connect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings of a run."""

    connect: bool = False
    """Open a TCP connection to each far end's port instead of an ICMP echo."""
    cadence: Cadence
    duration_s: float = 10.0
    """How long the run lasts, all in."""
    down_after: int = 3
    """So many requests in a row without an answer make a node down."""
    report_s: float = 300.0
    """A node whose state does not change is told so often at the least."""


def read_options(table: Table) -> Options:
    """`way`, `interval_s`, `duration_s`, `timeout_s`, `payload_bytes`, `down_after`, `report_s`."""
    connect = table.choice("way", (PING, CONNECT), PING) == CONNECT
    interval_s = table.number("interval_s", 1.0, 60.0, 1.0)
    duration_s = table.number("duration_s", 2.0, 3600.0, 10.0)
    timeout_s = table.number("timeout_s", 0.1, 10.0, 1.0)
    if timeout_s > duration_s / 2:
        raise table.refuse("timeout_s", _LONG, _SHORTER.fill(most=f"{duration_s / 2:g}"))
    return Options(
        connect=connect,
        cadence=Cadence(
            interval_s=interval_s,
            count=max(1, int(duration_s / interval_s + 1e-9)),
            timeout_s=timeout_s,
            payload=table.integer("payload_bytes", echo.MIN_PAYLOAD, echo.MAX_PAYLOAD, 16),
        ),
        duration_s=duration_s,
        down_after=table.integer("down_after", 1, 60, 3),
        report_s=table.number("report_s", 1.0, 86_400.0, 300.0),
    )


def seconds(options: Options, far_ends: int) -> float:  # noqa: ARG001 - the contract of meters
    """The run lasts `duration_s`, all in, however many nodes there are."""
    return options.duration_s


_LONG: Final = Text(vi="quá nửa duration_s", en="it is more than half of duration_s")
_SHORTER: Final = Text(vi="hãy ghi tối đa {most}", en="write {most} at most")
