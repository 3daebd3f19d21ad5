"""The lower half of *IPv6*: at which step it breaks, and black holes."""

from typing import Final

from doxa_core.codes import COUNTRY
from doxa_core.language import Text
from doxa_dashboards import style
from doxa_dashboards.charts import COLUMN, chart
from doxa_dashboards.page import Section, to_page
from doxa_dashboards.panel import Ask, Card, Link, Words
from doxa_dashboards.query import (
    chosen,
    chosen_or_any,
    computed,
    number_of,
    over_time,
    select,
    total,
    unlike,
    yes_share,
)
from doxa_dashboards.tables import Col, grid

SOURCE: Final = "doxa_ipv6_area_1d"
"""By areas and days: its counts add up over any range. A commune's page has the lines and the hours."""
AREA: Final = chosen("province", "kind", "provider")
"""Of the country its own figures (province "00"), not those of the provinces together."""
LINES: Final = (chosen_or_any("province", COUNTRY), *chosen("kind", "provider"))
"""What carries its province only: all of them where the country is chosen."""
PROVINCES: Final = (unlike("province", COUNTRY), *LINES)
"""The provinces' own figures, beside each other."""
STEPS: Final = {
    "address": Text(vi="1. Địa chỉ", en="1. Address"),
    "default_route": Text(vi="2. Đường mặc định", en="2. Default route"),
    "resolver": Text(vi="3. Máy chủ tên miền", en="3. Resolver"),
    "aaaa": Text(vi="4. Bản ghi AAAA", en="4. AAAA record"),
    "tcp": Text(vi="5. Kết nối TCP", en="5. TCP connection"),
    "https": Text(vi="6. Trang HTTPS", en="6. HTTPS page"),
    "mtu_1280": Text(vi="7. Gói 1280 byte", en="7. Packets of 1280 octets"),
    "mtu_1500": Text(vi="8. Gói 1500 byte", en="8. Packets of 1500 octets"),
}
"""What must work, the nearest to the office first."""


def to_province() -> Link:
    """A click on a province."""
    return to_page("province", Text(vi="Mở trang của tỉnh", en="Open the province's page"), province="province")


def to_commune() -> Link:
    """A click on a commune."""
    return to_page(
        "commune", Text(vi="Mở trang của xã", en="Open the commune's page"), province="province", place="place"
    )


def broken() -> Section:
    """Step by step, then the black holes."""
    return Section(title=Text(vi="Hỏng ở đâu", en="Where it breaks"), cards=[_over_time(), _steps(), _holes()])


_MEANING: Final = Text(
    vi="Tỷ lệ lần đo mà bước đó chạy được, trong những lần đánh giá được; mỗi lần đo tính như nhau. "
    "Đọc từ bước 1: bước đầu tiên thấp là nơi hỏng; "
    "bước sau thường không đánh giá được khi bước trước hỏng nên có thể vẫn cao. Gói 1500 byte không qua chưa phải là lỗi nếu "
    "gói 1280 byte qua và không có hố đen.",
    en="The share of runs in which the step worked, of those that could judge it; each run counts the same. "
    "Read from step 1: the first low one is "
    "where it breaks; a later one is mostly not judged where an earlier one failed, so it may stay high. That 1500 "
    "octets do not pass is no fault where 1280 do and there is no black hole.",
)


def _over_time() -> Card:
    return chart(
        "steps",
        Words(
            title=Text(vi="Từng bước của IPv6 theo ngày", en="The steps of IPv6 by day"),
            meaning=_MEANING,
            nothing=Text(vi="Chưa đo IPv6", en="IPv6 was not measured"),
        ),
        Ask(select=over_time(SOURCE, *(yes_share(step) for step in STEPS), where=AREA, every="1d"), alias=COLUMN),
        columns={step: (text, style.PALETTE[place]) for place, (step, text) in enumerate(STEPS.items())},
        unit="flag",
        step="1d",
        top=1,
        width=24,
    )


def _steps() -> Card:
    return grid(
        "steps_by_provider",
        Words(
            title=Text(vi="Từng bước theo tỉnh và nhà mạng", en="The steps by province and provider"),
            meaning=_MEANING,
            nothing=Text(vi="Chưa đo IPv6", en="IPv6 was not measured"),
        ),
        Ask(select=select(SOURCE, *(yes_share(step) for step in STEPS), where=PROVINCES, by="province provider")),
        columns=[
            Col(name="province", title=Text(vi="Tỉnh", en="Province"), link=to_province(), width=70),
            Col(name="provider", title=Text(vi="Nhà mạng", en="Provider")),
            *(Col(name=step, title=text, unit="flag") for step, text in STEPS.items()),
        ],
        order="tcp",
        descending=False,
    )


def _holes() -> Card:
    shares = (
        computed("{met} / {judged}", way, met=total(f"{way}_met_count"), judged=total(f"{way}_judged_count"))
        for way in ("out", "back")
    )
    found = select(
        "doxa_black_hole_1d",
        number_of("runs_count", "days"),
        *shares,
        where=LINES,
        by="province place site link provider",
    )
    return grid(
        "black_holes",
        Words(
            title=Text(vi="Đường truyền có hố đen MTU", en="Lines with an MTU black hole"),
            meaning=Text(
                vi="Gói lớn mất mà không có báo Packet-Too-Big: trang web bắt đầu mở rồi đứng. «Số ngày gặp» là số ngày có ít nhất một "
                "lần đo gặp; chiều đi và chiều về là tỷ lệ lần đo gặp, trong những lần đánh giá được của chính các ngày đó. "
                "Thường do thiết bị trên đường chặn ICMPv6; hãy báo nhà mạng.",
                en="Large packets vanish without a Packet-Too-Big: a page begins to open, then hangs. 'Days' are those with at least "
                "one run that met it; out and back are the share of runs that met it, of those that could judge it on these very "
                "days. Mostly a device on the path drops ICMPv6: tell the provider.",
            ),
            nothing=Text(vi="Không có hố đen nào trong khoảng thời gian này", en="No black hole in this range"),
        ),
        Ask(select=found),
        columns=[
            Col(name="province", title=Text(vi="Tỉnh", en="Province"), link=to_province(), width=70),
            Col(name="place", title=Text(vi="Xã", en="Commune"), link=to_commune(), width=80),
            Col(name="site", title=Text(vi="Trụ sở", en="Office")),
            Col(name="link", title=Text(vi="Đường truyền", en="Line")),
            Col(name="provider", title=Text(vi="Nhà mạng", en="Provider")),
            Col(name="days", title=Text(vi="Số ngày gặp", en="Days"), unit="count"),
            Col(name="out", title=Text(vi="Chiều đi", en="Way out"), unit="flag"),
            Col(name="back", title=Text(vi="Chiều về", en="Way back"), unit="flag"),
        ],
        order="days",
        height=7,
    )
