"""*Mạng TSLCD*: the probes of the offices that have a line in it, and the incidents."""

from typing import Final

from doxa_core.language import Text
from doxa_dashboards import cards, codes
from doxa_dashboards.annotations import touches_province
from doxa_dashboards.page import Section
from doxa_dashboards.pages._tslcd_lines import PROVINCE, SITE, TSLCD, commune, place
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import among, chosen, either, last, newest
from doxa_dashboards.tables import Col, grid, only_with

NODE_CAUSES: Final = ("node_down", "aggregation_down", "core_down")
NETWORK_INCIDENT: Final = either(TSLCD, among("cause", *NODE_CAUSES))
"""Text fields of doxa_incident: of TSLCD lines alone, or a node that is down."""


def offices() -> Section:
    """Whether the probes of offices with a TSLCD line are there, and what happened."""
    return Section(
        title=Text(vi="Hiện diện và sự cố", en="Presence and incidents"),
        cards=[
            _presence(),
            cards.incidents(
                touches_province(),
                NETWORK_INCIDENT,
                title=Text(vi="Sự cố đường TSLCD và nút mạng", en="Incidents of TSLCD lines and of nodes"),
                link=commune(),
            ),
        ],
    )


def _presence() -> Card:
    by = "place site"
    now = newest(
        "doxa_presence_5m",
        last("state_code", "state"),
        last("probes_count", "probes"),
        last("silent_count", "silent"),
        lasts=cards.NOW,
        where=chosen("province"),
        by=by,
    )
    contract = newest("doxa_contract", last("required_mbps", "required"), lasts=cards.FACTS, where=PROVINCE, by=by)
    return grid(
        "presence",
        Words(
            title=Text(
                vi="Thiết bị đo ở các trụ sở có đường TSLCD của tỉnh",
                en="Probes of the province's offices with a TSLCD line",
            ),
            meaning=Text(
                vi="Trạng thái xấu nhất của các thiết bị đo ở trụ sở, năm phút mới nhất. Trụ sở có cả thiết bị trên Internet thì thiết bị "
                "đó cũng được tính. Mất liên lạc có thể do mất điện: xem sự cố.",
                en="The worst state of the office's probes, newest five minutes; probes on the Internet count too where the "
                "office has such. Silence may be a power failure: see the incidents.",
            ),
            nothing=Text(vi="Chưa có trụ sở nào có đường TSLCD", en="No office has a TSLCD line"),
        ),
        Ask(select=now),
        Ask(select=contract),
        columns=[
            place(),
            SITE,
            Col(name="state", title=Text(vi="Trạng thái", en="State"), unit="code", codes=codes.PRESENCE),
            Col(name="probes", title=Text(vi="Số thiết bị", en="Probes"), unit="count"),
            Col(name="silent", title=Text(vi="Mất liên lạc", en="Silent"), unit="count"),
            Col(name="required", title=Text(vi="Yêu cầu", en="Required"), unit="mbps"),
        ],
        steps=[only_with("required")],
        order="state",
        height=7,
    )
