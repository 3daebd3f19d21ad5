"""What becomes of one message, decided without network or ledger: kept lines, refused lines, rubbish, a status."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from doxa_collector.ledger.writing import MAX_SIGNATURE, Incoming, Rubbish, rubbish
from doxa_core import batch, measurement, status
from doxa_core.batch import Line
from doxa_core.errors import WireError
from doxa_core.measurement import MAX_SEQ, Measurement, epoch
from doxa_core.status import AgentStatus
from doxa_core.topic import Channel, Topic

REPLAYABLE: Final = ("unknown_agent", "unknown_link")
"""Codes that a mended registry makes good: such lines are complete in the quarantine and can be replayed."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the registry knows, in the form that each line is held against."""

    homes: Mapping[str, str] = field(default_factory=dict)
    """Agent → site."""
    lines: frozenset[tuple[str, str]] = frozenset()
    """(site, link)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A line that is safe in the quarantine under its sequence: the probe may forget it."""

    site: str
    agent: str
    epoch: str
    seq: int


@dataclass(slots=True)
class Admission:
    """What one message, or several, came to."""

    kept: list[Incoming] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    rubbish: list[Rubbish] = field(default_factory=list)
    statuses: list[tuple[AgentStatus, bytes, bool]] = field(default_factory=list)
    """Status, its bytes, and whether the broker had retained it."""
    counted: dict[str, int] = field(default_factory=dict)

    def count(self, name: str) -> None:
        self.counted[name] = self.counted.get(name, 0) + 1


def admit(topic_text: str, payload: bytes, known: Known, into: Admission, *, retained: bool = False) -> None:
    """Decide about one message. Never raises, whatever the bytes."""
    try:
        topic = Topic.parse(topic_text)
        if topic.channel is Channel.MEASUREMENTS:
            _measurements(topic, topic_text, payload, known, into)
        elif topic.channel is Channel.STATUS:
            _status(topic, payload, known, into, retained=retained)
        else:
            raise WireError("bad_topic", "an acknowledge is ours to send, not to receive")
    except WireError as error:
        into.rubbish.append(rubbish(topic_text, payload, error.code, error.detail))


def _measurements(topic: Topic, topic_text: str, payload: bytes, known: Known, into: Admission) -> None:
    for line in batch.split(payload):
        _line(topic, topic_text, line, known, into)


def _line(topic: Topic, topic_text: str, line: Line, known: Known, into: Admission) -> None:
    """One line: kept, or refused under its sequence, or rubbish that nobody hears of.

    Whoever lies about who it is gets no acknowledge, or an impostor could make another probe forget.
    """
    try:
        if len(line.signature or b"") > MAX_SIGNATURE:
            raise WireError("too_big", f"{len(line.signature or b'')} bytes of signature, {MAX_SIGNATURE} allowed")
        found = measurement.decode(line.raw)
        _same(topic, found.site, found.agent)
        _registered(found, known)
    except WireError as error:
        into.rubbish.append(rubbish(topic_text, batch.join([line]), error.code, error.detail))
        if error.code != "identity_mismatch":
            refusal = _refusal(topic, line.raw)
            if refusal is not None:
                into.refused.append(refusal)
        return
    into.kept.append(Incoming(measurement=found, raw=line.raw, signature=line.signature))


def _same(topic: Topic, site: str, agent: str) -> None:
    if (site, agent) != (topic.site, topic.agent):
        raise WireError("identity_mismatch", f"the payload says {site}/{agent}, the topic {topic.site}/{topic.agent}")


def _registered(found: Measurement, known: Known) -> None:
    _at_home(found.site, found.agent, known)
    if (found.site, found.link) not in known.lines:
        raise WireError("unknown_link", f"the registry knows no link {found.link} at {found.site}")


def _at_home(site: str, agent: str, known: Known) -> None:
    home = known.homes.get(agent)
    if home != site:
        other = "no such agent" if home is None else f"it at {home}"
        raise WireError("unknown_agent", f"{agent} at {site}: the registry knows {other}")


def _refusal(topic: Topic, raw: bytes) -> Refusal | None:
    """The sequence under which a broken line can be refused, where it can be read and the identity is the topic's.

    Read as kindly as JSON goes (NaN, repeated keys): a probe must not send for ever what can never be accepted.
    """
    try:
        found = json.loads(raw)
        if not isinstance(found, dict) or (found.get("site"), found.get("agent")) != (topic.site, topic.agent):
            return None
        seq = found.get("seq")
        if type(seq) is not int or not 1 <= seq <= MAX_SEQ:
            return None
        return Refusal(site=topic.site, agent=topic.agent, epoch=epoch(found.get("epoch")), seq=seq)
    except (ValueError, RecursionError, WireError):
        return None


def _status(topic: Topic, payload: bytes, known: Known, into: Admission, *, retained: bool) -> None:
    if not payload:  # how an operator clears a retained status
        into.count("status_cleared")
        return
    found = status.decode(payload)
    _same(topic, found.site, found.agent)
    _at_home(found.site, found.agent, known)
    into.statuses.append((found, payload, retained))
