"""*Xã*: every line of a commune's offices against what was promised, what the plan wants and what i-Speed published."""

from typing import Final

from doxa_core.codes import COUNTRY
from doxa_core.language import Text
from doxa_dashboards import variables
from doxa_dashboards.annotations import of_commune
from doxa_dashboards.catalogue import WINDOW
from doxa_dashboards.charts import chart
from doxa_dashboards.page import Page, Section, to_page
from doxa_dashboards.pages._commune_quality import LINE, ipv6, presence, quality
from doxa_dashboards.pages._verdicts import verdicts
from doxa_dashboards.panel import KINDS, Ask, Card, Words
from doxa_dashboards.query import (
    among,
    chosen,
    equal,
    last,
    lost,
    median,
    over_time,
    select,
    sent,
    share_of_runs,
)
from doxa_dashboards.style import Role
from doxa_dashboards.tables import Col, Quotient, grid

HERE: Final = (among("province", "${province}", COUNTRY), among("place", "${place}", "${province}", COUNTRY, ""))
"""What holds for the commune: its own, its province's and the country's."""
BY_LINE: Final = "site link kind provider"


def page() -> Page:
    """The page."""
    return Page(
        name="commune",
        title=Text(vi="Xã: từng đường truyền", en="Commune: line by line"),
        meaning=Text(
            vi="Mọi đường truyền của các trụ sở trong một xã: tốc độ so với chỉ tiêu, hợp đồng, i-Speed và QCVN; "
            "độ trễ, mất gói, IPv6, hiện diện, sự cố.",
            en="Every line of a commune's offices: speed against target, contract, i-Speed and QCVN; latency, loss, "
            "IPv6, presence, incidents.",
        ),
        sections=[_summary(), _speeds(), quality(), ipv6(), presence()],
        variables=[
            variables.province(),
            variables.place(),
            variables.site(),
            variables.link(),
            variables.kind(),
            variables.window(),
        ],
        annotations=of_commune(),
        links=[
            to_page("province", Text(vi="Lên tỉnh", en="Up to the province"), "province"),
            to_page("tslcd", Text(vi="Mạng TSLCD", en="TSLCD network"), "province", "place"),
            to_page("noc", Text(vi="NOC", en="NOC"), "province"),
            to_page("ispeed", Text(vi="i-Speed", en="i-Speed"), "province", "place"),
            to_page("ipv6", Text(vi="IPv6", en="IPv6"), "province"),
        ],
    )


def _summary() -> Section:
    return Section(title=Text(vi="Các đường truyền", en="The lines"), cards=[_lines(), _verdicts()])


def _lines() -> Card:
    speeds = select(
        f"doxa_speed_{WINDOW}",
        median("download_mbps_median", "down"),
        median("upload_mbps_median", "up"),
        where=LINE,
        by=BY_LINE,
    )
    contract = select(
        "doxa_contract",
        last("contracted_down_mbps", "contracted_down"),
        last("contracted_up_mbps", "contracted_up"),
        where=LINE,
        by=BY_LINE,
    )
    delay = select(
        f"doxa_latency_{WINDOW}", median("rtt_p50_ms_median", "rtt"), lost(), where=(*LINE, sent()), by=BY_LINE
    )
    ipv6 = share_of_runs(f"doxa_ipv6_{WINDOW}", "state_ready_flag", "ipv6", where=LINE, by=BY_LINE, every=None)
    return grid(
        "lines",
        Words(
            title=Text(vi="Đường truyền trong khoảng thời gian đã chọn", en="Lines in the chosen range of time"),
            meaning=Text(
                vi="Mỗi dòng là một đường truyền. Tốc độ là trung vị các lần đo tại trụ sở, tính ở lớp tải trọng TCP "
                "(thấp hơn tốc độ trên dây khoảng 5–6 %), không phải số liệu i-Speed. Mất gói tính từ tổng số gói đã "
                "gửi và đã nhận. Ô trống nghĩa là chưa có số liệu, không phải bằng 0.",
                en="One row a line. Speeds are medians of the runs at the office, TCP payload layer (some 5–6 % below "
                "the wire's rate), not i-Speed's figures. Loss is counted from all packets sent and received. An "
                "empty cell means no figure, never 0.",
            ),
            nothing=Text(vi="Xã này chưa có đường truyền nào được đo", en="No line of this commune was measured"),
        ),
        Ask(select=speeds),
        Ask(select=contract),
        Ask(select=delay),
        Ask(select=ipv6),
        columns=[
            Col(name="site", title=Text(vi="Trụ sở", en="Office")),
            Col(name="link", title=Text(vi="Đường truyền", en="Line")),
            Col(name="kind", title=Text(vi="Loại", en="Kind"), words=KINDS),
            Col(name="provider", title=Text(vi="Nhà mạng", en="Provider")),
            Col(name="down", title=Text(vi="Tải xuống (đo tại trụ sở)", en="Download (measured)"), unit="mbps"),
            Col(name="contracted_down", title=Text(vi="Hợp đồng, xuống", en="Contract, down"), unit="mbps"),
            Col(name="share", title=Text(vi="So với hợp đồng", en="Of the contract"), unit="ratio"),
            Col(name="up", title=Text(vi="Tải lên (đo tại trụ sở)", en="Upload (measured)"), unit="mbps"),
            Col(name="contracted_up", title=Text(vi="Hợp đồng, lên", en="Contract, up"), unit="mbps"),
            Col(name="rtt", title=Text(vi="Độ trễ, trung vị", en="Latency, median"), unit="ms"),
            Col(name="loss", title=Text(vi="Mất gói", en="Loss"), unit="loss"),
            Col(name="ipv6", title=Text(vi="IPv6 sẵn sàng", en="IPv6 ready"), unit="flag"),
        ],
        steps=[Quotient("down", "contracted_down", "share")],
        order="site",
        descending=False,
        height=7,
    )


