"""What every command of the collector asks and says in the same way: an example, a day, a month, who is asking."""

import argparse
import os
import re
from datetime import date, datetime
from typing import Final

from doxa_collector.period import Period, local_day, month_of
from doxa_core.errors import InputError
from doxa_core.language import VIETNAM_TIME, Text

_DAY_FIRST: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_NOT_DAY: Final = Text(
    vi="«{text}» không phải một ngày (30/06/2025 hoặc 2025-06-30)", en="'{text}' is no day (2025-06-30 or 30/06/2025)"
)
_MONTH: Final = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])")
_NO_MONTH: Final = Text(vi="không phải một tháng", en="this is no month")
_A_MONTH: Final = Text(
    vi="hãy ghi như 2026-10, không muộn hơn tháng này", en="write it like 2026-10, not after this month"
)
_FUTURE: Final = Text(vi="tháng này chưa tới", en="this month has not begun")


def example(line: str) -> str:
    """The end of a `--help`."""
    return str(Text(vi=f"ví dụ: {line}", en=f"example: {line}"))


def day(text: str) -> date:
    """A day as an argument, `30/06/2025` or `2025-06-30`; for argparse."""
    match = _DAY_FIRST.fullmatch(text)
    try:
        return date(int(match[3]), int(match[2]), int(match[1])) if match else date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(str(_NOT_DAY.fill(text=text))) from None


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


def today() -> date:
    """In Vietnam."""
    return datetime.now(VIETNAM_TIME).date()


def who(said: str | None = None) -> str:
    """Who asks, for the audit log: what was `said` on the command line, else the account."""
    named = " ".join((said or "").split())
    return named or os.environ.get("SUDO_USER") or os.environ.get("USER") or f"uid {os.getuid()}"
