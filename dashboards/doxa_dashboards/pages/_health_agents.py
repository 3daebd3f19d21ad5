"""The lower half of *Sức khỏe hệ thống*: what the probes say of themselves.

Numbers and charts ask what the collector added up (`doxa_agents_5m`); only tables of single probes ask each probe's words,
and only those of the last hour.
"""

from typing import Final

from doxa_core.codes import COUNTRY
from doxa_core.language import Text
from doxa_dashboards import cards, codes, style
from doxa_dashboards.charts import chart, number
from doxa_dashboards.page import Section, to_page
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import (
    Column,
    Select,
    compared,
    either,
    equal,
    field,
    largest,
    last,
    newest,
    over_time,
    select,
    smallest,
    unlike,
    until_end,
)
from doxa_dashboards.tables import Col, grid

AGENT: Final = "doxa_agent"
TOGETHER: Final = "doxa_agents_5m"
LOOKED: Final = "15m"
"""The collector looks every five minutes: what is older is no present state."""
LONGEST: Final = "180d"
"""How much of a longer range the charts by province show: looks at all of them for a year take more than a second."""
WHO: Final = "province place site agent"
_TROUBLES: Final = {"spool_dropped_count": "dropped", "clock_ok_flag": "clock", "battery_flag": "battery"}
_STATE: Final = {"version": "version", "spool_rows_count": "spool", "disk_free_ratio": "disk", "uptime_s": "uptime"}
"""What the two tables show: each field of every probe in the country costs a tenth of a second and more."""
_THE_COUNTRY: Final = equal("province", COUNTRY)
_QUIET: Final = Text(
    vi="Không thiết bị nào báo trong một giờ: xem «Nối với MQTT». Lần báo của từng thiết bị chỉ lưu 90 ngày",
    en="No probe spoke within an hour: see 'Broker connected'. Single probes' words are kept for 90 days",
)
_NOT_TOLD: Final = Text(vi="Không thiết bị nào cho biết", en="No probe tells")


def agents() -> Section:
    """Numbers, what needs a look, all of them, and over time."""
    return Section(
        title=Text(vi="Thiết bị đo", en="Probes"),
        cards=[*_numbers(), _attention(), _all(), *_over_time()],
    )


def _latest(**names: str) -> Select:
    """Each probe's latest word of an hour."""
    return newest(AGENT, *(last(name, called) for name, called in names.items()), lasts=cards.NOW, by=WHO)


def _numbers() -> list[Card]:
    return [
        _now(
            "heard",
            "agents_count",
            Text(vi="Thiết bị đã báo trong một giờ", en="Probes heard within an hour"),
            Text(
                vi="Số thiết bị có lần báo cuối chưa quá một giờ và chưa báo tạm biệt. Các ô bên cạnh chỉ tính những thiết bị này.",
                en="Probes whose latest word is less than an hour old and is no goodbye. The numbers beside count only these.",
            ),
        ),
        _now(
            "spooled",
            "spool_rows_count",
            Text(vi="Kết quả chờ trên thiết bị", en="Results on the probes"),
            Text(
                vi="Kết quả đã đo mà chưa gửi được, cộng các thiết bị báo trong một giờ. Tăng khi mất kết nối; tự gửi bù khi nối lại.",
                en="Measured and not sent yet, over the probes heard within an hour. It grows while a line is cut and is sent later.",
            ),
        ),
        _now(
            "dropped",
            "spool_dropped_count",
            Text(vi="Kết quả phải bỏ", en="Results dropped"),
            Text(
                vi="Kết quả bị bỏ vì bộ nhớ chờ trên thiết bị đã đầy, cộng các thiết bị báo trong một giờ. Số này mất hẳn: đáng lẽ bằng 0.",
                en="Dropped because the room for waiting results was full, over the probes heard within an hour. Lost for good: it "
                "should be 0.",
            ),
        ),
        _now(
            "versions",
            "versions_count",
            Text(vi="Số phiên bản phần mềm", en="Versions of the software"),
            Text(
                vi="Có bao nhiêu phiên bản khác nhau đang chạy. 1 là đồng đều; nhiều hơn là đang nâng cấp hoặc có thiết bị bị bỏ lại.",
                en="How many different versions run. 1 is uniform; more means that an upgrade goes on or some probes were left behind.",
            ),
        ),
        _now(
            "disk",
            "disk_free_min_ratio",
            Text(vi="Đĩa trống ít nhất", en="Least free disk"),
            Text(
                vi="Tỷ lệ đĩa còn trống của thiết bị đo đầy nhất, trong các thiết bị báo trong một giờ.",
                en="The share of free disk on the fullest probe, of those heard within an hour.",
            ),
            unit="ratio",
        ),
        _now(
            "disks_low",
            "disk_low_count",
            Text(vi="Đĩa gần đầy", en="Disks nearly full"),
            Text(
                vi="Số thiết bị có phần đĩa trống dưới ngưỡng cảnh báo đĩa của máy chủ thu thập. Xem thiết bị nào: sắp bảng «Mọi thiết bị» "
                "theo cột «Đĩa trống».",
                en="Probes whose free disk is below the threshold of the collector's own alarm. To see which: sort the table of all "
                "probes by 'Free disk'.",
            ),
        ),
        _now(
            "clocks",
            "clock_wrong_count",
            Text(vi="Đồng hồ chưa đồng bộ", en="Clocks not synchronised"),
            Text(
                vi="Số thiết bị nói rằng đồng hồ chưa đồng bộ. Kết quả vẫn đo được nhưng giờ ghi có thể sai và độ trễ một chiều không dùng được.",
                en="Probes that say that their clock is not synchronised. They measure, but times may be wrong and one-way delay is not "
                "usable.",
            ),
        ),
        _now(
            "on_battery",
            "battery_count",
            Text(vi="Đang chạy bằng pin", en="On battery"),
            Text(
                vi="Số thiết bị đang chạy bằng pin hoặc UPS: nơi đó đang mất điện. Thiết bị không biết nguồn của mình thì không tính.",
                en="Probes that run on battery or UPS: the power is out there. Those that cannot tell do not count.",
            ),
        ),
    ]


