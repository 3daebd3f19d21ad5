"""Words for what the meters of the network say: `ipv6`, `path`, `node`, `dns`, `web`, `snmp`. A part of `words`."""

from collections.abc import Mapping
from typing import Final

from doxa_core.language import Text

VALUES: Final[Mapping[str, Text]] = {
    "up_flag": Text(vi="Nút trả lời", en="Node up"),
    "down_s": Text(vi="Đã im lặng", en="Silent for"),
    "silence_max_s": Text(vi="Im lặng dài nhất", en="Longest silence"),
    "answered_flag": Text(vi="Có trả lời", en="Answered"),
    "resolved_flag": Text(vi="Phân giải được", en="Resolved"),
    "resolve_ms": Text(vi="Thời gian phân giải", en="Resolution time"),
    "rtt_ms": Text(vi="Trễ khứ hồi", en="Round trip"),
    "answers_count": Text(vi="Số bản ghi", en="Records"),
    "aliases_count": Text(vi="Số bí danh", en="Aliases"),
    "ttl_min_s": Text(vi="TTL nhỏ nhất", en="Smallest TTL"),
    "response_bytes": Text(vi="Cỡ trả lời", en="Answer size"),
    "tcp_flag": Text(vi="Qua TCP", en="Over TCP"),
    "authenticated_flag": Text(vi="Máy chủ báo DNSSEC hợp lệ", en="Server says DNSSEC valid"),
    "expected_flag": Text(vi="Đúng như mong đợi", en="As expected"),
    "absent_honest_flag": Text(vi="Báo đúng tên không tồn tại", en="Honest about absent names"),
    "dns_ms": Text(vi="Tra tên", en="Name lookup"),
    "tcp_ms": Text(vi="Kết nối TCP", en="TCP connect"),
    "tls_ms": Text(vi="Bắt tay TLS", en="TLS handshake"),
    "first_byte_ms": Text(vi="Chờ byte đầu", en="First byte"),
    "transfer_ms": Text(vi="Truyền nội dung", en="Transfer"),
    "total_ms": Text(vi="Toàn bộ", en="Total"),
    "redirects_count": Text(vi="Số chuyển hướng", en="Redirects"),
    "body_bytes": Text(vi="Cỡ trang", en="Page size"),
    "certificate_left_s": Text(vi="Chứng thư còn hạn", en="Certificate time left"),
    "certificate_valid_flag": Text(vi="Chứng thư hợp lệ", en="Certificate valid"),
    "interval_s": Text(vi="Khoảng giữa hai lần hỏi", en="Time between polls"),
    "polls_missed_count": Text(vi="Lần hỏi không có trả lời", en="Polls missed"),
    "oper_up_flag": Text(vi="Cổng đang hoạt động", en="Interface works"),
    "admin_up_flag": Text(vi="Cổng được bật", en="Interface switched on"),
    "port_speed_wire_mbps": Text(vi="Tốc độ danh định của cổng, trên dây", en="Nominal port speed, on the wire"),
    "uptime_s": Text(vi="Thiết bị đầu cuối chạy được", en="Terminal uptime"),
}

OF_DIRECTION: Final[Mapping[str, Text]] = {
    "traffic_frame_mbps": Text(vi="{direction}, lưu lượng, tầng khung", en="{direction}, traffic, frame layer"),
    "traffic_ip_mbps": Text(vi="{direction}, lưu lượng, tầng IP", en="{direction}, traffic, IP layer"),
    "traffic_wire_mbps": Text(vi="{direction}, lưu lượng, trên dây", en="{direction}, traffic, on the wire"),
    "traffic_bytes": Text(vi="{direction}, số byte khung", en="{direction}, frame octets"),
    "traffic_packet_count": Text(vi="{direction}, số gói", en="{direction}, packets"),
    "error_count": Text(vi="{direction}, gói lỗi", en="{direction}, packets with errors"),
    "discard_count": Text(vi="{direction}, gói bị bỏ", en="{direction}, packets discarded"),
}

METERS: Final[Mapping[str, Text]] = {
    "node": Text(vi="nút mạng", en="nodes"),
    "snmp": Text(vi="lưu lượng tại thiết bị đầu cuối", en="terminal traffic"),
    "ipv6": Text(vi="IPv6 từng trạng thái", en="IPv6, state by state"),
    "path": Text(vi="đường đi của gói tin", en="path"),
    "dns": Text(vi="phân giải tên miền", en="name resolution"),
    "web": Text(vi="trang thông tin", en="web page"),
}

