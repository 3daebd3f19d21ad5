"""The tables of the ledger: SQLAlchemy Core, the same over SQLite and PostgreSQL.

Moments are whole microseconds since 1970 UTC (`…_us`); days are ISO text; JSON is text that we write canonically.
"""

from typing import Final

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

VERSION: Final = 1
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
)

probe = Table(
    "probe",
    metadata,
    Column("agent", String(40), primary_key=True),
    Column("site", String(40), nullable=False),
)

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
    UniqueConstraint("plan", "plan_version", "target", "place_code", "period_from", name="verdict_once"),
    # the page asks for one period of a plan at once, and counts it by place and outcome
    Index("verdict_by_period", "plan", "plan_version", "period_from", "target", "place_code", "outcome"),
)

reference = Table(
    "reference",
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
    UniqueConstraint("place_code", "month", "link_kind", "statistic", "direction", "source", name="reference_once"),
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

audit = Table(
    "audit",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(40), nullable=False),
    Column("detail", Text, nullable=False),
)
