"""A folder of modules as a registry: what lies there can be named, and is imported only when it is. Sinks and channels use it."""

import pkgutil
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from doxa_core.errors import InputError
from doxa_core.language import Text
from doxa_core.similar import nearest


def kinds(package: ModuleType) -> list[str]:
    """The kinds that the package holds, without importing any of them; names with a leading underscore are none."""
    return sorted(found.name for found in pkgutil.iter_modules(package.__path__) if not found.name.startswith("_"))


def load(package: ModuleType, kind: str, names: Sequence[str], *, what: str, contract: str) -> ModuleType:
    """The module of `kind`; `InputError` for one that does not exist or lacks one of `names`.

    `what` is the word for such a thing in sentences, `contract` the file that tells what its module must offer.
    """
    where, known = f"{what} «{kind}»", kinds(package)
    if kind not in known:
        near = nearest(kind, known)
        cure = _KINDS.fill(kinds=", ".join(known)) if near is None else _MEANT.fill(near=near)
        raise InputError(where, _UNKNOWN, cure)
    module = import_module(f"{package.__name__}.{kind}")
    if missing := [name for name in names if not hasattr(module, name)]:
        raise InputError(where, _LACKS.fill(names=", ".join(missing)), _SEE.fill(file=contract))
    return module


_UNKNOWN = Text(vi="không có loại này", en="there is no such kind")
_KINDS = Text(vi="các loại: {kinds}", en="kinds: {kinds}")
_MEANT = Text(vi="có phải ý bạn là «{near}»?", en="did you mean '{near}'?")
_LACKS = Text(vi="mô-đun thiếu {names}", en="its module lacks {names}")
_SEE = Text(vi="hãy xem {file}", en="see {file}")
