"""The tables of the ledger: SQLAlchemy Core, the same over SQLite and PostgreSQL.

Moments are whole microseconds since 1970 UTC (`…_us`); days are ISO text; JSON is text that we write canonically.
All tables stand in one file: whoever asks what the ledger holds, or upgrades it, reads them together.
"""

from hashlib import sha256
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

VERSION: Final = 5
"""The version of these tables; `engine.UPGRADES` leads from an older one to it."""

metadata = MetaData()
_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER PRIMARY KEY

ledger_version = Table("ledger_version", metadata, Column("version", Integer, primary_key=True, autoincrement=False))

place = Table(
    "place",
    metadata,
    Column("code", String(5), primary_key=True),
    Column("valid_from", String(10), primary_key=True),
    Column("valid_to", String(10)),
    Column("name", Text, nullable=False),
    Column("level", String(10), nullable=False),  # province | commune
    Column("province", String(2), nullable=False),
)

site = Table(
    "site",
    metadata,
    Column("site", String(40), primary_key=True),
    Column("name", Text, nullable=False),
    Column("place_code", String(5), nullable=False),
)

link = Table(
    "link",
    metadata,
    Column("site", String(40), primary_key=True),
    Column("link", String(40), primary_key=True),
    Column("valid_from", String(10), primary_key=True),
    Column("valid_to", String(10)),
    Column("kind", String(10), nullable=False),  # LinkKind
    Column("provider", Text),
    Column("contracted_down_mbps", Float),
    Column("contracted_up_mbps", Float),
    Column("layer", String(10)),  # doxa_core.layers.Layer that the contract names; NULL: it names none
    Column("technology", Text),  # version 3
    Column("contract", Text),  # version 3: its number
)

probe = Table(
    "probe",
    metadata,
    Column("agent", String(40), primary_key=True),
    Column("site", String(40), nullable=False),
)


def _when_computed(context: Any) -> int:
    """A verdict that is new has changed when it was computed."""
    found: int = context.get_current_parameters()["computed_us"]
    return found


def _digest_of_the_line(context: Any) -> bytes:
    return sha256(context.get_current_parameters()["raw"]).digest()


