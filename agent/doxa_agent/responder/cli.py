"""`doxa responder …`: runs the far end of the measurements."""

import argparse
import json
import re
import signal
from types import FrameType

from doxa_agent.net import congestion
from doxa_agent.responder.connection import Limits
from doxa_agent.responder.server import Server, Settings, open_listeners
from doxa_core.errors import InputError
from doxa_core.language import Text

ABOUT = Text(
    vi="Đầu xa của phép đo: phục vụ mọi máy khách kiểu LibreSpeed (garbage.php, empty.php, getIP.php).",
    en="The far end of the measurements: serves any LibreSpeed client (garbage.php, empty.php, getIP.php).",
)
EXAMPLE = Text(
    vi="ví dụ:\n  doxa responder run --port 8080\n  curl http://127.0.0.1:8080/health\n"
    "  doxa responder run --host 127.0.0.1 --rate-mbps 94    (tự đóng vai đường truyền 94 Mbit/s)",
    en="example:\n  doxa responder run --port 8080\n  curl http://127.0.0.1:8080/health\n"
    "  doxa responder run --host 127.0.0.1 --rate-mbps 94    (plays a line of 94 Mbit/s itself)",
)
LISTENING = Text(vi="đầu xa đang lắng nghe tại {where}", en="the far end listens at {where}")
STOPPED = Text(vi="đầu xa đã dừng", en="the far end has stopped")


def main(argv: list[str]) -> int:
    """Run `doxa responder …`; 0 after a polite stop."""
    asked = _parser().parse_args(argv)
    settings = _settings(asked)
    server = Server(settings, open_listeners(settings))

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    _say_where(server, as_json=asked.json)
    server.serve()
    if not asked.json:
        print(STOPPED)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="doxa responder",
        description=str(ABOUT),
        epilog=str(EXAMPLE),
        formatter_class=argparse.RawTextHelpFormatter,
    )
    groups = parser.add_subparsers(dest="what", required=True, metavar="run")
    run = groups.add_parser(
        "run",
        help=str(ABOUT),
        description=str(ABOUT),
        epilog=str(EXAMPLE),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_options(run)
    return parser


def _add_options(run: argparse.ArgumentParser) -> None:
    def option(name: str, vi: str, en: str, **more: object) -> None:
        run.add_argument(name, help=str(Text(vi=vi, en=en)), **more)  # type: ignore[arg-type]

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
    option("--congestion", "thuật toán điều khiển tắc nghẽn: auto (bbr nếu có), system, hoặc tên",
           "congestion control: auto (bbr where there is), system, or a name", default=congestion.AUTO)  # fmt: skip
    option("--max-connections", "số kết nối tối đa cùng lúc", "most connections at a time", type=int, default=512)
    option("--max-seconds", "thời gian tối đa của một lần truyền, giây", "longest transfer, seconds", type=float,
           default=60.0)  # fmt: skip
    option("--json", "in địa chỉ lắng nghe dạng JSON", "print where it listens as JSON", action="store_true")


def _settings(asked: argparse.Namespace) -> Settings:
    _within("--port", asked.port, 0, 65535)
    _within("--max-connections", asked.max_connections, 1, 100_000)
    _within("--max-seconds", asked.max_seconds, 1, 86_400)
    for name in ("rate_mbps", "rate_down_mbps", "rate_up_mbps"):
        if (rate := getattr(asked, name)) is not None:
            _within("--" + name.replace("_", "-"), rate, 0.1, 100_000)
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
        rate_down_mbps=asked.rate_down_mbps or asked.rate_mbps,
        rate_up_mbps=asked.rate_up_mbps or asked.rate_mbps,
        congestion=asked.congestion,
        limits=Limits(connections=asked.max_connections, transfer_s=asked.max_seconds),
    )


def _within(name: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        _refuse(name, Text(vi=f"hãy ghi từ {lowest:g} đến {highest:g}", en=f"write from {lowest:g} to {highest:g}"))


def _refuse(name: str, mend: Text) -> None:
    raise InputError(name, Text(vi="giá trị không hợp lệ", en="the value is not valid"), mend)


def _say_where(server: Server, *, as_json: bool) -> None:
    places = [{"host": host, "port": port} for host, port in server.addresses]
    if as_json:
        print(json.dumps({"listening": places}), flush=True)
        return
    where = ", ".join(
        f"[{p['host']}]:{p['port']}" if ":" in str(p["host"]) else f"{p['host']}:{p['port']}" for p in places
    )
    print(LISTENING.fill(where=where), flush=True)
