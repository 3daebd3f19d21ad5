"""What every alert rule has: names that last, Vietnamese texts, a page that exists, and a form that Grafana takes."""

import re

import pytest

from doxa_dashboards import pages
from doxa_dashboards.alerting import Rule, all_rules
from doxa_dashboards.alerting.model import GROUPS
from doxa_dashboards.alerting.render import page_link, rendered
from doxa_dashboards.build import built

EACH = pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.name)
_LETTERS = re.compile("[ăâđêôơưạảãáàậẩẫấầệểễếềịỉĩíìọỏõóòộổỗốồợởỡớờụủũúùựửữứừỵỷỹýỳ]", re.IGNORECASE)
_LABEL = re.compile(r"\$labels\.(\w+)")
_VALUE = re.compile(r"\$values\.(\w+)")


def test_no_two_rules_share_a_name_or_a_title() -> None:
    assert len({rule.uid for rule in all_rules()}) == len({rule.title for rule in all_rules()}) == len(all_rules())


@EACH
def test_names_are_what_grafana_takes(rule: Rule) -> None:
    assert re.fullmatch(r"doxa-[a-z0-9-]{1,35}", rule.uid)
    assert rule.group in GROUPS


@EACH
def test_texts_are_vietnamese_and_name_only_what_the_query_gives(rule: Rule) -> None:
    told = rendered(rule, folder="f", org_id=1)
    texts = [told["title"], *told["annotations"].values()]
    assert all(_LETTERS.search(text) for text in texts[:3])
    labels = {name for query in rule.queries for name in query.select.by}
    assert {name for text in texts for name in _LABEL.findall(text)} <= labels
    assert {name for text in texts for name in _VALUE.findall(text)} <= {query.ref for query in rule.queries}
    assert all(text.count("{{") == text.count("}}") and "\n" not in text for text in texts)


@EACH
def test_waiting_is_a_multiple_of_the_evaluation(rule: Rule) -> None:
    number, unit = int(rule.wait[:-1]), {"s": 1, "m": 60, "h": 3600}[rule.wait[-1]]
    assert number * unit % GROUPS[rule.group] == 0


@EACH
def test_an_alarm_about_a_line_says_where_it_is(rule: Rule) -> None:
    grouped = {name for query in rule.queries for name in query.select.by}
    for name in {"site", "place", "province", "link"} & grouped:
        assert f"$labels.{name}" in rule.description


@EACH
def test_the_link_leads_to_a_page_with_these_variables(rule: Rule) -> None:
    name = rule.page.removeprefix("doxa-")
    assert name in pages.names()
    offered = {variable["name"] for variable in built(name).get("templating", {}).get("list", [])}
    assert set(rule.variables) <= offered
    assert f"{rule.page}?" in page_link(rule) or page_link(rule).endswith(f"/d/{rule.page}")
    assert rule.country_page.removeprefix("doxa-") in {"", *pages.names()}
    assert page_link(rule).startswith("{{ reReplaceAll"), "Grafana's own address ends in a slash, and //d/ is 404"
