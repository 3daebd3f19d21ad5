"""Files of papers: all of them whole, or none; and never over one that is there already unless asked."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text


def refuse_known(files: list[Path]) -> None:
    """`InputError` where one of these files is there already."""
    known = [file for file in files if os.path.lexists(file)]
    if known:
        raise InputError(str(known[0]), _THERE, _FORCE)


def write_all(contents: Mapping[Path, bytes], *, force: bool) -> None:
    """Write each file beside its place, and move them there when all are on the disk.

    Folders are made as needed. `InputError` as of `refuse_known` unless `force`; `OperationError` where the disk refuses.
    """
    if not force:
        refuse_known(list(contents))
    waiting: dict[Path, Path] = {}
    try:
        for file, content in contents.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            waiting[file] = _beside(file, content)
        for file in list(waiting):
            if file.is_dir():
                raise InputError(str(file), _FOLDER, _OTHER)
            waiting[file].replace(file)
            del waiting[file]
    except OSError as error:
        where = error.filename or next(iter(contents)).parent
        raise OperationError(_REFUSED.fill(file=where, reason=error.strerror)) from None
    finally:
        for left in waiting.values():
            with suppress(OSError):
                left.unlink()


def _beside(file: Path, content: bytes) -> Path:
    """A file with the content in the same folder, on the disk; readable as the user's other files are."""
    found = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    found.unlink(missing_ok=True)
    with found.open("xb") as out:
        try:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        except OSError:
            found.unlink(missing_ok=True)
            raise
    return found


_THERE: Final = Text(vi="tệp này đã có", en="this file is there already")
_FORCE: Final = Text(
    vi="hãy thêm --force để thay, hoặc --out để ghi vào thư mục khác",
    en="add --force to replace it, or --out for another folder",
)
_FOLDER: Final = Text(vi="đây là một thư mục", en="this is a folder")
_OTHER: Final = Text(vi="hãy chọn --out khác", en="choose another --out")
_REFUSED: Final = Text(
    vi="{file}: không ghi được ({reason}); hãy kiểm tra thư mục, quyền ghi và chỗ trống",
    en="{file}: it cannot be written ({reason}); check the folder, the permission to write and the space left",
)
