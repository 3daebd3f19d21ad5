"""The directory registry of guards: every module here that does not start with `_` looks before, during and after a run.

A guard that breaks must not end measuring: its fault is a finding of its own.
"""

import importlib
import logging
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Final, TypeVar

from doxa_agent.guard import Effect, Finding, Turn, Verdict, Watch
from doxa_agent.guards._watching import Watching
from doxa_agent.meter import Reading
from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_core.names import CODE

log = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardModule:
    """One guard's module, its names checked against the contract of `doxa_agent.guard`."""

    name: str
    title: Text
    findings: Mapping[str, Text]
    look: Callable[[Turn], list[Finding]]
    before: Callable[[Turn], Watch[list[Finding]] | None] | None = None
    during: Callable[[Turn], Watch[Verdict] | None] | None = None
    judge: Callable[[Turn, Reading], Verdict] | None = None


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


_OPTIONAL: Final = ("before", "during", "judge")


def _guard(name: str, module: ModuleType) -> GuardModule:
    return GuardModule(
        name=name,
        title=module.TITLE,
        findings=module.FINDINGS,
        look=module.look,
        **{optional: getattr(module, optional, None) for optional in _OPTIONAL},
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
    **{name: lambda found: found is None or callable(found) for name in _OPTIONAL},
}


def look_all(turn: Turn, pause: Callable[[float], bool]) -> list[Finding]:
    """What all guards notice, each finding once; `guard_fault_NAME` for one that broke.

    Before a heavy run they also watch the line and the machine for `before_s`, unless one refused already: `pause`
    sleeps so long and is False where it was cut short.
    """
    faults: list[str] = []
    nothing: list[Finding] = []
    found = [one for guard in _asked(turn, faults) for one in _safely(guard.name, faults, nothing, guard.look, turn)]
    if turn.heavy and turn.settings.before_s > 0 and not refusals(found):
        watches = [
            (guard.name, watch)
            for guard in _asked(turn)
            if guard.before is not None and (watch := _safely(guard.name, faults, None, guard.before, turn))
        ]
        if watches and pause(turn.settings.before_s):
            found += [one for name, watch in watches for one in _safely(name, faults, nothing, watch.end)]
    return list(dict.fromkeys([*found, *(Finding(code=f"guard_fault_{name}") for name in faults)]))


def watch_all(turn: Turn) -> Watching:
    """Begin to watch a heavy run; `end()` of what is returned says what all guards noticed."""
    faults: list[str] = []
    watches = [
        (guard.name, watch)
        for guard in _asked(turn)
        if guard.during is not None and (watch := _safely(guard.name, faults, None, guard.during, turn))
    ]
    return Watching(watches, _safely, faults)


def judge_all(turn: Turn, reading: Reading) -> Verdict:
    """What the guards say to the figures of a heavy run."""
    faults: list[str] = []
    verdicts = [
        _safely(guard.name, faults, Verdict(), guard.judge, turn, reading)
        for guard in _asked(turn)
        if guard.judge is not None
    ]
    return together(verdicts, faults)


def together(verdicts: Iterable[Verdict], faults: Iterable[str] = ()) -> Verdict:
    """One verdict of many, every code once."""
    every = list(verdicts)
    return Verdict(
        findings=tuple(dict.fromkeys([*(c for v in every for c in v.findings), *(f"guard_fault_{n}" for n in faults)])),
        limits=tuple(dict.fromkeys(code for verdict in every for code in verdict.limits)),
        impossible=tuple(dict.fromkeys(name for verdict in every for name in verdict.impossible)),
        detail={key: value for verdict in every for key, value in verdict.detail.items()},
    )


def _asked(turn: Turn, faults: list[str] | None = None) -> Iterator[GuardModule]:
    """The guards that are not switched off and can be loaded."""
    for name in names():
        if name not in turn.settings.off:
            guard = _safely(name, [] if faults is None else faults, None, load, name)
            if guard is not None:
                yield guard


def _safely(name: str, faults: list[str], otherwise: Result, call: Callable[..., Result], *arguments: object) -> Result:
    """What a guard says; its fault is logged, noted, and must not end measuring."""
    try:
        return call(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever a guard's file does
        log.error("%s", FAULT.fill(name=name, why=f"{type(error).__name__}: {error}"))
        if name not in faults:
            faults.append(name)
        return otherwise


def refusals(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The codes that forbid the run."""
    return tuple(finding.code for finding in findings if finding.effect is Effect.REFUSE)


def deferrals(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The codes for which the run should wait."""
    return tuple(finding.code for finding in findings if finding.effect is Effect.DEFER)


def codes(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The codes that accompany the measurement; a run that takes place was not put off."""
    kept = (Effect.NOTE, Effect.LIMIT, Effect.FRUGAL)
    return tuple(finding.code for finding in findings if finding.effect in kept)
