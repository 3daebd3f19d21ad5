"""IPv6 state by state: advertisement, address, route, resolver, AAAA, TCP, page, path MTU - each judged by itself.

What the flags mean: 1 seen to work, 0 seen to fail, absent where it could not be judged because something before it is
missing. `reasons` name the causes, the one nearest to the office first, and never what only follows from another cause;
`findings` name what was noticed without being to blame. `detail.state` is the summary word, `state_…_flag` the same as
numbers. What they do not mean: a page that loads over v6 says nothing about other pages; transfers of a megabyte compare
the families and are no speed test.

Nothing ever falls back: every connection is bound to one family. What v4 does is measured beside it, as the witness that
tells a broken IPv6 from a far end that is down.
"""

from collections.abc import Mapping
from typing import Final

from doxa_agent.ipv6 import options as ipv6_options
from doxa_agent.ipv6 import run
from doxa_agent.ipv6.options import Options
from doxa_agent.meter import Reading, Request
from doxa_core.language import Text
from doxa_core.outcome import Outcome
from doxa_core.strict import Table

METHOD: Final = "ipv6/1"
TITLE: Final = Text(vi="IPv6 theo từng trạng thái", en="IPv6, state by state")
HEAVY: Final = False

VALUES: Final[Mapping[str, Text]] = {
    "state_none_flag": Text(vi="tổng hợp: đường truyền không có IPv6", en="summary: the line has no IPv6"),
    "state_partial_flag": Text(
        vi="tổng hợp: IPv6 mới có một phần (detail.missing nêu phần thiếu)",
        en="summary: parts of IPv6 are there (detail.missing names what is not)",
    ),
    "state_broken_flag": Text(
        vi="tổng hợp: hỏng song song hai giao thức – máy tin là có IPv6 nhưng chỉ IPv4 chạy",
        en="summary: broken dual stack – hosts believe in IPv6, but only IPv4 works",
    ),
    "state_ready_flag": Text(
        vi="tổng hợp: IPv6 sẵn sàng (kể cả khi chỉ cần IPv6)", en="summary: IPv6 ready (also where v6 alone would do)"
    ),
    "state_v6_only_ready_flag": Text(
        vi="tổng hợp: chạy được hoàn toàn không cần IPv4", en="summary: everything works without IPv4"
    ),
    "advertisement_flag": Text(
        vi="có thấy quảng bá của bộ định tuyến (RA)", en="a router advertisement is seen (RFC 4861)"
    ),
    "advertisement_ms": Text(
        vi="từ lúc hỏi đến quảng bá đầu tiên", en="from the solicitation to the first advertisement"
    ),
    "address_flag": Text(vi="có địa chỉ IPv6 dùng được", en="a usable IPv6 address is there"),
    "slaac_flag": Text(vi="địa chỉ tự cấu hình (SLAAC)", en="an address by autoconfiguration (SLAAC, RFC 4862)"),
    "dhcpv6_flag": Text(vi="địa chỉ do DHCPv6 cấp", en="an address by DHCPv6 (RFC 8415)"),
    "default_route_flag": Text(vi="có đường mặc định IPv6", en="a default route is there"),
    "prefix_changed_flag": Text(
        vi="tiền tố khác lần đo trước (kể từ khi chương trình chạy)",
        en="the prefix differs from the run before (since the agent's start)",
    ),
    "prefix_stable_s": Text(
        vi="tiền tố đã giữ nguyên bao lâu, trong lần chạy này của chương trình",
        en="for how long the prefix has been seen unchanged, since the agent's start",
    ),
    "resolver_flag": Text(vi="máy chủ tên miền trả lời qua IPv6", en="a resolver answers over IPv6"),
    "resolver_ms": Text(vi="thời gian trả lời của máy chủ tên miền qua IPv6", en="the answer time of that resolver"),
    "aaaa_flag": Text(vi="tên đầu xa có bản ghi AAAA", en="the far end's name has an AAAA record"),
    "aaaa_ms": Text(vi="thời gian tra AAAA", en="time to look up AAAA"),
    "tcp_flag": Text(vi="kết nối TCP qua IPv6 được", en="TCP connects over IPv6"),
    "tcp_ms": Text(vi="thời gian kết nối TCP qua IPv6", en="time to connect over IPv6"),
    "https_flag": Text(
        vi="tải được trang HTTPS chỉ qua IPv6, chứng chỉ đã kiểm tra",
        en="an HTTPS page loads over IPv6 alone, certificate checked",
    ),
    "http_flag": Text(
        vi="tải được trang HTTP chỉ qua IPv6 (đầu xa không có TLS)",
        en="a plain HTTP page loads over IPv6 alone (a far end without TLS)",
    ),
    "tls_ms": Text(vi="thời gian bắt tay TLS qua IPv6", en="time of the TLS handshake over IPv6"),
    "first_byte_ms": Text(vi="từ yêu cầu đến byte đầu tiên", en="from the request to the first octet"),
    "page_ms": Text(vi="cả trang, từ SYN đến hết", en="the whole page, from SYN to its end"),
    "mtu_1280_flag": Text(vi="gói 1280 byte đi qua", en="packets of 1280 octets pass"),
    "mtu_1500_flag": Text(vi="gói 1500 byte đi qua", en="packets of 1500 octets pass"),
    "packet_too_big_flag": Text(
        vi="có báo Packet-Too-Big cho gói quá lớn (chỉ khi MTU đường đi dưới 1500)",
        en="a Packet-Too-Big arrives for what does not fit (only where the path's MTU is below 1500)",
    ),
    "path_mtu": Text(vi="gói IP lớn nhất đi qua, chiều đi, byte", en="the largest IP packet that passes, way out"),
    "black_hole_flag": Text(
        vi="hố đen MTU: gói lớn mất không một lời báo, chiều đi",
        en="MTU black hole: large packets vanish without a word, way out",
    ),
    "black_hole_inbound_flag": Text(
        vi="hố đen MTU chiều về: TCP chỉ chạy với phân đoạn nhỏ",
        en="MTU black hole on the way back: TCP works only with small segments",
    ),
    "rtt_v6_ms": Text(
        vi="trễ khứ hồi nhỏ nhất qua IPv6 (bắt tay TCP)", en="smallest round trip over v6 (TCP handshake)"
    ),
    "rtt_v4_ms": Text(
        vi="trễ khứ hồi nhỏ nhất qua IPv4 (bắt tay TCP)", en="smallest round trip over v4 (TCP handshake)"
    ),
    "rtt_v6_to_v4_factor": Text(vi="trễ IPv6 gấp mấy lần IPv4", en="round trip of v6 as a multiple of v4's"),
    "dual_stack_connect_ms": Text(
        vi="thời gian kết nối khi dùng cả hai họ (RFC 8305)", en="connect time with both families (RFC 8305)"
    ),
    "eyeballs_penalty_ms": Text(
        vi="chậm thêm so với họ nhanh hơn khi dùng cả hai", en="that connect time minus the faster family's"
    ),
    "eyeballs_v6_flag": Text(vi="IPv6 thắng khi dùng cả hai họ", en="IPv6 wins where both are tried"),
    "transfer_v6_mbps": Text(
        vi="lượt tải ngắn qua IPv6, tầng ứng dụng (để so sánh, không phải phép đo tốc độ)",
        en="a short download over v6, payload layer (to compare, no speed test)",
    ),
    "transfer_v4_mbps": Text(
        vi="lượt tải ngắn qua IPv4, tầng ứng dụng (để so sánh, không phải phép đo tốc độ)",
        en="a short download over v4, payload layer (to compare, no speed test)",
    ),
    "transfer_v6_to_v4_factor": Text(vi="tốc độ IPv6 gấp mấy lần IPv4", en="the pace of v6 as a multiple of v4's"),
    "portal_aaaa_flag": Text(vi="cổng thông tin của xã có bản ghi AAAA", en="the portal's name has an AAAA record"),
    "portal_aaaa_ms": Text(vi="thời gian tra AAAA của cổng", en="time to look up the portal's AAAA"),
    "portal_tcp_flag": Text(vi="kết nối tới cổng qua IPv6 được", en="the portal accepts connections over IPv6"),
    "portal_tcp_ms": Text(vi="thời gian kết nối tới cổng", en="time to connect to the portal"),
    "portal_https_flag": Text(
        vi="cổng tải được qua HTTPS chỉ bằng IPv6", en="the portal loads by HTTPS over IPv6 alone"
    ),
    "portal_tls_ms": Text(vi="thời gian bắt tay TLS với cổng", en="time of the portal's TLS handshake"),
    "portal_first_byte_ms": Text(vi="byte đầu tiên của cổng", en="the portal's first octet"),
    "portal_page_ms": Text(vi="cả trang của cổng", en="the portal's whole page"),
    "dhcpv6_server_flag": Text(vi="có máy chủ DHCPv6 trả lời (cần craft)", en="a DHCPv6 server answers (needs craft)"),
    "fragments_flag": Text(
        vi="gói phân mảnh tới được đầu xa (cần craft)", en="fragments reach the far end (needs craft)"
    ),
    "destination_options_flag": Text(
        vi="gói có Destination Options tới được đầu xa (cần craft)",
        en="packets with Destination Options reach the far end (needs craft, RFC 7872)",
    ),
}


def read_options(table: Table) -> Options:
    """See docs/measuring.md; every key is optional."""
    return ipv6_options.read_options(table)


def seconds(options: Options, far_ends: int) -> float:
    """Each far end has its limit; a healthy line takes a few seconds."""
    return options.limit_s * max(1, far_ends)


def measure(request: Request[Options]) -> list[Reading]:
    """One reading per far end, in their order; without far ends one about the link alone."""
    if request.family == 4:
        ends: list[str | None] = [end.name for end in request.far_ends]
        return [
            Reading(outcome=Outcome.SKIPPED, far_end=name, reasons=("family_forced_to_v4",)) for name in ends or [None]
        ]
    return run.run(request.link, request.far_ends, request.options, request.deadline, frugal=request.frugal)
