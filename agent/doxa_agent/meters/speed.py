"""Speed over TCP and HTTP (LibreSpeed's protocol): download, upload counted at the receiver, HTTP ping.

What the numbers mean and do not mean: docs/measuring.md. Method: throughput.md §2–3, methods.md §2.
"""

from collections.abc import Mapping
from typing import Final

from doxa_agent.meter import Reading, Request
from doxa_agent.speed.engine import measure_far_end
from doxa_agent.speed.options import Options, read_options, seconds
from doxa_core.language import Text

__all__ = ["HEAVY", "METHOD", "TITLE", "VALUES", "Options", "measure", "read_options", "seconds"]

METHOD: Final = "speed/2"
TITLE: Final = Text(vi="Tốc độ tải xuống và tải lên (HTTP)", en="Download and upload speed (HTTP)")
HEAVY: Final = True

_DIRECTIONS: Final = {
    "download": Text(vi="tải xuống", en="download"),
    "upload": Text(vi="tải lên, đếm tại bên nhận", en="upload, counted at the receiver"),
}
_OF_DIRECTION: Final = {
    "mbps": Text(
        vi="{direction}: tốc độ ổn định của đường truyền, lớp tải trọng TCP; vắng khi TCP không ổn định",
        en="{direction}: steady rate that the line carries, TCP payload layer; absent where TCP never got stable",
    ),
    "ip_mbps": Text(
        vi="{direction}: tốc độ ổn định tính ở lớp IP theo MSS quan sát được",
        en="{direction}: steady rate at the IP layer, computed with the observed MSS",
    ),
    "wire_mbps": Text(
        vi="{direction}: tốc độ ổn định trên dây Ethernet (kể cả preamble và khoảng trống)",
        en="{direction}: steady rate on the Ethernet wire (with preamble and gap), computed",
    ),
    "mean_mbps": Text(
        vi="{direction}: trung bình cả lần truyền, kể cả khởi động chậm (cách tính của QCVN), lớp tải trọng TCP",
        en="{direction}: mean of the whole transfer with slow start (QCVN's way), TCP payload layer",
    ),
    "target_met_flag": Text(
        vi="{direction}: 1 nếu đường truyền đạt target_mbps (lớp target_layer), 0 nếu không; vắng khi chưa kết luận được",
        en="{direction}: 1 where the line carries target_mbps (at target_layer), 0 where not; absent while undecided",
    ),
    "lower_mbps": Text(
        vi="{direction}: cận dưới của tốc độ trung bình ở lớp target_layer (mặc định IP), chỉ khi có target_mbps",
        en="{direction}: lower bound of the mean rate at target_layer (IP by default), only with target_mbps",
    ),
    "upper_mbps": Text(
        vi="{direction}: cận trên của tốc độ trung bình ở lớp target_layer (mặc định IP), chỉ khi có target_mbps",
        en="{direction}: upper bound of the mean rate at target_layer (IP by default), only with target_mbps",
    ),
    "burst_mbps": Text(
        vi="{direction}: tốc độ lúc đầu khi bộ giới hạn còn tín dụng bùng phát, lớp tải trọng TCP (phép đo dài)",
        en="{direction}: rate at first, while a shaper had burst credit, TCP payload layer (long run)",
    ),
    "sustained_mbps": Text(
        vi="{direction}: tốc độ duy trì sau khi hết tín dụng bùng phát, lớp tải trọng TCP (phép đo dài)",
        en="{direction}: rate sustained after the burst credit was used, TCP payload layer (long run)",
    ),
    "loaded_rtt_p95_ms": Text(
        vi="{direction}: p95 của RTT (yêu cầu HTTP nhỏ) khi chiều này đầy tải",
        en="{direction}: p95 of the round trip (small HTTP requests) while this direction is loaded",
    ),
    "rpm": Text(
        vi="{direction}: số vòng đi về mỗi phút khi đầy tải (60000 / p95)",
        en="{direction}: round trips a minute under load (60000 / p95)",
    ),
    "bytes": Text(vi="{direction}: số byte tải trọng TCP", en="{direction}: octets of TCP payload"),
    "duration_s": Text(vi="{direction}: thời gian truyền", en="{direction}: time of the transfer"),
}
VALUES: Final[Mapping[str, Text]] = {
    **{
        f"{name}_{suffix}": text.fill(direction=direction)
        for name, direction in _DIRECTIONS.items()
        for suffix, text in _OF_DIRECTION.items()
    },
    "idle_rtt_p50_ms": Text(
        vi="trung vị RTT (yêu cầu HTTP nhỏ) khi đường truyền rảnh",
        en="median round trip (small HTTP requests) while the line is idle",
    ),
    "http_ping_min_ms": Text(vi="ping HTTP nhỏ nhất", en="smallest HTTP ping"),
    "http_ping_median_ms": Text(vi="ping HTTP trung vị", en="median HTTP ping"),
    "http_jitter_variance_ms2": Text(
        vi="phương sai (n−1) của ping HTTP: jitter theo cách của i-Speed",
        en="variance (n−1) of the HTTP ping: jitter in i-Speed's sense",
    ),
    "http_jitter_mean_abs_ms": Text(
        vi="trung bình |Δ| giữa các ping HTTP liên tiếp", en="mean |Δ| of successive HTTP pings"
    ),
    "http_jitter_rfc3550_ms": Text(
        vi="jitter làm trơn theo RFC 3550 trên ping HTTP", en="jitter smoothed as RFC 3550 does, over the HTTP pings"
    ),
    "tcp_min_rtt_ms": Text(vi="RTT nhỏ nhất mà TCP thấy", en="smallest round trip that TCP saw"),
    "loaded_rtt_p95_ms": Text(
        vi="p95 của RTT (yêu cầu HTTP nhỏ) khi đường truyền đầy tải",
        en="p95 of the round trip (small HTTP requests) while the line is loaded",
    ),
    "retransmits_count": Text(vi="số đoạn TCP phát lại khi tải lên", en="TCP segments sent again during the upload"),
    "cpu_ratio": Text(
        vi="phần của một lõi CPU mà phép đo dùng khi truyền", en="share of one CPU core that the test used in transfers"
    ),
    "streams_count": Text(vi="số luồng TCP song song", en="parallel TCP streams"),
}


def measure(request: Request[Options]) -> list[Reading]:
    """One reading a far end, one after the other: two tests at a time would measure each other."""
    return [measure_far_end(request, far_end) for far_end in request.far_ends]
