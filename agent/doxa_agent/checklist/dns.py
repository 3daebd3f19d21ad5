"""Names: which resolvers are configured, whether they answer, and whether the names that are needed resolve."""

import secrets
import socket
import struct
import time
from collections.abc import Iterator
from typing import Final

from doxa_agent.check import Item, Scene, State, same
from doxa_agent.checklist._words import reason, spoken
from doxa_agent.dns.servers import RESOLV_CONF, is_address, system_servers
from doxa_agent.net.binding import Unreachable
from doxa_agent.net.names import resolve
from doxa_core.language import Text

ORDER: Final = 40
TITLE: Final = Text(vi="Máy chủ DNS", en="DNS resolvers")
NAMES: Final = Text(vi="Tra tên {name}", en="Name {name}")

_PORT: Final = 53
_PATIENCE_S: Final = 2.0


def look(scene: Scene) -> Iterator[Item]:
    """A line about the resolvers and one per name of the configuration."""
    names = needed(scene)
    yield _resolvers(is_needed=bool(names))
    for name in names:
        yield _name(name)


def needed(scene: Scene) -> list[str]:
    """The names, not numeric addresses, of the broker and of the far ends that are measured."""
    broker = scene.settings.broker
    hosts = [] if broker.socket else [broker.host]
    hosts += [far_end.host for _, far_end, _ in scene.ways()]
    return [host for host in dict.fromkeys(hosts) if not is_address(host)]


def _resolvers(*, is_needed: bool) -> Item:
    servers = system_servers(RESOLV_CONF)
    times = {server: ask(server) for server in servers}
    answered = [server for server, seconds in times.items() if seconds is not None]
    state = State.GOOD if answered and len(answered) == len(servers) else State.WARNING
    if not answered and is_needed:
        state = State.BAD
    value = _join([_one(server, seconds) for server, seconds in times.items()]) if servers else NONE
    return Item(key="dns", title=TITLE, state=state, value=value, advice=None if state is State.GOOD else MEND)


def _one(server: str, seconds: float | None) -> Text:
    took = NO_ANSWER if seconds is None else spoken(seconds * 1000, 1, "ms")
    return Text(vi=f"{server} ({took.vi})", en=f"{server} ({took.en})")


def _join(texts: list[Text]) -> Text:
    return Text(vi=", ".join(text.vi for text in texts), en=", ".join(text.en for text in texts))


def ask(server: str, port: int = _PORT) -> float | None:
    """Seconds until `server` answers a question for the root's name servers (RFC 1035 §4.1), or None.

    Any answer with our number counts: a resolver that refuses the question is there.
    """
    kind = socket.AF_INET6 if ":" in server else socket.AF_INET
    question = struct.pack("!HHHHHHBHH", secrets.randbits(16), 0x0100, 1, 0, 0, 0, 0, 2, 1)
    with socket.socket(kind, socket.SOCK_DGRAM) as sock:
        sock.settimeout(_PATIENCE_S)
        try:
            sock.connect((server, port))
            began = time.monotonic()
            sock.send(question)
            answer = sock.recv(4096)
        except OSError:
            return None
        return time.monotonic() - began if answer[:2] == question[:2] and len(answer) >= 12 else None


def _name(name: str) -> Item:
    title, key = NAMES.fill(name=name), f"name.{name}"
    try:
        _, address = resolve(name)
    except Unreachable as unreachable:
        return Item(key=key, title=title, state=State.BAD, value=reason(unreachable.reason), advice=MEND)
    return Item(key=key, title=title, state=State.GOOD, value=same(address))


NONE: Final = Text(vi="chưa có máy chủ nào", en="none is configured")
NO_ANSWER: Final = Text(vi="không trả lời", en="no answer")
MEND: Final = Text(
    vi="kiểm tra nameserver trong /etc/resolv.conf, DHCP, và cổng 53 qua tường lửa",
    en="check nameserver in /etc/resolv.conf, DHCP, and port 53 through the firewall",
)
