"""`doxa agent accept LINK …`: asks, takes the line's turn, shows each step, and ends with a table, JSON and an exit code.

Exit codes: 0 pass, 1 fail, 2 bad input, 3 probe limited, 4 insufficient (also: declined, line busy, interrupted).
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Final, TextIO

from doxa_agent import config, guards, plan
from doxa_agent.acceptance.conduct import Instruments, Stop, accept, hindered
from doxa_agent.acceptance.contract import Contract, Packets, Targets
from doxa_agent.acceptance.course import FORMS, Course
from doxa_agent.acceptance.identity import read_device
from doxa_agent.acceptance.instruments import Bench
from doxa_agent.acceptance.result import Acceptance, Who
from doxa_agent.acceptance.verdict import EXIT_CODES, Verdict, word
from doxa_agent.acceptance.words import plan_lines, progress_line, report_lines
from doxa_agent.admission import Look, admit
from doxa_agent.config import Settings
from doxa_agent.directions import DIRECTIONS
from doxa_agent.forwarding import refuse_bridge
from doxa_agent.guard import Finding, GuardSettings, Turn
from doxa_agent.lane import HeavyLane
from doxa_agent.meter import FarEnd, Link
from doxa_agent.net.clock import boot_id
from doxa_agent.volume import Volumes, file_beside
from doxa_core import __version__
from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text
from doxa_core.layers import Layer

PATIENCE_S: Final = 300.0
"""A person waits: how long the guards may put the run off before it is given up."""
_YES: Final = frozenset({"c", "co", "có", "y", "yes"})


def run(args: argparse.Namespace, bench: Instruments | None = None) -> int:
    """Run the command; `bench` stands in for the real instruments."""
    settings = config.load(args.config)
    known = plan.load(settings)
    refuse_bridge(settings)
    link = _link(settings, args.link)
    far_end = _far_end(known, link, args.far_end)
    contract = Contract(down_mbps=args.down, up_mbps=args.up, layer=Layer(args.layer))
    targets, course = targets_of(args), course_of(args)
    _check_output(args.output)
    say = _Voice(sys.stderr if args.json else sys.stdout)
    say.all(plan_lines(link.name, far_end.name, contract, course, course.estimate(contract, Packets())))
    if not args.yes and not _agreed():
        say(str(DECLINED))
        return EXIT_CODES[Verdict.INSUFFICIENT]
    found = _in_turn(_Case(settings, link, far_end, contract, targets, course), args.family, bench, say)
    _give(found, args, say)
    return EXIT_CODES[found.verdict]


class _Voice:
    """Where people read: standard error while standard output belongs to a machine."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, line: str) -> None:
        print(line, file=self._out, flush=True)

    def all(self, lines: Iterable[str]) -> None:
        for line in lines:
            self(line)


def targets_of(args: argparse.Namespace) -> Targets:
    """The targets, in ratios."""
    standard = Targets()
    return Targets(
        tolerance_ratio=standard.tolerance_ratio if args.tolerance is None else args.tolerance / 100,
        loss_ratio=standard.loss_ratio if args.max_loss is None else args.max_loss / 100,
        rtt_ms=args.max_rtt,
        pdv_ms=args.max_delay_variation,
        mtu=args.min_mtu,
    )


def course_of(args: argparse.Namespace) -> Course:
    """The form, with the steps as asked."""
    found = FORMS[args.form]
    if args.steps is not None:
        found = replace(found, percents=args.steps)
    return found if args.step_seconds is None else replace(found, step_s=args.step_seconds)


def _link(settings: Settings, name: str) -> Link:
    if name in settings.links:
        return settings.links[name]
    raise InputError(name, NO_LINK.fill(name=name), THERE_ARE.fill(names=", ".join(settings.links)))


def _far_end(known: plan.Plan, link: Link, name: str | None) -> FarEnd:
    """The far end of that name, else the plan's first over this link, one of a line-loading task before others."""
    if name is not None:
        if name in known.far_ends:
            return known.far_ends[name]
        raise InputError(
            f"--far-end {name}", NO_FAR_END.fill(name=name), THERE_ARE.fill(names=", ".join(known.far_ends) or "–")
        )
    tasks = [task for task in known.tasks if task.link.name == link.name and task.far_ends]
    tasks.sort(key=lambda task: not task.meter.heavy)
    if tasks:
        return tasks[0].far_ends[0]
    raise InputError("--far-end", NONE_MEASURED.fill(link=link.name), NAME_ONE)


def _check_output(file: Path | None) -> None:
    """Evidence is never written over evidence, and not after an hour of measuring do we learn that it cannot be kept."""
    if file is None:
        return
    if file.exists():
        raise InputError(f"--output {file}", THERE_ALREADY, ANOTHER_NAME)
    if not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        raise InputError(f"--output {file}", NO_FOLDER, WRITABLE)


def _agreed() -> bool:
    """Ask a person; without one at the keyboard a script must say `--yes`."""
    if not sys.stdin.isatty():
        raise InputError("--yes", NOBODY_THERE, SAY_YES)
    try:
        return input(str(ASK)).strip().lower() in _YES
    except EOFError:
        return False


@dataclass(frozen=True, slots=True)
class _Case:
    """What is to be accepted, and how."""

    settings: Settings
    link: Link
    far_end: FarEnd
    contract: Contract
    targets: Targets
    course: Course


