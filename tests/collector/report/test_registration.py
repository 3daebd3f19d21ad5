"""`doxa report registration`: whether a line needs more, and why, by the seven days that show it."""

from pathlib import Path
from typing import Any

import pytest
from tests.collector.assess.conftest import Books
from tests.collector.papers.reading import docx_text, pdf_text, sheets, squeezed
from tests.collector.report.conftest import data_of, last_month, say
from tests.collector.report.tslcd_ledger import Month, busy, configured, iso, midnight, shut

from doxa_core.errors import InputError

ALWAYS = ("1970-01-01", None, 100.0)


@pytest.fixture
def month(books: Books) -> Month:
    """A province whose lines the test writes."""
    books.place("20", level="province", province="20", name="Tỉnh Lạng Sơn")
    return Month(books)


def annex(month: Month, folder: Path, *words: str, form: str = "json") -> dict[str, Any]:
    """The data of the annex of the line `dong-dang/tslcd`, or of what the words say."""
    found = say(configured(month.books, folder), folder / "o", "registration", *words, form=form)
    return data_of(found)


def test_a_line_above_needs_so_much_and_what_is_asked_for_is_held_against_it(month: Month, tmp_path: Path) -> None:
    """95 Mbps at the busiest five per cent need ⌈95 ÷ 0.9⌉ = 106 Mbps."""
    month.line("dong-dang", "06184", "Xã Đồng Đăng", ALWAYS)
    month.polls("dong-dang", lambda day, slot: (95.0 if busy(day, slot) else 20.0, 5.0), first=0, last=8)
    data = annex(month, tmp_path, "dong-dang", "tslcd", "--want", "200")
    (line,) = data["lines"]
    assert (line["outcome"], line["need_mbps"], line["have_mbps"], line["want_mbps"]) == ("fail", 106, 100, 200)
    assert line["conclusion"][0].startswith("Cần nâng dung lượng: bách phân vị 95 của 7 ngày")
    assert (
        "bằng 95,0 % dung lượng (tải xuống), vượt 90 %. Với lưu lượng này, dung lượng tải xuống phải từ 106 Mbps"
        in line["conclusion"][0]
    )
    assert line["conclusion"][1] == "Với mức đăng ký 200 Mbps, cùng lưu lượng ấy bằng 47,5 % dung lượng"
    assert [one["p95_mbps"] for one in line["ways"]] == [95.0, 5.0]
    assert data["provisional"] is True
    short = annex(month, tmp_path, "dong-dang", "tslcd", "--want", "105,5", "--force")
    assert short["lines"][0]["conclusion"][1] == "Mức đăng ký 105,5 Mbps chưa đủ cho lưu lượng đã đo"


def test_every_figure_of_the_seven_days_stands_in_every_form(month: Month, tmp_path: Path) -> None:
    month.line("dong-dang", "06184", "Xã Đồng Đăng", ALWAYS)
    month.polls("dong-dang", lambda day, slot: (60.0 + day if busy(day, slot) else 20.0, 5.0), first=0, last=8)
    until = iso(6)
    name = f"phu-luc-dang-ky_dong-dang_tslcd_{until}"
    words = ("dong-dang", "tslcd", "--until", until, "--year", "2031")
    found = say(configured(month.books, tmp_path), tmp_path / "o", "registration", *words, form="docx,pdf,xlsx,json")
    data = data_of({"x.json": found[f"{name}.json"]})
    (line,) = data["lines"]
    rows = sheets(found[f"{name}.xlsx"])["p95 06184 tslcd"][3:10]
    for n, (row, day) in enumerate(zip(rows, line["ways"][0]["days"], strict=True)):
        assert day == {
            "day": iso(n),
            "samples": 288,
            "expected": 288,
            "p95_mbps": 60.0 + n,
            "capacity_mbps": 100.0,
            "ratio": pytest.approx(0.6 + n / 100),
        }
        assert row == [
            f"{midnight(n):%d/%m/%Y}",
            288,
            60.0 + n,
            100,
            pytest.approx(60 + n),
            288,
            5.0,
            100,
            pytest.approx(5),
        ]
    for text in (pdf_text(found[f"{name}.pdf"]), docx_text(found[f"{name}.docx"])):
        for words_ in ("LƯU HÀNH NỘI BỘ", "năm 2031", "66,00", line["conclusion"][0], line["ways"][0]["sentence"]):
            assert squeezed(words_) in text


