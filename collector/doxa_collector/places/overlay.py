"""The overlay: what a deployment imported, one CSV file that is laid over the shipped table."""

import csv
import io
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from doxa_collector.places.model import DIGITS, Conversion, Extent, Level, Unit
from doxa_collector.plans.model import Mark
from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text

FOLDER: Final = Path("/var/lib/doxa-collector/places")
"""Where a deployment keeps what it imported."""
FILE: Final = "places.csv"
"""The overlay's name in the deployment's folder."""
COLUMNS: Final = ("action", "code", "name", "province", "day", "last", "new", "extent", "source", "mark")
MAX_BYTES: Final = 16 * 1024 * 1024
CODE: Final = re.compile(r"[0-9]{5}|[0-9]{2}")


class End(NamedTuple):
    """A code's state ends: `last` is its last day."""

    code: str
    last: date
    source: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Overlay:
    """What was imported."""

    states: tuple[Unit, ...] = ()
    ends: tuple[End, ...] = ()
    conversions: tuple[Conversion, ...] = ()

    def __add__(self, other: "Overlay") -> "Overlay":
        """Both; where they speak of the same state, end or conversion, the other's word counts."""
        states = {unit.key: unit for unit in (*self.states, *other.states)}
        ends = {(end.code, end.last): end for end in (*self.ends, *other.ends)}
        spoken = {(one.old, one.day) for one in other.conversions}
        kept = tuple(one for one in self.conversions if (one.old, one.day) not in spoken)
        return Overlay(tuple(states.values()), tuple(ends.values()), (*kept, *other.conversions))


def written(overlay: Overlay) -> str:
    """The overlay as the text of its file, in one order whatever the order of imports."""
    rows = [
        ("state", u.code, u.name, u.province, str(u.valid_from), str(u.valid_to or ""), "", "", u.source, u.mark.value)
        for u in overlay.states
    ]
    rows += [("end", e.code, "", "", "", str(e.last), "", "", e.source, e.mark.value) for e in overlay.ends]
    rows += [
        ("becomes", c.old, "", "", str(c.day), "", c.new, c.extent.value, c.source, c.mark.value)
        for c in overlay.conversions
    ]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(sorted(rows))
    return out.getvalue()


def write_overlay(path: Path, overlay: Overlay) -> None:
    """Write the file in one move, so that a reader sees the old one or the new one whole."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(written(overlay))
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OperationError(_CANNOT_WRITE.fill(file=path, why=error.strerror or error)) from None


def read_overlay(path: Path) -> Overlay:
    """The overlay in a file; `InputError` with its line for what is wrong."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(str(path), Text(vi="tệp quá lớn", en="the file is too big"), _AGAIN)
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        what = Text(vi=f"không đọc được ({error.strerror})", en=f"it cannot be read ({error.strerror})")
        raise InputError(str(path), what, _AGAIN) from None
    except UnicodeDecodeError:
        raise InputError(str(path), Text(vi="không phải UTF-8", en="it is not UTF-8"), _AGAIN) from None
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise InputError(
            str(path), Text(vi=f"không phải CSV ({error})", en=f"it is not CSV ({error})"), _AGAIN
        ) from None
    if not rows or tuple(rows[0]) != COLUMNS:
        raise InputError(f"{path}:1", Text(vi="thiếu dòng tiêu đề", en="the header is missing"), _AGAIN)
    return _overlay(path, rows[1:])


def _overlay(path: Path, rows: Iterable[Sequence[str]]) -> Overlay:
    states: list[Unit] = []
    ends: list[End] = []
    conversions: list[Conversion] = []
    for number, row in enumerate(rows, 2):
        try:
            action, code, name, province, day, last, new, extent, source, mark = row
            if not (CODE.fullmatch(code) and code.isascii()):
                raise ValueError(code)
            if action == "state":
                states.append(_state(code, name, province, day, last, source, mark))
            elif action == "end":
                ends.append(End(code, date.fromisoformat(last), source, Mark(mark)))
            elif action == "becomes":
                if not CODE.fullmatch(new):
                    raise ValueError(new)
                conversions.append(
                    Conversion(
                        code, new, date.fromisoformat(day), Extent(extent), extent == "whole", source, Mark(mark)
                    )
                )
            else:
                raise ValueError(action)
        except ValueError as error:
            what = Text(vi=f"dòng sai ({error})", en=f"a wrong line ({error})")
            raise InputError(f"{path}:{number}", what, _AGAIN) from None
    return Overlay(tuple(states), tuple(ends), tuple(conversions))


def _state(code: str, name: str, province: str, day: str, last: str, source: str, mark: str) -> Unit:
    if not name.strip() or not CODE.fullmatch(province) or len(province) != 2:
        raise ValueError(f"{name!r}, {province!r}")
    level = DIGITS[len(code)]
    if level is Level.PROVINCE and province != code:
        raise ValueError(province)
    first, until = date.fromisoformat(day), date.fromisoformat(last) if last else None
    if until is not None and until < first:
        raise ValueError(last)
    return Unit(code, name, level, province, "", first, until, source, Mark(mark))


_AGAIN = Text(
    vi="tệp này do «doxa places import» ghi: hãy khôi phục từ bản sao, hoặc xóa nó rồi nhập lại danh mục",
    en="this file is written by 'doxa places import': restore it from a copy, or remove it and import the list again",
)
_CANNOT_WRITE = Text(
    vi="{file}: không ghi được ({why}); hãy kiểm tra thư mục và quyền ghi",
    en="{file}: it cannot be written ({why}); check the folder and the permission to write",
)
