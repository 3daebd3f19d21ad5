"""Words for what machines say: value names, outcomes, reasons, findings, link states, layers, quarantine codes.

A code that is not here is shown as it stands: an agent may be newer than this collector.
"""

from collections.abc import Mapping
from typing import Final

from doxa_core.language import Text
from doxa_core.layers import Layer
from doxa_core.outcome import Outcome

OUTCOMES: Final[Mapping[str, Text]] = {
    Outcome.OK: Text(vi="đo được", en="measured"),
    Outcome.FAILED: Text(vi="không đo được", en="failed"),
    Outcome.SKIPPED: Text(vi="bỏ qua", en="skipped"),
    Outcome.PROBE_LIMITED: Text(vi="thiết bị đo giới hạn", en="probe limited"),
    Outcome.ERROR: Text(vi="lỗi chương trình đo", en="probe's own error"),
}

LAYERS: Final[Mapping[str, Text]] = {
    Layer.PAYLOAD: Text(vi="tầng ứng dụng", en="payload layer"),
    Layer.IP: Text(vi="tầng IP", en="IP layer"),
    Layer.FRAME: Text(vi="tầng khung", en="frame layer"),
    Layer.WIRE: Text(vi="trên dây", en="on the wire"),
}

VALUES: Final[Mapping[str, Text]] = {
    "download_mbps": Text(vi="Tải xuống", en="Download"),
    "upload_mbps": Text(vi="Tải lên", en="Upload"),
    "download_ip_mbps": Text(vi="Tải xuống, tầng IP", en="Download, IP layer"),
    "upload_ip_mbps": Text(vi="Tải lên, tầng IP", en="Upload, IP layer"),
    "download_wire_mbps": Text(vi="Tải xuống, trên dây", en="Download, wire layer"),
    "upload_wire_mbps": Text(vi="Tải lên, trên dây", en="Upload, wire layer"),
    "download_mean_mbps": Text(vi="Tải xuống, cả phiên", en="Download, whole transfer"),
    "upload_mean_mbps": Text(vi="Tải lên, cả phiên", en="Upload, whole transfer"),
    "download_bytes": Text(vi="Dữ liệu tải xuống", en="Downloaded"),
    "upload_bytes": Text(vi="Dữ liệu tải lên", en="Uploaded"),
    "download_duration_s": Text(vi="Thời gian tải xuống", en="Download duration"),
    "upload_duration_s": Text(vi="Thời gian tải lên", en="Upload duration"),
    "http_ping_min_ms": Text(vi="Ping HTTP nhỏ nhất", en="HTTP ping, minimum"),
    "http_ping_median_ms": Text(vi="Ping HTTP trung vị", en="HTTP ping, median"),
    "http_jitter_variance_ms2": Text(vi="Jitter HTTP (phương sai)", en="HTTP jitter (variance)"),
    "http_jitter_mean_abs_ms": Text(vi="Jitter HTTP (trung bình |Δ|)", en="HTTP jitter (mean |Δ|)"),
    "http_jitter_rfc3550_ms": Text(vi="Jitter HTTP (RFC 3550)", en="HTTP jitter (RFC 3550)"),
    "tcp_min_rtt_ms": Text(vi="RTT nhỏ nhất của TCP", en="TCP minimum RTT"),
    "retransmits_count": Text(vi="Số gói TCP gửi lại", en="TCP retransmissions"),
    "cpu_ratio": Text(vi="CPU máy đo", en="Probe CPU"),
    "streams_count": Text(vi="Số luồng", en="Streams"),
    "loaded_rtt_p95_ms": Text(vi="Độ trễ khi tải đầy, p95", en="Loaded latency, p95"),
    "sent_count": Text(vi="Gói gửi", en="Packets sent"),
    "received_count": Text(vi="Gói nhận", en="Packets received"),
    "loss_ratio": Text(vi="Tỷ lệ mất gói", en="Packet loss"),
    "rtt_min_ms": Text(vi="Độ trễ nhỏ nhất", en="Latency, minimum"),
    "rtt_mean_ms": Text(vi="Độ trễ trung bình", en="Latency, mean"),
    "rtt_p50_ms": Text(vi="Độ trễ trung vị", en="Latency, median"),
    "rtt_p95_ms": Text(vi="Độ trễ p95", en="Latency, p95"),
    "rtt_p99_ms": Text(vi="Độ trễ p99", en="Latency, p99"),
    "rtt_max_ms": Text(vi="Độ trễ lớn nhất", en="Latency, maximum"),
    "jitter_rfc3550_ms": Text(vi="Biến động trễ (RFC 3550)", en="Jitter (RFC 3550)"),
    "pdv_p95_ms": Text(vi="Biến động trễ p95 (RFC 5481)", en="Delay variation p95 (RFC 5481)"),
}

