"""Incidents: what fails or failed, why, and whom it reached."""

from typing import Any, Final

from sqlalchemy import func, or_, select

from doxa_collector.api.audience import Audience
from doxa_collector.api.params import LARGEST, code, moment, one_of, whole
from doxa_collector.api.resource import Asked, Page, Resource, Single
from doxa_collector.api.resources._common import cut
from doxa_collector.api.types import BOTH, FLAG, MOMENT, NAME, NUMBER, WHOLE, WORDS, Field, Listing, Record, choice
from doxa_collector.incidents import store
from doxa_collector.incidents.atlas import read_atlas
from doxa_collector.incidents.explain import Ground
from doxa_collector.incidents.model import Cause, Incident, Member, State
from doxa_collector.incidents.settings import Settings
from doxa_collector.incidents.store import OURSELVES, Entry
from doxa_collector.incidents.summary import headline, provider_name, root_name
from doxa_collector.ledger.schema import incident
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import Kind
from doxa_core.language import Text

_FIELDS: Final = (
    Field("id", WHOLE, "Its number."),
    Field("state", choice(State), "Where it stands."),
    Field("severity", choice(Severity), "How bad it is."),
    Field("cause", choice(Cause), "What is broken, as far as it is known."),
    Field("cause_text", BOTH, "The cause in words."),
    Field("headline", BOTH, "The incident in one line."),
    Field("inferred", FLAG, "The cause is concluded from what fails: nothing watches it itself."),
    Field("muted", FLAG, "In planned work: recorded, not told."),
    Field("place", NAME, "The smallest place that holds all members.", sure=False),
    Field(
        "provider", WORDS, "The provider; hidden where TSLCD lines are reached, but for scope `internal`.", sure=False
    ),
    Field("root", BOTH, "The node that explains the others; by its kind alone but for scope `internal`.", sure=False),
    Field("began", MOMENT, "When the first member failed."),
    Field("detected", MOMENT, "When it was detected."),
    Field("acknowledged", MOMENT, "When somebody took it.", sure=False),
    Field("resolved", MOMENT, "When the last member was well again.", sure=False),
    Field("closed", MOMENT, "When it was closed.", sure=False),
    Field("time_to_detect_s", NUMBER, "Seconds from the beginning to the detection.", sure=False),
    Field("time_to_repair_s", NUMBER, "Seconds from the beginning to the repair.", sure=False),
    Field("site_count", WHOLE, "Offices that it ever reached."),
    Field("lost_site_count", WHOLE, "Offices that now lack a line or their probe."),
    Field("reopened_count", WHOLE, "How often it came back."),
    Field("absorbed_by", WHOLE, "The wider incident that it became part of.", sure=False),
)
INCIDENT: Final = Record("Incident", "One fault, whatever number of offices it reaches.", _FIELDS)
_MEMBER: Final = Record(
    "IncidentMember",
    "One thing that failed.",
    (
        Field("kind", choice(Kind), "What it is."),
        Field("site", NAME, "The office.", sure=False),
        Field("name", NAME, "The link or probe; a node's name for scope `internal` only.", sure=False),
        Field("rule", NAME, "The rule that noticed it."),
        Field("severity", choice(Severity), "How bad it is."),
        Field("began", MOMENT, "When it failed."),
        Field("cleared", MOMENT, "When it was well again.", sure=False),
    ),
)
_ENTRY: Final = Record(
    "IncidentEntry",
    "One line of the history.",
    (
        Field("at", MOMENT, "When."),
        Field("action", NAME, "What happened."),
        Field("actor", WORDS, "Who; doxa for what happened by itself.", least=Audience.OFFICE),
        Field("text", BOTH, "In words.", least=Audience.OFFICE),
    ),
)
WHOLE_INCIDENT: Final = Record(
    "IncidentWithHistory",
    "One incident with its members, its history and the evidence for its cause.",
    (
        *_FIELDS,
        Field("why", Listing(BOTH), "The evidence for the cause.", least=Audience.OFFICE),
        Field("members", Listing(_MEMBER), "By their beginning."),
        Field("history", Listing(_ENTRY), "The oldest first."),
    ),
)


