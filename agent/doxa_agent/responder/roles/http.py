"""`doxa responder http`: the far end over HTTP, for any LibreSpeed client and for ours."""

import argparse
import re
from collections.abc import Callable
from functools import partial

from doxa_agent.net import congestion
from doxa_agent.responder.house import Limits
from doxa_agent.responder.roles._serving import Places, add_host, add_json, add_option, check_within, refuse
from doxa_agent.responder.roles._serving import serve as serve_role
from doxa_agent.responder.server import Server, Settings, open_listeners
from doxa_core.language import Text

TITLE = Text(
    vi="Đầu xa của phép đo: phục vụ mọi máy khách kiểu LibreSpeed (garbage.php, empty.php, getIP.php).",
    en="The far end of the measurements: serves any LibreSpeed client (garbage.php, empty.php, getIP.php).",
)
EXAMPLE = Text(
    vi="ví dụ:\n  doxa responder run --port 8080\n  curl http://127.0.0.1:8080/health\n"
    "  doxa responder run --promise-mbps 900          (hứa tối đa 900 Mbit/s cho các suất đo)\n"
    "  doxa responder run --host 127.0.0.1 --rate-mbps 94    (tự đóng vai đường truyền 94 Mbit/s)",
    en="example:\n  doxa responder run --port 8080\n  curl http://127.0.0.1:8080/health\n"
    "  doxa responder run --promise-mbps 900          (promises at most 900 Mbit/s to slots)\n"
    "  doxa responder run --host 127.0.0.1 --rate-mbps 94    (plays a line of 94 Mbit/s itself)",
)
LISTENING = Text(vi="đầu xa đang lắng nghe tại {where}", en="the far end listens at {where}")
STOPPED = Text(vi="đầu xa đã dừng", en="the far end has stopped")


