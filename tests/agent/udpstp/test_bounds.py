"""What a server makes of the parameters that a client asks for."""

from dataclasses import replace
from typing import Any

import pytest
from tests.agent.udpstp.farends import DOWN

from doxa_agent.udpstp.bounds import Allowed, accepted
from doxa_agent.udpstp.pdu import (
    SEARCH_ROW,
    Activation,
    ActivationResult,
)
from doxa_agent.udpstp.rates import table


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ({"low_ms": 0}, {"low_ms": 30}),
        ({"low_ms": 100, "upper_ms": 50}, {"low_ms": 30, "upper_ms": 90}),
        ({"upper_ms": 20_000}, {"upper_ms": 90}),
        ({"trial_ms": 4}, {"trial_ms": 50}),
        ({"trial_ms": 251}, {"trial_ms": 50}),
        ({"seconds": 0}, {"seconds": 10}),
        ({"seconds": 3601}, {"seconds": 10}),
        ({"seconds": 300}, {"seconds": 60}),
        ({"sub_interval_ms": 99}, {"sub_interval_ms": 1000}),
        ({"seconds": 2, "sub_interval_ms": 9000}, {"seconds": 2, "sub_interval_ms": 2000}),
        ({"dscp_ecn": 0xB8}, {"dscp_ecn": 0}),
        ({"row": 1153}, {"row": SEARCH_ROW}),
        ({"row": 900}, {"row": 500}),
        ({"high_speed_delta": 0}, {"high_speed_delta": 10}),
        ({"slow_threshold": 0}, {"slow_threshold": 3}),
        ({"modifiers": 0xFF}, {"modifiers": 3}),
        ({"ce_threshold": 9, "suppressed": 3}, {"ce_threshold": 0, "suppressed": 0}),
        ({"rate": table()[900]}, {"rate": table()[0].__class__()}),
    ],
)
def test_parameters_are_bounded_and_sent_back_as_they_hold(asked: dict[str, Any], holds: dict[str, Any]) -> None:
    wish = Activation(direction=DOWN, **asked)
    found = accepted(wish, Allowed(row=500))
    assert found == replace(wish, result=ActivationResult.OK, **holds)
