"""Why the broker cannot be reached, as one sentence for people and one code for machines."""

import errno
import socket
import ssl
from typing import Final

from doxa_agent.config import Broker
from doxa_core.language import Text

_UNREACHABLE: Final = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}
_VERIFY_TIME: Final = {9, 10}
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""


class UplinkFaultError(Exception):
    """The connection cannot be made or is lost; `code` for machines, `text` for people."""

    def __init__(self, code: str, text: Text) -> None:
        super().__init__(text.en)
        self.code = code
        self.text = text


def fault_of(error: Exception, broker: Broker) -> UplinkFaultError:
    """The fault behind an exception of connecting."""
    code = _code_of(error)
    why = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error) or type(error).__name__
    return fault(code, broker, why)


def fault(code: str, broker: Broker, why: object = "") -> UplinkFaultError:
    """The fault of that code, with its sentence."""
    return UplinkFaultError(code, FAULTS[code].fill(place=broker.place, user=broker.username or "-", why=why))


def _code_of(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "tls_time" if error.verify_code in _VERIFY_TIME else "tls_certificate"
    if isinstance(error, ssl.SSLError):
        return "tls"
    if isinstance(error, socket.gaierror):
        return "name"
    if isinstance(error, TimeoutError):
        return "silent"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, FileNotFoundError | PermissionError):
        return "socket"
    if isinstance(error, OSError) and error.errno in _UNREACHABLE:
        return "route"
    return "network"


def refusal(reason: str, broker: Broker) -> UplinkFaultError:
    """The fault behind the reason of a CONNACK, by its name (MQTT 5 §3.2.2.2; paho translates those of 3.1.1)."""
    for code, names in _REFUSALS.items():
        if reason in names:
            return fault(code, broker, reason)
    return fault("broker", broker, reason)


_REFUSALS: Final = {
    "password": ("Bad user name or password", "Not authorized", "Bad authentication method", "Banned"),
    "protocol": ("Unsupported protocol version", "Protocol error"),
    "client_id": ("Client identifier not valid",),
    "taken_over": ("Session taken over",),
}

FAULTS: Final = {
    "refused": Text(
        vi="broker {place} từ chối kết nối (chưa chạy hoặc sai cổng); kết quả đo được giữ lại và gửi sau",
        en="the broker {place} refuses the connection (not running, or a wrong port); measurements are kept and sent later",
    ),
    "silent": Text(
        vi="broker {place} không trả lời (sai địa chỉ, tường lửa hoặc mất mạng); kết quả đo được giữ lại và gửi sau",
        en="the broker {place} does not answer (wrong address, firewall or no network); measurements are kept and sent later",
    ),
    "name": Text(
        vi="không tra được tên của broker {place} ({why}); hãy kiểm tra broker.host và DNS",
        en="the name of the broker {place} cannot be resolved ({why}); check broker.host and DNS",
    ),
    "route": Text(
        vi="không có đường đi tới broker {place} ({why}); hãy kiểm tra mạng và gateway",
        en="there is no route to the broker {place} ({why}); check the network and the gateway",
    ),
    "network": Text(
        vi="không kết nối được broker {place} ({why})",
        en="the broker {place} cannot be connected ({why})",
    ),
    "socket": Text(
        vi="không mở được unix socket {place} của broker ({why}); hãy kiểm tra đường dẫn và quyền",
        en="the broker's unix socket {place} cannot be opened ({why}); check the path and the permissions",
    ),
    "tls": Text(
        vi="TLS với broker {place} thất bại ({why}); hãy kiểm tra cổng TLS và các tệp ca_file, cert_file, key_file",
        en="TLS with the broker {place} failed ({why}); check the TLS port and ca_file, cert_file, key_file",
    ),
    "tls_certificate": Text(
        vi="chứng thư của broker {place} không được tin cậy ({why}); hãy kiểm tra broker.ca_file và broker.host",
        en="the certificate of the broker {place} is not trusted ({why}); check broker.ca_file and broker.host",
    ),
    "tls_time": Text(
        vi="chứng thư của broker {place} chưa hoặc không còn hiệu lực ({why}); hãy kiểm tra đồng hồ của thiết bị (NTP) rồi chứng thư",
        en="the certificate of the broker {place} is not valid now ({why}); check this device's clock (NTP), then the certificate",
    ),
    "password": Text(
        vi="broker {place} không chấp nhận tài khoản «{user}» ({why}); hãy kiểm tra broker.username và broker.password_file",
        en="the broker {place} does not accept the account '{user}' ({why}); check broker.username and broker.password_file",
    ),
    "protocol": Text(
        vi="broker {place} không dùng được phiên bản MQTT này ({why}); hãy đổi broker.protocol (5 hoặc 3.1.1)",
        en="the broker {place} does not speak this version of MQTT ({why}); change broker.protocol (5 or 3.1.1)",
    ),
    "client_id": Text(
        vi="broker {place} không chấp nhận tên máy khách ({why}); hãy kiểm tra khóa agent",
        en="the broker {place} does not accept the client's name ({why}); check the key agent",
    ),
    "taken_over": Text(
        vi="một thiết bị khác đã kết nối broker {place} với cùng tên agent; mỗi thiết bị phải có tên riêng (thẻ nhớ bị sao chép?)",
        en="another device has connected to the broker {place} under the same agent name; each needs its own (a copied card?)",
    ),
    "broker": Text(
        vi="broker {place} từ chối phiên làm việc ({why})", en="the broker {place} refuses the session ({why})"
    ),
    "not_mqtt": Text(
        vi="máy chủ tại {place} không trả lời bằng MQTT; hãy kiểm tra cổng (TLS hay không TLS)",
        en="the server at {place} does not answer in MQTT; check the port (with or without TLS)",
    ),
    "lost": Text(
        vi="mất kết nối với broker {place} ({why}); đang nối lại, kết quả đo được giữ lại",
        en="the connection to the broker {place} is lost ({why}); reconnecting, measurements are kept",
    ),
    "flapping": Text(
        vi="broker {place} liên tục ngắt kết nối ngay sau khi nhận; có thể thiết bị khác dùng cùng tên agent (thẻ nhớ bị sao chép?), hoặc broker bị lỗi",
        en="the broker {place} keeps hanging up soon after it has let us in; another device may use this agent's name (a copied card?), or the broker is faulty",
    ),
    "no_subscribe": Text(
        vi="broker {place} không cho tài khoản «{user}» nhận xác nhận của collector ({why}); hãy kiểm tra ACL",
        en="the broker {place} does not let the account '{user}' receive the collector's acknowledges ({why}); check the ACL",
    ),
    "no_ack": Text(
        vi="đã kết nối broker {place} nhưng collector chưa xác nhận (collector dừng, hoặc ACL chặn tài khoản «{user}»); kết quả đo được giữ lại",
        en="connected to the broker {place}, but no collector acknowledges (it is down, or the ACL stops the account '{user}'); measurements are kept",
    ),
    "no_publish": Text(
        vi="broker {place} không nhận kết quả đo của tài khoản «{user}» ({why}); hãy kiểm tra ACL",
        en="the broker {place} does not take measurements of the account '{user}' ({why}); check the ACL",
    ),
}
