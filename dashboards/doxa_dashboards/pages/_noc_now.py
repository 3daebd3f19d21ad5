"""*NOC*: presence by province and by office, and the lines on which measurements fail at this moment."""

from typing import Final

from doxa_core.language import Text
from doxa_dashboards import cards, codes
from doxa_dashboards.charts import number
from doxa_dashboards.page import to_page
from doxa_dashboards.panel import KINDS, Ask, Card, Link, Words
from doxa_dashboards.query import (
    Condition,
    compared,
    computed,
    equal,
    field,
    last,
    newest,
    of_newest,
    select,
    total,
)
from doxa_dashboards.tables import Col, Quotient, grid, only_with

FAILING_FOR: Final = "30m"
"""Which windows of five minutes count as now: late ones of a slow line among them."""
_OFFICE: Final = "province place site"


def online(*where: Condition) -> Card:
    """The share of probes that are there."""
    counted = newest(
        "doxa_presence_5m",
        last("probes_count", "probes"),
        last("silent_count", "silent"),
        lasts=cards.NOW,
        where=where,
        by="site",
    )
    share = computed("1 - {s} / {p}", "online", s=total("silent"), p=total("probes"))
    return number(
        "online",
        Words(
            title=Text(vi="Thiết bị còn liên lạc", en="Probes that are heard"),
            meaning=Text(
                vi="Tỷ lệ thiết bị đo không bị coi là mất liên lạc ở cuối khoảng thời gian, trong mọi thiết bị đã đăng ký. Thiết bị chưa "
                "từng kết nối hoặc chưa rõ không bị coi là mất liên lạc.",
                en="Of all registered probes, the share that is not silent at the end of the range. One never seen or unknown does not "
                "count as silent.",
            ),
            nothing=Text(vi="Chưa có số liệu", en="No figures"),
        ),
        Ask(select=select(counted, share, where=(compared("probes", ">", 0),))),
        unit="ratio",
    )


def by_province(*where: Condition) -> Card:
    """How many probes each province has, and how many are silent."""
    asks = [
        Ask(
            select=of_newest(
                "doxa_presence_5m",
                f"{name}_count",
                total(f"{name}_count", name),
                lasts=cards.NOW,
                where=where,
                by="province site",
                outer="province",
            )
        )
        for name in ("probes", "silent")
    ]
    labels = cards.names("doxa_place", "sites", equal("level", "province"), *where, by="province")
    link = to_page("province", Text(vi="Mở trang của tỉnh", en="Open the province's page"), province="province")
    return grid(
        "presence",
        Words(
            title=Text(vi="Thiết bị đo theo tỉnh", en="Probes by province"),
            meaning=Text(
                vi="Số thiết bị đo và số mất liên lạc ở cuối khoảng thời gian, tỉnh mất nhiều nhất ở trên. Cả một tỉnh cùng mất thường là mất "
                "điện diện rộng hoặc sự cố của nhà mạng, không phải hỏng thiết bị.",
                en="Probes and silent ones at the end of the range, the province that lost most on top. A whole province lost at once is "
                "mostly power or a provider, not devices.",
            ),
            nothing=Text(vi="Chưa có thiết bị đo nào", en="No probes yet"),
        ),
        Ask(select=labels),
        *asks,
        columns=[
            Col(name="label", title=Text(vi="Tỉnh", en="Province"), link=link),
            Col(name="province", title=Text(vi="Mã", en="Code"), hidden=True),
            Col(name="sites", title=Text(vi="Trụ sở", en="Offices"), unit="count", width=80),
            Col(name="probes", title=Text(vi="Thiết bị", en="Probes"), unit="count", width=80),
            Col(name="silent", title=Text(vi="Mất liên lạc", en="Silent"), unit="count", width=100),
            Col(name="share", title=Text(vi="Tỷ lệ mất", en="Share silent"), unit="ratio", width=90),
        ],
        steps=[Quotient("silent", "probes", "share")],
        order="silent",
        width=12,
        height=10,
    )


