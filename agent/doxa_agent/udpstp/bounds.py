"""What a server makes of the wishes in a Test Activation request: each within its bounds, sent back as accepted.

A value outside its range becomes the default, as RFC 9946 and the reference implementation have it; one above what this
server allows becomes the most that it allows.
"""

from dataclasses import dataclass, replace
from typing import Final

from doxa_agent.udpstp.activation import RANDOM_PAYLOAD, ROW_IS_START, SEARCH_ROW, Activation, ActivationResult
from doxa_agent.udpstp.rates import ROWS, SendingRate
from doxa_agent.udpstp.wire import Authentication

THRESHOLD_MS: Final = (1, 10_000)
TRIAL_MS: Final = (5, 250)
SECONDS: Final = (1, 3600)
"""The reference implementation takes 5 at least; shorter tests serve our own early stop."""
SUB_INTERVAL_MS: Final = (100, 10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The most that a server allows."""

    seconds: int = 60
    row: int = ROWS - 1
    """The highest row, from the bandwidth granted."""
    dscp: bool = False
    """Whether clients may mark the test's packets."""


def accepted(asked: Activation, allowed: Allowed) -> Activation:
    """The parameters that hold for the test; `rate` is left empty."""
    low, upper = _thresholds(asked)
    seconds = min(_within(asked.seconds, SECONDS, 10), allowed.seconds)
    sub_interval = _within(asked.sub_interval_ms, SUB_INTERVAL_MS, 1000)
    return replace(
        asked,
        result=ActivationResult.OK,
        low_ms=low,
        upper_ms=upper,
        trial_ms=_within(asked.trial_ms, TRIAL_MS, 50),
        seconds=seconds,
        sub_interval_ms=min(sub_interval, seconds * 1000),
        dscp_ecn=asked.dscp_ecn if allowed.dscp else 0,
        row=_row(asked.row, allowed.row),
        high_speed_delta=asked.high_speed_delta or 10,
        slow_threshold=asked.slow_threshold or 3,
        modifiers=asked.modifiers & (ROW_IS_START | RANDOM_PAYLOAD),
        rate=SendingRate(),
        ce_threshold=0,  # we neither read ECN marks nor hold the search back: said so by a zero
        suppressed=0,
        authentication=Authentication(),
    )


def _thresholds(asked: Activation) -> tuple[int, int]:
    low, upper = _within(asked.low_ms, THRESHOLD_MS, 30), _within(asked.upper_ms, THRESHOLD_MS, 90)
    return (low, upper) if low <= upper else (30, 90)


def _within(value: int, bounds: tuple[int, int], default: int) -> int:
    return value if bounds[0] <= value <= bounds[1] else default


def _row(asked: int, most: int) -> int:
    return SEARCH_ROW if asked >= ROWS else min(asked, most)
