"""*Sức khỏe hệ thống*, its stores: whether each takes what it is sent. With it what the page asks the collector's points by."""

from typing import Final

from doxa_core.language import Text
from doxa_dashboards import codes
from doxa_dashboards.charts import chart
from doxa_dashboards.page import Section
from doxa_dashboards.panel import Ask, Words
from doxa_dashboards.query import equal, largest, last, newest, over_time, unlike
from doxa_dashboards.tables import Col, grid

COLLECTOR: Final = "doxa_collector"
ITSELF: Final = equal("sink", "")
"""The collector's own points; those with a tag are of one store each."""
A_SINK: Final = unlike("sink", "")
NOW: Final = "10m"
"""It writes every minute: what is older is no present state, and the panel says so by being empty."""
SILENT: Final = Text(
    vi="Máy chủ thu thập không ghi gì trong mười phút: hãy kiểm tra dịch vụ doxa-collector",
    en="The collector wrote nothing for ten minutes: look at the service doxa-collector",
)


def stores() -> Section:
    """Each store now, and over time."""
    found = newest(
        COLLECTOR,
        last("waiting_flag", "waiting"),
        last("behind_count", "behind"),
        last("rejected_count", "rejected"),
        lasts=NOW,
        where=(A_SINK,),
        by="sink",
    )
    now = grid(
        "sinks",
        Words(
            title=Text(vi="Kho số liệu", en="Stores"),
            meaning=Text(
                vi="Mỗi kho (InfluxDB, VictoriaMetrics, tệp…) một dòng. «Chờ»: kho đang từ chối hoặc không trả lời, hệ thống tự thử lại. "
                "«Còn phải gửi»: số kết quả chưa sang kho. «Bị từ chối»: số điểm kho không nhận, tính từ đầu; tăng thêm là lỗi cần xem. "
                "Chạy «doxa collector sinks check» để biết cách sửa.",
                en="One row a store (InfluxDB, VictoriaMetrics, file …). 'Waiting': it refuses or does not answer, and is tried again. 'To "
                "send': results that have not gone there. 'Rejected': points that it did not take, since the beginning; "
                "growth is a fault. 'doxa collector sinks check' tells how to mend it.",
            ),
            nothing=Text(vi="Chưa khai báo kho nào", en="No store is set up"),
        ),
        Ask(select=found),
        columns=[
            Col(name="sink", title=Text(vi="Kho", en="Store")),
            Col(name="waiting", title=Text(vi="Chờ", en="Waiting"), unit="code", codes=codes.YES_IS_BAD),
            Col(name="behind", title=Text(vi="Còn phải gửi", en="To send"), unit="count"),
            Col(name="rejected", title=Text(vi="Bị từ chối", en="Rejected"), unit="count"),
        ],
        order="behind",
        width=10,
        height=8,
    )
    behind = chart(
        "behind",
        Words(
            title=Text(vi="Kết quả còn phải gửi theo kho", en="Results to send, by store"),
            meaning=Text(
                vi="Về gần 0 sau mỗi lần gián đoạn là bình thường. Tăng đều nghĩa là kho quá chậm hoặc đang dừng; số liệu không mất, vì sổ "
                "cái giữ đủ và gửi bù.",
                en="Back near 0 after an interruption is normal. Steady growth: the store is too slow or stands still. Nothing is lost: "
                "the ledger has it all and sends it later.",
            ),
            nothing=Text(vi="Chưa khai báo kho nào", en="No store is set up"),
        ),
        Ask(
            select=over_time(COLLECTOR, largest("behind_count"), where=(A_SINK,), by="sink"),
            alias=Text(vi="$tag_sink", en="$tag_sink"),
        ),
        unit="count",
        step="1m",
        width=14,
        height=8,
    )
    return Section(title=Text(vi="Kho số liệu", en="Stores"), cards=[now, behind])
