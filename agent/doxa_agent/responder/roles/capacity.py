"""`doxa responder capacity`: the UDPSTP server (RFC 9946), for our own meter and for any other client, such as udpst."""

import argparse
import re
import signal
from functools import partial
from pathlib import Path
from types import FrameType

from doxa_agent.responder.roles._serving import add_host, add_json, add_option, check_within, refuse, serve
from doxa_agent.udpstp.auth import read_keys
from doxa_agent.udpstp.server import Server, Settings, open_sockets
from doxa_agent.udpstp.wire import CONTROL_PORT
from doxa_core.errors import InputError
from doxa_core.language import Text

TITLE = Text(
    vi="Máy chủ đo dung lượng IP bằng UDP (UDPSTP, RFC 9946)", en="server of UDP capacity tests (UDPSTP, RFC 9946)"
)
EXAMPLE = Text(
    vi="ví dụ:\n  doxa responder capacity --bandwidth-mbps 900\n"
    "  doxa responder capacity --keys /etc/doxa/udpstp.keys --require-auth --test-ports 30000-30999",
    en="example:\n  doxa responder capacity --bandwidth-mbps 900\n"
    "  doxa responder capacity --keys /etc/doxa/udpstp.keys --require-auth --test-ports 30000-30999",
)
LISTENING = Text(
    vi="máy chủ đo dung lượng đang lắng nghe tại {where} (UDP)", en="the capacity server listens at {where} (UDP)"
)
STOPPED = Text(vi="máy chủ đo dung lượng đã dừng", en="the capacity server has stopped")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this role."""
    option = partial(add_option, parser)
    add_host(parser)
    option("--port", f"cổng UDP điều khiển (mặc định {CONTROL_PORT}; 0: hệ thống chọn)",
           f"UDP control port (default {CONTROL_PORT}; 0: the system chooses)", type=int, default=CONTROL_PORT)  # fmt: skip
    option("--bandwidth-mbps", "băng thông mỗi chiều cho mọi phép đo cộng lại; máy khách phải nêu nhu cầu và không được vượt quá",
           "bandwidth of each direction for all tests together; clients must then state their need and get no more",
           type=int, metavar="MBPS")  # fmt: skip
    option("--keys", "tệp khóa, mỗi dòng: số và khóa", "file of keys, on each line: number and key", type=Path,
           metavar="FILE")  # fmt: skip
    option("--require-auth", "từ chối phép đo không có xác thực (cần --keys)",
           "refuse tests without authentication (needs --keys)", action="store_true")  # fmt: skip
    option("--max-tests", "số phép đo tối đa cùng lúc", "most tests at a time", type=int, default=64)
    option("--max-seconds", "phép đo dài nhất, giây", "longest test, seconds", type=int, default=60)
    option("--test-ports", "khoảng cổng UDP của các phép đo, ví dụ 30000-30999 (mặc định: hệ thống chọn)",
           "range of the tests' UDP ports, such as 30000-30999 (default: the system chooses)", metavar="FIRST-LAST")  # fmt: skip
    option("--allow-dscp", "cho phép máy khách đánh dấu DSCP trên gói đo", "let clients mark the test's packets (DSCP)",
           action="store_true")  # fmt: skip
    option("--load-file", "tệp JSON ghi tải của chính máy chủ mỗi giây (SIGUSR1 cũng in ra)",
           "JSON file in which the server writes its own load every second (SIGUSR1 prints it, too)", type=Path,
           metavar="FILE")  # fmt: skip
    add_json(parser)


def run(asked: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a polite stop."""
    settings = _settings(asked)
    server = Server(settings, open_sockets(settings))

    def say(_signal: int, _frame: FrameType | None) -> None:
        server.say_load()

    signal.signal(signal.SIGUSR1, say)
    return serve(server, listening=LISTENING, stopped=STOPPED, as_json=asked.json)


def _settings(asked: argparse.Namespace) -> Settings:
    check_within("--port", asked.port, 0, 65535)
    check_within("--max-tests", asked.max_tests, 1, 1000)
    check_within("--max-seconds", asked.max_seconds, 1, 3600)
    if asked.bandwidth_mbps is not None:
        check_within("--bandwidth-mbps", asked.bandwidth_mbps, 1, 100_000)
    if asked.require_auth and asked.keys is None:
        raise InputError(
            "--require-auth",
            Text(vi="không có khóa nào để xác thực", en="there is no key to authenticate with"),
            Text(vi="hãy thêm --keys FILE", en="add --keys FILE"),
        )
    return Settings(
        hosts=tuple(asked.host) if asked.host else Settings().hosts,
        port=asked.port,
        bandwidth_mbps=asked.bandwidth_mbps,
        keys=read_keys(asked.keys) if asked.keys is not None else {},
        require_auth=asked.require_auth,
        most_tests=asked.max_tests,
        test_ports=None if asked.test_ports is None else _ports(asked.test_ports),
        most_seconds=asked.max_seconds,
        dscp=asked.allow_dscp,
        load_file=asked.load_file,
    )


def _ports(written: str) -> range:
    fit = re.fullmatch(r"(\d{1,5})-(\d{1,5})", written)
    if fit is None or not 1 <= int(fit[1]) <= int(fit[2]) <= 65535:
        refuse("--test-ports", Text(vi="hãy ghi như 30000-30999", en="write as 30000-30999"))
    return range(int(fit[1]), int(fit[2]) + 1)
