"""The month that a command is asked about."""

import re
from datetime import date
from typing import Final

from doxa_collector.assess.period import Period, local_day, month_of
from doxa_core.errors import InputError
from doxa_core.language import Text

_MONTH: Final = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])")
_NO_MONTH: Final = Text(vi="không phải một tháng", en="this is no month")
_A_MONTH: Final = Text(
    vi="hãy ghi như 2026-10, không muộn hơn tháng này", en="write it like 2026-10, not after this month"
)
_FUTURE: Final = Text(vi="tháng này chưa tới", en="this month has not begun")


def asked_month(asked: str | None, now_us: int) -> Period:
    """`--period 2026-10`, the running month where nothing is asked; `InputError` for what is none or lies ahead."""
    if asked is None:
        return month_of(local_day(now_us))
    if not _MONTH.fullmatch(asked):
        raise InputError(f"--period {asked}", _NO_MONTH, _A_MONTH)
    period = month_of(date.fromisoformat(f"{asked}-01"))
    if period.from_us > now_us:
        raise InputError(f"--period {asked}", _FUTURE, _A_MONTH)
    return period
