"""Nodes of the network – office router, aggregation, core, resolver, portal – asked once a second: up or down, since when.

The far ends of the task are the nodes; their names are those of the collector's nodes.toml, which alone knows who is
behind whom. With `way = "connect"` a node is up when it accepts a TCP connection at its `port`.

`down` is `down_after` requests in a row without an answer, `up` is one answer. While our own line cannot send, a node is
neither: `up_flag` is absent. A run gives a reading of what is worth telling (nodes/watch.py); the counts of a reading
are of the time since the last one of the same node (`detail.window_s`).
"""

from collections.abc import Mapping
from typing import Final

from doxa_agent.meter import Reading, Request
from doxa_agent.nodes.options import Options, read_options, seconds
from doxa_agent.nodes.watch import measure_all
from doxa_core.language import Text

__all__ = ["HEAVY", "METHOD", "TITLE", "VALUES", "Options", "measure", "read_options", "seconds"]

METHOD: Final = "node/1"
TITLE: Final = Text(vi="Nút mạng còn hay mất", en="Nodes of the network, up or down")
HEAVY: Final = False

VALUES: Final[Mapping[str, Text]] = {
    "up_flag": Text(
        vi="1 nếu nút trả lời, 0 nếu đã im lặng đủ lâu; vắng khi chưa biết (chẳng hạn đường của chính điểm đo bị đứt)",
        en="1 where the node answers, 0 where it was silent long enough; absent while not known (our own line is down …)",
    ),
    "down_s": Text(
        vi="nút đã im lặng bao lâu, chỉ khi up_flag = 0", en="for how long it has been silent, only where up_flag is 0"
    ),
    "sent_count": Text(vi="số yêu cầu đã gửi từ lần báo trước", en="requests sent since the last reading"),
    "received_count": Text(vi="số yêu cầu có trả lời trong thời hạn", en="of those, answered in time"),
    "loss_ratio": Text(vi="tỷ lệ không có trả lời", en="share without an answer in time"),
    "silence_max_s": Text(
        vi="khoảng im lặng dài nhất; 0 nếu yêu cầu nào cũng được trả lời",
        en="longest silence; 0 where every request was answered",
    ),
    "rtt_min_ms": Text(vi="trễ khứ hồi nhỏ nhất", en="smallest round-trip delay"),
    "rtt_p50_ms": Text(vi="trung vị trễ khứ hồi", en="median round-trip delay"),
    "rtt_p95_ms": Text(vi="bách phân vị 95 của trễ khứ hồi", en="95th percentile of the round-trip delay"),
    "rtt_max_ms": Text(vi="trễ khứ hồi lớn nhất", en="largest round-trip delay"),
}


def measure(request: Request[Options]) -> list[Reading]:
    """A reading of each node whose state changed, that is due, or that was told longest ago: at least one."""
    return measure_all(request)
