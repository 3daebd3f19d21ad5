"""The command."""

import json
from pathlib import Path

import pytest

from doxa_collector.places.cli import main
from doxa_core.errors import InputError

from .conftest import MakeList, refused

NEW = ("06184", "Phường Đồng Đăng", "", "20", "01/01/2027", "", "NQ 1", "")


def run(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> tuple[int, str]:
    verb, *rest = words
    code = main([verb, "--folder", str(folder), *rest])
    return code, capsys.readouterr().out


def test_find_tells_the_two_hong_phong_apart_and_says_where_the_old_one_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out = run(capsys, tmp_path, "find", "hong", "phong", "lang", "son", "--day", "22/11/2026")
    assert code == 0
    assert out.splitlines() == [
        "06079  Xã Hồng Phong (trước đây: Huyện Bình Gia), Tỉnh Lạng Sơn  [từ 01/07/2025]",
        "06205  Xã Hồng Phong, Huyện Cao Lộc, Tỉnh Lạng Sơn  [đến 30/06/2025]",
        "       → ngày 22/11/2026 thuộc Xã Đồng Đăng (06184)",
    ]


def test_find_without_a_result_returns_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, tmp_path, "find", "qqqqq") == (1, "không tìm thấy «qqqqq»\n")
    assert run(capsys, tmp_path, "find", "qqqqq", "--json") == (1, "[]\n")


def test_show_on_a_day_gives_source_and_mark(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _, out = run(capsys, tmp_path, "show", "06205", "--day", "2025-06-30")
    assert "[2nd] nguồn thứ cấp" in out
    assert "Xã Đồng Đăng (06184)" in out


def test_show_as_json_is_complete(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = json.loads(run(capsys, tmp_path, "show", "06079", "--json")[1])
    assert [state["districts"][0]["name"] for state in found["states"]] == ["Huyện Bình Gia", "Huyện Bình Gia"]
    assert "valid_from" not in found["states"][0], "what is not known is absent"
    assert found["not_believed"] == [{"old": "06079", "new": "06184"}]
    gone = json.loads(run(capsys, tmp_path, "show", "06205", "--day", "22/11/2026", "--json")[1])
    assert "state" not in gone
    assert gone["where"][0]["code"] == "06184"


def test_show_of_an_unknown_code_is_refused(tmp_path: Path) -> None:
    with refused("no place ever had this code"):
        main(["show", "99999", "--folder", str(tmp_path)])


def test_import_shows_writes_once_and_then_changes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, csv_list: MakeList
) -> None:
    path, folder = csv_list(NEW), tmp_path / "deep" / "places"
    assert "--dry-run" in run(capsys, folder, "import", str(path), "--dry-run")[1]
    assert not folder.exists()
    assert "đã ghi" in run(capsys, folder, "import", str(path))[1]
    before = (folder / "places.csv").stat()
    assert run(capsys, folder, "import", str(path))[1] == "không có gì thay đổi; 1 đơn vị đã khớp với bảng\n"
    assert (folder / "places.csv").stat() == before
    assert [p.name for p in folder.iterdir()] == ["places.csv"]
    assert "Phường Đồng Đăng" in run(capsys, folder, "find", "đồng đăng", "--day", "01/01/2027")[1]
    assert "Xã Đồng Đăng" in run(capsys, folder, "find", "đồng đăng", "--day", "31/12/2026")[1]


def test_import_as_json_says_what_changes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, csv_list: MakeList
) -> None:
    found = json.loads(run(capsys, tmp_path / "p", "import", str(csv_list(NEW)), "--json")[1])
    assert found["changes"] == [
        {
            "kind": "renamed",
            "day": "2027-01-01",
            "code": "06184",
            "before": "Xã Đồng Đăng",
            "after": "Phường Đồng Đăng",
            "row": 2,
        }
    ]
    assert found["written"] == str(tmp_path / "p" / "places.csv")


def test_a_refused_list_leaves_the_overlay_alone(
    tmp_path: Path, csv_list: MakeList, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "p"
    run(capsys, folder, "import", str(csv_list(NEW)))
    before = (folder / "places.csv").read_bytes()
    with pytest.raises(InputError):
        main(["import", str(csv_list(NEW, ("6", *NEW[1:]), name="b.csv")), "--folder", str(folder)])
    assert (folder / "places.csv").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path, csv_list: MakeList) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with refused("cannot be"):
        main(["import", str(csv_list(NEW)), "--folder", str(blocked / "places")])


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("find", "show", "import"):
        with pytest.raises(SystemExit):
            main([verb, "--help"])
        assert f"doxa places {verb}" in capsys.readouterr().out
