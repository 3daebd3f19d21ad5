"""What the page and the assessment get when they ask the ledger."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from doxa_collector.ledger import reading as look
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.writing import Incoming, count, keep
from doxa_core.errors import WireError
from doxa_core.moments import microseconds
from doxa_core.outcome import Outcome


@pytest.fixture
def filled(engine: Engine, measurement: Any) -> Engine:
    """Ten runs: the third failed without values, the fourth on the mobile line, the fifth by another meter."""
    changes: dict[int, dict[str, Any]] = {
        3: {"outcome": Outcome.FAILED, "values": {}, "reasons": ("no_reply",), "family": None},
        4: {"link": "mobile"},
        5: {"meter": "latency", "values": {"rtt_min_ms": 1.5}, "findings": ("clock_unsynchronised",)},
    }
    made = [measurement(n, **changes.get(n, {})) for n in range(1, 11)]
    with writing(engine) as conn:
        keep(conn, [Incoming(measurement=m, raw=m.encode()) for m in reversed(made)], 99)
        count(conn, {"accepted": 10})
    return engine


def at(measurement: Any, seq: int) -> int:
    return microseconds(measurement(seq).started)


def test_samples_come_in_order_with_failures_and_absent_values(filled: Engine, measurement: Any) -> None:
    with reading(filled) as conn:
        found = look.samples(
            conn, meter="speed", value="download_mbps", from_us=at(measurement, 2), to_us=at(measurement, 9),
            links=[("dong-dang", "fixed")],
        )  # fmt: skip
    assert [(s.started_us, s.value) for s in found] == [
        (at(measurement, 2), 80.002),
        (at(measurement, 3), None),
        (at(measurement, 6), 80.006),
        (at(measurement, 7), 80.007),
        (at(measurement, 8), 80.008),
    ]
    assert (found[1].outcome, found[1].reasons) == (Outcome.FAILED, ("no_reply",))


def test_samples_of_sites_span_their_links(filled: Engine) -> None:
    with reading(filled) as conn:
        ask = {"meter": "speed", "value": "upload_mbps", "from_us": 0, "to_us": 2**60}
        assert {s.link for s in look.samples(conn, sites=["dong-dang"], **ask)} == {"fixed", "mobile"}  # type: ignore[arg-type]
        assert look.samples(conn, sites=["elsewhere"], **ask) == []  # type: ignore[arg-type]
        assert look.samples(conn, sites=[], **ask) == []  # type: ignore[arg-type]


def test_a_value_that_is_none_is_refused(filled: Engine) -> None:
    with reading(filled) as conn, pytest.raises(WireError):
        look.samples(conn, meter="speed", value='x" OR 1=1', from_us=0, to_us=1)


def test_the_latest_is_the_last_to_have_started(filled: Engine, measurement: Any) -> None:
    with reading(filled) as conn:
        newest = look.latest(conn, "dong-dang", "fixed", "speed")
        failed = look.latest(conn, "dong-dang", "fixed", "speed", outcomes=[Outcome.FAILED])
        assert look.latest(conn, "dong-dang", "tslcd", "speed") is None
        assert look.meters_of(conn, "dong-dang", "fixed") == ["latency", "speed"]
    assert newest is not None
    assert failed is not None
    assert (newest.seq, newest.values["upload_mbps"], failed.seq, failed.values) == (10, 34.41, 3, {})


def test_history_and_evidence(filled: Engine, measurement: Any) -> None:
    with reading(filled) as conn:
        rows = look.history(conn, "dong-dang", "fixed", limit=3)
        older = look.history(conn, "dong-dang", "fixed", meter="latency", before_us=rows[-1].started_us)
        evidence = look.raw(conn, older[0].id)
        assert look.raw(conn, 10**9) is None
        assert look.span(conn) == (at(measurement, 1), at(measurement, 10))
    assert [r.seq for r in rows] == [10, 9, 8]
    assert (older[0].findings, evidence is not None and b"rtt_min_ms" in evidence[0]) == (
        ("clock_unsynchronised",),
        True,
    )


def test_counts(filled: Engine) -> None:
    with reading(filled) as conn:
        found = look.counts(conn)
    assert (found.measurements, found.quarantine, found.agents, found.counters) == (10, {}, {}, {"accepted": 10})


def test_an_empty_ledger_has_no_span(engine: Engine) -> None:
    with reading(engine) as conn:
        assert look.span(conn) is None


def test_now_is_now() -> None:
    before = look.now_us()
    assert 0 <= look.now_us() - before < timedelta(hours=1) // timedelta(microseconds=1)
