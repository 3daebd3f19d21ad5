"""The directory registry of guards: every module here that does not start with `_` looks before each run.

A guard that breaks must not end measuring: its fault is a finding of its own.
"""

import importlib
import logging
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Final, Protocol

from doxa_agent.guard import Effect, Finding
from doxa_agent.meter import Link
from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_core.names import CODE

log = logging.getLogger(__name__)


class Look(Protocol):
    """A guard's one verb."""

    def __call__(self, link: Link, *, heavy: bool) -> list[Finding]:
        """What it notices about a link before a run."""


class Judge(Protocol):
    """What a guard may add after a heavy run."""

    def __call__(self, link: Link, values: Mapping[str, float]) -> tuple[str, ...]:
        """Why the probe, and not the line, may have set the values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardModule:
    """One guard's module, its names checked against the contract of `doxa_agent.guard`."""

    name: str
    title: Text
    findings: Mapping[str, Text]
    look: Look
    judge: Judge | None = None


BROKEN: Final = Text(
    vi="không nạp được bộ canh «{name}» ({why}); hãy cài lại doxa hoặc sửa tệp của bộ canh",
    en="the guard '{name}' cannot be loaded ({why}); reinstall doxa or mend the guard's file",
)
FAULT: Final = Text(
    vi="bộ canh {name}: lỗi của chính chương trình ({why}); phép đo vẫn tiếp tục",
    en="guard {name}: a fault of the program itself ({why}); measuring goes on",
)


def names() -> list[str]:
    """The guards in this folder, sorted; nothing is imported."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_"))


def load(name: str) -> GuardModule:
    """The guard of that name; `OperationError` for a broken file."""
    try:
        module = importlib.import_module(f"{__name__}.{name}")
    except Exception as error:  # noqa: BLE001 - whatever a plug-in's file does while it is imported
        raise OperationError(BROKEN.fill(name=name, why=f"{type(error).__name__}: {error}")) from None
    for wanted, fits in _CONTRACT.items():
        if not fits(getattr(module, wanted, None)):
            raise OperationError(BROKEN.fill(name=name, why=f"{wanted} is missing or of the wrong type"))
    return _guard(name, module)


def _guard(name: str, module: ModuleType) -> GuardModule:
    return GuardModule(
        name=name, title=module.TITLE, findings=module.FINDINGS, look=module.look, judge=getattr(module, "judge", None)
    )


def _are_findings(found: object) -> bool:
    return isinstance(found, Mapping) and all(
        isinstance(code, str) and CODE.fullmatch(code) is not None and isinstance(text, Text)
        for code, text in found.items()
    )


_CONTRACT: Final[Mapping[str, Callable[[object], bool]]] = {
    "TITLE": lambda found: isinstance(found, Text),
    "FINDINGS": _are_findings,
    "look": callable,
}


def look_all(link: Link, heavy: bool, *, among: Iterable[str] | None = None) -> list[Finding]:  # noqa: FBT001 - the runner's fixed call
    """What all guards (or those `among`) notice, each finding once; `guard_fault_NAME` for one that broke."""
    found: list[Finding] = []
    for name in names() if among is None else among:
        try:
            found += load(name).look(link, heavy=heavy)
        except Exception as error:  # noqa: BLE001 - a guard's fault must not end measuring
            log.error("%s", FAULT.fill(name=name, why=f"{type(error).__name__}: {error}"))
            found.append(Finding(code=f"guard_fault_{name}"))
    return list(dict.fromkeys(found))


def judge_all(link: Link, values: Mapping[str, float], *, among: Iterable[str] | None = None) -> tuple[str, ...]:
    """Why the probe may have been the limit of a heavy run's values, each reason once; empty where it was not."""
    found: list[str] = []
    for name in names() if among is None else among:
        try:
            judge = load(name).judge
            found += judge(link, values) if judge else ()
        except Exception as error:  # noqa: BLE001 - a guard's fault must not end measuring
            log.error("%s", FAULT.fill(name=name, why=f"{type(error).__name__}: {error}"))
    return tuple(dict.fromkeys(found))


def refusals(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The codes that forbid the run."""
    return tuple(finding.code for finding in findings if finding.effect is Effect.REFUSE)


def codes(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The codes that accompany the measurement."""
    return tuple(finding.code for finding in findings if finding.effect is not Effect.REFUSE)