def run(asked: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a polite stop."""
    return serve(asked, beside=dict, stopping=lambda: None)


def serve(asked: argparse.Namespace, *, beside: Callable[[], dict[str, Places]], stopping: Callable[[], None]) -> int:
    """As `run`; `beside` starts what runs beside it once we hold our port, `stopping` hears of the stop at once."""
    settings = settings_of(asked)
    server = Server(settings, open_listeners(settings))
    return serve_role(
        server, listening=LISTENING, stopped=STOPPED, as_json=asked.json, beside=beside, stopping=stopping
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this role, and of `doxa responder run`."""
    option = partial(add_option, parser)
    add_host(parser)
    option("--port", "cổng TCP (mặc định 8080; 0: hệ thống chọn)", "TCP port (default 8080; 0: the system chooses)",
           type=int, default=8080)  # fmt: skip
    option("--path", "thư mục phục vụ thêm, ngoài / và /backend/", "one more folder to serve, beside / and /backend/",
           default="")  # fmt: skip
    option("--rate-mbps", "tự đóng vai đường truyền: tốc độ tải trọng TCP mỗi chiều, Mbit/s",
           "play a line: TCP payload rate of each direction, Mbit/s", type=float)  # fmt: skip
    option("--rate-down-mbps", "như --rate-mbps, chỉ chiều tải xuống", "as --rate-mbps, download only", type=float)
    option("--rate-up-mbps", "như --rate-mbps, chỉ chiều tải lên", "as --rate-mbps, upload only", type=float)
    option("--limit-mbps", "giới hạn của chính đầu xa này, mỗi chiều; máy đo biết và không tính là lỗi của đường truyền",
           "this far end's own limit in each direction; probes are told and do not blame their line",
           type=float)  # fmt: skip
    option("--promise-mbps",
           "tổng băng thông hứa cho các suất đo, mỗi chiều (0: không giới hạn; mặc định: giới hạn trên, nếu không thì "
           "90%% tốc độ cổng mạng khi biết)",
           "bandwidth promised to slots, each direction (0: no limit; default: the limit above, else 90%% of the "
           "port's speed where it is known)", type=float)  # fmt: skip
    option("--require-slot", "từ chối máy khách không có suất đo (kể cả máy khách LibreSpeed khác)",
           "refuse clients without a slot (other LibreSpeed clients too)", action="store_true")  # fmt: skip
    option("--slots-per-address", "số suất đo tối đa cùng lúc của một địa chỉ (IPv6: một mạng /64)",
           "most slots at a time of one address (IPv6: of one /64)", type=int, default=4)  # fmt: skip
    option("--congestion", "thuật toán điều khiển tắc nghẽn: auto (bbr nếu có), system, hoặc tên",
           "congestion control: auto (bbr where there is), system, or a name", default=congestion.AUTO)  # fmt: skip
    option("--max-connections", "số kết nối tối đa cùng lúc", "most connections at a time", type=int, default=512)
    option("--connections-per-address", "số kết nối tối đa của một địa chỉ (mặc định: một nửa của tất cả)",
           "most connections of one address (default: half of all)", type=int)  # fmt: skip
    option("--max-seconds", "thời gian tối đa của một lần truyền, giây", "longest transfer, seconds", type=float,
           default=60.0)  # fmt: skip
    add_json(parser)


def settings_of(asked: argparse.Namespace) -> Settings:
    """The server's settings; `InputError` for a value that is not valid."""
    check_within("--port", asked.port, 0, 65535)
    check_within("--max-connections", asked.max_connections, 1, 100_000)
    check_within("--max-seconds", asked.max_seconds, 1, 86_400)
    check_within("--slots-per-address", asked.slots_per_address, 1, 512)
    if asked.connections_per_address is not None:
        check_within("--connections-per-address", asked.connections_per_address, 1, 100_000)
    if asked.promise_mbps is not None:
        check_within("--promise-mbps", asked.promise_mbps, 0, 1_000_000)
    _check_rates(asked)
    if not re.fullmatch(r"[A-Za-z0-9._~/-]{0,200}", asked.path):
        refuse("--path", Text(vi="chỉ dùng chữ, số và / . _ ~ -", en="use only letters, digits and / . _ ~ -"))
    known = congestion.available() | {congestion.AUTO, congestion.SYSTEM}
    if asked.congestion not in known:
        refuse(
            "--congestion", Text(vi=f"hãy chọn: {', '.join(sorted(known))}", en=f"choose: {', '.join(sorted(known))}")
        )
    return Settings(
        hosts=tuple(asked.host) if asked.host else Settings().hosts,
        port=asked.port,
        path=asked.path,
        rate_down_mbps=asked.rate_down_mbps or asked.rate_mbps or asked.limit_mbps,
        rate_up_mbps=asked.rate_up_mbps or asked.rate_mbps or asked.limit_mbps,
        plays_line=asked.limit_mbps is None,
        promise_mbps=asked.promise_mbps,
        require_slot=asked.require_slot,
        slots_per_address=asked.slots_per_address,
        congestion=asked.congestion,
        limits=Limits(
            connections=asked.max_connections,
            per_address=asked.connections_per_address,
            transfer_s=asked.max_seconds,
        ),
    )


def _check_rates(asked: argparse.Namespace) -> None:
    rates = ("rate_mbps", "rate_down_mbps", "rate_up_mbps", "limit_mbps")
    for name in rates:
        if (rate := getattr(asked, name)) is not None:
            check_within("--" + name.replace("_", "-"), rate, 0.1, 100_000)
    if asked.limit_mbps is not None and any(getattr(asked, name) is not None for name in rates[:3]):
        refuse(
            "--limit-mbps",
            Text(
                vi="chỉ dùng một trong hai: --limit-mbps (giới hạn thật) hoặc --rate-mbps (đóng vai đường truyền)",
                en="use either --limit-mbps (a real limit) or --rate-mbps (plays a line)",
            ),
        )
