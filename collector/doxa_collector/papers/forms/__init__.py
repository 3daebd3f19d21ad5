"""A document in a format. The folder is the list: a format is a file `as_<name>.py` with `render(document, look) -> bytes`."""

from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from typing import Final, cast

from doxa_collector.papers.fonts import FontSettings
from doxa_collector.papers.model import Document
from doxa_core.errors import InputError
from doxa_core.language import Text

_PREFIX: Final = "as_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What does not change what a paper says."""

    fonts: FontSettings = field(default_factory=FontSettings)
    comma: bool = True
    """In CSV: a decimal comma, and `;` between the fields, as Excel in Vietnamese wants it; else a point and `,`."""


def names() -> tuple[str, ...]:
    """The formats there are: csv, docx, json, pdf, xlsx."""
    return tuple(sorted(m.name.removeprefix(_PREFIX) for m in iter_modules(__path__) if m.name.startswith(_PREFIX)))


def render(document: Document, form: str, look: Look | None = None) -> bytes:
    """The document's bytes, the same for the same input; `InputError` for an unknown format or missing fonts."""
    if form not in names():
        raise InputError(form, _UNKNOWN, _KNOWN.fill(names=", ".join(names())))
    found = import_module(f"{__name__}.{_PREFIX}{form}").render(document, look or Look())
    return cast("bytes", found)


_UNKNOWN: Final = Text(vi="không có định dạng này", en="there is no such format")
_KNOWN: Final = Text(vi="hãy chọn một trong: {names}", en="choose one of: {names}")
