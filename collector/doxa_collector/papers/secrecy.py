"""Hides what may be a state secret (domain.md §8) in a record, before any paper is made of it.

A record's field says itself how sensitive it is (`internal`, `device_data`), so a paper cannot forget; and addresses are
hidden in whatever text they stand.
"""

import re
from dataclasses import field, fields, is_dataclass, replace
from ipaddress import ip_address
from typing import Any, Final, TypeVar, cast

MASK: Final = "•••"
NOTE: Final = f"Chỗ ghi «{MASK}» là thông tin nội bộ, được ẩn theo thiết lập của đơn vị."
_CANDIDATE: Final = re.compile(
    r"(?<![0-9A-Fa-f:.])\[?[0-9A-Fa-f:.]*(?:\.[0-9]|:)[0-9A-Fa-f:.]*(?:%\w+)?(?:\]:\d+|/\d{1,3})?"
)
_MAC: Final = re.compile(r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b|\b(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}\b")
_KEY: Final = "sensitivity"
_R = TypeVar("_R")


def internal() -> Any:
    """A field that is internal on any line: an address, a path, a device's model."""
    return field(default=None, metadata={_KEY: "always"})


def device_data() -> Any:
    """A field that is internal on lines of the State's networks only: serial number, MAC."""
    return field(default=None, metadata={_KEY: "tslcd"})


def mask_addresses(text: str) -> str:
    """`text` with every IPv4, IPv6 and MAC address in it hidden; times of day and dates stay."""
    return _CANDIDATE.sub(_masked, _MAC.sub(MASK, text))


def _masked(found: re.Match[str]) -> str:
    whole = found.group()
    core = whole.rstrip(".:,")
    for bare in {whole, core, re.sub(r"/\d+$|%\w+$|:\d+$", "", core), re.sub(r"^\[|\](?::\d+)?$", "", core)}:
        try:
            ip_address(bare)
        except ValueError:
            continue
        return MASK + ("" if bare == whole else whole[len(core) :])
    return whole


def veiled(record: _R, *, reveal: bool, tslcd: bool) -> _R:
    """The record, and all records in it, without what is internal; unchanged where the deployment reveals it."""
    return record if reveal else cast("_R", _veiled(record, tslcd=tslcd))


def _veiled(found: Any, *, tslcd: bool) -> Any:
    if type(found) is str:
        return mask_addresses(found)
    if isinstance(found, tuple):
        return tuple(_veiled(item, tslcd=tslcd) for item in found)
    if not is_dataclass(found) or isinstance(found, type):
        return found
    changes: dict[str, Any] = {}
    for one in fields(found):
        value, kind = getattr(found, one.name), one.metadata.get(_KEY)
        hidden = value is not None and (kind == "always" or (kind == "tslcd" and tslcd))
        new = MASK if hidden else value if kind == "tslcd" else _veiled(value, tslcd=tslcd)
        if new is not value:
            changes[one.name] = new
    return replace(found, **changes) if changes else found


def hides(record: Any) -> bool:
    """Whether anything in a record is hidden, so that the paper can say so."""
    if isinstance(record, str):
        return MASK in record
    if isinstance(record, tuple):
        return any(hides(item) for item in record)
    return is_dataclass(record) and any(hides(getattr(record, one.name)) for one in fields(record))
