"""*Mạng TSLCD*: the capacity rule of Circular 06/2026 (95th percentile of the traffic), its verdict and its figures."""

from dataclasses import replace
from typing import Final

from doxa_core.language import Text
from doxa_dashboards import codes
from doxa_dashboards.charts import chart
from doxa_dashboards.page import Section
from doxa_dashboards.pages._tslcd_lines import BY_LINE, HERE, LINE, PROVINCE, WAYS, named, names, promised, titled
from doxa_dashboards.pages._verdicts import verdicts
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import Condition, Select, compared, day_over, field, last, over_time, select
from doxa_dashboards.style import Role
from doxa_dashboards.tables import Col, grid

SERIES: Final = "doxa_p95_1d"
LASTS: Final = "9d"
"""How long ago the last day may have begun: a line that was not polled for a week is left out."""
MEASURED: Final = compared("samples_count", ">", 0)
WEEK_MEASURED: Final = compared("week_samples_count", ">", 0)
"""A store keeps a percentile that late polls took away: it is read only where samples are counted."""


def p95() -> Section:
    """The verdicts on TSLCD, the last seven days of each line, each day, and the week that slides."""
    return Section(
        title=Text(vi="Kết luận và quy tắc dung lượng p95 (TT 06/2026, Điều 5.6)", en="Verdicts and the p95 rule"),
        cards=[_verdicts(), _week(), *_days(), *_weeks()],
    )


def _verdicts() -> Card:
    return verdicts(
        *HERE,
        nothing=Text(vi="Chưa có kỳ đánh giá nào về TSLCD", en="Nothing was judged on TSLCD yet"),
        of_places=True,
    )


def _week() -> Card:
    newest = select(
        SERIES,
        last("week_samples_count", "samples"),
        field("week_outcome_code", "outcome"),
        *(
            field(f"{way}_week_p95_{what}", f"{short}_{name}")
            for way, (short, _) in WAYS.items()
            for what, name in (("ip_mbps", "ip"), ("wire_mbps", "wire"), ("ratio", "used"))
        ),
        *(field(f"limit_{short}_mbps", f"{short}_limit") for short, _ in WAYS.values()),
        where=(*PROVINCE, WEEK_MEASURED, day_over(LASTS)),
        by=BY_LINE,
    )
    return grid(
        "week",
        Words(
            title=Text(vi="Bách phân vị 95 của bảy ngày gần nhất so với hợp đồng", en="95th percentile of seven days"),
            meaning=Text(
                vi="Mọi đường TSLCD của tỉnh, bảy ngày trọn gần nhất tính đến cuối khoảng thời gian (cột «Ngày cuối»). 95 % số mẫu 5 phút của "
                "lưu lượng (SNMP) không vượt giá trị này. Thông tư 06/2026 Điều 5.6: không quá 90 % dung lượng. «So với hợp đồng» lấy đúng lớp mà "
                "hợp đồng nêu (không nêu: lớp khung), mỗi ngày theo hợp đồng của ngày đó. Kết quả tính như kết luận của tháng: thiếu mẫu không "
                "bao giờ có lợi; một tuần đủ có 2.016 mẫu. Kết luận của tháng xét mọi tuần kết thúc trong tháng.",
                en="Every TSLCD line of the province, the newest seven whole days at the end of the range (column 'last day'). 95 % of the "
                "five-minute samples of the traffic (SNMP) do not exceed this. Circular 06/2026, 5.6: at most 90 % of the capacity. 'Of the "
                "contract' takes the layer that the contract names (none: frames), each day by its own contract. The outcome is found as the "
                "month's verdict finds it: missing samples never help; a whole week has 2,016. The month's verdict takes every week that ends in it.",
            ),
            nothing=Text(
                vi="Chưa có ngày trọn nào có số liệu SNMP của đường TSLCD", en="No whole day of SNMP figures yet"
            ),
        ),
        Ask(select=replace(newest, ranged=False)),
        columns=[
            *names(),
            Col(name="outcome", title=Text(vi="Kết quả bảy ngày", en="Seven days"), unit="code", codes=codes.VERDICT),
            *(column for short, way in WAYS.values() for column in _week_columns(short, way)),
            Col(name="samples", title=Text(vi="Số mẫu 5 phút", en="5-minute samples"), unit="count"),
            Col(name="Time", title=Text(vi="Ngày cuối", en="Last day"), width=160),
        ],
        order="down_used",
        height=7,
    )


