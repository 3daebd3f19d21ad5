"""The collector's own metrics: what it forms from outcomes, statuses and its own state, with their texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from doxa_collector.watch.subject import Kind
from doxa_core.language import Text

NODE_METER: Final = "node"
"""The meter whose far ends are nodes of the network: its figures are theirs, not the line's."""
NOT_OF_THE_LINE: Final = frozenset({NODE_METER, "snmp"})
"""Meters that may be answered while the line is dead (by the office's own router): they never say whether it is down."""


@dataclass(frozen=True, slots=True)
class Own:
    """One metric that the collector forms."""

    text: Text
    lasting: bool = True
    """Whether it holds until the next fact; False for what single measurements say."""


OF_LINK: Final[Mapping[str, Own]] = {
    "link.down_flag": Own(
        Text(
            vi="1 khi mọi đầu xa của phép đo thường xuyên nhất đều không tới được",
            en="1 where every far end of the meter that runs most often failed in its latest run",
        ),
        lasting=False,
    ),
    "link.port_down_flag": Own(
        Text(vi="1 khi cổng mạng của đường truyền mất tín hiệu", en="1 where the link's port has no carrier")
    ),
    "link.port_mbps": Own(
        Text(
            vi="tốc độ danh định của cổng mạng, trên dây Ethernet",
            en="the port's nominal speed, on the Ethernet wire",
        )
    ),
    "link.half_duplex_flag": Own(Text(vi="1 khi cổng mạng chạy bán song công", en="1 where the port runs half duplex")),
    "link.traffic_p95_ratio": Own(
        Text(
            vi="trị nhỏ nhất trong 7 ngày liền của p95 lưu lượng ngày chia cho dung lượng, chiều lớn hơn: trên 0,9 là cả 7 ngày vượt (TT 06/2026 Đ.5.6)",
            en="smallest of 7 successive days' p95 of traffic divided by the capacity, the larger direction: above 0.9 all 7 days exceed it",
        )
    ),
    "speed.target_ratio": Own(
        Text(
            vi="tốc độ đo được chia cho tốc độ hợp đồng hoặc chỉ tiêu, ở tầng mà hợp đồng nêu, chiều kém hơn",
            en="measured rate divided by the contracted or planned one, at the contract's layer, the worse direction",
        ),
        lasting=False,
    ),
}

OF_NODE: Final[Mapping[str, Own]] = {
    "node.down_flag": Own(
        Text(
            vi="1 khi mọi thiết bị đo còn thông đường truyền đều không tới được nút",
            en="1 where no probe whose own line works reaches the node",
        )
    ),
}

OF_PROBE: Final[Mapping[str, Own]] = {
    "probe.offline_flag": Own(
        Text(
            vi="1 khi thiết bị đo ngoại tuyến; vắng khi chưa rõ",
            en="1 where the probe is offline; absent while unknown",
        )
    ),
    "probe.outdated_flag": Own(
        Text(vi="1 khi phần mềm thiết bị đo cũ hơn của máy chủ", en="1 where the agent is older than the collector")
    ),
    "probe.clock_synchronised_flag": Own(
        Text(vi="1 khi đồng hồ thiết bị đo đã đồng bộ", en="1 where the probe's clock is synchronised")
    ),
    "probe.uptime_s": Own(Text(vi="thời gian chương trình đo đã chạy", en="how long the agent has run")),
    "probe.last_seq_count": Own(Text(vi="số thứ tự phép đo mới nhất", en="the newest measurement's sequence")),
    "probe.spool_rows_count": Own(
        Text(vi="số phép đo chờ máy chủ xác nhận", en="measurements that wait for the acknowledge")
    ),
    "probe.spool_dropped_count": Own(
        Text(vi="số phép đo bị bỏ vì hàng đợi đầy", en="measurements that a full spool dropped")
    ),
    "probe.spool_refused_count": Own(
        Text(vi="số phép đo bị máy chủ cách ly", en="measurements that the collector put into quarantine")
    ),
    "probe.disk_free_ratio": Own(
        Text(vi="phần đĩa còn trống của thiết bị đo", en="share of the probe's disk that is free")
    ),
    "probe.spool_in_memory_flag": Own(
        Text(
            vi="1 khi đĩa không ghi được, số liệu chỉ còn trong bộ nhớ",
            en="1 where the disk refuses: the spool is in memory",
        )
    ),
    "probe.spool_damaged_flag": Own(Text(vi="1 khi hàng đợi có dòng hỏng", en="1 where the spool had damaged rows")),
    "probe.forwarding_on_flag": Own(
        Text(vi="1 khi thiết bị nối hai mạng đang chuyển tiếp gói", en="1 where a dual-homed probe forwards packets")
    ),
    "probe.on_battery_flag": Own(Text(vi="1 khi thiết bị chạy bằng UPS", en="1 where the probe runs on its battery")),
}

OF_COLLECTOR: Final[Mapping[str, Own]] = {
    "collector.broker_down_flag": Own(
        Text(vi="1 khi hệ thống thu thập mất kết nối tới máy chủ MQTT", en="1 where the collector has lost the broker")
    ),
    "collector.silence_s": Own(
        Text(vi="thời gian kể từ phép đo nhận được gần nhất", en="time since the latest measurement arrived")
    ),
    "collector.silence_flag": Own(
        Text(
            vi="1 khi hoàn toàn không nhận được tin nào lâu hơn hẳn mức thường, dù các thiết bị đo đang trực tuyến",
            en="1 where nothing at all is heard for far longer than usual though probes are online",
        )
    ),
    "collector.sink_stuck_flag": Own(
        Text(vi="1 khi một kho số liệu không nhận dữ liệu", en="1 where a sink takes nothing")
    ),
    "collector.quarantine_count": Own(
        Text(vi="số thông điệp cách ly chưa xử lý", en="messages in quarantine that wait for somebody")
    ),
    "collector.disk_free_ratio": Own(
        Text(vi="phần đĩa còn trống nơi giữ sổ cái", en="share of the ledger's disk that is free")
    ),
}

OWN: Final[Mapping[Kind, Mapping[str, Own]]] = {
    Kind.LINK: OF_LINK,
    Kind.NODE: OF_NODE,
    Kind.PROBE: OF_PROBE,
    Kind.COLLECTOR: OF_COLLECTOR,
}
