"""What becomes of a message: every kind of rubbish has its code, and no bytes stop the collector."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doxa_collector.admission import Admission, Known, Refusal, admit
from doxa_core.batch import Line, join
from doxa_core.measurement import MAX_BYTES
from doxa_core.status import AgentStatus, State
from doxa_core.topic import Channel, Topic

KNOWN = Known({"dong-dang-1": "dong-dang", "dong-dang-2": "dong-dang"}, frozenset({("dong-dang", "fixed")}))
TOPIC = str(Topic(site="dong-dang", agent="dong-dang-1", channel=Channel.MEASUREMENTS))
STATUS = str(Topic(site="dong-dang", agent="dong-dang-1", channel=Channel.STATUS))
GOLDEN = Path(__file__).parents[2] / "core" / "golden"

Take = Callable[..., Admission]


@pytest.fixture
def take() -> Take:
    def admitted(payload: bytes, topic: str = TOPIC, known: Known = KNOWN, **changes: Any) -> Admission:
        found = Admission()
        admit(topic, payload, known, found, **changes)
        return found

    return admitted


def changed(found: Any, **fields: Any) -> bytes:
    """The line of a measurement with fields changed as no probe of ours would."""
    return json.dumps({k: v for k, v in (json.loads(found.encode()) | fields).items() if v is not ...}).encode()


def test_good_lines_are_kept_with_their_bytes_and_signature(take: Take, measurement: Any) -> None:
    lines = [Line(measurement(1).encode()), Line(measurement(2).encode(), b"sig")]
    found = take(join(lines))
    assert [(k.raw, k.signature) for k in found.kept] == [(line.raw, line.signature) for line in lines]
    assert (found.refused, found.rubbish) == ([], [])


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("v*/measurement-*.json")), ids=lambda f: f.stem)
def test_every_golden_measurement_of_every_schema_is_kept(take: Take, file: Path) -> None:
    line = file.read_bytes()
    fields = json.loads(line)
    site, agent = fields["site"], fields["agent"]
    topic = str(Topic(site=site, agent=agent, channel=Channel.MEASUREMENTS))
    known = Known({agent: site}, frozenset({(site, fields["link"])}))
    assert [k.raw for k in take(line, topic, known).kept] == [line]


BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("a number that is none", {"values": {"download_mbps": float("nan")}}, "not_a_number"),
    ("infinity", {"duration_s": float("inf")}, "not_a_number"),
    ("an old schema", {"schema": 0}, "old_schema"),
    ("no outcome", {"outcome": ...}, "missing_field"),
    ("an unknown outcome", {"outcome": "maybe"}, "bad_outcome"),
    ("a value without a unit", {"values": {"download": 1}}, "bad_value_name"),
    ("a negative rate", {"values": {"download_mbps": -1}}, "bad_field"),
    ("a local time", {"started": "2026-11-21T08:00:00+07:00"}, "bad_time"),
    ("a link that is no name", {"link": "../../etc"}, "bad_identifier"),
    ("an unknown link", {"link": "satellite"}, "unknown_link"),
    ("far too big", {"detail": {"x": "y" * MAX_BYTES}}, "too_big"),
]


@pytest.mark.parametrize(("what", "fields", "code"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_broken_line_is_put_aside_and_refused_under_its_sequence(
    take: Take, measurement: Any, what: str, fields: dict[str, Any], code: str
) -> None:
    good = measurement(8)
    found = take(changed(measurement(7), **fields) + b"\n" + good.encode())
    assert [r.code for r in found.rubbish] == [code]
    assert [k.measurement.seq for k in found.kept] == [8], "lines are independent"
    assert found.refused == [Refusal(site="dong-dang", agent="dong-dang-1", epoch="00112233445566aa", seq=7)]


def test_an_unknown_field_or_a_later_schema_is_no_trouble(take: Take, measurement: Any) -> None:
    found = take(changed(measurement(1), weather="fine", schema=7))
    assert (len(found.kept), found.rubbish) == (1, [])


def test_an_unregistered_agent_is_kept_whole_for_replay_and_refused(take: Take, measurement: Any) -> None:
    line = measurement(1).encode()
    found = take(line, known=Known())
    assert [(r.code, r.payload) for r in found.rubbish] == [("unknown_agent", line)]
    assert [r.seq for r in found.refused] == [1]


def test_an_agent_at_another_site_is_unknown_there(take: Take, measurement: Any) -> None:
    known = Known({"dong-dang-1": "my-hao"}, frozenset({("dong-dang", "fixed")}))
    found = take(measurement(1).encode(), known=known)
    assert [(r.code, r.detail) for r in found.rubbish] == [
        ("unknown_agent", "dong-dang-1 at dong-dang: the registry knows it at my-hao")
    ]


@pytest.mark.parametrize("liar", [{"agent": "dong-dang-2"}, {"site": "my-hao"}])
def test_an_impostor_is_put_aside_and_acknowledged_to_nobody(
    take: Take, measurement: Any, liar: dict[str, str]
) -> None:
    found = take(measurement(1, **liar).encode())
    assert [r.code for r in found.rubbish] == ["identity_mismatch"]
    assert (found.kept, found.refused) == ([], [])


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ("doxa/v1/00/dong-dang/dong-dang-1/measurements", "bad_topic"),
        (TOPIC.replace("measurements", "else"), "bad_topic"),
        (TOPIC.replace("measurements", "ack"), "bad_topic"),
        ("", "bad_topic"),
    ],
)
def test_a_topic_that_is_not_ours_is_put_aside_whole(take: Take, measurement: Any, topic: str, code: str) -> None:
    found = take(measurement(1).encode(), topic)
    assert ([r.code for r in found.rubbish], found.kept, found.refused) == ([code], [], [])


@pytest.mark.parametrize(
    ("payload", "code"),
    [(b"", "empty"), (b"\n\n", "empty"), (b"x" * 262_145, "too_big"), (b"{}\n" * 501, "too_big")],
)
def test_a_batch_that_is_none_is_put_aside_whole(take: Take, payload: bytes, code: str) -> None:
    found = take(payload)
    assert [(r.code, r.size) for r in found.rubbish] == [(code, len(payload))]
    assert len(found.rubbish[0].payload) < 70_000


@pytest.mark.parametrize(
    "line",
    [b"hello", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"a":1,"a":2}', b"1" * 5000, b'{"x":"\\ud800"}'],
)
def test_what_is_no_object_is_put_aside_and_nobody_hears_of_it(take: Take, line: bytes) -> None:
    found = take(line)
    assert (len(found.rubbish), found.kept, found.refused) == (1, [], [])


def test_a_signature_is_kept_with_the_line_that_is_put_aside(take: Take, measurement: Any) -> None:
    line = Line(measurement(1).encode(), b"c2ln")
    assert take(join([line]), known=Known()).rubbish[0].payload == join([line])


def test_a_signature_of_any_length_is_not_swallowed(take: Take, measurement: Any) -> None:
    found = take(join([Line(measurement(1).encode(), b"s" * 2000)]))
    assert ([r.code for r in found.rubbish], found.kept) == (["too_big"], [])


def test_a_status_says_who_it_is(take: Take) -> None:
    said = AgentStatus(site="dong-dang", agent="dong-dang-1", epoch="0" * 16, state=State.ONLINE, version="1")
    found = take(said.encode(), STATUS, retained=True)
    assert found.statuses == [(said, said.encode(), True)]
    liar = AgentStatus(site="dong-dang", agent="dong-dang-2", epoch="0" * 16, state=State.ONLINE, version="1")
    assert [r.code for r in take(liar.encode(), STATUS).rubbish] == ["identity_mismatch"]
    assert [r.code for r in take(said.encode(), STATUS, Known()).rubbish] == ["unknown_agent"]
    assert [r.code for r in take(b"{}", STATUS).rubbish] == ["missing_field"]


def test_clearing_a_retained_status_is_no_rubbish(take: Take) -> None:
    found = take(b"", STATUS)
    assert (found.rubbish, found.counted) == ([], {"status_cleared": 1})


TOPICS = st.one_of(
    st.text(max_size=60),
    st.sampled_from([TOPIC, STATUS, TOPIC.replace("measurements", "ack")]),
    st.builds("doxa/v1/{}/{}/{}/{}".format, *[st.text(max_size=8)] * 3, st.sampled_from(list(Channel))),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELD = st.sampled_from(
    ["schema", "site", "agent", "epoch", "seq", "task", "meter", "method", "link", "started", "boot", "monotonic_s",
     "duration_s", "clock", "outcome", "version", "far_end", "family", "proof", "reasons", "findings", "values",
     "detail", "state", "links", "at"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(TOPICS, st.binary(max_size=300))
def test_arbitrary_bytes_on_arbitrary_topics_never_raise(topic: str, payload: bytes) -> None:
    found = Admission()
    admit(topic, payload, KNOWN, found)
    assert not found.kept


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([TOPIC, STATUS]), st.dictionaries(FIELD, JSON, max_size=4))
def test_a_real_line_with_arbitrary_fields_is_kept_or_put_aside_and_never_raises(
    measurement: Any, topic: str, fields: dict[str, Any]
) -> None:
    found = Admission()
    line = changed(measurement(1), **fields)
    admit(topic, line, KNOWN, found)
    assert len(found.kept) + len(found.rubbish) + len(found.statuses) == 1
    assert all(r.payload == line for r in found.rubbish)
