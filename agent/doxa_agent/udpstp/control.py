"""The control sockets of a UDPSTP server: a request comes with the local address it was sent to, its answer leaves from there.

IP_PKTINFO (ip(7)) and IPV6_PKTINFO (RFC 3542 §6.1): a machine with several addresses must answer from the one that was
asked, and the test's own socket is bound to it too.
"""

import contextlib
import errno
import random
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from doxa_core.errors import OperationError
from doxa_core.language import Text

_IP_PKTINFO: Final = 8
_INFO4: Final = struct.Struct("=I4s4s")
_INFO6: Final = struct.Struct("=16sI")
_ROOM: Final = 256
"""Octets read of a request: more than any has, so a longer one shows by its length."""
_TRIES: Final = 64
_SEND_BUFFER: Final = 1 << 20

Address = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A datagram on a control socket."""

    data: bytes
    peer: Address
    """As the socket module has it."""
    local: str
    """The address of this machine that it was sent to."""
    interface: int
    """Index of the interface by which it came; matters for link-local addresses."""

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.local else 4


def open_control(host: str, port: int) -> socket.socket:
    """A control socket at this address; `OperationError` where it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    except OSError as error:
        raise OperationError(_cannot(host, port, error)) from error
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise OperationError(_cannot(host, port, error)) from error
    return sock


def requests(sock: socket.socket, most: int) -> Iterator[Request]:
    """What has come, up to that many datagrams."""
    for _ in range(most):
        try:
            data, control, _flags, peer = sock.recvmsg(_ROOM, 128)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            continue  # an ICMP error about an earlier answer
        for level, kind, content in control:
            if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
                index, local, _ = _INFO4.unpack(content[: _INFO4.size])
                yield Request(data=data, peer=peer, local=socket.inet_ntop(socket.AF_INET, local), interface=index)
            elif (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
                there, index = _INFO6.unpack(content[: _INFO6.size])
                yield Request(data=data, peer=peer, local=socket.inet_ntop(socket.AF_INET6, there), interface=index)


def answer(sock: socket.socket, request: Request, data: bytes) -> None:
    """Send these bytes back to where the request came from, from the address that it was sent to."""
    if request.family == 6:
        info = _INFO6.pack(socket.inet_pton(socket.AF_INET6, request.local), _scope(request))
        control = (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, info)
    else:
        info = _INFO4.pack(0, socket.inet_pton(socket.AF_INET, request.local), bytes(4))
        control = (socket.IPPROTO_IP, _IP_PKTINFO, info)
    with contextlib.suppress(OSError):  # lost answers are asked for again
        sock.sendmsg([data], [control], 0, request.peer)


def open_test(request: Request, ports: range | None) -> socket.socket | None:
    """A socket of its own for a test, at the address that was asked; None where no port is free."""
    family = socket.AF_INET6 if request.family == 6 else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    except OSError:
        return None
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    tries = [0] if ports is None else random.sample(ports, min(_TRIES, len(ports)))
    for port in tries:
        with contextlib.suppress(OSError):
            sock.bind((request.local, port, 0, _scope(request)) if request.family == 6 else (request.local, port))
            return sock
    sock.close()
    return None


def _scope(request: Request) -> int:
    """The interface, for addresses that mean nothing without one."""
    return request.interface if request.local.lower().startswith("fe80:") else 0


def _cannot(host: str, port: int, error: OSError) -> Text:
    if error.errno == errno.EADDRINUSE:
        return Text(
            vi=f"cổng UDP {port} tại {host} đang được dùng; hãy chọn --port khác hoặc dừng chương trình đó",
            en=f"UDP port {port} at {host} is in use; choose another --port or stop that program",
        )
    return Text(
        vi=f"không mở được cổng UDP {port} tại {host} ({error.strerror}); hãy kiểm tra --host và --port",
        en=f"cannot listen on UDP port {port} at {host} ({error.strerror}); check --host and --port",
    )
