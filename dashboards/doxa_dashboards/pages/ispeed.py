"""*i-Speed*: what VNNIC published against what was measured at the offices, and how many samples the month has so far.

Two statistics of two populations: people who test by themselves, and our probes on the lines of offices. They stand
side by side and are never put together into one number.
"""

from doxa_core.language import Text
from doxa_dashboards import cards, variables
from doxa_dashboards.annotations import of_province
from doxa_dashboards.charts import STATISTICS, chart
from doxa_dashboards.page import Page, Section, to_page
from doxa_dashboards.pages._ispeed_samples import CAVEAT, HERE, LINE, MONTH, WAYS, samples, to_commune
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import (
    Column,
    Condition,
    chosen,
    compared,
    computed,
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
            vi="Số liệu i-Speed công bố đặt cạnh số đo tại trụ sở, trung vị và trung bình, và tiến độ số mẫu trong tháng. {caveat}",
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
        annotations=of_province(),
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
    names = newest(
        "doxa_place",
        last("sites_count", "sites"),
        lasts=cards.FACTS,
        where=(equal("level", "commune"), *chosen("province", "place")),
        by="place label",
    )
    return grid(
        f"against_{quantity}",
        Words(
            title=Text(vi="{way}: i-Speed công bố và đo tại trụ sở", en="{way}: published and measured").fill(
                way=WAYS[quantity]
            ),
            meaning=Text(
                vi="Đo tại trụ sở: mọi lần đo tốc độ được trong khoảng thời gian (giữ từng lần đo 90 ngày), lớp tải trọng TCP. "
                "i-Speed: số công bố mới nhất trong hai tháng, thường là của tháng trước. Có nơi gọi trung vị là «trung bình» "
                "nên ghi cả hai. 5G được công bố riêng, xem bảng cuối trang. {caveat}",
                en="Measured: all speed tests of the range that succeeded (single runs are kept 90 days), TCP payload layer. "
                "i-Speed: the newest published figure of two months, usually last month's. Medians are called averages in "
                "places, so both stand here. 5G is published apart: see the last table. {caveat}",
            ).fill(caveat=CAVEAT),
            nothing=Text(vi="Chưa có số đo và chưa nhập số liệu i-Speed", en="Nothing measured, nothing published"),
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
    value = f"{quantity}_mbps"
    weighed = select(
        "doxa_speed_1d",
        computed("{mean} * {runs}", "sum", mean=field(f"{value}_mean"), runs=field("ok_count")),
        field("ok_count", "runs"),
        where=(*LINE, compared(f"{value}_mean", ">=", 0)),
        by="place",
    )
    middle = over_time("doxa_speed_1d", median(f"{value}_median", "median"), where=LINE, by="place", every="1d")
    average = over_time(
        weighed, computed("{sum} / {runs}", "mean", sum=total("sum"), runs=total("runs")), by="place", every="1d"
    )
    told = over_time(
        "doxa_published",
        last("published_mbps"),
        where=(*HERE, *chosen("kind"), *_is(quantity=quantity)),
        by="province place kind statistic",
        every="1d",
    )
    return chart(
        f"day_{quantity}",
        Words(
            title=Text(vi="{way} theo ngày", en="{way} by day").fill(way=WAYS[quantity]),
            meaning=Text(
                vi="Đường liền: mỗi ngày, trung vị giữa các đường truyền (lấy trung vị trong ngày) và trung bình mọi lần đo, tại trụ "
                "sở. Đường chấm: số i-Speed công bố cho xã, tỉnh và cả nước (00), không đổi trong tháng của nó. {caveat}",
                en="Drawn through: each day, the median over the lines (of their medians of the day) and the mean of all runs, at "
                "the offices. Dotted: i-Speed's figure for the commune, the province and the country (00), constant "
                "through its month. {caveat}",
            ).fill(caveat=CAVEAT),
            nothing=Text(vi="Chưa đo và chưa nhập số liệu i-Speed", en="Nothing measured, nothing published"),
        ),
        Ask(select=middle, alias=_own("median")),
        Ask(select=average, alias=_own("mean")),
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


def _own(statistic: str) -> Text:
    return Text(vi="$tag_place: đo tại trụ sở, {s}", en="$tag_place: measured at the offices, {s}").fill(
        s=STATISTICS[statistic]
    )
