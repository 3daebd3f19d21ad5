"""An office keeps its history while the codes around it change."""

from datetime import date
from typing import Any

import pytest

from doxa_collector.assess.inputs import decode, read_inputs
from doxa_collector.assess.siting import placed
from doxa_collector.ledger.engine import reading
from doxa_collector.period import month_of
from doxa_collector.places.gazetteer import load

BEFORE, AFTER = date(2025, 5, 31), date(2026, 10, 31)
OLD, NEW = "06205", "06184"
"""Xã Hồng Phong (Cao Lộc) became part of xã Đồng Đăng on 1/7/2025."""


def site(code: str) -> dict[str, Any]:
    return {"site": "hong-phong", "name": "UBND", "place_code": code}


def place(code: str, valid_from: str = "1970-01-01", valid_to: str | None = None) -> dict[str, Any]:
    row = {"code": code, "valid_from": valid_from, "name": code, "level": "commune", "province": "20"}
    return row if valid_to is None else {**row, "valid_to": valid_to}


def code_on(day: date, code: str, *places: dict[str, Any]) -> str:
    (office,), _ = placed([site(code)], places, load(), day)
    return str(office["place_code"])


def test_an_office_under_an_abolished_code_counts_in_the_unit_that_took_its_land() -> None:
    (office,), (unit,) = placed([site(OLD)], [place(OLD)], load(), AFTER)
    assert (office["place_code"], office["registered_code"]) == (NEW, OLD)
    assert unit["name"] == "Xã Đồng Đăng"
    assert (unit["level"], unit["province"]) == ("commune", "20")


def test_before_the_merger_it_counts_where_it_was() -> None:
    assert code_on(BEFORE, OLD, place(OLD)) == OLD


def test_an_end_that_the_registry_writes_itself_is_followed_too() -> None:
    assert code_on(AFTER, OLD, place(OLD, valid_to="2025-06-30")) == NEW


def test_what_the_registry_dates_for_the_month_is_never_overruled() -> None:
    assert code_on(AFTER, OLD, place(OLD, "2025-07-01", "2027-12-31")) == OLD


def test_a_unit_made_of_several_does_not_say_in_which_of_them_an_office_stood() -> None:
    assert code_on(BEFORE, NEW, place(NEW, "2025-07-01")) == NEW


def test_a_unit_that_the_registry_has_is_not_brought_twice() -> None:
    _, units = placed([site(OLD)], [place(OLD, valid_to="2025-06-30"), place(NEW, "2025-07-01")], load(), AFTER)
    assert units == ()


def test_codes_unknown_to_the_gazetteer_stay_as_they_are() -> None:
    assert code_on(AFTER, "99999", place("99999")) == "99999"


@pytest.mark.parametrize(("day", "code"), [(BEFORE, OLD), (AFTER, NEW)])
def test_a_month_stands_on_the_unit_of_its_own_time(books: Any, day: date, code: str) -> None:
    books.place(OLD, province="20")
    books.office("hong-phong", OLD, "fixed")
    with reading(books.engine) as conn:
        found = decode(read_inputs(conn, month_of(day)).encode())
    assert [row["place_code"] for row in found.site] == [code]
    assert code in {row["code"] for row in found.place}
