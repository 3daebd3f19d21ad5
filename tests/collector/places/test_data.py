"""The shipped table: its counts, its known traps, and that the tool makes it again byte for byte."""

import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from doxa_collector.places.gazetteer import Gazetteer
from doxa_collector.places.model import TYPES, Extent, Level
from doxa_collector.places.table import DATA, shipped
from doxa_collector.plans.loader import load_plans
from doxa_collector.plans.model import Mark

ROOT = Path(__file__).parents[3]
OLD, FIRST, TODAY = date(2025, 6, 30), date(2025, 7, 1), date(2026, 11, 22)
DONG_NAI = ("25270", "25357", "25363", "26116", "26170", "26248", "26326", "26368", "26425", "26485")

# Golden rows, kept for ever: what each says was true on those days whatever is shipped later.
GOLDEN = [
    ("06205", OLD, "Xã Hồng Phong", "20"),
    ("06184", OLD, "Thị trấn Đồng Đăng", "20"),
    ("06184", FIRST, "Xã Đồng Đăng", "20"),
    ("06079", OLD, "Xã Hồng Phong", "20"),
    ("06079", FIRST, "Xã Hồng Phong", "20"),
    ("15", OLD, "Tỉnh Yên Bái", "15"),
    ("15", FIRST, "Tỉnh Lào Cai", "15"),
    ("10", OLD, "Tỉnh Lào Cai", "10"),
    ("328", OLD, "Thị xã Mỹ Hào", "33"),
    ("20333", FIRST, "Đặc khu Hoàng Sa", "48"),
    ("00097", FIRST, "Phường Hồng Hà", "01"),
    ("75", date(2026, 4, 29), "Tỉnh Đồng Nai", "75"),
    ("75", date(2026, 4, 30), "Thành phố Đồng Nai", "75"),
    ("26326", OLD, "Thị trấn Dầu Giây", "75"),
    ("26326", date(2026, 4, 29), "Xã Dầu Giây", "75"),
    ("26326", date(2026, 4, 30), "Phường Dầu Giây", "75"),
]


@pytest.mark.parametrize(("code", "day", "name", "province"), GOLDEN)
def test_a_golden_row_holds_for_ever(places: Gazetteer, code: str, day: date, name: str, province: str) -> None:
    unit = places.at(code, day)
    assert unit is not None
    assert (unit.name, unit.province) == (name, province)


def test_the_counts_are_those_of_the_decrees(places: Gazetteer) -> None:
    def kinds(level: Level, day: date) -> Counter[str]:
        return Counter(unit.kind for unit in places.units(level, day))

    assert kinds(Level.PROVINCE, OLD).total() == 63
    assert kinds(Level.DISTRICT, OLD).total() == 696
    assert kinds(Level.COMMUNE, OLD) == {"Xã": 7692, "Phường": 1726, "Thị trấn": 617}
    assert kinds(Level.PROVINCE, FIRST) == {"Thành phố": 6, "Tỉnh": 28}
    assert kinds(Level.DISTRICT, FIRST).total() == 0
    assert kinds(Level.COMMUNE, FIRST) == {"Xã": 2621, "Phường": 687, "Đặc khu": 13}


def test_in_2026_ten_communes_of_dong_nai_became_wards_and_twelve_of_bac_ninh(places: Gazetteer) -> None:
    changed = Counter(
        unit.valid_from
        for unit in places.units(Level.COMMUNE, TODAY)
        if unit.valid_from > FIRST and unit.kind == "Phường"
    )
    assert changed == {date(2026, 4, 30): 10, date(2026, 9, 20): 12}
    assert {u.code for u in places.units(Level.COMMUNE, TODAY) if u.valid_from == date(2026, 4, 30)} == set(DONG_NAI)


def test_of_a_code_at_most_one_state_holds_on_a_day() -> None:
    for states in shipped().states.values():
        for earlier, later in pairwise(states):
            assert earlier.valid_to is not None
            assert earlier.valid_to < later.valid_from


def test_every_unit_has_a_type_word_of_its_level_and_a_province_of_its_days(places: Gazetteer) -> None:
    for states in shipped().states.values():
        for unit in states:
            assert unit.kind in TYPES[unit.level], unit
            assert (province := places.province(unit)) is not None, unit
            assert province.holds(unit.valid_to or TODAY), unit


def test_no_line_of_the_data_set_is_shown_as_read_in_full_text() -> None:
    assert {unit.mark for states in shipped().states.values() for unit in states} == {Mark.SECOND}
    assert {one.mark for one in shipped().conversions if one.extent is not Extent.WHOLE} == {Mark.I}


def test_every_old_unit_is_somewhere_today_and_every_new_one_was_something(places: Gazetteer) -> None:
    for states in shipped().states.values():
        for unit in states:
            if unit.valid_to == OLD:
                assert places.follow(unit, TODAY), unit
            if unit.valid_from == FIRST:
                assert places.previous(unit), unit


def test_an_old_unit_went_whole_into_one_or_in_parts_into_several() -> None:
    extents: dict[str, list[Extent]] = {}
    mains: Counter[str] = Counter()
    for one in shipped().conversions:
        assert one.day == OLD + timedelta(days=1)
        mains[one.old] += one.main
        if one.extent is not Extent.DOUBTFUL:
            extents.setdefault(one.old, []).append(one.extent)
    assert set(mains.values()) == {1}
    assert all(of == [Extent.WHOLE] or (len(of) > 1 and set(of) == {Extent.PART}) for of in extents.values())


def test_the_echo_of_the_namesake_is_doubted_and_not_followed(places: Gazetteer) -> None:
    assert [(one.old, one.new) for one in places.doubtful("06079")] == [("06079", "06184")]
    assert sum(one.extent is Extent.DOUBTFUL for one in shipped().conversions) == 31


def test_the_places_of_the_shipped_plans_are_in_the_table(places: Gazetteer) -> None:
    for plan in load_plans():
        for place in plan.places:
            for code in [place.code, *place.members]:
                if code.isdigit():
                    assert places.states(code), (plan.id, code)


def test_the_files_are_lf_utf8_and_have_the_licence_beside_them() -> None:
    for path in DATA.glob("*.csv"):
        assert b"\r" not in path.read_bytes()
    assert "Tran Ngoc Minh Hieu" in (DATA / "NOTICE").read_text(encoding="utf-8")


def test_the_tool_makes_the_files_again() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/places.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
