"""The directory registry of the far end's roles: every module here that does not start with `_` is one server.

A role's module has these names:

    TITLE: Text                                         what people call it
    EXAMPLE: Text                                       for --help
    def add_options(parser: argparse.ArgumentParser) -> None
    def run(asked: argparse.Namespace) -> int           serves until SIGTERM or SIGINT; with `asked.json` the first line
                                                        printed is {"listening": [{"host": …, "port": …}, …]}

`doxa responder ROLE` runs one role; `doxa responder run` runs `http` itself and others as its child processes.
"""

import argparse
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from doxa_core.errors import OperationError
from doxa_core.language import Text

BROKEN: Final = Text(
    vi="không nạp được vai trò «{name}» ({why}); hãy cài lại doxa hoặc sửa tệp của vai trò",
    en="the role '{name}' cannot be loaded ({why}); reinstall doxa or mend the role's file",
)
NO_SUCH: Final = Text(
    vi="không có vai trò «{name}»; hãy chọn: {known}", en="there is no role '{name}'; choose: {known}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One role's module, its names checked."""

    name: str
    title: Text
    example: Text
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def names() -> list[str]:
    """The roles in this folder, sorted; nothing is imported."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_"))


def load(name: str) -> Role:
    """The role of that name; `OperationError` for one that is missing or broken."""
    if name not in names():
        raise OperationError(NO_SUCH.fill(name=name, known=", ".join(names())))
    try:
        module = importlib.import_module(f"{__name__}.{name}")
        found = Role(
            name=name, title=module.TITLE, example=module.EXAMPLE, add_options=module.add_options, run=module.run
        )
    except Exception as error:  # noqa: BLE001 - whatever a role's file does while it is imported
        raise OperationError(BROKEN.fill(name=name, why=f"{type(error).__name__}: {error}")) from None
    for part, fits in (
        ("TITLE", isinstance(found.title, Text)),
        ("EXAMPLE", isinstance(found.example, Text)),
        ("add_options", callable(found.add_options)),
        ("run", callable(found.run)),
    ):
        if not fits:
            raise OperationError(BROKEN.fill(name=name, why=f"{part} is of the wrong type"))
    return found
