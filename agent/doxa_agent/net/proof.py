"""The proof of a line for one destination: of a socket that is connected, or of one that would be, without sending any."""

import socket
from typing import Final

from doxa_agent.meter import Link
from doxa_agent.net.binding import FAMILIES, LinkUnusable, bind_socket
from doxa_agent.net.route import prove
from doxa_core.measurement import LinkProof

_DISCARD: Final = 9
"""Connecting a datagram socket sends nothing; any port will do (RFC 863 names this one for what is thrown away)."""
_IFNAMSIZ: Final = 16


def prove_socket(sock: socket.socket, address: str, link: Link) -> LinkProof:
    """Which interface, source and gateway the packets of this socket to `address` take; raises `LinkUnusable`."""
    held = bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, _IFNAMSIZ).rstrip(b"\0"))
    return prove(address, link, str(sock.getsockname()[0]), held=held)


def prove_from_here(address: str, family: int, link: Link) -> LinkProof:
    """Which interface, source and gateway packets to `address` take over `link`; raises `LinkUnusable`."""
    with socket.socket(FAMILIES[family], socket.SOCK_DGRAM) as sock:
        bind_socket(sock, link, family)
        try:
            sock.connect((address, _DISCARD))
        except OSError:
            raise LinkUnusable("no_route") from None
        return prove_socket(sock, address, link)


def proof_if_any(address: str, family: int, link: Link) -> LinkProof | None:
    """As `prove_from_here`; None where the line cannot carry, for a run that says itself what is wrong with it."""
    try:
        return prove_from_here(address, family, link)
    except LinkUnusable:
        return None
