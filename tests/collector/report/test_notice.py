"""`doxa report notice`: lines to paste into a message, and the same as a paper."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.collector.assess.conftest import Books
from tests.collector.papers.reading import docx_text, pdf_text, sheets, squeezed
from tests.collector.report.conftest import data_of, last_month, say
from tests.collector.report.tslcd_ledger import Month, configured, happened, length, midnight

from doxa_collector.incidents.model import Cause, Fault, Reach
from doxa_collector.papers.drafts.notice import lasting
from doxa_collector.report.cli import main
from doxa_collector.watch.subject import line, node
from doxa_core.errors import InputError

ALWAYS = ("1970-01-01", None, 100.0)


@pytest.fixture
def config(books: Books, tmp_path: Path) -> Path:
    """Three offices with a probe each and five incidents: over, still going at the month's end, still going now …"""
    books.place("20", level="province", province="20", name="Tỉnh Lạng Sơn")
    month = Month(books)
    for site, code, name in (
        ("dong-dang", "06184", "Xã Đồng Đăng"),
        ("ky-lua", "06187", "Phường Kỳ Lừa"),
        ("huu-lung", "06233", "Xã Hữu Lũng"),
    ):
        month.line(site, code, name, ALWAYS)
        books.add("probe", agent=f"{site}-1", site=site)
    happened(books, 7, (line("dong-dang", "tslcd"), 3.25, 3.3))
    happened(
        books, 8, (line("dong-dang", "tslcd"), 20.0, 20.1), (line("ky-lua", "tslcd"), 20.0, 20.25),
        fault=Fault(Reach.AREA, "20"), place="20",
    )  # fmt: skip
    happened(books, 9, (line("ky-lua", "tslcd"), length() - 0.5, length() + 0.25), cause=Cause.LINE)
    happened(books, 10, (line("huu-lung", "tslcd"), length() + 0.3, None), cause=Cause.LINE)
    happened(
        books,
        11,
        (node("r-06233"), 9.0, 9.5),
        cause=Cause.NODE_DOWN,
        fault=Fault(Reach.NODE, "r-06233"),
        root=node("r-06233"),
    )
    happened(books, 12, (line("ky-lua", "tslcd"), 12.0, 12.1), muted=True)
    return configured(books, tmp_path)


