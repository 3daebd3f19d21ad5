"""The lower half of *Sức khỏe hệ thống*: what the probes say of themselves."""

from typing import Final

from doxa_core.language import Text
from doxa_dashboards import cards, codes
from doxa_dashboards.charts import chart, number
from doxa_dashboards.page import Section, to_page
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import (
    Column,
    Select,
    compared,
    computed,
    either,
    field,
    largest,
    last,
    mean,
    newest,
    number_of,
    over_time,
    select,
    smallest,
    total,
)
from doxa_dashboards.tables import Col, grid

AGENT: Final = "doxa_agent"
WHO: Final = "province place site agent"
_VALUES: Final = {
    "spool_rows_count": "spool",
    "spool_dropped_count": "dropped",
    "disk_free_ratio": "disk",
    "clock_ok_flag": "clock",
    "battery_flag": "battery",
    "version": "version",
}
_QUIET: Final = Text(
    vi="Không thiết bị nào báo trong một giờ: xem «Nối với MQTT»",
    en="No probe spoke within an hour: see 'Broker connected'",
)


def agents() -> Section:
    """Numbers, what needs a look, all of them, and over time."""
    return Section(
        title=Text(vi="Thiết bị đo", en="Probes"),
        cards=[*_numbers(), _attention(), _all(), *_over_time()],
    )


def _latest(*names: str) -> Select:
    """Each probe's latest word of an hour."""
    return newest(AGENT, *(last(name, _VALUES[name]) for name in names), lasts=cards.NOW, by=WHO)


def _count(key: str, name: str, unit: str, column: Column, title: Text, meaning: Text, nothing: Text = _QUIET) -> Card:
    return number(
        key,
        Words(title=title, meaning=meaning, nothing=nothing),
        Ask(select=select(_latest(name), column)),
        unit=unit,
    )


def _numbers() -> list[Card]:
    wrong = computed("{all} - {right}", "wrong", all=number_of("clock"), right=total("clock"))
    versions = computed("count(distinct({version}))", "versions", version=field("version"))
    return [
        _count(
            "spooled",
            "spool_rows_count",
            "count",
            total("spool"),
            Text(vi="Kết quả chờ trên thiết bị", en="Results on the probes"),
            Text(
                vi="Kết quả đã đo mà chưa gửi được, cộng qua các thiết bị báo trong một giờ. Tăng khi mất kết nối; tự gửi bù khi nối lại.",
                en="Measured and not sent yet, over the probes heard within an hour. It grows while a line is cut and is sent later.",
            ),
        ),
        _count(
            "dropped",
            "spool_dropped_count",
            "count",
            total("dropped"),
            Text(vi="Kết quả phải bỏ", en="Results dropped"),
            Text(
                vi="Kết quả bị bỏ vì bộ nhớ chờ trên thiết bị đã đầy, cộng qua các thiết bị báo trong một giờ. Số này mất hẳn: đáng lẽ bằng 0.",
                en="Dropped because the room for waiting results was full, over the probes heard within an hour. Lost for good: it "
                "should be 0.",
            ),
        ),
        _count(
            "disk",
            "disk_free_ratio",
            "ratio",
            smallest("disk"),
            Text(vi="Đĩa trống ít nhất", en="Least free disk"),
            Text(
                vi="Phần đĩa còn trống của thiết bị đo đầy nhất, trong các thiết bị báo trong một giờ.",
                en="The share of free disk on the fullest probe, of those heard within an hour.",
            ),
        ),
        _count(
            "clocks",
            "clock_ok_flag",
            "count",
            wrong,
            Text(vi="Đồng hồ chưa đồng bộ", en="Clocks not synchronised"),
            Text(
                vi="Số thiết bị nói rằng đồng hồ chưa đồng bộ. Kết quả vẫn đo được nhưng giờ ghi có thể sai và độ trễ một chiều không dùng được.",
                en="Probes that say that their clock is not synchronised. They measure, but times may be wrong and one-way delay is not "
                "usable.",
            ),
        ),
        _count(
            "on_battery",
            "battery_flag",
            "count",
            total("battery"),
            Text(vi="Đang chạy bằng pin", en="On battery"),
            Text(
                vi="Số thiết bị đang chạy bằng pin hoặc UPS: nơi đó đang mất điện. Thiết bị không biết nguồn của mình thì không tính.",
                en="Probes that run on battery or UPS: the power is out there. Those that cannot tell do not count.",
            ),
            Text(vi="Không thiết bị nào biết nguồn điện của mình", en="No probe knows what powers it"),
        ),
        _count(
            "versions",
            "version",
            "count",
            versions,
            Text(vi="Số phiên bản phần mềm", en="Versions of the software"),
            Text(
                vi="Có bao nhiêu phiên bản khác nhau đang chạy. 1 là đồng đều; nhiều hơn là đang nâng cấp hoặc có thiết bị bị bỏ lại.",
                en="How many different versions run. 1 is uniform; more means that an upgrade goes on or some probes were left behind.",
            ),
        ),
    ]


