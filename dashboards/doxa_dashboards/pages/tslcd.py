"""*Mạng TSLCD* (nội bộ): the required rate by layer, the 95th percentile of the traffic, nodes, paths, presence, incidents."""

from typing import Final

from doxa_core.codes import COUNTRY
from doxa_core.language import Text
from doxa_dashboards import variables
from doxa_dashboards.annotations import events, incidents, touches_province
from doxa_dashboards.page import Page, to_page
from doxa_dashboards.pages._tslcd_lines import TSLCD
from doxa_dashboards.pages._tslcd_network import network, paths
from doxa_dashboards.pages._tslcd_offices import NETWORK_INCIDENT, offices
from doxa_dashboards.pages._tslcd_p95 import p95
from doxa_dashboards.pages._tslcd_rates import rates
from doxa_dashboards.query import among

WIDE: Final = among("province", "${province}", COUNTRY)


def page() -> Page:
    """The page."""
    return Page(
        name="tslcd",
        title=Text(vi="Mạng TSLCD (nội bộ)", en="TSLCD network (internal)"),
        meaning=Text(
            vi="Mạng truyền số liệu chuyên dùng: bảng của cả tỉnh, biểu đồ của xã đã chọn; mức yêu cầu theo từng lớp, quy tắc bách phân vị 95 của Thông tư "
            "06/2026, nút mạng, đường đi, hiện diện và sự cố. Nội bộ: không đưa lên trang công khai.",
            en="The State's specialised network, tables of the province and charts of the chosen commune: the required rate by layer, the percentile rule of "
            "Circular 06/2026, nodes, paths, presence and incidents. Internal: never on a public page.",
        ),
        sections=[rates(), p95(), network(), paths(), offices()],
        variables=[
            variables.province(),
            variables.place(),
            variables.site(),
            variables.link(TSLCD),
            variables.window(),
        ],
        annotations=[incidents(touches_province(), NETWORK_INCIDENT), events(WIDE)],
        links=[
            to_page("nation", Text(vi="Lên toàn quốc", en="Up to the nation")),
            to_page("province", Text(vi="Lên tỉnh", en="Up to the province"), "province"),
            to_page("noc", Text(vi="NOC", en="NOC"), "province"),
        ],
        internal=True,
    )
