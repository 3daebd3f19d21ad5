"""`doxa agent …`: run the probe, check an installation, measure once, list the meters, look into the spool."""

import argparse
import json
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from doxa_agent.config import DEFAULT_FILE
from doxa_core.errors import OperationError
from doxa_core.language import Text, language, local_time, number
from doxa_core.measurement import Measurement
from doxa_core.outcome import Outcome


def main(argv: Sequence[str]) -> int:
    """Run one command; the exit code is 0, 1 (the surroundings, or a line that failed) or 2 (bad input)."""
    args = _parser().parse_args(list(argv))
    command: Callable[[argparse.Namespace], int] = args.command
    return command(args)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="doxa agent",
        description=str(ABOUT),
        epilog=str(EXAMPLES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar=str(COMMAND), required=True)
    _add(commands, "run", _run, RUN, "doxa agent run --config /etc/doxa/agent.toml")
    check = _add(commands, "check", _check, CHECK, "doxa agent check --no-speed")
    check.add_argument("--no-speed", action="store_true", help=str(NO_SPEED))
    _json(check)
    once = _add(commands, "once", _once, ONCE, "doxa agent once --task speed --json")
    once.add_argument("--task", metavar="NAME", help=str(ONE_TASK))
    once.add_argument("--spool", action="store_true", help=str(ALSO_SPOOL))
    _json(once)
    accept = _add(commands, "accept", _accept, ACCEPT, "doxa agent accept internet --down 100 --up 100")
    _accept_arguments(accept)
    _json(accept)
    _json(_add(commands, "meters", _meters, METERS, "doxa agent meters --json", config=False))
    _json(_add(commands, "spool", _spool, SPOOL, "doxa agent spool --json"))
    return parser


def _add(
    commands: Any,
    name: str,
    command: Callable[[argparse.Namespace], int],
    about: Text,
    example: str,
    *,
    config: bool = True,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=str(about), description=str(about), epilog=str(EXAMPLE.fill(example=example))
    )
    parser.set_defaults(command=command)
    if config:
        parser.add_argument(
            "--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help=str(CONFIG.fill(file=DEFAULT_FILE))
        )
    return parser


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help=str(AS_JSON))


def _run(args: argparse.Namespace) -> int:
    from doxa_agent import log
    from doxa_agent.service import Service

    log.begin()
    service = Service(args.config)
    service.listen()
    service.run()
    return 0


def _check(args: argparse.Namespace) -> int:
    from doxa_agent import checklist, config

    return checklist.run(config.load(args.config), speed=not args.no_speed, as_json=args.json)


def _once(args: argparse.Namespace) -> int:
    """The same road as the service: guards, turn, deadline, encoding; only the schedule is left out."""
    from doxa_agent import config, plan
    from doxa_agent.forwarding import refuse_bridge
    from doxa_agent.runner import Runner

    settings = config.load(args.config)
    known = plan.load(settings)
    refuse_bridge(settings)
    tasks = [plan.task_of(known, args.task)] if args.task else known.tasks
    worst = 0
    with _keeping(settings, spool=args.spool) as keep:
        # A person is waiting: a line that is not quiet is said at once, not after half an hour.
        now = replace(settings, guards=replace(settings.guards, defer_max_s=0.0))
        runner = Runner(now, keep)
        for task in tasks:
            for measurement in runner.run(task):
                _show(measurement, as_json=args.json)
                worst |= measurement.outcome in (Outcome.FAILED, Outcome.ERROR)
    return int(worst)


def _accept_arguments(parser: argparse.ArgumentParser) -> None:
    from doxa_agent.acceptance.arguments import add_arguments

    add_arguments(parser)


def _accept(args: argparse.Namespace) -> int:
    from doxa_agent.acceptance.command import run

    return run(args)


@contextmanager
def _keeping(settings: Any, *, spool: bool) -> Any:
    """Into the real spool, from where the service sends it on; or into a shelf in memory that ends with us."""
    from doxa_agent.shelf import Shelf
    from doxa_agent.spool import Spool

    owner = f"{settings.site}/{settings.agent}"
    keeper = (
        Spool(settings.spool, owner) if spool else Shelf(None, owner=owner, max_rows=10_000, max_bytes=64 * 1024 * 1024)
    )
    try:
        if isinstance(keeper, Spool) and keeper.trouble is not None:
            raise OperationError(keeper.trouble)
        yield keeper.add
    finally:
        keeper.close()


def _show(measurement: Measurement, *, as_json: bool) -> None:
    if as_json:
        print(measurement.encode().decode(), flush=True)
        return
    head = f"{measurement.task} · {measurement.link}"
    if measurement.far_end:
        head += f" → {measurement.far_end}" + (f" (IPv{measurement.family})" if measurement.family else "")
    words = ", ".join((*measurement.reasons, *measurement.findings))
    print(f"{head}: {OUTCOMES[measurement.outcome]}" + (f" ({words})" if words else ""))
    for name, value in sorted(measurement.values.items()):
        print(f"    {name:<32} {number(value, 0 if float(value).is_integer() else 3):>16}", flush=True)


