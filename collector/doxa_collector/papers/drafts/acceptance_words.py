"""The reasons of an acceptance in words. The agent has its own list; a test holds the two together.

The codes of meters and guards have their words with whoever makes the record; a code without words is named as a code.
"""

from collections.abc import Mapping
from typing import Final

REASONS: Final = {
    "rate_below_contract": "tốc độ nhận được thấp hơn mức hợp đồng (đã trừ dung sai)",
    "loss_above_target": "tỷ lệ mất gói vượt ngưỡng",
    "rtt_above_target": "độ trễ vượt ngưỡng khi có tải",
    "base_rtt_above_target": "độ trễ khi rảnh vượt ngưỡng",
    "delay_variation_above_target": "biến động trễ vượt ngưỡng",
    "mtu_below_target": "MTU của đường truyền nhỏ hơn yêu cầu",
    "port_too_slow": "cổng mạng của thiết bị đo chậm hơn mức cần để chứng minh tốc độ hợp đồng",
    "port_half_duplex": "cổng mạng của thiết bị đo chạy bán song công",
    "sender_short": "bên gửi không phát đủ tốc độ yêu cầu (dưới 98 %)",
    "limit_unnamed": "thiết bị đo hoặc đầu xa là giới hạn, không rõ lý do",
    "not_measured": "bước này không đo được",
    "attempts_disagree": "các lần đo của bước này cho kết quả khác nhau",
    "not_reached": "chưa đo đến bước này",
    "cut_short": "phép đo bị ngắt giữa chừng",
    "loss_unknown": "không biết tỷ lệ mất gói",
    "rtt_unknown": "không đo được độ trễ",
    "delay_variation_unknown": "không đo được biến động trễ",
    "mtu_unknown": "không đo được MTU",
    "sent_rate_unknown": "không biết tốc độ phát",
    "impossible_rate": "số nhận lớn hơn số phát: lỗi của phép đo, không dùng được",
    "other_traffic": "có lưu lượng khác trên đường truyền trong lúc đo",
    "guard_refused": "điều kiện đo không cho phép",
    "link_unusable": "đường truyền của thiết bị đo chưa dùng được",
    "far_end_unresolved": "không tra được địa chỉ đầu xa",
    "line_busy": "một phép đo nặng khác đang chạy",
    "lock_unusable": "không dùng được tệp khóa của thiết bị",
    "meter_unusable": "không dùng được phép đo này",
    "exception": "lỗi của chính chương trình",
    "no_reading": "phép đo không cho kết quả",
    "interrupted": "người dùng dừng giữa chừng",
    "full_rate_step_within_tolerance": "ở bước gần 100 %, mất gói do chính dung sai tốc độ; độ trễ không xét",
    "mtu_black_hole": "gói lớn hơn MTU mất lặng lẽ (lỗ đen MTU): kết nối có thể treo",
    "mtu_upper_bound": "MTU chỉ là cận trên theo MSS của TCP",
    "mtu_not_measured": "không đo được MTU",
    "base_rtt_not_measured": "không đo được độ trễ khi rảnh",
    "tcp_not_measured": "không có số liệu TCP (RFC 6349)",
    "tcp_short": "lần truyền TCP ngắn hơn 30 giây mà RFC 6349 khuyến nghị",
    "window_small": "cửa sổ TCP nhỏ hơn tích băng thông–độ trễ: TCP không lấp đầy được đường truyền",
    "step_repeated": "bước này được đo lại",
    "measured_limited": "thiết bị đo có giới hạn nhưng vẫn đủ để chứng minh bước này",
}


PARTS: Final = {
    "preconditions": "điều kiện đo",
    "port": "cổng mạng của thiết bị đo",
    "path_mtu": "MTU của đường truyền",
    "base_rtt": "độ trễ khi rảnh",
    "run": "lần đo",
}
"""What is judged beside the steps."""


def word(code: str, more: Mapping[str, str] | None = None) -> str:
    """One code in words; `more` has the words of meters and guards. An unknown code is named as a code."""
    found = REASONS.get(code) or (more or {}).get(code)
    return found or f"phép đo báo mã «{code}»"


def words(codes: tuple[str, ...], more: Mapping[str, str] | None = None) -> str:
    """Some codes in words, with semicolons; empty for none."""
    return "; ".join(word(code, more) for code in codes)


def sentence(text: str) -> str:
    """Words as the beginning of a sentence."""
    return text[:1].upper() + text[1:]