def _columns() -> list[Col]:
    leads = to_page(
        "commune", Text(vi="Mở trang của xã", en="Open the commune's page"), province="province", place="place"
    )
    return [
        Col(name="province", title=Text(vi="Tỉnh", en="Province"), width=70),
        Col(name="place", title=Text(vi="Xã", en="Commune"), link=leads, width=80),
        Col(name="site", title=Text(vi="Trụ sở", en="Office")),
        Col(name="agent", title=Text(vi="Thiết bị", en="Probe")),
        Col(name="version", title=Text(vi="Phiên bản", en="Version"), width=100),
        Col(name="spool", title=Text(vi="Chờ gửi", en="To send"), unit="count"),
        Col(name="dropped", title=Text(vi="Phải bỏ", en="Dropped"), unit="count"),
        Col(name="disk", title=Text(vi="Đĩa trống", en="Free disk"), unit="ratio"),
        Col(name="clock", title=Text(vi="Đồng hồ đúng", en="Clock right"), unit="code", codes=codes.YES_IS_GOOD),
        Col(name="battery", title=Text(vi="Chạy pin", en="On battery"), unit="code", codes=codes.YES_IS_BAD),
    ]


def _attention() -> Card:
    trouble = either(compared("dropped", ">", 0), compared("clock", "=", 0), compared("battery", "=", 1))
    found = select(_latest(*_VALUES), *(field(name) for name in _VALUES.values()), where=(trouble,), by=WHO)
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
        Ask(select=found),
        columns=_columns(),
        order="dropped",
        height=7,
    )


def _all() -> Card:
    uptime = newest(AGENT, last("uptime_s", "uptime"), lasts=cards.NOW, by=WHO)
    return grid(
        "agents_table",
        Words(
            title=Text(vi="Mọi thiết bị báo trong một giờ", en="All probes heard within an hour"),
            meaning=Text(
                vi="Lần báo cuối của mỗi thiết bị (năm phút một lần), nhiều kết quả chờ nhất ở trên. Ô trống là thiết bị không biết hoặc "
                "không nói. Thời gian chạy ngắn lặp lại nghĩa là phần mềm hay khởi động lại.",
                en="Each probe's latest word (one in five minutes), the most results to send first. An empty cell: it does not know or "
                "does not tell. A short running time again and again: the software restarts.",
            ),
            nothing=_QUIET,
        ),
        Ask(select=_latest(*_VALUES)),
        Ask(select=uptime),
        columns=[*_columns(), Col(name="uptime", title=Text(vi="Đã chạy", en="Running for"), unit="s")],
        order="spool",
        height=12,
    )


def _over_time() -> list[Card]:
    """Means and largest values: the sum of the newest words of all probes at each step would take seconds."""
    shown = (
        (
            "spool_rows_count",
            mean("spool_rows_count"),
            Text(
                vi="Kết quả chờ, trung bình mỗi thiết bị theo tỉnh", en="Results waiting, mean of a probe, by province"
            ),
            Text(
                vi="Trung bình qua các thiết bị của tỉnh. Một tỉnh tăng riêng là đường truyền nơi đó bị cắt; mọi tỉnh cùng tăng là máy "
                "chủ MQTT. Thiết bị đang mất kết nối chỉ báo được sau khi nối lại.",
                en="Mean over a province's probes. One province alone: lines were cut there; all together: the broker. A probe that is "
                "cut off can tell only afterwards.",
            ),
        ),
        (
            "spool_dropped_count",
            largest("spool_dropped_count"),
            Text(
                vi="Kết quả phải bỏ, thiết bị nhiều nhất theo tỉnh", en="Results dropped, the worst probe, by province"
            ),
            Text(
                vi="Tổng số kết quả đã bỏ vì hết chỗ chờ, ở thiết bị bỏ nhiều nhất của mỗi tỉnh. Đường nằm ngang là không bỏ thêm.",
                en="Results dropped so far because the room was full, on each province's worst probe. A level line: none were added.",
            ),
        ),
    )
    return [
        chart(
            f"by_province_{name}",
            Words(title=title, meaning=meaning, nothing=_QUIET),
            Ask(
                select=over_time(AGENT, column.named("value"), by="province"),
                alias=Text(vi="tỉnh $tag_province", en="province $tag_province"),
            ),
            unit="count",
            step="10m",
        )
        for name, column, title, meaning in shown
    ]
