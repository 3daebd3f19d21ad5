"""How a panel shows the numbers that stand for states (doxa_core.codes): a shape, a word and a colour each.

A shape and a word, so that nobody needs to tell red from green.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from doxa_core import codes
from doxa_core.language import Text
from doxa_dashboards import style


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One state as people see it."""

    number: int
    shape: str
    text: Text
    color: str

    def __str__(self) -> str:
        return f"{self.shape} {self.text}"


def _seen(table: codes.Codes, looks: Mapping[str, tuple[str, str]]) -> Sequence[Seen]:
    return tuple(
        Seen(number=code.number, shape=looks[name][0], text=code.text, color=looks[name][1])
        for name, code in sorted(table.items(), key=lambda item: item[1].number)
    )


_GOOD, _BAD = ("●", style.GOOD), ("▲", style.BAD)
_BETWEEN, _UNKNOWN, _LIMITED = ("◆", style.LIMITED), ("○", style.UNKNOWN), ("■", style.LIMITED)

VERDICT: Final = _seen(
    codes.OUTCOMES, {"fail": _BAD, "pass": _GOOD, "probe_limited": _LIMITED, "insufficient": _UNKNOWN}
)
"""`outcome_code` of doxa_verdict."""
PRESENCE: Final = _seen(codes.PRESENCE, {"online": _GOOD, "unknown": _BETWEEN, "never": _UNKNOWN, "offline": _BAD})
"""`state_code` of doxa_presence: the higher, the worse."""
INCIDENT: Final = _seen(
    codes.INCIDENT_STATES, {"open": _BAD, "acknowledged": _BETWEEN, "resolved": _GOOD, "closed": _UNKNOWN}
)
"""`state_code` of doxa_incident."""
SEVERITY: Final = _seen(codes.SEVERITIES, {"info": _UNKNOWN, "warning": _BETWEEN, "critical": _BAD})
"""`severity_code` of doxa_incident."""

_YES, _NO = Text(vi="có", en="yes"), Text(vi="không", en="no")


def _flag(yes: tuple[str, str], no: tuple[str, str]) -> Sequence[Seen]:
    return (
        Seen(number=0, shape=no[0], text=_NO, color=no[1]),
        Seen(number=1, shape=yes[0], text=_YES, color=yes[1]),
    )


YES_IS_GOOD: Final = _flag(yes=_GOOD, no=_BAD)
"""A `_flag` that should be yes: a clock that is right, a broker that is connected."""
YES_IS_BAD: Final = _flag(yes=_BETWEEN, no=_GOOD)
"""A `_flag` that should be no: on battery, waiting."""

DECIDED_TO: Final = codes.OUTCOMES["pass"].number
"""Up to this `outcome_code` a verdict decided: fail 0, pass 1."""
UNDECIDED_FROM: Final = codes.OUTCOMES["insufficient"].number
"""From this `outcome_code` on a verdict has no value."""
OPEN_BELOW: Final = codes.INCIDENT_STATES["resolved"].number
"""An incident whose `state_code` is below this one lasts."""

CAUSES: Final[Mapping[str, Text]] = {
    "power": Text(vi="mất điện", en="power failure"),
    "line": Text(vi="sự cố đường truyền", en="line failure"),
    "provider_in_province": Text(vi="sự cố nhà mạng trên địa bàn", en="provider failure in the area"),
    "provider": Text(vi="sự cố nhà mạng diện rộng", en="wide provider failure"),
    "node_down": Text(vi="nút mạng mất kết nối", en="node down"),
    "aggregation_down": Text(vi="nút tập trung mất kết nối", en="aggregation node down"),
    "core_down": Text(vi="nút lõi mất kết nối", en="core node down"),
    "area": Text(vi="nhiều điểm đo cùng địa bàn, chưa rõ nguyên nhân", en="many sites of one area, cause not known"),
    "broker": Text(vi="máy chủ MQTT của trung tâm", en="the centre's MQTT broker"),
    "collector": Text(vi="máy chủ hoặc đường truyền của trung tâm", en="the centre's own server or uplink"),
    "far_end": Text(vi="đầu xa của phép đo", en="far end of the measurements"),
    "speed_degraded": Text(vi="suy giảm tốc độ", en="speed degraded"),
    "latency_degraded": Text(vi="độ trễ tăng", en="latency raised"),
    "loss_degraded": Text(vi="mất gói", en="packet loss"),
    "capacity": Text(vi="đường truyền sắp hết dung lượng", en="line near its capacity"),
    "ipv6": Text(vi="lỗi IPv6", en="IPv6 fault"),
    "service": Text(vi="lỗi dịch vụ (DNS, trang thông tin)", en="service fault (DNS, web)"),
    "clock": Text(vi="đồng hồ thiết bị đo sai", en="probe's clock wrong"),
    "certificate": Text(vi="chứng thư số sắp hết hạn hoặc sai", en="certificate expiring or wrong"),
    "outdated": Text(vi="phần mềm thiết bị đo cũ", en="agent outdated"),
    "device": Text(vi="lỗi thiết bị đo", en="probe device fault"),
    "unknown": Text(vi="chưa rõ nguyên nhân", en="cause not known"),
}
"""The tag `cause` of doxa_incident; one that is not here is shown as it is."""

TARGET_UNITS: Final[Mapping[str, Text]] = {
    "Mbps": Text(vi="Mbps", en="Mbps"),
    "ms": Text(vi="ms", en="ms"),
    "%": Text(vi="%", en="%"),
    "per_100_people": Text(vi="trên 100 dân", en="per 100 people"),
    "rank": Text(vi="thứ hạng", en="rank"),
}
"""The tag `unit` of doxa_target."""
