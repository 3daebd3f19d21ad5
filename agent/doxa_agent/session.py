"""One MQTT connection, from CONNECT to its end, driven by one thread; every failure is one `UplinkFaultError`.

Each connection gets a new paho client with a clean session: what is unacknowledged lives in our spool, not in paho's
queue nor on the broker, so a reconnect sends nothing behind our back and leaves no forgotten session there.
"""

import select
import socket
import ssl
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from doxa_agent.config import Broker
from doxa_agent.faults import UplinkFaultError, fault, fault_of, refusal

CONNECT_S: Final = 15.0
"""How long the broker may take for TCP, for TLS and for its CONNACK, each."""
LOOK_S: Final = 5.0
"""The longest sleep: paho looks after its keep-alive in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the broker says in our name when we are lost, retained."""

    topic: str
    payload: bytes


class Session:
    """A connection. After `open`, call `pump` in a loop; received messages wait in `inbox`."""

    def __init__(self, broker: Broker, client_id: str, will: Will) -> None:
        self._broker = broker
        self._fault: UplinkFaultError | None = None
        self._refusal: UplinkFaultError | None = None
        self._welcome = False
        self._unconfirmed: set[int] = set()
        self.inbox: deque[tuple[str, bytes]] = deque()
        self.notices: deque[UplinkFaultError] = deque()
        """What the broker refused without ending the connection."""
        self.largest: int | None = None
        """The largest packet that the broker takes, where it says so (MQTT 5)."""
        self._client = self._make(client_id, will)

    def _make(self, client_id: str, will: Will) -> Client:
        five = self._broker.protocol == "5"
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if five else True,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            transport="unix" if self._broker.socket else "tcp",
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        client.will_set(will.topic, will.payload, qos=1, retain=True)
        if self._broker.username is not None:
            password = self._broker.password
            client.username_pw_set(self._broker.username, password.reveal() if password else None)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        return client

    def open(self) -> None:
        """Connect and wait for the broker's welcome."""
        broker, context = self._broker, None
        try:
            if broker.tls:
                context = _tls(broker)
                self._client.tls_set_context(context)
            if broker.socket:
                _knock(broker.socket)
            host, port = (str(broker.socket), 1) if broker.socket else (broker.host, broker.port)
            self._client.connect(host, port, broker.keepalive_s)  # a first connection starts clean, also in MQTT 5
        except (OSError, ValueError) as error:
            if context is not None and context.wrapped is not None:
                context.wrapped.close()
            raise fault_of(error, broker) from None
        end = monotonic() + CONNECT_S
        while not self._welcome:
            if monotonic() > end:
                raise fault("not_mqtt", broker)
            self.pump(0.5)

    def close(self) -> None:
        """Say goodbye, so that the broker keeps the will to itself."""
        self._client.disconnect()
        for _ in range(10):
            if not self._client.want_write() or self._client.socket() is None:
                break
            self._client.loop_write()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Hand a QoS 1 message to the connection; False when there is none any more."""
        found = self._client.publish(topic, payload, qos=1, retain=retain)
        if found.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return False
        self._unconfirmed.add(found.mid)
        return True

    def subscribe(self, topic: str) -> None:
        """Ask for a topic with QoS 1; a refusal comes as a notice."""
        self._client.subscribe(topic, qos=1)

    @property
    def unconfirmed(self) -> int:
        """Messages that the broker has not confirmed yet (PUBACK)."""
        return len(self._unconfirmed)

    def pump(self, timeout_s: float, wake: int | None = None) -> None:
        """Read and write what there is, sleeping at most `timeout_s` or until `wake` is readable; raises when it ends."""
        sock = self._client.socket()
        if sock is not None:
            pending = sock.pending() if isinstance(sock, ssl.SSLSocket) else 0
            timeout_s = 0.0 if pending else max(0.0, min(timeout_s, LOOK_S))
            readers: list[Any] = [sock] if wake is None else [sock, wake]
            writers = readers[:1] if self._client.want_write() else []
            readable, writable, _ = select.select(readers, writers, [], timeout_s)
            if pending or sock in readable:
                self._client.loop_read()
            if sock in writable:
                self._client.loop_write()
            self._client.loop_misc()
        if self._client.socket() is None:
            self._end("EOF")
        if self._fault is not None:
            raise self._fault

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, found: Properties | None
    ) -> None:
        if reason.is_failure:
            self._fault = refusal(reason.getName(), self._broker)
            return
        self._welcome = True
        self.largest = getattr(found, "MaximumPacketSize", None)

    def _on_disconnect(
        self, _client: Client, _data: object, flags: DisconnectFlags, reason: ReasonCode, _found: Properties | None
    ) -> None:
        name = reason.getName()
        if flags.is_disconnect_packet_from_server and name == "Session taken over":
            self._fault = self._fault or fault("taken_over", self._broker)
        self._end(name)

    def _end(self, why: str) -> None:
        """The connection has ended; a broker that refused something before it hung up (mosquitto 2.0.11) told us why."""
        ended = self._refusal or fault("lost" if self._welcome else "not_mqtt", self._broker, why)
        self._fault = self._fault or ended

    def _refused(self, code: str, reason: ReasonCode) -> None:
        self._refusal = fault(code, self._broker, reason.getName())
        self.notices.append(self._refusal)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.inbox.append((message.topic, bytes(message.payload)))

    def _on_publish(
        self, _client: Client, _data: object, mid: int, reason: ReasonCode, _found: Properties | None
    ) -> None:
        self._unconfirmed.discard(mid)
        if reason.is_failure:
            self._refused("no_publish", reason)

    def _on_subscribe(
        self, _client: Client, _data: object, _mid: int, reasons: list[ReasonCode], _found: Properties | None
    ) -> None:
        for reason in reasons:
            if reason.is_failure:
                self._refused("no_subscribe", reason)


def _knock(path: Path) -> None:
    """Connect once by ourselves: paho neither closes a unix socket that cannot connect nor gives it a deadline."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(CONNECT_S)
        sock.connect(str(path))


class _Context(ssl.SSLContext):
    """Remembers the socket that it wrapped: paho drops one whose handshake failed without closing it."""

    wrapped: ssl.SSLSocket | None = None

    def wrap_socket(self, *args: Any, **keys: Any) -> ssl.SSLSocket:
        """As SSLContext does, and remember."""
        self.wrapped = super().wrap_socket(*args, **keys)
        return self.wrapped


def _tls(broker: Broker) -> _Context:
    """A client's context: the broker's certificate and its name are checked, always."""
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    if broker.ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        context.load_verify_locations(str(broker.ca_file))
    if broker.cert_file is not None:
        context.load_cert_chain(str(broker.cert_file), None if broker.key_file is None else str(broker.key_file))
    return context
