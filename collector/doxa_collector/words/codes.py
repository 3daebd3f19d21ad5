"""Words for what machines say: value names, outcomes, reasons, findings, link states, layers, quarantine codes.

A code that is not here is shown as it stands: an agent may be newer than this collector.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from doxa_collector.alerts.catalogue import declared_values
from doxa_collector.words import network
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

_DIRECTIONS: Final[Mapping[str, Text]] = {
    "download": Text(vi="Tải xuống", en="Download"),
    "upload": Text(vi="Tải lên", en="Upload"),
}
_OF_DIRECTION: Final[Mapping[str, Text]] = {
    "udp_mbps": Text(vi="{direction}, tải trọng UDP", en="{direction}, UDP payload"),
    "mean_ip_mbps": Text(
        vi="{direction}, trung bình cả phép đo, tầng IP", en="{direction}, mean of the test, IP layer"
    ),
    "sent_mbps": Text(vi="{direction}, tốc độ gửi thực", en="{direction}, rate really sent"),
    "sustained_mbps": Text(vi="{direction}, duy trì lâu dài", en="{direction}, sustained"),
    "burst_mbps": Text(vi="{direction}, lúc đầu (tín dụng bùng phát)", en="{direction}, at first (burst credit)"),
    "target_met_flag": Text(vi="{direction}, đạt mục tiêu của phép đo", en="{direction}, the test's target met"),
    "lower_mbps": Text(vi="{direction}, cận dưới", en="{direction}, lower bound"),
    "upper_mbps": Text(vi="{direction}, cận trên", en="{direction}, upper bound"),
    "goodput_mbps": Text(vi="{direction}, tải trọng lúc đo phản hồi", en="{direction}, payload during the test"),
    "loss_ratio": Text(vi="{direction}, tỷ lệ mất gói", en="{direction}, packet loss"),
    "reordered_ratio": Text(vi="{direction}, tỷ lệ gói sai thứ tự", en="{direction}, reordered"),
    "duplicate_ratio": Text(vi="{direction}, tỷ lệ gói lặp", en="{direction}, duplicated"),
    "delay_variation_max_ms": Text(vi="{direction}, biến động trễ lớn nhất", en="{direction}, largest delay variation"),
    "loaded_rtt_p95_ms": Text(vi="{direction}, độ trễ khi tải đầy, p95", en="{direction}, loaded latency, p95"),
    "rpm": Text(vi="{direction}, vòng/phút khi tải đầy (60000/p95)", en="{direction}, round trips a minute under load"),
    "responsiveness_rpm": Text(vi="{direction}, độ phản hồi (RPM)", en="{direction}, responsiveness (RPM)"),
    "foreign_rpm": Text(
        vi="{direction}, độ phản hồi của kết nối mới", en="{direction}, responsiveness, new connections"
    ),
    "loaded_rpm": Text(
        vi="{direction}, độ phản hồi trên kết nối đang tải", en="{direction}, responsiveness, loaded ones"
    ),
}
_WAYS: Final[Mapping[str, Text]] = {
    "forward": Text(vi="Chiều đi", en="Forward"),
    "backward": Text(vi="Chiều về", en="Backward"),
}
_OF_WAY: Final[Mapping[str, Text]] = {
    "loss_ratio": Text(vi="{way}, tỷ lệ mất gói", en="{way}, packet loss"),
    "lost_count": Text(vi="{way}, gói mất", en="{way}, packets lost"),
    "reordered_count": Text(vi="{way}, gói sai thứ tự", en="{way}, reordered"),
    "jitter_rfc3550_ms": Text(vi="{way}, biến động trễ (RFC 3550)", en="{way}, jitter (RFC 3550)"),
    "delay_min_ms": Text(vi="{way}, độ trễ một chiều nhỏ nhất", en="{way}, one-way delay, minimum"),
    "delay_p50_ms": Text(vi="{way}, độ trễ một chiều trung vị", en="{way}, one-way delay, median"),
    "delay_p95_ms": Text(vi="{way}, độ trễ một chiều p95", en="{way}, one-way delay, p95"),
}

_VALUES: Final[Mapping[str, Text]] = {
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
    "pdv_p50_ms": Text(vi="Biến động trễ trung vị (RFC 5481)", en="Delay variation, median (RFC 5481)"),
    "pdv_p99_ms": Text(vi="Biến động trễ p99 (RFC 5481)", en="Delay variation p99 (RFC 5481)"),
    "jitter_mean_abs_ms": Text(vi="Biến động trễ (trung bình |Δ|)", en="Jitter (mean |Δ|)"),
    "rtt_variance_ms2": Text(vi="Jitter kiểu i-Speed (phương sai)", en="Jitter as i-Speed has it (variance)"),
    "loss_burst_count": Text(vi="Số đợt mất gói", en="Bursts of loss"),
    "loss_burst_max_count": Text(vi="Đợt mất gói dài nhất", en="Longest burst of loss"),
    "loss_burst_mean_s": Text(vi="Đợt mất gói, trung bình", en="Burst of loss, mean"),
    "loss_gap_mean_s": Text(vi="Khoảng giữa các đợt mất gói", en="Gap between bursts of loss"),
    "duplicate_count": Text(vi="Trả lời lặp", en="Duplicates"),
    "reordered_count": Text(vi="Trả lời sai thứ tự", en="Reordered"),
    "late_count": Text(vi="Trả lời quá muộn", en="Late"),
    "loaded_sent_count": Text(vi="Gói gửi khi tải đầy", en="Sent under load"),
    "loaded_received_count": Text(vi="Gói nhận khi tải đầy", en="Received under load"),
    "loaded_loss_ratio": Text(vi="Tỷ lệ mất gói khi tải đầy", en="Packet loss under load"),
    "loaded_rtt_p50_ms": Text(vi="Độ trễ khi tải đầy, trung vị", en="Loaded latency, median"),
    "idle_rtt_p50_ms": Text(vi="Độ trễ khi rảnh, trung vị", en="Idle latency, median"),
    "idle_rpm": Text(vi="Độ phản hồi khi rảnh", en="Responsiveness, idle"),
    **{
        f"{name}_{suffix}": text.fill(direction=direction)
        for name, direction in _DIRECTIONS.items()
        for suffix, text in {**_OF_DIRECTION, **network.OF_DIRECTION}.items()
    },
    **{f"{name}_{suffix}": text.fill(way=way) for name, way in _WAYS.items() for suffix, text in _OF_WAY.items()},
    "unattributed_lost_count": Text(vi="Gói mất không rõ chiều", en="Lost, direction unknown"),
    "reflector_residence_p50_ms": Text(vi="Gói nằm tại đầu xa, trung vị", en="Held by the far end, median"),
    "reflector_residence_max_ms": Text(vi="Gói nằm tại đầu xa, lớn nhất", en="Held by the far end, longest"),
    "clock_bound_ms": Text(vi="Sai số đồng hồ của trễ một chiều", en="Clock bound of the one-way delay"),
}

VALUES: Final[Mapping[str, Text]] = {**declared_values(), **network.VALUES, **_VALUES}
"""Every value that any meter declares has words: its own short ones, else those of its declaration."""


def in_order(names: Iterable[str]) -> list[str]:
    """Value names as a reader wants them: the telling ones first, as they stand above, then the unknown ones by name."""
    places = {name: place for place, name in enumerate([*_VALUES, *network.VALUES])}
    return sorted(names, key=lambda name: (places.get(name, len(places)), name))


METERS: Final[Mapping[str, Text]] = {
    "latency": Text(vi="độ trễ", en="latency"),
    "speed": Text(vi="tốc độ", en="speed"),
    "capacity": Text(vi="dung lượng", en="capacity"),
    "stamp": Text(vi="trễ và mất gói từng chiều", en="STAMP"),
    "responsiveness": Text(vi="độ phản hồi", en="responsiveness"),
    "ookla": Text(vi="Ookla", en="Ookla"),
    **network.METERS,
}

_CODES: Final[Mapping[str, Text]] = {
    "no_reply": Text(vi="không có gói nào trả lời", en="no packet was answered"),
    "no_route": Text(vi="không có đường đi tới đầu xa", en="no route to the far end"),
    "net_unreachable": Text(vi="mạng của đầu xa không tới được", en="the far end's network is unreachable"),
    "host_unreachable": Text(vi="đầu xa không tới được", en="the far end is unreachable"),
    "port_unreachable": Text(vi="cổng dịch vụ của đầu xa không tới được", en="the far end's port is unreachable"),
    "protocol_unreachable": Text(vi="đầu xa không nhận giao thức này", en="the far end does not speak this protocol"),
    "prohibited": Text(vi="bị thiết bị trên đường chặn", en="something on the way forbids it"),
    "refused_locally": Text(vi="bị tường lửa của máy đo chặn", en="the probe's own firewall forbids it"),
    "blocked_here": Text(vi="bị tường lửa của máy đo chặn", en="the probe's own firewall forbids it"),
    "packet_too_big": Text(vi="gói lớn hơn đường truyền cho phép", en="the packet is larger than the way allows"),
    "queue_full": Text(vi="hàng đợi gửi của máy đo đầy", en="the probe's send queue was full"),
    "late_replies": Text(vi="trả lời đến quá muộn", en="the replies came too late"),
    "interface_absent": Text(vi="không thấy cổng mạng", en="the interface is absent"),
    "interface_down": Text(vi="cổng mạng đang tắt", en="the interface is down"),
    "no_carrier": Text(vi="cổng mạng không có tín hiệu (đứt cáp?)", en="no carrier on the port (cable out?)"),
    "no_address": Text(vi="cổng mạng chưa có địa chỉ IP", en="the interface has no address"),
    "no_address_in_family": Text(
        vi="tên đầu xa không có địa chỉ thuộc họ IP này", en="the far end has no address of this IP family"
    ),
    "family_unavailable": Text(vi="máy đo không bật họ IP này", en="the probe has this IP family switched off"),
    "name_not_found": Text(vi="không phân giải được tên đầu xa", en="the far end's name does not resolve"),
    "name_timeout": Text(vi="DNS không trả lời kịp", en="DNS did not answer in time"),
    "connect_refused": Text(vi="đầu xa từ chối kết nối", en="the far end refused the connection"),
    "connect_timeout": Text(vi="kết nối tới đầu xa quá thời hạn", en="connecting to the far end timed out"),
    "answer_timeout": Text(vi="đã kết nối nhưng đầu xa không trả lời", en="connected, but the far end did not answer"),
    "answer_too_short": Text(vi="đầu xa trả lời quá ngắn", en="the far end's answer was too short"),
    "http_status": Text(vi="đầu xa trả lời HTTP không đúng", en="the far end's HTTP answer is not as it should be"),
    "http_protocol": Text(vi="đầu xa không nói HTTP", en="the far end does not speak HTTP"),
    "broke_off": Text(vi="kết nối bị ngắt giữa chừng", en="the connection broke off"),
    "stalled": Text(vi="dữ liệu ngừng chảy giữa chừng", en="the transfer stalled"),
    "cpu_limited": Text(vi="CPU máy đo là giới hạn", en="the probe's CPU was the limit"),
    "nic_port_limit": Text(vi="cổng mạng máy đo là giới hạn", en="the probe's port was the limit"),
    "nic_fast_ethernet": Text(
        vi="cổng mạng máy đo chỉ 100 Mb/s, không bao giờ đạt 100 Mbps ở tầng ứng dụng",
        en="the probe's port is 100 Mb/s and can never carry 100 Mbps of payload",
    ),
    "nic_half_duplex": Text(vi="cổng mạng máy đo chạy bán song công", en="the probe's port runs half duplex"),
    "receive_queue_overflow": Text(vi="hàng đợi nhận của máy đo tràn", en="the probe's receive queue overflowed"),
    "busy": Text(vi="đường truyền đang bận nên hoãn đo", en="the line was busy"),
    "data_budget": Text(vi="đã hết hạn mức dữ liệu", en="the data budget is used up"),
    "no_slot": Text(vi="đầu xa chưa cấp lượt đo", en="the far end granted no slot"),
    "still_running": Text(vi="lần đo trước chưa xong", en="the previous run had not ended"),
    "cut_short": Text(vi="bị dừng trước khi xong", en="it was stopped before its end"),
    "deadline": Text(vi="quá thời hạn của phép đo", en="the run's deadline passed"),
    "bad_reading": Text(vi="chương trình đo cho kết quả không hợp lệ", en="the meter gave an invalid reading"),
    "no_reading": Text(vi="chương trình đo không cho kết quả", en="the meter gave no reading"),
    "lock_unusable": Text(
        vi="không dùng được khóa đo chung của máy", en="the machine's shared measuring lock cannot be used"
    ),
    "undeclared_value": Text(
        vi="phép đo cho giá trị không khai báo", en="the meter gave a value that it does not declare"
    ),
    "tcp_limited": Text(vi="TCP không lấp đầy được đường truyền (mất gói)", en="TCP could not fill the line (loss)"),
    "not_stable": Text(vi="tốc độ chưa ổn định trong lần đo", en="the rate did not become stable"),
    "rate_changed": Text(vi="tốc độ thay đổi trong lúc đo", en="the rate changed during the test"),
    "fewer_streams": Text(vi="ít luồng hơn dự kiến", en="fewer streams than intended"),
    "stream_lost": Text(vi="một luồng bị đứt", en="a stream was lost"),
    "in_order_clock": Text(
        vi="đếm theo byte đúng thứ tự (ít chính xác hơn)", en="counted by in-order bytes (less exact)"
    ),
    "counted_at_sender": Text(vi="tải lên được đếm ở máy gửi", en="upload was counted at the sender"),
    "sender_receiver_disagree": Text(
        vi="số đếm của máy gửi và máy nhận khác nhau", en="sender and receiver counted differently"
    ),
    "congestion_unavailable": Text(
        vi="không dùng được thuật toán chống nghẽn đã chọn", en="the chosen congestion control is not available"
    ),
    "http_ping_reconnected": Text(vi="ping HTTP phải kết nối lại", en="the HTTP ping had to reconnect"),
    "ping_failed": Text(vi="ping HTTP không thành", en="the HTTP ping failed"),
    "byte_audit": Text(
        vi="số byte không khớp bộ đếm của cổng mạng", en="the bytes disagree with the interface's counters"
    ),
    "not_icmp": Text(
        vi="đo bằng bắt tay TCP vì máy không cho phép ICMP",
        en="measured by TCP handshakes, because ICMP is not permitted",
    ),
    "rwnd_limited": Text(vi="cửa sổ nhận của TCP là giới hạn", en="TCP's receive window was the limit"),
    "sndbuf_limited": Text(vi="bộ đệm gửi của TCP là giới hạn", en="TCP's send buffer was the limit"),
    "download_failed": Text(vi="chiều tải xuống không đo được", en="the download failed"),
    "upload_failed": Text(vi="chiều tải lên không đo được", en="the upload failed"),
    "exception": Text(vi="lỗi của chính chương trình đo", en="a fault of the program itself"),
    "cpu_busy": Text(vi="máy đo đang bận nên hoãn đo", en="the probe was busy"),
    "cross_traffic": Text(vi="có lưu lượng khác trên cùng cổng mạng", en="other traffic on the same port"),
    "impossible_value": Text(vi="có trị số không thể đúng, đã loại bỏ", en="values that cannot be true were taken out"),
    "budget_frugal": Text(
        vi="sắp hết hạn mức dữ liệu nên đo dạng ngắn", en="data budget nearly used up: shortest form"
    ),
    "nic_below_target": Text(
        vi="cổng mạng máy đo chậm hơn mức cần chứng minh", en="the probe's port is too slow for the target"
    ),
    "frequency_capped": Text(vi="xung nhịp máy đo bị giới hạn", en="the probe's clock rate is capped"),
    "temperature_limited": Text(vi="máy đo quá nóng", en="the probe is too hot"),
    "under_voltage_since_boot": Text(vi="máy đo từng thiếu điện từ khi khởi động", en="low supply voltage since boot"),
    "frequency_capped_since_boot": Text(
        vi="xung nhịp từng bị giới hạn từ khi khởi động", en="clock rate capped since boot"
    ),
    "throttled_since_boot": Text(vi="máy đo từng bị hạ xung từ khi khởi động", en="throttled since boot"),
    "temperature_limited_since_boot": Text(vi="máy đo từng quá nóng từ khi khởi động", en="too hot since boot"),
    "proof_left_elsewhere": Text(vi="gói đi ra bằng cổng mạng khác", en="packets left by another port"),
    "proof_entered_elsewhere": Text(vi="gói trả lời đi vào bằng cổng mạng khác", en="answers came in by another port"),
    "during_heavy_test": Text(
        vi="trùng lúc đang đo tốc độ trên cùng đường truyền", en="while a speed test loaded the line"
    ),
    "far_end_busy": Text(vi="đầu xa đang bận, hẹn đo lại sau", en="the far end was busy and said when to come back"),
    "far_end_cpu": Text(vi="CPU của đầu xa là giới hạn", en="the far end's CPU was the limit"),
    "far_end_line": Text(vi="đường truyền của đầu xa là giới hạn", en="the far end's own line was the limit"),
    "far_end_crowded": Text(vi="đầu xa đang phục vụ nhiều phép đo khác", en="the far end served too many other tests"),
    "far_end_window": Text(vi="cửa sổ gửi của đầu xa là giới hạn", en="the far end's send window was the limit"),
    "far_end_nonsense": Text(vi="đầu xa trả lời số liệu vô lý", en="the far end's figures make no sense"),
    "report_impossible": Text(vi="số liệu đầu xa báo không thể đúng", en="the far end's report cannot be true"),
    "proxy_suspected": Text(vi="nghi có máy chủ trung gian trên đường", en="a proxy in the path is suspected"),
    "wrong_length": Text(
        vi="đầu xa gửi sai số byte đã hứa", en="the far end sent another number of bytes than promised"
    ),
    "burst_credit": Text(
        vi="nhanh lúc đầu rồi chậm lại (tín dụng bùng phát)", en="fast at first, then slower (burst credit)"
    ),
    "target_open": Text(vi="chưa đủ căn cứ để kết luận về mục tiêu", en="the target stayed undecided"),
    "too_short": Text(vi="lần truyền quá ngắn để kết luận", en="the transfer was too short"),
    "tls_certificate": Text(vi="chứng chỉ của đầu xa không hợp lệ", en="the far end's certificate is not valid"),
    "tls_failed": Text(vi="không thiết lập được kết nối mã hóa", en="the encrypted connection failed"),
    "tls_ca_file": Text(vi="không đọc được tệp chứng chỉ gốc", en="the CA file cannot be read"),
    "no_http2": Text(vi="đầu xa không nói HTTP/2", en="the far end does not speak HTTP/2"),
    "extra_missing": Text(vi="máy đo thiếu gói phần mềm cho phép đo này", en="the probe lacks this meter's package"),
    "loaded_by_tcp_estimate": Text(
        vi="độ trễ khi tải lấy theo ước lượng của TCP", en="loaded round trips are TCP's own estimate"
    ),
    "probes_lost": Text(vi="một số yêu cầu thăm dò bị mất", en="some probes were lost"),
    "activation_unanswered": Text(vi="đầu xa không xác nhận bắt đầu đo", en="the far end did not confirm the start"),
    "keys_unreadable": Text(vi="không đọc được tệp khóa dùng chung", en="the key file cannot be read"),
    "feedback_lost": Text(vi="mất phản hồi của đầu xa trong lúc đo", en="the far end's feedback was lost"),
    "feedback_forged": Text(vi="có gói phản hồi giả mạo, đã bỏ qua", en="forged feedback was ignored"),
    "feedback_repeated": Text(vi="có gói phản hồi lặp lại, đã bỏ qua", en="repeated feedback was ignored"),
    "sub_intervals_lost": Text(vi="thiếu số liệu của một số khoảng đo", en="figures of some sub-intervals are missing"),
    "traffic_gap": Text(vi="dòng gói đo bị ngắt quãng", en="the test's packets paused"),
    "fast_search_unknown": Text(
        vi="đầu xa không biết cách dò nhanh, dùng cách C", en="the far end knows no fast search: type C was used"
    ),
    "sender_limited": Text(vi="bên gửi không đạt tốc độ yêu cầu", en="the sender did not reach the asked rate"),
    "far_end_paced": Text(vi="đầu xa tự giới hạn tốc độ", en="the far end limits itself"),
    "far_end_plays_line": Text(
        vi="đầu xa đóng vai đường truyền (phòng thử nghiệm)", en="the far end plays a line (laboratory)"
    ),
    "far_end_sent_less": Text(vi="đầu xa gửi chậm hơn tốc độ đã định", en="the far end sent less than it should"),
    "far_end_asked_less": Text(vi="đầu xa yêu cầu tốc độ thấp hơn", en="the far end asked for less"),
    "far_end_rate_limit": Text(vi="đã tới tốc độ tối đa của đầu xa", en="the far end's highest rate was reached"),
    "far_end_slot_time": Text(vi="hết thời gian đầu xa cấp cho lượt đo", en="the slot's time was over"),
    "far_end_slot_volume": Text(vi="hết dung lượng đầu xa cấp cho lượt đo", en="the slot's volume was used up"),
    "far_end_slot_unused": Text(vi="lượt đo bị thu lại vì không dùng", en="the slot was unused for too long"),
    "far_end_slot_returned": Text(vi="lượt đo đã trả lại", en="the slot had been given back"),
    "far_end_auth_failed": Text(vi="đầu xa không chấp nhận khóa", en="the far end refused the key"),
    "far_end_auth_mode": Text(
        vi="đầu xa không dùng cách xác thực này", en="the far end does not use this authentication"
    ),
    "far_end_wants_keys": Text(vi="đầu xa đòi khóa dùng chung", en="the far end wants a shared key"),
    "far_end_knows_no_keys": Text(vi="đầu xa không có khóa nào", en="the far end has no keys"),
    "far_end_version": Text(
        vi="đầu xa dùng phiên bản giao thức khác", en="the far end speaks another protocol version"
    ),
    "far_end_refused": Text(vi="đầu xa từ chối phép đo", en="the far end refused the test"),
    "far_end_parameters": Text(vi="đầu xa không nhận thông số đo", en="the far end refused the parameters"),
    "far_end_connections": Text(vi="đầu xa hết kết nối", en="the far end has no connection free"),
    "far_end_mtu_mismatch": Text(vi="đầu xa đặt cỡ gói khác", en="the far end uses another packet size"),
    "far_end_jumbo_mismatch": Text(vi="đầu xa đặt gói jumbo khác", en="the far end differs in jumbo packets"),
    "clock_outside_window": Text(vi="đồng hồ hai đầu lệch quá 5 giây", en="the clocks differ by more than 5 s"),
    "bandwidth_required": Text(vi="đầu xa đòi nêu trước băng thông", en="the far end wants the bandwidth stated"),
    "machine_stalled": Text(vi="máy đo hoặc bên gửi bị khựng trong lúc đo", en="a machine stalled during the run"),
    "line_not_filled": Text(vi="chưa lấp đầy được đường truyền", en="the line was not filled"),
    "receive_buffer_drops": Text(vi="bộ đệm nhận của máy đo bị tràn", en="the probe's receive buffer overflowed"),
    "local_interface_limited": Text(vi="cổng mạng máy đo không gửi kịp", en="the probe's interface could not keep up"),
    "receive_window": Text(vi="cửa sổ nhận của máy đo là giới hạn", en="the probe's receive window was the limit"),
    "body_not_random": Text(
        vi="nội dung nhận không ngẫu nhiên (bộ đệm trung gian?)", en="the body is not random (a cache?)"
    ),
    "tcp_ends_nearer": Text(vi="TCP kết thúc gần hơn đầu xa", en="TCP ends nearer than the far end"),
    "clock_bound_violated": Text(
        vi="đồng hồ đầu xa sai hơn mức nó công bố", en="the far end's clock breaks its own bound"
    ),
    "far_clock_stepped": Text(vi="đồng hồ đầu xa vừa nhảy", en="the far end's clock stepped"),
    "timescale_unknown": Text(vi="không rõ thang thời gian của đầu xa", en="the far end's timescale is not known"),
    "reflector_stateless": Text(
        vi="đầu xa không đếm gói: không tách được hai chiều", en="the reflector does not count"
    ),
    "reflector_count_broken": Text(vi="đầu xa đếm lại từ đầu", en="the reflector began to count anew"),
    "key_unusable": Text(vi="không dùng được tệp khóa", en="the key file cannot be used"),
    "tls_certificate_name": Text(
        vi="chứng chỉ của đầu xa mang tên khác", en="the far end's certificate names another host"
    ),
    "tls_certificate_time": Text(vi="chứng chỉ của đầu xa hết hạn", en="the far end's certificate is out of date"),
    "tls_timeout": Text(vi="thiết lập mã hóa quá thời hạn", en="the encrypted connection timed out"),
    "memory_exhausted": Text(vi="phép đo dùng quá bộ nhớ cho phép", en="the run used more memory than it may"),
    "package_failed": Text(vi="gói phần mềm của phép đo bị lỗi", en="the meter's package failed"),
    "child_crashed": Text(vi="tiến trình đo bị hỏng", en="the measuring process crashed"),
    "reload_refused": Text(
        vi="cấu hình mới không hợp lệ, vẫn dùng bản trước",
        en="the new configuration is refused, the last good one stays",
    ),
    "hung_run": Text(vi="một phép đo bị treo", en="a run hangs"),
    "uplink_no_ack": Text(vi="bộ thu thập không xác nhận kết quả", en="the collector does not acknowledge"),
    "uplink_no_publish": Text(vi="broker không cho gửi kết quả", en="the broker refuses what the probe publishes"),
    "uplink_no_subscribe": Text(vi="broker không cho nghe xác nhận", en="the broker refuses the subscription"),
    "clock_unsynchronised": Text(vi="đồng hồ máy đo chưa đồng bộ", en="the probe's clock is not synchronised"),
    "clock_stepped": Text(vi="đồng hồ máy đo vừa nhảy", en="the probe's clock stepped"),
    "throttled": Text(vi="máy đo bị hạ xung (nóng hoặc thiếu điện)", en="the probe is throttled (heat or power)"),
    "under_voltage": Text(vi="máy đo thiếu điện", en="the probe's supply voltage is low"),
    "dual_homed": Text(vi="máy đo nối hai mạng (đã cho phép)", en="the probe is in two networks (allowed)"),
    "forwarding_on": Text(
        vi="máy đo đang chuyển tiếp gói giữa các mạng", en="the probe forwards packets between networks"
    ),
    "spool_in_memory": Text(vi="hàng đợi chỉ nằm trong bộ nhớ", en="the spool lives in memory only"),
    "spool_set_aside": Text(vi="hàng đợi hỏng đã được thay", en="a broken spool was set aside"),
    "spool_damaged": Text(vi="hàng đợi bị hỏng một phần", en="the spool is damaged in part"),
}

_OF_PORTAL: Final = (
    *network.OF_PORTAL,
    *("name_not_found", "connect_refused", "connect_timeout", "net_unreachable", "host_unreachable", "prohibited"),
    *("http_status", "http_protocol", "answer_timeout", "stalled", "broke_off", "tls_certificate", "tls_timeout"),
    *("tls_certificate_name", "tls_certificate_time", "tls_failed", "tls_ca_file"),
)
_PORTAL: Final = Text(vi="cổng thông tin: {what}", en="portal: {what}")

CODES: Final[Mapping[str, Text]] = {
    **network.CODES,
    **_CODES,
    **{
        f"portal_{code}": _PORTAL.fill(what=text)
        for code in _OF_PORTAL
        if (text := _CODES.get(code) or network.CODES.get(code)) is not None
    },
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
    "identity_mismatch": Text(vi="danh tính trong gói khác với chủ đề", en="the identity differs from the topic's"),
    "unknown_agent": Text(vi="máy đo chưa có trong danh mục", en="the probe is not in the registry"),
    "unknown_link": Text(vi="đường truyền chưa có trong danh mục", en="the link is not in the registry"),
    "internal_error": Text(vi="lỗi của chính bộ thu thập", en="the collector's own fault"),
    "conflict": Text(vi="cùng số thứ tự nhưng nội dung khác", en="the same number with other content"),
}

STATUS_REASONS: Final[Mapping[str, Text]] = {
    "running": Text(vi="đang chạy", en="running"),
    "stopped": Text(vi="đã dừng theo lệnh", en="stopped on request"),
    "lost": Text(vi="mất liên lạc đột ngột", en="contact was lost"),
}


def worded(table: Mapping[str, Text], code: str) -> Text:
    """The words for `code`, or the code itself where we do not know it."""
    return table.get(code) or Text(code, code)
