"""*Mạng TSLCD*: the nodes, and the quality and the path of the lines."""

from typing import Final

from doxa_core.language import Text
from doxa_dashboards import cards
from doxa_dashboards.catalogue import WINDOW
from doxa_dashboards.charts import chart
from doxa_dashboards.page import Section
from doxa_dashboards.pages._tslcd_lines import BY_LINE, LINE, OFFICE, PROVINCE, SITE, TSLCD, names, place
from doxa_dashboards.panel import Ask, Card, Words
from doxa_dashboards.query import (
    largest,
    last,
    lost,
    median,
    newest,
    number_of,
    over_time,
    select,
    sent,
    share_of_runs,
    total,
)
from doxa_dashboards.tables import Col, grid

NODE: Final = (*OFFICE, TSLCD)
"""Nodes as seen over TSLCD lines: of the Internet's nodes other pages tell."""
_NODE: Final = Text(vi="$tag_far_end (từ $tag_site)", en="$tag_far_end (seen from $tag_site)")
_TO: Final = Text(vi="$tag_site $tag_link → $tag_far_end", en="$tag_site $tag_link → $tag_far_end")


def network() -> Section:
    """Which nodes answer, and how well."""
    up = share_of_runs(f"doxa_node_{WINDOW}", "up_flag", "up", where=NODE, by="site far_end")
    loss = over_time(f"doxa_node_{WINDOW}", lost(), where=(*NODE, sent()), by="site far_end")
    delay = over_time(f"doxa_node_{WINDOW}", median("rtt_p50_ms_median", "rtt"), where=NODE, by="site far_end")
    return Section(
        title=Text(vi="Nút mạng", en="Nodes of the network"),
        cards=[
            _nodes(),
            chart(
                "nodes_up",
                Words(
                    title=Text(vi="Tỷ lệ lần báo mà nút còn trả lời", en="Share of reports in which a node answers"),
                    meaning=Text(
                        vi="100 % là lúc nào cũng trả lời, 0 % là mất. Lúc chưa biết (chẳng hạn đường của chính điểm đo bị đứt) thì "
                        "không tính: một nút chỉ thật sự mất khi nhiều điểm đo cùng thấy.",
                        en="100 % is always answering, 0 % is down. Time in which nobody can tell (our own line is down) "
                        "does not count: a node is truly down when several probes see it.",
                    ),
                    nothing=_NO_NODES,
                ),
                Ask(select=up, alias=_NODE),
                unit="flag",
                top=1,
                width=8,
            ),
            chart(
                "nodes_loss",
                Words(
                    title=Text(vi="Mất gói tới nút", en="Loss to the nodes"),
                    meaning=Text(
                        vi="Tỷ lệ yêu cầu tới nút không được trả lời trong thời hạn, tính từ tổng số gói. Nút bận có thể trả lời chậm mà "
                        "vẫn chuyển tiếp tốt.",
                        en="Share of requests to a node without an answer in time, from all packets. A busy node may answer "
                        "late and still forward well.",
                    ),
                    nothing=_NO_NODES,
                ),
                Ask(select=loss, alias=_NODE),
                unit="loss",
                width=8,
            ),
            chart(
                "nodes_rtt",
                Words(
                    title=Text(vi="Độ trễ tới nút", en="Delay to the nodes"),
                    meaning=Text(
                        vi="Trung vị độ trễ khứ hồi tới nút. Tăng đều ở mọi nút phía sau một nút nghĩa là nghẽn ở nút đó.",
                        en="Median round trip to the node. A rise at all nodes behind one means congestion there.",
                    ),
                    nothing=_NO_NODES,
                ),
                Ask(select=delay, alias=_NODE),
                unit="ms",
                width=8,
            ),
        ],
    )


def _nodes() -> Card:
    by = "place site far_end"
    now = newest("doxa_node_5m", last("up_flag_mean", "up"), lasts=cards.NOW, where=PROVINCE, by=by)
    span = select(
        "doxa_node_1d", largest("silence_max_s_max", "silence"), largest("down_s_max", "down"), where=PROVINCE, by=by
    )
    loss = select("doxa_node_1d", lost(), where=(*PROVINCE, sent()), by=by)
    return grid(
        "nodes",
        Words(
            title=Text(vi="Các nút mạng của tỉnh", en="The nodes of the province"),
            meaning=Text(
                vi="Mỗi dòng: một nút, nhìn từ một trụ sở. «Bây giờ» là năm phút mới nhất (100 %: còn trả lời, 0 %: đã mất); các cột "
                "khác tính trong khoảng thời gian. Ô trống ở «bây giờ» nghĩa là chưa biết, không phải là mất.",
                en="One row: a node as one office sees it. 'Now' is the newest five minutes (100 %: answers, 0 %: down); "
                "the other columns are over the range. An empty 'now' means not known, not down.",
            ),
            nothing=_NO_NODES,
        ),
        Ask(select=now),
        Ask(select=span),
        Ask(select=loss),
        columns=[
            Col(name="far_end", title=Text(vi="Nút", en="Node")),
            place(),
            SITE,
            Col(name="up", title=Text(vi="Bây giờ", en="Now"), unit="flag"),
            Col(name="loss", title=Text(vi="Mất gói", en="Loss"), unit="loss"),
            Col(name="silence", title=Text(vi="Im lặng lâu nhất", en="Longest silence"), unit="length"),
            Col(name="down", title=Text(vi="Lần mất lâu nhất", en="Longest outage"), unit="length"),
        ],
        order="up",
        descending=False,
        height=7,
    )


