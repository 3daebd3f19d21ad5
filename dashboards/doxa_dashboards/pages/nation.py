"""*Toàn quốc*: the provinces on a map and in a table, the worst lines, the incidents now."""

from typing import Final

from doxa_core.codes import COUNTRY
from doxa_core.language import Text
from doxa_dashboards import cards, variables
from doxa_dashboards.annotations import events
from doxa_dashboards.charts import chart
from doxa_dashboards.maps import markers
from doxa_dashboards.page import Page, Section, to_page
from doxa_dashboards.panel import Ask, Card, Link, Words
from doxa_dashboards.query import (
    chosen,
    computed,
    equal,
    field,
    last,
    median,
    newest,
    of_newest,
    over_time,
    select,
    total,
    unlike,
)
from doxa_dashboards.tables import Col, Quotient, grid, only_with

KIND: Final = chosen("kind")
PROVINCES: Final = (unlike("province", COUNTRY), *KIND)
A_PROVINCE: Final = equal("level", "province")
WORST: Final = 20
WORST_OVER: Final = "7d"
"""Every line of the country is asked for: with a month of days the panel would take more than a second."""
REACHED: Final = computed("{r} / {c}", "reached", r=total("reached_contract_count"), c=total("contracted_count"))
BELOW: Final = computed("{b} / {c}", "below", b=total("below_floor_count"), c=total("contracted_count"))


def page() -> Page:
    """The page."""
    return Page(
        name="nation",
        title=Text(vi="Toàn quốc", en="The nation"),
        meaning=Text(
            vi="Các tỉnh trên bản đồ và trong bảng, tỷ lệ đạt chỉ tiêu, những đường truyền kém nhất, sự cố đang xảy ra.",
            en="The provinces on a map and in a table, the share of targets passed, the worst lines, the incidents now.",
        ),
        sections=[
            Section(
                title=Text(vi="Tình hình chung", en="At a glance"),
                cards=[
                    cards.offices(A_PROVINCE),
                    cards.silent(),
                    cards.open_in_the_country(),
                    cards.judged(*chosen("plan")),
                    cards.passed(*chosen("plan")),
                    cards.reached(*PROVINCES),
                ],
            ),
            Section(title=Text(vi="Các tỉnh", en="The provinces"), cards=[_map(), _table()]),
            Section(title=Text(vi="Đường truyền kém nhất", en="The worst lines"), cards=[_worst()]),
            Section(title=Text(vi="Sự cố", en="Incidents"), cards=[cards.incidents_now(link=_commune("province"))]),
            Section(title=Text(vi="Xu hướng", en="Trend"), cards=[_trend()]),
        ],
        variables=[variables.plan(country=True), variables.kind(several=False)],
        annotations=[events(equal("province", COUNTRY))],
        links=[
            to_page("noc", Text(vi="NOC", en="NOC")),
            to_page("providers", Text(vi="Nhà mạng", en="Providers"), "kind"),
            to_page("tslcd", Text(vi="Mạng TSLCD", en="TSLCD network")),
            to_page("ispeed", Text(vi="i-Speed", en="i-Speed")),
            to_page("ipv6", Text(vi="IPv6", en="IPv6"), "kind"),
            to_page("health", Text(vi="Sức khỏe hệ thống", en="The system's health")),
        ],
        range_from="now-30d",
        refresh="15m",
    )


def _commune(province: str) -> Link:
    return to_page(
        "commune", Text(vi="Mở trang của xã", en="Open the commune's page"), province=province, place="place"
    )


def _province() -> Link:
    return to_page("province", Text(vi="Mở trang của tỉnh", en="Open the province's page"), province="province")


def _shares() -> Ask:
    return Ask(select=select("doxa_area_1d", REACHED, BELOW, where=(*PROVINCES, cards.CONTRACTED), by="province"))


def _map() -> Card:
    stands = (field("latitude_deg", "latitude"), field("longitude_deg", "longitude"))
    where = cards.names("doxa_place", "sites", A_PROVINCE, by="province", more=stands)
    return markers(
        "map",
        Words(
            title=Text(vi="Bản đồ các tỉnh có điểm đo", en="Map of the provinces with offices"),
            meaning=Text(
                vi="Mỗi vòng tròn là một tỉnh, càng lớn thì càng nhiều trụ sở có điểm đo. Trỏ vào để xem tỷ lệ đường truyền đạt hợp đồng. Màu không mang nghĩa; bản đồ không tải gì từ Internet.",
                en="One circle a province, the larger the more offices. Point at it for the share of lines that reached their contract. The colour says nothing; the map fetches nothing from the Internet.",
            ),
            nothing=Text(vi="Chưa có tỉnh nào có điểm đo", en="No province has an office yet"),
        ),
        Ask(select=where),
        _shares(),
        columns=[
            Col(name="label", title=Text(vi="Tỉnh", en="Province"), link=_province()),
            Col(name="province", title=Text(vi="Mã", en="Code")),
            Col(name="sites", title=Text(vi="Số trụ sở", en="Offices"), unit="count"),
            Col(name="reached", title=Text(vi="Đạt hợp đồng", en="Reached the contract"), unit="ratio"),
            Col(name="below", title=Text(vi="Dưới mức QCVN", en="Below QCVN"), unit="ratio"),
            Col(name="latitude", title=Text(vi="Vĩ độ", en="Latitude"), unit="value"),
            Col(name="longitude", title=Text(vi="Kinh độ", en="Longitude"), unit="value"),
        ],
        value="sites",
        label="label",
        joined_by="province",
    )


