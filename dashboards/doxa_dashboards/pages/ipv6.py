"""*IPv6*: how many lines are ready, by province, provider and over time; then where it breaks (`_ipv6_faults`)."""

from doxa_core.language import Text
from doxa_dashboards import variables
from doxa_dashboards.annotations import of_province
from doxa_dashboards.charts import chart, number
from doxa_dashboards.page import Page, Section, to_page
from doxa_dashboards.pages._ipv6_compared import compared_with_v4
from doxa_dashboards.pages._ipv6_faults import AREA, broken
from doxa_dashboards.pages._ipv6_portals import portals
from doxa_dashboards.pages._ipv6_states import DAYS, providers, provinces, states_over_time
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import compared, computed, last, newest, of_newest, over_time, select, total


def page() -> Page:
    """The page."""
    return Page(
        name="ipv6",
        title=Text(vi="IPv6", en="IPv6"),
        meaning=Text(
            vi="Bao nhiêu đường truyền dùng được IPv6, theo tỉnh, nhà mạng và thời gian; hỏng ở bước nào; so với IPv4; cổng thông "
            "tin của xã. IPv6 của Internet và của mạng TSLCD xem riêng theo loại đường truyền.",
            en="How many lines can use IPv6, by province, provider and time; at which step it breaks; against IPv4; the "
            "communes' portals. IPv6 of the Internet and of the TSLCD network stand apart, by the kind of line.",
        ),
        sections=[
            Section(
                title=Text(vi="Trạng thái", en="States"),
                cards=[_tested(), _ready(), _ready_over_time(), states_over_time(), provinces(), providers()],
            ),
            broken(),
            compared_with_v4(),
            portals(),
        ],
        variables=[
            variables.province_or_country(),
            variables.kind(several=False),
            variables.provider_of_kind(),
        ],
        annotations=of_province(),
        links=[
            to_page("nation", Text(vi="Lên toàn quốc", en="Up to the nation")),
            to_page("providers", Text(vi="Các nhà mạng", en="The providers")),
        ],
        range_from="now-7d",
        refresh="15m",
    )


def _tested() -> Card:
    asked = of_newest(
        "doxa_area_1d",
        "ipv6_tested_count",
        total("ipv6_tested_count", "tested"),
        lasts=DAYS,
        where=AREA,
        by="province kind provider",
    )
    return number(
        "tested",
        Words(
            title=Text(vi="Đường truyền đã đo IPv6", en="Lines tested"),
            meaning=Text(
                vi="Số đường truyền có kết quả đo IPv6 trong ngày gần nhất, theo loại và nhà mạng đã chọn. Đường truyền chưa đo không tính.",
                en="Lines with an IPv6 result on the newest day, of the chosen kind and providers. Untested ones do not count.",
            ),
            nothing=Text(vi="Chưa đo IPv6", en="IPv6 was not measured"),
        ),
        Ask(select=asked),
        unit="count",
    )


def _ready() -> Card:
    lately = newest(
        "doxa_area_1d",
        last("ipv6_ready_count", "ready"),
        last("ipv6_tested_count", "tested"),
        lasts=DAYS,
        where=AREA,
        by="province kind provider",
    )
    share = computed("{ready} / {tested}", "share", ready=total("ready"), tested=total("tested"))
    return number(
        "ready",
        Words(
            title=Text(vi="Sẵn sàng IPv6", en="IPv6 ready"),
            meaning=Text(
                vi="Tỷ lệ đường truyền mà lần đo cuối là «sẵn sàng» (trang web mở được chỉ qua IPv6), trong số đường truyền đã đo trong ngày gần nhất.",
                en="Of the lines tested on the newest day, the share whose last test found 'ready': a page opens over IPv6 alone.",
            ),
            nothing=Text(vi="Chưa đo IPv6", en="IPv6 was not measured"),
        ),
        Ask(select=select(lately, share, where=(compared("tested", ">", 0),))),
        unit="ratio",
    )


def _ready_over_time() -> Card:
    share = computed("{r} / {t}", "share", r=total("ipv6_ready_count"), t=total("ipv6_tested_count"))
    where = (*AREA, compared("ipv6_tested_count", ">", 0))
    asked = over_time("doxa_area_1d", share, where=where, by="provider", every="1d")
    return chart(
        "ready_by_day",
        Words(
            title=Text(vi="Tỷ lệ đường truyền sẵn sàng IPv6 theo nhà mạng", en="Share of lines ready, by provider"),
            meaning=Text(
                vi="Mỗi ngày: số đường truyền «sẵn sàng» ở lần đo cuối chia cho số đường truyền đã đo, ở tỉnh đã chọn hoặc cả nước.",
                en="Each day: lines that were ready at their last test by lines tested, in the chosen province or the country.",
            ),
            nothing=Text(vi="Chưa đo IPv6", en="IPv6 was not measured"),
        ),
        Ask(select=asked, alias=Text(vi="$tag_provider", en="$tag_provider")),
        unit="ratio",
        step="1d",
        top=1,
        width=16,
        height=8,
    )
