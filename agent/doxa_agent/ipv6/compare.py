"""v6 against v4 to the same far end: round trips, a short transfer each, what Happy Eyeballs costs."""

import math
import statistics
import time
from collections.abc import Mapping
from typing import Final

from doxa_agent.ipv6 import eyeballs, fetch, remote
from doxa_agent.ipv6.account import Account
from doxa_agent.ipv6.remote import Remote
from doxa_agent.ipv6.stream import SMALL_SEGMENT, Failed, Place, Stream
from doxa_agent.meter import Deadline, FarEnd

ROUNDS: Final = 5
RACES: Final = 3
SLOWER: Final = 1.5
"""v6 is called slower when it takes this many times as long, or carries so many times less …"""
_FIRST_FLIGHT: Final = 10 * 1220
"""Octets that a sender starts with (IW10, RFC 6928), doubled each round trip while nothing is lost."""
NOTICEABLE_MS: Final = 5.0
"""… and, for round trips, when the difference is one that a person's page could show."""


def round_trips(found: Remote, account: Account, deadline: Deadline, timeout_s: float) -> None:
    """Handshakes in turn over both families; the smallest round trip of each, and v6 as a multiple of v4."""
    times: dict[int, list[float]] = {6: [], 4: []}
    places = [place for place in (found.six, found.four) if place is not None]
    for _ in range(ROUNDS):
        for place in places:
            seconds = _handshake(place, deadline, timeout_s)
            if seconds is not None:
                times[place.family].append(seconds)
    best = {family: min(took) for family, took in times.items() if took}
    for family, seconds in best.items():
        account.milliseconds(f"rtt_v{family}", seconds)
    if len(best) == 2 and best[4] > 0:
        account.values["rtt_v6_to_v4_factor"] = round(best[6] / best[4], 4)
        if best[6] > SLOWER * best[4] and (best[6] - best[4]) * 1000 > NOTICEABLE_MS:
            account.note("v6_slower_rtt")


def _handshake(place: Place, deadline: Deadline, timeout_s: float) -> float | None:
    if deadline.over:
        return None
    bare = Place(address=place.address, family=place.family, far_end=_bare(place.far_end), link=place.link)
    try:
        with Stream(bare, timeout_s, deadline) as stream:
            if stream.info.total_retrans:
                return None  # the first SYN was lost: what was timed is the wait
            kernel_us = stream.info.rtt_us
            return kernel_us / 1e6 if kernel_us else stream.connect_s
    except Failed:
        return None


def _bare(far: FarEnd) -> FarEnd:
    return FarEnd(name=far.name, host=far.host, port=far.port)


def penalty(found: Remote, six: Place, four: Place, account: Account, deadline: Deadline, timeout_s: float) -> None:
    """Races as a browser runs them, against the best of the families that connect, taken in the same moments."""
    working = [place for place in (found.six, found.four) if place is not None]
    races, best = [], []
    for _ in range(RACES):
        won = eyeballs.race(six, four, timeout_s, deadline)
        if won is None:
            return
        races.append(won)
        alone = [_alone(place, deadline) for place in working]
        best.append(min((seconds for seconds in alone if seconds is not None), default=won.seconds))
    if races:
        took = statistics.median(won.seconds for won in races)
        account.milliseconds("dual_stack_connect", took)
        account.milliseconds("eyeballs_penalty", max(0.0, took - statistics.median(best)))
        account.flag("eyeballs_v6", yes=statistics.median(won.family for won in races) == 6)


def _alone(place: Place, deadline: Deadline) -> float | None:
    """One family by itself, with the same patience as the race has before it turns to the other."""
    won = eyeballs.single(place, eyeballs.ATTEMPT_DELAY_S * 2, deadline)
    return None if won is None else won.seconds


def speeds(found: Remote, octets: int, most_s: float, stall_s: float, account: Account, deadline: Deadline) -> None:
    """A short download over each family, v6 first in every other run; a stall over v6 alone is looked into."""
    if found.six is None or not octets:
        return
    places = [place for place in (found.six, found.four) if place is not None]
    if found.inbound_hole:
        return  # it would hang in the hole again
    if time.monotonic_ns() & 1:
        places.reverse()
    done: dict[int, fetch.Transfer] = {}
    for place in places:
        try:
            got = fetch.transfer(place, octets, most_s, deadline, stall_s=stall_s)
        except Failed as failure:
            _stalled(found, place, failure, octets, most_s, stall_s, account, deadline)
            continue
        if got.status != 200:
            account.note("no_transfer")
            return
        if place.family == 6 and got.octets >= fetch.ENOUGH:
            account.flag("black_hole_inbound", yes=False)
        account.detail[f"transfer_v{place.family}"] = {"octets": got.octets, "seconds": round(got.seconds, 4)}
        done[place.family] = got
    _rated(done, account)


def _rated(done: Mapping[int, fetch.Transfer], account: Account) -> None:
    """A transfer that was over too soon gives no rate, only a bound: enough to tell that the other one is slower."""
    rates = {family: got.mbps for family, got in done.items() if got.mbps is not None}
    for family, mbps in rates.items():
        account.values[f"transfer_v{family}_mbps"] = round(mbps, 3)
    if len(rates) == 2:
        account.values["transfer_v6_to_v4_factor"] = round(rates[6] / rates[4], 4)
    if 6 in rates and 4 in done and rates[6] * SLOWER < done[4].at_least_mbps and _beyond_round_trips(done, account):
        account.note("v6_slower_transfer")


def _beyond_round_trips(done: Mapping[int, fetch.Transfer], account: Account) -> bool:
    """Whether v6 took longer than its longer round trips explain: a short transfer is mostly slow start (RFC 6928)."""
    longer_ms = account.values.get("rtt_v6_ms", 0.0) - account.values.get("rtt_v4_ms", 0.0)
    rounds = math.log2(1 + done[6].octets / _FIRST_FLIGHT)
    return done[6].seconds > SLOWER * (done[4].seconds + rounds * max(0.0, longer_ms) / 1000)


def _stalled(
    found: Remote,
    place: Place,
    failure: Failed,
    octets: int,
    most_s: float,
    stall_s: float,
    account: Account,
    deadline: Deadline,
) -> None:
    account.detail[f"transfer_v{place.family}"] = {"phase": failure.phase, "reason": failure.reason}
    if place.family != 6 or not failure.silent or found.inbound_hole or deadline.over:
        return
    try:
        fetch.transfer(place, min(octets, fetch.ENOUGH), most_s, deadline, stall_s=stall_s, mss=SMALL_SEGMENT)
    except Failed:
        account.note("transfer_stalled")
        return
    remote.blame_inbound(found, account)
