"""*Tỉnh*: communes × targets, the order of communes, providers side by side."""

from typing import Final

from doxa_core.codes import COUNTRY
from doxa_core.language import Text
from doxa_dashboards import cards, codes, variables
from doxa_dashboards.annotations import of_province, touches_province
from doxa_dashboards.charts import chart
from doxa_dashboards.page import Page, Section, to_page
from doxa_dashboards.pages._providers import comparison
from doxa_dashboards.panel import Ask, Card, Link, Words
from doxa_dashboards.query import (
    among,
    chosen,
    equal,
    field,
    last,
    lost,
    median,
    newest,
    over_time,
    select,
    sent,
    total,
)
from doxa_dashboards.tables import Col, grid, matrix

PROVINCE: Final = chosen("province")
AREA: Final = chosen("province", "kind", "provider")
OPEN_COMMUNE: Final = Text(vi="Mở trang của xã", en="Open the commune's page")


def page() -> Page:
    """The page."""
    judged = chosen("province", "plan")
    return Page(
        name="province",
        title=Text(vi="Tỉnh: các xã và chỉ tiêu", en="Province: communes and targets"),
        meaning=Text(
            vi="Các xã của một tỉnh theo từng chỉ tiêu (đạt, không đạt, chưa đủ mẫu), xếp thứ tự theo tốc độ đo được, so sánh "
            "các nhà mạng.",
            en="The communes of a province by target (pass, fail, insufficient), in the order of their measured speed, and "
            "the providers side by side.",
        ),
        sections=[
            Section(
                title=Text(vi="Tình hình chung", en="At a glance"),
                cards=[
                    cards.offices(equal("level", "province"), *PROVINCE),
                    cards.silent(*PROVINCE),
                    cards.open_incidents(*PROVINCE),
                    cards.judged(*judged),
                    cards.passed(*judged),
                    cards.reached(*AREA),
                ],
            ),
            Section(title=Text(vi="Các xã theo chỉ tiêu", en="Communes by target"), cards=[_targets(), _meanings()]),
            Section(title=Text(vi="Thứ tự các xã", en="The communes in order"), cards=[_ranking()]),
            Section(
                title=Text(vi="So sánh nhà mạng", en="Providers compared"),
                cards=[comparison("providers", _PROVIDERS, *AREA), *_trends()],
            ),
            Section(
                title=Text(vi="Sự cố", en="Incidents"),
                cards=[cards.incidents_now(touches_province(), link=_commune("place"))],
            ),
        ],
        variables=[variables.province(), variables.plan(), variables.kind(several=False), variables.provider()],
        annotations=of_province(),
        links=[
            to_page("nation", Text(vi="Lên toàn quốc", en="Up to the nation")),
            to_page("noc", Text(vi="NOC", en="NOC"), "province"),
            to_page("providers", Text(vi="Nhà mạng", en="Providers"), "province", "kind"),
            to_page("tslcd", Text(vi="Mạng TSLCD", en="TSLCD network"), "province"),
            to_page("ispeed", Text(vi="i-Speed", en="i-Speed"), "province"),
            to_page("ipv6", Text(vi="IPv6", en="IPv6"), "province", "kind"),
        ],
        range_from="now-30d",
        refresh="15m",
    )


def _commune(column: str) -> Link:
    return to_page("commune", OPEN_COMMUNE, "province", place=column)


def _labels() -> Ask:
    """Each commune's code and name."""
    return Ask(select=cards.names("doxa_place", "sites", equal("level", "commune"), *PROVINCE, by="place"))


def _targets() -> Card:
    outcome = newest(
        "doxa_verdict",
        last("outcome_code", "outcome"),
        lasts=cards.PERIODS,
        where=chosen("province", "plan"),
        by="place target",
    )
    return matrix(
        "targets",
        Words(
            title=Text(vi="Kết quả của từng xã theo từng chỉ tiêu", en="Every commune by every target"),
            meaning=Text(
                vi="Kỳ đánh giá gần nhất tính đến cuối khoảng thời gian. ● đạt, ▲ không đạt, ■ thiết bị đo giới hạn, ○ chưa đủ mẫu; ô "
                "trống là xã không thuộc phạm vi của chỉ tiêu. Chọn một kế hoạch khi hai kế hoạch có chỉ tiêu cùng tên. Bảng dưới nói từng mã là chỉ tiêu gì.",
                en="The latest period up to the end of the range. ● pass, ▲ fail, ■ probe limited, ○ insufficient samples; an empty cell "
                "is a commune that the target does not concern. Choose one plan where two have targets of one name. The table below says what each id means.",
            ),
            nothing=Text(vi="Chưa có kỳ đánh giá nào", en="Nothing was judged yet"),
        ),
        Ask(select=outcome),
        _labels(),
        row="label",
        column="target",
        value="outcome",
        joined_by="place",
        codes=codes.VERDICT,
        link=_commune("place"),
        title=Text(vi="Xã, phường", en="Commune"),
    )


