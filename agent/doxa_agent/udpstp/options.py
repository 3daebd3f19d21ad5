"""The settings of the capacity meter, and how a plan writes them."""

from dataclasses import dataclass
from typing import Final

from doxa_agent.directions import DIRECTIONS, read_directions
from doxa_agent.udpstp.rates import DEFAULT_PAYLOAD, TRADITIONAL_PAYLOAD
from doxa_core.language import Text
from doxa_core.strict import Table

FAST: Final = "fast"
SEARCHES: Final = (FAST, "b", "c")
RESOLVE_S: Final = 5.0
ASK_S: Final = 4.0
"""How long a request is repeated before a far end counts as silent."""
_END_S: Final = 4.0
"""The far end's half second after the last sub-interval, and its silence of at most 3 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How one test runs."""

    directions: tuple[str, ...] = DIRECTIONS
    search: str = FAST
    """`fast` ends as soon as the rate is known; `b` and `c` are those of RFC 9946 and run their full time."""
    rate_mbps: float | None = None
    """A fixed rate instead of a search, IP layer."""
    start_mbps: int | None = None
    """Where a search begins: what is already known of the line."""
    bandwidth_mbps: int = 0
    """What is asked of far ends that ration their bandwidth, and the most that the test may reach there; 0: not stated."""
    seconds: int = 10
    """How long one direction lasts; `fast` at most."""
    sub_interval_s: float = 1.0
    payload_bytes: int = DEFAULT_PAYLOAD
    """UDP payload of an IPv4 datagram; one of IPv6 is 20 octets shorter, so that the packet stays the same."""
    random_payload: bool = False

    @property
    def traditional(self) -> bool:
        """Whether packets of 1500 octets are sent."""
        return self.payload_bytes == TRADITIONAL_PAYLOAD

    @property
    def early_stop(self) -> bool:
        """Whether the test ends before its time."""
        return self.search == FAST and self.rate_mbps is None


def read_options(table: Table) -> Options:
    """The options in a plan's table; strict."""
    standard = Options()
    payload = table.integer("payload_bytes", DEFAULT_PAYLOAD, TRADITIONAL_PAYLOAD, standard.payload_bytes)
    if payload not in (DEFAULT_PAYLOAD, TRADITIONAL_PAYLOAD):
        raise table.refuse(
            "payload_bytes",
            Text(vi="giao thức chỉ có hai cỡ", en="the protocol has two sizes only"),
            Text(vi="hãy ghi 1222 hoặc 1472", en="write 1222 or 1472"),
        )
    if "rate_mbps" in table and "search" in table:
        raise table.refuse(
            "rate_mbps",
            Text(vi="đã có search", en="search is there too"),
            Text(vi="hãy chỉ giữ một trong hai", en="keep one of the two"),
        )
    return Options(
        directions=read_directions(table, standard.directions),
        search=table.choice("search", SEARCHES, standard.search),
        rate_mbps=table.number("rate_mbps", 1, 10_000, None),
        start_mbps=table.integer("start_mbps", 1, 1000, None),
        bandwidth_mbps=table.integer("bandwidth_mbps", 0, 32_767, standard.bandwidth_mbps),
        seconds=table.integer("seconds", 5, 3600, standard.seconds),
        sub_interval_s=table.number("sub_interval_s", 0.1, 10, standard.sub_interval_s),
        payload_bytes=payload,
        random_payload=table.flag("random_payload", standard.random_payload),
    )


def seconds(options: Options, far_ends: int) -> float:
    """How long a run takes at most: name, two requests and the load of each direction (asked twice where refused)."""
    direction = 4 * ASK_S + options.seconds + _END_S
    return max(1, far_ends) * (RESOLVE_S + len(options.directions) * direction)
