"""The end of *IPv6*: the communes' own portals, which the law wants reachable over IPv6."""

from typing import Final

from doxa_core.codes import COUNTRY
from doxa_core.language import Text
from doxa_dashboards import cards, style
from doxa_dashboards.catalogue import area_median
from doxa_dashboards.charts import COLUMN, chart
from doxa_dashboards.page import Section
from doxa_dashboards.pages._ipv6_faults import AREA, SOURCE, to_commune
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import (
    chosen,
    chosen_or_any,
    equal,
    field,
    newest_point,
    over_time,
    yes_share,
    yes_share_of_point,
)
from doxa_dashboards.tables import Col, grid

STEPS: Final = {
    "portal_aaaa": Text(vi="Có bản ghi AAAA", en="AAAA record"),
    "portal_tcp": Text(vi="Kết nối được", en="Connects"),
    "portal_https": Text(vi="Mở được trang HTTPS", en="HTTPS page loads"),
}
LATELY: Final = "7d"
"""A portal is what it was at the end of the range; and sums over all communes would take longer than a second."""


def portals() -> Section:
    """Over time, then commune by commune."""
    return Section(
        title=Text(vi="Cổng thông tin của xã", en="The communes' portals"), cards=[_over_time(), _by_commune()]
    )


def _over_time() -> Card:
    return chart(
        "portals_by_day",
        Words(
            title=Text(vi="Cổng thông tin qua IPv6 theo ngày", en="The portals over IPv6 by day"),
            meaning=Text(
                vi="Mỗi ngày, cộng các cổng ở tỉnh đã chọn hoặc cả nước: tỷ lệ lần đo mà bước đó chạy được, trong những lần "
                "đánh giá được. Đây là trạng thái của cổng, không phải lỗi của đường truyền.",
                en="Each day, over the portals of the chosen province or the country: the share of runs in which the step worked, of "
                "those that could judge it. It is the portals' state, no fault of the lines.",
            ),
            nothing=Text(vi="Chưa đo cổng thông tin", en="No portal was measured"),
        ),
        Ask(select=over_time(SOURCE, *(yes_share(step) for step in STEPS), where=AREA, every="1d"), alias=COLUMN),
        columns={step: (text, style.PALETTE[place]) for place, (step, text) in enumerate(STEPS.items())},
        unit="flag",
        step="1d",
        top=1,
        width=24,
        height=7,
    )


def _by_commune() -> Card:
    names = cards.names(
        "doxa_place", "sites", equal("level", "commune"), chosen_or_any("province", COUNTRY), by="province place"
    )
    lately = newest_point(
        "doxa_portal_1d",
        *(yes_share_of_point(step) for step in STEPS),
        field(area_median("portal_page_ms"), "page"),
        lasts=LATELY,
        where=(chosen_or_any("province", COUNTRY), *chosen("kind")),
        by="place",
    )
    return grid(
        "portals",
        Words(
            title=Text(
                vi="Cổng thông tin của xã qua IPv6: ngày đo gần nhất",
                en="The communes' portals over IPv6: the newest day",
            ),
            meaning=Text(
                vi="Ngày đo gần nhất, không quá 7 ngày trước cuối khoảng thời gian đã chọn: tỷ lệ lần đo từ trụ sở mà tên cổng có bản "
                "ghi AAAA, kết nối được và tải được trang HTTPS chỉ bằng IPv6, trong những lần đánh giá được; thời gian mở trang là "
                "trung vị. Tính cả mọi nhà mạng; đây là trạng thái của cổng, không phải lỗi của đường truyền. Nghị định 224/2026 Điều "
                "11.4 yêu cầu cổng dùng «.vn» và IPv6. Ô trống là chưa đo, hoặc bước trước đã hỏng.",
                en="The newest day, at most 7 days before the end of the chosen range: the share of runs from the office in which the "
                "portal's name had an AAAA record, accepted a connection, and loaded by HTTPS over IPv6 alone, of those that could "
                "judge it; the time is a median. All providers; it is the portal's state, no fault of the line. Decree 224/2026, "
                "article 11.4, wants portals on '.vn' and IPv6. An empty cell: not measured, or an earlier step failed.",
            ),
            nothing=Text(vi="Chưa có xã nào có điểm đo", en="No commune has an office yet"),
        ),
        Ask(select=names),
        Ask(select=lately),
        columns=[
            Col(name="label", title=Text(vi="Xã, phường", en="Commune"), link=to_commune(), width=260),
            Col(name="place", title=Text(vi="Mã", en="Code"), hidden=True),
            Col(name="province", title=Text(vi="Tỉnh", en="Province"), width=70),
            *(Col(name=step, title=text, unit="flag") for step, text in STEPS.items()),
            Col(name="page", title=Text(vi="Thời gian mở trang", en="Time to load"), unit="ms"),
        ],
        order="portal_https",
        descending=False,
    )
