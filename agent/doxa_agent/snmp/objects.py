"""The objects that are read, by their numbers: IF-MIB (RFC 2863) and SNMPv2-MIB (RFC 3418). No MIB file is needed."""

from collections.abc import Mapping
from typing import Final

Oid = tuple[int, ...]

_SYSTEM: Final[Oid] = (1, 3, 6, 1, 2, 1, 1)
_ROW: Final[Oid] = (1, 3, 6, 1, 2, 1, 2, 2, 1)
"""ifEntry"""
_MORE: Final[Oid] = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
"""ifXEntry"""

SYSDESCR: Final[Oid] = (*_SYSTEM, 1, 0)
UPTIME: Final[Oid] = (*_SYSTEM, 3, 0)

LABELS: Final[Mapping[str, Oid]] = {"name": (*_MORE, 1), "alias": (*_MORE, 18), "descr": (*_ROW, 2)}
"""ifName, ifAlias, ifDescr: columns, to be followed by the index."""

NUMBERS: Final[Mapping[str, Oid]] = {
    "type": (*_ROW, 3),
    "mtu": (*_ROW, 4),
    "speed": (*_ROW, 5),
    "admin_status": (*_ROW, 7),
    "oper_status": (*_ROW, 8),
    "in_octets_32": (*_ROW, 10),
    "in_discards": (*_ROW, 13),
    "in_errors": (*_ROW, 14),
    "out_octets_32": (*_ROW, 16),
    "out_discards": (*_ROW, 19),
    "out_errors": (*_ROW, 20),
    "in_octets": (*_MORE, 6),
    "in_unicast": (*_MORE, 7),
    "in_multicast": (*_MORE, 8),
    "in_broadcast": (*_MORE, 9),
    "out_octets": (*_MORE, 10),
    "out_unicast": (*_MORE, 11),
    "out_multicast": (*_MORE, 12),
    "out_broadcast": (*_MORE, 13),
    "high_speed": (*_MORE, 15),
    "discontinuity": (*_MORE, 19),
}
"""Columns of the interface's row, to be followed by the index; `uptime` (sysUpTime.0) comes with them in one request."""

UP: Final = 1
"""ifAdminStatus and ifOperStatus: up(1)."""
ETHERNET: Final = 6
"""ifType: ethernetCsmacd(6)."""
