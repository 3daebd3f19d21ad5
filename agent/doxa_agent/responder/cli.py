"""`doxa responder …`: runs the far end of the measurements, one role or several together."""

import argparse
from typing import Final, NoReturn

from doxa_agent.responder import roles
from doxa_agent.responder.beside import Beside
from doxa_agent.responder.roles import http
from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text

RUN: Final = "run"
ABOUT: Final = Text(
    vi="Đầu xa của phép đo: HTTP kiểu LibreSpeed trong tiến trình này, các vai trò khác bên cạnh theo --also.",
    en="The far end of the measurements: HTTP of the LibreSpeed kind in this process, other roles beside it by --also.",
)
ALSO: Final = Text(
    vi="chạy thêm vai trò khác bên cạnh, có thể lặp lại hoặc cách nhau bằng dấu phẩy: {known}; tùy chọn của vai trò viết "
    "kèm tên nó, ví dụ --capacity-port 24601",
    en="run another role beside it, may be repeated or a comma list: {known}; a role's own options are written with its "
    "name, such as --capacity-port 24601",
)
EXAMPLE: Final = Text(
    vi=f"{http.EXAMPLE.vi}\n  doxa responder run --also capacity,stamp --stamp-port 8620",
    en=f"{http.EXAMPLE.en}\n  doxa responder run --also capacity,stamp --stamp-port 8620",
)


def main(argv: list[str]) -> int:
    """Run `doxa responder …`; 0 after a polite stop, 1 where the machine refuses, 2 for a bad argument."""
    what = argv[0] if argv else ""
    if what == RUN:
        return _run(argv[1:])
    if what in roles.names():
        role = roles.load(what)
        return role.run(_parser(what, role.title, role.example, role).parse_args(argv[1:]))
    _overview().parse_args(argv)
    return 2  # not reached: argparse has answered


def _run(words: list[str]) -> int:
    parser = _parser(RUN, ABOUT, EXAMPLE, roles.load("http"))
    others = [name for name in roles.names() if name != "http"]
    parser.add_argument(
        "--also", action="append", default=[], metavar="ROLE", help=str(ALSO.fill(known=", ".join(others)))
    )
    asked, rest = parser.parse_known_args(words)
    names = list(dict.fromkeys(name for given in asked.also for name in given.split(",") if name))
    options, strange = _sorted(rest, names)
    if strange:
        parser.error(f"unrecognized arguments: {' '.join(strange)}")
    beside = Beside({name: _checked(name, options[name], others, asked.host or []) for name in names})
    try:
        return http.serve(asked, beside=beside.start, stopping=beside.tell_stop)
    finally:
        beside.stop()


def _sorted(rest: list[str], names: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """What stands after `--ROLE-…` belongs to that role, as `--…`; and what belongs to nobody."""
    found: dict[str, list[str]] = {name: [] for name in names}
    strange: list[str] = []
    here = strange
    for word in rest:
        if word.startswith("--"):
            owner = next((name for name in names if word.startswith(f"--{name}-")), None)
            here = strange if owner is None else found[owner]
            here.append(word if owner is None else f"--{word.removeprefix(f'--{owner}-')}")
        else:
            here.append(word)
    return found, strange


class _WrongError(Exception):
    """What a role's parser says to its options."""


class _Strict(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _WrongError(message)


def _checked(name: str, words: list[str], known: list[str], hosts: list[str]) -> list[str]:
    """The words for that role's process: they must suit it, and our own --host is its, where it takes one."""
    if name not in known:
        raise InputError(
            "--also",
            Text(vi=f"không có vai trò «{name}»", en=f"there is no role '{name}'"),
            Text(vi=f"hãy chọn: {', '.join(known)}", en=f"choose: {', '.join(known)}"),
        )
    role = roles.load(name)
    listening = [] if "--host" in words else [word for host in hosts for word in ("--host", host)]
    problem = ""
    for asked in (words + listening, words):
        parser = _Strict(add_help=False)
        role.add_options(parser)
        try:
            parser.parse_args(asked)
        except _WrongError as wrong:
            problem = str(wrong)
        else:
            return asked
    raise InputError(
        f"--{name}-…",
        Text(vi=problem, en=problem),
        Text(vi=f"xem: doxa responder {name} --help", en=f"see: doxa responder {name} --help"),
    )


def _parser(name: str, about: Text, example: Text, role: roles.Role) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"doxa responder {name}",
        description=str(about),
        epilog=str(example),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    role.add_options(parser)
    return parser


def _overview() -> argparse.ArgumentParser:
    """The help of the group: every role with its title; a broken one shows why."""
    parser = argparse.ArgumentParser(
        prog="doxa responder",
        description=str(ABOUT),
        epilog=str(EXAMPLE),
        formatter_class=argparse.RawTextHelpFormatter,
    )
    groups = parser.add_subparsers(dest="what", required=True, metavar="run")
    groups.add_parser(RUN, help=str(ABOUT))
    for name in roles.names():
        try:
            title = str(roles.load(name).title)
        except OperationError as error:
            title = str(error)
        groups.add_parser(name, help=title)
    return parser
