"""The source address and the proven way of packets to one destination over a line, without sending any."""

import socket

from doxa_agent.meter import Link
from doxa_agent.net.binding import FAMILIES, LinkUnusable, bind_socket
from doxa_agent.net.route import prove
from doxa_core.measurement import LinkProof

_DISCARD: int = 9
"""Connecting a datagram socket sends nothing; any port will do (RFC 863 names this one for what is thrown away)."""


def prove_from_here(address: str, family: int, link: Link) -> LinkProof:
    """Which interface, source and gateway packets to `address` take over `link`; raises `LinkUnusable`."""
    with socket.socket(FAMILIES[family], socket.SOCK_DGRAM) as sock:
        held = bind_socket(sock, link, family)
        try:
            sock.connect((address, _DISCARD))
        except OSError:
            raise LinkUnusable("no_route") from None
        return prove(address, link, str(sock.getsockname()[0]), held=held)
