"""Whether a path is still the one of the run before: hops that share the load are one path, silent hops prove nothing.

A known path keeps for each distance every address that was seen there. It has changed when all that answers at some
distance has never been seen there, or when the far end is met only at distances where it never was. The signature is that
of the run that saw the path first, and stays the same until there is a change.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from doxa_agent.path.hops import MAX_ADDRESSES, Hop

_MOST_PATHS: Final = 256
_SIGNATURE: Final = 16
"""Hexadecimal digits: enough to tell paths apart, and too few to be mistaken for a secret."""


@dataclass(slots=True, kw_only=True)
class Known:
    """A path as it was seen until now."""

    signature: str
    """A short text that stays the same as long as the path does."""
    seen: list[list[str]] = field(default_factory=list)
    """By distance from 1: who answered there, the newest last."""
    distances: set[int] = field(default_factory=set)
    """Where the far end was met."""

    def at(self, ttl: int) -> list[str]:
        """Who was seen at that distance."""
        return self.seen[ttl - 1] if ttl <= len(self.seen) else []

    def learn(self, hops: Sequence[Hop], distances: AbstractSet[int]) -> None:
        """Add what a run saw."""
        for hop in hops:
            while len(self.seen) < hop.ttl:
                self.seen.append([])
            before = [address for address in self.at(hop.ttl) if address not in hop.hosts]
            self.seen[hop.ttl - 1] = [*before, *reversed(hop.addresses)][-MAX_ADDRESSES:]
        self.distances |= distances


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What comparing a run with the known path gave."""

    signature: str
    changed: bool | None = None
    """None where there was nothing to compare with."""
    first: int | None = None
    """The first distance that differs."""
    before: list[dict[str, Any]] = field(default_factory=list)
    """Who stood at the distances that differ."""


class Memory:
    """The known paths of this process, by whatever tells them apart. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, Known] = OrderedDict()

    def compare(self, key: Hashable, hops: Sequence[Hop], distances: AbstractSet[int]) -> Change:
        """What is new of this run, which is then remembered. `distances`: where the far end was met, empty where not."""
        with self._lock:
            known = self._known.pop(key, None)
            found, self._known[key] = _compare(known, hops, distances)
            while len(self._known) > _MOST_PATHS:
                self._known.popitem(last=False)
        return found

    def forget(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._known.clear()


def signature_of(hops: Sequence[Hop], distances: AbstractSet[int]) -> str:
    """A short text for a path as one run saw it: one address a hop, whatever order a balancer chose."""
    anchors = [min(hop.hosts, default="") for hop in hops]
    text = "\n".join([*anchors, str(min(distances, default=0))])
    return hashlib.sha256(text.encode()).hexdigest()[:_SIGNATURE]


def _compare(known: Known | None, hops: Sequence[Hop], distances: AbstractSet[int]) -> tuple[Change, Known]:
    different = [] if known is None else _different(known, hops, distances)
    if known is None or different:
        fresh = Known(signature=signature_of(hops, distances))
        fresh.learn(hops, distances)
        if known is None:
            return Change(signature=fresh.signature), fresh
        before = [{"ttl": ttl, "addresses": list(known.at(ttl))} for ttl in different]
        return Change(signature=fresh.signature, changed=True, first=different[0], before=before), fresh
    comparable = any(known.at(hop.ttl) and hop.hosts for hop in hops)
    known.learn(hops, distances)
    return Change(signature=known.signature, changed=False if comparable else None), known


def _different(known: Known, hops: Sequence[Hop], distances: AbstractSet[int]) -> list[int]:
    """The distances at which this is another path, in ascending order."""
    found = {hop.ttl for hop in hops if hop.hosts and known.at(hop.ttl) and not set(known.at(hop.ttl)) & set(hop.hosts)}
    if distances and known.distances and not distances & known.distances:
        found.add(min(*distances, *known.distances))
    return sorted(found)
