"""*NOC*: what the duty room looks at all day: who is silent, what is open, which lines fail now, what is planned."""

from typing import Final

from doxa_core.codes import COUNTRY
from doxa_core.language import Text
from doxa_dashboards import cards, variables
from doxa_dashboards.annotations import events, touches_province
from doxa_dashboards.page import Page, Section, to_page
from doxa_dashboards.pages._noc_incidents import critical, over_time_by_severity, planned
from doxa_dashboards.pages._noc_now import by_province, failing, online, silent_offices
from doxa_dashboards.panel import Link
from doxa_dashboards.query import among, chosen, equal

PROVINCE: Final = chosen("province")
WIDE: Final = among("province", "${province}", COUNTRY)


def page() -> Page:
    """The page."""
    return Page(
        name="noc",
        title=Text(vi="NOC", en="NOC"),
        meaning=Text(
            vi="Màn hình trực: thiết bị đo nào mất liên lạc, sự cố nào đang mở và đã bao lâu, đường truyền nào đang hỏng, bảo trì nào "
            "sắp tới. Tự làm mới 30 giây một lần.",
            en="The duty room's screen: which probes are silent, which incidents are open and for how long, which lines fail "
            "now, which work is planned. Refreshed every 30 seconds.",
        ),
        sections=[
            Section(
                title=Text(vi="Bây giờ", en="Now"),
                cards=[
                    cards.open_incidents(*PROVINCE),
                    critical(*PROVINCE),
                    cards.silent(*PROVINCE),
                    online(*PROVINCE),
                    cards.offices(equal("level", "province"), *PROVINCE),
                ],
            ),
            Section(
                title=Text(vi="Sự cố đang xảy ra", en="Incidents now"),
                cards=[cards.incidents_now(touches_province(), link=_commune(), age=True)],
            ),
            Section(
                title=Text(vi="Thiết bị đo và đường truyền", en="Probes and lines"),
                cards=[by_province(*PROVINCE), silent_offices(_commune(), *PROVINCE), failing(_commune(), *PROVINCE)],
            ),
            Section(
                title=Text(vi="Diễn biến, cảnh báo mới và bảo trì", en="Course, newest alarms and planned work"),
                cards=[
                    over_time_by_severity(*PROVINCE),
                    planned(WIDE),
                    cards.incidents(
                        touches_province(), title=Text(vi="Cảnh báo mới nhất", en="Newest alarms"), link=_commune()
                    ),
                ],
            ),
        ],
        variables=[variables.province(several=True)],
        annotations=[events(WIDE)],
        links=[
            to_page("nation", Text(vi="Lên toàn quốc", en="Up to the nation")),
            to_page("providers", Text(vi="Nhà mạng", en="Providers")),
            to_page("tslcd", Text(vi="Mạng TSLCD", en="TSLCD network")),
            to_page("health", Text(vi="Sức khỏe hệ thống", en="The system's health")),
        ],
        range_from="now-24h",
        refresh="30s",
    )


def _commune() -> Link:
    return to_page(
        "commune", Text(vi="Mở trang của xã", en="Open the commune's page"), province="province", place="place"
    )
