"""Published figures enter the ledger whole or not at all, once, with the old version kept."""

from datetime import date, datetime
from typing import Any

import pytest
from tests.collector.figures.conftest import HEADER, Desk, row

from doxa_core.errors import InputError


def test_a_file_of_figures_enters_the_ledger_with_who_brought_it_and_from_which_file(desk: Desk) -> None:
    found = desk.bring(desk.csv(row(up="202.05", n="1.234"), row("00", "83,5", kind="5G")), "--mark", "V")
    assert (found["new"], found["replaced"], found["known"], found["written"]) == (3, 0, 0, True)
    first, second, third = desk.rows()
    assert first[1:9] == ("20", "2025-09", "fixed", "mean", "download", 272.44, 1234, "i-Speed (VNNIC)")
    assert (second.direction, second.value_mbps, second.mark) == ("upload", 202.05, "V")
    assert (third.place_code, third.link_kind, third.n) == ("00", "mobile-5g", None)
    assert (first.imported_by, first.file, len(first.digest)) == ("Lan", "figures.csv", 64)


def test_the_same_import_twice_changes_nothing(desk: Desk) -> None:
    file = desk.csv(row(), row("01", up="5"))
    desk.bring(file)
    before = desk.rows()
    again = desk.bring(file)
    assert (again["new"], again["replaced"], again["known"]) == (0, 0, 3)
    assert desk.rows() == before


def test_a_changed_figure_replaces_the_old_one_which_the_history_still_shows(desk: Desk) -> None:
    desk.bring(desk.csv(row()))
    assert "272,44 Mbps → 271,20 Mbps" in desk.run("import", desk.csv(row(down="271,2"), name="later.csv"))
    assert "272,44" not in desk.run("list")
    history = desk.run("list", "--history", "--place", "20", "--month", "09/2025").splitlines()
    assert ["đã bị thay" in line for line in history] == [True, False]
    assert "Tỉnh Lạng Sơn (20)" in history[0]
    assert "Lan nhập" in history[0]
    assert desk.run("list", "--place", "01").strip() == "không có số liệu nào"


def test_a_dry_run_shows_and_writes_nothing(desk: Desk) -> None:
    found = desk.bring(desk.csv(row()), "--dry-run")
    assert (found["new"], found["written"]) == (1, False)
    assert desk.rows() == []


def test_every_wrong_row_is_named_with_row_and_column_and_nothing_is_written(desk: Desk) -> None:
    file = desk.csv(row(), row(down="nhanh"), row("01", month="13/2025"), row("79", kind="vệ tinh"))
    with pytest.raises(InputError) as caught:
        desk.run("import", file)
    assert caught.value.exit_code == 2
    assert "có 3 chỗ sai, chưa ghi gì" in str(caught.value)
    said = desk.err.splitlines()
    assert [line.removeprefix(f"{file}: ").split(":")[0] for line in said] == [
        "dòng 3, cột «Tải xuống»",
        "dòng 4, cột «Tháng»",
        "dòng 5, cột «Loại đường truyền»",
    ]
    assert said[0].endswith("«nhanh» không phải tốc độ tính bằng Mbps; hãy ghi số Mbps như 272,44")
    assert desk.rows() == []


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (row(down="0"), "cột «Tải xuống»: «0» nằm ngoài"),
        (row(down="1.234"), "có thể đọc theo hai cách"),
        (row(down="30 MB/s"), "không phải tốc độ tính bằng Mbps"),
        (row(down="-3"), "không phải tốc độ"),
        (row(down=""), "dòng này không có con số nào"),
        (row(n="12,5"), "không phải số lượng mẫu"),
        (row(statistic=""), "cột «Thống kê»: ô trống"),
        (row(month="25/09/2025"), "là một ngày giữa tháng"),
        (row(month="01/2099"), "chưa tới"),
        (row("1"), "giữ số 0 ở đầu"),
        (row("74"), "ngày 30/09/2025 không có tỉnh hay xã nào mang mã 74"),
        (row("20", name="Hà Nội"), "mã 20 là Tỉnh Lạng Sơn, nhưng tên ghi «Hà Nội»"),
        (row(""), "không nói là nơi nào"),
        (row("", name="Xứ Sở Thần Tiên"), "không có tỉnh hay xã nào tên"),
        (row("", name="Bình Dương", month="05/2025"), "«Bình Dương» có thể là: 74 Tỉnh Bình Dương;"),
        ([*row()[:-1], "ví dụ"], "dòng ví dụ"),
        (row()[:-1], "dòng có 8 ô mà tiêu đề có 9"),
    ],
)
def test_what_cannot_be_read_in_one_way_is_refused(desk: Desk, cells: list[str], said: str) -> None:
    if said.endswith("mang mã 74"):  # only a plan knows the old area; another set of plans does not
        (desk.folder / "plans").mkdir()
        with (desk.folder / "collector.toml").open("a") as config:
            config.write('[plans]\nfolder = "plans"\n')
    with pytest.raises(InputError) as caught:
        desk.run("import", desk.csv(cells))
    assert said in str(caught.value)
    assert "dòng 2" in str(caught.value)
    assert desk.rows() == []


