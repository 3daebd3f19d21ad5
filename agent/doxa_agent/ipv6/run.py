"""One run: the link's own states once, then every far end, the portal, the crafted packets - and the summary."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from doxa_agent.dns.servers import is_address
from doxa_agent.ipv6 import compare, craft, fetch, local, naming, pathmtu, remote, summary
from doxa_agent.ipv6.account import Account
from doxa_agent.ipv6.fetch import path_of
from doxa_agent.ipv6.local import Local
from doxa_agent.ipv6.naming import Names, Resolvers
from doxa_agent.ipv6.options import Options, Portal
from doxa_agent.ipv6.prefix import MEMORY, Memory
from doxa_agent.ipv6.remote import Remote
from doxa_agent.ipv6.stream import Place
from doxa_agent.ipv6.summary import State, States
from doxa_agent.ipv6.within import Within
from doxa_agent.meter import Deadline, FarEnd, Link, Reading
from doxa_agent.net import heavy
from doxa_agent.net.binding import LinkUnusable, check_interface
from doxa_agent.net.proof import proof_if_any
from doxa_core.outcome import Outcome

_ANYWHERE: Final = {6: "2001:db8::1", 4: "203.0.113.1"}
"""Addresses that nobody has (RFC 3849, RFC 5737): only the route is asked, nothing is sent to them."""
_DNS_S: Final = 2.0
PORTAL: Final = "portal_"
"""What the names of the portal's states begin with."""


def run(
    link: Link,
    far_ends: Sequence[FarEnd],
    options: Options,
    deadline: Deadline,
    *,
    frugal: bool,
    memory: Memory = MEMORY,
) -> list[Reading]:
    """One reading a far end; without far ends one about the link (and the portal) alone."""
    ends: Sequence[FarEnd | None] = list(far_ends) or [None]
    first = Within(deadline, options.limit_s)
    try:
        if link.interface is not None:
            check_interface(link.interface)
    except LinkUnusable as unusable:
        return [_failed(end, unusable.reason) for end in ends]
    account = Account()
    here = _local(link, options, account, first, memory)
    found = naming.servers(options.resolvers, here.resolvers, min(_DNS_S, options.timeout_s))
    name = _first_name(far_ends, options.portal)
    found = naming.try_six(found, name, link, account, first, ready=bool(here.addressed))
    readings: list[Reading] = []
    for turn, end in enumerate(ends):
        own = account.copy()
        bound = Within(deadline, options.limit_s) if turn else first
        readings.append(_reading(link, end, here, found, options, own, bound, frugal=frugal, is_first=not turn))
    return readings


def _failed(end: FarEnd | None, reason: str) -> Reading:
    return Reading(outcome=Outcome.FAILED, far_end=end.name if end else None, family=6, reasons=(reason,))


def _local(link: Link, options: Options, account: Account, deadline: Deadline, memory: Memory) -> Local:
    interface = link.interface or _interface_of_route(link)
    if interface is None:
        account.note("interface_unknown")
        return Local(judged=False)
    here = local.look(interface, link.kind, options.advertisement_wait_s, account, deadline)
    stability = memory.compare(link.name, here.prefixes)
    if stability is not None:
        account.flag("prefix_changed", yes=stability.changed)
        account.values["prefix_stable_s"] = round(stability.stable_s, 3)
        account.detail["prefixes"] = list(here.prefixes)
        if stability.changed:
            account.note("prefix_changed")
            account.detail["prefixes_before"] = list(stability.before)
    return here


def _interface_of_route(link: Link) -> str | None:
    """A link without a named interface is where the routing table leads, over v6 or else over v4."""
    for family, address in _ANYWHERE.items():
        proof = proof_if_any(address, family, link)
        if proof is not None and proof.interface != "lo":
            return proof.interface
    return None


def _first_name(far_ends: Sequence[FarEnd], portal: Portal | None) -> str:
    hosts = [end.host for end in far_ends] + ([portal.far_end.host] if portal else [])
    return next((host for host in hosts if not is_address(host)), ".")


def _reading(
    link: Link, end: FarEnd | None, here: Local, found: Resolvers, options: Options, account: Account, deadline: Deadline,
    *, frugal: bool, is_first: bool,
) -> Reading:  # fmt: skip
    names, seen, clean = Names(), Remote(), None
    if end is not None:
        names = naming.look_up(end.host, found, link, account, deadline)
        seen = _far(link, end, here, names, options, account, deadline, frugal=frugal)
        clean = _path(seen, link, account, deadline)
        found = _excuse_resolver(found, seen, account)
    state, missing = summary.summarise(_states(here, found, names, seen, clean=clean))
    summary.write(state, missing, account)
    if is_first:
        if options.portal is not None:
            _portal(link, options.portal, here, found, options, account, deadline)
        if options.craft:
            craft.look(link, seen.six, options.timeout_s / 2, account, deadline)
    return _told(link, end, names, state, account, deadline)