def _in_turn(case: _Case, family: int | None, bench: Instruments | None, say: _Voice) -> Acceptance:
    """Outside the schedule, but never beside another line-loading test of this machine, and by leave of the guards."""
    settings, link, norms = case.settings, case.link, _guards_for(case)
    volumes = Volumes(file_beside(settings.spool.path))
    instruments = bench or Bench(link, case.far_end, family=family, guard=norms, volumes=volumes)
    who = Who(
        site=settings.site,
        agent=settings.agent,
        version=__version__,
        link=link,
        far_end=case.far_end,
        device=read_device(link.interface),
        methods=instruments.methods,
        boot=boot_id(),
    )
    turn = Turn(link=link, heavy=True, settings=norms, moved_bytes=volumes.moved(link.name))
    stop, lane = Stop(), HeavyLane(settings.runner.heavy_lock)
    known = (who, case.contract, case.targets, case.course)
    with _interruptible(stop):
        say(str(WAITING))
        try:
            entry = admit(
                lane,
                turn,
                _looking(say),
                deadline=stop.deadline,
                turn_s=settings.runner.heavy_wait_s,
                patience=stop.deadline(min(PATIENCE_S, norms.defer_max_s)),
            )
        except OperationError as error:
            say(str(error))
            return hindered(*known, "lock_unusable")
        if not entry.admitted:
            why = ("interrupted",) if stop.asked else ("guard_refused", *entry.reasons)
            return hindered(*known, *why, findings=entry.findings)
        try:
            tell = lambda told: say(progress_line(told))  # noqa: E731 - one line beside its only use
            return accept(*known, instruments, stop=stop, tell=tell, findings=entry.findings)
        finally:
            lane.leave()


def _looking(say: _Voice) -> Look:
    """The guards' look, which tells the waiting person what it waits for."""

    def look(turn: Turn, pause: Callable[[float], bool]) -> list[Finding]:
        found = guards.look_all(turn, pause)
        if waits := guards.deferrals(found):
            say(str(PUT_OFF.fill(why=", ".join(str(word(code)) for code in waits))))
        return found

    return look


def _guards_for(case: _Case) -> GuardSettings:
    """The guards' settings as this contract wants them: they measure ports and other traffic by the promised rate."""
    packets = Packets(vlan_tags=case.link.vlan_tags, pppoe=case.link.pppoe)
    rates = [packets.to_ip_mbps(case.contract.mbps(direction), case.contract.layer) for direction in DIRECTIONS]
    return replace(case.settings.guards, target_mbps=max(rates))


@contextmanager
def _interruptible(stop: Stop) -> Iterator[None]:
    """The first Ctrl-C ends the run with what is known; the second one ends the program."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        stop.now()
        with suppress(OSError):  # not by print, which may be what was interrupted
            os.write(sys.stderr.fileno(), f"{ENDING}\n".encode())

    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _give(found: Acceptance, args: argparse.Namespace, say: _Voice) -> None:
    document = found.encode()
    say.all(report_lines(found))
    if args.output is not None:
        _write(args.output, document + b"\n")
        say(str(WRITTEN.fill(file=args.output)))
    if args.json:
        print(document.decode(), flush=True)  # noqa: T201 - the command speaks to a machine


def _write(file: Path, octets: bytes) -> None:
    """Whole or not at all, and never over a file that came meanwhile: link(2) refuses."""
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.") as temporary:
            temporary.write(octets)
            temporary.flush()
            os.fsync(temporary.fileno())
            os.fchmod(temporary.fileno(), 0o644)
            os.link(temporary.name, file)
    except OSError as error:
        raise OperationError(NOT_WRITTEN.fill(file=file, why=error.strerror)) from None


NO_LINK = Text(vi="không có đường truyền «{name}»", en="there is no link '{name}'")
NO_FAR_END = Text(vi="không có đầu xa «{name}»", en="there is no far end '{name}'")
THERE_ARE = Text(vi="đang có: {names}", en="there are: {names}")
NONE_MEASURED = Text(
    vi="kế hoạch không đo đầu xa nào qua đường «{link}»", en="the plan measures no far end over the link '{link}'"
)
NAME_ONE = Text(vi="hãy ghi --far-end TÊN", en="write --far-end NAME")
THERE_ALREADY = Text(vi="tệp này đã có", en="this file exists already")
ANOTHER_NAME = Text(vi="hãy chọn tên khác, chứng cứ không bị ghi đè", en="choose another name, evidence is kept")
NO_FOLDER = Text(vi="thư mục không có hoặc không ghi được", en="the folder does not exist or cannot be written to")
WRITABLE = Text(vi="hãy chọn một thư mục ghi được", en="choose a folder that can be written to")
NOBODY_THERE = Text(
    vi="phép đo này làm đầy đường truyền và phải được xác nhận, nhưng không có người ở bàn phím",
    en="this run fills the line and must be confirmed, but nobody is at the keyboard",
)
SAY_YES = Text(vi="hãy thêm --yes nếu đã được phép", en="add --yes if that is permitted")
ASK = Text(vi="Tiếp tục? [c/K] ", en="Go on? [y/N] ")
DECLINED = Text(vi="Không đo.", en="Nothing was measured.")
WAITING = Text(vi="Chờ đến lượt trên đường truyền …", en="Waiting for the line's turn …")
PUT_OFF = Text(vi="Chưa đo được: {why}; sẽ thử lại …", en="Not now: {why}; looking again soon …")
ENDING = Text(
    vi="\nĐang dừng, giữ lại những gì đã đo … (Ctrl-C lần nữa để thoát ngay)",
    en="\nEnding, what is known is kept … (Ctrl-C once more leaves at once)",
)
WRITTEN = Text(vi="Đã ghi kết quả vào {file}", en="The result is in {file}")
NOT_WRITTEN = Text(
    vi="không ghi được {file} ({why}); hãy chạy lại với --output khác hoặc --json",
    en="{file} could not be written ({why}); run again with another --output or with --json",
)
