"""What every verb of `doxa report` asks and does in the same way: its arguments, its files, the ledger that it reads."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine

from doxa_collector import asking
from doxa_collector.config import DEFAULT_FILE, Settings, read_settings
from doxa_collector.ledger.engine import open_ledger
from doxa_collector.nodes.reading import read_tree
from doxa_collector.nodes.tree import Tree
from doxa_collector.papers import forms
from doxa_collector.papers.model import Document
from doxa_collector.registry import read_registry
from doxa_collector.report.settings import Paper
from doxa_collector.report.writing import refuse_known, write_all
from doxa_core.errors import InputError
from doxa_core.language import Text

Command = Callable[[argparse.Namespace], int]
FORMATS: Final = "docx,pdf"
"""What is written where nobody says which: one to complete, one to read."""


def verb(group: Any, name: str, about: Text, command: Command, example: str) -> argparse.ArgumentParser:
    """A verb with the arguments that all papers share: configuration, formats, folder, settings, force."""
    parser: argparse.ArgumentParser = group.add_parser(
        name, help=str(about), description=str(about), epilog=asking.example(example)
    )
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help=str(_CONFIG))
    parser.add_argument("--format", default=FORMATS, metavar=FORMATS, help=str(_FORMAT))
    parser.add_argument("--out", type=Path, default=Path(), metavar=str(_FOLDER_NAME), help=str(_OUT))
    parser.add_argument("--settings", type=Path, metavar="FILE", help=str(_SETTINGS))
    parser.add_argument("--force", action="store_true", help=str(_FORCE))
    parser.set_defaults(command=command)
    return parser


def wanted_formats(asked: str) -> tuple[str, ...]:
    """The formats in the order asked for, each once; `InputError` for one that there is not."""
    found = tuple(dict.fromkeys(word.strip().lower() for word in asked.split(",") if word.strip()))
    unknown = [word for word in found if word not in forms.names()]
    if unknown or not found:
        raise InputError(f"--format {asked}", _NO_FORMAT, _FORMATS.fill(names=", ".join(forms.names())))
    return found


def files_of(args: argparse.Namespace, *words: str, forms_wanted: Sequence[str]) -> dict[str, Path]:
    """The files by format; refused at once where one is there already, before anything is made."""
    found = {form: args.out / f"{'_'.join(words)}.{form}" for form in forms_wanted}
    if not args.force:
        refuse_known(list(found.values()))
    return found


def write_paper(document: Document, files: dict[str, Path], paper: Paper, args: argparse.Namespace) -> None:
    """Write every file whole or none, and name them."""
    contents = {file: forms.render(document, form, paper.look) for form, file in files.items()}
    write_all(contents, force=args.force)
    for file in contents:
        sys.stdout.write(f"{_WRITTEN.fill(file=file)}\n")


@contextmanager
def opened(args: argparse.Namespace) -> Iterator[tuple[Engine, Settings]]:
    """The ledger of the configuration that was asked for, with its settings."""
    settings = read_settings(args.config)
    engine = open_ledger(settings.ledger, create=False)
    try:
        yield engine, settings
    finally:
        engine.dispose()


def tree_of(settings: Settings) -> Tree:
    """The nodes; none where no file of them is named."""
    file = settings.watch.nodes
    return Tree() if file is None else read_tree(file, read_registry(settings.registry))


_CONFIG = Text(vi=f"tệp cấu hình (mặc định {DEFAULT_FILE})", en=f"the configuration (default {DEFAULT_FILE})")
_FORMAT = Text(
    vi=f"các định dạng, cách nhau bằng dấu phẩy: {', '.join(forms.names())}",
    en=f"formats with commas between: {', '.join(forms.names())}",
)
_FOLDER_NAME = Text(vi="THƯ-MỤC", en="FOLDER")
_OUT = Text(vi="thư mục ghi tệp (mặc định: thư mục này)", en="where the files go (default: this folder)")
_SETTINGS = Text(
    vi="tệp có bảng [paper]: cơ quan, địa danh, người ký, nơi nhận, phông chữ",
    en="a file with the table [paper]: agency, place, signer, recipients, fonts",
)
_FORCE = Text(vi="thay tệp cùng tên đã có", en="replace files of the same name")
_NO_FORMAT = Text(vi="không có định dạng này", en="there is no such format")
_FORMATS = Text(vi="hãy chọn trong: {names}", en="choose among: {names}")
_WRITTEN = Text(vi="đã ghi {file}", en="wrote {file}")
