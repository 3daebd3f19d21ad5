"""The MQTT client of the collector: a persistent session with manual acknowledge, and sentences for what goes wrong."""

import socket
import ssl
import time
from typing import Any, Final, Literal

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from doxa_collector.config import Broker
from doxa_collector.files import read_secret
from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text

SESSION_EXPIRY_S: Final = 7 * 86_400
"""How long the broker keeps our session and what it could not deliver: longer than any repair."""

LARGEST_PACKET: Final = 1024 * 1024
"""A broker that speaks MQTT 5 sends us nothing bigger: four times a full batch, so rubbish is still seen and counted."""

_CONNECT_TIMEOUT_S: Final = 10.0


def make_client(
    broker: Broker, *, inflight: int, passing: bool = False, timeout_s: float = _CONNECT_TIMEOUT_S
) -> mqtt.Client:
    """A client that is told where to connect but has not yet; `passing` is one that leaves no session behind."""
    version5 = broker.protocol == "5"
    transport: Literal["unix", "tcp"] = "tcp" if broker.socket is None else "unix"
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"{broker.client_id}-check" if passing else broker.client_id,
        clean_session=None if version5 else passing,
        protocol=mqtt.MQTTv5 if version5 else mqtt.MQTTv311,
        transport=transport,
        manual_ack=True,
    )
    client.connect_timeout = timeout_s
    client.max_queued_messages_set(10_000)
    client.max_inflight_messages_set(max(20, inflight))
    client.reconnect_delay_set(1, 30)
    if broker.username is not None and broker.password_file is not None:
        client.username_pw_set(broker.username, read_secret(broker.password_file))
    if broker.tls:
        client.tls_set_context(_tls(broker))
    host = broker.host if broker.socket is None else str(broker.socket)
    if version5:
        options = _session(inflight, passing=passing)
        client.connect_async(host, broker.port, broker.keepalive_s, clean_start=passing, properties=options)
    else:
        client.connect_async(host, broker.port, broker.keepalive_s)
    return client


def _session(inflight: int, *, passing: bool) -> Properties:
    found = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    found.SessionExpiryInterval = 0 if passing else SESSION_EXPIRY_S
    found.ReceiveMaximum = inflight
    found.MaximumPacketSize = LARGEST_PACKET
    return found


def _tls(broker: Broker) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=None if broker.ca_file is None else str(broker.ca_file))
        if broker.cert_file is not None:
            context.load_cert_chain(broker.cert_file, broker.key_file)
    except (OSError, ssl.SSLError) as error:
        what = Text(vi=f"không đọc được chứng thư ({error})", en=f"the certificates cannot be read ({error})")
        raise InputError(f"broker {broker.address}", what, _CHECK_FILES) from None
    return context


def unreachable(broker: Broker, error: BaseException | None) -> Text:
    """The sentence for a connection that did not come about."""
    for kind, text in _NO_CONNECTION:
        if isinstance(error, kind):
            return text.fill(address=broker.address, error=error)
    return _NO_ANSWER.fill(address=broker.address, error=error or "?")


def refused(broker: Broker, reason: ReasonCode) -> Text:
    """The sentence for a broker that answered no."""
    name = str(reason)
    text = _LOGIN if name in _LOGIN_REASONS else _TAKEN if name == "Session taken over" else _NO
    return text.fill(address=broker.address, reason=name, user=broker.username or "–", client=broker.client_id)


def try_login(broker: Broker, timeout_s: float = 5.0) -> Text:
    """Log in and leave at once; one sentence of success, or `OperationError`."""
    client = make_client(broker, inflight=20, passing=True, timeout_s=timeout_s)
    answers: list[ReasonCode] = []

    def answered(_client: object, _data: object, _flags: object, reason: ReasonCode, _properties: Any) -> None:
        answers.append(reason)

    client.on_connect = answered
    try:
        client.reconnect()
    except (OSError, UnicodeError) as error:
        raise OperationError(unreachable(broker, error)) from None
    until = time.monotonic() + timeout_s
    while not answers and time.monotonic() < until:
        if client.loop(0.1) != mqtt.MQTT_ERR_SUCCESS:
            break
    client.disconnect()
    if not answers:
        raise OperationError(unreachable(broker, TimeoutError("no answer to CONNECT")))
    if answers[0].is_failure:
        raise OperationError(refused(broker, answers[0]))
    return _WELCOME.fill(address=broker.address, protocol=broker.protocol)


_CHECK_FILES = Text(vi="hãy kiểm tra tệp và quyền đọc", en="check the file and the permission to read it")
_LOGIN_REASONS = ("Not authorized", "Bad user name or password", "Bad authentication method")
_NO_CONNECTION: Final[tuple[tuple[type[BaseException], Text], ...]] = (
    (
        ssl.SSLCertVerificationError,
        Text(
            vi="máy chủ MQTT {address}: chứng thư không được tin cậy ({error}); hãy kiểm tra broker.ca_file và tên máy",
            en="MQTT broker {address}: its certificate is not trusted ({error}); check broker.ca_file and the host name",
        ),
    ),
    (
        ssl.SSLError,
        Text(
            vi="máy chủ MQTT {address}: không bắt tay được TLS ({error}); hãy kiểm tra cổng và broker.tls",
            en="MQTT broker {address}: the TLS handshake failed ({error}); check the port and broker.tls",
        ),
    ),
    (
        socket.gaierror,
        Text(
            vi="máy chủ MQTT {address}: không tìm được địa chỉ của tên này ({error}); hãy kiểm tra broker.host và DNS",
            en="MQTT broker {address}: the name has no address ({error}); check broker.host and DNS",
        ),
    ),
    (
        ConnectionRefusedError,
        Text(
            vi="máy chủ MQTT {address}: không có ai nghe ở đó; hãy khởi động máy chủ hoặc sửa broker.host, broker.port",
            en="MQTT broker {address}: nobody listens there; start the broker or mend broker.host, broker.port",
        ),
    ),
    (
        FileNotFoundError,
        Text(
            vi="máy chủ MQTT {address}: không có socket này; hãy khởi động máy chủ hoặc sửa broker.socket",
            en="MQTT broker {address}: there is no such socket; start the broker or mend broker.socket",
        ),
    ),
)
_NO_ANSWER = Text(
    vi="máy chủ MQTT {address}: không trả lời ({error}); hãy kiểm tra mạng và tường lửa",
    en="MQTT broker {address}: no answer ({error}); check the network and the firewall",
)
_LOGIN = Text(
    vi="máy chủ MQTT {address}: từ chối đăng nhập của {user} ({reason}); hãy kiểm tra broker.username và password_file",
    en="MQTT broker {address}: it refuses the login of {user} ({reason}); check broker.username and password_file",
)
_TAKEN = Text(
    vi="máy chủ MQTT {address}: một chương trình khác dùng cùng client_id {client}; hãy đặt client_id khác nhau",
    en="MQTT broker {address}: another program uses the same client_id {client}; give each its own client_id",
)
_NO = Text(
    vi="máy chủ MQTT {address}: trả lời không ({reason}); hãy xem nhật ký của máy chủ",
    en="MQTT broker {address}: it says no ({reason}); see the broker's log",
)
_WELCOME = Text(
    vi="máy chủ MQTT {address}: đăng nhập được (MQTT {protocol})",
    en="MQTT broker {address}: logged in (MQTT {protocol})",
)
