"""*Nhà mạng*: the providers side by side, in the country, by province, over time, and their incidents."""

from typing import Final

from doxa_core.codes import COUNTRY
from doxa_core.language import Text
from doxa_dashboards import cards, variables
from doxa_dashboards.annotations import events
from doxa_dashboards.charts import chart
from doxa_dashboards.page import Page, Section, to_page
from doxa_dashboards.pages._providers import BELOW, FAILED, RAN, REACHED, comparison
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import (
    Column,
    Condition,
    among,
    chosen,
    compared,
    field,
    median,
    over_time,
    select,
    unlike,
)
from doxa_dashboards.tables import Col, tally

AREA: Final = chosen("province", "kind", "provider")
"""Of the country its own figures (province "00"), not those of the provinces together."""
EVERYWHERE: Final = chosen("kind", "provider")


def page() -> Page:
    """The page."""
    return Page(
        name="providers",
        title=Text(vi="Nhà mạng", en="Providers"),
        meaning=Text(
            vi="So sánh các nhà mạng theo loại đường truyền và theo tỉnh: tốc độ, tỷ lệ đạt hợp đồng và dưới mức QCVN, mất gói, "
            "độ trễ, số lần đo và sự cố. Đo tại trụ sở, không phải số liệu i-Speed hay xếp hạng nhà mạng.",
            en="The providers compared by kind of line and province: speed, share that reached the contract or stayed below QCVN, "
            "loss, latency, runs and incidents. Measured at offices: neither i-Speed's figures nor a ranking.",
        ),
        sections=[
            Section(title=Text(vi="So sánh", en="Compared"), cards=[comparison("compared", _COMPARED, *AREA)]),
            Section(title=Text(vi="Theo thời gian", en="Over time"), cards=_trends()),
            Section(title=Text(vi="Theo tỉnh", en="By province"), cards=[_by_province()]),
            Section(title=Text(vi="Sự cố", en="Incidents"), cards=[_tally(), _incidents()]),
        ],
        variables=[
            variables.province_or_country(),
            variables.kind(several=False),
            variables.provider_of_kind(),
        ],
        annotations=[events(among("province", "${province}", COUNTRY))],
        links=[
            to_page("nation", Text(vi="Lên toàn quốc", en="Up to the nation"), "kind"),
            to_page("noc", Text(vi="NOC", en="NOC")),
            to_page("ipv6", Text(vi="IPv6", en="IPv6"), "kind"),
        ],
        range_from="now-30d",
        refresh="15m",
    )


def _trends() -> list[Card]:
    return [
        _trend("down", "mbps", Text(vi="Tải xuống", en="Download"), median("download_median_mbps", "value"), _OF_LINES),
        _trend("up", "mbps", Text(vi="Tải lên", en="Upload"), median("upload_median_mbps", "value"), _OF_LINES),
        _trend(
            "reached",
            "ratio",
            Text(vi="Tỷ lệ đường truyền đạt hợp đồng", en="Share that reached the contract"),
            REACHED,
            Text(
                vi="Tỷ lệ đường truyền có trung vị đạt tốc độ hợp đồng cả hai chiều, trong số đường truyền có hợp đồng và đo được cả hai chiều trong ngày.",
                en="Of the lines with a contract that were measured both ways that day, the share whose medians reached it.",
            ),
            cards.CONTRACTED,
        ),
        _trend(
            "below",
            "ratio",
            Text(vi="Tỷ lệ đường truyền dưới mức QCVN", en="Share below QCVN"),
            BELOW,
            Text(
                vi="Tỷ lệ đường truyền có chiều kém hơn ở dưới mức QCVN 34 (80 % hợp đồng), trong số đường truyền có hợp đồng và đo được cả hai chiều trong ngày. QCVN ràng buộc nhà mạng; số này chỉ để tham khảo.",
                en="Of the lines with a contract that were measured both ways that day, the share whose worse direction was below "
                "QCVN 34 (80 % of it). It binds operators; this is indicative.",
            ),
            cards.CONTRACTED,
        ),
        _trend("rtt", "ms", Text(vi="Độ trễ", en="Latency"), median("rtt_p50_median_ms", "value"), _OF_LINES),
        _trend(
            "loss",
            "percent",
            Text(vi="Mất gói", en="Loss"),
            median("loss_percent", "value"),
            Text(
                vi="Mỗi ngày: gói không có trả lời chia cho gói đã gửi, cộng trên mọi đường truyền của nhà mạng.",
                en="Each day: packets without an answer over packets sent, of all of the provider's lines together.",
            ),
        ),
        _trend(
            "failed",
            "ratio",
            Text(vi="Tỷ lệ lần đo không tới được", en="Share of runs that failed"),
            FAILED,
            Text(
                vi="Tỷ lệ lần đo không tới được đầu xa trong mọi lần đo của ngày. Đầu xa hỏng thì mọi nhà mạng cùng tăng.",
                en="Of all runs of the day, the share that did not reach the far end. A broken far end raises all providers.",
            ),
            RAN,
            width=24,
        ),
    ]


