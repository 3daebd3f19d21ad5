"""The port of each link: is it there, is there a signal, can it carry what the line promises."""

from collections.abc import Iterator
from typing import Final

from doxa_agent.check import Item, Scene, State
from doxa_agent.guards.nic import FAST_ETHERNET, HALF_DUPLEX, faults
from doxa_agent.meter import Link
from doxa_agent.net.nic import Nic, read_nic
from doxa_core.language import Text
from doxa_core.linkkind import LinkKind

ORDER: Final = 10
TITLE: Final = Text(vi="Cổng mạng", en="Network port")


def look(scene: Scene) -> Iterator[Item]:
    """One line per link."""
    for link in scene.links:
        state, value, advice = _ungiven() if link.interface is None else judge(link, read_nic(link.interface))
        title = OF_LINK.fill(title=TITLE, link=link.name)
        yield Item(key=f"nic.{link.name}", title=title, state=state, value=value, advice=advice)


def _ungiven() -> tuple[State, Text, Text | None]:
    return State.SKIPPED, UNGIVEN, None


def judge(link: Link, nic: Nic | None) -> tuple[State, Text, Text | None]:
    """State, value and advice for the port of a link."""
    if nic is None:
        return State.BAD, ABSENT.fill(interface=link.interface), CHECK_NAME
    if not nic.up:
        return State.BAD, DOWN.fill(interface=nic.name, state=nic.operstate), PLUG_IN
    value = _describe(nic)
    wrong = faults(nic)
    if HALF_DUPLEX in wrong:
        return State.BAD, value, UNDO_HALF
    if FAST_ETHERNET in wrong:
        # A mobile line may well be slower than such a port; a fixed line's target is not.
        return State.WARNING if link.kind is LinkKind.MOBILE else State.BAD, value, UNDO_FAST
    return State.GOOD, value, None


def _describe(nic: Nic) -> Text:
    if nic.is_virtual:
        return VIRTUAL.fill(interface=nic.name)
    if nic.speed_mbps is None:
        return UNKNOWN.fill(interface=nic.name)
    duplex = FULL if nic.duplex == "full" else HALF if nic.duplex == "half" else NO_DUPLEX
    return SPEED.fill(interface=nic.name, speed=nic.speed_mbps, duplex=duplex)


OF_LINK: Final = Text(vi="{title} «{link}»", en="{title} '{link}'")
UNGIVEN: Final = Text(
    vi="link không ghi interface: đi theo bảng định tuyến", en="the link names no interface: the routing table decides"
)
ABSENT: Final = Text(vi="không có giao diện {interface}", en="there is no interface {interface}")
CHECK_NAME: Final = Text(
    vi="xem tên bằng «ip link» rồi sửa interface trong agent.toml; kiểm tra cáp hoặc USB",
    en="see the names with 'ip link' and mend interface in agent.toml; check the cable or USB",
)
DOWN: Final = Text(vi="{interface} không hoạt động ({state})", en="{interface} is not up ({state})")
PLUG_IN: Final = Text(
    vi="cắm cáp và xem đèn cổng; nếu đang tắt: ip link set dev <tên> up",
    en="plug in the cable and look at the port's lamp; if it is off: ip link set dev <name> up",
)
VIRTUAL: Final = Text(vi="{interface}, giao diện ảo", en="{interface}, a virtual interface")
UNKNOWN: Final = Text(vi="{interface}, tốc độ cổng không rõ", en="{interface}, port speed unknown")
SPEED: Final = Text(vi="{interface}, {speed} Mb/s, {duplex}", en="{interface}, {speed} Mb/s, {duplex}")
FULL: Final = Text(vi="song công", en="full duplex")
HALF: Final = Text(vi="bán song công", en="half duplex")
NO_DUPLEX: Final = Text(vi="kiểu song công không rõ", en="duplex unknown")
UNDO_HALF: Final = Text(
    vi="bật tự thỏa thuận (auto-negotiation) ở cả hai đầu hoặc đổi cổng/cáp: bán song công làm sai mọi kết quả tốc độ",
    en="switch auto-negotiation on at both ends, or change port or cable: half duplex falsifies every speed result",
)
UNDO_FAST: Final = Text(
    vi="dùng cáp Cat5e trở lên đủ 4 đôi và cổng Gigabit: cổng 100 Mb/s chỉ đo được khoảng 94 Mbps",
    en="use a Cat5e cable with all 4 pairs and a Gigabit port: through 100 Mb/s no more than about 94 Mbps can be measured",
)
