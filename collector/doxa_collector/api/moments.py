"""Moments as the API writes and reads them: RFC 3339, in Vietnamese time."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from doxa_core.language import VIETNAM_TIME
from doxa_core.moments import microseconds, to_wire

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}):([0-9]{2})(?:\.([0-9]{1,30}))?([Zz]|[+\- ][0-9]{2}:[0-9]{2})"
)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def told(moment_us: int) -> str:
    """Microseconds since 1970 UTC as `2026-11-21T15:05:09.000001+07:00`."""
    moment = _EPOCH + timedelta(microseconds=moment_us)
    try:
        return moment.astimezone(VIETNAM_TIME).isoformat(timespec="microseconds")
    except OverflowError:  # the last hours of the year 9999, which a probe without a clock may claim
        return to_wire(moment)


def read_moment(text: str) -> int:
    """An RFC 3339 moment, or a day (its first moment in Vietnam), in microseconds; `ValueError` for anything else.

    A `+` that a URL turned into a space is understood. Digits beyond the microsecond are cut off.
    """
    if _DAY.fullmatch(text):
        return microseconds(datetime.combine(date.fromisoformat(text), time(), UTC)) - 7 * 3_600_000_000
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    day, clock, second, fraction, zone = match.groups()
    leap = second == "60"
    start = datetime.fromisoformat(f"{day}T{clock}:{'59' if leap else second}+00:00")
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    return microseconds(start) + leap * 1_000_000 + micro - _offset_us(zone)


def _offset_us(zone: str) -> int:
    if zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 23 or minutes > 59:
        raise ValueError(zone)
    return (-1 if zone[0] == "-" else 1) * (hours * 60 + minutes) * 60_000_000
