"""Speed against Ookla's servers by the package speedtest-cli, off by default; for comparison, never for a verdict.

What the numbers mean: means of whole transfers, slow start included, in octets of HTTP bodies (below TCP's payload by its
HTTP headers). Uploads are counted by the sender (finding `counted_at_sender`): what left the package, not what arrived, so
a short test reads high by what the buffers hold. The server is chosen by the package. Half of its "ping" is connecting, so
the HTTP ping is measured anew over one connection; the package's figure stands in `detail.package_ping_ms`.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

from doxa_agent.directions import DIRECTIONS
from doxa_agent.meter import Deadline, Reading, Request
from doxa_agent.net import audit, child
from doxa_agent.net.proof import proof_if_any
from doxa_agent.ookla.order import Answer, Order, Transfer
from doxa_agent.speed.ping import HttpPing
from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.layers import TCP_HEADER, TCP_TIMESTAMPS, mbps
from doxa_core.measurement import LinkProof
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

METHOD: Final = "ookla/1"
TITLE: Final = Text(vi="Tốc độ tới máy chủ Ookla (speedtest-cli)", en="Speed to Ookla's servers (speedtest-cli)")
HEAVY: Final = True

_OF_DIRECTION: Final = {
    "mean_mbps": Text(
        vi="{direction}: trung bình cả lần truyền, kể cả khởi động chậm, lớp nội dung HTTP",
        en="{direction}: mean of the whole transfer with slow start, layer of HTTP bodies",
    ),
    "bytes": Text(vi="{direction}: số byte nội dung HTTP", en="{direction}: octets of HTTP bodies"),
    "duration_s": Text(vi="{direction}: thời gian truyền", en="{direction}: time of the transfer"),
}
_DIRECTIONS: Final = {
    "download": Text(vi="tải xuống", en="download"),
    "upload": Text(vi="tải lên, đếm tại bên gửi", en="upload, counted at the sender"),
}
VALUES: Final[Mapping[str, Text]] = {
    **{
        f"{name}_{suffix}": text.fill(direction=direction)
        for name, direction in _DIRECTIONS.items()
        for suffix, text in _OF_DIRECTION.items()
    },
    "http_ping_min_ms": Text(vi="ping HTTP nhỏ nhất", en="smallest HTTP ping"),
    "http_ping_median_ms": Text(vi="ping HTTP trung vị", en="median HTTP ping"),
    "http_jitter_variance_ms2": Text(vi="phương sai (n−1) của ping HTTP", en="variance (n−1) of the HTTP ping"),
    "http_jitter_mean_abs_ms": Text(
        vi="trung bình |Δ| giữa các ping HTTP liên tiếp", en="mean |Δ| of successive HTTP pings"
    ),
    "http_jitter_rfc3550_ms": Text(
        vi="jitter làm trơn theo RFC 3550 trên ping HTTP", en="jitter smoothed as RFC 3550 does, over the HTTP pings"
    ),
    "cpu_ratio": Text(
        vi="phần của một lõi CPU mà phép đo dùng khi truyền", en="share of one CPU core that the test used in transfers"
    ),
}

BASE_URL: Final = "https://www.speedtest.net"
"""Over HTTPS: the service answers plain HTTP for its configuration with an error."""
_URL: Final = re.compile(r"https?://[A-Za-z0-9._\[\]:-]{1,200}/?")
_PACKAGE: Final = "speedtest"
_MODULE: Final = "doxa_agent.ookla.child"
_AROUND_S: Final = 60.0
"""The most that everything but the two transfers takes: configuration, list, choosing a server, pings, start and end."""
_CPU_LIMITED: Final = 0.9
_SEGMENT: Final = 1448
"""Octets of a full TCP segment's payload in Ethernet's 1500: the package does not let us ask the kernel."""
_OURS: Final = frozenset({"package_failed", "memory_exhausted", child.CRASHED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings of a run; there are none without the licence accepted."""

    test_s: float = 10.0
    """How long each direction runs."""
    pings: int = 10
    server_id: int | None = None
    """One of the service's servers by its number; None lets the package choose the nearest that answers soonest."""
    base_url: str = BASE_URL
    """Where the configuration and the list of servers are."""


def read_options(table: Table) -> Options:
    """`accept_licence = true` is required; `test_s`, `pings`, `server_id`, `base_url`."""
    if not table.flag("accept_licence", default=False):
        raise table.refuse("accept_licence", LICENCE, ACCEPT)
    if find_spec(_PACKAGE) is None:
        what = MISSING.fill(module="speedtest-cli")
        raise InputError(table.name_of("accept_licence"), what, INSTALL.fill(python=sys.executable))
    return Options(
        test_s=float(table.number("test_s", 1, 30, 10)),
        pings=table.integer("pings", 0, 100, 10),
        server_id=table.integer("server_id", 1, 2**31 - 1, None),
        base_url=table.text("base_url", BASE_URL, pattern=_URL, wanted=A_URL),
    )


LICENCE: Final = Text(
    vi="phép đo ookla tắt mặc định: điều khoản của Ookla chỉ cho phép dùng cá nhân, phi thương mại, "
    "và dự án speedtest-cli đã ngừng bảo trì (lưu trữ năm 2026)",
    en="the ookla meter is off by default: Ookla's terms allow personal, non-commercial use only, "
    "and the project speedtest-cli is no longer maintained (archived in 2026)",
)
ACCEPT: Final = Text(
    vi="nếu đơn vị bạn có quyền dùng, hãy ghi accept_licence = true; nếu không, hãy dùng phép đo speed",
    en="if you are entitled to use it, write accept_licence = true; otherwise use the meter speed",
)
MISSING: Final = Text(vi="thiếu gói {module}", en="the package {module} is missing")
INSTALL: Final = Text(
    vi="hãy chạy: {python} -m pip install 'doxa[ookla]'", en="run: {python} -m pip install 'doxa[ookla]'"
)
A_URL: Final = Text(
    vi="một địa chỉ dạng https://máy hoặc http://máy:cổng", en="an address such as https://host or http://host:port"
)


