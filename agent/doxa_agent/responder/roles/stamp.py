"""`doxa responder stamp`: the STAMP reflector (RFC 8762, RFC 8972)."""

import argparse
from functools import partial
from pathlib import Path

from doxa_agent.responder.roles._serving import add_host, add_json, add_option, check_within, serve
from doxa_agent.stamp.keyfile import read_key
from doxa_agent.stamp.reflector import PORT, Reflector, Settings, open_sockets
from doxa_core.language import Text

TITLE = Text(
    vi="Phản xạ gói STAMP (RFC 8762): trễ và mất gói từng chiều",
    en="STAMP reflector (RFC 8762): delay and loss of each direction",
)
EXAMPLE = Text(
    vi="ví dụ:\n  doxa responder stamp                       (cổng UDP 862, cần quyền root)\n"
    "  doxa responder stamp --port 8620           (không cần quyền; ghi stamp_port = 8620 trong kế hoạch)\n"
    "  doxa responder stamp --key /etc/doxa/stamp.key   (chỉ trả lời gói có xác thực)",
    en="example:\n  doxa responder stamp                       (UDP port 862, needs root)\n"
    "  doxa responder stamp --port 8620           (needs nothing; write stamp_port = 8620 into the plan)\n"
    "  doxa responder stamp --key /etc/doxa/stamp.key   (answers authenticated packets only)",
)
LISTENING = Text(
    vi="bộ phản xạ STAMP đang lắng nghe tại {where} (UDP)", en="the STAMP reflector listens at {where} (UDP)"
)
STOPPED = Text(vi="bộ phản xạ STAMP đã dừng", en="the STAMP reflector has stopped")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this role."""
    option = partial(add_option, parser)
    add_host(parser)
    option("--port", f"cổng UDP (mặc định {PORT}; 0: hệ thống chọn)", f"UDP port (default {PORT}; 0: the system chooses)",
           type=int, default=PORT)  # fmt: skip
    option("--key", "tệp khóa STAMP (32–128 chữ số thập lục phân); có khóa thì chỉ trả lời gói có xác thực",
           "file of the STAMP key (32–128 hexadecimal digits); with it only authenticated packets are answered",
           type=Path, metavar="FILE")  # fmt: skip
    option("--stateless", "không đếm theo phiên (không tách được mất gói từng chiều)",
           "keep no count per session (loss per direction cannot be told)", action="store_true")  # fmt: skip
    option("--max-sessions", "số phiên nhớ tối đa", "most sessions that are remembered", type=int, default=4096)
    option("--rate-hz", "số gói trả lời tối đa mỗi giây, tổng cộng", "most answers a second in all", type=int,
           default=20_000)  # fmt: skip
    add_json(parser)


def run(asked: argparse.Namespace) -> int:
    """Reflect until SIGTERM or SIGINT; 0 after a polite stop."""
    settings = _settings(asked)
    reflector = Reflector(settings, open_sockets(settings))
    return serve(reflector, listening=LISTENING, stopped=STOPPED, as_json=asked.json)


def _settings(asked: argparse.Namespace) -> Settings:
    check_within("--port", asked.port, 0, 65535)
    check_within("--max-sessions", asked.max_sessions, 1, 1_000_000)
    check_within("--rate-hz", asked.rate_hz, 1, 1_000_000)
    return Settings(
        hosts=tuple(asked.host) if asked.host else Settings().hosts,
        port=asked.port,
        key=None if asked.key is None else read_key(asked.key, "--key"),
        stateful=not asked.stateless,
        max_sessions=asked.max_sessions,
        rate_hz=float(asked.rate_hz),
    )
