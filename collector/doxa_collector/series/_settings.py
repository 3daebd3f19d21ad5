"""`[series]` in collector.toml: what of the windows is not written."""

import re
from dataclasses import dataclass
from typing import Final

from doxa_core.language import Text
from doxa_core.strict import Table

_ONCE: Final = ("capacity", "dns", "ipv6", "ookla", "path", "responsiveness", "snmp", "speed", "web")
"""Meters that run at most once in five minutes: the smallest and the largest of one value are that value."""
LEAVE_OUT: Final[tuple[str, ...]] = (
    "*.*_variance_ms2_*",
    # A share over time is told by the sums of what was sent and received, never by a mean of shares.
    *(f"{meter}_*.loss_ratio_*" for meter in ("latency", "node", "path", "stamp")),
    # Every minute on every line: half of what such a window could say is half of the whole store.
    *(f"{meter}_5m.{value}_*" for meter in ("latency", "stamp") for value in ("pdv_p??", "rtt_mean", "rtt_p99")),
    *(f"{meter}_5m.jitter_mean_abs_*" for meter in ("latency", "stamp")),
    *(f"latency_5m.{value}_mean_s_*" for value in ("loss_burst", "loss_gap")),
    *(f"{meter}_5m.*_{statistic}" for meter in _ONCE for statistic in ("min", "max")),
)
"""What nobody plots, so that five minutes of the whole country for a year take half the room (docs/influx.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The same for all stores: a window is counted once for what it says, not for who reads it."""

    leave_out: tuple[str, ...] = LEAVE_OUT
    """Patterns over `<meter>_<length>.<field>`: `latency_5m.pdv_*`, `*_1h.*_min`."""


def read_settings(table: Table | None) -> Settings:
    """The table's settings; `InputError` for what cannot be a pattern."""
    if table is None:
        return Settings()
    patterns = table.texts("leave_out", LEAVE_OUT)
    for pattern in patterns:
        if not _PATTERN.fullmatch(pattern):
            raise table.refuse("leave_out", _BAD.fill(pattern=pattern), _MEND)
    table.close()
    return Settings(leave_out=patterns)


_PATTERN: Final = re.compile(r"[a-z0-9_*?]+\.[a-z0-9_*?]+")
_BAD: Final = Text(vi="mẫu «{pattern}» không hợp lệ", en="the pattern '{pattern}' is not valid")
_MEND: Final = Text(
    vi='hãy ghi <phép đo>_<độ dài>.<trường>, dùng được * và ?, ví dụ "latency_5m.pdv_*" hoặc "*_1h.*_min"',
    en='write <meter>_<length>.<field>, with * and ? where you like, such as "latency_5m.pdv_*" or "*_1h.*_min"',
)
