"""TLS for a page: a handshake that verifies, and a second look at a certificate that did not.

Imported only for https: OpenSSL costs a small probe 3 MiB.
"""

import select
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from doxa_agent.meter import FarEnd
from doxa_agent.net.binding import Unreachable
from doxa_agent.speed import tls
from doxa_agent.web import der
from doxa_agent.web.der import Certificate
from doxa_agent.web.url import Url
from doxa_agent.web.waiting import Patience

_LATE: Final = "tls_timeout"
_SELF_SIGNED: Final = 18  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
_NOT_YET, _EXPIRED = 9, 10  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_NAMES: Final = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_REVOKED: Final = 23  # X509_V_ERR_CERT_REVOKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel:
    """A connection over which TLS stands."""

    sock: ssl.SSLSocket
    version: str
    certificate: Certificate | None


class Untrusted(Unreachable):
    """The certificate did not verify; `fault` says in a code why, as OpenSSL saw it."""

    def __init__(self, reason: str, fault: str) -> None:
        super().__init__(reason)
        self.fault = fault


def secure(sock: socket.socket, url: Url, ca_file: Path | None, patience: Patience) -> Tunnel:
    """A verified connection, which takes the place of `sock`. Raises `Untrusted` or `Unreachable`."""
    context = tls.context_of(FarEnd(name="page", host=url.host, port=url.port, tls=True, ca_file=ca_file))
    wrapped = _wrap(context, sock, url)
    try:
        _shake(wrapped, patience)
    except BaseException:
        wrapped.close()
        raise
    return Tunnel(sock=wrapped, version=wrapped.version() or "", certificate=_certificate(wrapped))


def look(sock: socket.socket, url: Url, patience: Patience) -> Certificate | None:
    """The certificate that the server shows, whoever vouches for it; nothing else is said to it or believed."""
    with suppress(Unreachable, OSError), _wrap(_trusting(), sock, url) as wrapped:
        _shake(wrapped, patience)
        return _certificate(wrapped)
    return None


def faults(certificate: Certificate, host: str) -> list[str]:
    """What is wrong with a certificate by itself: its time, its name, its issuer."""
    now = datetime.now(UTC)
    found = {
        "certificate_expired": certificate.not_after < now,
        "certificate_not_yet_valid": now < certificate.not_before,
        "certificate_wrong_name": not certificate.fits(host),
        "certificate_self_signed": certificate.issued_to_itself,
    }
    return [fault for fault, there in found.items() if there]


def left_s(certificate: Certificate) -> float:
    """Seconds for which it is still valid by this machine's clock, 0 when it is over."""
    return max(0.0, (certificate.not_after - datetime.now(UTC)).total_seconds())


@cache
def _trusting() -> ssl.SSLContext:
    """Verifies nothing: for looking at a certificate only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([tls.HTTP1])
    return context


def _wrap(context: ssl.SSLContext, sock: socket.socket, url: Url) -> ssl.SSLSocket:
    try:
        return context.wrap_socket(sock, do_handshake_on_connect=False, server_hostname=url.host)
    except (OSError, ValueError):
        sock.close()
        raise Unreachable("broke_off") from None


def _shake(sock: ssl.SSLSocket, patience: Patience) -> None:
    while True:
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            patience.ready(sock, select.POLLIN, _LATE)
        except ssl.SSLWantWriteError:
            patience.ready(sock, select.POLLOUT, _LATE)
        except ssl.SSLCertVerificationError as error:
            raise Untrusted(tls.failure_of(error), _fault(error.verify_code)) from None
        except OSError as error:
            raise Unreachable(tls.failure_of(error)) from None
        else:
            return


def _fault(code: int) -> str:
    known = {
        _SELF_SIGNED: "certificate_self_signed",
        _NOT_YET: "certificate_not_yet_valid",
        _EXPIRED: "certificate_expired",
        _REVOKED: "certificate_revoked",
    } | dict.fromkeys(_NAMES, "certificate_wrong_name")
    return known.get(code, "certificate_unknown_issuer")


def _certificate(sock: ssl.SSLSocket) -> Certificate | None:
    octets = sock.getpeercert(binary_form=True)
    try:
        return None if octets is None else der.read(octets)
    except der.NotACertificate:
        return None
