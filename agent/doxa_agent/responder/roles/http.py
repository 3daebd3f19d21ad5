"""`doxa responder http`: the far end over HTTP, for any LibreSpeed client and for ours."""

import argparse
import json
import re
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from doxa_agent.net import congestion
from doxa_agent.responder.connection import Limits
from doxa_agent.responder.server import Server, Settings, open_listeners
from doxa_core.errors import InputError
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

Places = list[dict[str, Any]]
"""Where something listens: `host` and `port` of each."""


def run(asked: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a polite stop."""
    return serve(asked, beside=dict, stopping=lambda: None)


def serve(asked: argparse.Namespace, *, beside: Callable[[], dict[str, Places]], stopping: Callable[[], None]) -> int:
    """As `run`; `beside` starts what runs beside it once we hold our port, `stopping` hears of the stop at once."""
    settings = settings_of(asked)
    server = Server(settings, open_listeners(settings))

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping()
        server.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    _say_where(server, beside(), as_json=asked.json)
    server.serve()
    if not asked.json:
        print(STOPPED)  # noqa: T201 - the command speaks to its user
    return 0


def where(places: Places) -> str:
    """The places for people."""
    return ", ".join(
        f"[{p['host']}]:{p['port']}" if ":" in str(p["host"]) else f"{p['host']}:{p['port']}" for p in places
    )


def _say_where(server: Server, others: dict[str, Places], *, as_json: bool) -> None:
    places = [{"host": host, "port": port} for host, port in server.addresses]
    if as_json:
        found: dict[str, Any] = {"listening": places}
        if others:
            found["roles"] = others
        print(json.dumps(found), flush=True)  # noqa: T201
        return
    print(LISTENING.fill(where=where(places)), flush=True)  # noqa: T201
    for name, found_places in others.items():
        print(f"{name}: {where(found_places)}", flush=True)  # noqa: T201


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this role, and of `doxa responder run`."""

    def option(name: str, vi: str, en: str, **more: object) -> None:
        parser.add_argument(name, help=str(Text(vi=vi, en=en)), **more)  # type: ignore[arg-type]

    option("--host", "địa chỉ lắng nghe, có thể lặp lại (mặc định: mọi địa chỉ v4 và v6)",
           "address to listen at, may be repeated (default: all, v4 and v6)", action="append", metavar="ADDRESS")  # fmt: skip
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
    option("--json", "in địa chỉ lắng nghe dạng JSON", "print where it listens as JSON", action="store_true")


def settings_of(asked: argparse.Namespace) -> Settings:
    """The server's settings; `InputError` for a value that is not valid."""
    _within("--port", asked.port, 0, 65535)
    _within("--max-connections", asked.max_connections, 1, 100_000)
    _within("--max-seconds", asked.max_seconds, 1, 86_400)
    _within("--slots-per-address", asked.slots_per_address, 1, 512)
    if asked.connections_per_address is not None:
        _within("--connections-per-address", asked.connections_per_address, 1, 100_000)
    if asked.promise_mbps is not None:
        _within("--promise-mbps", asked.promise_mbps, 0, 1_000_000)
    _check_rates(asked)
    if not re.fullmatch(r"[A-Za-z0-9._~/-]{0,200}", asked.path):
        _refuse("--path", Text(vi="chỉ dùng chữ, số và / . _ ~ -", en="use only letters, digits and / . _ ~ -"))
    known = congestion.available() | {congestion.AUTO, congestion.SYSTEM}
    if asked.congestion not in known:
        _refuse(
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
            _within("--" + name.replace("_", "-"), rate, 0.1, 100_000)
    if asked.limit_mbps is not None and any(getattr(asked, name) is not None for name in rates[:3]):
        _refuse(
            "--limit-mbps",
            Text(
                vi="chỉ dùng một trong hai: --limit-mbps (giới hạn thật) hoặc --rate-mbps (đóng vai đường truyền)",
                en="use either --limit-mbps (a real limit) or --rate-mbps (plays a line)",
            ),
        )


def _within(name: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        _refuse(name, Text(vi=f"hãy ghi từ {lowest:g} đến {highest:g}", en=f"write from {lowest:g} to {highest:g}"))


def _refuse(name: str, mend: Text) -> None:
    raise InputError(name, Text(vi="giá trị không hợp lệ", en="the value is not valid"), mend)
