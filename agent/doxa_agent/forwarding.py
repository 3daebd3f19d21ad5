"""A dual-homed probe forwards nothing: asks the kernel, before measuring begins, and in every status afterwards."""

from pathlib import Path
from typing import Final

from doxa_agent.config import Settings
from doxa_core.errors import OperationError
from doxa_core.language import Text

SYS_NET: Final = Path("/proc/sys/net")
"""Of the network namespace in which we run."""


def forwarding_switches(root: Path = SYS_NET) -> list[str]:
    """The kernel's switches that let packets pass from one interface to another, as sysctl names; empty when none is on.

    IPv4: `ip_forward`, and each interface's own switch, which can be on without it. IPv6 (RFC 4861 routers): the same.
    """
    files = [root / "ipv4/ip_forward", *sorted(root.glob("ipv[46]/conf/*/forwarding"))]
    return [".".join(("net", *file.relative_to(root).parts)) for file in files if _is_on(file)]


def _is_on(file: Path) -> bool:
    try:
        return file.read_text(encoding="ascii").strip() not in ("", "0")
    except OSError:  # the family is switched off, or the interface has just left
        return False


def refuse_bridge(settings: Settings, root: Path = SYS_NET) -> None:
    """`OperationError` where the probe joins TSLCD and another network and its kernel would forward between them."""
    if settings.is_dual_homed and (found := forwarding_switches(root)):
        raise OperationError(BRIDGE.fill(switch=found[0]))


BRIDGE = Text(
    vi="thiết bị nối cả TSLCD và Internet nhưng đang chuyển tiếp gói ({switch} = 1), nên không chạy; "
    "hãy đặt net.ipv4.ip_forward = 0 và net.ipv6.conf.all.forwarding = 0",
    en="this probe joins TSLCD and the Internet but its kernel forwards packets ({switch} = 1), so it does not run; "
    "set net.ipv4.ip_forward = 0 and net.ipv6.conf.all.forwarding = 0",
)
