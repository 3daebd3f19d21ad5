"""*i-Speed*: what VNNIC published against what was measured at the offices, and how many samples the month has so far.

Two statistics of two populations: people who test by themselves, and our probes on the lines of offices. They stand
side by side and are never put together into one number.
"""

from doxa_core.language import Text
from doxa_dashboards import cards, variables
from doxa_dashboards.annotations import of_commune
from doxa_dashboards.charts import STATISTICS, chart
from doxa_dashboards.page import Page, Section, to_page
from doxa_dashboards.pages._ispeed_samples import CAVEAT, HERE, LINE, MONTH, PICKED, WAYS, samples, to_commune
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import (
    Column,
    Condition,
    Select,
    chosen,
    compared,
    computed,
    either,
    equal,
    field,
    last,
    mean,
    median,
    newest,
    number_of,
    over_time,
    select,
    total,
    unlike,
)
from doxa_dashboards.style import Role
from doxa_dashboards.tables import Col, grid


def page() -> Page:
    """The page."""
    return Page(
        name="ispeed",
        title=Text(vi="i-Speed: công bố và đo tại trụ sở", en="i-Speed: published and measured"),
        meaning=Text(
            vi="Số liệu i-Speed công bố đặt cạnh số đo tại trụ sở (trung vị và trung bình), cùng tiến độ số mẫu trong tháng. {caveat}",
            en="i-Speed's published figures beside what was measured at the offices, medians and means, and the samples of "
            "the month so far. {caveat}",
        ).fill(caveat=CAVEAT),
        sections=[
            Section(
                title=Text(vi="Công bố và đo được, theo xã", en="Published and measured, by commune"),
                cards=[_against(quantity) for quantity in WAYS],
            ),
            Section(title=Text(vi="Theo ngày", en="By day"), cards=[_by_day(quantity) for quantity in WAYS]),
            samples(),
        ],
        variables=[
            variables.province(),
            variables.place(several=True),
            variables.kind(several=False, public=True),
            variables.provider(),
        ],
        annotations=of_commune(),
        links=[
            to_page("nation", Text(vi="Lên toàn quốc", en="Up to the nation")),
            to_page("province", Text(vi="Mở trang của tỉnh", en="Open the province's page"), "province"),
        ],
        range_from="now/M",
        refresh="15m",
    )


def _of_commune(quantity: str, statistic: str, *columns: Column) -> Ask:
    """The newest published figures of communes."""
    where = (*chosen("province", "place", "kind"), unlike("place", ""), *_is(quantity=quantity, statistic=statistic))
    return Ask(select=newest("doxa_published", *columns, lasts=MONTH, where=where, by="place"))


def _is(**tags: str) -> tuple[Condition, ...]:
    return tuple(equal(tag, value) for tag, value in tags.items())


def _against(quantity: str) -> Card:
    """One direction, commune by commune."""
    value = f"{quantity}_mbps"
    measured = select(
        "doxa_speed",
        median(value, "own_median"),
        mean(value, "own_mean"),
        number_of(value, "own_n"),
        where=(*LINE, equal("outcome", "ok")),
        by="place",
    )
    names = cards.names("doxa_place", "sites", equal("level", "commune"), *chosen("province", "place"), by="place")
    return grid(
        f"against_{quantity}",
        Words(
            title=Text(vi="{way}: i-Speed công bố và đo tại trụ sở", en="{way}: published and measured").fill(
                way=WAYS[quantity]
            ),
            meaning=Text(
                vi="Đo tại trụ sở: mọi lần đo tốc độ thành công trong khoảng thời gian (từng lần đo lưu 90 ngày), lớp tải trọng TCP. i-Speed: số công bố mới nhất trong hai tháng, cả trung vị và trung bình vì có nơi gọi lẫn hai thứ; 5G xem bảng cuối trang. {caveat}",
                en="Measured: all speed tests of the range that succeeded (single runs are kept 90 days), TCP payload layer. i-Speed: the newest published figure of two months, median and mean, as some call one by the other's name; 5G stands in the last table. {caveat}",
            ).fill(caveat=CAVEAT),
            nothing=Text(vi="Chưa đo và chưa nhập số liệu i-Speed", en="Nothing measured, nothing published"),
        ),
        Ask(select=names),
        Ask(select=measured),
        _of_commune(quantity, "median", last("published_mbps", "public_median")),
        _of_commune(quantity, "mean", last("published_mbps", "public_mean")),
        columns=[
            Col(name="label", title=Text(vi="Xã, phường", en="Commune"), link=to_commune(), width=210),
            Col(name="place", title=Text(vi="Mã", en="Code"), hidden=True),
            Col(name="sites", title=Text(vi="Trụ sở", en="Offices"), unit="count"),
            Col(name="own_median", title=Text(vi="Trụ sở: trung vị", en="Office: median"), unit="mbps"),
            Col(name="public_median", title=Text(vi="i-Speed: trung vị", en="i-Speed: median"), unit="mbps"),
            Col(name="own_mean", title=Text(vi="Trụ sở: trung bình", en="Office: mean"), unit="mbps"),
            Col(name="public_mean", title=Text(vi="i-Speed: trung bình", en="i-Speed: mean"), unit="mbps"),
            Col(name="own_n", title=Text(vi="Lần đo tại trụ sở", en="Office: runs"), unit="count"),
        ],
        order="label",
        descending=False,
    )


