"""The time fields of STAMP: NTP and truncated PTP timestamps, and the error estimate (RFC 8762 §4.2.1).

Times of this program are nanoseconds since 1970 (UTC), as `time.time_ns()` gives them. Both formats carry 32 bits of
seconds, so a timestamp says only where in a span of 136 years it lies; the caller's own time tells which span.
"""

from dataclasses import dataclass
from typing import Final

SECOND_NS: Final = 1_000_000_000
NTP_OFFSET_S: Final = 2_208_988_800
"""From 1900, the epoch of NTP, to 1970 (RFC 5905 §6)."""
_SPAN_NS: Final = (1 << 32) * SECOND_NS
_LARGEST_SCALE: Final = 63
_BITS_32: Final = 0xFFFFFFFF


def to_ntp(real_ns: int) -> int:
    """The 64-bit NTP timestamp of a moment: 32 bits of seconds since 1900, 32 bits of fraction (RFC 5905 §6)."""
    seconds, rest = divmod(real_ns, SECOND_NS)
    fraction = ((rest << 32) + SECOND_NS // 2) // SECOND_NS
    return (((seconds + NTP_OFFSET_S) << 32) + fraction) & 0xFFFFFFFFFFFFFFFF


def from_ntp(stamp: int, near_ns: int) -> int:
    """The moment of an NTP timestamp in nanoseconds since 1970: the one of its 136-year span nearest to `near_ns`."""
    fraction = ((stamp & _BITS_32) * SECOND_NS + (1 << 31)) >> 32
    return _nearest(((stamp >> 32) - NTP_OFFSET_S) * SECOND_NS + fraction, near_ns)


def to_ptp(real_ns: int) -> int:
    """The truncated PTP timestamp: the low 32 bits of the seconds, and 32 bits of nanoseconds (IEEE 1588v2)."""
    seconds, rest = divmod(real_ns, SECOND_NS)
    return (seconds & _BITS_32) << 32 | rest


def from_ptp(stamp: int, near_ns: int) -> int | None:
    """The moment of a truncated PTP timestamp on its own time scale; None where its nanoseconds are a second or more.

    Whether that scale is UTC or TAI (37 s ahead) no field tells: differences are sound, comparisons with a clock not.
    """
    if (rest := stamp & _BITS_32) >= SECOND_NS:
        return None
    return _nearest((stamp >> 32) * SECOND_NS + rest, near_ns)


def _nearest(found_ns: int, near_ns: int) -> int:
    return found_ns + (near_ns - found_ns + _SPAN_NS // 2) // _SPAN_NS * _SPAN_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEstimate:
    """How far a node's timestamps can be wrong, by its own word: multiplier × 2^scale × 2^−32 s (RFC 4656 §4.1.2)."""

    synchronised: bool = False
    """The S bit: its clock follows UTC by an outer source."""
    ptp: bool = False
    """The Z bit: its timestamps are truncated PTP instead of NTP (RFC 8186 §2.3)."""
    scale: int = 0
    multiplier: int = 1

    @property
    def bound_ms(self) -> float | None:
        """The largest error in milliseconds; None where the node vouches for none (not synchronised, multiplier 0)."""
        if not self.synchronised or not self.multiplier:
            return None
        return float(self.multiplier * 2.0 ** (self.scale - 32) * 1000)

    @classmethod
    def of(cls, bound_ms: float | None) -> "ErrorEstimate":
        """The estimate of a clock with this bound, rounded up so that it never promises too much; None: unsynchronised."""
        if bound_ms is None:
            return cls(synchronised=False, scale=_LARGEST_SCALE, multiplier=255)
        units = bound_ms / 1000 * 2**32
        scale = 0
        while units > 255 and scale < _LARGEST_SCALE:
            units, scale = units / 2, scale + 1
        return cls(synchronised=True, scale=scale, multiplier=max(1, min(255, -int(-units // 1))))

    def to_wire(self) -> int:
        """The 16 bits: S, Z, scale (6), multiplier (8)."""
        return self.synchronised << 15 | self.ptp << 14 | self.scale << 8 | self.multiplier

    @classmethod
    def from_wire(cls, field: int) -> "ErrorEstimate":
        """The estimate in 16 bits; every value has a meaning."""
        return cls(
            synchronised=bool(field >> 15 & 1), ptp=bool(field >> 14 & 1), scale=field >> 8 & 63, multiplier=field & 255
        )

    def moment(self, stamp: int, near_ns: int) -> int | None:
        """A timestamp of the node with this estimate, in nanoseconds since 1970; None where it is none."""
        return from_ptp(stamp, near_ns) if self.ptp else from_ntp(stamp, near_ns)
