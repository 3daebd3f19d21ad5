"""From a name to an address in one family, with an end to the waiting; many names at once."""

import ipaddress
import socket
import threading
import time
from collections.abc import Sequence
from typing import Final

from doxa_agent.net.binding import FAMILIES, Unreachable

Address = tuple[int, str]
"""The family (4 or 6) and the numeric address."""
_LABEL: Final = 63
"""Octets of a label of a name at most (RFC 1035 §2.3.4)."""


def resolve(host: str, family: int | None = None, *, timeout_s: float = 5.0) -> Address:
    """The family and first address of `host`; `family` forces one and never falls back to the other.

    Raises `Unreachable` with `name_not_found`, `name_timeout`, or `no_address_in_family` where the name or the
    literal address has none of that family.
    """
    (found,) = resolve_all([host], family, timeout_s=timeout_s)
    if isinstance(found, str):
        raise Unreachable(found)
    return found


def resolve_all(hosts: Sequence[str], family: int | None = None, *, timeout_s: float = 5.0) -> list[Address | str]:
    """What `resolve` returns for each of them, or the code of its reason; `timeout_s` is for all of them together.

    The resolver of the C library has no deadline, so each name waits in a thread that may be left behind.
    """
    found = [_literal(host, family) for host in hosts]

    def look_up(place: int) -> None:
        found[place] = _first_address(hosts[place], family)

    asked = [
        threading.Thread(target=look_up, args=(place,), name="resolve", daemon=True)
        for place, known in enumerate(found)
        if known is None
    ]
    for thread in asked:
        thread.start()
    until = time.monotonic() + timeout_s
    for thread in asked:
        thread.join(max(0.0, until - time.monotonic()))
    return [answer or "name_timeout" for answer in found]


def _literal(host: str, family: int | None) -> Address | str | None:
    """What is known without asking; None for a name."""
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return None
    if family not in (None, literal.version):
        return "no_address_in_family"
    return literal.version, str(literal)


def _first_address(host: str, family: int | None) -> Address | str:
    wanted = socket.AF_UNSPEC if family is None else FAMILIES[family]
    try:
        rows = socket.getaddrinfo(_spelled(host), None, wanted, socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            return "name_timeout"
        missing = {socket.EAI_ADDRFAMILY, socket.EAI_NODATA} if family else set()
        return "no_address_in_family" if error.errno in missing else "name_not_found"
    except (OSError, ValueError):  # UnicodeError is a ValueError
        return "name_not_found"
    if not rows:
        return "name_not_found"
    kind, _, _, _, address = rows[0]
    return (6 if kind == socket.AF_INET6 else 4), str(address[0])


def _spelled(host: str) -> str | bytes:
    """The name as the C library takes it. Python's IDNA tables cost 2 MiB, so they read only what is not ASCII.

    `ValueError` for an ASCII name with a label that cannot be, as IDNA says it: not every resolver looks.
    """
    if not host.isascii():
        return host
    *labels, last = host.split(".")
    if not all(labels) or max(map(len, [*labels, last])) > _LABEL or "\0" in host:
        raise ValueError(host)
    return host.encode("ascii")
