"""`doxa agent accept` as a person and a script use it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.agent.acceptance.conftest import GIGABIT, Played

from doxa_agent import cli
from doxa_agent.acceptance import command, result
from doxa_core.errors import InputError
from doxa_core.language import Language, choose_language, language
from doxa_core.outcome import Outcome

LINK = ["accept", "internet", "--down", "100", "--up", "50"]


@pytest.fixture(autouse=True)
def spoken() -> Iterator[None]:
    before = language()
    choose_language("en")
    yield
    choose_language(before)


def say(
    line: Played, file: Path, *more: str, lang: Language = "en", monkeypatch: pytest.MonkeyPatch | None = None
) -> int:
    choose_language(lang)
    patch = monkeypatch or pytest.MonkeyPatch()
    run = command.run
    with patch.context() as here:
        here.setattr(command, "run", lambda args: run(args, line))
        return cli.main([*LINK, "--config", str(file), *more])


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (Played(), 0),
        (Played(carries_mbps=40), 1),
        (Played(outcome=Outcome.PROBE_LIMITED, carries_mbps=40), 3),
        (Played(refuses="no_reply"), 4),
    ],
)
def test_the_exit_code_is_the_verdict(line: Played, code: int, agent_file: Path) -> None:
    assert say(line, agent_file, "--yes") == code


VIETNAMESE = """\
Nghiệm thu đường truyền «internet», đầu xa «here»
  Hợp đồng: tải xuống 100 Mbps, tải lên 50 Mbps (lớp IP)
  Các bước: 25, 50, 75, 90, 100 % tốc độ hợp đồng, mỗi bước 10 giây mỗi chiều
  Cuối cùng truyền TCP 10 giây mỗi chiều (RFC 6349)
  Dự kiến khoảng 2,9 phút; các bước dùng 425 / 213 MB (xuống / lên), kể cả TCP khoảng 550 / 275 MB.