def silent_offices(link: Link, *where: Condition) -> Card:
    """The offices whose probes are not heard."""
    counted = newest(
        "doxa_presence_5m",
        last("silent_count", "silent"),
        last("state_code", "state"),
        lasts=cards.NOW,
        where=where,
        by=_OFFICE,
    )
    silent = select(counted, field("silent"), field("state"), where=(compared("silent", ">", 0),), by=_OFFICE)
    names = cards.names("doxa_site", "probes", *where, by=_OFFICE)
    return grid(
        "silent_offices",
        Words(
            title=Text(vi="Trụ sở có thiết bị mất liên lạc", en="Offices with silent probes"),
            meaning=Text(
                vi="Mỗi dòng là một trụ sở đang có thiết bị đo mất liên lạc. Mất liên lạc chưa chắc là mất mạng: có thể mất điện. Xem sự "
                "cố ở trên để biết nguyên nhân đã xác định.",
                en="One row an office that has a silent probe now. Silence need not be a lost line, it may be power: the incidents above "
                "say what cause was found.",
            ),
            nothing=Text(vi="Mọi thiết bị đo đều còn liên lạc", en="All probes are heard"),
        ),
        Ask(select=silent),
        Ask(select=names),
        columns=[
            Col(name="province", title=Text(vi="Tỉnh", en="Province"), width=60),
            Col(name="place", title=Text(vi="Xã", en="Commune"), link=link, width=80),
            Col(name="label", title=Text(vi="Trụ sở", en="Office")),
            Col(name="site", title=Text(vi="Mã trụ sở", en="Office's code")),
            Col(name="state", title=Text(vi="Trạng thái", en="State"), unit="code", codes=codes.PRESENCE, width=140),
            Col(name="silent", title=Text(vi="Mất liên lạc", en="Silent"), unit="count", width=100),
            Col(name="probes", title=Text(vi="Thiết bị", en="Probes"), unit="count", width=80),
        ],
        steps=[only_with("silent")],
        order="place",
        descending=False,
        width=12,
        height=10,
    )


def failing(link: Link, *where: Condition) -> Card:
    """The lines on which the far end was not reached in the last windows."""
    by = f"{_OFFICE} link kind provider"
    counted = newest(
        "doxa_latency_5m",
        total("failed_count", "failed"),
        total("ok_count", "ok"),
        lasts=FAILING_FOR,
        where=where,
        by=by,
    )
    failed = select(counted, field("failed"), field("ok"), where=(compared("failed", ">", 0),), by=by)
    return grid(
        "failing",
        Words(
            title=Text(vi="Đường truyền đang đo không được", en="Lines that fail now"),
            meaning=Text(
                vi="Đường truyền có ít nhất một lần đo độ trễ không tới được đầu xa trong 30 phút cuối. «Lần đo được» bằng 0 nghĩa là mất "
                "hẳn; còn lại là chập chờn. Thiết bị mất liên lạc thì chưa gửi kết quả về nên không hiện ở đây.",
                en="Lines on which at least one latency run did not reach the far end within the last 30 minutes. No run that succeeded "
                "means lost, else unsteady. A silent probe sends no results yet, so its lines are not here.",
            ),
            nothing=Text(vi="Không có đường truyền nào đang hỏng", en="No line fails at present"),
        ),
        Ask(select=failed),
        columns=[
            Col(name="province", title=Text(vi="Tỉnh", en="Province"), width=60),
            Col(name="place", title=Text(vi="Xã", en="Commune"), link=link, width=80),
            Col(name="site", title=Text(vi="Trụ sở", en="Office")),
            Col(name="link", title=Text(vi="Đường truyền", en="Line")),
            Col(name="kind", title=Text(vi="Loại", en="Kind"), words=KINDS),
            Col(name="provider", title=Text(vi="Nhà mạng", en="Provider")),
            Col(name="failed", title=Text(vi="Lần không tới được", en="Failed runs"), unit="count"),
            Col(name="ok", title=Text(vi="Lần đo được", en="Runs that succeeded"), unit="count"),
        ],
        order="failed",
        height=9,
    )
