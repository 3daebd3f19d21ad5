"""One word for all states: none, partial, broken dual stack, ready, v6-only ready - or that it cannot be told."""

from dataclasses import dataclass
from enum import StrEnum

from doxa_agent.ipv6.account import Account


class State(StrEnum):
    """The summary (methods.md §7)."""

    NONE = "none"
    """The line offers no IPv6: applications use v4 and notice nothing."""
    PARTIAL = "partial"
    """Something of it is there; `detail.missing` says what is not."""
    BROKEN = "broken_dual_stack"
    """Hosts here believe that they have IPv6 and try it, but it fails where v4 works: people notice."""
    READY = "ready"
    """Everything works over v6 (the resolver may be reached over v4)."""
    V6_ONLY_READY = "v6_only_ready"
    """Everything works without v4, the resolver included."""
    UNKNOWN = "unknown"
    """The states do not decide: the far end is down over v4 too, or was not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """What the summary looks at; None is not judged."""

    nothing: bool = False
    address: bool | None = None
    route: bool | None = None
    resolver: bool | None = None
    resolver_dead: bool = False
    """Whether a resolver over v6 is named and does not answer: worse than to have none."""
    name: bool | None = None
    """Whether the far end's v6 address is known."""
    name_over_six: bool = False
    tcp: bool | None = None
    page: bool | None = None
    path: bool | None = None
    """False: a black hole, out or in."""
    tcp_four: bool | None = None
    page_four: bool | None = None


def summarise(states: States) -> tuple[State, tuple[str, ...]]:
    """The word, and which states are missing for `ready`."""
    if states.nothing:
        return State.NONE, ()
    missing = _missing(states)
    if not (states.address and states.route):
        return State.PARTIAL, missing
    failed = _failed(states)
    if failed is not None:
        return failed, missing
    if states.tcp is None and states.name is not False and "resolver" not in missing:
        return State.UNKNOWN, missing
    if missing:
        return State.PARTIAL, missing
    if states.page is None:
        return State.UNKNOWN, ()
    return (State.V6_ONLY_READY if states.resolver and states.name_over_six else State.READY), ()


def _missing(states: States) -> tuple[str, ...]:
    parts = {
        "address": states.address is not True,
        "default_route": states.route is not True,
        "resolver": states.resolver_dead,
        "aaaa": states.name is False,
        "tcp": states.tcp is False,
        "page": states.page is False,
        "path_mtu": states.path is False,
    }
    return tuple(name for name, lacks in parts.items() if lacks)


def _failed(states: States) -> State | None:
    """What a failure beyond the office's own link amounts to, by whether v4 shows the same; None without one."""
    if states.tcp is False:
        return _by_witness(works_over_four=states.tcp_four, same=State.UNKNOWN)
    if states.page is False:
        return _by_witness(works_over_four=states.page_four, same=State.PARTIAL)
    if states.path is False:
        return State.BROKEN if states.tcp_four else State.PARTIAL
    return None


def _by_witness(*, works_over_four: bool | None, same: State) -> State:
    """What a failure is, by whether the same works over v4; None where there is no v4 to compare with."""
    if works_over_four is None:
        return State.PARTIAL
    return State.BROKEN if works_over_four else same


def write(state: State, missing: tuple[str, ...], account: Account) -> None:
    """The word as flags, of which exactly one is 1 (`ready` stays 1 where v6 alone would do); none where unknown."""
    account.detail["state"] = state.value
    if missing:
        account.detail["missing"] = list(missing)
    if state is State.UNKNOWN:
        return
    account.flag("state_none", yes=state is State.NONE)
    account.flag("state_partial", yes=state is State.PARTIAL)
    account.flag("state_broken", yes=state is State.BROKEN)
    account.flag("state_ready", yes=state in (State.READY, State.V6_ONLY_READY))
    account.flag("state_v6_only_ready", yes=state is State.V6_ONLY_READY)
