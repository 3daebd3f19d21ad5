"""The probe's plan: which meter measures which link against which far ends, and how often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from doxa_agent.config import Settings, readable_file
from doxa_agent.meter import FarEnd, Link
from doxa_agent.meters import MeterModule
from doxa_agent.meters import load as load_meter
from doxa_core.errors import InputError
from doxa_core.language import Text, number
from doxa_core.similar import nearest
from doxa_core.strict import Table, read_toml

LONGEST_S: Final = 7 * 86_400.0
"""A task that runs less than once a week is a mistake more often than a wish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One line of the plan: meter × link × far ends × cadence."""

    name: str
    meter: MeterModule
    link: Link
    every_s: float
    phase_s: float | None = None
    """Where in its cadence it starts; None lets the hash of agent and task spread it."""
    family: int | None = None
    far_ends: tuple[FarEnd, ...] = ()
    options: Any = None
    """The meter's own Options."""

    @property
    def worst_s(self) -> float:
        """How long one run takes at most, by the meter's own word."""
        return self.meter.seconds(self.options, len(self.far_ends))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The tasks in the file's order, and every far end by name."""

    file: Path
    tasks: tuple[Task, ...]
    far_ends: Mapping[str, FarEnd]


def load(settings: Settings) -> Plan:
    """The plan that `settings` names; `InputError` says where, what and how to mend it."""
    top = read_toml(settings.plan)
    far_ends = {name: _far_end(name, table, settings.plan.parent) for name, table in top.tables("far-end")}
    tasks = tuple(_task(name, table, settings, far_ends) for name, table in top.tables("task"))
    top.close()
    if not tasks:
        raise top.refuse("task", NO_TASK, ADD_TASK)
    return Plan(file=settings.plan, tasks=tasks, far_ends=far_ends)


def _far_end(name: str, table: Table, base: Path) -> FarEnd:
    found = FarEnd(
        name=name,
        host=table.text("host"),
        port=table.integer("port", 1, 65535, 8080),
        path=table.text("path", "").strip("/"),
        tls=table.flag("tls", default=False),
        ca_file=readable_file(table, "ca_file", base),
        capacity_port=table.integer("capacity_port", 1, 65535, 24601),
        capacity_keys=readable_file(table, "capacity_keys", base),
        stamp_port=table.integer("stamp_port", 1, 65535, 862),
        stamp_key=readable_file(table, "stamp_key", base),
    )
    table.close()
    if any(mark in found.host for mark in "/ []@"):
        raise table.refuse("host", NOT_HOST.fill(value=found.host), A_HOST)
    return found


def _task(name: str, table: Table, settings: Settings, far_ends: Mapping[str, FarEnd]) -> Task:
    meter = load_meter(table.text("meter"), table.name_of("meter"))
    found = Task(
        name=name,
        meter=meter,
        link=settings.links[_known(table, "link", table.text("link"), settings.links, LINK)],
        every_s=table.number("every_s", 1, LONGEST_S),
        phase_s=table.number("phase_s", 0, LONGEST_S, None),
        family=_family(table),
        far_ends=_chosen(table, far_ends),
        options=_options(table, name, meter),
    )
    table.close()
    _fits(table, found)
    return found


def _family(table: Table) -> int | None:
    family = table.integer("family", 4, 6, None)
    if family == 5:
        raise table.refuse("family", NOT_FAMILY, A_FAMILY)
    return family


def _chosen(table: Table, far_ends: Mapping[str, FarEnd]) -> tuple[FarEnd, ...]:
    if "far_ends" not in table:
        return ()
    names = table.texts("far_ends")
    if not names or len(set(names)) != len(names):
        raise table.refuse("far_ends", EMPTY_OR_TWICE, NAME_ONCE)
    return tuple(far_ends[_known(table, "far_ends", name, far_ends, FAR_END)] for name in names)