def _table() -> Card:
    labels = cards.names("doxa_place", "sites", A_PROVINCE, by="province")
    lines = of_newest(
        "doxa_area_1d",
        "lines_count",
        total("lines_count", "lines"),
        lasts="3d",
        where=PROVINCES,
        by="province kind provider",
        outer="province",
    )
    now = of_newest(
        "doxa_incident_5m",
        "open_count",
        total("open_count", "open"),
        lasts=cards.NOW,
        where=(unlike("province", COUNTRY),),
        by="province severity",
        outer="province",
    )
    return grid(
        "provinces",
        Words(
            title=Text(vi="Các tỉnh", en="The provinces"),
            meaning=Text(
                vi="Theo loại đường truyền đã chọn: tỷ lệ đường truyền đạt hợp đồng và tỷ lệ dưới mức QCVN (80 % hợp đồng), cộng các ngày của khoảng thời gian. Tỉnh chưa có số liệu để trống, không phải 0.",
                en="For the chosen kind of line: the share that reached the contract and the share below QCVN (80 % of it), over "
                "the days of the range. A province without figures stays empty, never 0.",
            ),
            nothing=Text(vi="Chưa có tỉnh nào có điểm đo", en="No province has an office yet"),
        ),
        Ask(select=labels),
        Ask(select=lines),
        _shares(),
        Ask(select=now),
        columns=[
            Col(name="label", title=Text(vi="Tỉnh", en="Province"), link=_province(), width=190),
            Col(name="province", title=Text(vi="Mã", en="Code"), hidden=True),
            Col(name="sites", title=Text(vi="Trụ sở", en="Offices"), unit="count"),
            Col(name="lines", title=Text(vi="Đường truyền", en="Lines"), unit="count"),
            Col(name="reached", title=Text(vi="Đạt hợp đồng", en="Reached the contract"), unit="ratio"),
            Col(name="below", title=Text(vi="Dưới mức QCVN", en="Below QCVN"), unit="ratio"),
            Col(name="open", title=Text(vi="Sự cố", en="Incidents"), unit="count"),
        ],
        order="reached",
        width=12,
        height=18,
    )


def _worst() -> Card:
    by = "province place site link provider"
    measured = newest(
        "doxa_speed_1d",
        median("download_mbps_median", "down"),
        total("ok_count", "runs"),
        lasts=WORST_OVER,
        where=KIND,
        by=by,
    )
    contract = newest("doxa_contract", last("contracted_down_mbps", "contracted"), lasts=cards.FACTS, where=KIND, by=by)
    return grid(
        "worst",
        Words(
            title=Text(vi="Đường truyền xa tốc độ hợp đồng nhất", en="Lines farthest from their contract"),
            meaning=Text(
                vi="Trung vị tải xuống của bảy ngày cuối chia cho tốc độ hợp đồng mới nhất, thấp nhất ở trên. Đường truyền không ghi tốc độ hợp đồng trong sổ thì không xếp được. Tính ở lớp tải trọng TCP: đạt 95 % đã là gần đủ.",
                en="Median download of the last seven days over the newest contracted rate, lowest first. A line without a contract in "
                "the register cannot be ranked. TCP payload layer: 95 % is nearly all of it.",
            ),
            nothing=Text(
                vi="Chưa có đường truyền nào vừa có số đo vừa có hợp đồng",
                en="No line has both a figure and a contract",
            ),
        ),
        Ask(select=measured),
        Ask(select=contract),
        columns=[
            Col(name="province", title=Text(vi="Tỉnh", en="Province"), link=_province(), width=70),
            Col(name="place", title=Text(vi="Xã", en="Commune"), link=_commune("province"), width=80),
            Col(name="site", title=Text(vi="Trụ sở", en="Office")),
            Col(name="link", title=Text(vi="Đường truyền", en="Line")),
            Col(name="provider", title=Text(vi="Nhà mạng", en="Provider")),
            Col(name="down", title=Text(vi="Tải xuống", en="Download"), unit="mbps"),
            Col(name="contracted", title=Text(vi="Hợp đồng", en="Contract"), unit="mbps"),
            Col(name="share", title=Text(vi="So với hợp đồng", en="Of the contract"), unit="ratio"),
            Col(name="runs", title=Text(vi="Số lần đo", en="Runs"), unit="count"),
        ],
        steps=[Quotient("down", "contracted", "share"), only_with("share")],
        order="share",
        descending=False,
        rows=WORST,
    )


def _trend() -> Card:
    asked = over_time(
        "doxa_area_1d",
        median("download_median_mbps", "value"),
        where=(equal("province", COUNTRY), *KIND),
        by="provider",
        every="1d",
    )
    return chart(
        "trend",
        Words(
            title=Text(vi="Tải xuống cả nước theo nhà mạng", en="Download in the country by provider"),
            meaning=Text(
                vi="Mỗi ngày: trung vị giữa mọi đường truyền cả nước của nhà mạng, loại đường truyền đã chọn. Đo tại trụ sở, không "
                "phải số liệu i-Speed.",
                en="Each day: the median over all of the provider's lines in the country, of the chosen kind. Measured at "
                "offices, not i-Speed's figure.",
            ),
            nothing=Text(vi="Chưa có số liệu theo ngày", en="No daily figures"),
        ),
        Ask(select=asked, alias=Text(vi="$tag_provider", en="$tag_provider")),
        unit="mbps",
        step="1d",
        width=24,
    )
