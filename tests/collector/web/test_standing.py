"""How a line itself stands against a demand: decided as a verdict is, never by the figure alone."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, insert

from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.schema import measurement
from doxa_collector.period import month_of
from doxa_collector.plans.model import Measure, Operator
from doxa_collector.verdict import VerdictOutcome
from doxa_collector.web.standing import read_standing
from doxa_core.linkkind import LinkKind
from doxa_core.moments import microseconds
from doxa_core.outcome import Outcome

FIRST = datetime(2026, 10, 1, 1, tzinfo=UTC)
PERIOD = month_of(FIRST.date())
MEASURE = Measure(meter="speed", value="download_mbps", link_kind=LinkKind.FIXED)


def stand(engine: Engine, mbps: float, *, days: int = 20, outcome: Outcome = Outcome.OK) -> VerdictOutcome | None:
    """A line that carries `mbps`, half a per cent more or less from test to test, twelve tests a day."""
    rows = [
        {
            "agent": "pi", "epoch": "0" * 16, "seq": n, "site": "s", "link": "l", "task": "t", "meter": "speed",
            "method": "speed/2", "started_us": microseconds(FIRST + timedelta(hours=2 * n)), "received_us": 0,
            "outcome": outcome.value, "values": json.dumps({"download_mbps": mbps * (0.995 + 0.01 * (n % 7) / 6)}),
            "reasons": "[]", "findings": "[]", "raw": b"",
        }
        for n in range(12 * days)
    ]  # fmt: skip
    if rows:
        with writing(engine) as conn:
            conn.execute(insert(measurement), rows)
    with reading(engine) as conn:
        found = read_standing(conn, ("s", "l"), MEASURE, Operator.AT_LEAST, 100, (PERIOD.from_us, PERIOD.to_us))
    return None if found is None else found.outcome


@pytest.mark.parametrize(
    ("mbps", "outcome"),
    [(105, VerdictOutcome.PASS), (95, VerdictOutcome.FAIL), (100.0, VerdictOutcome.INSUFFICIENT)],
)
def test_a_line_meets_a_demand_only_beyond_doubt(engine: Engine, mbps: float, outcome: VerdictOutcome) -> None:
    assert stand(engine, mbps) is outcome


def test_a_few_days_conclude_nothing(engine: Engine) -> None:
    assert stand(engine, 105, days=3) is VerdictOutcome.INSUFFICIENT


def test_what_the_probe_limited_is_no_fault_of_the_line(engine: Engine) -> None:
    assert stand(engine, 60, outcome=Outcome.PROBE_LIMITED) is VerdictOutcome.PROBE_LIMITED


def test_without_samples_nothing_is_said(engine: Engine) -> None:
    assert stand(engine, 100, days=0) is None
