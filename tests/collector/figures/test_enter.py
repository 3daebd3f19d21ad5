"""An indicator entered by hand is checked against the plan, kept with its source, and noted."""

import json

import pytest
from tests.collector.figures.conftest import Desk

from doxa_core.errors import InputError

GOOD = ["b-binh-duong", "shared-bts", "74"]
MORE = {"--value": "31,5", "--unit": "%", "--as-of": "30/06/2025", "--source": "Báo cáo 12/BC-SKHCN"}


def enter(desk: Desk, *names: str, **changes: str) -> str:
    options = MORE | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    return desk.run("enter", *(names or GOOD), *(f"{key}={value}" for key, value in options.items()), "--by", "Lan")


def test_an_indicator_is_kept_shown_and_audited(desk: Desk) -> None:
    assert enter(desk) == "đã ghi\n"
    (found,) = desk.rows("indicator")
    assert (found.target, found.as_of, found.value, found.unit) == ("shared-bts", "2025-06-30", 31.5, "%")
    shown = desk.run("list", "--indicators")
    assert "2025-06-30  b-binh-duong shared-bts (74): 31,5 %; Lan nhập " in shown
    assert "theo Báo cáo 12/BC-SKHCN" in shown
    (noted,) = desk.rows("audit")
    assert (noted.actor, noted.action, json.loads(noted.detail)["value"]) == ("Lan", "indicator.enter", 31.5)


def test_the_same_indicator_twice_is_kept_once_and_a_correction_beside_it(desk: Desk) -> None:
    enter(desk)
    assert "không ghi lại" in enter(desk)
    enter(desk, value="32")
    enter(desk)
    assert [one.value for one in desk.rows("indicator")] == [31.5, 32, 31.5]
    assert len(desk.rows("audit")) == 3


def test_a_target_without_a_number_takes_done_or_not_done(desk: Desk) -> None:
    enter(desk, "b-binh-duong", "ipv6", "74", unit="flag", value="1")
    assert "(74): đạt;" in desk.run("list", "--indicators", "--place", "74", "--month", "06/2025")
    assert "không có số liệu" in desk.run("list", "--indicators", "--month", "05/2025")


@pytest.mark.parametrize(
    ("names", "changes", "said"),
    [
        (["b-binh-duog", "shared-bts", "74"], {}, "có phải «b-binh-duong» không?"),
        (["b-binh-duong", "shared-bt", "74"], {}, "có phải «shared-bts» không?"),
        (["b-binh-duong", "b1", "74"], {}, "đánh giá theo thứ hạng"),
        (["b-binh-duong", "shared-bts", "20"], {}, "địa bàn này không thuộc kế hoạch"),
        (GOOD, {"unit": "Mbps"}, "hãy ghi --unit '%'"),
        (GOOD, {"unit": "flag"}, "hãy ghi --unit '%'"),
        (GOOD, {"value": "101"}, "số quá lớn"),
        (GOOD, {"value": "-1"}, "không phải một con số"),
        (GOOD, {"value": "nan"}, "không phải một con số"),
        (GOOD, {"as_of": "2099-01-01"}, "ngày này chưa tới"),
        (GOOD, {"source": " "}, "chưa có nguồn"),
        (["b-binh-duong", "ipv6", "74"], {"unit": "%"}, "hãy ghi --unit flag"),
        (["b-binh-duong", "ipv6", "74"], {"unit": "flag", "value": "2"}, "hãy ghi --unit flag"),
    ],
)
def test_what_the_plan_does_not_ask_for_is_refused(
    desk: Desk, names: list[str], changes: dict[str, str], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        enter(desk, *names, **changes)
    assert said in str(caught.value)
    assert desk.rows("indicator") == desk.rows("audit") == []
