"""The installer's checklist (`doxa agent check`): one line per thing, its value, and what to do where it is not good.

Every module of this folder that does not start with `_` is a check (contract: `doxa_agent.check`).
"""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Final

from doxa_agent import plan
from doxa_agent.check import Item, Scene, State
from doxa_agent.checklist._render import as_json, render, sum_up
from doxa_agent.config import Settings
from doxa_core.errors import InputError
from doxa_core.language import Text, language

__all__ = ["checks", "look", "render", "run"]


def checks() -> list[tuple[str, ModuleType]]:
    """The checks by name in their order."""
    names = [found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_")]
    modules = [(name, importlib.import_module(f"{__name__}.{name}")) for name in names]
    return sorted(modules, key=lambda found: (found[1].ORDER, found[0]))


def look(settings: Settings, *, speed: bool) -> Iterator[Item]:
    """The items, one after the other as they are found; a broken plan is the first of them, never an exception."""
    known: plan.Plan | None = None
    try:
        known = plan.load(settings)
    except InputError as error:
        yield Item(key="plan", title=PLAN, state=State.BAD, value=error.text, advice=MEND)
    else:
        value = TASKS.fill(count=len(known.tasks), file=known.file)
        yield Item(key="plan", title=PLAN, state=State.GOOD, value=value)
    scene = Scene(settings=settings, plan=known, speed=speed)
    for name, check in checks():
        yield from _look(name, check, scene)


def _look(name: str, check: ModuleType, scene: Scene) -> Iterator[Item]:
    try:
        yield from check.look(scene)
    except Exception as error:  # noqa: BLE001 - a fault of one check must not hide what the others find
        why = FAULT.fill(why=f"{type(error).__name__}: {error}")
        yield Item(key=name, title=check.TITLE, state=State.WARNING, value=why, advice=REPORT)


def run(settings: Settings, *, speed: bool, as_json: bool = False) -> int:
    """Print the checklist, line by line as it is found (as one JSON object at the end); 1 where something is bad."""
    found: list[Item] = []
    for item in look(settings, speed=speed):
        found.append(item)
        if not as_json:
            _say(*render([item], language()))
    _say(_as_json(found) if as_json else str(sum_up(found)))
    return int(any(item.state is State.BAD for item in found))


def _say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)  # noqa: T201 - the command speaks to its user


_as_json: Final = as_json

PLAN: Final = Text(vi="Kế hoạch đo", en="Plan")
TASKS: Final = Text(vi="{count} tác vụ trong {file}", en="{count} tasks in {file}")
MEND: Final = Text(
    vi="sửa tệp kế hoạch rồi chạy lại; các mục dưới đây chưa thử được các đầu xa",
    en="mend the plan and run this again; what follows could not try the far ends",
)
FAULT: Final = Text(vi="lỗi của chính chương trình ({why})", en="a fault of the program itself ({why})")
REPORT: Final = Text(vi="xin báo cho nhóm phát triển", en="please report it")
