"""What the office's own link gives: advertisement, address, default route - each judged by itself from the evidence.

An address without an advertisement is not blamed, nor a route without an address that was never offered: what follows
from another state is absent.
"""

import ipaddress
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from doxa_agent.ipv6 import kernel, solicit
from doxa_agent.ipv6.account import Account
from doxa_agent.ipv6.advertisement import Advertisement
from doxa_agent.ipv6.kernel import DADFAILED, DEPRECATED, TENTATIVE, Address, Knowledge, Origin
from doxa_agent.ipv6.solicit import Heard
from doxa_agent.meter import Deadline
from doxa_core.linkkind import LinkKind

SETTLE_S: Final = 3.0
"""An address that an advertisement brings is checked for a second, after up to one of waiting (RFC 4862 §5.4)."""
_STEP_S: Final = 0.1
_UNIQUE_LOCAL: Final = ipaddress.IPv6Network("fc00::/7")
_MOST: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """What the rest of the run stands on."""

    judged: bool = True
    """False where it is not even known which interface the link is."""
    advertised: bool | None = None
    """Whether a router's advertisement is there; None where that could not be seen."""
    addressed: bool | None = None
    """Whether a usable address is there; None where nothing offers one."""
    routed: bool | None = None
    """Whether a default route is there; None where nothing offers one."""
    prefixes: tuple[str, ...] = ()
    """The /64 networks of the usable addresses, sorted."""
    resolvers: tuple[str, ...] = ()
    """Resolvers that routers advertise."""

    @property
    def nothing(self) -> bool:
        """Whether there is no IPv6 at all."""
        return not (self.advertised or self.addressed or self.routed)


def look(interface: str, kind: LinkKind, wait_s: float, account: Account, deadline: Deadline) -> Local:
    """Ask, wait until addresses have settled, and judge."""
    known = kernel.read(interface)
    if known is None or known.disabled:
        account.blame("family_unavailable" if known is None else "ipv6_disabled_here")
        account.flag("address", yes=False)
        account.flag("default_route", yes=False)
        return Local(addressed=False, routed=False)
    heard = solicit.solicit(interface, known.index, known.mac, wait_s, deadline)
    known = _settled(interface, known, heard, deadline)
    return judge(known, heard, kind, account)


def _settled(interface: str, known: Knowledge, heard: Heard, deadline: Deadline) -> Knowledge:
    """The kernel's state once nothing is under way: an address being checked, or one that was just offered."""
    until = time.monotonic() + SETTLE_S
    while True:
        known = kernel.read(interface) or known
        offered = known.listens and any(a.offers_slaac for a in heard.advertisements.values())
        waiting = any(a.flags & TENTATIVE and not a.flags & DADFAILED for a in known.addresses)
        leased = any(a.managed for a in heard.advertisements.values())  # its client asks once the router has spoken
        missing = (offered or leased) and not known.usable and not heard.duplicates
        routeless = known.listens and _offers_route(heard) and not known.routes
        if not (waiting or missing or routeless) or time.monotonic() >= until or deadline.over:
            return known
        heard.duplicates |= solicit.watch(known.index, _STEP_S, deadline)


def _offers_route(heard: Heard) -> bool:
    return any(a.lifetime_s for a in heard.advertisements.values())


def judge(known: Knowledge, heard: Heard, kind: LinkKind, account: Account) -> Local:
    """The three states out of the evidence, without any further question."""
    advertised = _advertised(known, heard, account)
    addressed = _addressed(known, heard, account, advertised=advertised)
    routed = _routed(known, heard, account, advertised=advertised)
    _blame_silence(known, account, advertised=advertised, addressed=addressed, routed=routed)
    usable = known.usable
    _describe(known, heard, kind, account)
    return Local(
        advertised=advertised,
        addressed=addressed,
        routed=routed,
        prefixes=tuple(sorted({str(one.network) for one in usable})),
        resolvers=tuple(dict.fromkeys(r for a in heard.advertisements.values() for r in a.resolvers)),
    )


def _advertised(known: Knowledge, heard: Heard, account: Account) -> bool | None:
    found = _seen(known, heard, account)
    account.flag("advertisement", yes=found)
    account.milliseconds("advertisement", heard.first_s)
    if len(heard.advertisements) > 1:
        account.note("several_routers")
    if heard.malformed:
        account.note("advertisement_malformed")
    return found


def _seen(known: Knowledge, heard: Heard, account: Account) -> bool | None:
    if heard.advertisements:
        return True
    if heard.permitted:
        if known.alive_by_advertisement:
            account.note("solicitation_unanswered")  # an earlier one is still in force, but nobody answers now
            return True
        return False if heard.waited else None
    account.note("needs_raw_socket")
    if known.alive_by_advertisement or known.heard:
        return True
    if known.listens and known.solicited:
        return False
    account.note("advertisement_not_observable")
    return None


def _addressed(known: Knowledge, heard: Heard, account: Account, *, advertised: bool | None) -> bool | None:
    origins = {origin_of(one, heard) for one in known.usable}
    for origin in (Origin.SLAAC, Origin.DHCPV6):
        account.flag(origin.value, yes=True if origin in origins else (False if known.usable else None))
    failed = bool(heard.duplicates) or any(one.flags & DADFAILED for one in known.addresses)
    if known.usable:
        if failed:
            account.note("duplicate_address")
        if all(one.flags & DEPRECATED for one in known.usable):
            account.note("address_deprecated")
        account.flag("address", yes=True)
        return True
    reason = _why_no_address(known, heard, failed=failed, advertised=advertised)
    if reason is not None:
        account.blame(reason)
    if reason is None or reason == "advertisement_ignored_here":
        return None
    account.flag("address", yes=False)
    return False