"""


def test_people_read_the_plan_each_step_and_the_table_in_vietnamese(
    agent_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert say(Played(carries_mbps=94), agent_file, "--yes", lang="vi") == 1
    out = capsys.readouterr().out
    assert out.startswith(VIETNAMESE)
    assert "[5/10] tải xuống 100 %: 100 Mbps trong 10 giây …" in out
    assert "✗ KHÔNG ĐẠT: nhận 94 / 100 Mbps · mất gói 6,000 %" in out
    assert re.search(r"^tải xuống 100 % +100 +94 +6,000 +45 +40 +✗ KHÔNG ĐẠT$", out, re.MULTILINE)
    assert "MTU của đường truyền: 1500 byte" in out
    assert "TCP tải lên: trung bình 90,7 Mbps, tỷ số thời gian truyền 0,53, hiệu suất 99,00 %" in out
    assert "KẾT LUẬN: KHÔNG ĐẠT\n  - tốc độ nhận được thấp hơn mức hợp đồng" in out


def test_the_same_in_english(agent_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert say(Played(), agent_file, "--yes") == 0
    out = capsys.readouterr().out
    assert "Contract: download 100 Mbps, upload 50 Mbps (IP layer)" in out
    assert "[10/10] upload 100 %: 50 Mbps for 10 s …" in out
    assert "CONCLUSION: PASS" in out
    assert not re.search("[ạảấầậắằệễộớợụữỹđ]", out), "a Vietnamese text in English"


def test_with_json_standard_output_is_one_document_and_people_read_the_other(
    agent_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert say(Played(), agent_file, "--yes", "--json") == 0
    out, err = capsys.readouterr()
    evidence = result.read(out.encode())
    assert (evidence["site"], evidence["link"]["name"], evidence["far_end"]["name"]) == (
        "xa-dong-dang",
        "internet",
        "here",
    )
    assert evidence["methods"] == {"capacity": "played/1"}
    assert "CONCLUSION: PASS" in err


def test_the_document_goes_into_a_file_but_never_over_one(agent_file: Path, tmp_path: Path) -> None:
    kept = tmp_path / "found.json"
    assert say(Played(), agent_file, "--yes", "--output", str(kept)) == 0
    assert result.read(kept.read_bytes())["verdict"] == "pass"
    line = Played()
    with pytest.raises(InputError, match="this file exists already; choose another name"):
        say(line, agent_file, "--yes", "--output", str(kept))
    with pytest.raises(InputError, match="the folder does not exist"):
        say(line, agent_file, "--yes", "--output", str(tmp_path / "no" / "x.json"))
    assert line.asked == []
    assert sorted(one.name for one in tmp_path.iterdir() if "found" in one.name) == ["found.json"]


def test_a_script_must_say_yes_and_a_person_is_asked(agent_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = Played()
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(InputError, match="--yes: this run fills the line and must be confirmed"):
        say(line, agent_file)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert say(line, agent_file) == 4
    assert line.asked == []
    monkeypatch.setattr("builtins.input", lambda _: "có")
    assert say(line, agent_file) == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["accept", "tslcd", "--down", "1", "--up", "1"], "tslcd: there is no link 'tslcd'; there are: internet"),
        ([*LINK, "--far-end", "x"], "--far-end x: there is no far end 'x'; there are: here, spare"),
    ],
)
def test_what_the_configuration_does_not_have_is_one_sentence(
    words: list[str], sentence: str, agent_file: Path
) -> None:
    with pytest.raises(InputError) as refused:
        cli.main([*words, "--config", str(agent_file)])
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--down", "fast"], "argument --down: 'fast' is not valid, write a number from 1 to 10000"),
        (["--up", "nan"], "argument --up: 'nan' is not valid, write a number from 1 to 10000"),
        (["--steps", "50,25"], "argument --steps: '50,25' is not valid, write rising percents such as 25,50,75,90,100"),
        (["--steps", ""], "argument --steps: '' is not valid, write rising percents"),
        (["--step-seconds", "1"], "argument --step-seconds: '1' is not valid, write a whole number from 5 to 3600"),
    ],
)
def test_a_bad_argument_is_one_sentence_and_exit_code_2(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([*LINK, *words])
    assert left.value.code == 2
    assert sentence in capsys.readouterr().err


def test_ctrl_c_ends_with_what_is_known(agent_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import signal

    found = signal.getsignal(signal.SIGINT)  # SIG_IGN where a shell started the tests in the background
    line = Played(before_step=lambda step, _: signal.raise_signal(signal.SIGINT) if step.percent == 75 else None)
    assert say(line, agent_file, "--yes", "--json") == 4
    evidence: dict[str, Any] = json.loads(capsys.readouterr().out)["evidence"]
    assert evidence["interrupted"] is True
    assert [step["verdict"] for step in evidence["steps"][:2]] == ["pass", "pass"]
    assert signal.getsignal(signal.SIGINT) is found


def test_a_port_that_cannot_show_it_says_so_without_a_byte(
    agent_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    line = Played(nic=replace(GIGABIT, speed_mbps=100))
    assert say(line, agent_file, "--yes", lang="vi") == 3
    assert "KẾT LUẬN: THIẾT BỊ ĐO GIỚI HẠN\n  - cổng mạng của thiết bị đo chậm hơn" in capsys.readouterr().out
    assert line.asked == []


def test_steps_and_their_time_can_be_chosen(agent_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = Played()
    assert say(line, agent_file, "--yes", "--steps", "50,100", "--step-seconds", "5", "--far-end", "spare") == 0
    assert line.asked == ["download-50", "download-100", "upload-50", "upload-100"]
    assert "far end 'spare'" in capsys.readouterr().out


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_the_help_names_every_option_and_an_example(lang: Language, capsys: pytest.CaptureFixture[str]) -> None:
    choose_language(lang)
    with pytest.raises(SystemExit) as left:
        cli.main(["accept", "--help"])
    assert left.value.code == 0
    out = capsys.readouterr().out
    assert "doxa agent accept internet --down 100 --up 100" in out
    for option in ("--layer", "--steps", "--output", "--yes", "--json", "--max-loss"):
        assert option in out