def _far(
    link: Link,
    end: FarEnd,
    here: Local,
    names: Names,
    options: Options,
    account: Account,
    deadline: Deadline,
    *,
    frugal: bool,
) -> Remote:
    six = _reachable(names.six, 6, link) if here.addressed else ()
    four = _reachable(names.four, 4, link)
    if not four:
        account.note("no_ipv4")
    if not six:
        return Remote()
    seen = remote.try_tcp(six, four, end, link, account, deadline, options.timeout_s)
    remote.try_page(seen, path_of(end, "empty.php"), account, deadline, options.timeout_s)
    if seen.six is not None:
        compare.round_trips(seen, account, deadline, options.timeout_s)
    if seen.four is not None:
        racer = seen.six or Place(address=six[0], family=6, far_end=end, link=link)
        compare.penalty(seen, racer, seen.four, account, deadline, options.timeout_s)
    if not frugal and seen.page is not False:
        _transfer(seen, link, options, account, deadline)
    return seen


def _reachable(addresses: Sequence[str], family: int, link: Link) -> tuple[str, ...]:
    """Those to which this line has a way at all: what has none is the link's matter, not the far end's."""
    return tuple(address for address in addresses if proof_if_any(address, family, link) is not None)


def _transfer(seen: Remote, link: Link, options: Options, account: Account, deadline: Deadline) -> None:
    if heavy.loaded(link.name, time.monotonic(), time.monotonic()):
        account.note("during_heavy_test")
        return
    stall_s = min(fetch.STALL_S, options.timeout_s)
    compare.speeds(seen, options.transfer_bytes, options.transfer_s, stall_s, account, deadline)


def _path(seen: Remote, link: Link, account: Account, deadline: Deadline) -> bool | None:
    if seen.six is None:
        return None
    clean = pathmtu.look(seen.six.address, seen.six.far_end.port, link, account, deadline)
    return False if seen.inbound_hole else clean


def _excuse_resolver(found: Resolvers, seen: Remote, account: Account) -> Resolvers:
    """Where nothing comes back over v6 at all, the resolver's silence follows from that and is not its own fault."""
    if not found.silent or seen.tcp is not False or seen.tcp_reason == "connect_refused":
        return found
    account.reasons.remove("resolver_v6_no_answer")
    account.values.pop("resolver_flag", None)
    return replace(found, six=(), reachable=None, silent=False)


def _states(here: Local, found: Resolvers, names: Names, seen: Remote, *, clean: bool | None) -> States:
    return States(
        nothing=here.nothing and here.judged,
        address=here.addressed,
        route=here.routed,
        resolver=found.reachable,
        resolver_dead=found.reachable is False,
        name=bool(names.six) if names.six or names.four or names.literal else None,
        name_over_six=names.over_six or names.literal,
        tcp=seen.tcp,
        page=seen.page,
        path=clean,
        tcp_four=seen.tcp_four,
        page_four=seen.page_four,
    )


def _portal(
    link: Link, portal: Portal, here: Local, found: Resolvers, options: Options, account: Account, deadline: Deadline
) -> None:  # fmt: skip
    """The portal's own AAAA record and page: it has states of its own and is never a fault of the line."""
    end = portal.far_end
    names = naming.look_up(end.host, found, link, account, deadline, prefix=PORTAL)
    six = _reachable(names.six, 6, link) if here.addressed else ()
    if not six:
        return
    four = _reachable(names.four, 4, link)
    seen = remote.try_tcp(six, four, end, link, account, deadline, options.timeout_s, PORTAL)
    seen.good_below = remote.GIVEN
    remote.try_page(seen, portal.path, account, deadline, options.timeout_s, PORTAL)


def _told(link: Link, end: FarEnd | None, names: Names, state: State, account: Account, deadline: Deadline) -> Reading:
    if deadline.over:
        account.note("cut_short")
    return Reading(
        outcome=_outcome(state, account, deadline),
        far_end=end.name if end else None,
        family=6,
        proof=proof_if_any(names.six[0] if names.six else _ANYWHERE[6], 6, link),
        reasons=tuple(account.reasons) or (("cut_short",) if deadline.over and state is State.UNKNOWN else ()),
        findings=tuple(account.findings),
        values=account.values,
        detail=account.detail,
    )


def _outcome(state: State, account: Account, deadline: Deadline) -> Outcome:
    """A line without IPv6 was measured all the same; only what decides nothing has failed."""
    if state is not State.UNKNOWN:
        return Outcome.OK
    if deadline.over:
        return Outcome.SKIPPED
    return Outcome.FAILED if account.reasons else Outcome.OK
