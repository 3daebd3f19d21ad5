"""*Mạng TSLCD*: the required rate held against what each layer shows."""

from typing import Final

from doxa_core.language import Text
from doxa_dashboards import cards
from doxa_dashboards.charts import chart
from doxa_dashboards.page import Section
from doxa_dashboards.pages._tslcd_lines import BY_LINE, HERE, LINE, PROVINCE, WAYS, named, names, promised
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import equal, last, median, newest, over_time, select, until_end
from doxa_dashboards.style import Role
from doxa_dashboards.tables import Col, Quotient, grid

QUARTER: Final = "92d"
"""A median over a year of days of every line of a large province takes a second, and would tell of what was long mended."""


def rates() -> Section:
    """Every line in a table, and its layers over time."""
    return Section(title=Text(vi="Mức yêu cầu theo lớp", en="The required rate by layer"), cards=[_lines(), *_speeds()])


def _lines() -> Card:
    speed = select(
        "doxa_speed_1d",
        *(
            median(f"{way}_{layer}mbps_median", f"{short}_{layer}speed")
            for way, (short, _) in WAYS.items()
            for layer in ("wire_", "ip_", "")
        ),
        where=(*PROVINCE, until_end(QUARTER)),
        by=BY_LINE,
    )
    capacity = select(
        "doxa_capacity_1d",
        *(median(f"{way}_ip_mbps_median", f"{short}_capacity") for way, (short, _) in WAYS.items()),
        where=(*PROVINCE, until_end(QUARTER)),
        by=BY_LINE,
    )
    wanted = newest(
        "doxa_contract",
        last("required_mbps", "required"),
        last("contracted_down_mbps", "contracted_down"),
        last("contracted_up_mbps", "contracted_up"),
        lasts=cards.FACTS,
        where=PROVINCE,
        by=BY_LINE,
    )
    return grid(
        "lines",
        Words(
            title=Text(
                vi="Từng đường TSLCD của tỉnh so với mức yêu cầu",
                en="Every TSLCD line of the province against the requirement",
            ),
            meaning=Text(
                vi="Trung vị qua các ngày của khoảng thời gian, nhiều nhất 92 ngày cuối. Cùng một đường truyền, số trên dây lớn hơn lớp IP, lớp IP lớn hơn tải trọng TCP: cổng 100 Mbps không bao giờ cho 100 Mbps tải trọng. Tỷ lệ so với yêu cầu lấy lớp IP; dưới 100 % chưa chắc là không đạt, kết luận xem ở dưới. Dung lượng đo bằng UDP (RFC 9097); mức yêu cầu là mức tham chiếu của kế hoạch, không phải quy định toàn quốc.",
                en="Medians over the days of the range, its last 92 at most. On one line the wire's figure exceeds the IP layer's, and that the TCP payload: a "
                "100 Mb/s port never shows 100 Mbps of payload. The share is taken at the IP layer; below 100 % there is "
                "no fail yet, the verdict stands below. Capacity is measured by UDP (RFC 9097). The requirement is a "
                "plan's reference, not a national rule.",
            ),
            nothing=Text(
                vi="Chưa có đường TSLCD nào được đăng ký hay đo", en="No TSLCD line is registered or measured"
            ),
        ),
        Ask(select=speed),
        Ask(select=capacity),
        Ask(select=wanted),
        columns=[
            *names(),
            Col(name="required", title=Text(vi="Yêu cầu", en="Required"), unit="mbps"),
            *(column for short, way in WAYS.values() for column in _way_columns(short, way)),
        ],
        steps=[Quotient(f"{short}_ip_speed", "required", f"{short}_share") for short, _ in WAYS.values()],
        order="down_share",
        descending=False,
        height=9,
    )


def _way_columns(short: str, way: Text) -> list[Col]:
    told = (
        ("contracted_{}", Text(vi="hợp đồng", en="contract"), "mbps"),
        ("{}_wire_speed", Text(vi="trên dây", en="wire"), "mbps"),
        ("{}_ip_speed", Text(vi="lớp IP", en="IP layer"), "mbps"),
        ("{}_speed", Text(vi="tải trọng TCP", en="TCP payload"), "mbps"),
        ("{}_capacity", Text(vi="dung lượng IP (UDP)", en="IP capacity (UDP)"), "mbps"),
        ("{}_share", Text(vi="IP so với yêu cầu", en="IP of the required"), "ratio"),
    )
    return [
        Col(name=name.format(short), title=Text(vi=f"{way.vi}, {text.vi}", en=f"{way.en}, {text.en}"), unit=unit)
        for name, text, unit in told
    ]


def _speeds() -> list[Card]:
    return [_speed(way, short, title) for way, (short, title) in WAYS.items()]


def _speed(way: str, short: str, title: Text) -> Card:
    layers = (
        ("speed", "wire_mbps", "tốc độ trên dây", "speed, wire"),
        ("speed", "ip_mbps", "tốc độ lớp IP", "speed, IP layer"),
        ("speed", "mbps", "tốc độ tải trọng TCP", "speed, TCP payload"),
        ("capacity", "wire_mbps", "dung lượng trên dây", "capacity, wire"),
        ("capacity", "ip_mbps", "dung lượng lớp IP", "capacity, IP layer"),
        ("capacity", "udp_mbps", "dung lượng tải trọng UDP", "capacity, UDP payload"),
    )
    measured = [
        Ask(
            select=over_time(
                f"doxa_{meter}_1d", median(f"{way}_{field}_median", "rate"), where=LINE, by="site link", every="1d"
            ),
            alias=named(vi, en),
        )
        for meter, field, vi, en in layers
    ]
    references = [
        Ask(select=promised(field, every="1d"), alias=named(vi, en), role=role)
        for field, vi, en, role in (
            ("required_mbps", "mức yêu cầu", "required", Role.REQUIRED),
            (f"contracted_{short}_mbps", "hợp đồng", "contract", Role.CONTRACT),
        )
    ]
    target = over_time(
        "doxa_target",
        last("threshold"),
        where=(*HERE, equal("quantity", way), equal("unit", "Mbps")),
        by="target",
        every="1d",
        fill="previous",
    )
    return chart(
        f"speed_{way}",
        Words(
            title=Text(vi=f"{title.vi}: theo lớp", en=f"{title.en}: by layer"),
            meaning=Text(
                vi="Nét liền: trung vị mỗi ngày đo được ở mỗi lớp (trên dây, lớp IP, tải trọng). Nét đứt: mức yêu cầu TSLCD, hợp đồng "
                "và chỉ tiêu của kế hoạch. Chỉ so với hợp đồng ở đúng lớp mà hợp đồng nêu. Nên chọn một trụ sở để dễ đọc.",
                en="Drawn through: each day's median at each layer (wire, IP, payload). Dashed: the TSLCD requirement, the "
                "contract and the plan's target. Hold against a contract only the layer that it names. Choose one office to read it.",
            ),
            nothing=Text(vi="Chưa đo tốc độ đường TSLCD", en="No speed test on a TSLCD line yet"),
        ),
        *measured,
        *references,
        Ask(select=target, alias=Text(vi="Chỉ tiêu $tag_target", en="Target $tag_target"), role=Role.TARGET),
        unit="mbps",
        step="1d",
        height=12,
    )
