"""*IPv6*, the share of runs in each state: over time, by province, by provider."""

from collections.abc import Sequence
from typing import Final

from doxa_core.codes import COUNTRY
from doxa_core.language import Text
from doxa_dashboards import cards, style
from doxa_dashboards.catalogue import flag_counts
from doxa_dashboards.charts import COLUMN, chart
from doxa_dashboards.pages._commune_quality import IPV6_STATES
from doxa_dashboards.pages._ipv6_faults import AREA, PROVINCES, SOURCE, to_province
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import (
    Column,
    Condition,
    chosen_or_any,
    computed,
    equal,
    of_newest,
    over_time,
    select,
    total,
    yes_share,
)
from doxa_dashboards.tables import Col, grid

DAYS: Final = "3d"
"""How old the newest day may be: yesterday is counted until after midnight."""
V6_ONLY: Final = (Text(vi="sẵn sàng, kể cả khi không có IPv4", en="ready, also without IPv4"), style.BLUE)
STATES: Final = {**IPV6_STATES, "v6_only": V6_ONLY}
"""From none to v6-only; each run is in one."""


def _shares() -> list[Column]:
    """`ready` is also said where v6 alone would do: it is taken out."""
    found = {name: yes_share(f"state_{name}", name) for name in IPV6_STATES}
    also, _ = flag_counts("state_v6_only_ready")
    yes, judged = flag_counts("state_ready")
    found["ready"] = computed("({yes} - {v6}) / {j}", "ready", yes=total(yes), v6=total(also), j=total(judged))
    return [*found.values(), yes_share("state_v6_only_ready", "v6_only")]


_MEANING: Final = Text(
    vi="Mỗi lần đo cho đúng một trạng thái; con số là tỷ lệ lần đo ở trạng thái đó, mỗi lần đo tính như nhau. "
    "«Hỏng»: máy tưởng có IPv6 nhưng chỉ IPv4 chạy, người dùng thấy mạng chậm. «Một phần»: thiếu một bước, xem mục dưới. Lần đo không kết luận được thì không tính.",
    en="Each run finds exactly one state; the figure is the share of runs in it, each run counting the same. "
    "'Broken': machines believe in IPv6 while only "
    "IPv4 works, and people feel a slow network. 'Partial': a step is missing, see below. Undecided runs do not count.",
)


def states_over_time() -> Card:
    """Day by day."""
    return chart(
        "states",
        Words(
            title=Text(vi="Trạng thái IPv6 theo ngày (tỷ lệ lần đo)", en="IPv6 states by day (share of the runs)"),
            meaning=_MEANING,
            nothing=Text(vi="Chưa đo IPv6", en="IPv6 was not measured"),
        ),
        Ask(select=over_time(SOURCE, *_shares(), where=AREA, every="1d"), alias=COLUMN),
        columns=STATES,
        unit="flag",
        step="1d",
        stacked=True,
        bars=True,
        top=1,
        width=24,
    )


def _columns() -> list[Col]:
    return [Col(name=state, title=_capital(text), unit="flag") for state, (text, _) in STATES.items()]


def _capital(text: Text) -> Text:
    return Text(vi=text.vi[:1].upper() + text.vi[1:], en=text.en[:1].upper() + text.en[1:])


def _lines(outer: str, where: Sequence[Condition]) -> Ask:
    return Ask(
        select=of_newest(
            "doxa_area_1d",
            "ipv6_tested_count",
            total("ipv6_tested_count", "tested"),
            lasts=DAYS,
            where=where,
            by="province kind provider",
            outer=outer,
        )
    )


def provinces() -> Card:
    """Of the country all of them, also those without figures: they are registered."""
    names = cards.names(
        "doxa_place", "sites", equal("level", "province"), chosen_or_any("province", COUNTRY), by="province"
    )
    return grid(
        "provinces",
        Words(
            title=Text(vi="Theo tỉnh", en="By province"),
            meaning=_MEANING,
            nothing=Text(vi="Chưa có tỉnh nào có điểm đo", en="No province has an office yet"),
        ),
        Ask(select=names),
        _lines("province", PROVINCES),
        Ask(select=select(SOURCE, *_shares(), where=PROVINCES, by="province")),
        columns=[
            Col(name="label", title=Text(vi="Tỉnh", en="Province"), link=to_province(), width=170),
            Col(name="province", title=Text(vi="Mã", en="Code"), hidden=True),
            Col(name="tested", title=Text(vi="Đường truyền đã đo", en="Lines tested"), unit="count"),
            *_columns(),
        ],
        order="ready",
        height=12,
    )


def providers() -> Card:
    """In the chosen area."""
    return grid(
        "providers",
        Words(
            title=Text(vi="Theo nhà mạng", en="By provider"),
            meaning=_MEANING,
            nothing=Text(vi="Chưa đo IPv6", en="IPv6 was not measured"),
        ),
        _lines("provider", AREA),
        Ask(select=select(SOURCE, *_shares(), where=AREA, by="provider")),
        columns=[
            Col(name="provider", title=Text(vi="Nhà mạng", en="Provider")),
            Col(name="tested", title=Text(vi="Đường truyền đã đo", en="Lines tested"), unit="count"),
            *_columns(),
        ],
        order="ready",
        height=6,
    )
