"""The four outcomes of an acceptance, and every reason and finding of its own with words for people."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from doxa_core.language import Text


class Verdict(StrEnum):
    """What a step, or the whole acceptance, amounts to."""

    PASS = "pass"  # noqa: S105 - a word, no secret
    """The line does what the contract says, at this step or altogether."""
    FAIL = "fail"
    """The line is proven below the contract, and neither the probe, its port nor the far end was the limit."""
    PROBE_LIMITED = "probe_limited"
    """It is not shown, and the probe, its port or the far end may be why."""
    INSUFFICIENT = "insufficient"
    """There is not enough to say either."""


TITLES: Final[Mapping[Verdict, Text]] = {
    Verdict.PASS: Text(vi="ĐẠT", en="PASS"),
    Verdict.FAIL: Text(vi="KHÔNG ĐẠT", en="FAIL"),
    Verdict.PROBE_LIMITED: Text(vi="THIẾT BỊ ĐO GIỚI HẠN", en="PROBE LIMITED"),
    Verdict.INSUFFICIENT: Text(vi="CHƯA ĐỦ CĂN CỨ", en="INSUFFICIENT"),
}

EXIT_CODES: Final[Mapping[Verdict, int]] = {
    Verdict.PASS: 0,
    Verdict.FAIL: 1,
    Verdict.PROBE_LIMITED: 3,
    Verdict.INSUFFICIENT: 4,
}
"""2 is bad input, as everywhere in doxa."""

_ORDER: Final = (Verdict.PROBE_LIMITED, Verdict.FAIL, Verdict.INSUFFICIENT)


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """The whole from its parts: one limited part forbids both pass and fail; else one failed part fails the whole; else
    one part without enough to say leaves it open. Nothing at all is `INSUFFICIENT`, never a pass.
    """
    found = set(verdicts)
    return next((verdict for verdict in _ORDER if verdict in found), Verdict.PASS if found else Verdict.INSUFFICIENT)


FAILS: Final[Mapping[str, Text]] = {
    "rate_below_contract": Text(
        vi="tốc độ nhận được thấp hơn mức hợp đồng (đã trừ dung sai)",
        en="the received rate is below the contract, tolerance considered",
    ),
    "loss_above_target": Text(vi="tỷ lệ mất gói vượt ngưỡng", en="packet loss is above the target"),
    "rtt_above_target": Text(
        vi="độ trễ vượt ngưỡng khi có tải", en="the round-trip time under load is above the target"
    ),
    "base_rtt_above_target": Text(
        vi="độ trễ khi rảnh vượt ngưỡng", en="the round-trip time of the idle line is above the target"
    ),
    "delay_variation_above_target": Text(vi="biến động trễ vượt ngưỡng", en="the delay variation is above the target"),
    "mtu_below_target": Text(vi="MTU của đường truyền nhỏ hơn yêu cầu", en="the path MTU is below what is required"),
}
"""Why a line fails."""

LIMITS: Final[Mapping[str, Text]] = {
    "port_too_slow": Text(
        vi="cổng mạng của thiết bị đo chậm hơn mức cần để chứng minh tốc độ hợp đồng",
        en="the probe's port is slower than what showing the contracted rate needs",
    ),
    "port_half_duplex": Text(vi="cổng mạng của thiết bị đo chạy bán song công", en="the probe's port is half duplex"),
    "sender_short": Text(
        vi="bên gửi không phát đủ tốc độ yêu cầu (dưới 98 %)", en="the sender sent less than 98 % of what was asked"
    ),
    "limit_unnamed": Text(
        vi="thiết bị đo hoặc đầu xa là giới hạn, không rõ lý do", en="the probe or far end was the limit, unnamed"
    ),
}
"""Why the probe, its port or the far end may have been the limit. Meters and guards add codes of their own."""

GAPS: Final[Mapping[str, Text]] = {
    "not_measured": Text(vi="bước này không đo được", en="this step could not be measured"),
    "attempts_disagree": Text(
        vi="các lần đo của bước này cho kết quả khác nhau", en="the attempts at this step disagree"
    ),
    "not_reached": Text(vi="chưa đo đến bước này", en="the run did not come to this step"),
    "cut_short": Text(vi="phép đo bị ngắt giữa chừng", en="the measurement was cut short"),
    "loss_unknown": Text(vi="không biết tỷ lệ mất gói", en="the packet loss is not known"),
    "rtt_unknown": Text(vi="không đo được độ trễ", en="the round-trip time was not measured"),
    "delay_variation_unknown": Text(vi="không đo được biến động trễ", en="the delay variation was not measured"),
    "mtu_unknown": Text(vi="không đo được MTU", en="the path MTU was not measured"),
    "sent_rate_unknown": Text(vi="không biết tốc độ phát", en="the sending rate is not known"),
    "impossible_rate": Text(
        vi="số nhận lớn hơn số phát: lỗi của phép đo, không dùng được",
        en="more was received than was sent: a fault of the measurement, of no use",
    ),
    "other_traffic": Text(
        vi="có lưu lượng khác trên đường truyền trong lúc đo", en="there was other traffic on the line meanwhile"
    ),
    "guard_refused": Text(vi="điều kiện đo không cho phép", en="the conditions forbid the measurement"),
    "link_unusable": Text(
        vi="đường truyền của thiết bị đo chưa dùng được", en="the probe cannot use the line as it stands"
    ),
    "far_end_unresolved": Text(vi="không tra được địa chỉ đầu xa", en="the far end's address cannot be found"),
    "line_busy": Text(vi="một phép đo nặng khác đang chạy", en="another heavy measurement holds the line"),
    "lock_unusable": Text(vi="không dùng được tệp khóa của thiết bị", en="the machine's lock file cannot be used"),
    "meter_unusable": Text(vi="không dùng được phép đo này", en="the meter for it cannot be used"),
    "exception": Text(vi="lỗi của chính chương trình", en="a fault of the program itself"),
    "no_reading": Text(vi="phép đo không cho kết quả", en="the meter gave no reading"),
    "interrupted": Text(vi="người dùng dừng giữa chừng", en="stopped by the user"),
}
"""Why there is not enough to say."""

NOTES: Final[Mapping[str, Text]] = {
    "full_rate_step_within_tolerance": Text(
        vi="ở bước gần 100 %, mất gói do chính dung sai tốc độ; độ trễ không xét",
        en="near the full rate, loss that the rate's tolerance explains; delay is not judged there",
    ),
    "mtu_black_hole": Text(
        vi="gói lớn hơn MTU mất lặng lẽ (lỗ đen MTU): kết nối có thể treo",
        en="packets above the MTU vanish silently (a black hole): connections may hang",
    ),
    "mtu_upper_bound": Text(
        vi="MTU chỉ là cận trên theo MSS của TCP", en="the MTU is only an upper bound, by TCP's segment size"
    ),
    "mtu_not_measured": Text(vi="không đo được MTU", en="the path MTU was not measured"),
    "base_rtt_not_measured": Text(vi="không đo được độ trễ khi rảnh", en="the idle round-trip time was not measured"),
    "tcp_not_measured": Text(vi="không có số liệu TCP (RFC 6349)", en="there are no TCP figures (RFC 6349)"),
    "tcp_short": Text(
        vi="lần truyền TCP ngắn hơn 30 giây mà RFC 6349 khuyến nghị",
        en="the TCP transfer was shorter than the 30 s that RFC 6349 recommends",
    ),
    "window_small": Text(
        vi="cửa sổ TCP nhỏ hơn tích băng thông–độ trễ: TCP không lấp đầy được đường truyền",
        en="TCP's window is below the bandwidth-delay product: TCP cannot fill the line",
    ),
    "step_repeated": Text(vi="bước này được đo lại", en="this step was measured again"),
    "measured_limited": Text(
        vi="thiết bị đo có giới hạn nhưng vẫn đủ để chứng minh bước này",
        en="the probe was limited, yet this step is shown all the same",
    ),
}
"""What accompanies a result without deciding it."""

WORDS: Final[Mapping[str, Text]] = {**FAILS, **LIMITS, **GAPS, **NOTES}


def word(code: str) -> Text:
    """A code in words, wherever in the agent it is declared; a code without words stands for itself."""
    if found := WORDS.get(code):
        return found
    from doxa_agent import guards
    from doxa_agent.checklist._words import REASONS
    from doxa_core.errors import OperationError

    for name in guards.names():
        try:
            findings = guards.load(name).findings
        except OperationError:  # a broken guard has said so already
            continue
        if code in findings:
            return findings[code]
    return REASONS.get(code) or Text(vi=code, en=code)