def _meanings() -> Card:
    found = newest(
        "doxa_target",
        last("title"),
        field("threshold"),
        lasts=cards.FACTS,
        where=(*chosen("plan"), among("province", "${province}", COUNTRY)),
        by="plan target unit",
    )
    return grid(
        "meanings",
        Words(
            title=Text(vi="Ý nghĩa các mã chỉ tiêu", en="What the targets' ids mean"),
            meaning=Text(
                vi="Các chỉ tiêu đang có hiệu lực ở cuối khoảng thời gian của những kế hoạch đã chọn, ở tỉnh và cả nước. Ngưỡng để trống là "
                "chỉ tiêu không nêu con số.",
                en="The targets in force at the end of the range, of the chosen plans, in the province and the country. An empty "
                "threshold is a target without a number.",
            ),
            nothing=Text(vi="Chưa có kế hoạch nào có hiệu lực", en="No plan is in force"),
        ),
        Ask(select=found),
        columns=[
            Col(name="target", title=Text(vi="Mã chỉ tiêu", en="Target (id)"), width=170),
            Col(name="plan", title=Text(vi="Kế hoạch", en="Plan"), width=150),
            Col(name="title", title=Text(vi="Nội dung chỉ tiêu", en="What is demanded"), long=True),
            Col(name="threshold", title=Text(vi="Ngưỡng", en="Threshold"), unit="value", width=100),
            Col(name="unit", title=Text(vi="Đơn vị", en="Unit"), words=codes.TARGET_UNITS, width=130),
        ],
        height=8,
    )


def _ranking() -> Card:
    where = chosen("province", "kind", "provider")
    speeds = select(
        "doxa_speed_1d",
        median("download_mbps_median", "down"),
        median("upload_mbps_median", "up"),
        total("ok_count", "runs"),
        where=where,
        by="place",
    )
    delay = select("doxa_latency_1d", median("rtt_p50_ms_median", "rtt"), lost(), where=(*where, sent()), by="place")
    return grid(
        "ranking",
        Words(
            title=Text(vi="Các xã xếp theo tốc độ tải xuống đo được", en="Communes by measured download"),
            meaning=Text(
                vi="Trung vị của các ngày, đo tại trụ sở, lớp tải trọng TCP, của loại đường truyền đã chọn. Đây là số đo tại "
                "trụ sở, không phải thứ hạng i-Speed; xã ít lần đo thì thứ hạng dễ đổi.",
                en="Median of the days, measured at the offices, TCP payload layer, for the chosen kind of line. It is no "
                "i-Speed rank; with few runs a rank changes easily.",
            ),
            nothing=Text(vi="Chưa có xã nào được đo", en="No commune was measured"),
        ),
        Ask(select=speeds),
        Ask(select=delay),
        _labels(),
        columns=[
            Col(name="label", title=Text(vi="Xã, phường", en="Commune"), link=_commune("place"), width=260),
            Col(name="place", title=Text(vi="Mã", en="Code"), hidden=True),
            Col(name="down", title=Text(vi="Tải xuống", en="Download"), unit="mbps"),
            Col(name="up", title=Text(vi="Tải lên", en="Upload"), unit="mbps"),
            Col(name="rtt", title=Text(vi="Độ trễ", en="Latency"), unit="ms"),
            Col(name="loss", title=Text(vi="Mất gói", en="Loss"), unit="loss"),
            Col(name="runs", title=Text(vi="Số lần đo tốc độ", en="Speed tests"), unit="count"),
            Col(name="sites", title=Text(vi="Số trụ sở", en="Offices"), unit="count"),
        ],
        order="down",
        height=12,
    )


def _trends() -> list[Card]:
    return [
        chart(
            f"trend_{key}",
            Words(title=title, meaning=_TREND, nothing=Text(vi="Chưa có số liệu theo ngày", en="No daily figures")),
            Ask(
                select=over_time("doxa_area_1d", median(name, "value"), where=AREA, by="provider", every="1d"),
                alias=Text(vi="$tag_provider", en="$tag_provider"),
            ),
            unit=unit,
            step="1d",
        )
        for key, name, unit, title in (
            ("down", "download_median_mbps", "mbps", Text(vi="Tải xuống theo ngày", en="Download by day")),
            ("rtt", "rtt_p50_median_ms", "ms", Text(vi="Độ trễ theo ngày", en="Latency by day")),
        )
    ]


_TREND: Final = Text(
    vi="Mỗi ngày: trung vị giữa các đường truyền của nhà mạng, mỗi đường lấy trung vị trong ngày. Ngày theo giờ Việt Nam.",
    en="Each day: the median over the provider's lines of the line's median of the day. Vietnamese days.",
)
_PROVIDERS: Final = Text(vi="Các nhà mạng trên địa bàn", en="The providers in the province")
