"""The far end over v6: TCP, page, black hole on the way back - and the same over v4 to know whose fault it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from doxa_agent.ipv6 import fetch
from doxa_agent.ipv6.account import Account
from doxa_agent.ipv6.fetch import Fetched
from doxa_agent.ipv6.stream import CONNECT, SMALL_SEGMENT, Failed, Place, Stream
from doxa_agent.meter import Deadline, FarEnd, Link

MOST_ADDRESSES: Final = 3
"""So many of a name's addresses are tried, as a browser would."""
ANSWERED: Final = 500
"""A far end that answers with less than this carries pages, whether it has this one or not …"""
GIVEN: Final = 400
"""… while a portal must give its page."""


@dataclass(slots=True, kw_only=True)
class Remote:
    """What the far end showed; None is not judged."""

    six: Place | None = None
    """The v6 address that connected."""
    four: Place | None = None
    """The v4 address that connected."""
    tcp: bool | None = None
    page: bool | None = None
    inbound_hole: bool = False
    """Whether full-size packets vanish on the way to us."""
    tcp_four: bool | None = None
    page_four: bool | None = None
    tcp_reason: str | None = None
    good_below: int = ANSWERED


def connect(
    addresses: Sequence[str], family: int, far_end: FarEnd, link: Link, timeout_s: float, deadline: Deadline
) -> "tuple[Place, float, int] | Failed | None":
    """The first of the addresses that connects with the time it took and how many failed before; else the first failure."""
    failed: Failed | None = None
    for turn, address in enumerate(addresses[:MOST_ADDRESSES]):
        place = Place(address=address, family=family, far_end=far_end, link=link)
        try:
            with Stream(_plain(place), timeout_s, deadline) as stream:
                return place, stream.connect_s, turn
        except Failed as failure:
            failed = failed or failure
        if deadline.over:
            break
    return failed


def _plain(place: Place) -> Place:
    """The same place without TLS: only TCP is asked."""
    far = place.far_end
    bare = FarEnd(name=far.name, host=far.host, port=far.port)
    return Place(address=place.address, family=place.family, far_end=bare, link=place.link)


def try_tcp(
    six: Sequence[str], four: Sequence[str], far_end: FarEnd, link: Link, account: Account, deadline: Deadline,
    timeout_s: float, prefix: str = "",
) -> Remote:  # fmt: skip
    """The state `tcp`; v4 is tried too, as the witness."""
    found = Remote()
    result = connect(six, 6, far_end, link, timeout_s, deadline) if six else None
    other = connect(four, 4, far_end, link, timeout_s, deadline) if four else None
    if isinstance(other, tuple):
        found.four, found.tcp_four = other[0], True
    elif isinstance(other, Failed):
        found.tcp_four = None if other.reason in _LOCAL else False
    if isinstance(result, tuple):
        found.six, seconds, before = result
        found.tcp = True
        account.milliseconds(f"{prefix}tcp", seconds)
        if before:
            account.note(f"{prefix}some_addresses_dead")
    elif isinstance(result, Failed) and result.reason not in _LOCAL:
        found.tcp, found.tcp_reason = False, result.reason
        account.blame(f"{prefix}{result.reason}")
        if found.tcp_four is False:
            account.note(f"{prefix}fails_over_v4_too")
    account.flag(f"{prefix}tcp", yes=found.tcp)
    account.detail[f"{prefix}tcp"] = {
        "v6": _told(result),
        "v4": _told(other),
    }
    return found


_LOCAL: Final = frozenset(
    {"no_address", "no_route", "interface_absent", "interface_down", "no_carrier", "family_unavailable"}
)
"""Reasons of the link, which has states of its own."""


def _told(result: "tuple[Place, float, int] | Failed | None") -> dict[str, Any] | None:
    if result is None:
        return None
    if isinstance(result, Failed):
        return {"reason": result.reason}
    return {"address": result[0].address, "connect_s": round(result[1], 6)}


def try_page(
    found: Remote, path: str, account: Account, deadline: Deadline, timeout_s: float, prefix: str = ""
) -> None:
    """The state `https` (or `http`), with the black hole told apart that a page hangs in."""
    if found.six is None:
        return
    name = f"{prefix}https" if found.six.far_end.tls else f"{prefix}http"
    try:
        page = fetch.page(found.six, path, timeout_s, deadline)
    except Failed as failure:
        _page_failed(found, failure, path, account, deadline, timeout_s, name, prefix)
        return
    found.page = page.status < found.good_below
    _describe(page, account, prefix)
    if not found.page:
        account.blame(f"{prefix}http_status")
        _ask_four(found, path, account, deadline, timeout_s, prefix)
    account.flag(name, yes=found.page)


def _describe(page: Fetched, account: Account, prefix: str) -> None:
    account.milliseconds(f"{prefix}tls", page.tls_s)
    account.milliseconds(f"{prefix}first_byte", page.first_byte_s)
    account.milliseconds(f"{prefix}page", page.total_s)
    account.detail[f"{prefix}page"] = {"status": page.status, "octets": page.octets, "mss": page.mss}


def _page_failed(
    found: Remote, failure: Failed, path: str, account: Account, deadline: Deadline, timeout_s: float, name: str, prefix: str
) -> None:  # fmt: skip
    account.detail[f"{prefix}page"] = {"phase": failure.phase, "reason": failure.reason}
    if deadline.over or (failure.phase == CONNECT and failure.reason in _LOCAL):
        return
    if failure.silent and passes_small(found, path, deadline, timeout_s):
        blame_inbound(found, account)
        return  # the page hangs because of the path: it is not the far end's page that fails
    found.page = False
    account.blame(f"{prefix}{failure.reason}")
    _ask_four(found, path, account, deadline, timeout_s, prefix)
    account.flag(name, yes=False)


def passes_small(found: Remote, path: str, deadline: Deadline, timeout_s: float) -> bool:
    """Whether what hung arrives in packets of 1280 octets: then it is the size that kills it."""
    if found.six is None:
        return False
    try:
        fetch.page(found.six, path, timeout_s, deadline, mss=SMALL_SEGMENT)
    except Failed:
        return False
    return True


def blame_inbound(found: Remote, account: Account) -> None:
    """A black hole on the way to us, proven by TCP."""
    found.inbound_hole = True
    account.flag("black_hole_inbound", yes=True)
    account.blame("path_mtu_black_hole_inbound")


def _ask_four(found: Remote, path: str, account: Account, deadline: Deadline, timeout_s: float, prefix: str) -> None:
    """Whether the page fails over v4 as well: then v6 is not at fault."""
    if found.four is None:
        return
    try:
        page = fetch.page(found.four, path, timeout_s, deadline)
        found.page_four = page.status < found.good_below
    except Failed as failure:
        found.page_four = False
        account.detail[f"{prefix}page_v4"] = {"phase": failure.phase, "reason": failure.reason}
    if not found.page_four:
        account.note(f"{prefix}fails_over_v4_too")
