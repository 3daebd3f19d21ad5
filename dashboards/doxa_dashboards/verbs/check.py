"""`doxa dashboards check`: the files are what the code builds, and every page is whole."""

import argparse
from pathlib import Path
from typing import Final

from doxa_core.errors import InputError
from doxa_core.language import LANGUAGES, Text
from doxa_dashboards import build, pages, wholeness

SUMMARY: Final = Text(
    vi="kiểm tra: tệp JSON khớp với mã, trang nào cũng đủ mô tả, đơn vị, liên kết",
    en="check that the JSON files match the code and that every page is whole",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--dir FOLDER`."""
    parser.epilog = str(_EXAMPLE)
    parser.add_argument("--dir", type=Path, default=build.FOLDER, metavar=str(_FOLDER), help=str(_DIR))


def run(args: argparse.Namespace) -> int:
    """Print every fault; 1 where there is one."""
    try:
        if not args.dir.is_dir():
            raise InputError("--dir", _NO_FOLDER.fill(path=args.dir), _GO)
        found = {path.name: path.read_text(encoding="utf-8") for path in args.dir.glob("*.json")}
    except OSError as error:
        why = error.strerror or error
        raise InputError("--dir", _CLOSED.fill(path=error.filename or args.dir, why=why), _ALLOW) from None
    faults = [*wholeness.faults_of_all(), *_differences(found)]
    for fault in faults:
        print(f"✗ {fault}")  # noqa: T201 - the command speaks to its user
    if faults:
        return 1
    print(_GOOD.fill(n=len(pages.names())))  # noqa: T201
    return 0


def _differences(found: dict[str, str]) -> list[Text]:
    """Files (name → text) that are missing, old, or of no page. English files are looked at where there are any."""
    faults: list[Text] = []
    for spoken in LANGUAGES:
        for name in pages.names():
            file = build.file_of(name, spoken)
            there = found.pop(file, None)
            if there is None and spoken == build.MAIN:
                faults.append(_MISSING.fill(file=file))
            if there is not None and there != build.text(build.built(name, spoken)):
                faults.append(_OLD.fill(file=file))
    return faults + [_FOREIGN.fill(file=file) for file in sorted(found)]


_FOLDER = Text(vi="THƯ_MỤC", en="FOLDER")
_DIR = Text(vi="nơi chứa tệp JSON (mặc định: %(default)s)", en="where the JSON files are (default: %(default)s)")
_EXAMPLE = Text(vi="ví dụ: doxa dashboards check", en="example: doxa dashboards check")
_NO_FOLDER = Text(vi="không có thư mục {path}", en="there is no folder {path}")
_CLOSED = Text(vi="không đọc được {path} ({why})", en="cannot read {path} ({why})")
_ALLOW = Text(vi="hãy kiểm tra quyền đọc", en="check the permission to read it")
_GO = Text(
    vi="hãy chạy từ thư mục gốc của mã nguồn hoặc chạy doxa dashboards build trước",
    en="run it from the top of a checkout, or run doxa dashboards build first",
)
_MISSING = Text(vi="{file}: thiếu; hãy chạy doxa dashboards build", en="{file}: missing; run doxa dashboards build")
_OLD = Text(
    vi="{file}: không khớp với mã; đừng sửa tay, hãy chạy doxa dashboards build",
    en="{file}: differs from the code; do not edit it, run doxa dashboards build",
)
_FOREIGN = Text(vi="{file}: không thuộc trang nào; hãy xóa", en="{file}: belongs to no page; remove it")
_GOOD = Text(vi="{n} trang đều khớp và đủ", en="{n} pages match and are whole")
