"""The variables of the pages: province → commune → office → line, and kind, provider, plan, window.

The names that people choose from come out of the series themselves (`label` of doxa_place holds code and name), so
there is no list of places in any page. A choice travels from page to page by the variable's name in the address.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard

from doxa_core.codes import COUNTRY
from doxa_core.language import Text
from doxa_dashboards.catalogue import look_up
from doxa_dashboards.panel import source
from doxa_dashboards.query import Condition, among, chosen, equal, field, last, select, tag_values, within

ALL: Final = "$__all"
EVERYTHING: Final = ".*"
"""What "all" stands for in a pattern: also series without the tag."""
LINES: Final = "/^doxa_(latency|speed|capacity|ipv6|stamp|snmp)_1d$/"
"""Where lines, their kinds and providers are found: what is measured daily on each."""

Variable = builders.QueryVariable | builders.CustomVariable


def province(*, several: bool = False) -> builders.QueryVariable:
    """Which province; its code is the value, its name what people see."""
    asked = _labels("province", equal("level", "province"))
    return _query("province", _PROVINCE, asked, "doxa_place", regex=_NAMED, several=several)


def province_or_country() -> builders.QueryVariable:
    """Which province, or all: then the country's own figures (`province` "00"), not those of the provinces together."""
    country = dashboard.VariableOption(selected=True, text=str(_ALL), value=ALL)
    return province().include_all(True).all_value(COUNTRY).current(country)  # noqa: FBT003 - the SDK's own


def place(*, several: bool = False) -> builders.QueryVariable:
    """Which commune of the chosen provinces, by code and name: a name alone may stand for several."""
    asked = _labels("place", equal("level", "commune"), *chosen("province"))
    return _query("place", _PLACE, asked, "doxa_place", regex=_CODED, several=several)


def site() -> builders.QueryVariable:
    """Which offices of the chosen communes."""
    asked = tag_values("site", "doxa_site", *chosen("province", "place"))
    return _query("site", _SITE, asked, "doxa_site", several=True)


def link(*where: Condition) -> builders.QueryVariable:
    """Which lines of the chosen offices."""
    asked = _lines("link", *chosen("province", "place", "site"), *where)
    return _query("link", _LINK, asked, "doxa_latency_1d", several=True)


def kind(*, several: bool = True, public: bool = False) -> builders.QueryVariable | builders.CustomVariable:
    """Which kinds of line: several of what there is, or one (the Internet lines first)."""
    if several:
        return _query("kind", _KIND, _lines("kind", *chosen("province")), "doxa_latency_1d", several=True)
    kinds = [("fixed", _FIXED), ("mobile", _MOBILE)] + ([] if public else [("tslcd", _TSLCD)])
    return _custom("kind", _KIND, kinds)


def provider() -> builders.QueryVariable:
    """Which providers."""
    return _query("provider", _PROVIDER, _lines("provider", *chosen("province")), "doxa_latency_1d", several=True)


def provider_of_kind() -> builders.QueryVariable:
    """Which providers of the chosen kind of line, in the chosen province or in the country (`province_or_country`)."""
    asked = tag_values("provider", "doxa_area_1d", *chosen("province", "kind"))
    return _query("provider", _PROVIDER, asked, "doxa_area_1d", several=True)


def plan(*, country: bool = False) -> builders.QueryVariable:
    """Which plans hold for places of the chosen provinces, or all plans of the country's pages."""
    where = () if country else (among("province", "${province}", COUNTRY),)
    asked = tag_values("plan", "doxa_target", *where)
    return _query("plan", _PLAN, asked, "doxa_target", several=True)


def window() -> builders.CustomVariable:
    """Over which windows values are taken together: the name of the measurement ends in it (catalogue.WINDOW)."""
    return _custom("window", _WINDOW, [("1h", _HOUR), ("1d", _DAY)])


def _labels(code: str, *where: Condition) -> str:
    """The newest label of each place, of a year: of one that was renamed, under the same code, the last name only.

    Of an answer with columns Grafana offers the first beside the time (newer ones: the texts), so the label comes first.
    """
    columns = (field("label"), last("sites_count", "sites"))
    asked = select("doxa_place", *columns, where=(*where, within("365d")), by=code)
    return replace(asked, ranged=False).statement()


def _lines(tag: str, *where: Condition) -> str:
    return tag_values(tag, LINES, *where)


def _query(
    name: str, label: Text, query: str, series: str, *, regex: str = "", several: bool
) -> builders.QueryVariable:
    built = (
        builders.QueryVariable(name)
        .label(str(label))
        .query(query)
        .datasource(source(look_up(series).tier))
        .refresh(dashboard.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(dashboard.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .regex(regex)
        .multi(several)
        .include_all(several)
        .allow_custom_value(False)  # noqa: FBT003 - the SDK's own
    )
    return built.all_value(EVERYTHING).current(_everything()) if several else built


def _everything() -> dashboard.VariableOption:
    return dashboard.VariableOption(selected=True, text=[str(_ALL)], value=[ALL])


def _custom(name: str, label: Text, values: Sequence[tuple[str, Text]]) -> builders.CustomVariable:
    options = [
        dashboard.VariableOption(selected=place == 0, text=str(text), value=value)
        for place, (value, text) in enumerate(values)
    ]
    return (
        builders.CustomVariable(name)
        .label(str(label))
        .values(", ".join(f"{text} : {value}" for value, text in values))
        .options(options)
        .current(options[0])
        .multi(False)  # noqa: FBT003
        .include_all(False)  # noqa: FBT003
    )


_NAMED: Final = r"/^(?<value>\S+) (?<text>.+)$/"
"""`20 Lạng Sơn`: the code is the value, the name is seen."""
_CODED: Final = r"/^(?<text>(?<value>\S+) .+)$/"
"""`06184 Xã Đồng Đăng`: the code is the value, code and name are seen."""

_PROVINCE: Final = Text(vi="Tỉnh, thành phố", en="Province")
_PLACE: Final = Text(vi="Xã, phường", en="Commune")
_SITE: Final = Text(vi="Trụ sở", en="Office")
_LINK: Final = Text(vi="Đường truyền", en="Line")
_KIND: Final = Text(vi="Loại đường truyền", en="Kind of line")
_PROVIDER: Final = Text(vi="Nhà mạng", en="Provider")
_PLAN: Final = Text(vi="Kế hoạch", en="Plan")
_WINDOW: Final = Text(vi="Gộp theo", en="Taken together by")
_HOUR: Final = Text(vi="giờ", en="hour")
_DAY: Final = Text(vi="ngày", en="day")
_ALL: Final = Text(vi="Tất cả", en="All")
_FIXED: Final = Text(vi="Internet cố định", en="Fixed Internet")
_MOBILE: Final = Text(vi="Di động", en="Mobile")
_TSLCD: Final = Text(vi="Mạng TSLCD", en="TSLCD network")
