"""Sentences and numbers as people write them."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from doxa_core.language import Text, choose_language, language, local_time, number, speaking


@pytest.fixture(autouse=True)
def speaking_vietnamese() -> Iterator[None]:
    choose_language("vi")
    yield
    choose_language("vi")


def test_vietnamese_is_spoken_unless_english_was_chosen() -> None:
    assert str(Text(vi="đạt", en="pass")) == "đạt"
    choose_language("en")
    assert str(Text(vi="đạt", en="pass")) == "pass"
    assert language() == "en"


@pytest.mark.parametrize(
    ("value", "decimals", "vi", "en"),
    [
        (85.07, 2, "85,07", "85.07"),
        (1234567.8, 1, "1.234.567,8", "1,234,567.8"),
        (0.0, 0, "0", "0"),
        (-0.5, 1, "-0,5", "-0.5"),
        (95.25, 1, "95,3", "95.3"),  # the middle goes up, as in a workbook
        (5.125, 2, "5,13", "5.13"),
        (-2.5, 0, "-3", "-3"),
        (1e15, 0, "1.000.000.000.000.000", "1,000,000,000,000,000"),
        (float("inf"), 1, "inf", "inf"),
    ],
)
def test_numbers_have_the_marks_of_the_language(value: float, decimals: int, vi: str, en: str) -> None:
    assert (number(value, decimals, "vi"), number(value, decimals, "en")) == (vi, en)


def test_times_are_those_of_vietnam() -> None:
    moment = datetime(2026, 11, 21, 18, 5, 9, tzinfo=UTC)
    assert (local_time(moment, "vi"), local_time(moment, "en")) == ("22/11/2026 01:05:09", "2026-11-22 01:05:09")


def test_a_part_of_a_sentence_is_filled_in_the_same_language() -> None:
    filled = Text(vi="kết quả: {what}", en="result: {what}").fill(what=Text(vi="đạt", en="pass"))
    assert (filled.vi, filled.en) == ("kết quả: đạt", "result: pass")


def test_a_language_that_is_spoken_for_a_while_leaves_no_choice_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("doxa_core.language._chosen", [])
    monkeypatch.setenv("DOXA_LANG", "en")
    with speaking("vi"):
        assert language() == "vi"
    assert language() == "en", "the environment decides again"
