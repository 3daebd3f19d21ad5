"""Where papers go, and what a deployment may decide about them."""

import os
from pathlib import Path

import pytest
from tests.collector.assess.conftest import Books
from tests.collector.papers.reading import pdf_text, squeezed
from tests.collector.report.conftest import last_month, say

from doxa_collector.papers.settings import PaperSettings
from doxa_collector.report.settings import Paper, read_paper
from doxa_collector.report.wording import when
from doxa_core.errors import InputError, OperationError

WORDS = ("progress", "d-ha-tinh", "--period", last_month())
NAME = f"bao-cao-tien-do_d-ha-tinh_{last_month()}"
PAPER = """
[paper]
agency = "SỞ KHOA HỌC VÀ CÔNG NGHỆ"
parent = "UBND TỈNH HÀ TĨNH"
short = "SKHCN"
place = "Hà Tĩnh"
signer = ["KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC"]
recipients = ["UBND tỉnh (để b/c)", "Lưu: VT"]
"""


def test_an_existing_file_is_replaced_only_with_force(
    ledger: tuple[Books, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / f"{NAME}.csv"
    there.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="tệp này đã có; hãy thêm --force") as refused:
        say(ledger[1], tmp_path, *WORDS, form="json,csv")
    assert refused.value.exit_code == 2
    assert [file.name for file in tmp_path.iterdir()] == [there.name], "not even the one that is not there yet"
    capsys.readouterr()
    say(ledger[1], tmp_path, *WORDS, "--force", form="json,csv")
    assert capsys.readouterr().out == f"đã ghi {tmp_path}/{NAME}.json\nđã ghi {there}\n"
    assert there.read_text(encoding="utf-8-sig") != "mine"


def test_a_disk_that_refuses_leaves_nothing_behind(
    ledger: tuple[Books, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / f"{NAME}.json"
    old.write_text("old", encoding="utf-8")
    calls = iter((None, OSError(28, "No space left on device")))

    def fsync(_: int) -> None:
        if error := next(calls):
            raise error

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OperationError, match="No space left"):
        say(ledger[1], tmp_path, *WORDS, "--force", form="json,csv")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {old.name: "old"}


def test_a_folder_that_is_a_file_is_one_sentence(ledger: tuple[Books, Path], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(OperationError, match="không ghi được"):
        say(ledger[1], tmp_path / "out" / "deeper", *WORDS)


def test_the_settings_stand_on_the_paper(ledger: tuple[Books, Path], tmp_path: Path) -> None:
    file = tmp_path / "paper.toml"
    file.write_text(PAPER, encoding="utf-8")
    found = say(ledger[1], tmp_path / "o", *WORDS, "--settings", str(file), form="pdf")
    read = pdf_text(found[f"{NAME}.pdf"])
    for words in (
        "SỞ KHOA HỌC VÀ CÔNG NGHỆ",
        "UBND TỈNH HÀ TĨNH",
        "BC-SKHCN",
        "Hà Tĩnh, ngày",
        "PHÓ GIÁM ĐỐC",
        "Lưu: VT",
    ):
        assert squeezed(words) in read


def test_nothing_said_is_neutral_words(tmp_path: Path) -> None:
    file = tmp_path / "paper.toml"
    file.write_text("[paper]\nno_parent = true\n", encoding="utf-8")
    assert read_paper(None) == Paper()
    assert read_paper(file).words == PaperSettings(parent="")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "paper: thiếu khóa bắt buộc này"),
        ("[paper]\nagencyy = 'x'", "paper.agencyy: khóa này không tồn tại; có phải ý bạn là «agency»?"),
        ("[paper]\n[more]", "more: khóa này không tồn tại"),
        ("[paper]\nagency = ''", "paper.agency: giá trị '' không hợp lệ; hãy ghi một dòng chữ"),
        ('[paper]\nagency = "a\\nb"', "paper.agency: giá trị 'a\\nb' không hợp lệ"),
        (f"[paper]\nplace = '{'x' * 201}'", "paper.place: giá trị"),
        ("[paper]\nsigner = 'x'", "paper.signer: giá trị 'x' không hợp lệ; hãy ghi một danh sách"),
        ("[paper]\nsigner = []", "paper.signer: danh sách dòng chữ không hợp lệ"),
        (f"[paper]\nrecipients = {['x'] * 21}", "paper.recipients: danh sách dòng chữ không hợp lệ"),
        ("[paper]\nreveal = 1", "paper.reveal: giá trị 1 không hợp lệ"),
        ("[paper]\nno_parent = true\nparent = 'x'", "paper.no_parent: vừa ghi không có cơ quan chủ quản"),
        ("[paper]\nfonts = 'nowhere'", "paper.fonts: không có thư mục"),
    ],
)
def test_bad_settings_are_refused_with_this_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "paper.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as found:
        read_paper(file)
    assert str(found.value).startswith(f"{file}: {sentence}")


def test_a_folder_without_the_font_is_refused_before_anything_is_written(
    ledger: tuple[Books, Path], tmp_path: Path
) -> None:
    (tmp_path / "fonts").mkdir()
    file = tmp_path / "paper.toml"
    file.write_text("[paper]\nfonts = 'fonts'\n", encoding="utf-8")
    with pytest.raises(InputError, match="không có «Liberation Serif»"):
        say(ledger[1], tmp_path / "o", *WORDS, "--settings", str(file), form="json,pdf")
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("as_of", "words"),
    [("2023-Q2", "Quý II/2023"), ("2021", "năm 2021"), ("2026-10", "10/2026"), ("2026-10-05", "05/10/2026"),
     (None, ""), ("cuối năm", "cuối năm")],
)  # fmt: skip
def test_days_and_quarters_are_written_as_papers_write_them(as_of: str | None, words: str) -> None:
    assert when(as_of) == words
