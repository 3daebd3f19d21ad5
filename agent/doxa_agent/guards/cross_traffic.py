"""Other traffic on the probe's own interface: a test shares the line with it and finds less (methods.md §8).

Before a run the interface should be quiet. During a run the byte audit tells what moved beyond our own octets.
What others send past the probe, over the same line by another port of the router, cannot be seen from here.
"""

from collections.abc import Callable, Mapping
from typing import Final

from doxa_agent.guard import Effect, Finding, GuardSettings, Turn, Verdict
from doxa_agent.meter import Link, Reading
from doxa_agent.net import audit
from doxa_agent.net.audit import Balance, Moved, Watched
from doxa_core.language import Text
from doxa_core.layers import mbps

TITLE: Final = Text(vi="Lưu lượng khác trên cùng cổng", en="Other traffic on the same port")

CROSS: Final = "cross_traffic"

FINDINGS: Final[Mapping[str, Text]] = {
    CROSS: Text(
        vi="có lưu lượng khác trên cùng cổng mạng: phép đo nặng được hoãn, hoặc kết quả thấp hơn khả năng của đường truyền",
        en="there was other traffic on the same port: a heavy run is put off, or its result lies below what the line can do",
    ),
}

LOOPBACK: Final = "lo"
"""Its traffic is this machine talking to itself: no line."""


def look(turn: Turn) -> list[Finding]:  # noqa: ARG001 - the contract's
    """Nothing can be said in one moment: see `before`."""
    return []


class Before:
    """The interface before a heavy run."""

    def __init__(self, link: Link, settings: GuardSettings, begin: Callable[[str], Watched] = audit.begin) -> None:
        self._allowed_mbps = settings.cross_mbps
        self._watched = begin(link.interface or "")

    def tick(self) -> None:
        """Nothing: the kernel counts."""

    def end(self) -> list[Finding]:
        """`cross_traffic` where one direction carried more than is permitted."""
        moved = self._watched.end()
        busy = moved is not None and _busiest_mbps(moved) > self._allowed_mbps
        return [Finding(code=CROSS, effect=Effect.DEFER)] if busy else []


def _busiest_mbps(moved: Moved) -> float:
    return mbps(max(moved.rx_octets, moved.tx_octets), moved.seconds) if moved.seconds > 0 else 0.0


def before(turn: Turn) -> Before | None:
    """Watch the link's interface; nothing to watch where none is named."""
    return None if turn.link.interface in (None, LOOPBACK) else Before(turn.link, turn.settings)


class During:
    """What the interface moved in all during a run, for the record."""

    def __init__(self, interface: str) -> None:
        self._watched = audit.begin(interface)

    def tick(self) -> None:
        """Nothing: the kernel counts."""

    def end(self) -> Verdict:
        """Figures only: what was ours among it, only the transfers themselves know (`judge`)."""
        moved = self._watched.end()
        return (
            Verdict() if moved is None else Verdict(detail={"rx_bytes": moved.rx_octets, "tx_bytes": moved.tx_octets})
        )


def during(turn: Turn) -> During | None:
    """Count what the link's interface moves."""
    return None if turn.link.interface is None else During(turn.link.interface)


def judge(turn: Turn, reading: Reading) -> Verdict:
    """`cross_traffic` where an audited transfer of the reading had company, and a limit where that took a share.

    A transfer that found less than the interface's room because of others must not be held against the line.
    """
    books = [found for found in audit.balances_in(reading.detail) if found.seconds > 0]
    others = max((found.other_bytes for found in books), default=0)
    if not books:
        return Verdict()
    detail = {"cross_bytes": others}
    if not any(_noticed(found, turn.settings) for found in books):
        return Verdict(detail=detail)
    shared = any(_shared(found, turn.settings) for found in books)
    return Verdict(findings=(CROSS,), limits=(CROSS,) if shared else (), detail=detail)


def _noticed(found: Balance, settings: GuardSettings) -> bool:
    """Above a quiet line's chatter, our own questions beside the streams included, and half of what is a share."""
    chatter = mbps(found.other_bytes, found.seconds) <= settings.cross_mbps
    return not chatter and found.other_bytes > settings.cross_share_ratio / 2 * found.own_bytes


def _shared(found: Balance, settings: GuardSettings) -> bool:
    return _noticed(found, settings) and found.other_bytes > settings.cross_share_ratio * found.own_bytes