_IPV6: Final[Mapping[str, Text]] = {
    "no_router_advertisement": Text(vi="không có bộ định tuyến nào quảng bá IPv6", en="no router advertises IPv6"),
    "no_ipv6": Text(vi="đường truyền không có IPv6", en="the line has no IPv6"),
    "ra_without_default_route": Text(
        vi="bộ định tuyến quảng bá nhưng không cho đường mặc định",
        en="the router advertises, but offers no default route",
    ),
    "no_default_route": Text(vi="thiếu đường mặc định IPv6", en="the IPv6 default route is missing"),
    "no_prefix": Text(vi="quảng bá không kèm tiền tố để tự cấu hình", en="the advertisement offers no prefix"),
    "no_slaac_address": Text(
        vi="có tiền tố nhưng không tạo được địa chỉ", en="a prefix is offered, but no address came of it"
    ),
    "no_dhcpv6_address": Text(vi="DHCPv6 không cấp địa chỉ", en="DHCPv6 gave no address"),
    "duplicate_address": Text(vi="địa chỉ IPv6 trùng với máy khác", en="another machine has the same IPv6 address"),
    "address_tentative": Text(vi="địa chỉ IPv6 còn đang kiểm tra trùng", en="the IPv6 address is still being checked"),
    "address_deprecated": Text(vi="chỉ còn địa chỉ IPv6 sắp hết hạn", en="only deprecated IPv6 addresses are left"),
    "advertisement_ignored_here": Text(
        vi="máy đo được đặt không nhận quảng bá IPv6", en="the probe is set to ignore advertisements"
    ),
    "ipv6_disabled_here": Text(vi="máy đo đang tắt IPv6", en="IPv6 is switched off on the probe"),
    "solicitation_unanswered": Text(
        vi="bộ định tuyến không còn trả lời (quảng bá cũ vẫn hiệu lực)",
        en="the router no longer answers (its old word is in force)",
    ),
    "advertisement_not_observable": Text(
        vi="không quan sát được quảng bá IPv6", en="advertisements cannot be observed here"
    ),
    "advertisement_malformed": Text(
        vi="có quảng bá IPv6 sai hoặc giả, đã bỏ qua", en="malformed or forged advertisements were ignored"
    ),
    "several_routers": Text(vi="có nhiều bộ định tuyến cùng quảng bá", en="several routers advertise"),
    "static_configuration": Text(vi="IPv6 đặt tay, không theo quảng bá", en="IPv6 is configured by hand"),
    "only_unique_local": Text(vi="chỉ có địa chỉ IPv6 nội bộ (ULA)", en="only unique local addresses"),
    "prefix_changed": Text(vi="tiền tố IPv6 đã đổi", en="the IPv6 prefix has changed"),
    "resolver_v6_no_answer": Text(
        vi="máy chủ tên miền qua IPv6 không trả lời", en="the resolver does not answer over IPv6"
    ),
    "resolver_v6_refused": Text(vi="máy chủ tên miền qua IPv6 từ chối", en="the resolver refuses over IPv6"),
    "resolver_v6_partly": Text(
        vi="một số máy chủ tên miền qua IPv6 không trả lời", en="some resolvers do not answer over IPv6"
    ),
    "no_v6_resolver": Text(vi="chưa khai báo máy chủ tên miền IPv6", en="no resolver over IPv6 is configured"),
    "no_resolver": Text(vi="chưa khai báo máy chủ tên miền nào", en="no resolver is configured"),
    "name_from_hosts_file": Text(vi="tên lấy từ tệp hosts", en="the name came from the hosts file"),
    "path_mtu_black_hole": Text(vi="hố đen MTU chiều đi: gói lớn mất không báo", en="MTU black hole, way out"),
    "path_mtu_black_hole_inbound": Text(vi="hố đen MTU chiều về: gói lớn mất không báo", en="MTU black hole, way back"),
    "mtu_below_1280": Text(
        vi="gói 1280 byte không qua được (trái chuẩn IPv6)", en="packets of 1280 octets do not pass"
    ),
    "path_mtu_unanswered": Text(vi="đầu xa không trả lời gói dò MTU", en="the far end does not answer MTU probes"),
    "no_ipv4": Text(vi="đường truyền không có IPv4 để đối chiếu", en="no IPv4 to compare with"),
    "v6_slower_rtt": Text(vi="IPv6 trễ hơn IPv4 rõ rệt", en="IPv6 has clearly longer round trips than IPv4"),
    "v6_slower_transfer": Text(vi="IPv6 tải chậm hơn IPv4 rõ rệt", en="IPv6 is clearly slower than IPv4"),
    "no_transfer": Text(vi="đầu xa không có tệp để tải so sánh", en="the far end has nothing to download"),
    "transfer_stalled": Text(vi="lượt tải qua IPv6 đứng giữa chừng", en="the download over IPv6 stalled"),
    "tls_timeout": Text(vi="bắt tay TLS quá thời hạn", en="the TLS handshake timed out"),
    "family_forced_to_v4": Text(vi="tác vụ buộc dùng IPv4 nên không đo IPv6", en="the task forces IPv4"),
    "needs_raw_socket": Text(vi="thiếu quyền CAP_NET_RAW cho phần này", en="this part needs CAP_NET_RAW"),
    "needs_extra_craft": Text(vi="thiếu gói phần mềm doxa[craft]", en="the extra doxa[craft] is missing"),
    "craft_failed": Text(vi="tiến trình gửi gói đặc biệt không trả lời", en="the crafting child gave no answer"),
    "echo_unanswered": Text(vi="đầu xa không trả lời ping IPv6", en="the far end does not answer pings"),
}

