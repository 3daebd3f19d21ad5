"""The path meter: what it is told, and what it says where there is little to say."""

from typing import Any

import pytest
from tests.agent.path.conftest import options

from doxa_agent import meters
from doxa_agent.meter import Deadline, FarEnd, Link, Reading, Request
from doxa_agent.meters import path
from doxa_core.errors import InputError
from doxa_core.linkkind import LinkKind
from doxa_core.names import is_value_name
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

A_PREFIX = 'write a network address with its prefix length, such as "10.20.30.0/24" or "2001:db8:7::/48"'
LOOPBACK = Link(name="loopback", kind=LinkKind.FIXED)


def test_the_registry_takes_it() -> None:
    meter = meters.load("path")
    assert (meter.method, meter.heavy) == ("path/1", False)
    assert all(is_value_name(name) for name in meter.values)


def test_the_options_have_their_defaults() -> None:
    found = path.read_options(Table({}, "plan.toml", "task.t.options."))
    assert (found.settings.probe, found.settings.rounds, found.settings.max_hops) == ("auto", 10, 30)
    assert (found.mtu, found.office) == (True, ())
    assert path.seconds(found, 2) > 2 * found.settings.rounds


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({"probe": "tcp"}, "probe: the value 'tcp' is not valid; write one of: auto, udp, icmp"),
        ({"max_hops": 61}, "max_hops: the value 61 is not valid; write a whole number from 1 to 60"),
        ({"office_prefixes": ["10.0.0.1/8"]}, f"office_prefixes: '10.0.0.1/8' is not a network prefix; {A_PREFIX}"),
    ],
)  # fmt: skip
def test_a_bad_option_is_refused_with_its_place_and_its_cure(found: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        options(**found)
    assert error.value.text.en == f"plan.toml: options.{sentence}"


def measure(host: str, link: Link = LOOPBACK, **found: Any) -> Reading:
    asked = Request(link=link, far_ends=(FarEnd(name="f", host=host),), options=options(**found), deadline=Deadline(30))
    (reading,) = path.measure(asked)
    return reading


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_own_machine_is_one_hop_away(host: str) -> None:
    reading = measure(host)
    assert (reading.outcome, reading.values["hop_count"], reading.values["loss_ratio"]) == (Outcome.OK, 1, 0)
    assert "last_mile_rtt_min_ms" not in reading.values


def test_a_line_or_a_name_that_is_not_there_is_a_failure_with_its_reason() -> None:
    gone = Link(name="gone", kind=LinkKind.FIXED, interface="nothere0")
    assert measure("192.0.2.1", gone).reasons == ("interface_absent",)
    assert measure("nothere.invalid").outcome is Outcome.FAILED