def _now(key: str, name: str, title: Text, meaning: Text, unit: str = "count") -> Card:
    asked = newest(TOGETHER, last(name), lasts=LOOKED, where=(_THE_COUNTRY,))
    return number(key, Words(title=title, meaning=meaning, nothing=_NOT_TOLD), Ask(select=asked), unit=unit, width=6)


def _columns(*own: Col) -> list[Col]:
    """Which probe it is, and a table's own columns."""
    leads = to_page(
        "commune", Text(vi="Mở trang của xã", en="Open the commune's page"), province="province", place="place"
    )
    return [
        Col(name="province", title=Text(vi="Tỉnh", en="Province"), width=70),
        Col(name="place", title=Text(vi="Xã", en="Commune"), link=leads, width=80),
        Col(name="site", title=Text(vi="Trụ sở", en="Office")),
        Col(name="agent", title=Text(vi="Thiết bị", en="Probe")),
        *own,
    ]


def _attention() -> Card:
    trouble = either(compared("dropped", ">", 0), compared("clock", "=", 0), compared("battery", "=", 1))
    names = [field(name) for name in _TROUBLES.values()]
    return grid(
        "attention",
        Words(
            title=Text(vi="Thiết bị cần xem", en="Probes that need a look"),
            meaning=Text(
                vi="Thiết bị đã phải bỏ kết quả, đồng hồ chưa đồng bộ hoặc đang chạy bằng pin, theo lần báo cuối trong một giờ. Thiết bị "
                "không báo gì không có ở đây: xem trang NOC.",
                en="Probes that dropped results, whose clock is not synchronised or that run on battery, by their latest word within an "
                "hour. One that says nothing is not here: see the NOC's page.",
            ),
            nothing=Text(vi="Không có thiết bị nào cần xem", en="No probe needs a look"),
        ),
        Ask(select=select(_latest(**_TROUBLES), *names, where=(trouble,), by=WHO)),
        columns=_columns(
            Col(name="dropped", title=Text(vi="Phải bỏ", en="Dropped"), unit="count"),
            Col(name="clock", title=Text(vi="Đồng hồ đúng", en="Clock right"), unit="code", codes=codes.YES_IS_GOOD),
            Col(name="battery", title=Text(vi="Chạy pin", en="On battery"), unit="code", codes=codes.YES_IS_BAD),
        ),
        order="dropped",
        height=7,
    )


def _all() -> Card:
    return grid(
        "agents_table",
        Words(
            title=Text(vi="Mọi thiết bị báo trong một giờ", en="All probes heard within an hour"),
            meaning=Text(
                vi="Lần báo cuối của mỗi thiết bị (năm phút một lần), nhiều kết quả chờ nhất ở trên. Ô trống là thiết bị không biết hoặc "
                "không nói. Thời gian chạy ngắn lặp lại nghĩa là phần mềm hay khởi động lại. Đồng hồ, nguồn điện, kết quả phải bỏ: xem bảng "
                "trên.",
                en="Each probe's latest word (one in five minutes), the most results to send first. An empty cell: it does not know or "
                "does not tell. A short running time again and again: the software restarts. Clock, power, dropped results: see the "
                "table above.",
            ),
            nothing=_QUIET,
        ),
        Ask(select=_latest(**_STATE)),
        columns=_columns(
            Col(name="version", title=Text(vi="Phiên bản", en="Version"), width=100),
            Col(name="spool", title=Text(vi="Chờ gửi", en="To send"), unit="count"),
            Col(name="disk", title=Text(vi="Đĩa trống", en="Free disk"), unit="ratio"),
            Col(name="uptime", title=Text(vi="Đã chạy", en="Running for"), unit="length"),
        ),
        order="spool",
        height=12,
    )


