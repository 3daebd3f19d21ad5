"""`doxa dashboards list`: which pages there are."""

import argparse
import json
from typing import Final

from doxa_core.language import Text
from doxa_dashboards import pages

SUMMARY: Final = Text(vi="liệt kê các trang", en="list the pages")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.epilog = str(_EXAMPLE)
    parser.add_argument("--json", action="store_true", help=str(_JSON))


def run(args: argparse.Namespace) -> int:
    """Print name, address and title of each."""
    found = [pages.load(name) for name in pages.names()]
    if args.json:
        rows = [{"name": p.name, "uid": p.uid, "title": str(p.title), "internal": p.internal} for p in found]
        print(json.dumps(rows, ensure_ascii=False))  # noqa: T201 - the command speaks to its user
        return 0
    for page in found:
        mark = _INTERNAL if page.internal else _PUBLIC
        print(f"{page.name:<12} {page.uid:<22} {mark}  {page.title}")  # noqa: T201
    return 0


_JSON = Text(vi="in dạng JSON cho máy đọc", en="print JSON for machines")
_EXAMPLE = Text(vi="ví dụ: doxa dashboards list --json", en="example: doxa dashboards list --json")
_INTERNAL = Text(vi="nội bộ   ", en="internal")
_PUBLIC = Text(vi="công khai", en="public  ")