def _week_columns(short: str, way: Text) -> list[Col]:
    told = (
        ("ip", "p95 lớp IP", "p95, IP layer", "mbps"),
        ("wire", "p95 trên dây", "p95, wire", "mbps"),
        ("limit", "mức không được vượt", "limit", "mbps"),
        ("used", "p95 so với hợp đồng", "p95 of the contract", "ratio"),
    )
    return [Col(name=f"{short}_{name}", title=titled(way, vi, en), unit=unit) for name, vi, en, unit in told]


def _daily(what: str, *measured: Condition) -> Select:
    """Of each line and each day that is over."""
    return over_time(SERIES, last(what, "p95"), where=(*LINE, *measured, day_over()), by="site link", every="1d")


def _references(short: str) -> list[Ask]:
    return [
        Ask(
            select=promised(f"contracted_{short}_mbps", every="1d"),
            alias=named("hợp đồng", "contract"),
            role=Role.CONTRACT,
        ),
        Ask(
            select=_daily(f"limit_{short}_mbps"),
            alias=named("mức p95 không được vượt", "the p95's limit"),
            role=Role.FLOOR,
        ),
    ]


def _days() -> list[Card]:
    return [_day(way, short, title) for way, (short, title) in WAYS.items()]


def _day(way: str, short: str, title: Text) -> Card:
    return chart(
        f"p95_{way}",
        Words(
            title=Text(vi=f"{title.vi}: bách phân vị 95 của từng ngày", en=f"{title.en}: 95th percentile by day"),
            meaning=Text(
                vi="Lưu lượng thật trên đường truyền, lấy từ bộ đếm của thiết bị đầu cuối (SNMP) mỗi 5 phút, lớp IP. Ngày theo giờ Việt Nam, chỉ những ngày đã "
                "kết thúc. Ngày thiếu mẫu có thể cho số thấp hơn thực tế. Nét đứt: tốc độ hợp đồng và mức mà bách phân vị 95 của bảy ngày không được vượt (90 % hợp đồng).",
                en="Real traffic on the line, from the terminal's counters (SNMP) every five minutes, IP layer. Vietnamese days that are over. A day with "
                "samples missing may show too little. Dashed: the contracted rate, and what the percentile of seven days must not exceed (90 % of it).",
            ),
            nothing=_NO_DAY,
        ),
        Ask(select=_daily(f"{way}_p95_ip_mbps", MEASURED), alias=named("p95 ngày, lớp IP", "day's p95, IP layer")),
        *_references(short),
        unit="mbps",
        step="1d",
    )


def _weeks() -> list[Card]:
    return [_sliding(way, short, title) for way, (short, title) in WAYS.items()]


def _sliding(way: str, short: str, title: Text) -> Card:
    measured = [
        Ask(
            select=_daily(f"{way}_week_p95_{layer}_mbps", WEEK_MEASURED),
            alias=named(f"p95 bảy ngày, {vi}", f"p95 of seven days, {en}"),
        )
        for layer, vi, en in (("ip", "lớp IP", "IP layer"), ("wire", "trên dây", "wire"))
    ]
    return chart(
        f"p95_week_{way}",
        Words(
            title=Text(
                vi=f"{title.vi}: bách phân vị 95 của bảy ngày liên tục", en=f"{title.en}: 95th percentile of seven days"
            ),
            meaning=Text(
                vi="Mỗi điểm: bảy ngày trọn kết thúc ở ngày đó, như Thông tư 06/2026 Điều 5.6 tính. Hợp đồng không nêu lớp: đường lớp IP vượt mức mới chắc chắn là "
                "không đạt, đường trên dây dưới mức mới chắc chắn là đạt. Thiếu mẫu thì chưa kết luận được, xem bảng ở trên. Nét đứt: hợp đồng của ngày cuối và 90 % của nó.",
                en="Each point: the seven whole days that end on that day, as Circular 06/2026, 5.6 reckons. Where the contract names no layer, only the IP layer's line "
                "above the limit is a certain fail, and only the wire's below it a certain pass. With samples missing nothing is decided: see the table above. "
                "Dashed: the contract of the last day, and 90 % of it.",
            ),
            nothing=_NO_DAY,
        ),
        *measured,
        *_references(short),
        unit="mbps",
        step="1d",
    )


_NO_DAY: Final = Text(vi="Chưa có ngày trọn nào có số liệu SNMP", en="No whole day of SNMP figures yet")
