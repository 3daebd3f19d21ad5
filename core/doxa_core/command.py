"""The `doxa` command: finds a group by its entry point and hands over; knows neither side."""

import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points

from doxa_core import __version__
from doxa_core.arguments import speak_our_language
from doxa_core.errors import DoxaError
from doxa_core.language import LANGUAGES, Text, choose_language

USAGE = Text(
    vi="cách dùng: doxa [--lang vi|en] NHÓM …\n\ncác nhóm: {groups}\n\nví dụ: doxa agent check\n      doxa NHÓM --help",
    en="usage: doxa [--lang vi|en] GROUP …\n\ngroups: {groups}\n\nexample: doxa --lang en agent check\n         doxa GROUP --help",
)
UNKNOWN = Text(
    vi="doxa: không có nhóm lệnh «{group}»; các nhóm: {groups}",
    en="doxa: there is no command group '{group}'; groups: {groups}",
)
MISSING = Text(
    vi="doxa {group}: thiếu gói {module}; hãy chạy: {python} -m pip install 'doxa[{extra}]'",
    en="doxa {group}: the package {module} is missing; run: {python} -m pip install 'doxa[{extra}]'",
)
INTERRUPTED = Text(vi="đã dừng theo yêu cầu", en="stopped as asked")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `doxa GROUP …`; the exit code is the group's, 2 for a bad argument, 130 after Ctrl-C."""
    try:
        code = _dispatch(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except BrokenPipeError:  # `doxa … | head` closed our output: nothing to say and nobody to say it to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


def _dispatch(args: list[str]) -> int:
    if bad := _take_language(args):
        return _complain(bad)
    groups = {point.name: point for point in entry_points(group="doxa.commands")}
    if not args or args[0] in ("-h", "--help"):
        print(USAGE.fill(groups=", ".join(sorted(groups))))  # noqa: T201 - the command speaks to its user
        return 0 if args else 2
    if args[0] == "--version":
        print(f"doxa {__version__}")  # noqa: T201
        return 0
    if args[0] not in groups:
        return _complain(UNKNOWN.fill(group=args[0], groups=", ".join(sorted(groups))))
    return _run(groups[args[0]], args[1:])


def _take_language(args: list[str]) -> Text | None:
    """Remove `--lang X` wherever it stands, and speak it."""
    for place, arg in enumerate(args):
        if arg == "--lang" or arg.startswith("--lang="):
            span = 1 if "=" in arg else 2
            wanted = arg.partition("=")[2] if span == 1 else (args[place + 1 : place + 2] or [""])[0]
            for known in LANGUAGES:
                if wanted == known:
                    choose_language(known)
                    os.environ["DOXA_LANG"] = known  # children speak it too
                    del args[place : place + span]
                    return None
            return Text(
                vi=f"doxa: --lang nhận vi hoặc en, không phải «{wanted}»",
                en=f"doxa: --lang takes vi or en, not '{wanted}'",
            )
    return None


def _run(point: EntryPoint, args: list[str]) -> int:
    speak_our_language()
    try:
        group: Callable[[list[str]], int] = point.load()
        return group(args)
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("doxa_"):
            raise  # our own fault, not a missing extra
        extra = next((e.attr for e in entry_points(group="doxa.extras") if e.name == point.name), "lab")
        return _complain(MISSING.fill(group=point.name, module=missing.name, python=sys.executable, extra=extra))
    except DoxaError as error:
        _complain(Text(vi=f"doxa {point.name}: {error.text.vi}", en=f"doxa {point.name}: {error.text.en}"))
        return error.exit_code
    except KeyboardInterrupt:
        _complain(INTERRUPTED)
        return 130


def _complain(text: Text) -> int:
    print(text, file=sys.stderr)  # noqa: T201
    return 2
