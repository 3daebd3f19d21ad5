"""The broker: by the same road as the service (TCP, TLS, MQTT, account), with a name of its own and without a trace."""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from doxa_agent.check import Item, Scene, State
from doxa_agent.checklist._words import spoken
from doxa_agent.faults import UplinkFaultError
from doxa_agent.session import Session, Will
from doxa_agent.standing import Said, read_standing
from doxa_core.language import Text
from doxa_core.topic import Channel, Topic

ORDER: Final = 70
TITLE: Final = Text(vi="Broker MQTT", en="MQTT broker")

ACCOUNT: Final = frozenset({"password", "protocol", "client_id", "taken_over", "broker", "no_subscribe", "no_publish"})
"""The broker was reached and said no: a matter of account and settings, not of the way to it."""
_SUBSCRIBE_S: Final = 1.0


def look(scene: Scene) -> Iterator[Item]:
    """One line: connected and allowed to hear the collector, or which of the steps failed."""
    settings = scene.settings
    said = read_standing(settings.spool.path)
    if said is not None:  # entering by its account would put it out
        yield judge_running(said, settings.broker.place)
        return
    ack = str(Topic(site=settings.site, agent=settings.agent, channel=Channel.ACK))
    # Not the status topic: a check that breaks off must not tell the country that the agent is lost.
    will = Will(topic=ack.removesuffix(Channel.ACK) + "check", payload=b"")
    session = Session(settings.broker, f"{settings.agent}-check-{time.monotonic_ns() % 1_000_000}"[:64], will)
    began = time.monotonic()
    try:
        session.open()
        took = time.monotonic() - began
        session.subscribe(ack)
        _await_answer(session)
    except UplinkFaultError as fault:
        yield _bad(fault)
        return
    finally:
        with suppress(UplinkFaultError, OSError):
            session.close()
    broker = settings.broker
    value = GOOD.fill(
        place=broker.place,
        tls=WITH_TLS if broker.tls else NO_TLS,
        user=broker.username or "-",
        took=spoken(took * 1000, 0, "ms"),
    )
    yield Item(key="broker", title=TITLE, state=State.GOOD, value=value)


def judge_running(said: Said, place: str) -> Item:
    """The line for a service that runs and tells how it stands with the broker."""
    if said.trouble is not None:
        return _bad(UplinkFaultError(said.code, said.trouble))
    if not said.connected:
        return Item(key="broker", title=TITLE, state=State.WARNING, value=CONNECTING.fill(place=place), advice=AGAIN)
    return Item(key="broker", title=TITLE, state=State.GOOD, value=RUNNING.fill(place=place))


def _await_answer(session: Session) -> None:
    """Give the broker time to refuse the subscription, or to end the session; raise where it does."""
    end = time.monotonic() + _SUBSCRIBE_S
    while time.monotonic() < end and not session.notices:
        session.pump(0.1)
    if session.notices:
        raise session.notices[0]


def _bad(fault: UplinkFaultError) -> Item:
    advice = REACHED if fault.code in ACCOUNT else TLS if fault.code.startswith("tls") else NOT_REACHED
    return Item(key="broker", title=TITLE, state=State.BAD, value=fault.text, advice=advice)


RUNNING: Final = Text(vi="agent đang chạy và đã kết nối {place}", en="the agent runs and is connected to {place}")
CONNECTING: Final = Text(vi="agent đang chạy, đang kết nối {place}", en="the agent runs and is connecting to {place}")
AGAIN: Final = Text(vi="hãy chạy lại sau nửa phút", en="run this again in half a minute")
GOOD: Final = Text(
    vi="{place} ({tls}), tài khoản «{user}» được nhận sau {took}",
    en="{place} ({tls}), account '{user}' taken after {took}",
)
WITH_TLS: Final = Text(vi="TLS", en="TLS")
NO_TLS: Final = Text(vi="không TLS", en="no TLS")
REACHED: Final = Text(
    vi="đường tới broker thông; hãy hỏi quản trị NOC về tài khoản và quyền của thiết bị này",
    en="the way to the broker is open; ask the NOC about this probe's account and rights",
)
TLS: Final = Text(
    vi="đường TCP thông; hãy kiểm tra chứng thư, tên máy chủ và giờ của thiết bị",
    en="TCP is open; check the certificates, the server's name and this device's clock",
)
NOT_REACHED: Final = Text(
    vi="broker chưa tới được; hãy kiểm tra broker.host và broker.port, tường lửa, và các mục mạng ở trên",
    en="the broker was not reached; check broker.host and broker.port, the firewall, and the network lines above",
)
