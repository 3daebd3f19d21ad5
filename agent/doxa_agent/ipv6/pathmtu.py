"""The path's MTU over v6: 1280 passes, 1500 passes or a Packet-Too-Big arrives; otherwise it is a black hole (RFC 8201 §1)."""

from contextlib import suppress
from typing import Final

from doxa_agent.ipv6.account import Account
from doxa_agent.meter import Deadline, Link
from doxa_agent.net import mtuprobe
from doxa_agent.net.binding import Unreachable
from doxa_agent.net.echosocket import NOT_PERMITTED, NotPermitted, may_ping
from doxa_agent.net.mtu import Fate, PathMtu, path_mtu

FULL: Final = 1500
LEAST: Final = 1280
_SMALL: Final = 128
_TRIES: Final = 3


def look(address: str, port: int, link: Link, account: Account, deadline: Deadline) -> bool | None:
    """The states of the way out; whether it is clean (False: a black hole), None where nothing answered probes."""
    try:
        found = path_mtu(address, 6, link, deadline, port=port)
    except Unreachable as unreachable:
        account.note("path_mtu_unanswered")
        account.detail["path_mtu"] = {"reason": unreachable.reason}
        return None
    account.detail["path_mtu"] = {
        "way": found.way,
        "mtu": found.mtu,
        "exact": found.exact,
        "beyond": found.beyond.value,
        "reported": found.reported,
        "marks": {str(size): fate.value for size, fate in found.marks.items()},
        "packets": found.packets,
    }
    if found.mtu is None or not found.exact:
        return _unanswered(address, link, account, deadline)
    return judge(found, account)


def judge(found: PathMtu, account: Account) -> bool | None:
    """The flags out of a search that was answered."""
    mtu = found.mtu or 0
    account.values["path_mtu"] = float(mtu)
    account.flag("mtu_1280", yes=True)
    fate = found.marks.get(FULL, Fate.UNKNOWN)
    if fate in (Fate.PASSED, Fate.TOO_BIG, Fate.LOST):
        account.flag("mtu_1500", yes=fate is Fate.PASSED)
    narrow = mtu < FULL
    if narrow and found.beyond in (Fate.TOO_BIG, Fate.LOST):
        account.flag("packet_too_big", yes=found.beyond is Fate.TOO_BIG)
    if narrow and found.beyond is Fate.UNKNOWN:
        return None
    hole = narrow and found.black_hole
    account.flag("black_hole", yes=hole)
    if hole:
        account.blame("path_mtu_black_hole")
    return not hole


def _unanswered(address: str, link: Link, account: Account, deadline: Deadline) -> bool | None:
    """Nothing answered a packet of 1280: a mute far end, unless it answers a small one."""
    for way in mtuprobe.WAYS:
        with suppress(NotPermitted, Unreachable):
            prober = way(address, 6, link)
            try:
                for _ in range(_TRIES):
                    if not deadline.over and prober.ask(_SMALL, min(1.0, deadline.left_s)).fate is Fate.PASSED:
                        account.flag("mtu_1280", yes=False)
                        account.flag("black_hole", yes=True)
                        account.blame("mtu_below_1280")
                        return False
            finally:
                prober.close()
            break
    account.note("path_mtu_unanswered" if may_ping(6) else NOT_PERMITTED)
    return None