measurement = Table(
    "measurement",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),  # the position that sinks' cursors name
    Column("agent", String(40), nullable=False),
    Column("epoch", String(16), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("site", String(40), nullable=False),
    Column("link", String(40), nullable=False),
    Column("task", String(40), nullable=False),
    Column("meter", String(40), nullable=False),
    Column("method", String(40), nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("far_end", Text),
    Column("family", Integer),
    Column("values", Text, nullable=False),  # JSON object: value name → number
    Column("reasons", Text, nullable=False),  # JSON list
    Column("findings", Text, nullable=False),  # JSON list
    Column("raw", LargeBinary, nullable=False),  # the line as the probe signed it: the evidence
    Column("signature", LargeBinary),
    Column("digest", LargeBinary, default=_digest_of_the_line),  # version 3: SHA-256 of `raw`
    UniqueConstraint("agent", "epoch", "seq", name="measurement_once"),
    Index("measurement_by_link", "site", "link", "meter", "started_us"),
    sqlite_autoincrement=True,  # an id is never used twice, or a cursor could pass over a measurement
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("digest", String(64), nullable=False, unique=True),  # SHA-256 of topic and payload: rubbish is kept once
    Column("first_us", BigInteger, nullable=False),
    Column("last_us", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("code", String(40), nullable=False),
    Column("detail", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # cut at 64 KiB
    Column("replayed_us", BigInteger),
)

agent_status = Table(
    "agent_status",
    metadata,
    Column("agent", String(40), primary_key=True),
    Column("site", String(40), nullable=False),
    Column("state", String(10), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("received_us", BigInteger, nullable=False),
    Column("since_us", BigInteger, nullable=False),  # when this state began, by our clock
    Column("raw", LargeBinary, nullable=False),
)

counter = Table(
    "counter",
    metadata,
    Column("name", String(80), primary_key=True),  # accepted, duplicate, quarantined.<code> …
    Column("value", BigInteger, nullable=False),
)

sink_cursor = Table(
    "sink_cursor",
    metadata,
    Column("sink", String(40), primary_key=True),
    Column("position", BigInteger, nullable=False),  # the last measurement.id that the sink took
    Column("safe", BigInteger, nullable=False),  # the position that it had a safety margin ago: where a rewind goes to
    Column("updated_us", BigInteger, nullable=False),
    Column("written", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("rewound", BigInteger, nullable=False),  # how often it went back
    Column("error", Text),  # why it stands still, NULL while it flows
)

sink_rejection = Table(
    "sink_rejection",
    metadata,
    Column("sink", String(40), primary_key=True),
    Column("position", BigInteger, primary_key=True),  # the measurement that the sink refuses
    Column("at_us", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
)

verdict = Table(
    "verdict",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("plan", String(40), nullable=False),
    Column("plan_version", String(40), nullable=False),
    Column("target", String(40), nullable=False),
    Column("place_code", String(5), nullable=False),
    Column("period_from", String(10), nullable=False),
    Column("period_to", String(10), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("value", Float),
    Column("n", Integer, nullable=False),
    Column("lower", Float),
    Column("upper", Float),
    Column("layer", String(10)),
    Column("published", Float),
    Column("reasons", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("computed_us", BigInteger, nullable=False),
    # version 5: when it last became another one; grows from writing to writing, whatever the clock does
    Column("changed_us", BigInteger, nullable=False, default=_when_computed, server_default="0"),
    UniqueConstraint("plan", "plan_version", "target", "place_code", "period_from", name="verdict_once"),
    Index("verdict_by_change", "changed_us"),
    # the page asks for one period of a plan at once, and counts it by place and outcome
    Index("verdict_by_period", "plan", "plan_version", "period_from", "target", "place_code", "outcome"),
)

figure = Table(  # version 3; before it, `reference` kept only the latest import
    "figure",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("place_code", String(5), nullable=False),  # "00" for the whole country
    Column("month", String(7), nullable=False),
    Column("link_kind", String(10), nullable=False),
    Column("statistic", String(10), nullable=False),  # mean | median
    Column("direction", String(10), nullable=False),  # download | upload
    Column("value_mbps", Float, nullable=False),
    Column("n", Integer),
    Column("source", Text, nullable=False),
    Column("mark", String(4), nullable=False),  # V, S, 2nd, I
    Column("imported_us", BigInteger, nullable=False),
    Column("imported_by", Text, nullable=False),
    Column("file", Text, nullable=False),  # its name
    Column("digest", String(64), nullable=False),  # SHA-256 of the file
    Column("superseded_us", BigInteger),  # when a later import said otherwise; NULL: in force
    Index("figure_by_month", "month", "link_kind", "direction", "place_code"),
)

indicator = Table(
    "indicator",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("plan", String(40), nullable=False),
    Column("target", String(40), nullable=False),
    Column("place_code", String(5), nullable=False),
    Column("as_of", String(10), nullable=False),
    Column("value", Float, nullable=False),
    Column("unit", String(20), nullable=False),
    Column("entered_by", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("entered_us", BigInteger, nullable=False),
)

rollup_pack = Table(  # version 4
    "rollup_pack",
    metadata,
    Column("meter", String(40), primary_key=True),
    Column("site", String(40), primary_key=True),
    Column("link", String(40), primary_key=True),
    Column("month", String(10), primary_key=True),  # in Vietnamese time; of polls a day, see rollups.kinds
    Column("content", LargeBinary, nullable=False),  # doxa_collector.rollups.pack
)

rollup_cursor = Table(  # version 4; at most one row
    "rollup_cursor",
    metadata,
    Column("layout", String(16), primary_key=True),  # rollups.series.LAYOUT: packs of another one are counted anew
    Column("position", BigInteger, nullable=False),  # the last measurement.id that the packs count
    Column("rebuilt", BigInteger, nullable=False),  # how often packs were made anew: who read them before reads again
)

snapshot = Table(
    "snapshot",
    metadata,
    Column("digest", String(64), primary_key=True),  # SHA-256 of the content, before it was packed
    Column("kind", String(20), nullable=False),  # inputs | plan | verdicts
    Column("content", LargeBinary, nullable=False),  # zlib over canonical JSON
)

closing = Table(
    "closing",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("period_from", String(10), nullable=False),
    Column("revision", Integer, nullable=False),  # 1, and one more each time the month was opened again
    Column("closed_us", BigInteger, nullable=False),
    Column("last_id", BigInteger, nullable=False),  # measurements up to this id were the evidence
    Column("judged_us", BigInteger, nullable=False),  # the moment as of which it was judged
    Column("settings", Text, nullable=False),  # JSON object: assess.settings
    Column("inputs", String(64), nullable=False),  # snapshot of the registry and the figures
    Column("plans", Text, nullable=False),  # JSON list of snapshots
    Column("verdicts", String(64), nullable=False),  # snapshot of the result
    Column("program", String(40), nullable=False),  # the doxa that judged
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),  # why it was opened again; empty for the first
    UniqueConstraint("period_from", "revision", name="closing_once"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(40), nullable=False),
    Column("detail", Text, nullable=False),
)


# --- watching (version 2): presence, alarms, incidents, messages

presence = Table(
    "presence",
    metadata,
    Column("agent", String(40), primary_key=True),
    Column("site", String(40), nullable=False),
    Column("state", String(10), nullable=False),  # doxa_collector.presence.model.State
    Column("cause", String(40)),  # why it is not online; NULL while it is, or while nobody knows
    Column("since_us", BigInteger, nullable=False),
    Column("evidence", Text, nullable=False),  # JSON list: what the rule decided by
    Column("updated_us", BigInteger, nullable=False),
)

presence_change = Table(
    "presence_change",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("agent", String(40), nullable=False),
    Column("site", String(40), nullable=False),
    Column("state", String(10), nullable=False),
    Column("cause", String(40)),
    Column("began_us", BigInteger, nullable=False),  # when it was so, by the evidence
    Column("noticed_us", BigInteger, nullable=False),  # when we knew
    Column("evidence", Text, nullable=False),
    Index("presence_change_by_agent", "agent", "noticed_us"),
)

alarm = Table(
    "alarm",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("rule", String(60), nullable=False),
    Column("subject", String(100), nullable=False),  # watch.subject.Subject as text
    Column("site", String(40)),
    Column("severity", String(10), nullable=False),
    Column("began_us", BigInteger, nullable=False),
    Column("raised_us", BigInteger, nullable=False),
    Column("cleared_us", BigInteger),
    Column("value", Float),
    Column("muted", Integer, nullable=False),
    Column("text", Text, nullable=False),  # JSON {"vi": …, "en": …}
    Column("detail", Text, nullable=False),  # JSON object
    Index("alarm_open", "cleared_us", "rule", "subject"),
)

alert_baseline = Table(
    "alert_baseline",
    metadata,
    Column("subject", String(100), primary_key=True),
    Column("metric", String(80), primary_key=True),
    Column("hours", LargeBinary, nullable=False),  # what alerts.baseline keeps of the last days
    Column("updated_us", BigInteger, nullable=False),
)

incident = Table(
    "incident",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("cause", String(40), nullable=False),  # doxa_collector.incidents.model.Cause
    Column("root", String(100)),  # the subject that explains the others, where one does
    Column("place_code", String(5)),
    Column("provider", Text),
    Column("severity", String(10), nullable=False),
    Column("state", String(16), nullable=False),  # open | acknowledged | resolved | closed
    Column("muted", Integer, nullable=False),  # in a maintenance window: recorded, not told
    Column("began_us", BigInteger, nullable=False),
    Column("detected_us", BigInteger, nullable=False),
    Column("acknowledged_us", BigInteger),
    Column("resolved_us", BigInteger),
    Column("closed_us", BigInteger),
    Column("detail", Text, nullable=False),  # JSON object: why this cause
    Index("incident_by_state", "state", "began_us"),
)

incident_member = Table(
    "incident_member",
    metadata,
    Column("incident", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", String(100), primary_key=True),
    Column("rule", String(60), primary_key=True),
    Column("site", String(40)),
    Column("severity", String(10), nullable=False),
    Column("began_us", BigInteger, nullable=False),  # when this member failed, by its alarm
    Column("joined_us", BigInteger, nullable=False),
    Column("cleared_us", BigInteger),
    Index("incident_member_by_site", "site", "joined_us"),
)

incident_entry = Table(
    "incident_entry",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("incident", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),  # "doxa" for what happened by itself
    Column("action", String(20), nullable=False),  # opened, grew, resolved, reopened, acknowledged, comment, closed
    Column("text", Text, nullable=False),
    Index("incident_entry_by_incident", "incident", "at_us"),
)

maintenance = Table(
    "maintenance",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("scope", Text, nullable=False),  # JSON object: place, provider, node, site, link; empty: everything
    Column("reason", Text, nullable=False),
    Column("entered_by", Text, nullable=False),
    Column("entered_us", BigInteger, nullable=False),
    Column("cancelled_us", BigInteger),
)

notice = Table(
    "notice",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("channel", String(40), nullable=False),  # the name in [notify.NAME]
    Column("incident", BigInteger, nullable=False),
    Column("event", String(20), nullable=False),  # opened | grew | resolved | digest
    Column("ordinal", Integer, nullable=False),  # 0 for the first of its event
    Column("content", Text, nullable=False),  # JSON: what notify.message formed, masked already
    Column("created_us", BigInteger, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("sent_us", BigInteger),
    Column("given_up_us", BigInteger),
    Column("error", Text),
    UniqueConstraint("channel", "incident", "event", "ordinal", name="notice_once"),
    Index("notice_due", "channel", "sent_us", "given_up_us", "due_us"),
)

lease = Table(  # version 3: which of several collectors watches, see watch.lease
    "watch_lease",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("holder", String(60), nullable=False),  # empty: given back
    Column("fence", BigInteger, nullable=False),
    Column("beat", BigInteger, nullable=False),
)
