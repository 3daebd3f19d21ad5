"""Random numbers that are the same on every machine and in every Python: SplitMix64 (Steele, Lea and Flood 2014).

`random.Random` promises this only for `random()` and only by custom; forty lines of its C code are not ours to pin. Here
are three lines of whole-number arithmetic, with their reference output in a test. Never for secrets.
"""

from typing import Final

_MASK: Final = (1 << 64) - 1
_STEP: Final = 0x9E3779B97F4A7C15


class Draw:
    """A stream of 64-bit numbers from a seed of bytes (such as the evidence's hash); the first eight bytes count."""

    __slots__ = ("_state",)

    def __init__(self, seed: bytes) -> None:
        self._state = int.from_bytes(seed[:8], "big")

    def bits(self) -> int:
        """The next number, 0 … 2⁶⁴ − 1."""
        self._state = state = (self._state + _STEP) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        return state ^ (state >> 31)

    def below(self, n: int) -> int:
        """A number from 0 to n − 1 (uneven by less than n in 2⁶⁴). `ValueError` where there is none."""
        if n < 1:
            raise ValueError(f"no number lies below {n}")
        return (self.bits() * n) >> 64
