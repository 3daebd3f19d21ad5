"""What follows from readings: the outcomes are ordered by evidence, and better measurements never make a worse line."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from doxa_agent.acceptance.contract import Contract, Packets, Targets
from doxa_agent.acceptance.course import Step
from doxa_agent.acceptance.judgement import Figures, StepResult, judge_step
from doxa_agent.acceptance.verdict import Verdict, overall
from doxa_agent.meter import Reading
from doxa_core.layers import Layer
from doxa_core.outcome import Outcome

CONTRACT = Contract(down_mbps=100, up_mbps=50)
PACKETS = Packets()
OK = Reading(outcome=Outcome.OK)
FULL = Figures(received_ip_mbps=100.0, sent_ip_mbps=100.0, loss_ratio=0.0, rtt_p95_ms=5.0, pdv_ms=1.0, seconds=10)


def judge(
    figures: Figures,
    percent: float = 100,
    *,
    reading: Reading = OK,
    targets: Targets = Targets(),  # noqa: B008 - frozen
    contract: Contract = CONTRACT,
) -> StepResult:
    step = Step(direction="download", percent=percent, seconds=10)
    return judge_step(step, contract, PACKETS, targets, reading, figures)


def carried(mbps: float, percent: float = 100) -> Figures:
    """What a line of that rate does with the step."""
    received = min(mbps, percent)
    return replace(FULL, received_ip_mbps=received, sent_ip_mbps=percent, loss_ratio=1 - received / percent)


def test_a_line_that_carries_its_contract_passes_every_step() -> None:
    assert {judge(carried(100, percent), percent).verdict for percent in (25, 50, 75, 90, 100)} == {Verdict.PASS}


def test_a_line_of_94_fails_for_100_with_both_reasons() -> None:
    found = judge(carried(94))
    assert (found.verdict, found.reasons) == (Verdict.FAIL, ("rate_below_contract", "loss_above_target"))


def test_within_the_tolerance_the_last_step_passes_and_says_so() -> None:
    found = judge(carried(98))
    assert (found.verdict, found.notes) == (Verdict.PASS, ("full_rate_step_within_tolerance",))
    assert judge(carried(98), targets=Targets(tolerance_ratio=0.0)).verdict is Verdict.FAIL


def test_loss_below_the_full_rate_is_not_excused_by_the_tolerance_of_the_rate() -> None:
    lossy = replace(FULL, received_ip_mbps=89.0, sent_ip_mbps=90.0, loss_ratio=0.011)
    found = judge(lossy, 90)
    assert (found.verdict, found.reasons) == (Verdict.FAIL, ("loss_above_target",))


@pytest.mark.parametrize(
    ("figures", "reading", "verdict", "reasons"),
    [
        (carried(94), replace(OK, outcome=Outcome.PROBE_LIMITED, reasons=("cpu",)), Verdict.PROBE_LIMITED, ("cpu",)),
        (carried(94), replace(OK, outcome=Outcome.PROBE_LIMITED), Verdict.PROBE_LIMITED, ("limit_unnamed",)),
        (
            replace(FULL, received_ip_mbps=94.0, sent_ip_mbps=94.0),
            OK,
            Verdict.PROBE_LIMITED,
            ("sender_short",),
        ),
        (carried(94), replace(OK, findings=("byte_audit",)), Verdict.INSUFFICIENT, ("other_traffic",)),
        (Figures(), Reading(outcome=Outcome.FAILED, reasons=("no_reply",)), Verdict.INSUFFICIENT, ("not_measured", "no_reply")),
        (Figures(), Reading(outcome=Outcome.ERROR, reasons=("exception",)), Verdict.INSUFFICIENT, ("not_measured", "exception")),
        (replace(FULL, seconds=5), OK, Verdict.INSUFFICIENT, ("cut_short",)),
        (replace(FULL, loss_ratio=None), OK, Verdict.INSUFFICIENT, ("loss_unknown",)),
        (replace(FULL, received_ip_mbps=200.0), OK, Verdict.INSUFFICIENT, ("impossible_rate",)),
    ],
)  # fmt: skip
def test_whatever_else_may_be_why_is_not_held_against_the_line(
    figures: Figures, reading: Reading, verdict: Verdict, reasons: tuple[str, ...]
) -> None:
    found = judge(figures, reading=reading)
    assert (found.verdict, found.reasons) == (verdict, reasons)


def test_a_sender_that_fell_short_is_not_excused_by_loss_beside_it() -> None:
    """95 of 100 sent and 90 received: what the line would have done with 100 is not known."""
    found = judge(replace(FULL, sent_ip_mbps=95.0, received_ip_mbps=90.0, loss_ratio=0.053))
    assert (found.verdict, found.reasons) == (Verdict.PROBE_LIMITED, ("sender_short",))


def test_a_line_that_delivers_all_that_was_sent_is_not_failed_for_what_was_not() -> None:
    """98.5 of 100 is sending enough by the rule of 98 %, but a contract without tolerance is not disproved by it."""
    every = replace(FULL, sent_ip_mbps=98.5, received_ip_mbps=98.5)
    assert judge(every).verdict is Verdict.PASS
    found = judge(every, targets=Targets(tolerance_ratio=0.0))
    assert (found.verdict, found.reasons) == (Verdict.PROBE_LIMITED, ("sender_short",))


def test_a_limited_probe_that_still_shows_the_rate_has_shown_it() -> None:
    limited = replace(OK, outcome=Outcome.PROBE_LIMITED, reasons=("nic_port_limit",))
    found = judge(FULL, reading=limited)
    assert (found.verdict, found.notes) == (Verdict.PASS, ("measured_limited", "nic_port_limit"))


def test_delay_is_judged_below_the_full_rate_only_and_only_where_a_target_is_given() -> None:
    slow = replace(carried(100, 90), rtt_p95_ms=80.0, pdv_ms=50.0)
    both = Targets(rtt_ms=50, pdv_ms=30)
    assert judge(slow, 90).verdict is Verdict.PASS
    assert judge(slow, 90, targets=both).reasons == ("rtt_above_target", "delay_variation_above_target")
    assert judge(replace(FULL, rtt_p95_ms=80.0, pdv_ms=50.0), 100, targets=both).verdict is Verdict.PASS
    unknown = judge(replace(slow, rtt_p95_ms=None, pdv_ms=None), 90, targets=both)
    assert (unknown.verdict, unknown.reasons) == (Verdict.INSUFFICIENT, ("rtt_unknown", "delay_variation_unknown"))


RATES = st.floats(1, 100)
LOSSES = st.floats(0, 1)
TARGETS = st.builds(Targets, tolerance_ratio=st.floats(0, 0.2), loss_ratio=st.floats(0, 0.1))
READINGS = st.builds(
    Reading,
    outcome=st.sampled_from([Outcome.OK, Outcome.PROBE_LIMITED]),
    findings=st.sampled_from([(), ("byte_audit",), ("cut_short",)]),
)
PERCENTS = st.sampled_from([25, 50, 90, 97, 100])


@given(received=RATES, more=RATES, loss=LOSSES, percent=PERCENTS, targets=TARGETS, reading=READINGS)
def test_a_higher_rate_never_makes_a_worse_line(
    received: float, more: float, loss: float, percent: int, targets: Targets, reading: Reading
) -> None:
    low, high = sorted((received, more))
    assume(high <= percent)
    sent = float(percent)
    one = judge(
        replace(FULL, received_ip_mbps=low, sent_ip_mbps=sent, loss_ratio=loss),
        percent,
        reading=reading,
        targets=targets,
    )
    other = judge(
        replace(FULL, received_ip_mbps=high, sent_ip_mbps=sent, loss_ratio=loss),
        percent,
        reading=reading,
        targets=targets,
    )
    if one.verdict is Verdict.PASS:
        assert other.verdict is Verdict.PASS
    if one.verdict is not Verdict.FAIL:
        assert other.verdict is not Verdict.FAIL


@given(received=RATES, loss=LOSSES, less=LOSSES, percent=PERCENTS, targets=TARGETS, reading=READINGS)
def test_less_loss_never_makes_a_worse_line(
    received: float, loss: float, less: float, percent: int, targets: Targets, reading: Reading
) -> None:
    few, many = sorted((loss, less))
    figures = replace(FULL, received_ip_mbps=min(received, percent), sent_ip_mbps=float(percent))
    one = judge(replace(figures, loss_ratio=many), percent, reading=reading, targets=targets)
    other = judge(replace(figures, loss_ratio=few), percent, reading=reading, targets=targets)
    assert not (one.verdict is Verdict.PASS and other.verdict is not Verdict.PASS)


@given(carries=RATES, lower=st.floats(1, 100), percent=PERCENTS, targets=TARGETS)
def test_a_contract_for_less_is_never_failed_by_a_line_that_keeps_one_for_more(
    carries: float, lower: float, percent: int, targets: Targets
) -> None:
    def of(contracted: float) -> Verdict:
        asked = contracted * percent / 100
        got = min(carries, asked)
        figures = replace(FULL, received_ip_mbps=got, sent_ip_mbps=asked, loss_ratio=1 - got / asked)
        return judge(figures, percent, targets=targets, contract=Contract(down_mbps=contracted, up_mbps=1)).verdict

    if of(100) is Verdict.PASS:
        assert of(min(lower, 100)) is Verdict.PASS


@given(figures=st.builds(
    Figures,
    received_ip_mbps=st.none() | st.floats(0, 1e6), sent_ip_mbps=st.none() | st.floats(0, 1e6),
    loss_ratio=st.none() | LOSSES, rtt_p95_ms=st.none() | st.floats(0, 1e5), pdv_ms=st.none() | st.floats(0, 1e5),
    seconds=st.none() | st.floats(0, 100),
), outcome=st.sampled_from(list(Outcome)), percent=PERCENTS)  # fmt: skip
def test_a_fail_is_always_proven(figures: Figures, outcome: Outcome, percent: int) -> None:
    found = judge(figures, percent, reading=Reading(outcome=outcome), targets=Targets(rtt_ms=50, pdv_ms=30))
    assert bool(found.reasons) is (found.verdict is not Verdict.PASS)
    if found.verdict is Verdict.FAIL:
        assert outcome is Outcome.OK
        assert figures.received_ip_mbps is not None
        assert figures.loss_ratio is not None
    if outcome in (Outcome.FAILED, Outcome.SKIPPED, Outcome.ERROR):
        assert found.verdict is Verdict.INSUFFICIENT


@given(st.lists(st.sampled_from(list(Verdict)), max_size=8))
def test_the_whole_follows_its_parts(parts: list[Verdict]) -> None:
    found = overall(parts)
    if Verdict.PROBE_LIMITED in parts:
        assert found is Verdict.PROBE_LIMITED
    elif Verdict.FAIL in parts:
        assert found is Verdict.FAIL
    else:
        assert (found is Verdict.PASS) is (bool(parts) and set(parts) == {Verdict.PASS})


@pytest.mark.parametrize(
    ("layer", "ip_mbps"), [(Layer.IP, 100.0), (Layer.PAYLOAD, 103.591), (Layer.FRAME, 98.580), (Layer.WIRE, 97.050)]
)
def test_the_contracts_layer_becomes_the_rate_that_is_asked_at_ip(layer: Layer, ip_mbps: float) -> None:
    step = Step(direction="download", percent=100, seconds=10)
    assert step.asked_ip_mbps(Contract(down_mbps=100, up_mbps=1, layer=layer), PACKETS) == pytest.approx(
        ip_mbps, abs=0.001
    )


@given(
    mbps=st.floats(0.1, 1e5),
    layer=st.sampled_from(list(Layer)),
    family=st.sampled_from([4, 6]),
    octets=st.integers(200, 9000),
)
def test_a_rate_comes_back_from_the_ip_layer_as_it_went(mbps: float, layer: Layer, family: int, octets: int) -> None:
    packets = Packets(family=family, octets=octets, vlan_tags=1, pppoe=True)
    assert packets.from_ip_mbps(packets.to_ip_mbps(mbps, layer), layer) == pytest.approx(mbps)