def test_a_figure_that_stands_twice_in_a_file_is_refused_with_the_other_row(desk: Desk) -> None:
    with pytest.raises(InputError, match="đã có ở dòng 2"):
        desk.run("import", desk.csv(row(), row(down="3")))


def test_decimal_commas_in_a_file_of_commas_are_refused_rather_than_read_as_two_figures(desk: Desk) -> None:
    file = desk.folder / "f.csv"
    file.write_text("mã,tháng,loại,thống kê,tải xuống,tải lên,số mẫu\n00,09/2025,cố định,trung bình,272,44\n")
    with pytest.raises(InputError) as caught:
        desk.run("import", file)
    assert "dấu chấm phẩy" in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        ("ma", "ten don vi", "TINH", "Ky", "Loai mang", "thong ke", "Tải xuống (Mbps)", "toc do tai len", "so mau"),
    ],
)
def test_headers_separators_and_byte_order_marks_may_differ(
    desk: Desk, header: tuple[str, ...], separator: str, encoding: str
) -> None:
    desk.run("import", desk.csv(row(up="1.234,5"), header=header, separator=separator, encoding=encoding))
    assert [one.value_mbps for one in desk.rows()] == [272.44, 1234.5]


def test_a_header_without_a_needed_column_is_refused_by_name(desk: Desk) -> None:
    with pytest.raises(InputError) as caught:
        desk.run("import", desk.csv(["20", "09/2025", "3"], header=("Mã", "Tháng", "Tải xuống")))
    assert "thiếu cột «Loại đường truyền», «Thống kê»" in str(caught.value)


@pytest.mark.parametrize("month", [datetime(2025, 9, 1), date(2025, 9, 30), "2025-09", "9/2025", "Tháng 9/2025"])
def test_a_workbook_with_dates_and_numbers_is_read(desk: Desk, month: Any) -> None:
    desk.run("import", desk.xlsx(["06184", "Đồng Đăng", "Lạng Sơn", month, "di động", "median", 83.48, None, 90]))
    (found,) = desk.rows()
    assert (found.place_code, found.month, found.value_mbps, found.n) == ("06184", "2025-09", 83.48, 90)


def test_a_formula_is_refused(desk: Desk) -> None:
    with pytest.raises(InputError) as caught:
        desk.run("import", desk.xlsx(["20", "", "", "09/2025", "5G", "median", "=1+1", None, None]))
    assert "cột «Tải xuống»: ô là công thức" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "province", "code"),
    [
        ("", "Lạng Sơn", "20"),
        ("tp ho chi minh", "", "79"),
        ("xã Đồng Đăng", "Lạng Sơn", "06184"),
        ("Cả nước", "", "00"),
    ],
)
def test_a_place_is_found_by_its_name_on_the_months_last_day(desk: Desk, name: str, province: str, code: str) -> None:
    desk.run("import", desk.csv(row("", name=name, province=province)))
    assert [one.place_code for one in desk.rows()] == [code]


def test_an_import_of_several_pieces_is_whole_and_known_the_second_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doxa_collector.figures.cli.PIECE", 2)
    file = desk.csv(row(up="3"), row("01", up="3"), row("79"))
    assert (desk.bring(file)["new"], len(desk.rows())) == (5, 5)
    assert (desk.bring(file)["known"], len(desk.rows())) == (5, 5)


def test_an_old_area_that_a_plan_still_judges_has_figures_too(desk: Desk) -> None:
    assert "vùng tỉnh Bình Dương cũ" in desk.run("import", desk.csv(row("74")))


def test_of_a_file_that_is_wrong_throughout_only_the_first_faults_are_told(desk: Desk) -> None:
    with pytest.raises(InputError) as caught:
        desk.run("import", desk.csv(*[row(down="?")] * 300))
    assert "có ít nhất 200 chỗ sai" in str(caught.value)
    assert len(desk.err.splitlines()) == 20


def test_a_figure_that_jumps_against_the_month_before_is_told_and_still_taken(desk: Desk) -> None:
    desk.bring(desk.csv(row(month="08/2025", down="100"), row("01", month="08/2025", down="100")))
    found = desk.bring(desk.csv(row(down="301"), row("01", down="299"), row("01", "33", month="10/2025"), name="b.csv"))
    assert [one["last_month_mbps"] for one in found["figures"]] == [100, None, 299]
    assert "Lạng Sơn (20)  cố định, tải xuống, trung bình: 301,00 Mbps, tháng trước 100,00 Mbps" in desk.err
    assert len(desk.rows()) == 5


def test_the_shipped_national_figures_are_imported_once(desk: Desk) -> None:
    assert "21 số liệu mới, 0 thay số cũ, 0 đã có" in desk.run("import", "--shipped")
    assert "0 số liệu mới, 0 thay số cũ, 21 đã có" in desk.run("import", "--shipped")
    assert {one.file for one in desk.rows()} == {"ispeed-national.toml"}


def test_a_file_and_the_shipped_figures_are_not_asked_for_at_once(desk: Desk) -> None:
    for words in ([], [desk.csv(row()), "--shipped"]):
        with pytest.raises(InputError):
            desk.run("import", *words)
