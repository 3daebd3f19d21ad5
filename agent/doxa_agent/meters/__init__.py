"""The directory registry of meters: every module or package here that does not start with `_` is one.

Nothing is imported until a kind is asked for, so a broken or heavy meter costs only those who use it, and fails under
its own name.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from doxa_agent.meter import Reading, Request
from doxa_core.errors import DoxaError, InputError, OperationError
from doxa_core.language import Text
from doxa_core.names import is_value_name
from doxa_core.similar import nearest
from doxa_core.strict import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterModule:
    """One meter's module, its names checked against the contract of `doxa_agent.meter`."""

    kind: str
    method: str
    """Name and version of the method, such as `speed/1`."""
    title: Text
    heavy: bool
    values: Mapping[str, Text]
    """Every value name that it can give, with what it means."""
    read_options: Callable[[Table], Any]
    seconds: Callable[[Any, int], float]
    measure: Callable[[Request[Any]], list[Reading]]


def kinds() -> list[str]:
    """The meters in this folder by name, sorted; nothing is imported."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_"))


def load(kind: str, where: str = "meter") -> MeterModule:
    """The meter of that name. `InputError` (at `where`) for an unknown one, `OperationError` for a broken file."""
    known = kinds()
    if kind not in known:
        raise InputError(where, UNKNOWN.fill(kind=kind), _offer(kind, known))
    try:
        return _checked(kind, importlib.import_module(f"{__name__}.{kind}"))
    except DoxaError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a plug-in's file does while it is imported
        raise OperationError(BROKEN.fill(kind=kind, why=f"{type(error).__name__}: {error}")) from None


def _offer(kind: str, known: list[str]) -> Text:
    names = ", ".join(known)
    near = nearest(kind, known)
    return NEAR.fill(near=near, names=names) if near is not None else CHOOSE.fill(names=names)


def _checked(kind: str, module: ModuleType) -> MeterModule:
    for name, fits in _CONTRACT.items():
        if not fits(getattr(module, name, None)):
            raise OperationError(BROKEN.fill(kind=kind, why=f"{name} is missing or of the wrong type"))
    for value in module.VALUES:
        if not is_value_name(value):
            raise OperationError(BROKEN.fill(kind=kind, why=f"VALUES: {value!r} does not end in a unit"))
    return MeterModule(
        kind=kind,
        method=module.METHOD,
        title=module.TITLE,
        heavy=module.HEAVY,
        values=module.VALUES,
        read_options=module.read_options,
        seconds=module.seconds,
        measure=module.measure,
    )


_CONTRACT: Mapping[str, Callable[[object], bool]] = {
    "METHOD": lambda found: isinstance(found, str) and 0 < len(found) <= 40,
    "TITLE": lambda found: isinstance(found, Text),
    "HEAVY": lambda found: isinstance(found, bool),
    "VALUES": lambda found: isinstance(found, Mapping) and all(isinstance(text, Text) for text in found.values()),
    "read_options": callable,
    "seconds": callable,
    "measure": callable,
}

UNKNOWN = Text(vi="không có phép đo «{kind}»", en="there is no meter '{kind}'")
NEAR = Text(vi="có phải ý bạn là «{near}»? các phép đo: {names}", en="did you mean '{near}'? meters: {names}")
CHOOSE = Text(vi="hãy chọn một trong: {names}", en="choose one of: {names}")
BROKEN = Text(
    vi="không nạp được phép đo «{kind}» ({why}); hãy cài lại doxa hoặc sửa tệp của phép đo",
    en="the meter '{kind}' cannot be loaded ({why}); reinstall doxa or mend the meter's file",
)
