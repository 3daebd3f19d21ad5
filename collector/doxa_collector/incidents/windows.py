"""Maintenance windows: what fails in one is recorded, not told."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

from doxa_collector.incidents.explain import Ground
from doxa_collector.watch.subject import Kind, Subject, node


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a window covers: every part that is given must fit; with none it covers everything."""

    place: str | None = None
    """Code of a commune or province."""
    provider: str | None = None
    node: str | None = None
    """The node and everything behind it."""
    site: str | None = None
    link: str | None = None

    def plain(self) -> dict[str, str]:
        """The parts that are given, for JSON."""
        return {k: v for k, v in asdict(self).items() if v is not None}

    @classmethod
    def of(cls, found: Mapping[str, str]) -> "Scope":
        """The scope in a JSON object; keys of a later version are ignored, so that it covers no less than was meant."""
        return cls(**{k: found[k] for k in ("place", "provider", "node", "site", "link") if k in found})

    def covers(self, subject: Subject, ground: Ground) -> bool:
        """Whether the subject is worked on. A probe is when one of its lines is: it may lose its way to us."""
        if subject.kind is Kind.COLLECTOR:
            return self == Scope()
        lines = ground.atlas.lines_of(subject) if subject.kind is Kind.PROBE else frozenset((subject,))
        return self._covers_place(subject, ground) and (
            any(self._covers_line(found, ground) for found in lines)
            if lines
            else self.node is None and self.provider is None and self.link is None and self._is_site(subject)
        )

    def _is_site(self, subject: Subject) -> bool:
        return self.site is None or subject.site == self.site

    def _covers_place(self, subject: Subject, ground: Ground) -> bool:
        if self.place is None:
            return True
        found = ground.tree.get(subject)
        place = ground.atlas.place_of(subject.site) if found is None else found.place
        return place is not None and self.place in (place, ground.atlas.provinces.get(place))

    def _covers_line(self, subject: Subject, ground: Ground) -> bool:
        found = ground.tree.get(subject)
        provider = ground.atlas.provider_of(subject) if found is None else found.provider
        return (
            self._is_site(subject)
            and (self.link is None or (subject.kind is Kind.LINK and subject.name == self.link))
            and (self.provider is None or self.provider == provider)
            and (self.node is None or subject == node(self.node) or subject in ground.tree.behind(node(self.node)))
        )


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One planned work. Moments in microseconds since 1970 UTC; `to_us` is the first moment outside."""

    id: int
    from_us: int
    to_us: int
    scope: Scope = EVERYTHING
    reason: str = ""
    entered_by: str = ""
    entered_us: int = 0
    cancelled_us: int | None = field(default=None)

    def is_on(self, now_us: int) -> bool:
        """Whether the work goes on at that moment."""
        return self.from_us <= now_us < self.to_us and (self.cancelled_us is None or now_us < self.cancelled_us)


def covers(windows: Iterable[Window], subject: Subject, now_us: int, ground: Ground) -> Window | None:
    """The window in which the subject is worked on now."""
    return next((w for w in windows if w.is_on(now_us) and w.scope.covers(subject, ground)), None)