def read_incidents(asked: Asked) -> Page:
    """The newest first."""
    c = incident.c
    query = select(c.id).order_by(c.id.desc()).limit(asked.limit + 1)
    query = query.where(func.json_extract(c.detail, "$.absorbed_by").is_(None))
    if (wanted := asked.get("state")) is not None:
        query = query.where(c.state == wanted)
    if (place := asked.get("place")) is not None:
        query = query.where(c.place_code == place)
    if (since := asked.get("since")) is not None:
        ended = func.coalesce(c.resolved_us, c.closed_us)
        query = query.where(or_(c.began_us >= since, ended.is_(None), ended >= since))
    if asked.after is not None:
        query = query.where(c.id < asked.after[0])
    numbers, more = cut(asked.conn.execute(query).scalars().all(), asked.limit)
    ground = _ground(asked)
    found = [store.get(asked.conn, number) for number in numbers]
    rows = [_row(one, ground, asked) for one in found if one is not None]
    return Page(rows=rows, next=(numbers[-1],) if more else None)


def read_incident(asked: Asked) -> Single | None:
    """One incident."""
    found = store.get(asked.conn, asked.get("id"))
    if found is None:
        return None
    ground = _ground(asked)
    history = store.entries(asked.conn, found.id)
    return Single(
        row=_row(found, ground, asked)
        | {
            "why": found.why,
            "members": [_member(member, reveals=asked.view.reveals) for member in found.members],
            "history": [_entry(entry) for entry in history],
        }
    )


def _ground(asked: Asked) -> Ground:
    return Ground(asked.store.tree(), read_atlas(asked.conn, asked.today), Settings())


def _row(one: Incident, ground: Ground, asked: Asked) -> dict[str, Any]:
    reveal = asked.view.reveals
    same = ("id", "state", "severity", "cause", "inferred", "muted", "place", "time_to_detect_s", "time_to_repair_s",
            "absorbed_by")  # fmt: skip
    moments = ("began", "detected", "acknowledged", "resolved", "closed")
    return {name: getattr(one, name) for name in same} | {name: getattr(one, f"{name}_us") for name in moments} | {
        "cause_text": one.cause.text, "headline": headline(one, ground, reveal=reveal),
        "provider": provider_name(one, ground, reveal=reveal), "root": root_name(one, ground, reveal=reveal),
        "site_count": len(one.sites), "lost_site_count": len(one.lost_sites), "reopened_count": one.reopened,
    }  # fmt: skip


def _member(one: Member, *, reveals: bool) -> dict[str, Any]:
    subject = one.subject
    shown = reveals or subject.kind is not Kind.NODE
    return {
        "kind": subject.kind, "site": subject.site or None, "name": (subject.name or None) if shown else None,
        "rule": one.rule, "severity": one.severity, "began": one.began_us, "cleared": one.cleared_us,
    }  # fmt: skip


def _entry(entry: Entry) -> dict[str, Any]:
    return {"at": entry.at_us, "action": entry.action, "actor": entry.actor or OURSELVES, "text": entry.text}


RESOURCES: Final = (
    Resource(
        path="/incidents", name="listIncidents", record=INCIDENT, read=read_incidents, key=(int,), most=200,
        title=Text(vi="sự cố", en="incidents"), about="Incidents, the newest first, without those that a wider one absorbed.",
        params=(
            one_of("state", "Those in this state.", [state.value for state in State]),
            code("place", "Those whose smallest place this is."),
            moment("since", "Those that lasted at this moment or began later."),
        ),
    ),
    Resource(
        path="/incidents/{id}", name="getIncident", record=WHOLE_INCIDENT, read=read_incident,
        title=Text(vi="một sự cố", en="one incident"), about="One incident with its members and history.",
        params=(whole("id", "The incident's number.", 1, LARGEST),),
        missing=Text(vi="không có sự cố này", en="there is no such incident"),
    ),
)  # fmt: skip
