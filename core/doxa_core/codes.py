"""States as numbers, for stores that keep only numbers: one table for who writes a series and who draws it.

A number never changes its meaning and is never used again: what was written years ago is still read by this table. The
names are those of the collector's own enumerations (a test holds them together).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from doxa_core.language import Text


@dataclass(frozen=True, slots=True)
class Code:
    """One state: its number in the series and the words that people read."""

    number: int
    text: Text


Codes = Mapping[str, Code]
"""Name → number and words."""

OUTCOMES: Final[Codes] = {
    "fail": Code(0, Text(vi="không đạt", en="fail")),
    "pass": Code(1, Text(vi="đạt", en="pass")),
    "probe_limited": Code(2, Text(vi="thiết bị đo giới hạn", en="probe limited")),
    "insufficient": Code(3, Text(vi="chưa đủ mẫu", en="insufficient samples")),
}
"""`outcome_code` of `doxa_verdict`."""

PRESENCE: Final[Codes] = {
    "online": Code(0, Text(vi="trực tuyến", en="online")),
    "unknown": Code(1, Text(vi="chưa rõ", en="unknown")),
    "never": Code(2, Text(vi="chưa từng kết nối", en="never seen")),
    "offline": Code(3, Text(vi="mất liên lạc", en="offline")),
}
"""`state_code` of `doxa_presence_*`: of several probes the largest number is the worst state."""

INCIDENT_STATES: Final[Codes] = {
    "open": Code(0, Text(vi="đang xảy ra", en="open")),
    "acknowledged": Code(1, Text(vi="đã tiếp nhận", en="acknowledged")),
    "resolved": Code(2, Text(vi="đã khôi phục", en="resolved")),
    "closed": Code(3, Text(vi="đã đóng", en="closed")),
}
"""`state_code` of `doxa_incident`: below 2 it lasts."""

SEVERITIES: Final[Codes] = {
    "info": Code(0, Text(vi="THÔNG TIN", en="INFO")),
    "warning": Code(1, Text(vi="CẢNH BÁO", en="WARNING")),
    "critical": Code(2, Text(vi="NGHIÊM TRỌNG", en="CRITICAL")),
}
"""`severity_code` of `doxa_incident`."""

EVENTS: Final[Mapping[str, Text]] = {
    "plan_changed": Text(vi="đổi kế hoạch", en="plan changed"),
    "contract_changed": Text(vi="đổi hợp đồng", en="contract changed"),
    "period_closed": Text(vi="khóa sổ tháng", en="month closed"),
    "period_reopened": Text(vi="mở lại sổ tháng", en="month opened again"),
    "maintenance": Text(vi="bảo trì", en="planned work"),
}
"""The tag `event` of `doxa_event`."""

COUNTRY: Final = "00"
"""The tag `province` of what concerns all of them: the code of the whole country, which no province has."""

TIERS: Final[Mapping[str, str]] = {"raw": "", "5m": "_5m", "long": "_long"}
"""How long a store keeps a series → what the name of its bucket ends in."""


def bucket(base: str, tier: str) -> str:
    """The bucket of a tier: `doxa`, `doxa_5m`, `doxa_long`."""
    return base + TIERS[tier]
