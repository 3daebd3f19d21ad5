"""Who may be answered, and how often: rates of a reflector in memory that no flood can make grow."""

import secrets
from array import array
from typing import Final

_SLOTS: Final = 4096


class Rates:
    """Token buckets: one for all packets, and one of many for each source, chosen by a hash that outsiders cannot know.

    Two sources may share a bucket, so its rate is far above what one honest sender needs. An IPv6 source is its /64:
    whoever has one address there has all.
    """

    def __init__(self, all_hz: float, source_hz: float, now: float) -> None:
        self._all_hz, self._source_hz = all_hz, source_hz
        self._salt = secrets.token_bytes(16)
        self._left = array("f", [source_hz]) * _SLOTS
        self._seen = array("d", [now]) * _SLOTS
        self._all_left, self._all_seen = all_hz, now

    def allow(self, source: str, now: float) -> bool:
        """Whether a packet from this address may be answered at `now` (seconds of the monotonic clock)."""
        slot = hash((self._salt, network_of(source))) % _SLOTS
        left = min(self._source_hz, self._left[slot] + (now - self._seen[slot]) * self._source_hz)
        self._seen[slot] = now
        self._all_left = min(self._all_hz, self._all_left + (now - self._all_seen) * self._all_hz)
        self._all_seen = now
        allowed = left >= 1 and self._all_left >= 1
        self._left[slot] = left - allowed
        self._all_left -= allowed
        return allowed


def network_of(source: str) -> str:
    """What stands for a source: the address, of IPv6 the first 64 bits (as the kernel writes them, shortened)."""
    if ":" not in source:
        return source
    head = source.partition("::")[0] if "::" in source else source
    return ":".join(head.split(":")[:4])
