"""Moments on the wire: UTC, microseconds, RFC 3339 with a `Z`."""

import re
from datetime import UTC, datetime

from doxa_core.errors import WireError

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


def to_wire(moment: datetime) -> str:
    """An aware moment as `2026-11-21T22:21:28.000001Z`; a naive one is our own mistake (`ValueError`)."""
    if moment.tzinfo is None:
        raise ValueError("a moment on the wire must be aware")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def from_wire(text: object, field: str) -> datetime:
    """The aware UTC moment in `text`, or `WireError("bad_time")` naming `field`."""
    if isinstance(text, str) and _RFC3339.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    raise WireError(
        "bad_time", f"{field}: {text!r:.80} is not an RFC 3339 UTC time such as 2026-11-21T22:21:28.000001Z"
    )


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970-01-01 UTC, exactly (no float in between)."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
