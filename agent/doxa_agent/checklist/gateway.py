"""The gateway of each link, by the kernel's route, and whether it answers."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from doxa_agent.check import Item, Scene, State
from doxa_agent.checklist._words import reason, spoken
from doxa_agent.meter import Deadline, Link
from doxa_agent.net.binding import LinkUnusable, addresses
from doxa_agent.net.delay import percentile
from doxa_agent.net.handshake import inconclusive
from doxa_agent.net.ping import Cadence, Target, ping
from doxa_agent.net.proof import prove_from_here
from doxa_core.language import Text
from doxa_core.measurement import LinkProof

ORDER: Final = 30
TITLE: Final = Text(vi="Gateway IPv{family} «{link}»", en="IPv{family} gateway '{link}'")

ANYWHERE: Final = {4: "203.0.113.1", 6: "2001:db8::1"}
"""Addresses that nobody has (RFC 5737, RFC 3849): only the route is asked, nothing is sent to them."""
_CADENCE: Final = Cadence(interval_s=0.2, count=3, timeout_s=1.0)
_ARP: Final = Path("/proc/thread-self/net/arp")


def look(scene: Scene) -> Iterator[Item]:
    """A line per link and family in which it has an address."""
    for link in scene.links:
        for family in (4, 6):
            if _has(link, family):
                yield _item(link, family)


def _has(link: Link, family: int) -> bool:
    if link.interface is not None:
        return bool(addresses(link.interface, family))
    return link.source is not None and ipaddress.ip_address(link.source).version == family


def _item(link: Link, family: int) -> Item:
    title, key = TITLE.fill(family=family, link=link.name), f"gateway{family}.{link.name}"
    try:
        proof = prove_from_here(ANYWHERE[family], family, link)
    except LinkUnusable as unusable:
        state = State.BAD if family == 4 else State.WARNING
        return Item(key=key, title=title, state=state, value=reason(unusable.reason), advice=ADD_ROUTE)
    if proof.gateway is None:
        return Item(
            key=key,
            title=title,
            state=State.WARNING,
            value=DIRECT.fill(interface=proof.interface),
            advice=DIRECT_ADVICE,
        )
    state, value, advice = _ask(proof, proof.gateway, link)
    return Item(key=key, title=title, state=state, value=value, advice=advice)


def _ask(proof: LinkProof, gateway: str, link: Link) -> tuple[State, Text, Text | None]:
    family = ipaddress.ip_address(gateway).version
    # A link-local gateway is an address only together with its interface (RFC 4007).
    address = f"{gateway}%{proof.interface}" if ipaddress.ip_address(gateway).is_link_local and family == 6 else gateway
    track = ping([Target(family=family, address=address)], link, _CADENCE, Deadline(5)).tracks[0]
    delays = sorted(delay for delay in track.delays_ms if delay is not None)
    if delays:
        return State.GOOD, ANSWERS.fill(gateway=gateway, rtt=spoken(percentile(delays, 50), 2, "ms")), None
    if family == 4 and _is_neighbour(gateway):
        return State.WARNING, MUTE.fill(gateway=gateway), None
    if inconclusive(track):
        return State.WARNING, UNASKED.fill(gateway=gateway), None  # the line about pings says what to do
    return State.BAD, SILENT.fill(gateway=gateway), CHECK_CABLE


def _is_neighbour(address: str) -> bool:
    """Whether the gateway has answered ARP: then it is there, and only ping is switched off."""
    try:
        lines = _ARP.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return False
    complete = 0x2  # ATF_COM
    rows = (line.split() for line in lines)
    return any(row[0] == address and int(row[2], 16) & complete for row in rows if len(row) >= 3)


ANSWERS: Final = Text(vi="{gateway} trả lời sau {rtt}", en="{gateway} answers after {rtt}")
MUTE: Final = Text(
    vi="{gateway} có mặt (ARP) nhưng không trả lời ping", en="{gateway} is there (ARP) but does not answer pings"
)
UNASKED: Final = Text(
    vi="{gateway}: không được phép ping nên chưa rõ có trả lời hay không",
    en="{gateway}: pings are not permitted, so it is not known whether it answers",
)
SILENT: Final = Text(vi="{gateway} không trả lời", en="{gateway} does not answer")
CHECK_CABLE: Final = Text(
    vi="kiểm tra cáp, modem và VLAN; xem «ip route» và «ip neigh»",
    en="check cable, modem and VLAN; see 'ip route' and 'ip neigh'",
)
ADD_ROUTE: Final = Text(
    vi="chưa có đường mặc định: kiểm tra DHCP hoặc cấu hình gateway của link này",
    en="there is no default route: check DHCP or the gateway configured for this link",
)
DIRECT: Final = Text(vi="không qua gateway, ra thẳng {interface}", en="no gateway: straight out of {interface}")
DIRECT_ADVICE: Final = Text(
    vi="đúng nếu là kết nối điểm-điểm (4G, PPPoE); nếu không thì thiếu gateway",
    en="right for a point-to-point line (4G, PPPoE); otherwise the gateway is missing",
)
