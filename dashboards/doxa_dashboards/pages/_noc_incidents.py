"""*NOC*: how many incidents there are and were, by severity, and the work that is planned."""

from typing import Final

from doxa_core.codes import EVENTS, SEVERITIES
from doxa_core.language import Text
from doxa_dashboards import cards, codes
from doxa_dashboards.charts import chart, number
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import Condition, Select, equal, field, last, of_newest, over_time, total, within
from doxa_dashboards.tables import Col, grid

MAINTENANCE: Final = "maintenance"
CRITICAL: Final = "critical"
SINCE: Final = "7d"
"""Work that began longer ago is not shown; what is planned has no such end."""


def critical(*where: Condition) -> Card:
    """How many incidents of the highest severity last."""
    asked = of_newest(
        "doxa_incident_5m",
        "open_count",
        total("open_count", "open"),
        lasts=cards.NOW,
        where=(*where, equal("severity", CRITICAL)),
        by="province severity",
    )
    return number(
        "critical",
        Words(
            title=Text(vi="Sự cố nghiêm trọng", en="Critical incidents"),
            meaning=Text(
                vi="Số sự cố mức nghiêm trọng chưa khôi phục ở cuối khoảng thời gian. Sự cố lan nhiều tỉnh được tính một lần ở mỗi tỉnh.",
                en="Critical incidents not resolved at the end of the range. One that reaches several provinces counts in each of them.",
            ),
            nothing=Text(vi="Chưa có số liệu", en="No figures"),
        ),
        Ask(select=asked),
        unit="count",
    )


def over_time_by_severity(*where: Condition) -> Card:
    """Open incidents, window by window."""
    asks = [
        Ask(select=_open(name, *where), alias=SEVERITIES[name].text, color=seen.color)
        for name, seen in zip(SEVERITIES, codes.SEVERITY, strict=True)
    ]
    return chart(
        "incidents_over_time",
        Words(
            title=Text(vi="Sự cố đang mở theo thời gian", en="Open incidents over time"),
            meaning=Text(
                vi="Số sự cố chưa khôi phục ở cuối mỗi bước thời gian, chồng theo mức độ. Sự cố lan nhiều tỉnh được tính một lần ở mỗi tỉnh; "
                "sự cố đã gộp vào sự cố lớn hơn chỉ tính đến lúc gộp. Lưu một năm.",
                en="Incidents not resolved at the end of each step, stacked by severity. One that reaches several provinces counts in each; "
                "one that became part of a wider one counts until then. Kept for a year.",
            ),
            nothing=Text(vi="Chưa có số liệu", en="No figures"),
        ),
        *asks,
        unit="count",
        step="5m",
        bars=True,
        stacked=True,
    )


def _open(severity: str, *where: Condition) -> Select:
    inner = over_time(
        "doxa_incident_5m",
        last("open_count", "open"),
        where=(*where, equal("severity", severity)),
        by="province",
    )
    return over_time(inner, total("open", "open"))


def planned(*where: Condition) -> Card:
    """Planned work, also that which is still to come."""
    asked = Select(
        columns=(field("province"), field("place"), field("title"), field("text")),
        source="doxa_event",
        where=(equal("event", MAINTENANCE), within(SINCE), *where),
        ranged=False,
    )
    return grid(
        "maintenance",
        Words(
            title=Text(vi="Bảo trì đã lên lịch", en="Planned work"),
            meaning=Text(
                vi=f"Lịch {EVENTS[MAINTENANCE].vi} bắt đầu trong bảy ngày qua hoặc sắp tới, không phụ thuộc khoảng thời gian đang xem. Sự cố trong "
                "lúc bảo trì không gửi cảnh báo.",
                en="Work that began within seven days or is still to come, whatever range is shown. Incidents during it send no alarms.",
            ),
            nothing=Text(vi="Không có lịch bảo trì nào", en="No work is planned"),
        ),
        Ask(select=asked),
        columns=[
            Col(name="Time", title=Text(vi="Bắt đầu", en="Begins"), width=160),
            Col(name="province", title=Text(vi="Tỉnh", en="Province"), width=60),
            Col(name="place", title=Text(vi="Xã", en="Commune"), width=80),
            Col(name="title", title=Text(vi="Việc", en="Work")),
            Col(name="text", title=Text(vi="Chi tiết", en="Detail")),
        ],
        order="Time",
        width=12,
        height=9,
    )
