"""Whether the account that runs this may ping: else delays would be those of TCP handshakes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from doxa_agent.check import Item, Scene, State
from doxa_agent.meter import Link
from doxa_agent.net.binding import Unreachable
from doxa_agent.net.echo import TOKEN_BYTES
from doxa_agent.net.echosocket import EchoSocket, NotPermitted
from doxa_core.language import Text
from doxa_core.linkkind import LinkKind

ORDER: Final = 60
TITLE: Final = Text(vi="Quyền ping", en="Permission to ping")

RANGE: Final = Path("/proc/sys/net/ipv4/ping_group_range")


def look(scene: Scene) -> Iterator[Item]:  # noqa: ARG001 - a matter of this process, not of the configuration
    """One line; the range of groups in force stands in it."""
    yield judge(_way(), _range())


def _way() -> str | None:
    anywhere = Link(name="any", kind=LinkKind.FIXED)
    for family in (4, 6):
        try:
            found = EchoSocket(family, anywhere, bytes(TOKEN_BYTES), 56)
        except NotPermitted:
            return None
        except Unreachable:
            continue
        found.close()
        return found.way
    return None


def _range() -> str:
    try:
        return " ".join(RANGE.read_text(encoding="ascii").split())
    except OSError:
        return "?"


def judge(way: str | None, groups: str) -> Item:
    """The line for the way in which this process may ping."""
    if way == "icmp_datagram":
        return Item(key="ping", title=TITLE, state=State.GOOD, value=DATAGRAM.fill(groups=groups))
    if way == "icmp_raw":
        return Item(key="ping", title=TITLE, state=State.GOOD, value=RAW.fill(groups=groups))
    return Item(key="ping", title=TITLE, state=State.WARNING, value=NONE.fill(groups=groups), advice=ALLOW)


DATAGRAM: Final = Text(
    vi="socket ICMP không cần đặc quyền (ping_group_range {groups})",
    en="ICMP sockets without privilege (ping_group_range {groups})",
)
RAW: Final = Text(vi="socket thô nhờ CAP_NET_RAW hoặc root", en="raw sockets, by CAP_NET_RAW or root")
NONE: Final = Text(
    vi="không được phép (ping_group_range {groups}): độ trễ sẽ đo bằng bắt tay TCP",
    en="not permitted (ping_group_range {groups}): delays will be those of TCP handshakes",
)
ALLOW: Final = Text(
    vi="chạy lại install.sh, hoặc: sysctl -w net.ipv4.ping_group_range='0 2147483647'",
    en="run install.sh again, or: sysctl -w net.ipv4.ping_group_range='0 2147483647'",
)
