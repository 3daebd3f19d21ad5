"""Which device measured: what the board and the port say of themselves, where this system tells it."""

import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from doxa_agent.net import netlink

_DEVICE_TREE: Final = Path("/proc/device-tree")
_MOST: Final = 100
_IFINFO: Final = struct.Struct("=BxHiII")  # struct ifinfomsg, rtnetlink(7)
_IFLA_ADDRESS: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What is engraved on the probe; absent where the system does not tell."""

    model: str | None = None
    serial: str | None = None
    mac: str | None = None
    """Of the line's interface."""

    def as_fields(self) -> dict[str, Any]:
        """For the result; what is not known is absent."""
        found = {"model": self.model, "serial": self.serial, "mac": self.mac}
        return {name: value for name, value in found.items() if value is not None}


def read_device(interface: str | None, tree: Path = _DEVICE_TREE) -> Device:
    """The device, as far as it can be read without any right."""
    return Device(
        model=_text(tree / "model"),
        serial=_text(tree / "serial-number"),
        mac=read_mac(interface) if interface else None,
    )


def _text(file: Path) -> str | None:
    """A string property of the device tree: it ends with a zero octet."""
    try:
        found = file.read_bytes()[:_MOST].split(b"\0")[0].decode("ascii", "replace").strip()
    except OSError:
        return None
    return found if found and found.isprintable() else None


def read_mac(interface: str) -> str | None:
    """The Ethernet address of an interface of this network namespace; None where it has none (a tunnel, a modem)."""
    try:
        answer = netlink.ask(netlink.RTM_GETLINK, _IFINFO.pack(0, 0, socket.if_nametoindex(interface), 0, 0))
    except OSError:
        return None
    packed = netlink.attributes(answer[0][_IFINFO.size :]).get(_IFLA_ADDRESS, b"") if answer else b""
    return packed.hex(":") if len(packed) == 6 and any(packed) else None
