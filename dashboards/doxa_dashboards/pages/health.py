"""*Sức khỏe hệ thống* (nội bộ): whether the system itself does its work: intake, stores, broker, ledger; then the probes."""

from typing import Final

from doxa_core.language import Text
from doxa_dashboards import codes, style
from doxa_dashboards.charts import chart, number
from doxa_dashboards.codes import Seen
from doxa_dashboards.page import Page, Section, to_page
from doxa_dashboards.pages._health_agents import agents
from doxa_dashboards.pages._health_stores import COLLECTOR, ITSELF, NOW, SILENT, stores
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import grown, largest, last, newest, over_time


def page() -> Page:
    """The page."""
    return Page(
        name="health",
        title=Text(vi="Sức khỏe hệ thống", en="The system's health"),
        meaning=Text(
            vi="Nội bộ. Hệ thống đo có tự chạy tốt không: tiếp nhận kết quả, kho số liệu, máy chủ MQTT, sổ cái, phần mềm trên thiết "
            "bị đo. Không nói gì về đường truyền của các xã. Số liệu từng phút và lần báo của từng thiết bị lưu 90 ngày, tổng theo tỉnh một năm.",
            en="Internal. Whether the measuring system itself runs: intake of results, stores, broker, ledger, the software on "
            "the probes. It says nothing of the communes' lines. Minutes and single probes' words are kept for 90 days, the provinces' sums for a year.",
        ),
        sections=[_at_a_glance(), _intake(), stores(), agents()],
        links=[
            to_page("noc", Text(vi="Màn hình NOC", en="The NOC's page")),
            to_page("nation", Text(vi="Toàn quốc", en="The nation")),
        ],
        range_from="now-6h",
        refresh="30s",
        internal=True,
    )


def _now(key: str, field: str, unit: str, title: Text, meaning: Text, seen: tuple[Seen, ...] = ()) -> Card:
    """The newest word of the collector about one thing."""
    asked = newest(COLLECTOR, last(field), lasts=NOW, where=(ITSELF,))
    return number(key, Words(title=title, meaning=meaning, nothing=_NOTHING), Ask(select=asked), unit=unit, codes=seen)


_NOTHING: Final = Text(vi="chưa có số liệu (10 phút)", en="no data (10 minutes)")
"""Short: Grafana makes a text as small as its panel."""


def _at_a_glance() -> Section:
    cards = [
        _now(
            "newest_age",
            "newest_age_s",
            "s",
            Text(vi="Kết quả mới nhất cách đây", en="Age of the newest result"),
            Text(
                vi="Từ lúc nhận kết quả đo gần nhất của bất kỳ thiết bị nào. Khi nhiều thiết bị đang đo thì chỉ vài giây; tăng mãi nghĩa "
                "là không còn gì tới: xem máy chủ MQTT và đường truyền của trung tâm.",
                en="Since the latest result of any probe came in. A few seconds while many probes measure; if it grows on, nothing "
                "arrives: look at the broker and the centre's own uplink.",
            ),
        ),
        _now(
            "intake_behind",
            "intake_behind_s",
            "s",
            Text(vi="Tiếp nhận chậm", en="Intake behind"),
            Text(
                vi="Kết quả đã tới máy chủ nhưng chờ bao lâu mới được ghi vào sổ cái. Gần 0 là bình thường; tăng đều nghĩa là máy chủ không kịp "
                "xử lý.",
                en="How long what has arrived waits until it stands in the ledger. Near 0 is normal; steady growth means that the "
                "server cannot keep up.",
            ),
        ),
        _now(
            "broker",
            "broker_connected_flag",
            "code",
            Text(vi="Nối với MQTT", en="Broker connected"),
            Text(
                vi="Máy chủ thu thập có đang nối với máy chủ MQTT không. Nếu không, kết quả nằm lại trên thiết bị đo và không mất.",
                en="Whether the collector is connected to the MQTT broker. If not, results stay on the probes and are not lost.",
            ),
            tuple(codes.YES_IS_GOOD),
        ),
        _now(
            "agents_online",
            "agents_online_count",
            "count",
            Text(vi="Thiết bị trực tuyến", en="Probes online"),
            Text(
                vi="Số thiết bị đo đang liên lạc được, trên cả hệ thống. So với số thiết bị đã đăng ký ở bên cạnh.",
                en="Probes that are heard at present, in the whole system. Compare with the registered ones beside it.",
            ),
        ),
        _now(
            "agents",
            "agents_count",
            "count",
            Text(vi="Thiết bị đã đăng ký", en="Probes registered"),
            Text(
                vi="Số thiết bị đo có trong sổ đăng ký, kể cả thiết bị chưa từng liên lạc.",
                en="Probes in the register, also those that were never heard.",
            ),
        ),
        _now(
            "ledger",
            "ledger_bytes",
            "bytes",
            Text(vi="Dung lượng sổ cái", en="Size of the ledger"),
            Text(
                vi="Kích thước tệp sổ cái cùng nhật ký của nó trên đĩa của máy chủ. Tính chỗ đĩa theo đồ thị bên dưới.",
                en="Size of the ledger's file and its log on the server's disk. Plan the disk by the chart below.",
            ),
        ),
    ]
    return Section(title=Text(vi="Lúc này", en="Now"), cards=cards)