def _known(table: Table, key: str, name: str, known: Mapping[str, object], what: Text) -> str:
    if name in known:
        return name
    raise table.refuse(key, NOT_THERE.fill(what=what, name=name), _offer(name, list(known)))


def _offer(name: str, known: Sequence[str]) -> Text:
    if near := nearest(name, known):
        return DID_YOU_MEAN.fill(near=near)
    return THERE_ARE.fill(names=", ".join(known)) if known else DEFINE_IT


def _options(table: Table, name: str, meter: MeterModule) -> Any:
    options = table.table("options", optional=True)
    if options is None:
        options = Table({}, table.name_of("").partition(": ")[0], f"task.{name}.options.")
    found = meter.read_options(options)
    options.close()
    return found


def _fits(table: Table, task: Task) -> None:
    """Refuse a phase outside the cadence and a run that cannot end before the next one starts."""
    if task.phase_s is not None and task.phase_s >= task.every_s:
        raise table.refuse("phase_s", PHASE, PHASE_BELOW.fill(every=f"{task.every_s:g}"))
    if (worst := task.worst_s) > task.every_s:
        spoken = Text(vi=number(worst, 1, "vi"), en=number(worst, 1, "en"))
        every = f"{task.every_s:g}"
        raise table.refuse("every_s", TOO_LONG.fill(worst=spoken, every=every), LONGER_CADENCE.fill(worst=spoken))


def task_of(plan: Plan, name: str) -> Task:
    """The task of that name, or `InputError` naming the ones there are."""
    for task in plan.tasks:
        if task.name == name:
            return task
    names = [task.name for task in plan.tasks]
    raise InputError(f"--task {name}", NOT_THERE.fill(what=TASK, name=name), _offer(name, names))


LINK = Text(vi="đường truyền", en="link")
FAR_END = Text(vi="đầu xa", en="far end")
TASK = Text(vi="tác vụ", en="task")
NOT_THERE = Text(vi="không có {what} «{name}»", en="there is no {what} '{name}'")
DID_YOU_MEAN = Text(vi="có phải ý bạn là «{near}»?", en="did you mean '{near}'?")
THERE_ARE = Text(vi="đang có: {names}", en="there are: {names}")
DEFINE_IT = Text(vi="hãy định nghĩa nó trước", en="define it first")
NO_TASK = Text(vi="kế hoạch chưa có tác vụ nào", en="the plan has no task")
ADD_TASK = Text(vi="hãy thêm ít nhất một bảng [task.TÊN]", en="add at least one table [task.NAME]")
NOT_HOST = Text(vi="«{value}» không phải tên máy hay địa chỉ", en="'{value}' is not a host name or an address")
A_HOST = Text(
    vi="hãy ghi tên hoặc địa chỉ IP, không kèm http:// hay cổng",
    en="write a name or an IP address without http:// or port",
)
NOT_FAMILY = Text(vi="5 không phải là họ địa chỉ", en="5 is not an address family")
A_FAMILY = Text(vi="hãy ghi 4 (IPv4) hoặc 6 (IPv6)", en="write 4 (IPv4) or 6 (IPv6)")
EMPTY_OR_TWICE = Text(vi="danh sách rỗng hoặc có tên lặp lại", en="the list is empty or names one twice")
NAME_ONCE = Text(vi="hãy ghi mỗi đầu xa một lần", en="name each far end once")
PHASE = Text(vi="pha không nằm trong chu kỳ", en="the phase is not within the cadence")
PHASE_BELOW = Text(vi="hãy ghi giá trị nhỏ hơn every_s = {every}", en="write a value below every_s = {every}")
TOO_LONG = Text(
    vi="một lần đo có thể kéo dài {worst} giây, quá chu kỳ {every} giây",
    en="one run may take {worst} s, which is more than the cadence of {every} s",
)
LONGER_CADENCE = Text(
    vi="hãy đặt every_s từ {worst} trở lên, hoặc rút ngắn lần đo trong options",
    en="make every_s at least {worst}, or shorten the run in its options",
)
