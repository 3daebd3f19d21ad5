"""Name resolution through a named server, or the system's own: time, answer, and whether it is the right one.

What the numbers mean: `resolve_ms` is what a program would have waited, with retransmissions and the change to TCP;
`rtt_ms` is the round trip of the one question that was answered. A resolver that has the answer in its cache is faster
than one that must ask; the meter cannot tell which. What they do not mean: `authenticated_flag` is the server's word
(the AD bit), as good as the way to it; this meter validates nothing itself.
"""

from collections.abc import Mapping
from typing import Final

from doxa_agent.dns.options import Options, read_options, seconds
from doxa_agent.dns.run import measure_all
from doxa_agent.meter import Reading, Request
from doxa_core.language import Text

__all__ = ["HEAVY", "METHOD", "TITLE", "VALUES", "Options", "measure", "read_options", "seconds"]

METHOD: Final = "dns/1"
TITLE: Final = Text(vi="Phân giải tên miền", en="Name resolution")
HEAVY: Final = False

VALUES: Final[Mapping[str, Text]] = {
    "answered_flag": Text(vi="1 nếu máy chủ trả lời (dù trả lời gì)", en="1 where the server answered, whatever"),
    "resolved_flag": Text(
        vi="1 nếu có ít nhất một bản ghi đúng kiểu đã hỏi", en="1 where at least one record of the asked type came"
    ),
    "resolve_ms": Text(
        vi="từ lần hỏi đầu đến câu trả lời, kể cả hỏi lại và chuyển sang TCP",
        en="from the first question to the answer, retransmissions and the change to TCP included",
    ),
    "rtt_ms": Text(
        vi="trễ khứ hồi của đúng câu hỏi được trả lời (TCP: không kể bắt tay)",
        en="round trip of the very question that was answered (TCP: without the handshake)",
    ),
    "answers_count": Text(vi="số bản ghi đúng kiểu đã hỏi", en="records of the asked type"),
    "aliases_count": Text(vi="số bí danh (CNAME) trên đường đi", en="aliases (CNAME) on the way"),
    "ttl_min_s": Text(vi="thời gian sống nhỏ nhất của câu trả lời", en="smallest time to live of the answer"),
    "retransmits_count": Text(vi="số lần phải hỏi lại qua UDP", en="times that the question was sent again over UDP"),
    "response_bytes": Text(vi="cỡ bản tin trả lời (không kể UDP/IP)", en="size of the answer (without UDP and IP)"),
    "tcp_flag": Text(vi="1 nếu câu trả lời đến qua TCP", en="1 where the answer came over TCP"),
    "authenticated_flag": Text(
        vi="1 nếu máy chủ nói đã kiểm chứng bằng DNSSEC (bit AD)",
        en="1 where the server says that DNSSEC validated the answer (AD bit)",
    ),
    "expected_flag": Text(
        vi="1 nếu mọi địa chỉ nằm trong expect, 0 nếu không", en="1 where all addresses are within expect, 0 if not"
    ),
    "absent_honest_flag": Text(
        vi="1 nếu tên ngẫu nhiên không tồn tại được báo đúng (NXDOMAIN), 0 nếu bị thay bằng địa chỉ",
        en="1 where a random name is truly said not to exist (NXDOMAIN), 0 where an address was put in its place",
    ),
}


def measure(request: Request[Options]) -> list[Reading]:
    """One reading a server and family; a server that is given by its name is asked over both unless the task forces one."""
    return measure_all(request)
