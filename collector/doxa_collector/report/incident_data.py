"""One incident of the ledger as the record of the incident report."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from doxa_collector.incidents.explain import Ground
from doxa_collector.incidents.model import Family, Incident, Member, Reach
from doxa_collector.incidents.store import OURSELVES, Entry
from doxa_collector.incidents.summary import headline, place_name, provider_name, root_name
from doxa_collector.papers.drafts.incident import AffectedOffice, HistoryEntry, IncidentReport
from doxa_collector.watch.subject import Kind, Subject
from doxa_core.language import VIETNAM_TIME
from doxa_core.linkkind import LinkKind

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ACTIONS: Final = {"acknowledged": "đã tiếp nhận", "closed": "đã đóng"}
_NETWORKS: Final = {LinkKind.FIXED: "Internet", LinkKind.MOBILE: "di động", LinkKind.TSLCD: "TSLCD"}


def incident_of(
    found: Incident, history: Sequence[Entry], ground: Ground, made_on: date, *, reveal: bool
) -> IncidentReport:
    """The record; names of nodes and of TSLCD providers only where the deployment reveals them."""
    root = root_name(found, ground, reveal=reveal)
    return IncidentReport(
        number=found.id,
        headline=headline(found, ground, reveal=reveal).vi,
        cause=found.cause.text.vi,
        inferred=found.inferred,
        severity=found.severity.text.vi.lower(),
        state=found.state.text.vi,
        area=place_name(found.place, ground).vi if found.sites or found.place else "",
        provider=provider_name(found, ground, reveal=reveal) or "",
        root=None if root is None else root.vi,
        began=_at(found.began_us),
        detected=_at(found.detected_us),
        acknowledged=None if found.acknowledged_us is None else _at(found.acknowledged_us),
        resolved=None if found.resolved_us is None else _at(found.resolved_us),
        watched=_watched(found.sites, ground),
        offices=tuple(_office(found, site, ground) for site in sorted(found.sites)),
        why=_why(found),
        history=tuple(_entry(entry) for entry in history),
        reopened=found.reopened,
        made_on=made_on,
    )


def day_of(at_us: int) -> date:
    """The day in Vietnam."""
    return _at(at_us).astimezone(VIETNAM_TIME).date()


def _at(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)


def _why(found: Incident) -> tuple[str, ...]:
    why = tuple(text.vi for text in found.why)
    if found.absorbed_by is None:
        return why
    return (*why, f"sự cố này thuộc sự cố rộng hơn số {found.absorbed_by}")


def _watched(sites: Collection[str], ground: Ground) -> int | None:
    """N of n/N as the summary counts it: the watched offices of the provinces that are reached, and those reached."""
    if not sites:
        return None
    provinces = {ground.atlas.province_of(site) or "" for site in sites}
    there = (ground.atlas.watched_sites.get(code, frozenset()) for code in provinces)
    return len(frozenset(sites).union(*there))


def _office(found: Incident, site: str, ground: Ground) -> AffectedOffice:
    atlas = ground.atlas
    members = [member for member in found.members if member.subject.site == site]
    office, place = atlas.offices.get(site), atlas.place_of(site)
    ends = [member.cleared_us for member in members]
    last = max((end for end in ends if end is not None), default=None)
    lasts = last is None or None in ends
    return AffectedOffice(
        code=place or "",
        name=atlas.names.get(place or "", site if office is None else office.name),
        province=atlas.names.get(atlas.province_of(site) or "", ""),
        lines=_lost(found, members, ground),
        began=_at(min(member.began_us for member in members)),
        ended=None if lasts or last is None else _at(last),
    )


def _lost(found: Incident, members: Sequence[Member], ground: Ground) -> str:
    """The networks that were lost; a slow line or a far end's death is no loss, and the column says so."""
    down = [member for member in members if member.family is Family.DOWN]
    if found.fault.reach is Reach.FAR_END or not down:
        return f"không mất; {found.cause.text.vi}"
    if _is_vague(down, ground):
        return "thiết bị đo"
    lines = frozenset(line for member in down for line in ground.atlas.lines_of(member.subject))
    within = _within(found, ground)
    kinds = {ground.atlas.kind_of(line) for line in (lines & within or lines)}
    return ", ".join(words for kind, words in _NETWORKS.items() if kind in kinds) or "thiết bị đo"


def _is_vague(down: Sequence[Member], ground: Ground) -> bool:
    """Whether a probe is silent of which nobody knows the lines, while another probe of the office is heard."""
    silent = {member.subject.name for member in down if member.subject.kind is Kind.PROBE}
    unknown = silent - ground.atlas.carried.keys()
    office = ground.atlas.offices.get(down[0].subject.site)
    return office is not None and bool(unknown) and bool(set(office.agents) - silent)


def _within(found: Incident, ground: Ground) -> frozenset[Subject]:
    """The lines that the fault can reach: those behind its node, or of its provider (as `incidents.summary` has it)."""
    match found.fault.reach:
        case Reach.NODE if found.root is not None:
            return ground.tree.links_behind(found.root)
        case Reach.PROVINCE | Reach.PROVIDER:
            return frozenset(w for w in ground.atlas.watched if ground.atlas.provider_of(w) == found.provider)
        case _:
            return ground.atlas.watched


def _entry(entry: Entry) -> HistoryEntry:
    action = _ACTIONS.get(entry.action, "")
    text = ": ".join(part for part in (action, entry.text.vi) if part)
    return HistoryEntry(at=_at(entry.at_us), text=text, actor="" if entry.actor == OURSELVES else entry.actor)
