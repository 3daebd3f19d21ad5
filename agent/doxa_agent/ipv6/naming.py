"""Resolver and name states: is a resolver reachable over v6, has the name an AAAA record, what are its addresses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from doxa_agent.dns.message import NOERROR, NXDOMAIN
from doxa_agent.dns.servers import is_address
from doxa_agent.ipv6 import resolvers
from doxa_agent.ipv6.account import Account
from doxa_agent.ipv6.resolvers import Asked, family_of
from doxa_agent.meter import Deadline, Link

_FOLLOWS: Final = frozenset({"no_route", "no_address", "interface_down", "interface_absent", "no_carrier"})
"""Reasons that only repeat what the link's own states say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What is known of one name."""

    six: tuple[str, ...] = ()
    four: tuple[str, ...] = ()
    over_six: bool = False
    """Whether the AAAA record came from a resolver over v6."""
    literal: bool = False
    """Whether it was an address and nothing had to be looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolvers:
    """The servers of this run, and what those over v6 have said to the first question."""

    six: tuple[str, ...] = ()
    four: tuple[str, ...] = ()
    reachable: bool | None = None
    """Whether one of `six` answers; None where that could not be tried."""
    named: bool = True
    """Whether anybody named a resolver at all."""
    silent: bool = False
    """Whether they were asked in vain."""
    patience_s: float = 2.0
    """How long one question waits for its answer."""


def servers(options: Sequence[str], advertised: Sequence[str], patience_s: float) -> Resolvers:
    """Those of the options, else of resolv.conf(5); routers' own (RFC 8106) where these name none over v6.

    A stub on this machine (127.0.0.1, ::1) says nothing about the line, so ::1 is not a resolver over v6.
    """
    known = tuple(options) or resolvers.configured()
    six = tuple(s for s in known if family_of(s) == 6 and s != "::1")
    four = tuple(s for s in known if family_of(s) == 4)
    return Resolvers(six=six or tuple(advertised), four=four, named=bool(known or advertised), patience_s=patience_s)


def try_six(found: Resolvers, name: str, link: Link, account: Account, deadline: Deadline, *, ready: bool) -> Resolvers:
    """Ask every resolver over v6 for the name: the state `resolver`; `ready` says that the link could carry it."""
    if not found.six:
        account.note("no_v6_resolver")
        account.flag("resolver", yes=False if ready else None)
        return found

    def ask(server: str) -> Asked:
        return resolvers.ask(server, name, resolvers.AAAA, link, deadline, found.patience_s)

    answers = [ask(server) for server in found.six] if ready else []
    good = tuple(a.server for a in answers if a.code is not None)
    tried = [a for a in answers if a.code is not None or a.reason not in _FOLLOWS]
    account.detail["resolvers"] = [{"server": a.server, "reason": a.reason, "seconds": a.seconds} for a in answers]
    if not tried:
        return replace(found, six=())
    account.flag("resolver", yes=bool(good))
    if good:
        account.milliseconds("resolver", min(a.seconds for a in answers if a.seconds is not None))
        if len(good) < len(found.six):
            account.note("resolver_v6_partly")
        return replace(found, six=good, reachable=True)
    refused = all(a.reason == "port_unreachable" for a in tried)
    account.blame("resolver_v6_refused" if refused else "resolver_v6_no_answer")
    return replace(found, six=(), reachable=False, silent=not refused)


def look_up(
    host: str, found: Resolvers, link: Link, account: Account, deadline: Deadline, *, prefix: str = ""
) -> Names:
    """The addresses of a far end: the state `aaaa` (with `prefix` before it, for the portal)."""
    if is_address(host):
        is_six = family_of(host) == 6
        if not is_six:
            account.blame(f"{prefix}far_end_is_ipv4")
        return Names(six=(host,) if is_six else (), four=() if is_six else (host,), literal=True)
    in_file = resolvers.in_hosts(host, 6)
    if in_file:
        account.flag(f"{prefix}aaaa", yes=True)
        account.note("name_from_hosts_file")
        return Names(six=in_file, four=resolvers.in_hosts(host, 4))
    order = (*found.six, *found.four)
    if not order:
        if not found.named:
            account.blame("no_resolver")
        return Names()
    answer = resolvers.first_reply(order, host, resolvers.AAAA, link, deadline, found.patience_s)
    four = _four(host, order, answer, link, deadline, found.patience_s)
    six = _judge(answer, four, account, prefix, blamed=found.reachable is False)
    over_six = answer is not None and family_of(answer.server) == 6
    account.detail[f"{prefix}name"] = {
        "name": host,
        "aaaa": list(six[:8]),
        "a": list(_addresses(four)[:8]),
        "server": answer.server if answer else None,
        "code": answer.code if answer else None,
    }
    return Names(six=six, four=_addresses(four), over_six=over_six and bool(six))


def _four(
    host: str, order: Sequence[str], answer: Asked | None, link: Link, deadline: Deadline, patience_s: float
) -> Asked | None:
    """The A record: what v4 is compared with, and the witness for servers that mistreat AAAA questions (RFC 4074)."""
    if answer is not None and answer.code == NXDOMAIN:
        return None
    first = () if answer is None or answer.code is None else (answer.server,)
    return resolvers.first_reply(first or order, host, resolvers.A, link, deadline, patience_s)


def _addresses(asked: Asked | None) -> tuple[str, ...]:
    return asked.addresses if asked is not None else ()


def _judge(answer: Asked | None, four: Asked | None, account: Account, prefix: str, *, blamed: bool) -> tuple[str, ...]:
    if answer is not None and answer.decided:
        account.flag(f"{prefix}aaaa", yes=bool(answer.addresses))
        account.milliseconds(f"{prefix}aaaa", answer.seconds)
        if not answer.addresses:
            account.blame(f"{prefix}no_aaaa" if answer.code == NOERROR else f"{prefix}name_not_found")
        return answer.addresses
    if four is not None and four.code == NOERROR:  # RFC 4074: servers that mistreat the one kind of question
        account.flag(f"{prefix}aaaa", yes=False)
        account.blame(
            f"{prefix}aaaa_timeout" if answer is None or answer.code is None else f"{prefix}aaaa_server_failure"
        )
    elif answer is not None and answer.code is not None:
        account.blame(f"{prefix}name_server_failure")
    elif answer is not None and answer.reason == "bad_name":
        account.blame(f"{prefix}name_not_found")
    elif not blamed and answer is not None and answer.reason not in _FOLLOWS:
        account.blame("name_timeout")
    return ()
