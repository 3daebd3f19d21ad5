"""Finding by name."""

import random
import unicodedata
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doxa_collector.places.finding import _one_off
from doxa_collector.places.folding import plain, words
from doxa_collector.places.gazetteer import Gazetteer, load
from doxa_collector.places.model import Unit
from doxa_collector.places.table import shipped

OLD, TODAY = date(2025, 6, 30), date(2026, 11, 22)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("hong phong lang son", ["06079", "06205"]),
        ("Xã Hồng Phong, huyện Cao Lộc, tỉnh Lạng Sơn", ["06205"]),
        ("x. hồng phong h. bình gia", ["06079"]),
        ("hong phong cao loc", ["06205"]),
        ("đồng đăng lạng sơn", ["06184"]),
        ("TX Mỹ Hào", ["328"]),
        ("thị xã Mĩ Hào", ["328"]),
        ("P.12 Q. Bình Thạnh", ["26917"]),
        ("p1 q3 tphcm", ["27160"]),
        ("cu mgar dak lak", ["24280", "24289", "648"]),
        ("Lương Sơn Cao Lộc", []),
        ("06205", ["06205"]),
        ("dong dng", ["06184"]),
        ("", []),
        ("!!! ???", []),
    ],
)
def test_a_text_means_these_units(places: Gazetteer, text: str, codes: list[str]) -> None:
    assert sorted(one.unit.code for one in places.find(text, TODAY, limit=100)) == sorted(codes)


def test_todays_hong_phong_stands_before_yesterdays_and_each_tells_its_district(places: Gazetteer) -> None:
    found = places.find("hồng phong lạng sơn", TODAY)
    assert [(one.unit.code, [d.name for d in places.districts(one.unit)]) for one in found] == [
        ("06079", ["Huyện Bình Gia"]),
        ("06205", ["Huyện Cao Lộc"]),
    ]


def test_on_an_old_day_the_old_state_is_given(places: Gazetteer) -> None:
    assert next(one.unit.name for one in places.find("đồng đăng", OLD)) == "Thị trấn Đồng Đăng"
    assert next(one.unit.name for one in places.find("đồng đăng", TODAY)) == "Xã Đồng Đăng"


def test_marks_that_were_typed_choose_between_namesakes(places: Gazetteer) -> None:
    assert next(one.unit.name for one in places.find("mỹ thọ đồng tháp", TODAY)) == "Xã Mỹ Thọ"
    assert next(one.unit.name for one in places.find("mỹ tho đồng tháp", TODAY)) == "Phường Mỹ Tho"


def test_a_type_word_chooses_between_namesakes(places: Gazetteer) -> None:
    assert [(one.unit.code, one.type_differs) for one in places.find("tỉnh hòa bình", TODAY)] == [("17", False)]
    first = places.find("xã đồng đăng", OLD)[0]
    assert (first.unit.name, first.type_differs) == ("Thị trấn Đồng Đăng", True)


def test_the_beginning_of_a_name_is_enough(places: Gazetteer) -> None:
    assert "06184" in [one.unit.code for one in places.find("đồng đă", TODAY)]


@pytest.mark.parametrize(
    ("one", "other"),
    [("Hòa", "Hoà"), ("Thủy", "Thuỷ"), ("Mỹ", "Mĩ"), ("Quý", "Quí"), ("Đồng", "ĐỒNG"), ("Khóa", "Khoá"), ("Lý", "Lí")],
)
def test_one_word_in_two_spellings_is_one_word(one: str, other: str) -> None:
    assert words(one) == words(other) == words(unicodedata.normalize("NFD", other))


@pytest.mark.parametrize(
    ("one", "other"), [("Tây", "Tài"), ("Mỹ", "Mỵ"), ("Hòa", "Hóa"), ("Thúy", "Thúi"), ("Đồng", "Động")]
)
def test_different_words_stay_different(one: str, other: str) -> None:
    assert words(one) != words(other)


@pytest.mark.parametrize(("one", "other", "near"), [
    ("dong", "dang", True), ("dong", "dog", True), ("dong", "dongg", True), ("dong", "dogn", True),
    ("dong", "dong", False), ("dong", "dagn", False), ("dong", "do", False), ("abcd", "badc", False),
])  # fmt: skip
def test_one_edit_is_near(one: str, other: str, near: bool) -> None:
    assert _one_off(one, other) is near
    assert _one_off(other, one) is near


ALL = sorted(unit for states in shipped().states.values() for unit in states)
PLACES = load()


@settings(deadline=None)
@given(st.sampled_from(ALL), st.randoms(use_true_random=False))
def test_every_unit_is_found_by_its_full_name_however_it_is_typed(unit: Unit, randomly: random.Random) -> None:
    day = unit.valid_to or TODAY
    province = PLACES.province(unit)
    assert province is not None
    text = unit.name if unit is province else f"{unit.name}, {province.name}"
    text = randomly.choice([text, text.upper(), text.lower(), plain(text)])
    text = unicodedata.normalize(randomly.choice(["NFC", "NFD", "NFKC"]), text).replace(
        ", ", randomly.choice([", ", " ", " - "])
    )
    found = {one.unit.code: one for one in PLACES.find(text, day, limit=1000)}
    assert unit.code in found
    assert found[unit.code].unit.holds(day)
    assert (found[unit.code].inexact, found[unit.code].marks_differ) == (0, 0)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_gives_an_answer(text: str) -> None:
    found = PLACES.find(text, TODAY, limit=5)
    assert len(found) <= 5
    assert len({one.unit.key for one in found}) == len(found)


@settings(deadline=None)
@given(st.text(alphabet="aàáăâđdhgnoòóôơuưyỳýiìí ", max_size=12))
def test_folding_does_not_depend_on_the_normal_form(text: str) -> None:
    assert words(unicodedata.normalize("NFD", text)) == words(unicodedata.normalize("NFC", text))
    assert plain(text).isascii()
