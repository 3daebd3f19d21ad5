"""`doxa plan`: what people and machines read."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from doxa_collector.plans.cli import main
from doxa_core.errors import InputError
from doxa_core.language import choose_language


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(list(argv)) == 0
    return capsys.readouterr().out


def test_the_list_names_every_plan_and_explains_the_marks(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "list").splitlines()
    assert [line[:1] for line in lines[:5]] == list("ABCDE")
    assert "31/12/2025 [I]; 2 mức, 14 nhập tay" in lines[0]
    assert lines[-1].startswith("Thông tin có dấu không phải lời văn bản: [S] chỉ đọc trong bản trích;")


def test_a_target_is_shown_with_its_words_its_line_and_decimal_commas(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "show", "a-hong-phong", "a2")
    assert "«Tốc độ băng rộng cố định (tốc độ tải xuống theo i-Speed) đạt tối thiểu 102Mbps.» (A:57)\n" in text
    assert "Phải đạt: ≥ 102 Mbps\n" in text
    assert "Hạn: 31/12/2025 [I: suy luận của doxa, không phải lời văn bản]\n" in text
    assert "Hiện trạng khi lập: 85,07 Mbps, 2023-Q2 – «" in text


def test_an_inferred_operator_never_looks_like_the_documents_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert "≥ [I: suy luận của doxa, không phải lời văn bản] 150 Mbps" in said(capsys, "show", "D", "d2")
    listed = next(line for line in said(capsys, "show", "d").splitlines() if line.strip().startswith("D2"))
    assert "≥ [I] 150 Mbps" in listed


def test_english_is_a_switch(capsys: pytest.CaptureFixture[str]) -> None:
    choose_language("en")
    text = said(capsys, "show", "d", "mobile-subscribers")
    assert "Demand: ≥ [I: our inference, not the document's words] 95.2 per 100 people" in text
    assert "Due: 2025-12-31" in text


def test_a_plan_is_shown_with_its_places_and_who_inherits(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "show", "b")
    assert "Số, ký hiệu: 6668/KH-UBND" in text
    assert "Ngày ban hành: 21/12/2023" in text
    assert "kế thừa từ tỉnh Bình Dương (74) [2nd: nguồn thứ cấp]" in text


@pytest.mark.slow
def test_every_target_of_every_plan_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for plan in json.loads(said(capsys, "list", "--json")):
        for target in plan["targets"]:
            assert target["words"] in said(capsys, "show", plan["id"], target["id"])


def test_machines_read_the_whole_record(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(capsys, "show", "c", "C2", "--json"))
    assert (found["value"], found["unit"], found["operator"], found["operator_mark"]) == (91, "Mbps", ">=", "I")
    assert found["measure"]["layer"] == "payload"
    assert "baseline" not in found


def test_an_unknown_plan_or_target_gets_the_near_name() -> None:
    with pytest.raises(InputError) as caught:
        main(["show", "a-hong-fong"])
    assert caught.value.text.vi == "a-hong-fong: không có kế hoạch này; có phải ý bạn là «a-hong-phong»?"
    with pytest.raises(InputError, match="có phải ý bạn là «node-monitoring»"):
        main(["show", "a", "nodemonitoring"])


def test_check_names_every_wrong_file_and_ends_with_2(
    write_plan: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    good = write_plan(name="good.toml")
    bad = write_plan(('level = "commune"', 'level = "hamlet"'), name="bad.toml")
    again = write_plan(name="again.toml")
    assert main(["check", str(bad), str(good), str(again)]) == 2
    out, err = capsys.readouterr()
    assert out == f"{good}: đúng – 4 chỉ tiêu, 1 địa bàn\n"
    assert err.splitlines()[0].startswith(f"{bad}: place[1].level: giá trị 'hamlet' không hợp lệ")
    assert err.splitlines()[1].startswith(f"{again}: id: kế hoạch «x-plan» đã có trong {good}")


def test_check_without_files_takes_the_folder(
    write_plan: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_plan()
    found = json.loads(said(capsys, "check", "--folder", str(path.parent), "--json"))
    assert [(one["ok"], one["plan"]) for one in found] == [(True, "x-plan")]
    assert len(said(capsys, "check").splitlines()) == 5


@pytest.mark.parametrize("verb", [[], ["list"], ["show"], ["check"]])
def test_help_has_an_example(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*verb, "--help"])
    assert caught.value.code == 0
    assert "ví dụ: doxa plan" in capsys.readouterr().out
