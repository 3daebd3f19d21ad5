"""What the kernel says of a TCP connection that fails, as a reason code."""

import errno
from typing import Final

_REASONS: Final = {
    errno.ECONNREFUSED: "connect_refused",
    errno.ETIMEDOUT: "connect_timeout",
    errno.ENETUNREACH: "no_route",
    errno.EHOSTUNREACH: "no_route",
    errno.ENETDOWN: "interface_down",
    errno.ENODEV: "interface_absent",
    errno.EADDRNOTAVAIL: "no_address",
    errno.ECONNRESET: "broke_off",
    errno.EPIPE: "broke_off",
    errno.EACCES: "blocked_here",
    errno.EPERM: "blocked_here",
}


def reason_of(error: OSError) -> str:
    """The code for an error of the kernel."""
    return _REASONS.get(error.errno or 0, "broke_off")