def said(config: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """The lines alone."""
    assert main(["notice", *words, "--text", "--config", str(config)]) == 0
    return capsys.readouterr().out.splitlines()


def when(day: float) -> str:
    """A moment of the last month in days."""
    return f"{midnight() + timedelta(days=day):%H:%M %d/%m/%Y}"


def test_one_incident_is_one_line_in_the_style_of_the_field(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = said(config, capsys, "8")
    what = f"2/3 xã, phường mất kết nối TSLCD do mất điện (Lạng Sơn 2/3), từ {when(20)}"
    assert found == f"[ĐÃ KHÔI PHỤC] {when(20.25)} – {what}; đã khôi phục, kéo dài 6 giờ"
    assert said(config, capsys, "7")[0].startswith(
        f"[ĐÃ KHÔI PHỤC] {when(3.3)} – Xã Đồng Đăng (06184): mất kết nối TSLCD"
    )


def test_an_incident_that_lasts_says_what_is_lost_at_this_moment(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = said(config, capsys, "10")
    assert first.startswith("[NGHIÊM TRỌNG] ")
    assert f"Xã Hữu Lũng (06233): mất kết nối TSLCD từ {when(length() + 0.3)}" in first
    assert second.startswith("Cập nhật ")
    assert second.endswith(": 1/3 xã mất kết nối TSLCD do sự cố đường truyền (Lạng Sơn 1/3)")
    assert said(config, capsys) == said(config, capsys, "--place", "20")
    assert said(config, capsys)[0].endswith(": 1/3 xã mất kết nối TSLCD do sự cố đường truyền (Lạng Sơn 1/3)")
    assert said(config, capsys, "--place", "06184")[0].endswith(": không có điểm đo nào mất kết nối")


def test_a_month_is_shown_as_it_stood_at_its_end(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head, *lines = said(config, capsys, "--period", last_month())
    assert head.endswith("toàn hệ thống: 5 sự cố (5 nghiêm trọng); 1 chưa khôi phục; 1 trong bảo trì theo kế hoạch")
    assert [text.partition(" – ")[0] for text in lines] == [f"[NGHIÊM TRỌNG] Sự cố {n}" for n in (7, 11, 12, 8, 9)]
    assert "khôi phục" not in lines[-1], "it was over in the next month"
    assert f"mất kết nối TSLCD từ {when(length() - 0.5)}" in lines[-1]
    of_place = said(config, capsys, "--period", last_month(), "--place", "06184")
    assert [text.partition(" – ")[0] for text in of_place[1:]] == [f"[NGHIÊM TRỌNG] Sự cố {n}" for n in (7, 8)]
    assert "Xã Đồng Đăng: 2 sự cố" in of_place[0]


def test_the_paper_says_the_same_lines_and_figures(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("notice", "--period", last_month())
    found = say(config, tmp_path / "o", *words, form="docx,pdf,xlsx,csv,json")
    name = f"thong-bao_{last_month()}"
    data: dict[str, Any] = data_of({"x.json": found[f"{name}.json"]})
    assert capsys.readouterr().out.splitlines()[: len(data["lines"])] == data["lines"]
    rows = {row[0]: row for row in sheets(found[f"{name}.xlsx"])["Sự cố"][3:]}
    assert {number: (row[-2], row[-1]) for number, row in rows.items()} == {
        7: (pytest.approx(72), 1), 8: (360, 2), 9: ("–", 1), 11: (720, 0), 12: (pytest.approx(144), 1)
    }  # fmt: skip
    for text in (pdf_text(found[f"{name}.pdf"]), docx_text(found[f"{name}.docx"])):
        assert squeezed(data["lines"][0]) in text
        assert all(squeezed(entry["headline"]) in text for entry in data["entries"])
    assert say(config, tmp_path / "p", *words, form="docx,pdf,xlsx,csv,json") == found


def test_one_incident_as_a_paper_counts_by_province(config: Path, tmp_path: Path) -> None:
    found = say(config, tmp_path / "o", "notice", "8", form="json,pdf")
    data = data_of({"x.json": found["thong-bao-su-co_8.json"]})
    assert data["losses"] == [
        {
            "cause": "mất điện",
            "what": "mất kết nối",
            "units": "xã, phường",
            "shares": [{"name": "Tỉnh Lạng Sơn", "lost": 2, "watched": 3}],
        }
    ]
    assert "sựcốsố8:mấtđiện" in pdf_text(found["thong-bao-su-co_8.pdf"]).lower()


def test_names_of_nodes_are_hidden_unless_the_deployment_reveals_them(config: Path, tmp_path: Path) -> None:
    hidden = say(config, tmp_path / "a", "notice", "11", form="json")
    assert "Bộ định tuyến Hữu Lũng" not in json.dumps(data_of(hidden), ensure_ascii=False)
    (tmp_path / "paper.toml").write_text("[paper]\nreveal = true\n", encoding="utf-8")
    shown = say(config, tmp_path / "b", "notice", "11", "--settings", str(tmp_path / "paper.toml"), form="json")
    assert "Bộ định tuyến Hữu Lũng" in json.dumps(data_of(shown), ensure_ascii=False)


def test_a_quiet_system_says_so(books: Books, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    books.place("20", level="province", province="20")
    config = configured(books, tmp_path)
    assert said(config, capsys)[0].endswith(": không có điểm đo nào mất kết nối")
    assert said(config, capsys, "--period", last_month())[0].endswith("toàn hệ thống: không có sự cố nào")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("99",), "sự cố 99: không có sự cố này; hãy xem doxa incidents list"),
        (("0",), "sự cố 0: không có sự cố này"),
        (("99999999999999999999",), "sự cố 99999999999999999999: không có sự cố này"),
        (("8", "--period", last_month()), "doxa report notice: vừa một sự cố, vừa một kỳ hoặc địa bàn"),
        (("--place", "6184"), "--place 6184: danh mục không có địa bàn này; có phải ý bạn là 06184?"),
        (("--period", "2026-00"), "--period 2026-00: không phải một tháng"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    config: Path, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(InputError) as refused:
        main(["notice", *words, "--config", str(config), "--out", str(tmp_path / "o")])
    assert str(refused.value).startswith(sentence)
    assert refused.value.exit_code == 2
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (20, "dưới 1 phút"),
        (480, "8 phút"),
        (5100, "1 giờ 25 phút"),
        (7200, "2 giờ"),
        (183_600, "2 ngày 3 giờ"),
        (86_400 * 3, "3 ngày"),
    ],
)
def test_a_length_of_time_has_two_units_at_the_most(seconds: float, words: str) -> None:
    assert lasting(seconds) == words
