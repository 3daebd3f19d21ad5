"""Signs that something else than the line set the figures: a proxy on the way, or a window that was too small.

Each sign is a finding with its own rule; none of them proves anything alone, and the text of the finding says so.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from doxa_agent.net.tcpinfo import TcpInfo
from doxa_agent.speed.ping import median

PROXY: Final = "proxy_suspected"
NOT_RANDOM: Final = "body_not_random"
FAR_WINDOW: Final = "far_end_window"
OWN_WINDOW: Final = "receive_window"
_PROXY_FIELDS: Final = ("via", "x-cache", "age", "x-cache-hits", "cf-cache-status", "x-squid-error", "warning")
_FASTER: Final = 3.0
_FASTER_MS: Final = 20.0
"""TCP's round trip is shorter than HTTP's by this factor and time: TCP may end before the far end."""
_RANDOM_OF: Final = 4096
_RANDOM_WORDS: Final = 240
"""Different octets among 4096 random ones: 256 on average less 3e-5; text and repeated blocks have far fewer."""
_EVEN: Final = 0.1
_LOSSY: Final = 0.0005
"""Share of segments out of order from which on the path loses packets; single ones come from elsewhere."""
_QUEUED: Final = 1.1
_QUEUED_MS: Final = 1.0
_FROM_MS: Final = 2.0
_FULL_WINDOW: Final = 0.8


def proxy_signs(fields: Mapping[str, str], *, tcp_rtt_ms: float | None, http_rtt_ms: float | None) -> list[str]:
    """Why a proxy is suspected: fields of RFC 9110 §7.6.3 and RFC 9111 §5.1 and their kin, a coded body, a near TCP end."""
    found = [name for name in _PROXY_FIELDS if name in fields]
    if fields.get("content-encoding", "identity").lower() != "identity":
        found.append("content-encoding")
    if tcp_rtt_ms and http_rtt_ms and http_rtt_ms > _FASTER * tcp_rtt_ms and http_rtt_ms - tcp_rtt_ms > _FASTER_MS:
        found.append("tcp_ends_nearer")
    return found


def is_random(beginning: bytes) -> bool | None:
    """Whether the beginning of a body looks random; None where it is too short to say."""
    if len(beginning) < _RANDOM_OF:
        return None
    return len(set(beginning[:_RANDOM_OF])) >= _RANDOM_WORDS


def window_held(
    octets: Sequence[float], seconds: float, infos: Sequence[TcpInfo], idle_ms: float | None, loaded_ms: Sequence[float]
) -> str | None:
    """Whether a window and not the line held a download: `far_end_window`, `receive_window`, or None.

    A line that is full shows it: a queue grows, or packets are lost, and streams get unequal shares. Where the round
    trip under load is the idle one, (nearly) nothing arrives out of order and every stream brings about the same, each one waits a
    round trip for leave to send more. Whether that is our window shows in TCP_INFO's `rcv_wnd`; otherwise it is the far
    end's. Below 2 ms of round trip the queue cannot be told from noise, and nothing is said.
    """
    if idle_ms is None or idle_ms < _FROM_MS or len(loaded_ms) < 3 or len(octets) < 2 or seconds <= 0:
        return None
    if _disordered(infos) > _LOSSY:
        return None
    if median(loaded_ms) > _QUEUED * idle_ms + _QUEUED_MS:
        return None
    middle = median(octets)
    if middle <= 0 or max(abs(o - middle) for o in octets) > _EVEN * middle:
        return None
    windows = [info.rcv_wnd for info in infos if info.rcv_wnd]
    a_round_trip = middle / seconds * median(loaded_ms) / 1000
    return OWN_WINDOW if windows and a_round_trip > _FULL_WINDOW * median(windows) else FAR_WINDOW


def _disordered(infos: Sequence[TcpInfo]) -> float:
    """The share of segments that came out of order; all of them where the kernel counts no segments."""
    out = sum(info.rcv_ooopack or 0 for info in infos)
    segments = sum(info.data_segs_in or 0 for info in infos)
    return out / segments if segments else float(out > 0)
