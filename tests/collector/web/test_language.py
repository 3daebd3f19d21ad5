"""Numbers, moments and spans stand as people write them, in the language of the request."""

import re
from pathlib import Path

import pytest

from doxa_collector.plans import Plan
from doxa_collector.plans.model import Unit
from doxa_collector.web import wording
from doxa_collector.web.language import Voice, known_language
from doxa_collector.words.codes import CODES, QUARANTINE, worded

VI, EN = Voice("vi"), Voice("en")


@pytest.mark.parametrize(
    ("value", "vi", "en"),
    [(85.07, "85,07", "85.07"), (102, "102", "102"), (1234.5, "1.234,5", "1,234.5"), (0.001, "0,00", "0.00")],
)
def test_numbers_have_the_decimals_that_they_need(value: float, vi: str, en: str) -> None:
    assert (VI.number(value), EN.number(value)) == (vi, en)


def test_a_share_is_a_percentage() -> None:
    assert [VI.percent(r) for r in (0, 0.05, 0.123, 1)] == ["0 %", "5,0 %", "12,3 %", "100 %"]


@pytest.mark.parametrize(
    ("first", "last", "vi"),
    [
        ("2026-11-01", "2026-11-30", "tháng 11/2026"),
        ("2026-02-01", "2026-02-28", "tháng 02/2026"),
        ("2026-11-24", "2026-11-24", "24/11/2026"),
        ("2026-11-01", "2026-11-24", "01/11/2026 – 24/11/2026"),
    ],
)
def test_a_period_has_its_shortest_name(first: str, last: str, vi: str) -> None:
    assert VI.period(first, last) == vi


def test_ages_use_the_largest_whole_unit() -> None:
    ages = [VI.ago(10**15 - s * 10**6, 10**15) for s in (-5, 0, 3, 125, 7300, 200_000)]
    assert ages == ["vừa xong", "vừa xong", "3 giây trước", "2 phút trước", "2 giờ trước", "2 ngày trước"]
    assert EN.ago(10**15 - 125 * 10**6, 10**15) == "2 min ago"


def test_only_our_languages_are_known() -> None:
    assert [known_language(text) for text in ("vi", "en", "fr", "", None)] == ["vi", "en", None, None, None]


def test_every_target_of_the_shipped_plans_can_be_said(plans: tuple[Plan, ...]) -> None:
    for plan in plans:
        for target in plan.targets:
            for voice in (VI, EN):
                assert wording.requirement(voice, target)
                wording.condition(voice, target)


def test_requirements_read_as_in_a_report(plans: tuple[Plan, ...]) -> None:
    said = {t.id: wording.requirement(VI, t) for plan in plans for t in plan.targets}
    assert said["a2"] == "≥\u00a0102\u00a0Mbps"
    assert said["b1"] == "trong 5 tỉnh, thành phố cao nhất"
    assert said["b3"] == "=\u00a0100\u00a0%"


def test_values_carry_the_unit_of_their_name() -> None:
    assert wording.quantity(VI, "download_mbps", 85.0734) == "85,07\u00a0Mbps"
    assert wording.quantity(VI, "loss_ratio", 0.5) == "50,0 %"
    assert wording.quantity(VI, "streams_count", 8) == "8"
    assert wording.quantity(VI, "no-name-of-ours", 8.5) == "8,50"
    assert wording.amount(VI, 5, Unit.RANK) == "5"


def test_every_refusal_of_the_wire_has_words() -> None:
    chapter = (
        (Path(__file__).parents[3] / "docs/wire.md")
        .read_text(encoding="utf-8")
        .partition("## 7. Refusals")[2]
        .partition("## 8.")[0]
    )
    codes = {
        code
        for line in chapter.splitlines()
        if line.startswith("| `")
        for code in re.findall("`(\\w+)`", line.split("|")[1])
    }
    assert len(codes) > 10
    assert codes - set(QUARANTINE) == set()


def test_an_unknown_code_is_shown_as_it_stands() -> None:
    assert VI.show(worded(CODES, "brand_new_reason")) == "brand_new_reason"


def test_a_number_stays_with_its_unit_and_markup_is_escaped() -> None:
    assert str(wording.keep("trung vị 85,0 Mbps so với ≥ 102 Mbps")) == (
        "trung vị 85,0\u00a0Mbps so với ≥\u00a0102\u00a0Mbps"
    )
    assert str(wording.keep("<b>i-Speed")) == '&lt;b&gt;<span class="nb">i-Speed</span>'
