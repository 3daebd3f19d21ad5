"""The lower half of *i-Speed*: how many samples the month has so far, ours and VNNIC's own, and what else was published."""

from typing import Final

from doxa_core.codes import COUNTRY
from doxa_core.language import Text
from doxa_dashboards import cards
from doxa_dashboards.charts import STATISTICS
from doxa_dashboards.page import Section, to_page
from doxa_dashboards.panel import KINDS, Ask, Card, Link, Words
from doxa_dashboards.query import among, chosen, field, last, newest, select, singled_out, total
from doxa_dashboards.tables import Col, Quotient, grid
from doxa_dashboards.variables import EVERYTHING

LINE: Final = chosen("province", "place", "kind", "provider")
HERE: Final = (among("province", "${province}", COUNTRY), among("place", "${place}", ""))
"""Published for the chosen communes, their province and the country."""
PICKED: Final = singled_out("place", EVERYTHING)
"""Communes that were chosen one by one: a line for each of them; "all" would be a line for every commune of a province."""
PUBLISHED_KINDS: Final = {**KINDS, "mobile-5g": Text(vi="Di động 5G", en="Mobile 5G")}
"""The kinds that i-Speed publishes apart."""
MONTH: Final = "62d"
"""How old the newest published figure may be: that of the month before, until that of this month is brought."""
WAYS: Final = {"download": Text(vi="Tải xuống", en="Download"), "upload": Text(vi="Tải lên", en="Upload")}
CAVEAT: Final = Text(
    vi="Số đo tại trụ sở là của một vài đường truyền cơ quan, không phải của người dân cả địa bàn; số i-Speed là thống kê của "
    "VNNIC trên các lượt đo của người dùng. Hai số không thay thế cho nhau và không gộp lại.",
    en="What is measured at an office is of a few lines of the authorities, not of the place's residents; i-Speed's figure is "
    "VNNIC's statistic over people's own tests. Neither replaces the other, and they are never put together.",
)


def to_commune() -> Link:
    """A click on a commune."""
    return to_page("commune", Text(vi="Mở trang của xã", en="Open the commune's page"), "province", place="place")


def samples() -> Section:
    """Ours and VNNIC's, in two tables."""
    return Section(title=Text(vi="Số mẫu trong tháng", en="Samples of the month"), cards=[_progress(), _published()])


def _progress() -> Card:
    by = "place site link kind provider"
    own = select("doxa_speed_1d", total("ok_count", "runs"), where=LINE, by=by)
    wanted = newest(
        "doxa_contract",
        last("samples_goal_count", "goal"),
        last("samples_full_count", "full"),
        lasts=cards.FACTS,
        where=LINE,
        by=by,
    )
    return grid(
        "progress",
        Words(
            title=Text(vi="Số mẫu của thiết bị đo trong khoảng thời gian", en="Our probes' own samples in the range"),
            meaning=Text(
                vi="Số lần đo tốc độ thành công của thiết bị đo trên từng đường truyền, cộng theo ngày trọn, mặc định từ đầu tháng "
                "(hôm nay cập nhật ba giờ một lần). «Cần» là số mẫu mỗi tháng theo cách đếm của i-Speed và của QCVN 34 (chỉ "
                "đường cố định), chỉ để tham khảo; hãy chọn đúng một tháng khi so sánh. Đây không phải số mẫu của i-Speed: đo tại "
                "trụ sở không làm tăng số mẫu i-Speed của xã.",
                en="Speed tests of the probe on each line that succeeded, by whole days, by default since the month began (today is "
                "brought up to date every three hours). 'Needed' is what the countings of i-Speed and of QCVN 34 (fixed lines "
                "only) want in a month, as an indication; choose one month to compare. These are not i-Speed's samples: measuring "
                "at an office adds none to the commune's.",
            ),
            nothing=Text(vi="Chưa có đường truyền Internet nào", en="There is no Internet line"),
        ),
        Ask(select=own),
        Ask(select=wanted),
        columns=[
            Col(name="place", title=Text(vi="Xã", en="Commune"), link=to_commune(), width=80),
            Col(name="site", title=Text(vi="Trụ sở", en="Office")),
            Col(name="link", title=Text(vi="Đường truyền", en="Line")),
            Col(name="kind", title=Text(vi="Loại", en="Kind"), words=KINDS),
            Col(name="provider", title=Text(vi="Nhà mạng", en="Provider")),
            Col(name="runs", title=Text(vi="Mẫu của thiết bị đo", en="Own samples"), unit="count"),
            Col(name="goal", title=Text(vi="Cần, kiểu i-Speed", en="Needed, i-Speed's way"), unit="count"),
            Col(name="of_goal", title=Text(vi="Tiến độ, kiểu i-Speed", en="Progress, i-Speed"), unit="ratio"),
            Col(name="full", title=Text(vi="Cần, QCVN 34", en="Needed, QCVN 34"), unit="count"),
            Col(name="of_full", title=Text(vi="Tiến độ, QCVN 34", en="Progress, QCVN 34"), unit="ratio"),
        ],
        steps=[Quotient("runs", "goal", "of_goal"), Quotient("runs", "full", "of_full")],
        order="of_goal",
        descending=False,
        height=9,
    )


