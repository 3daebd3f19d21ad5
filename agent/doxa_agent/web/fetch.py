"""One request and its answer, phase by phase. What came about before a failure stays in the `Visit`."""

import errno
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from doxa_agent.meter import Link
from doxa_agent.net.binding import FAMILIES, LinkUnusable, Unreachable, bind_socket
from doxa_agent.net.names import resolve
from doxa_agent.net.proof import prove_socket
from doxa_agent.net.tcperror import reason_of
from doxa_agent.speed import http
from doxa_agent.web import head as heads
from doxa_agent.web.body import Body
from doxa_agent.web.head import Head
from doxa_agent.web.url import Url
from doxa_agent.web.waiting import Patience
from doxa_core.measurement import LinkProof

PHASES: Final = ("dns", "tcp", "tls", "first_byte", "transfer")
"""In their order. Each ends where the next one begins, but for the name of an address and the TLS of plain http."""
_PIECE: Final = 64 * 1024
_OVERHEAD: Final = 4
"""Octets received for one of the body at most: chunks of a single octet are no page."""
_MOST_INTERIM: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a page is fetched."""

    link: Link
    family: int
    ca_file: Path | None
    body_limit: int
    """Octets of a body at most; a longer one is broken off."""


@dataclass(slots=True, kw_only=True)
class Visit:
    """What happened at one address."""

    url: Url
    phases: dict[str, float] = field(default_factory=dict)
    """Seconds of those that came to their end."""
    broken: str | None = None
    """The phase in which it failed."""
    address: str = ""
    proof: LinkProof | None = None
    head: Head | None = None
    body: Body | None = None
    certificate: Any = None
    """A `der.Certificate`, where one was shown and could be read."""
    tls_version: str = ""
    faults: list[str] = field(default_factory=list)
    """What is wrong with the certificate."""

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase; one that raises is the broken one."""
        began = time.monotonic()
        try:
            yield
        except BaseException:
            self.broken = name
            raise
        self.phases[name] = time.monotonic() - began


def fetch(visit: Visit, manner: Manner, patience: Patience) -> None:
    """Fetch `visit.url` and write down in `visit` how it went. Raises `Unreachable` (or `Stopped`)."""
    _find(visit, manner, patience)
    sock = _connect(visit, manner, patience)
    try:
        if visit.url.tls:
            sock = _secure(sock, visit, manner, patience)
        _converse(sock, visit, manner, patience)
    finally:
        sock.close()


def _find(visit: Visit, manner: Manner, patience: Patience) -> None:
    """The address. Only a name has a phase; looking at a literal is none."""
    if ":" in visit.url.host or visit.url.host.replace(".", "").isdigit():
        _, visit.address = resolve(visit.url.host, manner.family)
        return
    with visit.phase("dns"):
        _, visit.address = resolve(visit.url.host, manner.family, timeout_s=patience.left_s)


def _connect(visit: Visit, manner: Manner, patience: Patience) -> socket.socket:
    with visit.phase("tcp"):
        return _connected(visit, manner, patience)


def _connected(visit: Visit, manner: Manner, patience: Patience) -> socket.socket:
    try:
        sock = socket.socket(FAMILIES[manner.family], socket.SOCK_STREAM)
    except OSError:
        raise LinkUnusable("no_address") from None
    try:
        sock.settimeout(0)
        bind_socket(sock, manner.link, manner.family)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex((visit.address, visit.url.port))
        if code == errno.EINPROGRESS:
            patience.ready(sock, select.POLLOUT, "connect_timeout")
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise Unreachable(reason_of(OSError(code, "")))
        visit.proof = prove_socket(sock, visit.address, manner.link)
    except BaseException:
        sock.close()
        raise
    return sock


def _secure(sock: socket.socket, visit: Visit, manner: Manner, patience: Patience) -> socket.socket:
    from doxa_agent.web import secure

    try:
        with visit.phase("tls"):
            tunnel = secure.secure(sock, visit.url, manner.ca_file, patience)
    except secure.Untrusted as untrusted:
        again = _connected(visit, manner, patience)
        visit.certificate = secure.look(again, visit.url, patience)
        seen = [] if visit.certificate is None else secure.faults(visit.certificate, visit.url.host)
        visit.faults = list(dict.fromkeys([untrusted.fault, *seen]))
        raise
    visit.certificate, visit.tls_version = tunnel.certificate, tunnel.version
    return tunnel.sock


def _converse(sock: socket.socket, visit: Visit, manner: Manner, patience: Patience) -> None:
    """Ask, wait for the first octet, read to the end."""
    url = visit.url
    with visit.phase("first_byte"):
        _send(
            sock,
            http.request("GET", http.host_field(url.host, url.port, tls=url.tls), url.target, keep=False),
            patience,
        )
        first = _receive(sock, patience, "first_byte_timeout")
        if not first:
            raise Unreachable("broke_off")
    with visit.phase("transfer"):
        _read(sock, first, visit, manner.body_limit, patience)


def _send(sock: socket.socket, octets: bytes, patience: Patience) -> None:
    while octets:
        try:
            octets = octets[sock.send(octets) :]
        except BlockingIOError:
            patience.ready(sock, select.POLLOUT, "first_byte_timeout")
        except OSError as error:
            raise Unreachable(reason_of(error)) from None


def _receive(sock: socket.socket, patience: Patience, late: str) -> bytes:
    """What comes next; empty at the end of the connection."""
    while True:
        try:
            return sock.recv(_PIECE)
        except BlockingIOError:
            patience.ready(sock, select.POLLIN, late)
        except OSError as error:
            raise Unreachable(reason_of(error)) from None


def _read(sock: socket.socket, first: bytes, visit: Visit, limit: int, patience: Patience) -> None:
    received, interim = first, 0
    while True:
        found = heads.parse(received)
        if found is not None:
            received = received[found.size :]
            if found.status >= 200:
                break
            interim += 1
            if interim > _MOST_INTERIM or found.status == 101:
                raise Unreachable("http_protocol")
            continue
        piece = _receive(sock, patience, "transfer_timeout")
        if not piece:
            raise Unreachable("broke_off")
        received += piece
    visit.head, visit.body = found, Body(found, limit)
    visit.body.feed(received)
    budget = limit * _OVERHEAD + _PIECE
    while not visit.body.complete and not visit.body.full:
        piece = _receive(sock, patience, "transfer_timeout")
        budget -= len(piece)
        if budget < 0:
            raise Unreachable("http_protocol")
        if piece:
            visit.body.feed(piece)
        else:
            visit.body.end()
