"""Responsiveness under working conditions: round trips per minute while the line is full (draft-ietf-ippm-responsiveness).

The full test, apart from the RPM-like figure that `speed` and `capacity` give on the side. Over HTTPS it speaks HTTP/2
(extra `[responsiveness]`), as the draft asks; over plain HTTP the draft lets the TCP stack's estimate stand for requests on
the loaded connections: finding `loaded_by_tcp_estimate`. Both directions one after the other.
"""

from collections.abc import Mapping
from typing import Final

from doxa_agent.meter import Reading, Request
from doxa_agent.responsiveness.options import Options, read_options, seconds
from doxa_agent.responsiveness.run import measure_far_end
from doxa_core.language import Text

__all__ = ["HEAVY", "METHOD", "TITLE", "VALUES", "Options", "measure", "read_options", "seconds"]

METHOD: Final = "responsiveness/1"
TITLE: Final = Text(vi="Độ phản hồi khi đường truyền đầy tải (RPM)", en="Responsiveness under working conditions (RPM)")
HEAVY: Final = True

_OF_DIRECTION: Final = {
    "responsiveness_rpm": Text(
        vi="{direction}: độ phản hồi, trung bình của kết nối mới và kết nối đang tải; càng lớn càng tốt",
        en="{direction}: responsiveness, the mean of new and of loaded connections; more is better",
    ),
    "foreign_rpm": Text(
        vi="{direction}: độ phản hồi của kết nối mới (TCP, TLS, HTTP tính như nhau)",
        en="{direction}: responsiveness of new connections (TCP, TLS and HTTP weigh alike)",
    ),
    "loaded_rpm": Text(
        vi="{direction}: độ phản hồi trên chính các kết nối đang tải",
        en="{direction}: responsiveness on the loaded connections themselves",
    ),
    "goodput_mbps": Text(
        vi="{direction}: tốc độ của khoảng cuối, lớp tải trọng; chỉ để biết đường truyền đã đầy",
        en="{direction}: rate of the last interval, payload layer; only to show that the line was full",
    ),
    "bytes": Text(vi="{direction}: số byte tải trọng của phép đo", en="{direction}: octets of payload of the test"),
    "duration_s": Text(vi="{direction}: thời gian đo", en="{direction}: time of the test"),
}
_DIRECTIONS: Final = {
    "download": Text(vi="tải xuống", en="download"),
    "upload": Text(vi="tải lên", en="upload"),
}
VALUES: Final[Mapping[str, Text]] = {
    "idle_rpm": Text(
        vi="độ phản hồi của kết nối mới khi đường truyền rảnh", en="responsiveness of new connections on the idle line"
    ),
    **{
        f"{name}_{suffix}": text.fill(direction=direction)
        for name, direction in _DIRECTIONS.items()
        for suffix, text in _OF_DIRECTION.items()
    },
}


def measure(request: Request[Options]) -> list[Reading]:
    """One reading a far end, one after the other: two tests at a time would measure each other."""
    return [measure_far_end(request, far_end) for far_end in request.far_ends]
