"""`doxa dashboards build`: write the JSON of every page."""

import argparse
from pathlib import Path
from typing import Final

from doxa_core.errors import OperationError
from doxa_core.language import Text, language
from doxa_dashboards import build, pages

SUMMARY: Final = Text(
    vi="dựng JSON của mọi trang từ mã (thêm --lang en để dựng bản tiếng Anh)",
    en="build the JSON of every page from the code, in the language of --lang",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--out FOLDER`."""
    parser.epilog = str(_EXAMPLE)
    parser.add_argument("--out", type=Path, default=build.FOLDER, metavar=str(_FOLDER), help=str(_OUT))


def run(args: argparse.Namespace) -> int:
    """Write each file whose text differs, and say what was done."""
    spoken = language()
    written = 0
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        for name in pages.names():
            path = args.out / build.file_of(name, spoken)
            text = build.text(build.built(name, spoken))
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
                written += 1
    except OSError as error:
        raise OperationError(_REFUSED.fill(path=args.out, why=error.strerror or error)) from None
    print(_DONE.fill(n=len(pages.names()), written=written, folder=args.out))  # noqa: T201
    return 0


_FOLDER = Text(vi="THƯ_MỤC", en="FOLDER")
_OUT = Text(vi="nơi ghi tệp (mặc định: %(default)s)", en="where to write (default: %(default)s)")
_EXAMPLE = Text(
    vi="ví dụ: doxa dashboards build\n       doxa --lang en dashboards build --out trang-tieng-anh",
    en="example: doxa dashboards build\n         doxa --lang en dashboards build --out english-pages",
)
_REFUSED = Text(vi="không ghi được vào {path}: {why}", en="cannot write to {path}: {why}")
_DONE = Text(
    vi="{n} trang, {written} tệp đã ghi lại trong {folder}", en="{n} pages, {written} files written anew in {folder}"
)