_NAMES: Final[Mapping[str, Text]] = {
    "no_aaaa": Text(vi="tên không có bản ghi AAAA", en="the name has no AAAA record"),
    "aaaa_timeout": Text(vi="máy chủ tên không trả lời câu hỏi AAAA", en="the name server ignores AAAA questions"),
    "aaaa_server_failure": Text(
        vi="máy chủ tên báo lỗi với câu hỏi AAAA", en="the name server fails on AAAA questions"
    ),
    "name_server_failure": Text(vi="máy chủ tên báo lỗi", en="the name server reports a failure"),
    "far_end_is_ipv4": Text(vi="đầu xa ghi bằng địa chỉ IPv4", en="the far end is written as an IPv4 address"),
    "some_addresses_dead": Text(
        vi="một số địa chỉ của tên không kết nối được", en="some of the name's addresses do not connect"
    ),
    "fails_over_v4_too": Text(vi="qua IPv4 cũng hỏng: không phải lỗi IPv6", en="fails over IPv4 too: not IPv6's fault"),
}

_DNS_AND_WEB: Final[Mapping[str, Text]] = {
    "no_answer": Text(vi="máy chủ không trả lời", en="the server did not answer"),
    "malformed_answer": Text(vi="câu trả lời DNS bị hỏng", en="the DNS answer is malformed"),
    "malformed_answers": Text(vi="có gói DNS hỏng", en="malformed DNS packets came"),
    "unmatched_answers": Text(
        vi="có gói DNS không khớp câu hỏi (đến muộn hoặc giả mạo)",
        en="DNS packets that match no question (late or forged)",
    ),
    "truncated_then_tcp_failed": Text(
        vi="trả lời bị cắt, hỏi lại qua TCP không được", en="the answer was cut and TCP failed"
    ),
    "answer_truncated": Text(vi="trả lời UDP bị cắt, đã hỏi lại qua TCP", en="the UDP answer was cut; TCP was used"),
    "tcp_refused": Text(vi="máy chủ DNS từ chối TCP", en="the DNS server refuses TCP"),
    "tcp_connect_timeout": Text(vi="kết nối TCP tới máy chủ DNS quá thời hạn", en="TCP to the DNS server timed out"),
    "no_data": Text(vi="tên không có bản ghi kiểu này", en="the name has no record of this type"),
    "no_server": Text(vi="hệ thống chưa có máy chủ DNS", en="no DNS server is configured"),
    "nxdomain": Text(vi="tên không tồn tại", en="the name does not exist"),
    "servfail": Text(vi="máy chủ DNS gặp lỗi", en="the DNS server failed"),
    "refused": Text(vi="máy chủ DNS từ chối trả lời", en="the DNS server refused"),
    "formerr": Text(vi="máy chủ DNS không hiểu câu hỏi", en="the DNS server did not understand"),
    "notimp": Text(vi="máy chủ DNS không hỗ trợ", en="the DNS server does not support it"),
    "edns_refused": Text(vi="máy chủ không hiểu EDNS", en="the server knows no EDNS"),
    "local_resolver": Text(vi="bộ phân giải nằm trên chính thiết bị", en="the resolver is on this device"),
    "no_recursion": Text(vi="máy chủ không phân giải hộ", en="the server offers no recursion"),
    "trailing_octets": Text(vi="thừa byte sau câu trả lời", en="octets behind the answer"),
    "answer_unexpected": Text(vi="địa chỉ trả về khác mong đợi", en="other addresses than expected"),
    "absent_name_rewritten": Text(
        vi="tên không tồn tại bị thay bằng địa chỉ khác", en="an absent name was given an address"
    ),
    "http_head_endless": Text(vi="phần đầu trả lời HTTP dài vô tận", en="the HTTP head has no end"),
    "first_byte_timeout": Text(vi="chờ byte đầu quá thời hạn", en="no first byte in time"),
    "transfer_timeout": Text(vi="truyền nội dung quá thời hạn", en="the transfer timed out"),
    "body_short": Text(vi="nội dung ngắn hơn đã báo", en="the body is shorter than told"),
    "body_longer_than_told": Text(vi="nội dung dài hơn đã báo", en="the body is longer than told"),
    "body_cut": Text(vi="trang quá dài, đã dừng đọc", en="the page is too long and was broken off"),
    "body_encoded": Text(
        vi="nội dung bị nén ngoài yêu cầu, không kiểm tra được chữ", en="encoded against our request; text not checked"
    ),
    "text_missing": Text(vi="trang không có chữ mong đợi", en="the expected text is missing"),
    "redirect_invalid": Text(vi="chuyển hướng tới địa chỉ không hợp lệ", en="the redirect leads nowhere valid"),
    "redirect_loop": Text(vi="chuyển hướng vòng tròn", en="redirects in a circle"),
    "redirects_too_many": Text(vi="quá nhiều lần chuyển hướng", en="too many redirects"),
    "redirect_to_plain_http": Text(vi="chuyển từ HTTPS xuống HTTP", en="redirected from HTTPS to plain HTTP"),
    "certificate_expired": Text(vi="chứng thư hết hạn", en="the certificate has expired"),
    "certificate_not_yet_valid": Text(vi="chứng thư chưa có hiệu lực", en="the certificate is not valid yet"),
    "certificate_wrong_name": Text(vi="chứng thư mang tên khác", en="the certificate names another host"),
    "certificate_self_signed": Text(vi="chứng thư tự ký", en="the certificate is self-signed"),
    "certificate_unknown_issuer": Text(
        vi="không rõ ai cấp chứng thư, hoặc thiếu chứng thư trung gian",
        en="issuer unknown, or an intermediate is missing",
    ),
    "certificate_revoked": Text(vi="chứng thư bị thu hồi", en="the certificate is revoked"),
}