def _over_time() -> list[Card]:
    """Sums of a province at each look, so they may be compared over time."""
    return [
        _by_province(
            "spool_rows_count",
            largest("spool_rows_count"),
            Text(vi="Kết quả chờ trên thiết bị, theo tỉnh", en="Results waiting on the probes, by province"),
            Text(
                vi="Cộng qua các thiết bị của tỉnh đã báo trong một giờ; lúc nhiều nhất của mỗi bước. Một tỉnh tăng riêng là đường truyền nơi "
                "đó bị cắt; mọi tỉnh cùng tăng là máy chủ MQTT. Thiết bị đang mất kết nối chỉ báo được sau khi nối lại. Tối đa 180 ngày cuối.",
                en="Over a province's probes heard within an hour; the most of each step. One province alone: lines were cut there; all "
                "together: the broker. A probe that is cut off can tell only afterwards. At most the last 180 days.",
            ),
        ),
        _by_province(
            "spool_dropped_count",
            largest("spool_dropped_count"),
            Text(vi="Kết quả phải bỏ, theo tỉnh", en="Results dropped, by province"),
            Text(
                vi="Tổng số kết quả các thiết bị của tỉnh đã bỏ vì hết chỗ chờ, cộng qua các thiết bị đã báo trong một giờ. Đường nằm ngang "
                "là không bỏ thêm; tụt xuống là có thiết bị không còn báo. Tối đa 180 ngày cuối.",
                en="Results that a province's probes dropped so far because the room was full, over those heard within an hour. A level "
                "line: none were added; a drop: a probe is no longer heard. At most the last 180 days.",
            ),
        ),
        _by_province(
            "agents_count",
            smallest("agents_count"),
            Text(vi="Thiết bị đã báo, theo tỉnh", en="Probes heard, by province"),
            Text(
                vi="Số thiết bị của tỉnh đã báo trong một giờ; lúc ít nhất của mỗi bước. Đường đứt đoạn: không thiết bị nào của tỉnh báo, hoặc "
                "máy chủ thu thập không chạy. Tối đa 180 ngày cuối.",
                en="A province's probes heard within an hour; the fewest of each step. A gap: none of them was heard, or the collector did "
                "not run. At most the last 180 days.",
            ),
        ),
        _troubles(),
    ]


def _by_province(name: str, column: Column, title: Text, meaning: Text) -> Card:
    where = (unlike("province", COUNTRY), until_end(LONGEST))
    asked = over_time(TOGETHER, column.named("value"), where=where, by="province")
    return chart(
        f"by_province_{name}",
        Words(title=title, meaning=meaning, nothing=style.NO_DATA),
        Ask(select=asked, alias=Text(vi="tỉnh $tag_province", en="province $tag_province")),
        unit="count",
        step="10m",
    )


def _troubles() -> Card:
    told = {
        "clock_wrong_count": Text(vi="đồng hồ chưa đồng bộ", en="clock not synchronised"),
        "disk_low_count": Text(vi="đĩa gần đầy", en="disk nearly full"),
        "battery_count": Text(vi="chạy bằng pin", en="on battery"),
    }
    return chart(
        "troubles",
        Words(
            title=Text(vi="Thiết bị có vấn đề, cả nước", en="Probes in trouble, the country"),
            meaning=Text(
                vi="Số thiết bị đã báo trong một giờ có đồng hồ chưa đồng bộ, đĩa gần đầy hoặc đang chạy bằng pin; lúc nhiều nhất của mỗi "
                "bước. Một thiết bị có thể được tính ở nhiều đường. Lưu một năm.",
                en="Probes heard within an hour whose clock is not synchronised, whose disk is nearly full or that run on battery; the "
                "most of each step. One probe may count in several lines. Kept for a year.",
            ),
            nothing=style.NO_DATA,
        ),
        *(
            Ask(select=over_time(TOGETHER, largest(name), where=(_THE_COUNTRY,)), alias=text)
            for name, text in told.items()
        ),
        unit="count",
        step="10m",
    )