METERS: Final[Mapping[str, Text]] = {
    "latency": Text(vi="độ trễ", en="latency"),
    "speed": Text(vi="tốc độ", en="speed"),
    "capacity": Text(vi="dung lượng", en="capacity"),
    "ipv6": Text(vi="IPv6", en="IPv6"),
    "path": Text(vi="đường đi", en="path"),
    "dns": Text(vi="tên miền", en="DNS"),
    "web": Text(vi="trang web", en="web"),
}

CODES: Final[Mapping[str, Text]] = {
    "no_reply": Text(vi="không có gói nào trả lời", en="no packet was answered"),
    "no_route": Text(vi="không có đường đi tới đầu xa", en="no route to the far end"),
    "refused": Text(vi="đầu xa từ chối kết nối", en="the far end refused the connection"),
    "connection_refused": Text(vi="đầu xa từ chối kết nối", en="the far end refused the connection"),
    "connect_failed": Text(vi="không kết nối được tới đầu xa", en="the far end could not be connected"),
    "connect_timeout": Text(vi="kết nối tới đầu xa quá thời hạn", en="connecting to the far end timed out"),
    "connection_lost": Text(vi="kết nối bị ngắt giữa chừng", en="the connection broke off"),
    "unreachable": Text(vi="không tới được đầu xa", en="the far end is unreachable"),
    "network_unreachable": Text(vi="mạng không tới được", en="the network is unreachable"),
    "host_unreachable": Text(vi="đầu xa không tới được", en="the far end is unreachable"),
    "timeout": Text(vi="quá thời hạn", en="timed out"),
    "deadline": Text(vi="quá thời hạn của phép đo", en="the run's deadline passed"),
    "interface_absent": Text(vi="không thấy cổng mạng", en="the interface is absent"),
    "interface_down": Text(vi="cổng mạng đang tắt", en="the interface is down"),
    "no_carrier": Text(vi="cổng mạng không có tín hiệu (đứt cáp?)", en="no carrier on the port (cable out?)"),
    "no_address": Text(vi="cổng mạng chưa có địa chỉ IP", en="the interface has no address"),
    "no_address_in_family": Text(vi="không có địa chỉ thuộc họ IP này", en="no address of this IP family"),
    "name_not_found": Text(vi="không phân giải được tên đầu xa", en="the far end's name does not resolve"),
    "name_timeout": Text(vi="DNS không trả lời", en="DNS does not answer"),
    "http_error": Text(vi="đầu xa trả lỗi HTTP", en="the far end answered with an HTTP error"),
    "wrong_path": Text(vi="gói tin đi sai đường truyền", en="packets took another line"),
    "busy": Text(vi="đường truyền đang bận nên hoãn đo", en="the line was busy"),
    "cross_traffic": Text(vi="đường truyền đang có lưu lượng khác", en="other traffic on the line"),
    "data_budget": Text(vi="đã hết hạn mức dữ liệu", en="the data budget is used up"),
    "no_slot": Text(vi="đầu xa chưa cấp lượt đo", en="the far end granted no slot"),
    "cpu_limited": Text(vi="CPU máy đo là giới hạn", en="the probe's CPU was the limit"),
    "cpu_busy": Text(vi="CPU máy đo đang bận", en="the probe's CPU was busy"),
    "nic_limited": Text(vi="cổng mạng máy đo là giới hạn", en="the probe's port was the limit"),
    "nic_fast_ethernet": Text(
        vi="cổng mạng máy đo chỉ 100 Mb/s, không bao giờ đạt 100 Mbps tải trọng",
        en="the probe's port is 100 Mb/s and can never carry 100 Mbps of payload",
    ),
    "half_duplex": Text(vi="cổng mạng đang ở bán song công", en="the port runs half duplex"),
    "nic_half_duplex": Text(vi="cổng mạng đang ở bán song công", en="the port runs half duplex"),
    "far_end_limited": Text(vi="đầu xa là giới hạn", en="the far end was the limit"),
    "tcp_limited": Text(vi="TCP không lấp đầy được đường truyền (mất gói)", en="TCP could not fill the line (loss)"),
    "not_stable": Text(vi="tốc độ chưa ổn định", en="the rate did not become stable"),
    "clock_unsynchronised": Text(vi="đồng hồ máy đo chưa đồng bộ", en="the probe's clock is not synchronised"),
    "throttled": Text(vi="máy đo bị hạ xung (nóng hoặc thiếu điện)", en="the probe is throttled (heat or power)"),
    "under_voltage": Text(vi="máy đo thiếu điện", en="the probe's supply voltage is low"),
    "byte_audit": Text(
        vi="số byte không khớp bộ đếm của cổng mạng", en="the bytes disagree with the interface's counters"
    ),
}