def paths() -> Section:
    """How good the lines are, and which way they go."""
    source, by = f"doxa_latency_{WINDOW}", "site link far_end"
    loss = over_time(source, lost(), where=(*LINE, sent()), by=by)
    delay = over_time(source, median("rtt_p50_ms_median", "rtt"), where=LINE, by=by)
    changed = share_of_runs(f"doxa_path_{WINDOW}", "changed_flag", "changed", where=LINE, by=by)
    return Section(
        title=Text(vi="Chất lượng và đường đi", en="Quality and paths"),
        cards=[
            chart(
                "loss",
                Words(
                    title=Text(vi="Mất gói trên đường TSLCD", en="Loss on TSLCD lines"),
                    meaning=Text(
                        vi="Tỷ lệ gói gửi tới đầu xa trong mạng TSLCD không được trả lời, tính từ tổng số gói đã gửi và đã nhận. Thông tư "
                        "06/2026 chưa đặt mức cho mất gói.",
                        en="Share of packets without an answer from the far end inside TSLCD, from all packets. Circular "
                        "06/2026 sets no figure for loss.",
                    ),
                ),
                Ask(select=loss, alias=_TO),
                unit="loss",
                width=8,
            ),
            chart(
                "rtt",
                Words(
                    title=Text(vi="Độ trễ trên đường TSLCD", en="Delay on TSLCD lines"),
                    meaning=Text(
                        vi="Trung vị độ trễ khứ hồi tới đầu xa trong mạng TSLCD. Thông tư 06/2026 chưa đặt mức cho độ trễ.",
                        en="Median round trip to the far end inside TSLCD. Circular 06/2026 sets no figure for it.",
                    ),
                ),
                Ask(select=delay, alias=_TO),
                unit="ms",
                width=8,
            ),
            chart(
                "path_changes",
                Words(
                    title=Text(vi="Tỷ lệ lần đo thấy đường đi đã đổi", en="Share of runs that found another path"),
                    meaning=Text(
                        vi="Mỗi lần đo so đường đi với lần trước. Đổi một lần thường là chuyển tuyến dự phòng; đổi liên tục là định "
                        "tuyến không ổn định.",
                        en="Each run compares the path with the one before. One change is often a backup route taking over; "
                        "many mean unstable routing.",
                    ),
                    nothing=_NO_PATHS,
                ),
                Ask(select=changed, alias=_TO),
                unit="flag",
                bars=True,
                top=1,
                width=8,
            ),
            _paths(),
        ],
    )


def _paths() -> Card:
    runs = select(
        "doxa_path",
        total("changed_flag", "changes"),
        number_of("changed_flag", "runs"),
        last("hop_count", "hops"),
        last("path_mtu", "mtu"),
        where=PROVINCE,
        by=f"{BY_LINE} far_end",
    )
    return grid(
        "paths",
        Words(
            title=Text(vi="Đường đi của từng đường TSLCD của tỉnh", en="The path of each TSLCD line of the province"),
            meaning=Text(
                vi="Số lần đường đi đổi trong khoảng thời gian, số chặng và gói IP lớn nhất đi qua được ở lần đo mới nhất. Không có địa "
                "chỉ nào ở đây. Từng lần đo chỉ lưu 90 ngày.",
                en="How often the path changed in the range; hops and the largest IP packet that passes as of the newest run. No "
                "address stands here. Single runs are kept for 90 days.",
            ),
            nothing=_NO_PATHS,
        ),
        Ask(select=runs),
        columns=[
            *names(),
            Col(name="far_end", title=Text(vi="Đầu xa", en="Far end")),
            Col(name="changes", title=Text(vi="Số lần đổi", en="Changes"), unit="count"),
            Col(name="runs", title=Text(vi="Số lần so sánh", en="Comparisons"), unit="count"),
            Col(name="hops", title=Text(vi="Số chặng", en="Hops"), unit="count"),
            Col(name="mtu", title=Text(vi="MTU đường đi", en="Path MTU"), unit="mtu"),
        ],
        order="changes",
        height=7,
    )


_NO_NODES: Final = Text(vi="Chưa theo dõi nút mạng nào qua đường TSLCD", en="No node is watched over a TSLCD line")
_NO_PATHS: Final = Text(vi="Chưa đo đường đi trên đường TSLCD", en="No path was measured on a TSLCD line")
