"""A web page by phase: name, connection, TLS, first byte, transfer; status, text, redirects, the certificate's days.

What the numbers mean: HTTP/1.1, one connection, no cache and no other part of the page (pictures, scripts); each phase is
the sum over all redirects, and the phases together are `total_ms` but for our own work between them. The name is looked
up by the system's resolver, so its cache may answer. IPv4 and IPv6 are measured apart and never in place of each other.
"""

from collections.abc import Mapping
from typing import Final

from doxa_agent.meter import Reading, Request
from doxa_agent.web.options import Options, read_options, seconds
from doxa_agent.web.page import measure_all
from doxa_core.language import Text

__all__ = ["HEAVY", "METHOD", "TITLE", "VALUES", "Options", "measure", "read_options", "seconds"]

METHOD: Final = "web/1"
TITLE: Final = Text(vi="Trang web theo từng giai đoạn", en="Web page by phase")
HEAVY: Final = False

VALUES: Final[Mapping[str, Text]] = {
    "dns_ms": Text(vi="tra tên bằng bộ phân giải của hệ thống", en="looking the name up by the system's resolver"),
    "tcp_ms": Text(vi="thiết lập kết nối TCP", en="setting up the TCP connection"),
    "tls_ms": Text(vi="bắt tay TLS, có kiểm tra chứng thư", en="the TLS handshake, certificate verified"),
    "first_byte_ms": Text(vi="từ lúc gửi yêu cầu đến byte đầu tiên", en="from the request to the first byte"),
    "transfer_ms": Text(vi="từ byte đầu tiên đến byte cuối", en="from the first byte to the last"),
    "total_ms": Text(vi="toàn bộ, kể cả chuyển hướng", en="all of it, redirects included"),
    "answered_flag": Text(vi="1 nếu có trả lời HTTP, 0 nếu không", en="1 where an HTTP answer came, 0 if none"),
    "expected_flag": Text(
        vi="1 nếu mã trạng thái và nội dung như mong đợi, 0 nếu không",
        en="1 where status and text are as expected, 0 if not",
    ),
    "redirects_count": Text(vi="số lần chuyển hướng đã đi theo", en="redirects that were followed"),
    "body_bytes": Text(vi="cỡ nội dung trang cuối", en="size of the last page's body"),
    "certificate_left_s": Text(
        vi="thời gian còn lại của chứng thư hết hạn sớm nhất; 0 khi đã hết hạn",
        en="time left of the certificate that ends first; 0 when it is over",
    ),
    "certificate_valid_flag": Text(
        vi="1 nếu chứng thư đúng tên, còn hạn và được tin cậy, 0 nếu không",
        en="1 where the certificate is in time, of the right name and trusted, 0 if not",
    ),
}


def measure(request: Request[Options]) -> list[Reading]:
    """One reading a far end and family; a page that is given by its name is fetched over both unless the task forces one."""
    return measure_all(request)
