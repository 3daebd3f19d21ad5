"""HTTPS: a verified handshake, and a download that is never decrypted.

The handshake, the request and the head of the answer go through OpenSSL with real verification of the certificate and
the name. OpenSSL reads one record at a time and not beyond it, so once the head is there the socket is taken back from
it at the boundary of a record, and what follows is ciphertext that the kernel discards as it does in a plain download.
What lies between ciphertext and payload is counted from the records' own headers (RFC 8446 §5.1).

This module is imported only where a far end speaks TLS: OpenSSL costs a small probe 3 MiB.
"""

import select
import socket
import ssl
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from doxa_agent.meter import Deadline, FarEnd
from doxa_agent.net.binding import Unreachable

HTTP1: Final = "http/1.1"
"""What a speed test offers: HTTP/2 has frames, and what comes in them could not be discarded unread."""
HANDSHAKE_S: Final = 5.0
_SLICE_S: Final = 0.1
_RENEW_S: Final = 3600.0
"""How long certificates that were read are believed to be those of the file."""
_TIME_CODES: Final = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_NAME_CODES: Final = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


class SecureSocket(ssl.SSLSocket):
    """A non-blocking TLS connection that speaks of waiting and ending as a plain socket does."""

    def recv(self, buflen: int = 16384, flags: int = 0) -> bytes:
        """At most one record's plaintext; `BlockingIOError` where none is complete yet, empty at the end."""
        try:
            return super().recv(buflen, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except ssl.SSLError:
            raise Unreachable("tls_failed") from None

    def send(self, data: Any, flags: int = 0) -> int:
        """Encrypt and send; how much of `data` went. `BlockingIOError` where nothing can."""
        try:
            return super().send(data, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except ssl.SSLError:
            raise Unreachable("tls_failed") from None


def context_of(far_end: FarEnd, alpn: str = HTTP1) -> ssl.SSLContext:
    """The settings for a far end's certificates, and the one protocol that is offered (RFC 7301).

    `Unreachable("tls_ca_file")` where its file cannot be used.
    """
    try:
        written = 0 if far_end.ca_file is None else far_end.ca_file.stat().st_mtime_ns
        return _context(far_end.ca_file, alpn, written, int(time.monotonic() / _RENEW_S))
    except OSError:  # ssl.SSLError is one
        raise Unreachable("tls_ca_file") from None


@lru_cache(maxsize=4)
def _context(ca_file: Path | None, alpn: str, _written: int, _hour: int) -> ssl.SSLContext:
    """`PROTOCOL_TLS_CLIENT` verifies chain and name."""
    context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([alpn])
    context.sslsocket_class = SecureSocket
    return context


def wrap(sock: socket.socket, far_end: FarEnd) -> ssl.SSLSocket:
    """TLS over a connected socket, which it replaces under the same descriptor; `advance` shakes hands."""
    try:
        return context_of(far_end).wrap_socket(
            sock, do_handshake_on_connect=False, server_hostname=far_end.host.partition("%")[0]
        )
    except (OSError, ValueError):
        raise Unreachable("broke_off") from None


def advance(sock: ssl.SSLSocket) -> int:
    """One step of the handshake: the epoll event to wait for, 0 when it is done.

    Raises `Unreachable`: `tls_certificate` (nobody whom we trust vouches for it), `tls_certificate_name` (it is another
    host's), `tls_certificate_time` (expired, or our clock is wrong), `tls_failed`, `broke_off`.
    """
    try:
        sock.do_handshake()
    except ssl.SSLWantReadError:
        return select.EPOLLIN
    except ssl.SSLWantWriteError:
        return select.EPOLLOUT
    except OSError as error:
        raise Unreachable(failure_of(error)) from None
    return 0


def failure_of(error: OSError) -> str:
    """The code of the reason why a handshake failed, one of those that `advance` names."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_reason(error.verify_code)
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "tls_failed"
    return "broke_off"


def _certificate_reason(code: int) -> str:
    if code in _TIME_CODES:
        return "tls_certificate_time"
    return "tls_certificate_name" if code in _NAME_CODES else "tls_certificate"


def secure_all(socks: list[socket.socket], far_end: FarEnd, deadline: Deadline) -> list[socket.socket]:
    """Shake hands on all connections at once; those that came about. `Unreachable` if none did; the rest is closed."""
    waiting: dict[int, ssl.SSLSocket] = {}
    ready: list[socket.socket] = []
    reason = "tls_timeout"
    try:
        with select.epoll() as poller:
            for sock in socks:
                secure = wrap(sock, far_end)
                waiting[secure.fileno()] = secure
                poller.register(secure, select.EPOLLOUT)
            until = time.monotonic() + HANDSHAKE_S
            while waiting and time.monotonic() < until and not deadline.over:
                for fd, _event in poller.poll(_SLICE_S):
                    try:
                        wanted = advance(waiting[fd])
                    except Unreachable as error:
                        reason = error.reason
                        poller.unregister(fd)
                        waiting.pop(fd).close()
                        continue
                    if wanted:
                        poller.modify(fd, wanted)
                    else:
                        poller.unregister(fd)
                        ready.append(waiting.pop(fd))
    except Unreachable:
        for sock in [*ready, *socks]:
            sock.close()
        raise
    finally:
        for secure in waiting.values():
            secure.close()
    if not ready and not deadline.over:
        raise Unreachable(reason)
    return ready


def hand_over(sock: ssl.SSLSocket) -> tuple[socket.socket, "Records"]:
    """Take the connection back from OpenSSL at the boundary of a record: the plain socket, and who reads its headers."""
    records = Records(_added(sock))
    plain = socket.socket(fileno=sock.detach())
    plain.settimeout(0)
    return plain, records


def _added(sock: ssl.SSLSocket) -> int:
    """Octets that protection adds to a record's body: RFC 8446 §5.2 (type and tag), RFC 5288 §3 (nonce and tag)."""
    if sock.version() == "TLSv1.3":
        return 17
    cipher = sock.cipher()
    return 16 if cipher is not None and "CHACHA20" in cipher[0] else 24


class Records:
    """Reads the headers of TLS records in a stream that begins at a record's boundary."""

    HEADER: Final = 5
    ENOUGH: Final = 128 * 1024
    _LATEST: Final = 4
    _LARGEST: Final = 16384 + 256

    def __init__(self, added: int) -> None:
        self.seen = 0
        """Octets that were fed."""
        self._added = added
        self._skip = 0
        self._head = b""
        self._bodies: list[int] = []

    @property
    def enough(self) -> bool:
        """Whether the rest may be discarded unread: a server begins with small records and grows them."""
        return self.seen >= self.ENOUGH

    @property
    def share(self) -> float:
        """Payload as a share of the ciphertext, by the latest records; of full records before there is one."""
        bodies = self._bodies or [16384 + self._added]
        whole = sum(bodies) + self.HEADER * len(bodies)
        return max(0.0, sum(body - self._added for body in bodies) / whole)

    def feed(self, piece: bytes) -> None:
        """Take the next octets; `Unreachable("tls_failed")` where no record can be there (or an alert is)."""
        self.seen += len(piece)
        at = 0
        while at < len(piece):
            if self._skip:
                step = min(self._skip, len(piece) - at)
                self._skip, at = self._skip - step, at + step
                continue
            wanted = self.HEADER - len(self._head)
            self._head += piece[at : at + wanted]
            at += wanted
            if len(self._head) >= self.HEADER:
                self._begin(self._head)
                self._head = b""

    def _begin(self, head: bytes) -> None:
        body = int.from_bytes(head[3:5], "big")
        if head[0] != 23 or head[1] != 3 or not self._added < body <= self._LARGEST:
            raise Unreachable("tls_failed")
        self._skip = body
        self._bodies = [*self._bodies, body][-self._LATEST :]
