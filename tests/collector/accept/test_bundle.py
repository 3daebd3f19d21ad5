"""The file of evidence: one form, whole or refused in one sentence, and never one that contradicts itself."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collector.accept.conftest import MARK, document, evidence, limited, passed, refused

from doxa_agent.acceptance import contract as agents
from doxa_agent.acceptance import judgement, verdict
from doxa_collector.accept import bundle
from doxa_collector.accept.bundle import Evidence
from doxa_collector.accept.contracted import Contracted
from doxa_collector.papers.drafts import acceptance_rules
from doxa_collector.verdict import VerdictOutcome
from doxa_core.errors import InputError
from doxa_core.fields import canonical
from doxa_core.layers import Layer

PROMISED = Contracted(office="Trụ sở", down_mbps=100, up_mbps=100)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def made(found: dict[str, Any], contract: Contracted = PROMISED, signature: str | None = None) -> bytes:
    run, line, _ = bundle.read_result(document(found), "x")
    return Evidence(run=run, contract=contract, program="1.2", result=line, signature=signature).encode()


WHOLE = made(evidence())


def test_a_bundle_is_two_lines_and_the_second_is_the_agents_byte_for_byte() -> None:
    head, line, end = WHOLE.split(b"\n")
    assert (line, end) == (document(evidence()), b"")
    assert json.loads(head) == {
        "schema": "acceptance-bundle/1", "site": "xa-dong-dang", "link": "internet", "programs": {"doxa": "1.2"},
        "contract": {"office": "Trụ sở", "down_mbps": 100, "up_mbps": 100, "source": "options"},
    }  # fmt: skip
    found = bundle.read(WHOLE, "x")
    assert (found.encode(), found.name) == (WHOLE, f"bang-chung-nghiem-thu_{MARK}.jsonl")


def test_a_signature_is_kept_with_the_line_that_it_signs() -> None:
    run, line, signature = bundle.read_result(document(evidence()) + b"\tAbc+/=\n", "x")
    assert (line, signature) == (document(evidence()), "Abc+/=")
    signed = Evidence(run=run, contract=PROMISED, program="1", result=line, signature=signature)
    assert bundle.read(signed.encode(), "x").signature == "Abc+/="


@pytest.mark.parametrize("bad", [b"", b"a b", b"x" * 1025, "é".encode()])
def test_what_cannot_be_a_signature_is_refused(bad: bytes) -> None:
    with pytest.raises(InputError, match="chữ ký"):
        bundle.read(WHOLE[:-1] + b"\t" + bad + b"\n", "x")


def test_an_indented_result_is_read_all_the_same() -> None:
    indented = json.dumps(json.loads(document(evidence())), indent="\t").encode()
    assert bundle.read_result(indented, "x")[1] == document(evidence())


@given(st.data())
def test_no_changed_byte_goes_unnoticed(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(WHOLE) - 1))
    octet = data.draw(st.integers(0, 255).filter(lambda found: found != WHOLE[at]))
    changed = WHOLE[:at] + bytes([octet]) + WHOLE[at + 1 :]
    try:
        found = bundle.read(changed, "x")
    except InputError as refused_:
        assert refused_.exit_code == 2
        assert "\n" not in str(refused_)
    else:  # another word in our own line: the hash on the paper is another one
        assert at < WHOLE.index(b"\n")
        assert found.sha256 != bundle.read(WHOLE, "x").sha256


@given(st.binary(max_size=200) | st.tuples(JSON, JSON).map(lambda two: b"\n".join(json.dumps(o).encode() for o in two) + b"\n"))  # fmt: skip
def test_what_is_no_bundle_is_one_sentence(found: bytes) -> None:
    for read in (bundle.read, bundle.read_result):
        with pytest.raises(InputError):
            read(found, "x")
    bundle.is_bundle(found)


@given(name=st.sampled_from(sorted(evidence())), value=JSON, inner=st.booleans(), data=st.data())
def test_evidence_of_any_shape_is_read_or_refused(name: str, value: Any, inner: bool, data: st.DataObject) -> None:
    found = evidence()
    if inner and isinstance(found[name], dict) and found[name]:
        found[name][data.draw(st.sampled_from(sorted(found[name])))] = value
    elif inner and isinstance(found[name], list) and found[name] and isinstance(found[name][0], dict):
        found[name][0][data.draw(st.sampled_from(sorted(found[name][0])))] = value
    else:
        found[name] = value
    try:
        line = document(found)
    except ValueError:
        return
    head = WHOLE.split(b"\n")[0]
    try:
        read = bundle.read(head + b"\n" + line + b"\n", "x")
    except InputError:
        return
    assert read.run.outcome is not VerdictOutcome.PASS, "the golden run failed"


@given(value=JSON, name=st.sampled_from(["schema", "site", "link", "contract", "programs", "more"]))
def test_our_own_line_of_any_shape_is_read_or_refused(name: str, value: Any) -> None:
    head, line, _ = WHOLE.split(b"\n")
    fields = json.loads(head) | {name: value}
    try:
        found = canonical(fields)
    except ValueError:
        return
    if found != head:
        with pytest.raises(InputError):
            bundle.read(found + b"\n" + line + b"\n", "x")


def _claims(found: dict[str, Any]) -> None:
    found |= {"verdict": "pass", "reasons": []}


def _steps_claim(found: dict[str, Any]) -> None:
    _claims(found)
    for step in found["steps"]:
        step |= {"verdict": "pass", "reasons": []}


def _shown_only(found: dict[str, Any]) -> None:
    passed(found)
    found["steps"][4]["received_ip_mbps"] = 80.0


def _fewer(found: dict[str, Any]) -> None:
    passed(found)
    del found["steps"][4]


def _none(found: dict[str, Any]) -> None:
    passed(found)
    found["steps"] = []


def _lossy(found: dict[str, Any]) -> None:
    passed(found)
    found["steps"][0]["loss_ratio"] = 0.01


def _easier(found: dict[str, Any]) -> None:
    passed(found)
    for step in found["steps"]:
        for name in ("asked_mbps", "asked_ip_mbps", "received_mbps", "received_ip_mbps", "offered_ip_mbps"):
            step[name] /= 2


def _slow(found: dict[str, Any]) -> None:
    passed(found)
    found["targets"]["rtt_ms"] = 1.0


@pytest.mark.parametrize(
    ("forge", "what"),
    [
        (_claims, "outcome"), (_steps_claim, "step_rate"), (_shown_only, "step_layer"), (_fewer, "steps_missing"),
        (_none, "outcome"), (_lossy, "step_loss"), (_easier, "contract"), (_slow, "step_delay"),
        (lambda found: found.update(verdict="insufficient"), "outcome"),
    ],
)  # fmt: skip
def test_a_forged_result_with_a_right_digest_contradicts_itself(forge: Callable[[Any], None], what: str) -> None:
    with pytest.raises(InputError, match=rf"mâu thuẫn với chính số liệu trong tệp \({what}\)"):
        made(evidence(forge))


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.update(site="../../etc"),
        lambda found: found["link"].update(name="a/b"),
        lambda found: found["steps"][0].update(percent=0),
        lambda found: found["steps"][0].update(percent=10**400),
        lambda found: found.update(started="9999-12-31T23:59:59.000000Z"),
        lambda found: found.update(duration_s=True),
    ],
)
def test_what_could_leave_its_folder_or_break_a_sum_is_refused(change: Callable[[Any], None]) -> None:
    with pytest.raises(InputError):
        made(evidence(change))


@pytest.mark.parametrize("change", [passed, limited, refused])
def test_an_honest_result_does_not(change: Callable[[Any], None]) -> None:
    assert bundle.read(made(evidence(change)), "x").run.outcome.value == evidence(change)["verdict"]


def test_the_rules_are_the_agents() -> None:
    assert acceptance_rules.ACCURACY == judgement.ACCURACY
    targets = agents.Targets(tolerance_ratio=0.03, loss_ratio=0.001)
    run = bundle.read(WHOLE, "x").run
    for share in (0.25, 0.9, 0.97, 1.0, 1.01):
        assert acceptance_rules.loss_at(run, share) == targets.loss_at(share)
    for one in verdict.Verdict:
        for other in verdict.Verdict:
            parts = tuple(replace(run.steps[0], outcome=VerdictOutcome(found)) for found in (one, other))
            both = acceptance_rules._overall(replace(run, parts=(), steps=parts))
            assert both.value == verdict.overall([one, other]).value


@pytest.mark.parametrize(
    "contract",
    [
        replace(PROMISED, down_mbps=200), replace(PROMISED, up_mbps=50), replace(PROMISED, layer=Layer.WIRE),
        replace(PROMISED, down_mbps=None),
    ],
)  # fmt: skip
def test_a_result_is_not_held_against_another_contract(contract: Contracted) -> None:
    with pytest.raises(InputError, match="phép đo được chạy cho hợp đồng 100/100 Mbps"):
        bundle.read(made(evidence(), contract), "x")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda found: found[:-1], "đúng hai dòng"),
        (lambda found: found + b"\n", "đúng hai dòng"),
        (lambda found: found.replace(b"\n", b"\r\n"), "ghi lại bằng chương trình khác"),
        (lambda found: found.replace(b'"office"', b' "office"'), "ghi lại bằng chương trình khác"),
        (
            lambda found: found.replace(b'"link":"internet","programs"', b'"link":"tslcd","programs"'),
            "hai đường truyền",
        ),
        (lambda found: found.replace(b"bundle/1", b"bundle/2"), "không phải tệp bằng chứng"),
        (lambda found: found.ljust(bundle.MAX_BYTES + 1), "quá lớn"),
    ],
)
def test_a_damaged_bundle_is_refused_with_this_sentence(change: Callable[[bytes], bytes], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        bundle.read(change(WHOLE), "x.jsonl")


def test_the_golden_file_of_this_schema_is_read_for_ever() -> None:
    kept = Path(__file__).with_name("acceptance-bundle-1.jsonl").read_bytes()
    found = bundle.read(kept, "golden")
    assert found.encode() == kept
    assert found.sha256 == "e30af8b26f602d02706ed1f8dd9b548083429708aa2546a61a92420a56f0939a"
