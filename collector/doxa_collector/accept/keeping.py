"""Files: the child's result until the bundle is on the disk, the bundle that is never written over, and the papers."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from doxa_collector.accept.bundle import Evidence
from doxa_collector.papers import forms
from doxa_collector.papers.forms import Look
from doxa_collector.papers.model import Document
from doxa_collector.report.writing import refuse_known, write_all
from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text

RESULT: Final = "result.json"


@contextmanager
def room(out: Path) -> Iterator[Path]:
    """A path for the result, in a folder of its own within `out`; what is left there at the end stays, and can be used.

    `OperationError` where nothing can be written, before anything is measured.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".doxa-accept-", dir=out))
    except OSError as error:
        raise OperationError(_NO_ROOM.fill(folder=out, why=error.strerror)) from None
    try:
        yield folder / RESULT
    finally:
        with suppress(OSError):  # not empty: the result could not become a bundle and is all that there is
            folder.rmdir()


def read(file: Path, most: int) -> bytes:
    """The file's bytes; `InputError` where it cannot be read or is too big."""
    try:
        with file.open("rb") as opened:
            found = opened.read(most + 1)
    except OSError as error:
        raise InputError(str(file), _UNREADABLE.fill(why=error.strerror), _CHECK_PATH) from None
    if len(found) > most:
        raise InputError(str(file), _TOO_BIG, _RIGHT_FILE)
    return found


def keep(evidence: Evidence, out: Path) -> Path:
    """The bundle in `out`; one of the same content stays, one of another is never written over, whatever was forced."""
    file, content = out / evidence.name, evidence.encode()
    if os.path.lexists(file):
        if file.is_file() and read(file, len(content)) == content:
            return file
        raise InputError(str(file), _OTHER_EVIDENCE, _OTHER_FOLDER)
    write_all({file: content}, force=False)
    return file


def files(evidence: Evidence, formats: tuple[str, ...], out: Path) -> dict[Path, str]:
    """The papers' files with their formats."""
    return {out / f"bien-ban-nghiem-thu_{evidence.mark}.{form}": form for form in formats}


def refuse(wanted: Iterable[Path], *, force: bool) -> None:
    """`InputError` where a paper is there already and may not be replaced."""
    if not force:
        refuse_known(list(wanted))


def write(document: Document, wanted: dict[Path, str], look: Look, *, force: bool) -> None:
    """All papers whole, or none."""
    write_all({file: forms.render(document, form, look) for file, form in wanted.items()}, force=force)


_NO_ROOM: Final = Text(
    vi="không ghi được vào thư mục {folder} ({why}); hãy chọn --out khác trước khi đo",
    en="the folder {folder} cannot be written to ({why}); choose another --out before measuring",
)
_UNREADABLE: Final = Text(vi="không đọc được ({why})", en="it cannot be read ({why})")
_CHECK_PATH: Final = Text(vi="hãy kiểm tra đường dẫn và quyền đọc", en="check the path and the permission to read")
_TOO_BIG: Final = Text(vi="tệp quá lớn", en="the file is too big")
_RIGHT_FILE: Final = Text(
    vi="hãy đưa tệp bằng chứng hoặc kết quả nghiệm thu", en="give a bundle, or a result of an acceptance"
)
_OTHER_EVIDENCE: Final = Text(
    vi="đã có tệp bằng chứng khác cùng tên, bằng chứng không bao giờ bị ghi đè",
    en="there is other evidence of this name, and evidence is never written over",
)
_OTHER_FOLDER: Final = Text(vi="hãy chọn --out khác", en="choose another --out")
