"""The addresses of each link, IPv4 and IPv6 apart: never one for the other."""

from collections.abc import Iterator
from typing import Final

from doxa_agent.check import Item, Scene, State, same
from doxa_agent.meter import Link
from doxa_agent.net.binding import addresses
from doxa_core.language import Text

ORDER: Final = 20
TITLE: Final = Text(vi="Địa chỉ IPv{family} «{link}»", en="IPv{family} address '{link}'")


def look(scene: Scene) -> Iterator[Item]:
    """Two lines per link that names its interface; one that names a source address has just that."""
    for link in scene.links:
        if link.interface is not None:
            found = {family: addresses(link.interface, family) for family in (4, 6)}
            yield from (_item(link, family, found) for family in found)


def _item(link: Link, family: int, found: dict[int, list[str]]) -> Item:
    title, key = TITLE.fill(family=family, link=link.name), f"address{family}.{link.name}"
    own = found[family]
    if own:
        missing = link.source is not None and (":" in link.source) == (family == 6) and link.source not in own
        if missing:
            value = NOT_SOURCE.fill(source=link.source, found=", ".join(own))
            return Item(key=key, title=title, state=State.BAD, value=value, advice=MEND_SOURCE)
        return Item(key=key, title=title, state=State.GOOD, value=same(", ".join(own)))
    if family == 4 and not any(found.values()):
        return Item(key=key, title=title, state=State.BAD, value=NONE, advice=DHCP)
    return Item(key=key, title=title, state=State.WARNING, value=NONE, advice=DHCP if family == 4 else NO_SIX)


NONE: Final = Text(vi="không có", en="none")
DHCP: Final = Text(
    vi="kiểm tra cáp và DHCP của modem, hoặc đặt địa chỉ tĩnh",
    en="check the cable and the modem's DHCP, or set a static one",
)
NO_SIX: Final = Text(
    vi="nhà mạng hoặc modem chưa cấp IPv6: các chỉ tiêu IPv6 sẽ không đạt",
    en="the provider or the modem gives no IPv6: targets about IPv6 will fail",
)
NOT_SOURCE: Final = Text(vi="{found}; không có {source}", en="{found}; not {source}")
MEND_SOURCE: Final = Text(
    vi="sửa source trong agent.toml hoặc địa chỉ của giao diện",
    en="mend source in agent.toml or the interface's address",
)
