"""What the parts of *Mạng TSLCD* have in common: which lines, how they are called, what their contracts say."""

from typing import Final

from doxa_core.codes import COUNTRY
from doxa_core.language import Text
from doxa_core.linkkind import LinkKind
from doxa_dashboards.page import to_page
from doxa_dashboards.panel import Link
from doxa_dashboards.query import INTERVAL, Select, among, chosen, equal, last, over_time
from doxa_dashboards.tables import Col

TSLCD: Final = equal("kind", LinkKind.TSLCD.value)
OFFICE: Final = chosen("province", "place", "site")
PROVINCE: Final = (*chosen("province"), TSLCD)
"""What tables show: every line of the province. Charts show those of one commune, which can be told apart."""
LINE: Final = (*OFFICE, *chosen("link"), TSLCD)
HERE: Final = (
    among("province", "${province}", COUNTRY),
    among("place", "${place}", "${province}", COUNTRY, ""),
    TSLCD,
)
"""What is demanded of the chosen communes' lines: by their own plans, their province's and the country's."""
BY_LINE: Final = "place site link provider"
WAYS: Final = {
    "download": ("down", Text(vi="Tải xuống", en="Download")),
    "upload": ("up", Text(vi="Tải lên", en="Upload")),
}
"""A direction as meters name it → as contracts name it, and in words."""
SITE: Final = Col(name="site", title=Text(vi="Trụ sở", en="Office"))


def commune() -> Link:
    """To the page of the row's commune."""
    return to_page("commune", Text(vi="Mở trang của xã", en="Open the commune's page"), "province", place="place")


def place() -> Col:
    """The commune's code, which leads to its page."""
    return Col(name="place", title=Text(vi="Xã", en="Commune"), link=commune(), width=70)


def names() -> list[Col]:
    """Which line a row is about."""
    return [
        place(),
        SITE,
        Col(name="link", title=Text(vi="Đường truyền", en="Line")),
        Col(name="provider", title=Text(vi="Nhà mạng", en="Provider")),
    ]


def named(vi: str, en: str) -> Text:
    """What a line's series is called."""
    return Text(vi=f"$tag_site $tag_link: {vi}", en=f"$tag_site $tag_link: {en}")


def titled(way: Text, vi: str, en: str) -> Text:
    """A column's title for one direction."""
    return Text(vi=f"{way.vi}, {vi}", en=f"{way.en}, {en}")


def promised(field: str, every: str = INTERVAL) -> Select:
    """What the contract of each line says, step by step."""
    return over_time("doxa_contract", last(field, "rate"), where=LINE, by="site link", every=every, fill="previous")
