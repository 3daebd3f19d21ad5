"""Each far end of the plan over each link that measures against it: does it speak HTTP, does it answer pings."""

from collections.abc import Iterator
from typing import Final

from doxa_agent.check import Item, Scene, State
from doxa_agent.checklist._words import reason, spoken
from doxa_agent.meter import Deadline, FarEnd, Link
from doxa_agent.net.binding import Unreachable
from doxa_agent.net.echosocket import NOT_PERMITTED
from doxa_agent.net.handshake import inconclusive
from doxa_agent.net.names import resolve
from doxa_agent.net.ping import Cadence, ping
from doxa_agent.net.ping import Target as PingTarget
from doxa_agent.speed.dialogue import Dialogue
from doxa_agent.speed.target import Stopped, Target
from doxa_core.language import Text

ORDER: Final = 80
TITLE: Final = Text(vi="Đầu xa", en="Far end")

PINGED: Final = frozenset({"latency"})
"""Meters that need no more of a far end than its echo."""
_CADENCE: Final = Cadence(interval_s=0.2, count=3, timeout_s=2.0)
_PATIENCE_S: Final = 15.0


def look(scene: Scene) -> Iterator[Item]:
    """One line per link and far end; a far end that is only pinged is asked for no HTTP."""
    for link, far_end, kinds in scene.ways():
        title = OF_LINK.fill(title=TITLE, far_end=far_end.name, link=link.name)
        key = f"far_end.{far_end.name}.{link.name}"
        try:
            value = _pinged(link, far_end) if kinds <= PINGED else _asked(link, far_end)
        except Unreachable as unreachable:
            place = f"{far_end.host}:{far_end.port}"
            value = BAD.fill(place=place, why=reason(unreachable.reason))
            yield Item(key=key, title=title, state=State.BAD, value=value, advice=CHECK)
        else:
            yield Item(key=key, title=title, state=State.GOOD, value=value)


def _asked(link: Link, far_end: FarEnd) -> Text:
    family, address = resolve(far_end.host)
    target = Target(link=link, far_end=far_end, family=family, address=address, session="check")
    dialogue = Dialogue(target, Deadline(_PATIENCE_S))
    try:
        answer, took = dialogue.ask("empty.php")
    except Stopped:
        raise Unreachable("answer_timeout") from None
    finally:
        dialogue.close()
    if answer.head is None or not 200 <= answer.head.status < 300:
        raise Unreachable("http_status")
    return HTTP.fill(address=address, port=far_end.port, took=spoken(took * 1000, 1, "ms"))


def _pinged(link: Link, far_end: FarEnd) -> Text:
    family, address = resolve(far_end.host)
    target = PingTarget(family=family, address=address, port=far_end.port)
    track = ping([target], link, _CADENCE, Deadline(_PATIENCE_S)).tracks[0]
    delays = [delay for delay in track.delays_ms if delay is not None]
    if inconclusive(track):
        raise Unreachable(NOT_PERMITTED)
    if not delays:
        raise Unreachable(next((code for code, _ in track.errors.most_common(1)), "no_reply"))
    return PING.fill(address=address, took=spoken(min(delays), 2, "ms"))


OF_LINK: Final = Text(vi="{title} «{far_end}» qua «{link}»", en="{title} '{far_end}' over '{link}'")
HTTP: Final = Text(vi="{address} cổng {port}, HTTP trả lời sau {took}", en="{address} port {port}, HTTP after {took}")
PING: Final = Text(vi="{address}, ping {took}", en="{address}, ping {took}")
BAD: Final = Text(vi="{place}: {why}", en="{place}: {why}")
CHECK: Final = Text(
    vi="kiểm tra host, port và path của đầu xa trong kế hoạch, và tường lửa trên đường đi",
    en="check the far end's host, port and path in the plan, and firewalls on the way",
)
