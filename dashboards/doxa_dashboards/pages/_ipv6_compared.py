"""*IPv6* against IPv4: round trips and short transfers of both families."""

from doxa_core.language import Text
from doxa_dashboards.catalogue import area_median
from doxa_dashboards.charts import chart
from doxa_dashboards.page import Section
from doxa_dashboards.pages._ipv6_faults import AREA, SOURCE
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import median, over_time, select
from doxa_dashboards.tables import Col, grid


def compared_with_v4() -> Section:
    """Round trips and short transfers of both families."""
    values = {"rtt_v6": "rtt_v6_ms", "rtt_v4": "rtt_v4_ms", "rtt_factor": "rtt_v6_to_v4_factor"}
    values |= {"v6": "transfer_v6_mbps", "v4": "transfer_v4_mbps", "factor": "transfer_v6_to_v4_factor"}
    values |= {"penalty": "eyeballs_penalty_ms"}
    asked = select(
        SOURCE, *(median(area_median(value), name) for name, value in values.items()), where=AREA, by="provider"
    )
    table = grid(
        "families",
        Words(
            title=Text(vi="IPv6 so với IPv4 theo nhà mạng", en="IPv6 against IPv4 by provider"),
            meaning=Text(
                vi="Trung vị qua các ngày của trung vị mỗi ngày giữa các đường truyền. Độ trễ: trên 1 là IPv6 chậm hơn; tốc độ: dưới 1 là IPv6 chậm hơn. "
                "«Chậm thêm» là thời gian mất thêm khi máy thử cả hai họ địa chỉ (RFC 8305). Lượt tải ngắn chỉ để so sánh hai họ, "
                "không phải phép đo tốc độ.",
                en="Median over the days of each day's median over the lines. Delay: above 1 IPv6 is slower; pace: below 1 IPv6 is slower. 'Added' is what trying "
                "both families costs (RFC 8305). The short transfers compare the families and are no speed test.",
            ),
            nothing=Text(vi="Chưa đo được cả hai giao thức", en="The two protocols were not measured together yet"),
        ),
        Ask(select=asked),
        columns=[
            Col(name="provider", title=Text(vi="Nhà mạng", en="Provider")),
            Col(name="rtt_v6", title=Text(vi="Độ trễ IPv6", en="Delay, IPv6"), unit="ms"),
            Col(name="rtt_v4", title=Text(vi="Độ trễ IPv4", en="Delay, IPv4"), unit="ms"),
            Col(name="rtt_factor", title=Text(vi="Độ trễ, v6 trên v4", en="Delay, v6 over v4"), unit="factor"),
            Col(name="v6", title=Text(vi="Lượt tải ngắn IPv6", en="Short transfer, IPv6"), unit="mbps"),
            Col(name="v4", title=Text(vi="Lượt tải ngắn IPv4", en="Short transfer, IPv4"), unit="mbps"),
            Col(name="factor", title=Text(vi="Tốc độ, v6 trên v4", en="Pace, v6 over v4"), unit="factor"),
            Col(name="penalty", title=Text(vi="Chậm thêm khi có cả hai", en="Added where both"), unit="ms"),
        ],
        order="rtt_factor",
        height=6,
    )
    return Section(
        title=Text(vi="So với IPv4", en="Against IPv4"),
        cards=[
            table,
            _both("rtt", "ms", Text(vi="Độ trễ khứ hồi qua hai họ", en="Round trip over both families"), "rtt_{f}_ms"),
            _both(
                "transfer",
                "mbps",
                Text(vi="Lượt tải ngắn qua hai họ", en="Short transfers over both families"),
                "transfer_{f}_mbps",
            ),
        ],
    )


def _both(key: str, unit: str, title: Text, value: str) -> Card:
    return chart(
        f"both_{key}",
        Words(
            title=title,
            meaning=Text(
                vi="Mỗi ngày: trung vị giữa các đường truyền của nhà mạng, tới cùng đầu xa, lần lượt qua IPv6 và IPv4. Hai đồ thị cách xa nhau nghĩa là nhà mạng định tuyến hai họ địa chỉ khác nhau. Không phải phép đo tốc độ.",
                en="Each day: the median over the provider's lines, to the same far end, over IPv6 and IPv4 in turn. Curves far apart mean that the provider routes the families differently. No speed test.",
            ),
            nothing=Text(vi="Chưa đo được cả hai giao thức", en="The two protocols were not measured together yet"),
        ),
        *(
            Ask(
                select=over_time(
                    SOURCE, median(area_median(value.format(f=f)), f), where=AREA, by="provider", every="1d"
                ),
                alias=Text(vi=f"$tag_provider: IP{f}", en=f"$tag_provider: IP{f}"),
            )
            for f in ("v6", "v4")
        ),
        unit=unit,
        step="1d",
    )
