"""The real instruments where one word of theirs decides."""

import pytest
from tests.agent.udpstp.farends import serving, telling

from doxa_agent import guards
from doxa_agent.acceptance.conduct import Scene, Stop
from doxa_agent.acceptance.course import Step
from doxa_agent.acceptance.instruments import Bench
from doxa_agent.guard import GuardSettings
from doxa_agent.meter import FarEnd, Link
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome


@pytest.mark.parametrize(("load", "limited"), [({"cpu_ratio": 0.97}, True), ({"cpu_ratio": 0.3}, False)])
def test_a_far_end_that_says_it_was_the_limit_is_asked_once_and_believed(load: dict[str, float], limited: bool) -> None:
    asked: list[str] = []
    with telling({"seconds": 5.0, **load}, asked) as http, serving() as server:
        far_end = FarEnd(name="far", host="127.0.0.1", port=http, capacity_port=server.addresses[0][1])
        link = Link(name="x", kind=LinkKind.FIXED)
        bench = Bench(link, far_end, guard=GuardSettings(off=tuple(guards.names())))
        step = Step(direction="upload", percent=100, seconds=5.0)
        reading, figures = bench.step(step, 3.0, Scene(family=4, address="127.0.0.1"), Stop())
    assert ("far_end_cpu" in reading.reasons) is limited, reading
    assert reading.outcome is Outcome.PROBE_LIMITED or not limited
    assert figures.received_ip_mbps == pytest.approx(3.0, rel=0.2)
    assert len([path for path in asked if path.startswith("/health")]) == 1