def _by_day(quantity: str) -> Card:
    """Medians and means of the days, and what is published as a step through its month."""
    whole, own = chosen("province", "kind", "provider"), (*LINE, PICKED)
    told = over_time(
        "doxa_published",
        last("published_mbps"),
        where=(*HERE, either(equal("place", ""), PICKED), *chosen("kind"), *_is(quantity=quantity)),
        by="province place kind statistic",
        every="1d",
    )
    return chart(
        f"day_{quantity}",
        Words(
            title=Text(vi="{way} theo ngày", en="{way} by day").fill(way=WAYS[quantity]),
            meaning=Text(
                vi="Nét liền: tại các trụ sở của cả tỉnh, mỗi ngày, trung vị giữa các đường truyền (mỗi đường lấy trung vị trong "
                "ngày) và trung bình mọi lần đo; xã được chọn đích danh có đồ thị riêng. Nét chấm: số i-Speed công bố cho cả nước "
                "(00), tỉnh và xã đó, không đổi trong tháng của nó. {caveat}",
                en="Drawn through: at the offices of the whole province, each day, the median over the lines (of their medians of the "
                "day) and the mean of all runs; a commune that is chosen by name has curves of its own. Dotted: i-Speed's figure "
                "for the country (00), the province and that commune, constant through its month. {caveat}",
            ).fill(caveat=CAVEAT),
            nothing=Text(vi="Chưa đo và chưa nhập số liệu i-Speed", en="Nothing measured, nothing published"),
        ),
        Ask(select=_middle(quantity, whole, "province"), alias=_of_all("median")),
        Ask(select=_average(quantity, whole, "province"), alias=_of_all("mean")),
        Ask(select=_middle(quantity, own, "place"), alias=_own("median")),
        Ask(select=_average(quantity, own, "place"), alias=_own("mean")),
        Ask(
            select=told,
            alias=Text(
                vi="i-Speed công bố: $tag_province $tag_place ($tag_kind, $tag_statistic)",
                en="Published by i-Speed: $tag_province $tag_place ($tag_kind, $tag_statistic)",
            ),
            role=Role.PUBLISHED,
        ),
        unit="mbps",
        step="1d",
        height=10,
    )


def _middle(quantity: str, where: tuple[Condition, ...], by: str) -> Select:
    """Each day: the median over the lines, of their medians of the day."""
    return over_time("doxa_speed_1d", median(f"{quantity}_mbps_median", "median"), where=where, by=by, every="1d")


def _average(quantity: str, where: tuple[Condition, ...], by: str) -> Select:
    """Each day: the mean of all runs, the lines' means weighed by their runs."""
    value = f"{quantity}_mbps_mean"
    weighed = select(
        "doxa_speed_1d",
        computed("{mean} * {runs}", "sum", mean=field(value), runs=field("ok_count")),
        field("ok_count", "runs"),
        where=(*where, compared(value, ">=", 0)),
        by=by,
    )
    return over_time(
        weighed, computed("{sum} / {runs}", "mean", sum=total("sum"), runs=total("runs")), by=by, every="1d"
    )


def _of_all(statistic: str) -> Text:
    return Text(
        vi="Cả tỉnh $tag_province: đo tại trụ sở, {s}", en="Province $tag_province: measured at the offices, {s}"
    ).fill(s=STATISTICS[statistic])


def _own(statistic: str) -> Text:
    return Text(vi="$tag_place: đo tại trụ sở, {s}", en="$tag_place: measured at the offices, {s}").fill(
        s=STATISTICS[statistic]
    )