def test_enough_is_said_with_what_was_looked_at_and_traffic_is_no_ground_for_more(month: Month, tmp_path: Path) -> None:
    month.line("dong-dang", "06184", "Xã Đồng Đăng", (iso(0), iso(7), 100.0))
    month.polls("dong-dang", lambda _, __: (90.0, 5.0), first=0, last=8)
    (line,) = annex(month, tmp_path, "dong-dang", "tslcd", "--want", "130")["lines"]
    assert (line["outcome"], line["need_mbps"]) == ("pass", None)
    assert line["conclusion"][0].startswith("Chưa cần nâng theo quy tắc dung lượng: đã xét mọi giai đoạn 7 ngày")
    assert "cao nhất bằng 90,0 % dung lượng" in line["conclusion"][0]
    assert line["conclusion"][1] == "Lưu lượng đã đo không phải căn cứ cho mức đăng ký 130 Mbps; cần nêu căn cứ khác"


def test_a_line_that_was_raised_in_the_month_needs_no_more_for_what_it_carried_before(
    month: Month, tmp_path: Path
) -> None:
    month.line("dong-dang", "06184", "Xã Đồng Đăng", (iso(0), iso(7), 100.0), (iso(8), iso(15), 200.0))
    month.polls("dong-dang", lambda day, slot: (98.0 if busy(day, slot) else 20.0, 5.0), first=0, last=16)
    (line,) = annex(month, tmp_path, "dong-dang", "tslcd", "--want", "300")["lines"]
    assert (line["outcome"], line["have_mbps"], line["need_mbps"]) == ("fail", 200, 109)
    assert line["conclusion"][0].startswith("Dung lượng trước đây không đủ: ")
    assert "dung lượng hiện nay (tải xuống 200 Mbps) đã đủ, chưa cần nâng thêm" in line["conclusion"][1]
    assert line["conclusion"][2].startswith("Lưu lượng đã đo không phải căn cứ cho mức đăng ký 300 Mbps")


def test_without_samples_or_capacity_nothing_is_concluded_and_it_says_why(month: Month, tmp_path: Path) -> None:
    month.line("dong-dang", "06184", "Xã Đồng Đăng", ALWAYS)
    month.line("ky-lua", "06187", "Phường Kỳ Lừa", ("1970-01-01", None, None))
    month.polls("ky-lua", lambda _, __: (30.0, 5.0), first=0, last=7)
    found = say(configured(month.books, tmp_path), tmp_path / "o", "registration", "--place", "20", form="json,pdf")
    empty, bare = data_of(found)["lines"]
    assert empty["conclusion"][0].startswith("Chưa kết luận được có cần nâng hay không")
    assert "chưa có mẫu lưu lượng" in empty["conclusion"][0]
    assert (empty["ways"], empty["need_mbps"]) == ([], None)
    assert "chưa ghi dung lượng hợp đồng" in bare["conclusion"][0]
    assert bare["ways"][0]["days"][-1]["p95_mbps"] == 30.0, "what is known is shown"
    assert bare["ways"][0]["days"][-1]["ratio"] is None


def test_one_direction_may_be_the_narrow_one(month: Month, tmp_path: Path) -> None:
    month.books.place("06184", province="20", name="Xã Đồng Đăng")
    month.books.add("site", site="dong-dang", name="Trụ sở", place_code="06184")
    month.books.line("dong-dang", "tslcd", "tslcd", layer="frame", contracted_down_mbps=100.0, contracted_up_mbps=50.0)
    month.polls("dong-dang", lambda _, __: (60.0, 49.5), first=0, last=8)
    (line,) = annex(month, tmp_path, "dong-dang", "tslcd")["lines"]
    assert (line["have_up_mbps"], line["need_mbps"]) == (50.0, 55)
    assert "bằng 99,0 % dung lượng (tải lên)" in line["conclusion"][0]
    assert line["conclusion"][0].endswith("dung lượng tải lên phải từ 55 Mbps")