_INTAKE: Final = {
    "accepted_count": (Text(vi="nhận", en="accepted"), style.GREEN),
    "duplicate_count": (Text(vi="trùng", en="duplicate"), style.GREY),
    "quarantined_count": (Text(vi="cách ly", en="quarantined"), style.VERMILION),
}


def _intake() -> Section:
    results = chart(
        "intake",
        Words(
            title=Text(vi="Kết quả tiếp nhận theo thời gian", en="Results taken in over time"),
            meaning=Text(
                vi="Số kết quả trong mỗi khoảng của đồ thị. «Trùng» là thiết bị gửi lại cho chắc, không phải lỗi. «Cách ly» là bản tin sai "
                "dạng hoặc của thiết bị lạ, được giữ riêng để xem: đáng lẽ bằng 0.",
                en="Results in each step of the chart. 'Duplicate': a probe sent again to be sure, no fault. 'Quarantined': malformed or "
                "from an unknown probe, kept apart to look at: it should be 0.",
            ),
            nothing=SILENT,
        ),
        *(
            Ask(select=over_time(COLLECTOR, grown(field, "results"), where=(ITSELF,)), alias=text, color=color)
            for field, (text, color) in _INTAKE.items()
        ),
        unit="count",
        bars=True,
        step="5m",
    )
    delays = chart(
        "delays",
        Words(
            title=Text(vi="Tiếp nhận chậm và tuổi kết quả mới nhất", en="Intake behind, and age of the newest result"),
            meaning=Text(
                vi="Giá trị lớn nhất trong mỗi khoảng. Hai đường cùng tăng: máy chủ không kịp; chỉ tuổi kết quả tăng: không có gì gửi tới.",
                en="The largest value of each step. Both grow: the server cannot keep up; only the age grows: nothing is sent.",
            ),
            nothing=SILENT,
        ),
        Ask(
            select=over_time(COLLECTOR, largest("intake_behind_s"), where=(ITSELF,)),
            alias=Text(vi="tiếp nhận chậm", en="intake behind"),
        ),
        Ask(
            select=over_time(COLLECTOR, largest("newest_age_s"), where=(ITSELF,)),
            alias=Text(vi="tuổi kết quả mới nhất", en="age of the newest result"),
        ),
        unit="s",
        step="1m",
    )
    online = chart(
        "online",
        Words(
            title=Text(vi="Thiết bị đo trực tuyến", en="Probes online"),
            meaning=Text(
                vi="Số thiết bị liên lạc được và số đã đăng ký. Tụt mạnh cùng lúc thường là máy chủ MQTT hoặc đường truyền của trung tâm, "
                "không phải các xã.",
                en="Probes heard and probes registered. A sharp common drop is mostly the broker or the centre's uplink, not the communes.",
            ),
            nothing=SILENT,
        ),
        Ask(
            select=over_time(COLLECTOR, last("agents_online_count"), where=(ITSELF,)),
            alias=Text(vi="trực tuyến", en="online"),
        ),
        Ask(
            select=over_time(COLLECTOR, last("agents_count"), where=(ITSELF,)),
            alias=Text(vi="đã đăng ký", en="registered"),
        ),
        unit="count",
        step="1m",
    )
    ledger = chart(
        "ledger_growth",
        Words(
            title=Text(vi="Dung lượng sổ cái theo thời gian", en="Size of the ledger over time"),
            meaning=Text(
                vi="Sổ cái giữ mọi kết quả gốc nên chỉ lớn dần. Xem 30 ngày để ước lượng bao giờ hết đĩa. Nhật ký ghi có thể làm đồ thị "
                "nhấp nhô.",
                en="The ledger keeps every result, so it only grows. Look at 30 days to see when the disk is full. Its log makes the "
                "line uneven.",
            ),
            nothing=SILENT,
        ),
        Ask(
            select=over_time(COLLECTOR, last("ledger_bytes"), where=(ITSELF,)),
            alias=Text(vi="sổ cái", en="ledger"),
        ),
        unit="bytes",
        step="5m",
    )
    return Section(title=Text(vi="Tiếp nhận", en="Intake"), cards=[results, delays, online, ledger])
