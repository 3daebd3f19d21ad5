"""Loading folders of plans: which files count, in what order, and what may not stand twice."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doxa_collector.plans import load_plans, loader, read_plan
from doxa_core.errors import DoxaError, InputError, OperationError


def test_the_shipped_plans_are_the_default() -> None:
    assert [plan.id for plan in load_plans()] == ["a-hong-phong", "b-binh-duong", "c-my-hao", "d-ha-tinh", "e-lai-chau"]


def test_the_installed_folder_comes_before_the_checkout(
    write_plan: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_plan()
    monkeypatch.setattr(loader, "INSTALLED", tmp_path)
    assert [plan.id for plan in load_plans()] == ["x-plan"]


def test_without_any_folder_the_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "INSTALLED", tmp_path / "none")
    monkeypatch.setattr(loader, "CHECKOUT", tmp_path / "neither")
    with pytest.raises(OperationError, match="hãy cài lại doxa"):
        load_plans()


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="nowhere: không phải thư mục"):
        load_plans(tmp_path / "nowhere")


def test_sub_folders_and_other_files_are_left_alone(write_plan: Callable[..., Path], tmp_path: Path) -> None:
    write_plan()
    (tmp_path / "README.md").write_text("not a plan")
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "figures.toml").write_text("not = 'a plan'")
    assert len(load_plans(tmp_path)) == 1


def test_two_files_with_one_id_are_refused_with_both_names(write_plan: Callable[..., Path], tmp_path: Path) -> None:
    first, second = write_plan(name="a.toml"), write_plan(name="b.toml")
    with pytest.raises(InputError) as caught:
        load_plans(tmp_path)
    assert caught.value.text.vi == (
        f"{second}: id: kế hoạch «x-plan» đã có trong {first}; hãy đổi id, hoặc bỏ một trong hai tệp"
    )


def test_a_target_that_stands_twice_is_refused(write_plan: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="không đúng cú pháp TOML"):
        read_plan(write_plan(("[target.x4]", "[target.x1]")))


def test_units_are_normalised_and_times_kept(write_plan: Callable[..., Path]) -> None:
    plan = read_plan(
        write_plan(("102Mbps", "0,102 Gb/s"), ('value = 102\nunit = "Mbps"', 'value = 0.102\nunit = "Gb/s"'))
    )
    assert (plan.targets[0].value, plan.targets[0].unit) == (102, "Mbps")


def test_labels_are_as_people_quote_them() -> None:
    plan = load_plans()[1]
    assert [target.label for target in plan.targets][:4] == ["B1", "B2", "B3", "ipv6"]
    assert plan.target("B3") is plan.target("b3") is not None


@pytest.mark.parametrize("text", ["x = " + "1" * 5000, "x = " + "[" * 3000, 'x = "\\ud800"', "\x00", "x = 1\nx = 2"])
def test_toml_that_breaks_parsers_is_refused_in_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(InputError):
        read_plan(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary())
def test_any_bytes_are_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(DoxaError):
        read_plan(path)
