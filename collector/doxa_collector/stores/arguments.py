"""The arguments of `doxa collector sinks check` and `sinks setup`; nothing heavy is imported for a `--help`."""

import argparse
from pathlib import Path
from typing import Any, Final

from doxa_collector import asking
from doxa_core.language import Text

CHECK_EXAMPLE: Final = "doxa collector sinks check grafana --operator-token-file operator.token"
_SETUP_EXAMPLE: Final = (
    "doxa collector sinks setup --url http://127.0.0.1:8086 --operator-token-file operator.token "
    "--write-token-file /etc/doxa/influx.token --read-token-file grafana.influx.token"
)


def add_check(parser: argparse.ArgumentParser) -> None:
    """What `check` can be asked."""
    parser.add_argument("name", nargs="?", metavar=str(Text(vi="TÊN", en="NAME")), help=str(_NAME))
    parser.add_argument("--operator-token-file", type=Path, metavar="FILE", help=str(_OPERATOR))


def add_setup(group: Any) -> argparse.ArgumentParser:
    """The verb `setup`. It reads no settings file: it makes what the collector then finds."""
    parser: argparse.ArgumentParser = group.add_parser(
        "setup", help=str(_SETUP), description=str(_SETUP), epilog=asking.example(_SETUP_EXAMPLE)
    )
    parser.add_argument("--url", required=True, metavar="http://127.0.0.1:8086", help=str(_URL))
    parser.add_argument("--org", default="doxa", help=str(_ORG))
    parser.add_argument("--bucket", default="doxa", help=str(_BUCKET))
    for option, about in (
        ("--operator-token-file", _OPERATOR),
        ("--write-token-file", _WRITE),
        ("--read-token-file", _READ),
    ):
        parser.add_argument(option, type=Path, metavar="FILE", help=str(about))
    parser.add_argument("--ca-file", type=Path, metavar="FILE", help=str(_CA))
    for option in ("--raw-days", "--five-minutes-days", "--long-days"):
        parser.add_argument(option, type=int, metavar="N", help=str(_DAYS))
    parser.add_argument("--change-retention", action="store_true", help=str(_CHANGE))
    parser.add_argument("--dry-run", action="store_true", help=str(_REHEARSE))
    parser.add_argument("--json", action="store_true", help=str(Text(vi="cho máy đọc", en="for machines")))
    return parser


CHECK: Final = Text(
    vi="kho số liệu của từng sink có đúng như cấu hình không, và cách sửa từng điều",
    en="whether each sink's store is as the settings say, and how to mend each thing",
)
_SETUP = Text(
    vi="tạo trong kho những gì một sink cần: bucket, ánh xạ cho InfluxQL, mã chỉ ghi, mã chỉ đọc; chạy lại không đổi gì",
    en="make in a store what a sink needs: buckets, mappings for InfluxQL, a write-only and a read-only token; "
    "again changes nothing",
)
_NAME = Text(vi="tên trong [sink.TÊN] (mặc định: mọi sink)", en="the name in [sink.NAME] (default: all sinks)")
_OPERATOR = Text(
    vi="tệp chứa mã quản trị của InfluxDB 2 (InfluxDB 1: tên:mật-khẩu); chỉ dùng cho lần chạy này",
    en="a file with InfluxDB 2's operator token (InfluxDB 1: name:password); used for this run only",
)
_URL = Text(vi="địa chỉ của kho số liệu", en="the store's address")
_ORG = Text(vi="tổ chức của InfluxDB 2 (mặc định doxa)", en="InfluxDB 2's organisation (default doxa)")
_BUCKET = Text(
    vi="bucket thứ nhất; hai bucket kia thêm _5m và _long (mặc định doxa)",
    en="the first bucket; the others add _5m and _long (default doxa)",
)
_WRITE = Text(
    vi="tệp mới cho mã chỉ ghi được các bucket này", en="a new file for a token that can only write these buckets"
)
_READ = Text(
    vi="tệp mới cho mã chỉ đọc được các bucket này", en="a new file for a token that can only read these buckets"
)
_CA = Text(vi="chứng thư của nơi cấp, khi url là https", en="the authority's certificate, where url is https")
_DAYS = Text(
    vi="số ngày lưu, 0 là mãi mãi (mặc định 90, 365, 0)", en="days of retention, 0 is for ever (default 90, 365, 0)"
)
_CHANGE = Text(
    vi="đổi thời gian lưu của bucket đã có", en="change the retention of buckets that are there"
)  # fmt: skip
_REHEARSE = Text(vi="chỉ nói sẽ làm gì", en="only say what would be made")