def seconds(options: Options, far_ends: int) -> float:
    """Both transfers, which end some seconds late where a server hangs, and all around them; far ends play no part."""
    del far_ends
    return 2 * (options.test_s + 10) + _AROUND_S


def measure(request: Request[Options]) -> list[Reading]:
    """One reading: the package chooses its server, so the plan's far ends are not asked."""
    options, link = request.options, request.link
    order = Order(
        interface=link.interface,
        source=link.source,
        family=request.family,
        base_url=options.base_url,
        server_id=options.server_id,
        test_s=min(options.test_s, 3.0) if request.frugal else options.test_s,
        pings=options.pings,
    )
    limit = Deadline(min(request.deadline.left_s, seconds(options, 0)))
    answer = _ask_child(order, request.deadline, limit)
    return [_reading(request, answer)]


def _ask_child(order: Order, deadline: Deadline, limit: Deadline) -> Answer:
    """The child's answer; where it crashes, or the time is over, an answer with that reason."""
    answer = child.ask(_MODULE, order.encode(), Answer.decode, deadline, limit)
    return Answer(reason=answer.reason, why=answer.why) if isinstance(answer, child.Fault) else answer


def _reading(request: Request[Options], answer: Answer) -> Reading:
    values: dict[str, float] = {}
    detail: dict[str, Any] = {}
    findings: list[str] = []
    for name, transfer in (("download", answer.download), ("upload", answer.upload)):
        if transfer is not None and transfer.octets > 0 and transfer.seconds > 0:
            values |= _values(name, transfer)
            detail[name] = _detail(name, transfer, answer, request, findings)
    values |= HttpPing(rtts_ms=tuple(answer.rtts_ms), reconnected=0).values
    outcome, reasons = _judge(answer, values)
    if "upload_mean_mbps" in values:
        findings.append("counted_at_sender")
    if ratio := _cpu(answer):
        values["cpu_ratio"] = ratio
    return Reading(
        outcome=outcome,
        family=answer.family or request.family,
        proof=_prove(request, answer),
        reasons=reasons,
        findings=tuple(dict.fromkeys(findings)),
        values={name: round(value, 6) for name, value in values.items()},
        detail=detail | _story(answer),
    )


def _values(name: str, transfer: Transfer) -> dict[str, float]:
    return {
        f"{name}_mean_mbps": mbps(transfer.octets, transfer.seconds),
        f"{name}_bytes": transfer.octets,
        f"{name}_duration_s": transfer.seconds,
    }


def _detail(
    name: str, transfer: Transfer, answer: Answer, request: Request[Options], findings: list[str]
) -> dict[str, Any]:
    found: dict[str, Any] = {"cpu_s": round(transfer.cpu_s, 3), "threads": answer.threads.get(name)}
    if transfer.interface_octets is None or transfer.interface_packets is None:
        return found
    moved = audit.Moved(
        rx_packets=transfer.interface_packets,
        tx_packets=transfer.interface_packets,
        rx_octets=transfer.interface_octets,
        tx_octets=transfer.interface_octets,
        seconds=transfer.seconds,
    )
    model = request.link.header(answer.family or 4, TCP_HEADER + TCP_TIMESTAMPS)
    balance = audit.balance(
        moved, sending=name == "upload", payload=transfer.octets, packets=transfer.octets / _SEGMENT, model=model
    )
    if balance is not None:
        found["audit"] = balance.detail
        if balance.fails:
            findings.append(audit.FINDING)
    return found


def _judge(answer: Answer, values: Mapping[str, float]) -> tuple[Outcome, tuple[str, ...]]:
    if answer.reason in _OURS:
        return Outcome.ERROR, (answer.reason,)
    if answer.reason == "cut_short":
        return Outcome.SKIPPED, ("cut_short",)
    if answer.reason is not None:
        return Outcome.FAILED, (answer.reason,)
    missing = tuple(f"no_{name}" for name in DIRECTIONS if f"{name}_mean_mbps" not in values)
    if missing:
        return Outcome.FAILED, missing
    busy = any(
        part is not None and part.cpu_s > _CPU_LIMITED * part.seconds for part in (answer.download, answer.upload)
    )
    return (Outcome.PROBE_LIMITED, ("cpu_limited",)) if busy else (Outcome.OK, ())


def _cpu(answer: Answer) -> float | None:
    parts = [part for part in (answer.download, answer.upload) if part is not None and part.seconds > 0]
    return min(1.0, sum(p.cpu_s for p in parts) / sum(p.seconds for p in parts)) if parts else None


def _prove(request: Request[Options], answer: Answer) -> LinkProof | None:
    if answer.address is None or answer.family is None:
        return None
    return proof_if_any(answer.address, answer.family, request.link)


def _story(answer: Answer) -> dict[str, Any]:
    found = {
        "server": answer.server,
        "address": answer.address,
        "package_ping_ms": answer.package_ping_ms,
        "child_memory_bytes": answer.memory_bytes,
        "why": answer.why,
    }
    return {name: value for name, value in found.items() if value}
