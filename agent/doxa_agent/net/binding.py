"""Makes a socket leave by the line that was asked for; says in a code why it cannot."""

import errno
import ipaddress
import socket
import struct
from typing import Final

from doxa_agent.meter import Link
from doxa_agent.net import netlink

FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}
"""Our word for a family, and the kernel's."""

_IFINFO: Final = struct.Struct("=BxHiII")
_IFF_UP: Final = 0x1
_IFF_LOWER_UP: Final = 0x10000  # the carrier now; IFF_RUNNING follows it up to a second later
_IFA_ADDRESS: Final = 1
_IFA_LOCAL: Final = 2
_SCOPE_LINK: Final = 253
_UNUSABLE: Final = 0x08 | 0x40  # IFA_F_DADFAILED, IFA_F_TENTATIVE: the kernel refuses to send from them


class Unreachable(Exception):  # noqa: N818 - what it says is a result about the line, not an error
    """The way to a far end ends here; `reason` is the code for the reading. A result about the line, not a fault."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LinkUnusable(Unreachable):
    """The line itself cannot carry: `interface_absent`, `interface_down`, `no_carrier`, `no_address`, `no_route`."""


def bind_socket(sock: socket.socket, link: Link, family: int) -> bool:
    """Bind `sock` to the link: to its device where permitted, and to its source address where one is named or needed.

    True where the device holds it (then the routing table cannot lead it elsewhere). Raises `LinkUnusable`.
    """
    source = _source_of(link, family)
    held = False
    if link.interface is not None:
        check_interface(link.interface)
        own = addresses(link.interface, family)
        if not own:
            raise LinkUnusable("no_address")
        held = _hold(sock, link.interface)
        if not held and source is None:
            source = own[0]
    if source is not None:
        _bind_source(sock, source)
    elif link.source is not None and not held:
        raise LinkUnusable("no_address")  # the only source that is named belongs to the other family
    return held


def _source_of(link: Link, family: int) -> str | None:
    if link.source is None or ipaddress.ip_address(link.source).version != family:
        return None
    return link.source


def _hold(sock: socket.socket, interface: str) -> bool:
    """Unprivileged since Linux 5.7 for a socket that no device holds yet; before, CAP_NET_RAW."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
    except PermissionError:
        return False
    except OSError:
        raise LinkUnusable("interface_absent") from None
    return True


def _bind_source(sock: socket.socket, source: str) -> None:
    try:
        sock.bind((source, 0))
    except OSError as error:
        raise LinkUnusable("interface_absent" if error.errno == errno.ENODEV else "no_address") from None


def check_interface(interface: str) -> None:
    """Raise `LinkUnusable` unless the interface exists, is up and has a carrier."""
    try:
        answer = netlink.ask(netlink.RTM_GETLINK, _IFINFO.pack(0, 0, socket.if_nametoindex(interface), 0, 0))
    except OSError:
        raise LinkUnusable("interface_absent") from None
    flags = _IFINFO.unpack_from(answer[0])[3] if answer else 0
    if not flags & _IFF_UP:
        raise LinkUnusable("interface_down")
    if not flags & _IFF_LOWER_UP:
        raise LinkUnusable("no_carrier")


def addresses(interface: str, family: int) -> list[str]:
    """The usable addresses of an interface, without link-local ones; empty where it has none or does not exist."""
    try:
        index = socket.if_nametoindex(interface)
        answers = netlink.ask(netlink.RTM_GETADDR, struct.pack("=BBBBI", FAMILIES[family], 0, 0, 0, index), dump=True)
    except OSError:
        return []
    return [found for answer in answers if (found := _address(answer, family, index))]


def _address(answer: bytes, family: int, index: int) -> str | None:
    kind, _, flags, scope, of = struct.unpack_from("=BBBBI", answer)
    if kind != FAMILIES[family] or of != index or scope == _SCOPE_LINK or flags & _UNUSABLE:
        return None
    found = netlink.attributes(answer[8:])
    packed = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)
    return socket.inet_ntop(FAMILIES[family], packed) if packed else None
