"""What the guards' words make of a reading."""

import pytest

from doxa_agent.guard import Verdict
from doxa_agent.judged import judged
from doxa_agent.meter import Reading
from doxa_core.outcome import Outcome

LIMIT = Verdict(findings=("cross_traffic",), limits=("cpu_limited",), detail={"celsius": 51.0})


@pytest.mark.parametrize(
    ("outcome", "after", "reasons"),
    [
        (Outcome.OK, Outcome.PROBE_LIMITED, ("cpu_limited",)),
        (Outcome.PROBE_LIMITED, Outcome.PROBE_LIMITED, ("far_end_cpu", "cpu_limited")),
        (Outcome.FAILED, Outcome.FAILED, ("far_end_cpu",)),
        (Outcome.ERROR, Outcome.ERROR, ("far_end_cpu",)),
    ],
)
def test_a_limit_takes_the_word_ok_away_and_explains_nothing_that_failed(
    outcome: Outcome, after: Outcome, reasons: tuple[str, ...]
) -> None:
    before = () if outcome is Outcome.OK else ("far_end_cpu",)
    found = judged(Reading(outcome=outcome, reasons=before, values={"download_mbps": 9.0}), LIMIT)
    assert (found.outcome, found.reasons) == (after, reasons)
    assert found.values == {"download_mbps": 9.0}, "the figure is kept: a lower bound"
    assert found.findings == ("cross_traffic",)
    assert found.detail == {"guards": {"celsius": 51.0}}


def test_without_a_word_of_the_guards_a_reading_stays_as_it_is() -> None:
    reading = Reading(outcome=Outcome.OK, values={"download_mbps": 9.0}, detail={"address": "192.0.2.1"})
    assert judged(reading, Verdict()) == reading