def _trend(key: str, unit: str, title: Text, column: Column, meaning: Text, *where: Condition, width: int = 12) -> Card:
    asked = over_time("doxa_area_1d", column.named("value"), where=(*AREA, *where), by="provider", every="1d")
    return chart(
        f"trend_{key}",
        Words(
            title=Text(vi=f"{title.vi} theo ngày", en=f"{title.en} by day"),
            meaning=meaning,
            nothing=Text(vi="Chưa có số liệu theo ngày", en="No daily figures"),
        ),
        Ask(select=asked, alias=Text(vi="$tag_provider", en="$tag_provider")),
        unit=unit,
        step="1d",
        width=width,
        height=8,
    )


def _by_province() -> Card:
    link = to_page("province", Text(vi="Mở trang của tỉnh", en="Open the province's page"), "kind", province="province")
    return comparison(
        "by_province",
        Text(vi="Nhà mạng ở từng tỉnh (mọi tỉnh)", en="Providers in each province (all of them)"),
        unlike("province", COUNTRY),
        *EVERYWHERE,
        by="province provider",
        lead=[Col(name="province", title=Text(vi="Tỉnh (mã)", en="Province (code)"), link=link, width=110)],
        height=14,
    )


def _tally() -> Card:
    found = select(
        "doxa_incident",
        field("provider"),
        field("number"),
        field("sites_count"),
        where=(compared("absorbed_flag", "=", 0), unlike("provider", ""), *EVERYWHERE),
    )
    return tally(
        "tally",
        Words(
            title=Text(vi="Số sự cố theo nhà mạng (cả nước)", en="Incidents by provider (the country)"),
            meaning=Text(
                vi="Sự cố mở trong khoảng thời gian trên đường truyền của từng nhà mạng, loại đường truyền đã chọn, không kể sự cố đã "
                "gộp vào sự cố lớn hơn. Nhà mạng có nhiều đường truyền hơn thì có nhiều sự cố hơn. «Lượt trụ sở» đếm một trụ sở "
                "mỗi lần nó bị ảnh hưởng.",
                en="Incidents opened in the range on lines of each provider, of the chosen kind, without those that became part of "
                "a wider one. Who has more lines has more incidents. An office counts each time it is hit.",
            ),
            nothing=_NO_INCIDENT,
        ),
        Ask(select=found),
        group=Col(name="provider", title=Text(vi="Nhà mạng", en="Provider")),
        counted=Col(name="number", title=Text(vi="Số sự cố", en="Incidents"), unit="count"),
        summed=[Col(name="sites_count", title=Text(vi="Lượt trụ sở", en="Offices hit"), unit="count")],
        width=24,
        height=6,
    )


def _incidents() -> Card:
    link = to_page(
        "commune", Text(vi="Mở trang của xã", en="Open the commune's page"), province="province", place="place"
    )
    return cards.incidents(
        unlike("provider", ""),
        *EVERYWHERE,
        title=Text(vi="Sự cố của nhà mạng (cả nước)", en="Incidents of providers (the country)"),
        link=link,
        provider=True,
    )


_COMPARED: Final = Text(vi="Các nhà mạng ở phạm vi đã chọn", en="The providers in the chosen area")
_NO_INCIDENT: Final = Text(vi="Không có sự cố nào của nhà mạng", en="No incident of a provider")
_OF_LINES: Final = Text(
    vi="Mỗi ngày: trung vị giữa các đường truyền của nhà mạng, mỗi đường lấy trung vị trong ngày; loại đường truyền và phạm vi đã "
    "chọn. Ngày theo giờ Việt Nam.",
    en="Each day: the median over the provider's lines of the line's median of the day, for the chosen kind and area. Vietnamese days.",
)
