"""Incidents of the ledger as the record of a notice: of this moment, of one incident, of a month.

The lines are those of `incidents.summary`, so a message, the page and a paper say the same. A month's incidents are shown as
they stood at its end: what ended later had not ended then, and the notice stays the same however late it is made.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, or_, select

from doxa_collector.incidents import store
from doxa_collector.incidents.explain import Ground
from doxa_collector.incidents.model import Cause, Family, Incident, Reach, State
from doxa_collector.incidents.summary import headline, summary
from doxa_collector.ledger.schema import incident
from doxa_collector.papers.drafts.notice import Entry, Loss, Notice, Share, lasting, moment
from doxa_collector.papers.parts import said
from doxa_collector.papers.period import ReportPeriod
from doxa_collector.period import Period
from doxa_collector.watch.severity import Severity

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def notice_now(incidents: Sequence[Incident], ground: Ground, now_us: int, *, reveal: bool) -> Notice:
    """What is lost at this moment, a line for each cause."""
    live = [one for one in incidents if one.state.is_live and not one.muted]
    by_cause = defaultdict[Cause, set[str]](set)
    for one in live:
        by_cause[one.cause] |= one.lost_sites
    return Notice(
        at=_at(now_us),
        ready=tuple(text.vi for text in summary(live, ground, now_us, reveal=reveal)),
        losses=tuple(_loss(cause, sites, ground) for cause, sites in sorted(by_cause.items(), key=_widest) if sites),
    )


def notice_of(one: Incident, ground: Ground, now_us: int, *, reveal: bool) -> Notice:
    """One incident: its line as a message has it and, while it lasts, what is lost now."""
    lasts = one.state.is_live
    ended_us = one.resolved_us if one.resolved_us is not None else one.closed_us
    at_us = now_us if lasts or ended_us is None else ended_us
    words = headline(one, ground, reveal=reveal).vi
    mark = one.severity.text.vi if lasts else "ĐÃ KHÔI PHỤC" if one.resolved_us is not None else "ĐÃ ĐÓNG"
    length = "" if lasts or ended_us is None else f", kéo dài {lasting((ended_us - one.began_us) / 1e6)}"
    ready = [f"[{mark}] {moment(_at(at_us))} – {words}{length}"]
    if lasts and one.lost_sites:
        ready += [text.vi for text in summary([replace(one, muted=False)], ground, now_us, reveal=reveal)]
    sites = one.lost_sites if lasts else _lost_then(one)
    return Notice(
        at=_at(at_us),
        about=f"Sự cố số {one.id}: {one.cause.text.vi}",
        ready=tuple(ready),
        losses=(_loss(one.cause, sites, ground),) if sites else (),
    )


def notice_of_month(
    incidents: Iterable[Incident], ground: Ground, period: Period, area: str, now_us: int, *, reveal: bool
) -> Notice:
    """The incidents of a month: a line that counts them, then one for each."""
    at_us = min(now_us, period.to_us)
    found = [as_of(one, at_us) for one in incidents]
    entries = tuple(_entry(one, ground, reveal=reveal) for one in found)
    title = ReportPeriod(first=period.first, last=period.last).title
    until = "" if at_us == period.to_us else f" (đến {moment(_at(at_us))})"
    return Notice(
        at=_at(at_us - 1 if at_us == period.to_us else at_us),
        about=f"Tình hình sự cố {title}\n{area}",
        ready=(f"{title[:1].upper()}{title[1:]}{until}, {area}: {_counted(entries, found)}", *map(_said, entries)),
        entries=entries,
    )


def incidents_of(conn: Connection, period: Period, sites: Collection[str] | None = None) -> list[Incident]:
    """Those that lasted in a month, the first first, without what a wider one explains; of some offices where they are named."""
    c = incident.c
    ended = func.coalesce(c.resolved_us, c.closed_us)
    query = select(c.id).where(
        c.began_us < period.to_us, or_(ended.is_(None), ended >= period.from_us),
        func.json_extract(c.detail, "$.absorbed_by").is_(None),
    )  # fmt: skip
    found = [store.get(conn, number) for number in conn.execute(query.order_by(c.began_us, c.id)).scalars().all()]
    return [one for one in found if one is not None and (sites is None or one.sites & set(sites))]


def as_of(one: Incident, at_us: int) -> Incident:
    """The incident as it stood at a moment: who had joined by then, who was not well again yet."""
    members = tuple(
        member if member.cleared_us is None or member.cleared_us <= at_us else replace(member, cleared_us=None)
        for member in one.members
        if member.joined_us <= at_us
    )
    ended = one.resolved_us if one.resolved_us is not None else one.closed_us
    if ended is not None and ended <= at_us:
        return replace(one, members=members or one.members)
    acknowledged = one.acknowledged_us is not None and one.acknowledged_us <= at_us
    return replace(
        one, members=members or one.members, state=State.ACKNOWLEDGED if acknowledged else State.OPEN,
        resolved_us=None, closed_us=None,
    )  # fmt: skip


def _entry(one: Incident, ground: Ground, *, reveal: bool) -> Entry:
    ended = one.resolved_us if one.resolved_us is not None else one.closed_us
    return Entry(
        number=one.id,
        severity=one.severity.text.vi.lower(),
        headline=headline(one, ground, reveal=reveal).vi,
        cause=one.cause.text.vi,
        began=_at(one.began_us),
        ended=None if ended is None else _at(ended),
        offices=len(one.sites),
        planned=one.muted,
    )


def _said(entry: Entry) -> str:
    length = "" if entry.ended is None else f", kéo dài {lasting((entry.ended - entry.began).total_seconds())}"
    return f"[{entry.severity.upper()}] Sự cố {entry.number} – {entry.headline}{length}"


def _counted(entries: Sequence[Entry], found: Sequence[Incident]) -> str:
    if not entries:
        return "không có sự cố nào"
    ranks = [(severity, sum(one.severity is severity for one in found)) for severity in reversed(Severity)]
    parts = ", ".join(f"{said(n)} {severity.text.vi.lower()}" for severity, n in ranks if n)
    open_ = sum(one.ended is None for one in entries)
    planned = sum(one.planned for one in entries)
    more = [f"{said(open_)} chưa khôi phục"] if open_ else []
    more += [f"{said(planned)} trong bảo trì theo kế hoạch"] if planned else []
    return f"{said(len(entries))} sự cố ({parts})" + "".join(f"; {words}" for words in more)


def _lost_then(one: Incident) -> frozenset[str]:
    """The offices that lacked a line or their probe at some time."""
    if one.fault.reach is Reach.FAR_END:
        return frozenset()
    return frozenset(m.subject.site for m in one.members if m.subject.site and m.family is Family.DOWN)


def _widest(item: tuple[Cause, set[str]]) -> tuple[int, str]:
    return -len(item[1]), item[0].value


def _loss(cause: Cause, sites: Collection[str], ground: Ground) -> Loss:
    unknown = cause in (Cause.UNKNOWN, Cause.AREA)
    return Loss(cause="" if unknown else cause.text.vi, shares=tuple(_shares(sites, ground)))


def _shares(sites: Collection[str], ground: Ground) -> Iterator[Share]:
    atlas, counted = ground.atlas, defaultdict[str, set[str]](set)
    for site in sites:
        counted[atlas.province_of(site) or ""].add(site)
    for code, lost in sorted(counted.items()):
        watched = atlas.watched_sites.get(code, frozenset()) | lost
        yield Share(name=atlas.names.get(code, "chưa xác định"), lost=len(lost), watched=len(watched))


def _at(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)
