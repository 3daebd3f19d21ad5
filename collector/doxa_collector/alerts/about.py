"""What the registry knows of a subject: the names in a message, and what a rule's scope asks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from doxa_collector.registry import Place, Registry
from doxa_collector.watch.subject import Kind, Subject
from doxa_core.linkkind import LinkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """One subject; empty where the registry says nothing."""

    office: str = ""
    code: str = ""
    """The place's code: five digits of the commune."""
    place: str = ""
    province: str = ""
    """Code of the province."""
    link_kind: LinkKind | None = None
    provider: str = ""


Atlas = Callable[[Subject], About]
"""Asked once for each subject that a rule sees."""


def nowhere(subject: Subject) -> About:  # noqa: ARG001 - an atlas
    """The atlas of a registry that is empty."""
    return About()


def atlas_of(registry: Registry, day: date) -> Atlas:
    """The atlas of probes and links as the registry has them on `day`; nodes are found by their name only."""
    places = {place.code: place for place in registry.places if _holds(place.valid_from, place.valid_to, day)}
    offices: dict[str, About] = {}
    lines: dict[tuple[str, str], About] = {}
    for site in registry.sites:
        place: Place | None = places.get(site.place)
        plain = About(
            office=site.name,
            code=site.place,
            place=place.name if place else "",
            province=place.province if place else "",
        )
        offices[site.site] = plain
        for line in site.links:
            if _holds(line.valid_from, line.valid_to, day):
                lines[site.site, line.link] = About(
                    office=plain.office, code=plain.code, place=plain.place, province=plain.province,
                    link_kind=line.kind, provider=line.provider or "",
                )  # fmt: skip

    def look(subject: Subject) -> About:
        if subject.kind is Kind.LINK:
            found = lines.get((subject.site, subject.name))
            if found is not None:
                return found
        return offices.get(subject.site, About())

    return look


def _holds(first: date, last: date | None, day: date) -> bool:
    return first <= day and (last is None or day <= last)