def origin_of(one: Address, heard: Heard) -> Origin:
    """How it came about. Some clients of DHCPv6 give the address the prefix's length: then it is known by the routers, who
    have addresses come by DHCPv6 (M) and let nobody make one in that prefix.
    """
    if one.origin is not Origin.SLAAC or one.by_advertisement:
        return one.origin
    routers = heard.advertisements.values()
    own = any(p.autonomous and p.valid_s and p.network == one.network for a in routers for p in a.prefixes)
    return Origin.DHCPV6 if any(a.managed for a in routers) and not own else Origin.SLAAC


def _why_no_address(known: Knowledge, heard: Heard, *, failed: bool, advertised: bool | None) -> str | None:
    """The cause by itself, or None where nothing offers an address."""
    if failed:
        return "duplicate_address"
    if any(one.flags & TENTATIVE and not one.scope_is_link for one in known.addresses):
        return "address_tentative"
    if not advertised:
        return None
    routers = list(heard.advertisements.values())
    if not known.listens and not known.routes:
        return "advertisement_ignored_here"
    if not routers:
        return "no_address"
    if any(a.offers_slaac for a in routers):
        off = not known.settings.get("autoconf", 1) or not known.settings.get("accept_ra_pinfo", 1)
        return "advertisement_ignored_here" if off else "no_slaac_address"
    return "no_dhcpv6_address" if any(a.managed for a in routers) else "no_prefix"


def _routed(known: Knowledge, heard: Heard, account: Account, *, advertised: bool | None) -> bool | None:
    if known.routes:
        account.flag("default_route", yes=True)
        return True
    static = any(one.origin is Origin.STATIC for one in known.usable)
    reason = _why_no_route(known, heard, advertised=advertised, static=static)
    if reason is None or "advertisement_ignored_here" in account.reasons:
        return None
    account.blame(reason)
    if reason == "advertisement_ignored_here":
        return None
    account.flag("default_route", yes=False)
    return False


def _why_no_route(known: Knowledge, heard: Heard, *, advertised: bool | None, static: bool) -> str | None:
    if heard.waited and not heard.advertisements and (advertised or not static):
        return "no_router_advertisement" if advertised else None
    if advertised and not _offers_route(heard):
        return "ra_without_default_route"
    if advertised:
        off = not known.listens or not known.settings.get("accept_ra_defrtr", 1)
        return "advertisement_ignored_here" if off else "no_default_route"
    return "no_default_route" if static else None


def _blame_silence(
    known: Knowledge, account: Account, *, advertised: bool | None, addressed: bool | None, routed: bool | None
) -> None:
    """Silence is to blame where something is missing that an advertisement would have brought."""
    if addressed and routed:
        if not advertised and all(one.origin is Origin.STATIC for one in known.usable):
            account.note("static_configuration")
        return
    if advertised is False and not account.reasons:
        account.blame("no_router_advertisement")
    elif advertised is None and not account.reasons:
        account.blame("no_ipv6")


def _describe(known: Knowledge, heard: Heard, kind: LinkKind, account: Account) -> None:
    usable = known.usable
    own = [one for one in usable if ipaddress.IPv6Address(one.address) in _UNIQUE_LOCAL]
    if usable and len(own) == len(usable) and kind is not LinkKind.TSLCD:
        account.note("only_unique_local")  # RFC 4193: these lead nowhere on the Internet
    account.detail["local"] = {
        "asked": heard.asked,
        "routers": [_router(one) for one in list(heard.advertisements.values())[:_MOST]],
        "addresses": [_address(one, heard) for one in known.addresses[:_MOST]],
        "routes": [
            {"gateway": r.gateway, "protocol": r.protocol, "expires_s": r.expires_s} for r in known.routes[:_MOST]
        ],
        "duplicates": sorted(heard.duplicates)[:_MOST],
        "settings": dict(known.settings),
        "evidence": "solicited" if heard.permitted else "kernel",
    }


def _router(one: Advertisement) -> dict[str, object]:
    return {
        "router": one.router,
        "lifetime_s": one.lifetime_s,
        "managed": one.managed,
        "other": one.other,
        "preference": one.preference,
        "prefixes": [str(p.network) for p in one.prefixes[:_MOST]],
        "mtu": one.mtu,
        "resolvers": list(one.resolvers[:_MOST]),
    }


def _address(one: Address, heard: Heard) -> dict[str, object]:
    return {
        "address": f"{one.address}/{one.bits}",
        "origin": "link" if one.scope_is_link else origin_of(one, heard).value,
        "state": state_of(one),
        "preferred_s": one.preferred_s,
        "valid_s": one.valid_s,
    }


def state_of(one: Address) -> str:
    """One word of RFC 4862 for the address's state."""
    states: Sequence[tuple[int, str]] = ((DADFAILED, "duplicate"), (TENTATIVE, "tentative"), (DEPRECATED, "deprecated"))
    return next((word for flag, word in states if one.flags & flag), "preferred")