def test_two_tasks_are_never_mixed_and_one_can_be_named(month: Month, tmp_path: Path) -> None:
    month.line("dong-dang", "06184", "Xã Đồng Đăng", ALWAYS)
    month.polls("dong-dang", lambda _, __: (30.0, 5.0), first=0, last=8)
    month.polls("dong-dang", lambda _, __: (80.0, 5.0), first=0, last=7, task="lan")
    assert annex(month, tmp_path, "dong-dang", "tslcd")["lines"][0]["ways"][0]["p95_mbps"] == 30.0
    named = annex(month, tmp_path, "dong-dang", "tslcd", "--series", "lan", "--until", iso(6))
    assert named["lines"][0]["ways"][0]["p95_mbps"] == 80.0
    with pytest.raises(InputError, match="--series wan: trong kỳ không có tác vụ đó; hãy chọn một trong: lan, t"):
        annex(month, tmp_path, "dong-dang", "tslcd", "--series", "wan", "--force")


def test_a_closed_month_gives_the_same_bytes(month: Month, tmp_path: Path) -> None:
    month.line("dong-dang", "06184", "Xã Đồng Đăng", ALWAYS)
    month.polls("dong-dang", lambda _, __: (95.0, 5.0), first=0, last=8)
    shut(month.books)
    words = ("registration", "dong-dang", "tslcd", "--period", last_month())
    config = configured(month.books, tmp_path)
    first = say(config, tmp_path / "a", *words, form="json,csv,pdf")
    month.polls("dong-dang", lambda _, __: (10.0, 5.0), first=9, last=11)
    assert say(config, tmp_path / "b", *words, form="json,csv,pdf") == first
    assert data_of(first)["provisional"] is False


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "doxa report registration: chưa rõ đường nào; hãy ghi TRỤ-SỞ và ĐƯỜNG, hoặc --place MÃ"),
        (("dong-dang",), "doxa report registration: chưa rõ đường nào"),
        (("dong-dang", "tslcd", "--place", "20"), "doxa report registration: chưa rõ đường nào"),
        (("dong-dang", "tslc"), "dong-dang/tslc: danh mục của tháng"),
        (("dong-dang", "internet"), "dong-dang/internet: đây không phải đường TSLCD mà là Internet cố định"),
        (("dong-dang", "tslcd", "--want", "nhiều"), "--want nhiều: không phải dung lượng; hãy ghi số Mbps lớn hơn 0"),
        (("dong-dang", "tslcd", "--want", "nan"), "--want nan: không phải dung lượng"),
        (("dong-dang", "tslcd", "--want", "-5"), "--want -5: không phải dung lượng"),
        (("dong-dang", "tslcd", "--want", "x/y=5"), "--want x/y=5: đường này không có trong phụ lục; các đường: dong-dang/tslcd"),
        (("--place", "20", "--want", "200"), "--want 200: chưa rõ của đường nào; hãy ghi TRỤ-SỞ/ĐƯỜNG=MBPS"),
        (("dong-dang", "tslcd", "--until", "2999-01-01"), "--until 2999-01-01: ngày này chưa qua"),
        (("dong-dang", "tslcd", "--until", iso(3), "--period", last_month()), "--until: không dùng cùng --period"),
        (("moi", "tslcd", "--until", iso(3)), "moi/tslcd: đường này không có hiệu lực ngày"),
        (("--place", "20", "--series", "t"), "--series: chỉ dùng cho một đường"),
        (("dong-dang", "tslcd", "--year", "26"), "--year 26: không phải một năm"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_one_sentence(
    month: Month, tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    month.line("dong-dang", "06184", "Xã Đồng Đăng", ALWAYS)
    month.books.line("dong-dang", "internet", "fixed")
    month.line("moi", "06187", "Phường Kỳ Lừa", (iso(10), None, 100.0))
    given = (
        [f"--want={words[3]}" if word == "--want" else word for word in words if word != "-5"]
        if "-5" in words
        else list(words)
    )
    with pytest.raises(InputError) as refused:
        annex(month, tmp_path, *given)
    assert str(refused.value).startswith(sentence)
    assert refused.value.exit_code == 2
    assert not (tmp_path / "o").exists()
