"""Values that cannot be true never reach a statistic."""

import math

import pytest

from doxa_agent.guard import Turn, Verdict
from doxa_agent.guards import bounds as guard
from doxa_agent.judged import judged
from doxa_agent.meter import Link, Reading
from doxa_agent.net.nic import Nic
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome

TURN = Turn(link=Link(name="office", kind=LinkKind.FIXED, interface="eth0"), heavy=True)
PORT = Nic(name="eth0", up=True, operstate="up", speed_mbps=1000, duplex="full")


@pytest.mark.parametrize(
    ("name", "value", "impossible"),
    [
        ("download_mbps", 0.0, True),
        ("download_mbps", -1.0, True),
        ("download_mbps", math.nan, True),
        ("download_mbps", math.inf, True),
        ("download_mbps", 941.0, False),
        ("download_wire_mbps", 1040.0, False),
        ("download_wire_mbps", 1060.0, True),
        ("download_sent_mbps", 1060.0, False),
        ("download_sent_mbps", 0.0, False),
        ("download_sent_mbps", -1.0, True),
        ("download_loss_ratio", 1.0, False),
        ("download_loss_ratio", 1.001, True),
        ("download_loss_ratio", -0.001, True),
        ("idle_rtt_p50_ms", -0.1, True),
        ("clock_offset_ms", -5.0, False),
        ("retransmits_count", 0.0, False),
        ("download_rpm", 900.0, False),
        ("cpu_ratio", None, True),
    ],
)
def test_what_no_line_and_no_port_can_do_is_impossible(name: str, value: object, *, impossible: bool) -> None:
    assert guard.is_impossible(name, value, PORT) is impossible


def test_a_virtual_ports_speed_is_no_bound() -> None:
    virtual = Nic(name="v0", up=True, operstate="up", speed_mbps=10_000, is_virtual=True)
    assert not guard.is_impossible("download_mbps", 25_000.0, virtual)


def test_an_impossible_value_is_our_own_error_and_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "read_nic", lambda _: PORT)
    reading = Reading(
        outcome=Outcome.OK, values={"download_mbps": 9_400.0, "upload_mbps": 94.0}, findings=("not_stable",)
    )
    found = judged(reading, guard.judge(TURN, reading))
    assert (found.outcome, found.reasons) == (Outcome.ERROR, ("impossible_value",))
    assert found.values == {"upload_mbps": 94.0}
    assert found.findings == ("not_stable", "impossible_value")
    assert found.detail == {"guards": {"impossible": {"download_mbps": "9400.0"}}}
    assert guard.judge(TURN, Reading(outcome=Outcome.OK, values={"upload_mbps": 94.0})) == Verdict()
