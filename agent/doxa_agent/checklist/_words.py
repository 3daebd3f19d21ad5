"""The reason codes of the line, as an installer reads them, and numbers in both languages."""

from typing import Final

from doxa_core.language import Text, number

REASONS: Final = {
    "interface_absent": Text(vi="không có giao diện mạng này", en="there is no such interface"),
    "interface_down": Text(vi="giao diện đang tắt", en="the interface is switched off"),
    "no_carrier": Text(vi="không có tín hiệu trên cổng", en="there is no signal on the port"),
    "no_address": Text(vi="giao diện chưa có địa chỉ", en="the interface has no address"),
    "no_route": Text(vi="không có đường đi tới đích", en="there is no route to it"),
    "net_unreachable": Text(vi="mạng đích không tới được", en="its network cannot be reached"),
    "host_unreachable": Text(vi="máy đích không tới được", en="the host cannot be reached"),
    "prohibited": Text(vi="bị thiết bị trên đường chặn", en="something on the way forbids it"),
    "refused_locally": Text(vi="bị tường lửa của thiết bị này chặn", en="this machine's own firewall forbids it"),
    "blocked_here": Text(vi="bị tường lửa của thiết bị này chặn", en="this machine's own firewall forbids it"),
    "family_unavailable": Text(vi="hệ thống không bật họ địa chỉ này", en="this system has that family switched off"),
    "icmp_not_permitted": Text(
        vi="không được phép ping, và cổng TCP không trả lời", en="pings are not permitted, and the TCP port is silent"
    ),
    "no_reply": Text(vi="không trả lời", en="no reply"),
    "name_not_found": Text(vi="không tra được tên", en="the name does not resolve"),
    "name_timeout": Text(vi="máy chủ DNS không trả lời kịp", en="the resolver did not answer in time"),
    "no_address_in_family": Text(
        vi="tên không có địa chỉ thuộc họ yêu cầu", en="the name has no address of that family"
    ),
    "connect_refused": Text(vi="cổng đóng, dịch vụ chưa chạy", en="the port is closed: the service is not running"),
    "connect_timeout": Text(vi="kết nối không được trả lời", en="the connection is not answered"),
    "answer_timeout": Text(vi="đã kết nối nhưng không có trả lời HTTP", en="connected, but no HTTP answer came"),
    "http_status": Text(vi="trả lời HTTP không đúng", en="the HTTP answer is not as it should be"),
    "broke_off": Text(vi="kết nối bị ngắt giữa chừng", en="the connection was broken off"),
}


def reason(code: str) -> Text:
    """The reason in words; a code without words stands for itself."""
    return REASONS.get(code) or Text(vi=code, en=code)


def reasons(codes: tuple[str, ...]) -> Text:
    """Several reasons in one phrase."""
    spoken = [reason(code) for code in codes]
    return Text(vi=", ".join(text.vi for text in spoken), en=", ".join(text.en for text in spoken))


def spoken(value: float, decimals: int, unit: str) -> Text:
    """A number with its unit, in the form of each language."""
    return Text(vi=f"{number(value, decimals, 'vi')} {unit}", en=f"{number(value, decimals, 'en')} {unit}")
