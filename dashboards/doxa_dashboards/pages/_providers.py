"""The table of providers side by side, which *Tỉnh* shows for its province and *Nhà mạng* for the country and by province."""

from collections.abc import Sequence
from typing import Final

from doxa_core.language import Text
from doxa_dashboards import cards
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import Condition, compared, computed, last, median, select, total
from doxa_dashboards.tables import Col, grid

REACHED: Final = computed("{a} / {c}", "reached", a=total("reached_contract_count"), c=total("contracted_count"))
BELOW: Final = computed("{a} / {c}", "below", a=total("below_floor_count"), c=total("contracted_count"))
FAILED: Final = computed("{f} / {r}", "failed", f=total("failed_count"), r=total("runs_count"))
READY: Final = computed("{a} / {m}", "ipv6", a=total("ipv6_ready_count"), m=total("ipv6_tested_count"))
RAN: Final = compared("runs_count", ">", 0)
TESTED: Final = compared("ipv6_tested_count", ">", 0)
MEANING: Final = Text(
    vi="Trung vị qua các ngày của trung vị mỗi ngày giữa các đường truyền. Các gói cước khác nhau nên tốc độ không so "
    "sánh trực tiếp được; «đạt hợp đồng» mới là so với cam kết. «Dưới mức QCVN» là dưới 80 % hợp đồng. «Không tới được» là tỷ lệ lần đo mà đầu xa không trả lời, không kể lần bỏ qua.",
    en="Median over the days of each day's median over the lines. Contracts differ, so rates do not compare; "
    "'reached the contract' does. 'Below QCVN' is below 80 % of the contract. 'Failed' is the share of all runs in which "
    "the far end did not answer.",
)


def comparison(
    key: str,
    title: Text,
    *where: Condition,
    by: str = "provider",
    lead: Sequence[Col] = (),
    height: int = 7,
) -> Card:
    """One row a provider, or a provider and further tags of `by`, which `lead` shows."""
    medians = select(
        "doxa_area_1d",
        last("lines_count", "lines"),
        median("download_median_mbps", "down"),
        median("upload_median_mbps", "up"),
        median("rtt_p50_median_ms", "rtt"),
        median("loss_percent", "loss"),
        where=where,
        by=by,
    )
    return grid(
        key,
        Words(
            title=title, meaning=MEANING, nothing=Text(vi="Chưa có số liệu theo nhà mạng", en="No figures by provider")
        ),
        Ask(select=medians),
        Ask(select=select("doxa_area_1d", REACHED, BELOW, where=(*where, cards.CONTRACTED), by=by)),
        Ask(select=select("doxa_area_1d", total("runs_count", "runs"), FAILED, where=(*where, RAN), by=by)),
        Ask(select=select("doxa_area_1d", READY, where=(*where, TESTED), by=by)),
        columns=[
            *lead,
            Col(name="provider", title=Text(vi="Nhà mạng", en="Provider")),
            Col(name="lines", title=Text(vi="Số đường truyền", en="Lines"), unit="count"),
            Col(name="down", title=Text(vi="Tải xuống", en="Download"), unit="mbps"),
            Col(name="up", title=Text(vi="Tải lên", en="Upload"), unit="mbps"),
            Col(name="reached", title=Text(vi="Đạt hợp đồng", en="Reached the contract"), unit="ratio"),
            Col(name="below", title=Text(vi="Dưới mức QCVN", en="Below QCVN"), unit="ratio"),
            Col(name="rtt", title=Text(vi="Độ trễ", en="Latency"), unit="ms"),
            Col(name="loss", title=Text(vi="Mất gói", en="Loss"), unit="percent"),
            Col(name="ipv6", title=Text(vi="IPv6 sẵn sàng", en="IPv6 ready"), unit="ratio"),
            Col(name="runs", title=Text(vi="Số lần đo", en="Runs"), unit="count"),
            Col(name="failed", title=Text(vi="Không tới được", en="Failed"), unit="ratio"),
        ],
        order="reached",
        height=height,
    )
