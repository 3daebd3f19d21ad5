"""*Mạng TSLCD*: the capacity rule of Circular 06/2026 (95th percentile of the traffic), its verdict and its figures."""

from typing import Final

from doxa_core.language import Text
from doxa_dashboards import cards
from doxa_dashboards.charts import chart
from doxa_dashboards.page import Section
from doxa_dashboards.pages._tslcd_lines import BY_LINE, HERE, LINE, WAYS, named, names, promised
from doxa_dashboards.pages._verdicts import verdicts
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import last, newest, number_of, over_time, percentile, until_end
from doxa_dashboards.style import Role
from doxa_dashboards.tables import Col, Quotient, grid

WEEK: Final = "7d"
"""What the rule looks at."""
DRAWN: Final = "31d"
"""How many days are drawn at most: each has 288 samples a line."""
PROMISED: Final = (("contracted", "contract"), ("limit", "limit"))


def p95() -> Section:
    """The verdicts on TSLCD, the last seven days of each line, and each day."""
    return Section(
        title=Text(vi="Kết luận và quy tắc dung lượng p95 (TT 06/2026, Điều 5.6)", en="Verdicts and the p95 rule"),
        cards=[_verdicts(), _week(), *_days()],
    )


def _verdicts() -> Card:
    return verdicts(
        *HERE,
        nothing=Text(vi="Chưa có kỳ đánh giá nào về TSLCD", en="Nothing was judged on TSLCD yet"),
        of_places=True,
    )


def _week() -> Card:
    traffic = newest(
        "doxa_snmp_5m",
        *(
            percentile(f"{way}_traffic_{layer}_mbps_mean", 95, f"{short}_{layer}")
            for way, (short, _) in WAYS.items()
            for layer in ("ip", "wire")
        ),
        number_of("download_traffic_ip_mbps_mean", "samples"),
        lasts=WEEK,
        where=LINE,
        by=BY_LINE,
    )
    contract = newest(
        "doxa_contract",
        *(last(f"{name}_{short}_mbps", f"{short}_{alias}") for short, _ in WAYS.values() for name, alias in PROMISED),
        lasts=cards.FACTS,
        where=LINE,
        by=BY_LINE,
    )
    return grid(
        "week",
        Words(
            title=Text(vi="Bách phân vị 95 của bảy ngày gần nhất so với hợp đồng", en="95th percentile of seven days"),
            meaning=Text(
                vi="95 % số mẫu 5 phút của lưu lượng (SNMP) không vượt giá trị này. Thông tư 06/2026 Điều 5.6: không quá 90 % dung "
                "lượng. Một tuần đủ có 2.016 mẫu; thiếu nhiều mẫu thì số này không kết luận được gì. Đây là cửa sổ trượt để cảnh báo "
                "sớm; kết luận chính thức ở bảng trên tính theo ngày trọn và hợp đồng của từng ngày.",
                en="95 % of the five-minute samples of the traffic (SNMP) do not exceed this. Circular 06/2026, 5.6: at most 90 % of the "
                "capacity. A whole week has 2,016 samples; with many missing it decides nothing. This sliding week "
                "warns early; the verdict above takes whole days and each day's contract.",
            ),
            nothing=Text(vi="Chưa có số liệu SNMP của đường TSLCD", en="No SNMP figures of a TSLCD line"),
        ),
        Ask(select=traffic),
        Ask(select=contract),
        columns=[
            *names(),
            *(column for short, way in WAYS.values() for column in _week_columns(short, way)),
            Col(name="samples", title=Text(vi="Số mẫu 5 phút", en="5-minute samples"), unit="count"),
        ],
        steps=[Quotient(f"{short}_ip", f"{short}_contract", f"{short}_used") for short, _ in WAYS.values()],
        order="down_used",
        height=7,
    )


def _week_columns(short: str, way: Text) -> list[Col]:
    told = (
        ("{}_ip", Text(vi="p95 lớp IP", en="p95, IP layer"), "mbps"),
        ("{}_wire", Text(vi="p95 trên dây", en="p95, wire"), "mbps"),
        ("{}_contract", Text(vi="hợp đồng", en="contract"), "mbps"),
        ("{}_limit", Text(vi="mức không được vượt", en="limit"), "mbps"),
        ("{}_used", Text(vi="p95 (IP) so với hợp đồng", en="p95 (IP) of the contract"), "ratio"),
    )
    return [
        Col(name=name.format(short), title=Text(vi=f"{way.vi}, {text.vi}", en=f"{way.en}, {text.en}"), unit=unit)
        for name, text, unit in told
    ]


def _days() -> list[Card]:
    return [_day(way, short, title) for way, (short, title) in WAYS.items()]


def _day(way: str, short: str, title: Text) -> Card:
    field = f"{way}_traffic_ip_mbps_mean"
    of_days = over_time(
        "doxa_snmp_5m", percentile(field, 95, "p95"), where=(*LINE, until_end(DRAWN)), by="site link", every="1d"
    )
    references = [
        Ask(select=promised(field, every="1d"), alias=named(vi, en), role=role)
        for field, vi, en, role in (
            (f"contracted_{short}_mbps", "hợp đồng", "contract", Role.CONTRACT),
            (f"limit_{short}_mbps", "mức p95 không được vượt", "the p95's limit", Role.FLOOR),
        )
    ]
    return chart(
        f"p95_{way}",
        Words(
            title=Text(vi=f"{title.vi}: bách phân vị 95 của từng ngày", en=f"{title.en}: 95th percentile by day"),
            meaning=Text(
                vi="Lưu lượng thật trên đường truyền, lấy từ bộ đếm của thiết bị đầu cuối (SNMP) mỗi 5 phút, lớp IP, nhiều nhất 31 ngày cuối. Ngày theo giờ Việt Nam. "
                "Ngày thiếu mẫu có thể cho số thấp hơn thực tế. Nét đứt: tốc độ hợp đồng và mức mà bách phân vị 95 không được vượt bảy ngày liên tiếp (90 % hợp đồng).",
                en="Real traffic on the line, from the terminal's counters (SNMP) every five minutes, IP layer, the last 31 days at most. Vietnamese days. A day with "
                "samples missing may show too little. Dashed: the contracted rate, and what the percentile must not exceed over seven days (90 % of it).",
            ),
            nothing=Text(vi="Chưa có số liệu SNMP", en="No SNMP figures yet"),
        ),
        Ask(select=of_days, alias=named("p95 ngày, lớp IP", "day's p95, IP layer")),
        *references,
        unit="mbps",
        step="1d",
    )