_SNMP: Final[Mapping[str, Text]] = {
    "snmp_wrong_key": Text(
        vi="thiết bị đầu cuối từ chối khóa xác thực", en="the terminal refuses the authentication key"
    ),
    "snmp_wrong_privacy_key": Text(vi="khóa mã hóa không đúng", en="the privacy key is wrong"),
    "snmp_request_ignored": Text(
        vi="thiết bị đầu cuối có trả lời nhưng bỏ qua yêu cầu (thường do sai khóa mã hóa)",
        en="the terminal answers but ignores the request (usually a wrong privacy key)",
    ),
    "snmp_unknown_user": Text(vi="thiết bị đầu cuối không có người dùng này", en="the terminal has no such user"),
    "snmp_not_allowed": Text(vi="thiết bị đầu cuối không cho đọc", en="the terminal does not allow reading"),
    "snmp_security_level": Text(vi="mức bảo mật không được chấp nhận", en="the security level is refused"),
    "snmp_privacy_unsupported": Text(vi="không dùng được cách mã hóa này", en="this encryption cannot be used"),
    "snmp_time_window": Text(vi="lệch cửa sổ thời gian SNMPv3", en="outside SNMPv3's time window"),
    "snmp_engine_unknown": Text(vi="không nhận ra bộ máy SNMPv3", en="the SNMPv3 engine is unknown"),
    "snmp_bad_answer": Text(vi="trả lời SNMP không hợp lệ", en="the SNMP answer is not valid"),
    "snmp_too_big": Text(
        vi="thiết bị đầu cuối không trả lời được yêu cầu lớn", en="the request is too big for the terminal"
    ),
    "interface_unknown": Text(vi="không có hoặc không rõ cổng mạng này", en="the interface is not there or not known"),
    "interface_ambiguous": Text(vi="nhiều cổng cùng tên", en="several interfaces have that name"),
    "interface_moved": Text(vi="cổng đã đổi số thứ tự", en="the interface's index moved"),
    "no_counters": Text(vi="cổng không có bộ đếm byte", en="the interface has no octet counters"),
    "no_far_end": Text(vi="tác vụ chưa nêu đầu xa", en="the task names no far end"),
    "needs_extra_snmp": Text(vi="máy đo thiếu gói doxa[snmp]", en="the probe lacks doxa[snmp]"),
    "first_poll": Text(vi="lần hỏi đầu tiên: chưa có lưu lượng", en="first poll: no rate yet"),
    "terminal_restarted": Text(vi="thiết bị đầu cuối vừa khởi động lại", en="the terminal restarted"),
    "uptime_disagrees": Text(vi="đồng hồ thiết bị đầu cuối không khớp", en="the terminal's clock disagrees"),
    "uptime_unknown": Text(vi="thiết bị đầu cuối không cho biết sysUpTime", en="the terminal tells no sysUpTime"),
    "counters_discontinued": Text(vi="bộ đếm bị gián đoạn", en="the counters were interrupted"),
    "counters_changed": Text(vi="loại bộ đếm đã thay đổi", en="the kind of counter changed"),
    "counter_jumped": Text(vi="bộ đếm nhảy bất thường, đã bỏ", en="a counter jumped and was left out"),
    "counters_32bit": Text(vi="thiết bị đầu cuối chỉ có bộ đếm 32 bit", en="32-bit counters only"),
    "counter_wrap_ambiguous": Text(
        vi="bộ đếm 32 bit có thể đã quay vòng nhiều lần", en="a 32-bit counter may have wrapped twice"
    ),
    "packets_implausible": Text(vi="bộ đếm gói không đáng tin, không dùng", en="the packet counter was not believed"),
    "polls_missed": Text(vi="có lần hỏi bị lỡ, khoảng đo dài hơn", en="polls were missed: a longer interval"),
    "not_ethernet": Text(
        vi="cổng không phải Ethernet: số byte theo khung riêng của nó", en="not Ethernet: octets of its own frames"
    ),
    "key_readable_by_all": Text(vi="tệp bí mật ai cũng đọc được", en="a secret's file is readable by all"),
}

