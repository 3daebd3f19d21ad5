"""rules.toml: the shipped rules, the deployment's changes, and one exact sentence for each mistake."""

import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doxa_collector.alerts.model import Baseline, Limit
from doxa_collector.alerts.reading import read_rule
from doxa_collector.alerts.rules import SHIPPED, Rules, read_rules, wanted
from doxa_core.errors import InputError
from doxa_core.language import choose_language
from doxa_core.strict import Table


@pytest.fixture(autouse=True)
def speaking_english() -> None:
    choose_language("en")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rules.toml"


WHOLE = """
[[rule]]
id = "mine"
on = "link"
metric = "latency.rtt_p95_ms"
operator = ">"
threshold = 100
severity = "warning"
message = { vi = "chậm", en = "slow" }
"""


def test_the_shipped_rules_are_sound_and_speak_both_languages() -> None:
    rules = read_rules()
    assert len({rule.id for rule in rules}) == len(rules) > 20
    assert all(rule.message.vi != rule.message.en for rule in rules)


def test_what_the_noc_needs_is_shipped() -> None:
    ids = {rule.id for rule in read_rules()}
    assert ids >= {
        "link-down", "loss", "latency", "speed-target", "clock", "probe-disk", "certificate-ends", "agent-outdated",
        "node-down", "probe-offline", "ipv6-broken", "tslcd-capacity",
    }  # fmt: skip


def test_a_shipped_rule_is_changed_by_its_id_key_by_key(file: Path) -> None:
    file.write_text('[[rule]]\nid = "loss"\nthreshold = 0.5\nclear_threshold = 0.4\n')
    before, after = ({rule.id: rule for rule in read_rules(f)} for f in (None, file))
    assert after["loss"].limit == Limit(raise_at=0.5, clear=0.4)
    assert after["loss"].message == before["loss"].message
    assert {k: v for k, v in after.items() if k != "loss"} == {k: v for k, v in before.items() if k != "loss"}


def test_a_fixed_threshold_replaces_a_baseline(file: Path) -> None:
    file.write_text('[[rule]]\nid = "latency"\nthreshold = 80\n')
    before, after = ({rule.id: rule for rule in read_rules(f)} for f in (None, file))
    assert isinstance(before["latency"].limit, Baseline)
    assert after["latency"].limit == Limit(raise_at=80, clear=80)


def test_a_rule_that_is_switched_off_is_wanted_no_more(file: Path) -> None:
    file.write_text('[[rule]]\nid = "clock"\nenabled = false\n')
    assert "probe.clock_synchronised_flag" in wanted(read_rules())
    assert "probe.clock_synchronised_flag" not in wanted(read_rules(file))


def test_a_rule_of_ones_own_joins_the_shipped_ones(file: Path) -> None:
    file.write_text(WHOLE)
    assert [rule.id for rule in read_rules(file)][-1] == "mine"


def changed(old: str, new: str) -> str:
    assert old in WHOLE
    return WHOLE.replace(old, new)


