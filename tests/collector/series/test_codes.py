"""The table of codes says what the collector's own enumerations say."""

from collections.abc import Iterable

import pytest

from doxa_collector.incidents.model import State as IncidentState
from doxa_collector.presence.model import State as PresenceState
from doxa_collector.sink import Tier
from doxa_collector.sinks.influx import Options, bucket_of
from doxa_collector.verdict import VerdictOutcome
from doxa_collector.watch.severity import Severity
from doxa_core import codes
from doxa_core.language import Text


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (codes.OUTCOMES, VerdictOutcome),
        (codes.PRESENCE, PresenceState),
        (codes.INCIDENT_STATES, IncidentState),
        (codes.SEVERITIES, Severity),
    ],
)
def test_every_state_has_one_number_and_its_own_words(table: codes.Codes, words: Iterable[PresenceState]) -> None:
    assert {name: code.text for name, code in table.items()} == {word.value: word.text for word in words}
    assert sorted(code.number for code in table.values()) == list(range(len(table)))


def test_the_numbers_never_change() -> None:
    """They stand in stores for ever."""
    assert {name: code.number for name, code in codes.OUTCOMES.items()} == {
        "fail": 0, "pass": 1, "probe_limited": 2, "insufficient": 3,
    }  # fmt: skip
    assert {name: code.number for name, code in codes.PRESENCE.items()} == {
        "online": 0, "unknown": 1, "never": 2, "offline": 3,
    }  # fmt: skip
    assert {name: code.number for name, code in codes.INCIDENT_STATES.items()} == {
        "open": 0, "acknowledged": 1, "resolved": 2, "closed": 3,
    }  # fmt: skip
    assert [code.number for code in codes.SEVERITIES.values()] == [severity.rank for severity in Severity]


def test_buckets_are_named_in_one_way() -> None:
    options = Options(url="http://127.0.0.1", bucket="doxa", org="doxa")
    assert {tier: bucket_of(options, tier) for tier in Tier} == {tier: codes.bucket("doxa", tier) for tier in Tier}
    assert all(isinstance(text, Text) for text in codes.EVENTS.values())
