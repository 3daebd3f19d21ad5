"""The dispatcher: groups by entry point, the language switch, one sentence for every refusal."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

from doxa_core import command
from doxa_core.errors import InputError, OperationError
from doxa_core.language import Text, choose_language


def refuse_input(argv: list[str]) -> int:
    raise InputError("a.toml: x", Text(vi="sai", en="wrong"), Text(vi="sửa", en="mend"))


def refuse_operation(argv: list[str]) -> int:
    raise OperationError(Text(vi="cổng bận", en="the port is busy"))


def miss_a_package(argv: list[str]) -> int:
    raise ModuleNotFoundError("No module named 'paho'", name="paho")


def interrupt(argv: list[str]) -> int:
    raise KeyboardInterrupt


def echo(argv: list[str]) -> int:
    print(argv, Text(vi="chào", en="hello"))
    return 7


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOXA_LANG", raising=False)
    choose_language("vi")

    def points(group: str) -> list[EntryPoint]:
        if group == "doxa.extras":
            return [EntryPoint("miss_a_package", "doxa_core.extras:agent", group)]
        return [EntryPoint(f.__name__, f"{__name__}:{f.__name__}", group) for f in FAKES]

    monkeypatch.setattr(command, "entry_points", points)
    monkeypatch.setattr(EntryPoint, "load", lambda self: {f.__name__: f for f in FAKES}[self.name])


FAKES: list[Callable[[list[str]], int]] = [refuse_input, refuse_operation, miss_a_package, interrupt, echo]


@pytest.mark.parametrize(
    ("args", "code", "sentence"),
    [
        (["refuse_input"], 2, "doxa refuse_input: a.toml: x: sai; sửa\n"),
        (["--lang", "en", "refuse_input"], 2, "doxa refuse_input: a.toml: x: wrong; mend\n"),
        (["refuse_operation"], 1, "doxa refuse_operation: cổng bận\n"),
        (["interrupt"], 130, "đã dừng theo yêu cầu\n"),
        (["nobody"], 2, "doxa: không có nhóm lệnh «nobody»; các nhóm: echo, interrupt, miss_a_package, refuse_input, refuse_operation\n"),
        (["miss_a_package"], 2, f"doxa miss_a_package: thiếu gói paho; hãy chạy: {sys.executable} -m pip install 'doxa[agent]'\n"),
        (["--lang", "fr", "echo"], 2, "doxa: --lang nhận vi hoặc en, không phải «fr»\n"),
        (["--lang"], 2, "doxa: --lang nhận vi hoặc en, không phải «»\n"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_sentence_and_an_exit_code(
    groups: None, capsys: pytest.CaptureFixture[str], args: list[str], code: int, sentence: str
) -> None:
    assert (command.main(args), capsys.readouterr().err) == (code, sentence)


@pytest.mark.parametrize(
    "args", [["--lang=en", "echo", "a"], ["echo", "a", "--lang", "en"], ["echo", "--lang=en", "a"]]
)
def test_the_language_switch_may_stand_anywhere_and_is_not_passed_on(
    groups: None, capsys: pytest.CaptureFixture[str], args: list[str]
) -> None:
    assert command.main(args) == 7
    assert capsys.readouterr().out == "['a'] hello\n"


def test_the_command_as_installed_names_its_groups() -> None:
    found = subprocess.run([sys.executable, "-m", "doxa_core", "--help"], capture_output=True, text=True, check=True)
    assert {"agent", "responder", "collector", "plan", "demo"} <= set(found.stdout.replace(",", " ").split())


def test_an_output_that_is_closed_early_ends_quietly() -> None:
    found = subprocess.run(
        f"{sys.executable} -m doxa_core --help | true", shell=True, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(("language", "words"), [("vi", ("cách dùng:", "tùy chọn")), ("en", ("usage:", "options"))])
def test_a_group_explains_itself_in_the_language_in_force(language: str, words: tuple[str, str]) -> None:
    command_line = [sys.executable, "-m", "doxa_core", "--lang", language, "plan", "--help"]
    found = subprocess.run(command_line, capture_output=True, text=True, check=True)
    assert [word for word in words if word not in found.stdout] == []


def test_a_wrong_argument_gets_a_vietnamese_sentence_and_exit_code_2() -> None:
    command_line = [sys.executable, "-m", "doxa_core", "--lang", "vi", "plan", "show"]
    found = subprocess.run(command_line, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr.splitlines()[-1]) == (2, "doxa plan show: thiếu đối số: KẾ-HOẠCH")
