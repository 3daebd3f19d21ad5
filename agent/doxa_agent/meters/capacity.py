"""IP-layer capacity by UDP (RFC 9097) over UDPSTP (RFC 9946): both directions, with loss, delay variation and loaded RTT.

What the numbers mean: `…_ip_mbps` is the maximum over the sub-intervals of the rate at which IP packets arrived, headers
included; with the `fast` search it is what two successive windows agree on while more was sent than arrived and neither
this machine nor the sender stalled. Everything is counted at the receiver; for an upload the far end tells. What they do not mean: a UDP rate is not what one TCP
connection reaches, and loss during a search is made by the search itself. See docs/measuring.md.
"""

from collections.abc import Mapping
from typing import Final

from doxa_agent.meter import Reading, Request
from doxa_agent.udpstp.engine import measure_far_end
from doxa_agent.udpstp.options import Options, read_options, seconds
from doxa_core.language import Text

__all__ = ["HEAVY", "METHOD", "TITLE", "VALUES", "Options", "measure", "read_options", "seconds"]

METHOD: Final = "capacity/1"
TITLE: Final = Text(vi="Dung lượng lớp IP (UDP, RFC 9097)", en="IP-layer capacity (UDP, RFC 9097)")
HEAVY: Final = True

_DIRECTIONS: Final = {
    "download": Text(vi="tải xuống", en="download"),
    "upload": Text(vi="tải lên", en="upload"),
}
_OF_DIRECTION: Final = {
    "ip_mbps": Text(
        vi="{direction}: dung lượng lớp IP, lớn nhất trong các khoảng con (RFC 9097)",
        en="{direction}: capacity at the IP layer, the maximum over the sub-intervals (RFC 9097)",
    ),
    "udp_mbps": Text(
        vi="{direction}: dung lượng tính ở lớp tải trọng UDP", en="{direction}: that capacity as UDP payload"
    ),
    "wire_mbps": Text(
        vi="{direction}: dung lượng trên dây Ethernet (kể cả preamble và khoảng trống)",
        en="{direction}: that capacity on the Ethernet wire (with preamble and gap), computed",
    ),
    "mean_ip_mbps": Text(
        vi="{direction}: tốc độ nhận trung bình cả phép đo, lớp IP, kể cả lúc dò tốc độ",
        en="{direction}: mean received rate of the whole test at the IP layer, the search included",
    ),
    "sent_mbps": Text(
        vi="{direction}: tốc độ mà bên gửi thực sự đạt được, lớp IP",
        en="{direction}: rate that the sender really achieved, IP layer",
    ),
    "loss_ratio": Text(
        vi="{direction}: tỷ lệ gói mất; khi dò tốc độ thì do chính phép dò gây ra",
        en="{direction}: share of datagrams lost; in a search made by the search itself",
    ),
    "reordered_ratio": Text(
        vi="{direction}: tỷ lệ gói đến sai thứ tự", en="{direction}: share of datagrams out of order"
    ),
    "duplicate_ratio": Text(vi="{direction}: tỷ lệ gói bị lặp", en="{direction}: share of datagrams that came twice"),
    "delay_variation_max_ms": Text(
        vi="{direction}: biến thiên trễ một chiều lớn nhất so với trị nhỏ nhất",
        en="{direction}: largest one-way delay above the least of the test",
    ),
    "bytes": Text(vi="{direction}: số byte tải trọng UDP nhận được", en="{direction}: octets of UDP payload received"),
    "duration_s": Text(vi="{direction}: thời gian truyền", en="{direction}: time of the transfer"),
    "loaded_rtt_p95_ms": Text(
        vi="{direction}: bách phân vị 95 của trễ khứ hồi khi đường truyền đầy tải",
        en="{direction}: 95th percentile of the round trip while the line is loaded",
    ),
    "rpm": Text(
        vi="{direction}: số vòng khứ hồi mỗi phút khi đầy tải (60000 / p95)",
        en="{direction}: round trips a minute under load (60000 / p95)",
    ),
}
VALUES: Final[Mapping[str, Text]] = {
    **{
        f"{name}_{suffix}": text.fill(direction=direction)
        for name, direction in _DIRECTIONS.items()
        for suffix, text in _OF_DIRECTION.items()
    },
    "idle_rtt_p50_ms": Text(
        vi="trung vị trễ khứ hồi của các yêu cầu trước khi có tải",
        en="median round trip of the requests before any load",
    ),
    "cpu_ratio": Text(
        vi="phần của một lõi CPU mà phép đo dùng khi truyền", en="share of one CPU core that the test used in transfers"
    ),
}


def measure(request: Request[Options]) -> list[Reading]:
    """One reading a far end, one after the other: two tests at a time would measure each other."""
    return [measure_far_end(request, far_end) for far_end in request.far_ends]