@pytest.mark.parametrize(
    ("text", "en"),
    [
        (changed("rtt_p95_ms", "rtt_p95"), "rule[1].metric: there is no metric 'latency.rtt_p95'; did you mean 'latency.rtt_p95_ms'?"),
        (changed('on = "link"', 'on = "probe"'), "rule[1].on: 'latency.rtt_p95_ms' is a figure of a link; write on = \"link\""),
        (changed("threshold", "treshold"), "rule[1].threshold: this required key is missing (there is a similar key 'treshold'); write a number from -1e+15 to 1e+15"),
        (WHOLE + "colour = 3\n", "rule[1].colour: this key does not exist; the keys known here: baseline, clear_for_s, clear_threshold, damping, enabled, far_ends, for_s, for_samples, id, message, metric, no_data, no_data_s, on, operator, schedule, scope, severity, threshold"),
        (WHOLE + "for = 3\n", "rule[1].for: this key does not exist; did you mean 'for_s'?"),
        (WHOLE + "clear_threshold = 120\n", "rule[1].clear_threshold: the clear threshold 120 is on the wrong side of the condition '> 100'; write a number not above 100"),
        (changed('">"', '"<"') + "clear_threshold = 90\n", "rule[1].clear_threshold: the clear threshold 90 is on the wrong side of the condition '< 100'; write a number not below 100"),
        (WHOLE + WHOLE, "rule[2].id: the rule 'mine' stands at rule[1] already; change the id, or make one rule of the two"),
        ('[[rule]]\nid = "los"\nenabled = false', "rule[1].id: doxa ships no rule 'los'; did you mean 'loss'?"),
        ('[[rule]]\nid = "zzz"\nenabled = false', "rule[1].id: doxa ships no rule 'zzz'; a new rule needs on, metric, operator, threshold, severity and message"),
        (changed('en = "slow"', 'en = "{offise} slow"'), "rule[1].message.en: {offise} is no place of a message about a link; did you mean '{office}'?"),
        (changed('en = "slow"', 'en = "{node} slow"'), "rule[1].message.en: {node} is no place of a message about a link; did you mean '{code}'?"),
        (changed('en = "slow"', 'en = "{value:.1f}"'), "rule[1].message.en: {value:.1f} is no place of a message about a link; did you mean '{value}'?"),
        (changed('en = "slow"', 'en = "{office.x}"'), "rule[1].message.en: {office.x} is no place of a message about a link; did you mean '{office}'?"),
        (changed('en = "slow"', 'en = "{"'), "rule[1].message.en: the braces are not right (Single '{' encountered in format string); write a place as {office}; a plain brace is written twice: {{ }}"),
        (changed('en = "slow"', 'xx = "slow"'), "rule[1].message.en: this required key is missing; write a text that is not empty"),
        (WHOLE + "baseline = { factor = 2 }\n", "rule[1].threshold: it contradicts 'baseline'; remove one of the two"),
        (changed("threshold = 100", "baseline = { factor = 0.5 }"), "rule[1].baseline.factor: the value 0.5 is not valid; write a number from 1 to 1000"),
        (changed("threshold = 100", "baseline = { factor = 2, clear_factor = 3 }"), "rule[1].baseline.clear_factor: the clear threshold 3 is on the wrong side of the condition '> 2'; write a number not above 2"),
        (changed("threshold = 100", "baseline = { factor = 2, ceiling = 3 }"), "rule[1].baseline.ceiling: this bound means nothing with the condition '>'; write floor"),
        (WHOLE + 'schedule = { days = ["monday"] }\n', "rule[1].schedule.days: 'monday' is not valid; choose among: mon, tue, wed, thu, fri, sat, sun"),
        (WHOLE + 'schedule = { hours = ["7:30-17:00"] }\n', "rule[1].schedule.hours: '7:30-17:00' is not valid; write \"07:30-17:00\""),
        (WHOLE + 'schedule = { hours = ["08:00-08:00"] }\n', "rule[1].schedule.hours: '08:00-08:00' lasts no minute at all; write \"00:00-24:00\""),
        (WHOLE + 'scope = { link_kinds = ["fiber"] }\n', "rule[1].scope.link_kinds: 'fiber' is not valid; choose among: fixed, mobile, tslcd"),
        (WHOLE + 'scope = { places = ["6184"] }\n', "rule[1].scope.places: '6184' is not valid; write \"06184\""),
        (changed("rtt_p95_ms", "rtt_p50_ms").replace('">"', '"<"'), "rule[1].operator: the rule 'latency' reads latency.rtt_p50_ms the other way; read it the same way, or switch 'latency' off (enabled = false)"),
        ("[[rules]]\nid = 1", "rules: this key does not exist; did you mean 'rule'?"),
    ],
)  # fmt: skip
def test_each_mistake_gets_its_sentence(file: Path, text: str, en: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_rules(file)
    assert str(caught.value) == f"{file}: {en}"


def test_a_bad_file_leaves_the_last_good_rules_in_force(file: Path) -> None:
    file.write_text(WHOLE)
    rules = Rules(file)
    good = rules.current
    file.write_text(WHOLE.replace("rtt_p95_ms", "rtt_ms"))
    assert rules.reload() is not None
    assert rules.current is good
    file.write_text(WHOLE.replace("100", "120"))
    assert rules.reload() is None
    assert rules.current[-1].limit == Limit(raise_at=120, clear=120)


def test_a_bad_file_at_the_start_is_refused(file: Path) -> None:
    file.write_text("[[rule]]\n")
    with pytest.raises(InputError):
        Rules(file)


PLAIN = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))["rule"]
LEAF = st.one_of(
    st.integers(-(2**70), 2**70), st.floats(), st.booleans(), st.text(max_size=12),
    st.sampled_from(["link", ">", "<", "", "{", "{link}", "{}", "{0}", "22:00-06:00", "mon", "fixed", "latency.loss_ratio"]),
)  # fmt: skip
ANY = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    sorted({key for rule in PLAIN for key in rule} | {"baseline", "schedule", "scope", "damping", "far_ends"})
)
INNER = st.sampled_from(
    [
        "factor",
        "clear_factor",
        "days",
        "hours",
        "min_days",
        "floor",
        "ceiling",
        "link_kinds",
        "places",
        "vi",
        "en",
        "changes",
    ]
)


@settings(max_examples=300)
@given(
    base=st.sampled_from(PLAIN),
    changes=st.dictionaries(KEYS, ANY | st.dictionaries(INNER, ANY, max_size=4), max_size=4),
)
def test_whatever_stands_in_a_rule_it_is_read_or_refused(base: dict[str, Any], changes: dict[str, Any]) -> None:
    try:
        rule = read_rule(Table(base | changes, "rules.toml", "rule[1]."))
    except InputError:
        return
    rule.message.fill(
        office=1,
        code=2,
        place=3,
        link=4,
        provider=5,
        agent=6,
        node=7,
        metric=8,
        value=9,
        threshold=0,
        baseline=1,
        since=2,
        far_end=3,
    )


@settings(max_examples=100)
@given(text=st.text(alphabet='[]rule="{}\n.id0: ', max_size=80))
def test_whatever_the_file_holds_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "fuzz.toml"
    file.write_text(text, encoding="utf-8")
    with suppress(InputError):
        read_rules(file)
