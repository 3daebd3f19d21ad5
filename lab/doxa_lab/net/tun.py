"""A TUN device: IP packets of a namespace as reads and writes of a file descriptor (Linux tuntap.rst)."""

import fcntl
import os
import struct
from typing import Final

from doxa_lab.net.namespaces import entered

IFF_TUN: Final = 0x0001
IFF_NO_PI: Final = 0x1000
IFF_VNET_HDR: Final = 0x4000
_TUNSETIFF: Final = 0x400454CA
_TUNSETOFFLOAD: Final = 0x400454D0
_CSUM_TSO4_TSO6: Final = 0x01 | 0x02 | 0x04
_IFREQ: Final = struct.Struct("16sH22x")

WHOLE_PACKET: Final = 2048
"""More than any packet of MTU 1500."""
SUPER_FRAME: Final = 65536 + 64
"""A segmentation-offload frame with its virtio header."""


def attach(namespace: str, name: str, *, offload: bool) -> int:
    """A non-blocking descriptor of the device `name`, which must exist in `namespace` with the same flags.

    With `offload` each read gives a frame of up to 64 KiB behind a virtio header of 10 octets, which must be written
    back as it was; without it each read gives one packet of at most the MTU.
    """
    with entered(namespace):
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        flags = IFF_TUN | IFF_NO_PI | (IFF_VNET_HDR if offload else 0)
        fcntl.ioctl(descriptor, _TUNSETIFF, _IFREQ.pack(name.encode(), flags))
        if offload:
            fcntl.ioctl(descriptor, _TUNSETOFFLOAD, _CSUM_TSO4_TSO6)
    return descriptor
