"""The month and the forecast on the pages: the same figures as the views', explained, and absent where there are none."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest
from tests.collector.assess.conftest import level, plan_of
from tests.collector.views.conftest import AFTER, OCTOBER, Shelf, at
from tests.collector.views.test_forecast import PLACE, RISING, plan, target
from tests.collector.web.conftest import Served

from doxa_collector.plans.model import Plan
from doxa_collector.views import words
from doxa_collector.web import Settings, create_app
from doxa_collector.web.monthsection import asked_period
from doxa_core.moments import microseconds
from doxa_core.outcome import Outcome

Ask = Callable[..., str]


def text_of(html: str) -> str:
    plain = re.sub(r"<(script|style|head)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", plain)).replace("\u00a0", " ").split())


@pytest.fixture
def ask(shelf: Shelf) -> Ask:
    """The words of a page."""

    def words_of(path: str, plans: Sequence[Plan] = (), now: datetime = AFTER) -> str:
        served = Served(create_app(shelf.engine, plans, settings=Settings(now=lambda: now)))
        try:
            answer = served.get(path)
        finally:
            served.stop()
        assert answer.status_code == 200, answer.text
        return text_of(answer.text)

    return words_of


def section(found: str) -> str:
    """The section of the month."""
    start = found.index("Thống kê tháng")
    return found[start : found.index("Những phép đo gần nhất")]


def test_the_page_shows_the_month_that_is_asked_with_its_meaning(shelf: Shelf, ask: Ask) -> None:
    shelf.commune("fixed", contracted_down_mbps=100, contracted_up_mbps=50, provider="VNPT")
    shelf.speed([70.0 if hour >= 18 else 90.0 for _ in range(20) for hour in range(24)])
    shelf.speed([90.0] * 3, start=at(22), outcome=Outcome.FAILED)
    shelf.pings([True] * 288 * 20)
    shelf.figure("06184", 92.5, month="2026-10", statistic="mean", source="VNNIC 10/2026")
    found = section(ask("/sites/dd/links/fixed?month=2026-10"))
    for expected in (
        "Thống kê tháng 10/2026", "01/10/2026 – 31/10/2026: Internet cố định · VNPT · hợp đồng 100 / 50 Mbps (không nêu tầng)",
        "Tải xuống, tầng ứng dụng Mbps 480 85,0", "0 % lần đo (0/480) có tải xuống ≥ 100 Mbps (tầng IP)",
        "100 % lần đo (480/480) có tải lên ≥ 50 Mbps (tầng IP)", "483 lần chạy, 480 lần đo được đường truyền; 3 lần không đo được",
        "85,0 % của hợp đồng 100 Mbps (cần ≥ 80 %), 480/1000 mẫu, 24/24 giờ: chưa kết luận", "thấp hơn 20,0 Mbps",
        "Tuần 19/10/2026 – 25/10/2026", "trung vị 90,00 Mbps, trung bình 85,00 Mbps (tầng ứng dụng); 480/300 mẫu",
        "đo tại trụ sở (không phải số liệu i-Speed công bố)", "Xã Đồng Đăng, tải xuống: 92,50 Mbps trung bình · VNNIC 10/2026 [S]",
        "Con số này nghĩa là gì?", words.MEANINGS["qcvn"].vi, "Hoạt động 100 % thời gian có bằng chứng",
    ):  # fmt: skip
        assert expected in found
    assert "tháng sau" in found
    assert "tháng trước" not in found  # nothing was measured before


def test_a_month_without_figures_shows_none(shelf: Shelf, ask: Ask) -> None:
    shelf.commune("fixed", contracted_down_mbps=100)
    shelf.speed([90.0] * 3)
    found = section(ask("/sites/dd/links/fixed"))
    assert "tháng 11/2026 đang chạy, tính đến 20/11/2026" in found
    assert "Tháng này chưa có số liệu." in found
    assert "0,0" not in found


@pytest.mark.parametrize("asked", [None, "2026-13", "2027-01", "x", "２０２６-10", "2026-11"])
def test_nonsense_and_the_future_are_the_running_month(asked: str | None) -> None:
    assert asked_period(asked, microseconds(AFTER)).month == "2026-11"
    assert asked_period("2026-10", microseconds(AFTER)) == OCTOBER


def test_three_samples_are_said_on_the_page(shelf: Shelf, ask: Ask) -> None:
    shelf.commune("fixed", contracted_down_mbps=100)
    shelf.speed([90.0, 91.0, 92.0])
    found = section(ask("/sites/dd/links/fixed?month=2026-10"))
    assert "Mới có 3 mẫu trong 1 ngày: chưa đủ để nói chắc điều gì về cả tháng." in found
    assert "Độ trễ khứ hồi" not in found


def test_a_new_measurement_changes_the_kept_month(shelf: Shelf, ask: Ask) -> None:
    shelf.commune("fixed")
    shelf.speed([90.0] * 3)
    assert "Mới có 3 mẫu" in ask("/sites/dd/links/fixed?month=2026-10")
    shelf.speed([90.0], start=at(2, 1))
    assert "Mới có 4 mẫu" in ask("/sites/dd/links/fixed?month=2026-10")


def test_the_forecast_stands_where_the_target_is_explained(shelf: Shelf, ask: Ask) -> None:
    shelf.commune("fixed")
    own = plan(target())
    shelf.close(own, target().id, RISING)
    sentence = "Dự báo: Theo xu hướng 6 tháng qua (+6,00 Mbps mỗi tháng), tháng 12/2026 dự kiến 122,0 Mbps"
    for path in ("/", "/sites/dd/links/fixed"):
        found = ask(path, [own])
        assert sentence in found
        assert "có khả năng đạt mục tiêu 102,0 Mbps" in found
        assert "không phải số liệu i-Speed công bố" in found


def test_before_a_month_is_closed_nothing_is_forecast(shelf: Shelf, ask: Ask) -> None:
    shelf.commune("fixed")
    late = replace(level(), due=date(2026, 12, 31))
    assert "Dự báo" not in ask(
        "/", [plan_of(late, where=PLACE)], datetime(2026, 11, 20, tzinfo=UTC) + timedelta(hours=1)
    )
