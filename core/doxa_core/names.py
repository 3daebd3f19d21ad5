"""Names that travel: identifiers of sites, agents, links, tasks, and value names with their unit."""

import re
from typing import Final

from doxa_core.errors import WireError

IDENTIFIER: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""A site, agent, link, task or meter: lower-case ASCII, digits and inner hyphens, at most 40 characters.

So it can stand in an MQTT topic (no `/ + #`), in a file name, in a line-protocol tag and in a URL without quoting."""

EPOCH: Final = re.compile(r"[0-9a-f]{16}")
"""The life of one spool: 64 random bits in hexadecimal. A new SD card is a new epoch, so a sequence never repeats."""

CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""A reason or finding: a stable word for machines; people read its text elsewhere."""

UNITS: Final[dict[str, str]] = {
    "mbps": "decimal megabits per second; the name or the meter's declaration names the layer",
    "ms": "milliseconds",
    "ms2": "square milliseconds (a variance)",
    "us": "microseconds",
    "s": "seconds",
    "ratio": "a share between 0 and 1",
    "count": "a whole number of things",
    "bytes": "octets",
    "flag": "1 yes, 0 no; absent when not known",
    "celsius": "degrees Celsius",
    "hz": "per second",
    "mtu": "octets of the largest IP packet",
    "factor": "how many times as large one quantity is as another of its kind; may exceed 1",
    "rpm": "round trips per minute under load (responsiveness)",
}
"""The closed list of units. A value's name ends in `_` and one of them."""

_VALUE = re.compile(r"[a-z][a-z0-9_]{0,50}_(?:" + "|".join(UNITS) + ")")


def identifier(text: object, field: str) -> str:
    """`text` if it is an identifier, else `WireError("bad_identifier")` naming `field`."""
    if isinstance(text, str) and IDENTIFIER.fullmatch(text):
        return text
    raise WireError("bad_identifier", f"{field}: {text!r:.80} is not an identifier")


def is_value_name(name: str) -> bool:
    """Whether `name` ends in a unit of the closed list, such as `rtt_p95_ms`."""
    return _VALUE.fullmatch(name) is not None


def unit_of(name: str) -> str:
    """The unit of a value name; `WireError("bad_value_name")` if it has none."""
    if not is_value_name(name):
        raise WireError("bad_value_name", f"{name!r:.80} does not end in a unit of {', '.join(UNITS)}")
    return name.rsplit("_", 1)[1]
