"""What became of a unit, what it was, and where a site was."""

from datetime import date

import pytest

from doxa_collector.places.gazetteer import Gazetteer
from doxa_collector.places.model import ALWAYS, Extent
from doxa_collector.places.siting import Anchor, site_at

OLD, FIRST, TODAY = date(2025, 6, 30), date(2025, 7, 1), date(2026, 11, 22)


def test_the_old_hong_phong_is_now_in_dong_dang_and_the_other_one_is_itself(places: Gazetteer) -> None:
    assert [(s.unit.code, s.unit.name, s.extent) for s in places.where("06205", TODAY)] == [
        ("06184", "Xã Đồng Đăng", Extent.WHOLE)
    ]
    old = places.at("06079", OLD)
    assert old is not None
    assert [s.unit.key for s in places.follow(old, TODAY)] == [("06079", FIRST)]


def test_todays_unit_names_all_that_it_was_made_of(places: Gazetteer) -> None:
    unit = places.at("06184", TODAY)
    assert unit is not None
    assert [s.unit.code for s in places.previous(unit)] == ["06184", "06190", "06205", "06208", "06214"]
    assert {u.key for u in places.history(unit)} >= {("06184", ALWAYS), ("06184", FIRST), ("06205", ALWAYS)}


def test_a_reused_province_code_is_two_places(places: Gazetteer) -> None:
    yen_bai, lao_cai = places.states("15")
    assert [s.unit for s in places.follow(yen_bai, TODAY)] == [lao_cai]
    assert [s.unit.name for s in places.previous(lao_cai)] == ["Tỉnh Yên Bái", "Tỉnh Lào Cai"]


def test_a_change_of_type_alone_keeps_the_place(places: Gazetteer) -> None:
    old = places.at("26326", OLD)
    assert old is not None
    assert [(s.unit.name, s.extent) for s in places.follow(old, TODAY)] == [("Phường Dầu Giây", Extent.WHOLE)]
    assert [u.name for u in places.history(old)] == ["Thị trấn Dầu Giây", "Xã Dầu Giây", "Phường Dầu Giây"]


def test_a_district_became_what_its_communes_became(places: Gazetteer) -> None:
    assert [s.unit.code for s in places.where("328", TODAY)] == ["12103", "12127", "12133"]
    assert [s.unit.name for s in places.where("498", TODAY)] == ["Đặc khu Hoàng Sa"]


def test_of_a_divided_unit_the_main_part_comes_first_with_its_mark(places: Gazetteer) -> None:
    steps = places.where("10798", TODAY)
    assert [(s.unit.code, s.extent, s.main, s.mark.value) for s in steps] == [
        ("10843", Extent.PART, True, "I"),
        ("10804", Extent.PART, False, "I"),
    ]


def test_a_code_that_never_was_is_nowhere(places: Gazetteer) -> None:
    assert places.where("99999", TODAY) == ()
    assert places.at("06205", TODAY) is None


@pytest.mark.parametrize(
    ("anchors", "day", "codes", "certain"),
    [
        ([Anchor("06205", OLD)], TODAY, ["06184"], True),
        ([Anchor("06205", OLD)], date(2024, 1, 1), ["06205"], True),
        ([Anchor("06184", TODAY)], OLD, ["06184", "06190", "06205", "06208", "06214"], False),
        ([Anchor("06184", TODAY), Anchor("06205", OLD)], date(2025, 1, 1), ["06205"], True),
        ([Anchor("10798", OLD)], TODAY, ["10843", "10804"], False),
        ([Anchor("10798", OLD), Anchor("10804", TODAY)], FIRST, ["10804"], True),
        ([Anchor("06205", OLD), Anchor("00097", TODAY)], TODAY, ["00097"], False),
        ([Anchor("06205", TODAY)], TODAY, [], False),
        ([], TODAY, [], False),
    ],
)
def test_a_site_is_in_the_unit_that_all_that_was_written_allows(
    places: Gazetteer, anchors: list[Anchor], day: date, codes: list[str], certain: bool
) -> None:
    found = site_at(places, anchors, day)
    assert ([step.unit.code for step in found.steps], found.certain) == (codes, certain)