def _verdicts() -> Card:
    nothing = Text(vi="Chưa có kỳ đánh giá nào cho xã này", en="Nothing was judged for this commune yet")
    return verdicts(*chosen("province", "place", "kind"), nothing=nothing)


def _speeds() -> Section:
    return Section(
        title=Text(vi="Tốc độ so với chỉ tiêu, hợp đồng, i-Speed và QCVN", en="Speed against what was promised"),
        cards=[
            _speed("download", "down", Text(vi="Tải xuống", en="Download")),
            _speed("upload", "up", Text(vi="Tải lên", en="Upload")),
        ],
    )


def _speed(direction: str, short: str, title: Text) -> Card:
    measured = over_time(
        f"doxa_speed_{WINDOW}", median(f"{direction}_mbps_median", "measured"), where=LINE, by="site link kind"
    )
    contract, floor, required = (
        over_time("doxa_contract", last(name), where=LINE, by="site link kind", fill="previous")
        for name in (f"contracted_{short}_mbps", f"floor_{short}_mbps", "required_mbps")
    )
    wanted = (*HERE, *chosen("kind"), equal("quantity", direction))
    target = over_time(
        "doxa_target", last("threshold"), where=(*wanted, equal("unit", "Mbps")), by="target kind", fill="previous"
    )
    published = over_time(
        "doxa_published", last("published_mbps"), where=wanted, by="kind statistic place", fill="previous"
    )
    return chart(
        f"speed_{direction}",
        Words(
            title=title,
            meaning=Text(
                vi="Nét liền: trung vị các lần đo tại trụ sở, lớp tải trọng TCP. Nét đứt: hợp đồng, mức QCVN 34 "
                "(80 % hợp đồng), yêu cầu TSLCD, chỉ tiêu của kế hoạch và số liệu i-Speed công bố. Số đo tại trụ sở "
                "và số i-Speed là hai thống kê khác nhau, không thay thế cho nhau.",
                en="Drawn through: median of the runs at the office, TCP payload layer. Dashed: contract, QCVN 34's "
                "level (80 % of it), the TSLCD requirement, the plan's target, and i-Speed's published figure. What "
                "is measured at the office and i-Speed's figure are two statistics; neither replaces the other.",
            ),
            nothing=Text(vi="Chưa có lần đo tốc độ nào", en="No speed test yet"),
        ),
        Ask(select=measured, alias=_name("đo tại trụ sở", "measured at the office")),
        Ask(select=contract, alias=_name("hợp đồng", "contract"), role=Role.CONTRACT),
        Ask(select=floor, alias=_name("mức QCVN 34", "QCVN 34 level"), role=Role.FLOOR),
        Ask(select=required, alias=_name("yêu cầu TSLCD", "TSLCD requirement"), role=Role.REQUIRED),
        Ask(
            select=target,
            alias=Text(vi="Chỉ tiêu $tag_target ($tag_kind)", en="Target $tag_target ($tag_kind)"),
            role=Role.TARGET,
        ),
        Ask(
            select=published,
            alias=Text(
                vi="i-Speed công bố ($tag_kind, $tag_statistic) $tag_place",
                en="Published by i-Speed ($tag_kind, $tag_statistic) $tag_place",
            ),
            role=Role.PUBLISHED,
        ),
        unit="mbps",
        height=12,
    )


def _name(vi: str, en: str) -> Text:
    return Text(vi=f"$tag_site $tag_link ($tag_kind): {vi}", en=f"$tag_site $tag_link ($tag_kind): {en}")
