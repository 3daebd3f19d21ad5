"""The run in its order, with a played line: what is sent, what is left out, and what stands in the document."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.acceptance.conftest import GIGABIT, Played

from doxa_agent.acceptance import result
from doxa_agent.acceptance.conduct import Progress, Stop, accept, hindered
from doxa_agent.acceptance.contract import Contract, Targets
from doxa_agent.acceptance.course import FULL, SHORT, Course, Step
from doxa_agent.acceptance.identity import Device, read_device, read_mac
from doxa_agent.acceptance.judgement import Figures
from doxa_agent.acceptance.pieces import join
from doxa_agent.acceptance.result import Acceptance, Who
from doxa_agent.acceptance.tcp import buffer_delay_ratio, efficiency_ratio, ideal_mbps, transfer_time_ratio
from doxa_agent.acceptance.verdict import Verdict, word
from doxa_agent.meter import FarEnd, Link, Reading
from doxa_agent.net.mtu import Fate, PathMtu
from doxa_core.errors import WireError
from doxa_core.fields import canonical
from doxa_core.linkkind import LinkKind
from doxa_core.outcome import Outcome

GOLDEN = Path(__file__).with_name("acceptance-1.json")
HUNDRED = Contract(down_mbps=100, up_mbps=100)
WHO = Who(
    site="xa-dong-dang",
    agent="px-1",
    version="0",
    link=Link(name="internet", kind=LinkKind.FIXED, interface="eth0"),
    far_end=FarEnd(name="here", host="192.0.2.1"),
    device=Device(model="Raspberry Pi 5", serial="10000000abcdef", mac="02:00:00:00:00:01"),
)


def run(
    line: Played,
    *,
    contract: Contract = HUNDRED,
    targets: Targets = Targets(),  # noqa: B008 - frozen
    course: Course = SHORT,
    **more: Any,
) -> Acceptance:
    return accept(WHO, contract, targets, course, line, **more)


def test_a_line_of_100_passes_for_100_and_one_of_94_fails() -> None:
    good, bad = run(Played(carries_mbps=100)), run(Played(carries_mbps=94))
    assert (good.verdict, good.reasons) == (Verdict.PASS, ())
    assert (bad.verdict, bad.reasons) == (Verdict.FAIL, ("rate_below_contract", "loss_above_target"))
    assert [step.verdict for step in bad.steps if step.step.percent < 100] == [Verdict.PASS] * 8


def test_the_short_form_is_five_steps_a_direction_and_425_megabytes() -> None:
    line = Played()
    assert len(run(line).steps) == 10
    assert line.asked[:5] == ["download-25", "download-50", "download-75", "download-90", "download-100"]
    cost = SHORT.estimate(HUNDRED, line.packets)
    assert cost.steps_mb == pytest.approx({"download": 425.0, "upload": 425.0})
    assert FULL.estimate(HUNDRED, line.packets).seconds > 1800


def test_a_port_of_100_is_limited_before_a_byte_is_sent() -> None:
    line = Played(nic=replace(GIGABIT, speed_mbps=100))
    found = run(line)
    assert (found.verdict, found.reasons, line.asked) == (Verdict.PROBE_LIMITED, ("port_too_slow",), [])
    assert found.evidence()["port"]["wire_need_mbps"] == pytest.approx(103.04)
    assert run(Played(nic=replace(GIGABIT, duplex="half"))).reasons == ("port_half_duplex",)
    assert run(line, contract=Contract(down_mbps=90, up_mbps=90)).verdict is Verdict.PASS


def test_a_far_end_that_refuses_leaves_it_open_and_is_not_asked_ten_times() -> None:
    line = Played(refuses="capacity_exceeded")
    found = run(line)
    assert found.verdict is Verdict.INSUFFICIENT
    assert found.reasons == ("not_measured", "capacity_exceeded", "not_reached")
    assert line.asked == ["download-25", "download-50"]


def test_a_busy_far_end_is_asked_again_when_it_says_so_but_not_for_ever() -> None:
    line = Played(busy=[0.01, 0.01])
    assert run(line).verdict is Verdict.PASS
    assert line.asked[:4] == ["download-25", "download-25", "download-25", "download-50"]
    patient = Played(busy=[3600.0])
    assert run(patient).reasons == ("not_measured", "far_end_busy")
    assert patient.asked.count("download-25") == 1


def test_one_limited_step_forbids_both_pass_and_fail() -> None:
    assert (
        run(Played(carries_mbps=94, outcome=Outcome.PROBE_LIMITED, reasons=("cpu",))).verdict is Verdict.PROBE_LIMITED
    )
    assert run(Played(sends=0.9)).reasons == ("sender_short",)


def test_an_unusable_line_is_no_failed_line() -> None:
    found = run(Played(unusable=("link_unusable", "no_carrier")))
    assert (found.verdict, found.reasons, found.steps) == (
        Verdict.INSUFFICIENT,
        ("link_unusable", "no_carrier"),
        (),
    )


def test_targets_of_the_idle_line_are_judged_where_they_are_given() -> None:
    hole = PathMtu(way="icmp_datagram", mtu=1400, beyond=Fate.LOST)
    line = Played(rtt_ms=60, mtu=hole)
    assert run(line).verdict is Verdict.PASS
    assert "mtu_black_hole" in run(line).findings
    strict = run(line, targets=Targets(rtt_ms=50, mtu=1500))
    assert (strict.verdict, strict.reasons[:2]) == (Verdict.FAIL, ("mtu_below_target", "base_rtt_above_target"))
    own = replace(line, mtu=PathMtu(way="x", mtu=1400, beyond=Fate.OWN), nic=replace(GIGABIT, mtu=1400))
    assert run(own, targets=Targets(mtu=1500)).verdict is Verdict.PROBE_LIMITED
    for unknown in (None, PathMtu(way="tcp_mss", mtu=1500, exact=False)):
        assert run(replace(line, mtu=unknown), targets=Targets(mtu=1500)).verdict is Verdict.INSUFFICIENT


def test_a_stop_keeps_what_is_known_and_is_no_verdict_on_the_line() -> None:
    stop = Stop()

    def third(step: Step, stop: Stop) -> None:
        if step.percent == 75:
            stop.now()

    found = run(Played(before_step=third), stop=stop)
    assert [step.verdict for step in found.steps[:2]] == [Verdict.PASS, Verdict.PASS]
    assert {step.reasons for step in found.steps[3:]} == {("not_reached",)}
    assert (found.verdict, found.interrupted, found.tcp) == (Verdict.INSUFFICIENT, True, ())
    assert "interrupted" in found.reasons


def test_a_stop_does_not_hide_a_failure_that_was_proven_before_it() -> None:
    stop = Stop()
    line = Played(carries_mbps=20, before_step=lambda step, stop: stop.now() if step.percent == 90 else None)
    assert run(line, stop=stop).verdict is Verdict.FAIL


def test_the_full_form_adds_a_long_run_each_way() -> None:
    line = Played()
    run(line, course=FULL)
    assert list(dict.fromkeys(line.asked))[-2:] == ["download-performance", "upload-performance"]


def test_the_figures_of_rfc_6349_are_those_of_its_formulas() -> None:
    """Its own worked numbers: 2,000 of 102,000 octets sent again; 25 ms that became 32 ms."""
    assert efficiency_ratio(102_000, 2_000) == pytest.approx(0.9803, abs=1e-4)
    assert buffer_delay_ratio(32, 25) == pytest.approx(0.28)
    assert (efficiency_ratio(0, 0), buffer_delay_ratio(32, None)) == (None, None)
    assert transfer_time_ratio(100e6 / 8 * 10, 12.0, 100.0) == pytest.approx(1.2)
    assert ideal_mbps(HUNDRED, "download", 4) == pytest.approx(100 * 1448 / 1500)
    down, up = run(Played(carries_mbps=50)).tcp
    assert down.transfer_time_ratio == pytest.approx(2.0)
    assert (down.efficiency_ratio, up.efficiency_ratio) == (None, 0.99)
    assert down.buffer_delay_ratio == pytest.approx(2.0)
    assert down.bdp_bytes == pytest.approx(100e6 * 0.005 / 8)


def test_a_short_tcp_run_is_named_as_one() -> None:
    assert "tcp_short" in run(Played()).findings
    assert "tcp_short" not in run(Played(), course=FULL).findings


def test_windows_below_the_bandwidth_delay_product_are_named() -> None:
    assert "window_small" in run(Played(tcp_findings=("rwnd_limited",))).findings
    assert "window_small" not in run(Played()).findings


def test_progress_is_told_before_and_after_every_step() -> None:
    told: list[Progress] = []
    run(Played(), tell=told.append)
    assert [one.stage for one in told[:3]] == ["preconditions", "path_mtu", "base_rtt"]
    steps = [one for one in told if one.stage == "step"]
    assert [one.done is not None for one in steps] == [False, True] * 10
    assert {one.of for one in steps} == {10}


def test_the_document_proves_itself_whole() -> None:
    document = run(Played()).encode()
    evidence = result.read(document)
    assert (evidence["verdict"], evidence["device"]["serial"]) == ("pass", "10000000abcdef")
    assert set(evidence["readings"]) >= {"download-100", "upload-25", "base_rtt", "tcp-download"}
    with pytest.raises(WireError, match="changed"):
        result.read(document.replace(b'"verdict":"pass"', b'"verdict":"fail"'))


@given(st.binary(max_size=300) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=8
).map(lambda found: json.dumps({"schema": "acceptance/1", "sha256": "0", "evidence": found}).encode()))  # fmt: skip
def test_reading_a_document_refuses_in_one_way_only(document: bytes) -> None:
    with pytest.raises(WireError):
        result.read(document)


def test_the_first_document_of_this_schema_is_read_for_ever() -> None:
    document = GOLDEN.read_bytes()
    evidence = result.read(document)
    assert (evidence["verdict"], len(evidence["steps"]), evidence["contract"]["layer"]) == ("fail", 10, "ip")
    assert canonical(json.loads(document)) == document.strip()


def test_a_run_that_did_not_begin_has_a_document_too() -> None:
    found = hindered(WHO, HUNDRED, Targets(), SHORT, "guard_refused", "busy")
    assert result.read(found.encode())["reasons"] == ["guard_refused", "busy"]
    assert found.verdict is Verdict.INSUFFICIENT


def test_the_board_tells_who_it_is_where_it_can(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"Raspberry Pi 5 Model B\0")
    (tmp_path / "serial-number").write_bytes(b"\xff\xfe\0")
    found = read_device(None, tmp_path)
    assert found.as_fields()["model"] == "Raspberry Pi 5 Model B"
    assert read_device("nothere0", tmp_path / "absent") == Device()
    assert read_mac("lo") is None


def test_every_code_has_words_in_both_languages() -> None:
    for code in ("rate_below_contract", "nic_half_duplex", "name_not_found", "interrupted"):
        assert word(code).vi != code
        assert word(code).en != code
    assert word("never_heard_of").vi == "never_heard_of"


# --- attempts and pieces


def _hiccups(line: Played, *lost: float) -> Played:
    """A line whose attempts at download-50 lose these shares, in turn."""
    turns = iter(lost)

    def before(step: Step, _stop: Stop) -> None:
        line.loses = next(turns, 0.0) if step.name == "download-50" else 0.0

    line.before_step = before
    return line


def test_a_step_that_two_of_three_attempts_pass_is_passed_and_the_failed_one_is_kept() -> None:
    line = _hiccups(Played(), 0.01)
    found = run(line)
    assert found.verdict is Verdict.PASS
    assert line.asked.count("download-50") == 3
    (step,) = [one for one in found.evidence()["steps"] if one["name"] == "download-50"]
    assert [one["verdict"] for one in step["attempts"]] == ["fail", "pass"]
    assert "step_repeated" in step["notes"]


def test_a_step_that_two_attempts_fail_is_failed() -> None:
    line = _hiccups(Played(), 0.01, 0.02)
    found = run(line)
    assert (found.verdict, found.reasons) == (Verdict.FAIL, ("loss_above_target",))
    assert line.asked.count("download-50") == 2


def test_a_fail_that_nothing_confirms_leaves_the_step_open() -> None:
    line = _hiccups(Played(), 0.01)

    def before(step: Step, _stop: Stop) -> None:
        attempt = line.asked.count("download-50")
        line.loses = 0.01 if step.name == "download-50" and attempt == 1 else 0.0
        line.step_findings = ("byte_audit",) if step.name == "download-50" and attempt > 1 else ()
        line.loses = 0.01 if step.name == "download-50" else 0.0

    line.before_step = before
    found = run(line)
    assert found.verdict is Verdict.INSUFFICIENT
    assert "attempts_disagree" in found.reasons


def test_a_limited_attempt_says_nothing_against_a_later_pass() -> None:
    line = Played()

    def before(step: Step, _stop: Stop) -> None:
        line.sends = 0.9 if step.name == "upload-100" and line.asked.count("upload-100") == 1 else 1.0

    line.before_step = before
    assert run(line).verdict is Verdict.PASS
    assert line.asked.count("upload-100") == 2


def test_the_long_run_goes_in_pieces_that_any_far_end_grants_and_is_never_repeated() -> None:
    lengths: list[float] = []
    line = Played(carries_mbps=94)
    line.before_step = lambda step, _stop: lengths.append(step.seconds) if step.performance else None
    found = run(line, course=replace(FULL, percents=(25,), performance_s=150.0))
    assert lengths == [50.0] * 6
    long = [step for step in found.steps if step.step.performance]
    assert [step.figures.seconds for step in long] == [150.0, 150.0]
    assert [step.verdict for step in long] == [Verdict.FAIL] * 2
    reading = long[0].reading
    assert reading is not None
    assert len(reading.detail["pieces"]) == 3


@given(st.lists(st.tuples(st.floats(1, 100), st.floats(0, 0.9), st.floats(1, 60)), min_size=2, max_size=6))
def test_pieces_amount_to_what_was_received_and_lost_in_all(found: list[tuple[float, float, float]]) -> None:
    every = [
        (
            Reading(outcome=Outcome.OK),
            Figures(received_ip_mbps=sent * (1 - loss), sent_ip_mbps=sent, loss_ratio=loss, seconds=seconds),
        )
        for sent, loss, seconds in found
    ]
    _, whole = join(every, "download")
    time = sum(seconds for _, _, seconds in found)
    assert whole.seconds == pytest.approx(time)
    received = sum(sent * (1 - loss) * seconds for sent, loss, seconds in found)
    assert whole.received_ip_mbps == pytest.approx(received / time)
    assert whole.loss_ratio == pytest.approx(1 - received / sum(s * t for s, _, t in found), abs=1e-9)
    assert whole.rtt_p95_ms is None