QUARANTINE: Final[Mapping[str, Text]] = {
    "too_big": Text(vi="gói quá lớn", en="too big"),
    "not_utf8": Text(vi="không phải UTF-8", en="not UTF-8"),
    "not_json": Text(vi="không phải JSON", en="not JSON"),
    "not_a_number": Text(vi="giá trị không phải số hữu hạn", en="a value is not a finite number"),
    "repeated_key": Text(vi="khóa lặp lại", en="a key stands twice"),
    "missing_field": Text(vi="thiếu trường bắt buộc", en="a required field is missing"),
    "bad_field": Text(vi="trường không hợp lệ", en="a field is not valid"),
    "bad_identifier": Text(vi="tên định danh không hợp lệ", en="an identifier is not valid"),
    "bad_value_name": Text(vi="tên giá trị không có đơn vị", en="a value's name has no unit"),
    "bad_outcome": Text(vi="kết quả đo không hợp lệ", en="an outcome is not valid"),
    "bad_time": Text(vi="thời điểm không hợp lệ", en="a time is not valid"),
    "bad_topic": Text(vi="chủ đề MQTT không hợp lệ", en="the topic is not valid"),
    "old_schema": Text(vi="lược đồ quá cũ", en="the schema is too old"),
    "empty": Text(vi="gói rỗng", en="empty"),
    "wrong_identity": Text(
        vi="danh tính trong gói khác với chủ đề", en="the identity in the payload differs from the topic"
    ),
    "unknown_agent": Text(vi="máy đo chưa có trong danh mục", en="the probe is not in the registry"),
    "unknown_link": Text(vi="đường truyền chưa có trong danh mục", en="the link is not in the registry"),
}

STATUS_REASONS: Final[Mapping[str, Text]] = {
    "running": Text(vi="đang chạy", en="running"),
    "stopped": Text(vi="đã dừng theo lệnh", en="stopped on request"),
    "lost": Text(vi="mất liên lạc đột ngột", en="contact was lost"),
}


def worded(table: Mapping[str, Text], code: str) -> Text:
    """The words for `code`, or the code itself where we do not know it."""
    return table.get(code) or Text(code, code)
