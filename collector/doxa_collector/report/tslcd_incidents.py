"""The incidents that reached TSLCD lines in a month, as far as the month's closing may know them.

An incident is a line's where the line itself is a member, where the line stands behind a node that is one, and where a
probe that measures over the line was lost. The collector's own faults and dead far ends are no incident of a line.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, or_, select

from doxa_collector.incidents import store
from doxa_collector.incidents.model import Family, Incident, Member, Reach
from doxa_collector.ledger.schema import incident, measurement
from doxa_collector.nodes.tree import Tree
from doxa_collector.report.tslcd_books import Book, Line
from doxa_collector.watch.subject import Kind, Subject
from doxa_collector.watch.subject import line as line_subject

_NOT_OF_LINES: Final = (Reach.COLLECTOR, Reach.FAR_END)
_OF_PROBES: Final = (Family.DOWN, Family.POWER)
"""What befalls a probe and says something of its line; its clock or its software does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One incident at one line, within the month."""

    number: int
    cause: str
    """In Vietnamese; empty where the incident was not over when the month was closed."""
    inferred: bool
    lost: bool
    """Whether the line or its probe was lost; else it was worse than usual."""
    muted: bool
    """Planned work: recorded, not told."""
    from_us: int
    to_us: int
    """Both within the days that count."""
    before: bool
    """It began before them."""
    lasts: bool
    """It went on after them."""


def read_faults(conn: Connection, book: Book, lines: Sequence[Line], tree: Tree) -> dict[tuple[str, str], list[Fault]]:
    """By (site, link), in the order of their beginning."""
    agents = _agents(conn, book, lines)
    wanted = {line_subject(line.site, line.link): (line.site, line.link) for line in lines}
    found = defaultdict[tuple[str, str], list[Fault]](list)
    for one in _incidents(conn, book):
        touched = defaultdict[tuple[str, str], list[Member]](list)
        for member in one.members:
            if _counts(member, book):
                for key in _lines_of(member, wanted, agents, tree):
                    touched[key].append(member)
        for key, members in touched.items():
            fault = _fault(one, members, book)
            if fault is not None:
                found[key].append(fault)
    return {key: sorted(faults, key=lambda one: (one.from_us, one.number)) for key, faults in found.items()}


def _incidents(conn: Connection, book: Book) -> Iterable[Incident]:
    """Those that lasted on some of the days, without what a wider one explains, in the order of their numbers."""
    c = incident.c
    ended = func.coalesce(c.resolved_us, c.closed_us)
    query = select(c.id).where(c.began_us < book.span[1], or_(ended.is_(None), ended >= book.span[0])).order_by(c.id)
    for number in conn.execute(query).scalars().all():
        found = store.get(conn, number)
        if found is not None and found.fault.reach not in _NOT_OF_LINES and not _explained(found, book):
            yield found


def _explained(found: Incident, book: Book) -> bool:
    """Whether a wider incident had taken it over, by the month's closing."""
    if found.absorbed_by is None:
        return False
    return book.closing is None or found.closed_us is None or found.closed_us <= book.closing.closed_us


def _counts(member: Member, book: Book) -> bool:
    """What joined after the closing is none of the closed month's knowledge."""
    return book.closing is None or member.joined_us <= book.closing.closed_us


def _lines_of(
    member: Member,
    wanted: Mapping[Subject, tuple[str, str]],
    agents: Mapping[str, Sequence[tuple[str, str]]],
    tree: Tree,
) -> Iterable[tuple[str, str]]:
    subject = member.subject
    if subject.kind is Kind.LINK:
        return [wanted[subject]] if subject in wanted else []
    if subject.kind is Kind.NODE:
        return [wanted[one] for one in sorted(tree.links_behind(subject)) if one in wanted]
    if subject.kind is Kind.PROBE and member.family in _OF_PROBES:
        return agents.get(subject.name, ())
    return []


def _fault(one: Incident, members: Sequence[Member], book: Book) -> Fault | None:
    """The incident at one line, cut to the days; None where the line was reached on none of them."""
    began = min(member.began_us for member in members)
    ends = [member.cleared_us for member in members]
    last = None if None in ends else max(end for end in ends if end is not None)
    first_us, last_us = book.span
    lasts = last is None or last >= last_us
    from_us, to_us = max(began, first_us), last_us if lasts or last is None else last
    if from_us >= to_us:
        return None
    return Fault(
        number=one.id,
        cause="" if _undecided(one, book) else one.cause.text.vi,
        inferred=one.inferred and not _undecided(one, book),
        lost=any(member.family is Family.DOWN for member in members),
        muted=one.muted,
        from_us=from_us,
        to_us=to_us,
        before=began < first_us,
        lasts=lasts,
    )


def _undecided(one: Incident, book: Book) -> bool:
    """Whether the incident went on when the month was closed: its cause may be seen otherwise since, and the paper must not change."""
    if book.closing is None:
        return False
    ended = one.resolved_us if one.resolved_us is not None else one.closed_us
    return ended is None or ended > book.closing.closed_us


def _agents(conn: Connection, book: Book, lines: Sequence[Line]) -> dict[str, list[tuple[str, str]]]:
    """Agent → the lines among `lines` that it measured over in the month."""
    m, found = measurement.c, defaultdict[str, list[tuple[str, str]]](list)
    first, last = book.span
    for line in lines:
        query = select(m.agent).distinct().where(
            m.site == line.site, m.link == line.link, m.started_us >= first, m.started_us < last, m.id <= book.last_id
        )  # fmt: skip
        for agent in conn.execute(query).scalars():
            found[agent].append((line.site, line.link))
    return dict(found)
