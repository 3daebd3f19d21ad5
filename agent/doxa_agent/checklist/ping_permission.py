"""Whether the service may ping: else delays would be those of TCP handshakes."""

from collections.abc import Iterator
from typing import Final

from doxa_agent.check import Item, Scene, State
from doxa_agent.checklist._rights import Rights, rights
from doxa_core.language import Text

ORDER: Final = 60
TITLE: Final = Text(vi="Quyền ping", en="Permission to ping")


def look(scene: Scene) -> Iterator[Item]:  # noqa: ARG001 - a matter of the account, not of the configuration
    """One line; the range of groups in force stands in it."""
    yield judge(rights())


def judge(found: Rights) -> Item:
    """The line for these rights."""
    state = State.WARNING if found.way is None else State.GOOD
    value = (NONE if found.way is None else WAYS[found.way]).fill(groups=found.groups)
    if found.account is not None:
        value = OF_SERVICE.fill(account=found.account, value=value)
    return Item(key="ping", title=TITLE, state=state, value=value, advice=ALLOW if found.way is None else None)


WAYS: Final = {
    "icmp_datagram": Text(
        vi="socket ICMP không cần đặc quyền (ping_group_range {groups})",
        en="ICMP sockets without privilege (ping_group_range {groups})",
    ),
    "icmp_raw": Text(vi="socket thô nhờ CAP_NET_RAW hoặc root", en="raw sockets, by CAP_NET_RAW or root"),
}
NONE: Final = Text(
    vi="không được phép (ping_group_range {groups}): độ trễ đo bằng bắt tay TCP; đầu xa không mở cổng thì không đo được",
    en="not permitted (ping_group_range {groups}): delays are those of TCP handshakes, far ends with a silent port have none",
)
OF_SERVICE: Final = Text(vi="dịch vụ ({account}): {value}", en="the service ({account}): {value}")
ALLOW: Final = Text(
    vi="chạy lại install.sh, hoặc: sysctl -w net.ipv4.ping_group_range='0 2147483647'",
    en="run install.sh again, or: sysctl -w net.ipv4.ping_group_range='0 2147483647'",
)
