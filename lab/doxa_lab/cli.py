"""`doxa demo`: the country in small with one command."""

import argparse
from pathlib import Path

from doxa_core.errors import InputError
from doxa_core.language import Text

ABOUT = Text(
    vi="Cả nước thu nhỏ: năm trụ sở, đường truyền thật, broker, bộ thu và một trang kết luận. Không để lại gì khi dừng.",
    en="The country in small: five offices, real lines, broker, collector and a page of verdicts. Leaves nothing behind.",
)
EXAMPLE = Text(
    vi="ví dụ:\n  doxa demo                  (xem đến khi Ctrl-C)\n  sudo doxa demo             (đường truyền trong network namespace)\n"
    "  doxa demo --once --json    (một vòng đo, so với sự thật, mã thoát 0 nếu khớp)",
    en="example:\n  doxa demo                  (watch until Ctrl-C)\n  sudo doxa demo             (lines in network namespaces)\n"
    "  doxa demo --once --json    (one round against the truth, exit code 0 if it agrees)",
)


def main(argv: list[str]) -> int:
    """Run `doxa demo`."""
    asked = _parser().parse_args(argv)
    from doxa_lab.demo.show import Wish, run

    return run(
        Wish(once=asked.once, as_json=asked.json, port=_port(asked.port), keep=asked.keep, minutes=asked.minutes)
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="doxa demo",
        description=str(ABOUT),
        epilog=str(EXAMPLE),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def option(name: str, vi: str, en: str, **more: object) -> None:
        parser.add_argument(name, help=str(Text(vi=vi, en=en)), **more)  # type: ignore[arg-type]

    option("--once", "chạy mỗi phép đo một lần, so với sự thật rồi dừng", "run every task once, compare with the truth, stop",
           action="store_true")  # fmt: skip
    option(
        "--json", "in kết quả dạng JSON (cùng --once)", "print the result as JSON (with --once)", action="store_true"
    )
    option("--port", "cổng của trang (mặc định 8800, bận thì cổng khác)", "port of the page (8800, else a free one)",
           type=int)  # fmt: skip
    option("--keep", "giữ mọi tệp trong thư mục này", "keep all files in this folder", type=Path, metavar="DIR")
    option("--minutes", "dừng sau số phút này", "stop after so many minutes", type=float)
    return parser


def _port(port: int | None) -> int | None:
    if port is None or 0 < port < 65536:
        return port
    raise InputError(
        "--port",
        Text(vi=f"cổng {port} không hợp lệ", en=f"the port {port} is not valid"),
        Text(vi="hãy ghi từ 1 đến 65535", en="write 1 to 65535"),
    )