def _meters(args: argparse.Namespace) -> int:
    from doxa_agent import meters

    found = [meters.load(kind) for kind in meters.kinds()]
    if args.json:
        print(json.dumps([_described(meter) for meter in found], ensure_ascii=False, indent=2))
        return 0
    for meter in found:
        weight = HEAVY if meter.heavy else LIGHT
        print(f"{meter.kind} – {meter.title} ({meter.method}; {weight})")
        for name, meaning in meter.values.items():
            print(f"    {name:<32} {meaning}")
    return 0


def _described(meter: Any) -> dict[str, object]:
    from doxa_core.names import UNITS, unit_of

    values = {
        name: {"unit": unit_of(name), "unit_means": UNITS[unit_of(name)], "vi": text.vi, "en": text.en}
        for name, text in meter.values.items()
    }
    title = {"vi": meter.title.vi, "en": meter.title.en}
    return {"kind": meter.kind, "method": meter.method, "title": title, "heavy": meter.heavy, "values": values}


def _spool(args: argparse.Namespace) -> int:
    from doxa_agent import config
    from doxa_agent.survey import survey

    found = survey(config.load(args.config).spool.path)
    if args.json:
        print(json.dumps(found.as_fields(), ensure_ascii=False))
        return 0
    spoken = language()
    print(
        WAITING.fill(path=found.path, rows=number(found.rows, 0), kib=number(found.octets / 1024, 1), epoch=found.epoch)
    )
    if found.oldest and found.newest:
        print(BETWEEN.fill(first=local_time(found.oldest, spoken), last=local_time(found.newest, spoken)))
    for name, by_epoch in found.counts.items():
        print(f"    {COUNTS.get(name, name)}: {number(sum(by_epoch.values()), 0)}")
    return 0


ABOUT = Text(vi="Chương trình đo tại trụ sở.", en="The measuring program at an office.")
EXAMPLES = Text(
    vi="ví dụ:\n  doxa agent check\n  doxa agent once --task speed\n  doxa agent run --config /etc/doxa/agent.toml",
    en="example:\n  doxa --lang en agent check\n  doxa agent once --task speed\n  doxa agent run --config /etc/doxa/agent.toml",
)
EXAMPLE = Text(vi="ví dụ: {example}", en="example: {example}")
COMMAND = Text(vi="LỆNH", en="COMMAND")
CONFIG = Text(vi="tệp cấu hình (mặc định {file})", en="the configuration (default {file})")
AS_JSON = Text(vi="in JSON cho máy đọc", en="print JSON for machines")
RUN = Text(
    vi="đo theo kế hoạch và gửi kết quả, đến khi nhận SIGTERM; SIGHUP nạp lại cấu hình",
    en="measure by the plan and send the results until SIGTERM; SIGHUP reloads the configuration",
)
CHECK = Text(
    vi="bảng kiểm khi lắp đặt: mỗi dòng một giá trị và việc cần làm",
    en="the installer's checklist: a value and what to do, line by line",
)
NO_SPEED = Text(vi="bỏ phép đo tốc độ ngắn", en="leave out the short speed test")
ONCE = Text(
    vi="đo một lần ngay bây giờ theo đúng cách của dịch vụ và in kết quả; mã thoát 1 khi có phép đo thất bại",
    en="measure once now, on the service's own road, and print; exit code 1 when a measurement failed",
)
ONE_TASK = Text(vi="chỉ tác vụ này (mặc định: tất cả)", en="only this task (default: all)")
ALSO_SPOOL = Text(
    vi="đưa kết quả vào hàng đợi thật, dịch vụ sẽ gửi lên collector",
    en="put the results into the real spool, from where the service sends them to the collector",
)
ACCEPT = Text(
    vi="nghiệm thu một đường truyền theo hợp đồng; mã thoát 0 đạt, 1 không đạt, 3 thiết bị đo giới hạn, 4 chưa đủ căn cứ",
    en="accept a line by its contract; exit code 0 pass, 1 fail, 3 probe limited, 4 insufficient",
)
METERS = Text(vi="các phép đo, giá trị, đơn vị và ý nghĩa", en="the meters, their values, units and meanings")
SPOOL = Text(vi="những gì đang chờ gửi và những gì đã mất", en="what waits to be sent and what was lost")
HEAVY = Text(vi="tải đường truyền", en="loads the line")
LIGHT = Text(vi="nhẹ", en="light")
WAITING = Text(
    vi="{path}: {rows} kết quả đo đang chờ ({kib} KiB), epoch {epoch}",
    en="{path}: {rows} measurements wait ({kib} KiB), epoch {epoch}",
)
BETWEEN = Text(vi="    từ {first} đến {last}", en="    from {first} to {last}")
COUNTS = {
    "dropped": Text(vi="bị bỏ vì hàng đợi đầy", en="dropped because the spool was full"),
    "refused": Text(vi="bị collector cách ly", en="quarantined by the collector"),
    "damaged": Text(vi="bị hỏng, đã cất riêng", en="damaged and put aside"),
    "set_aside": Text(vi="số lần hàng đợi hỏng bị thay", en="times that a broken spool was replaced"),
}
OUTCOMES = {
    Outcome.OK: Text(vi="đo được", en="measured"),
    Outcome.FAILED: Text(vi="thất bại", en="failed"),
    Outcome.SKIPPED: Text(vi="bỏ qua", en="skipped"),
    Outcome.PROBE_LIMITED: Text(vi="thiết bị đo giới hạn", en="probe limited"),
    Outcome.ERROR: Text(vi="lỗi chương trình", en="our own error"),
}