def _published() -> Card:
    """What VNNIC said itself, with its own number of samples."""
    told = newest(
        "doxa_published",
        last("published_mbps", "published"),
        field("samples_count", "samples"),
        field("samples_goal_count", "goal"),
        lasts=MONTH,
        where=HERE,
        by="province place kind quantity statistic source_mark",
    )
    return grid(
        "published",
        Words(
            title=Text(vi="Số liệu i-Speed công bố mới nhất", en="i-Speed's newest published figures"),
            meaning=Text(
                vi="Số do cán bộ nhập từ công bố của VNNIC, mỗi dòng một số, cho xã, tỉnh và cả nước (00). Số mẫu là của i-Speed, "
                "tức lượt đo của người dùng; ô trống là công bố không nêu. «Cần để công bố»: "
                "ít hơn số mẫu này thì i-Speed không công bố cho xã (theo bản trích, để tham khảo).",
                en="Entered by a person from what VNNIC published, one figure a row, for communes, province and country (00). The "
                "samples are i-Speed's: tests by people; an empty cell was not told. 'Needed': the number of samples "
                "below which i-Speed publishes no commune, read in an excerpt only.",
            ),
            nothing=Text(vi="Chưa nhập số liệu i-Speed của hai tháng gần nhất", en="Nothing entered for two months"),
        ),
        Ask(select=told),
        columns=[
            Col(name="Time", title=Text(vi="Tháng", en="Month"), unit="month", width=90),
            Col(name="province", title=Text(vi="Tỉnh", en="Province"), width=70),
            Col(name="place", title=Text(vi="Xã", en="Commune"), link=to_commune(), width=80),
            Col(name="kind", title=Text(vi="Loại", en="Kind"), words=PUBLISHED_KINDS),
            Col(name="quantity", title=Text(vi="Chiều", en="Direction"), words=WAYS),
            Col(name="statistic", title=Text(vi="Thống kê", en="Statistic"), words=STATISTICS),
            Col(name="published", title=Text(vi="Công bố", en="Published"), unit="mbps"),
            Col(name="samples", title=Text(vi="Số mẫu của i-Speed", en="i-Speed's samples"), unit="count"),
            Col(name="goal", title=Text(vi="Cần để công bố", en="Needed to be published"), unit="count"),
            Col(name="of_goal", title=Text(vi="Tiến độ", en="Progress"), unit="ratio"),
            Col(name="source_mark", title=Text(vi="Nguồn", en="Source mark"), width=80),
        ],
        steps=[Quotient("samples", "goal", "of_goal")],
        order="Time",
        height=9,
    )
