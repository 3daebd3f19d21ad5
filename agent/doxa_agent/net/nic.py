"""A network interface as the kernel describes it in /sys/class/net: state, port speed, duplex, counters."""

import fcntl
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

SYS_CLASS_NET: Final = Path("/sys/class/net")

_SIOCGIFFLAGS: Final = 0x8913

Duplex = Literal["full", "half"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nic:
    """One interface. What the kernel does not know (a modem's speed, a downed port's duplex) is None, never 0."""

    name: str
    up: bool
    """Operational (RFC 2863): `up`, or `unknown` with a carrier, as loopback and some tunnels and modems say."""
    operstate: str
    carrier: bool | None = None
    """Whether there is a signal on the line; None while the interface is administratively down."""
    speed_mbps: int | None = None
    """The negotiated speed of the port: decimal megabits per second at the wire."""
    duplex: Duplex | None = None
    mtu: int | None = None
    rx_bytes: int | None = None
    tx_bytes: int | None = None
    rx_packets: int | None = None
    tx_packets: int | None = None
    is_virtual: bool = False
    """No device stands behind it (veth, bridge, tunnel): its speed is a convention, not a port."""


def read_nic(interface: str, root: Path = SYS_CLASS_NET) -> Nic | None:
    """The interface, or None where there is none of that name in this network namespace.

    A mounted sysfs shows the namespace in which it was mounted. Where that is not this thread's, only what the kernel
    tells by number is known: whether the interface is up.
    """
    if not 0 < len(interface.encode()) < 16 or "/" in interface or interface in (".", ".."):
        return None
    if root == SYS_CLASS_NET:
        try:
            index = socket.if_nametoindex(interface)
        except OSError:
            return None
        if _number(root / interface / "ifindex") != index:
            return _read_flags(interface)
    folder = root / interface
    operstate = _text(folder / "operstate")
    if operstate is None:
        return None
    carrier = _number(folder / "carrier")
    return Nic(
        name=interface,
        up=operstate == "up" or (operstate == "unknown" and carrier == 1),
        operstate=operstate,
        carrier=None if carrier is None else carrier == 1,
        speed_mbps=_positive(folder / "speed"),
        duplex=_duplex(folder / "duplex"),
        mtu=_positive(folder / "mtu"),
        rx_bytes=_number(folder / "statistics/rx_bytes"),
        tx_bytes=_number(folder / "statistics/tx_bytes"),
        rx_packets=_number(folder / "statistics/rx_packets"),
        tx_packets=_number(folder / "statistics/tx_packets"),
        is_virtual=not (folder / "device").exists(),
    )


def _read_flags(interface: str) -> Nic | None:
    """What SIOCGIFFLAGS tells (netdevice(7)): IFF_UP and IFF_RUNNING."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            answer = fcntl.ioctl(sock, _SIOCGIFFLAGS, struct.pack("16sH14x", interface.encode(), 0))
        except OSError:
            return None
    flags = struct.unpack_from("=16xH", answer)[0]
    on, running = bool(flags & 0x1), bool(flags & 0x40)
    return Nic(
        name=interface,
        up=on and running,
        operstate="up" if on and running else "down",
        carrier=running if on else None,
        is_virtual=True,
    )


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # the kernel answers EINVAL for the speed of a downed port, ENOENT for an interface that left
        return None


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _positive(path: Path) -> int | None:
    found = _number(path)  # an unknown speed reads as -1, on old kernels as 4294967295
    return found if found and found < 0xFFFFFFFF else None


def _duplex(path: Path) -> Duplex | None:
    match _text(path):
        case "full":
            return "full"
        case "half":
            return "half"
        case _:
            return None