_PATH: Final[Mapping[str, Text]] = {
    "routing_loop": Text(vi="gói chạy vòng giữa các bộ định tuyến", en="packets go in circles between routers"),
    "unreachable": Text(
        vi="thiết bị trên đường báo không tới được", en="something on the way says that it is unreachable"
    ),
    "icmp_not_permitted": Text(vi="hệ thống không cho phép gửi ICMP", en="the system permits no ICMP socket"),
    "path_changed": Text(vi="đường đi đã thay đổi so với lần đo trước", en="the path has changed since the run before"),
    "path_length_varied": Text(vi="số chặng thay đổi trong lúc đo", en="the number of hops varied during the run"),
    "path_incomplete": Text(
        vi="đầu xa trả lời nhưng chưa rõ ở chặng thứ mấy", en="the far end answers, its distance is not known"
    ),
    "answers_tcp_only": Text(vi="đầu xa chỉ trả lời TCP", en="the far end answers TCP only"),
    "last_mile_uncertain": Text(
        vi="có chặng không trả lời trước chặng cuối: trễ là cận trên",
        en="a silent hop stands before the last mile's: an upper bound",
    ),
    "mtu_not_measured": Text(vi="không đo được MTU", en="the MTU could not be measured"),
    "mtu_upper_bound": Text(vi="MTU chỉ là cận trên (theo TCP MSS)", en="the MTU is an upper bound (by TCP's MSS)"),
    "mtu_black_hole": Text(
        vi="gói lớn bị mất không báo lỗi (hố đen MTU)", en="large packets vanish without a word (MTU black hole)"
    ),
    "mtu_claim_wrong": Text(
        vi="bộ định tuyến báo sai kích thước gói đi qua được", en="a router names a wrong packet size"
    ),
    "mtu_claim_without_size": Text(
        vi="bộ định tuyến báo gói quá lớn nhưng không nêu kích thước",
        en="a router refuses large packets without naming a size",
    ),
}

CODES: Final[Mapping[str, Text]] = {**_IPV6, **_NAMES, **_DNS_AND_WEB, **_SNMP, **_PATH}

OF_PORTAL: Final = tuple(_NAMES)
"""Codes that the ipv6 meter also says of the commune's portal, with `portal_` before them."""
