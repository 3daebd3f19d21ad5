"""Who may test now: bandwidth of each direction, number of tests, and patience with one source's requests."""

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from doxa_agent.udpstp.setup import SetupResult

MOST_SOURCES: Final = 4096
"""Sources whose patience is kept; the one longest quiet goes first."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one test holds until it ends."""

    upstream: bool
    mbps: int


class Admission:
    """The books of a server's capacity. `bandwidth_mbps` limits each direction on its own; None is: no limit."""

    def __init__(self, *, bandwidth_mbps: int | None, most_tests: int) -> None:
        self.bandwidth_mbps = bandwidth_mbps
        self.tests = 0
        self.granted = {False: 0, True: 0}
        """Mbit/s in use, by `upstream`."""
        self._most_tests = most_tests

    def ask(self, *, upstream: bool, mbps: int) -> Grant | SetupResult:
        """A grant, or the result code that says why not."""
        if self.bandwidth_mbps is not None and mbps == 0:
            return SetupResult.BANDWIDTH_REQUIRED
        if self.bandwidth_mbps is not None and self.granted[upstream] + mbps > self.bandwidth_mbps:
            return SetupResult.CAPACITY_EXCEEDED
        if self.tests >= self._most_tests:
            return SetupResult.NO_CONNECTION_FREE
        self.tests += 1
        self.granted[upstream] += mbps
        return Grant(upstream, mbps)

    def give_back(self, grant: Grant) -> None:
        """The test is over."""
        self.tests -= 1
        self.granted[grant.upstream] -= grant.mbps


class Patience:
    """A token bucket for each source: an IPv4 address, or the /64 of an IPv6 address, which one machine may own whole.

    Time is given by the caller, seconds of a monotonic clock.
    """

    def __init__(self, *, burst: float, per_second: float) -> None:
        self._burst, self._rate = burst, per_second
        self._left: OrderedDict[int | str, tuple[float, float]] = OrderedDict()

    def spend(self, source: str, now: float) -> bool:
        """Whether this source may have one more answer."""
        key = _network(source)
        tokens, at = self._left.pop(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._rate)
        good = tokens >= 1
        self._left[key] = (tokens - good, now)
        if len(self._left) > MOST_SOURCES:
            self._left.popitem(last=False)
        return good

    def __len__(self) -> int:
        return len(self._left)


def _network(source: str) -> int | str:
    address = ip_address(source.partition("%")[0])
    return int(address) >> 64 if isinstance(address, IPv6Address) else str(address)
