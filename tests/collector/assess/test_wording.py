"""The sentence of a verdict, in both languages, and a text for every code."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collector.assess.conftest import NOW, Books, area, level, manual, rank, share

from doxa_collector import assess
from doxa_collector.assess import explain, reason_text
from doxa_collector.assess.reasons import DECIDING, REASONS
from doxa_collector.assess.wording import figure
from doxa_collector.places.gazetteer import load
from doxa_collector.places.model import Level
from doxa_collector.plans.checks import CAVEATS
from doxa_collector.plans.model import Operator, Statistic
from doxa_core.layers import Layer
from doxa_core.names import CODE
from doxa_core.outcome import Outcome


def fixed_office(books: Books, values: list[float], outcome: Outcome = Outcome.OK, name: str = "download_mbps") -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    if values:
        books.runs("x", "fixed", values, outcome=outcome, name=name)


def test_a_fail_is_said_with_its_statistic_layer_count_and_target(books: Books) -> None:
    fixed_office(books, [81.0, 81.2, 81.4], name="download_ip_mbps")
    target = level(102, statistic=Statistic.MEAN, ispeed=False, name="download_ip_mbps", layer=Layer.IP)
    text = explain(books.verdict(target), target)
    assert text.vi == "Không đạt: trung bình 81,2 Mbps (tầng IP, n = 3) so với ≥ 102 Mbps"
    assert text.en == "Fail: mean 81.2 Mbps (IP layer, n = 3) against ≥ 102 Mbps"


def test_a_figure_for_an_i_speed_target_says_where_it_was_measured(books: Books) -> None:
    fixed_office(books, [150.4] * 3)
    target = level(102)
    text = explain(books.verdict(target), target)
    assert text.vi == "Đạt: đo tại trụ sở, trung vị 150,4 Mbps (tầng ứng dụng, n = 3) so với ≥ 102 Mbps"
    assert "i-Speed" not in text.vi + text.en


def test_too_few_samples_show_how_far_it_is(books: Books) -> None:
    fixed_office(books, [120] * 12)
    text = explain(books.verdict(level(102), least=30), level(102))
    assert text.vi == (
        "Chưa đủ dữ liệu: đo tại trụ sở, trung vị 120,0 Mbps (tầng ứng dụng, n = 12/30) so với ≥ 102 Mbps"
        " – chưa đủ số mẫu tối thiểu"
    )


def test_thousands_are_told_apart(books: Books) -> None:
    fixed_office(books, [])
    books.runs("x", "fixed", [120.0] * 1236, start=NOW - timedelta(days=20), step=timedelta(minutes=5))
    few = explain(books.verdict(level(102), least=5000), level(102))
    assert "n = 1.236/5.000)" in few.vi
    assert "n = 1,236/5,000)" in few.en
    assert "n = 1.236)" in explain(books.verdict(level(102), least=30), level(102)).vi


def test_too_few_days_show_how_many_there_are(books: Books) -> None:
    fixed_office(books, [120] * 40)
    few = books.verdict(level(102), decide_by="bounds", least=30)
    assert "n = 40, 2/7 ngày) so với ≥ 102 Mbps – số ngày có đo ít hơn mức tối thiểu" in explain(few, level(102)).vi


def test_an_open_answer_shows_its_bounds(books: Books) -> None:
    fixed_office(books, [])
    rates = [98.0 + n * 7 % 9 for n in range(80)]
    books.runs("x", "fixed", rates, start=NOW - timedelta(days=20), step=timedelta(hours=6))
    found = books.verdict(level(102), decide_by="bounds", least=30)
    text = explain(found, level(102))
    assert text.vi.startswith("Chưa đủ dữ liệu: đo tại trụ sở, trung vị 102,0 Mbps (tầng ứng dụng, n = 80, từ ")
    assert re.search(r" từ \d+,\d+ đến \d+,\d+\) so với ≥ 102 Mbps – mức chỉ tiêu còn nằm giữa hai cận", text.vi)


def test_without_a_sample_only_the_target_is_said(books: Books) -> None:
    fixed_office(books, [5], outcome=Outcome.FAILED)
    text = explain(books.verdict(level(102)), level(102))
    assert text.vi == "Chưa đủ dữ liệu (chỉ tiêu ≥ 102 Mbps) – chưa có mẫu đo nào trong kỳ"


def test_a_value_between_two_layers_is_explained_with_both(books: Books) -> None:
    books.place("18073")
    books.office("x", "18073", "fixed")
    books.runs("x", "fixed", [{"download_ip_mbps": 98.8, "download_wire_mbps": 101.3}] * 3)
    target = level(100, name="download_ip_mbps", layer=Layer.IP, ispeed=False)
    text = explain(books.verdict(target), target)
    assert text.vi.startswith(
        "Chưa đủ dữ liệu: trung vị 98,8 Mbps (tầng IP, n = 3, tương đương 101,3 Mbps trên dây) so với ≥ 100 Mbps"
        " – văn bản không nêu tầng"
    )


def test_a_share_counts_its_offices_and_names_the_worst_figure(books: Books) -> None:
    for code, rate in (("18073", 118.0), ("18100", 94.0)):
        books.place(code)
        books.office(f"o{code}", code, "tslcd")
        books.runs(f"o{code}", "tslcd", [{"download_ip_mbps": rate, "download_wire_mbps": rate * 1.0253}] * 3)
    text = explain(books.verdict(share(), where=area("18073", "18100")), share())
    assert text.vi == (
        "Không đạt: 1/2 trụ sở đáp ứng, 1 không đáp ứng, 0 chưa rõ"
        " (thấp nhất 94,0 Mbps, tầng IP, tương đương 96,4 Mbps trên dây) so với 100 %"
    )
    assert text.en.startswith("Fail: 1 of 2 offices meet it, 1 do not, 0 not known (lowest 94.0 Mbps, IP layer")


def test_a_rank_without_figures_says_what_it_needs(books: Books) -> None:
    text = explain(books.verdict(rank()), rank())
    assert text.vi == "Chưa đủ dữ liệu (chỉ tiêu ≤ 5) – cần số liệu công bố của tất cả các tỉnh"
    for unit in load().units(Level.PROVINCE, NOW.date()):
        books.figure(unit.code, 100 if unit.code == "42" else 50)
    assert explain(books.verdict(rank()), rank()).vi == "Đạt: thứ 1 trong 34 tỉnh, thành phố so với ≤ 5"


def test_an_entered_figure_says_that_it_was_entered(books: Books) -> None:
    assert explain(books.verdict(manual()), manual()).vi == "Chưa đủ dữ liệu (chỉ tiêu ≥ 90 %) – chưa nhập số liệu"
    books.indicator("t4", 95.25)
    assert explain(books.verdict(manual()), manual()).vi == "Đạt: 95,25 % (số liệu nhập tay) so với ≥ 90 %"
    books.indicator("t4", 1, unit="flag")
    done = manual(None, operator=None)
    assert explain(books.verdict(done), done).vi == "Đạt: đã thực hiện"


@given(st.floats(0.001, 1e5), st.floats(0.001, 1e5), st.sampled_from([o for o in Operator if o is not Operator.EQUAL]))
def test_rounding_never_puts_a_figure_on_the_targets_other_side(
    value: float, target: float, operator: Operator
) -> None:
    shown = float(figure(value, operator, target, "en").replace(",", ""))
    if abs(value - target) > 1e-6:
        assert operator.holds(shown, target) is operator.holds(value, target)


@pytest.mark.parametrize(
    ("value", "shown"), [(81.23, "81,2"), (101.96, "101,96"), (102.04, "102,0"), (1234.5, "1.234,5")]
)
def test_a_figure_has_one_decimal_or_as_many_as_the_target_needs(value: float, shown: str) -> None:
    assert figure(value, Operator.AT_LEAST, 102, "vi") == shown


def codes_in_the_source() -> set[str]:
    """Every text constant of the package that is shaped like a code and used in a tuple of reasons."""
    folder = Path(assess.__file__).parent
    quoted = re.compile(
        r'(?:reasons=\(|reasons = \(|return \(|Judgement\(.*|Standing\.\w+, |INSUFFICIENT, \(?|, \(|append\(|found\[)"([a-z_]+)"'
    )
    return {code for path in folder.glob("*.py") for code in quoted.findall(path.read_text(encoding="utf-8"))}


def test_every_code_has_a_text_in_both_languages() -> None:
    statistics = {"no_samples", "too_few_samples", "too_few_days", "within_uncertainty", "probe_was_limit"}
    assert statistics <= set(REASONS), "statistics.level gives these"
    assert {"overdue", "below", "many_failed", "offices_missing"} <= codes_in_the_source() <= set(REASONS)
    assert set(CAVEATS) <= set(REASONS)
    assert set(REASONS) >= DECIDING
    for code, text in REASONS.items():
        assert CODE.fullmatch(code)
        assert text.vi
        assert text.en
        assert text.vi != text.en


def test_a_code_of_a_newer_version_is_shown_as_it_stands() -> None:
    assert reason_text("brand_new").vi == "brand_new"
