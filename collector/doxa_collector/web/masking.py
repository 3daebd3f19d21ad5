"""Hides what may be a state secret of a TSLCD line: addresses, gateways, paths and device data (domain.md §8)."""

import re
from typing import Any, Final

MASK: Final = "•••"

SECRET_KEYS: Final = frozenset(
    [
        "source",
        "gateway",
        "address",
        "addresses",
        "host",
        "hops",
        "path",
        "route",
        "trace",
        "mac",
        "device",
        "model",
        "serial",
        "firmware",
        "sysdescr",
        "neighbours",
        "signature",
    ]
)
"""Keys of evidence whose whole value is hidden, wherever they stand. A signature of a path lets its few unknown addresses
be guessed, as the hash of a masked line would."""

SECRET_WORDS: Final = frozenset(["address", "addresses", "gateway", "hop", "hops", "neighbour", "refused", "trace"])
"""Words of a key, such as `hops_before` or `refused_by`, by which everything but a bare number is hidden: a new meter's
names for the same things. Counts and delays (`hop_count`, `last_mile_hop_count`) stay."""

_HEX = "[0-9A-Fa-f]"
_ADDRESS = re.compile(
    rf"\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d{{1,5}}\b)?"  # IPv4, with a port
    rf"|(?:{_HEX}{{2}}[:-]){{5}}{_HEX}{{2}}|(?:{_HEX}{{4}}\.){{2}}{_HEX}{{4}}"  # MAC addresses
    rf"|(?:{_HEX}{{0,4}}:){{3,}}(?:\d{{1,3}}(?:\.\d{{1,3}}){{3}}|{_HEX}{{0,4}})(?:%\w+)?"  # IPv6 of three colons or more
    rf"|(?:{_HEX}{{1,4}}::{_HEX}{{0,4}}|::{_HEX}{{1,4}})(?:%\w+)?"  # fe80::1, ::1
)
"""Rather too much than too little: a time of day stays (two colons), a version of four numbers does not."""


def mask_text(text: str) -> str:
    """`text` with every IPv4, IPv6 and MAC address in it hidden."""
    return _ADDRESS.sub(MASK, text)


def mask_evidence(found: Any) -> Any:
    """A decoded JSON value with secret keys and all addresses hidden, its shape kept."""
    if isinstance(found, dict):
        return {
            mask_text(key): MASK if _is_secret(key.lower(), value) else mask_evidence(value)
            for key, value in found.items()
        }
    if isinstance(found, list):
        return [mask_evidence(item) for item in found]
    return mask_text(found) if isinstance(found, str) else found


def _is_secret(key: str, value: Any) -> bool:
    if key in SECRET_KEYS:
        return True
    return not isinstance(value, (int, float, type(None))) and not SECRET_WORDS.isdisjoint(key.split("_"))
