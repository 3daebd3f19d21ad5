"""`doxa views`: what it prints, for people and for machines, and what it refuses."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from tests.collector.views.conftest import Shelf

from doxa_collector.plans import load_plans
from doxa_collector.views import cli
from doxa_core.errors import InputError
from doxa_core.language import VIETNAM_TIME


def last_month() -> str:
    return f"{datetime.now(VIETNAM_TIME).replace(day=1) - timedelta(days=1):%Y-%m}"


@pytest.fixture
def config(shelf: Shelf, tmp_path: Path) -> Path:
    """A collector with one line and five runs of last month."""
    shelf.commune("fixed", contracted_down_mbps=100)
    shelf.speed([90.0] * 5, start=datetime.fromisoformat(f"{last_month()}-10T08:00:00+07:00"))
    registry = tmp_path / "sites.toml"
    registry.write_text("", encoding="utf-8")
    file = tmp_path / "collector.toml"
    file.write_text(
        f'[broker]\nhost = "127.0.0.1"\n[registry]\nfile = "{registry}"\n[ledger]\npath = "{shelf.engine.url.database}"\n',
        encoding="utf-8",
    )
    return file


def test_a_month_in_words_and_for_machines(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["dd", "fixed", "--period", last_month(), "--config", str(config)]
    assert cli.main(asked) == 0
    said = capsys.readouterr().out
    assert "Mới có 5 mẫu trong 1 ngày" in said
    assert "tải xuống, tầng IP (Mbps)" in said
    assert cli.main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["period"], found["evidence"]["n"]) == (last_month(), 5)
    assert "latency" not in found["parts"][0]
    assert found["parts"][0]["speed"]["figures"][0]["mean"]["value"] == 90.0


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        (["dd", "fibre"], "dd fibre"),
        (["nowhere", "fixed"], "nowhere fixed"),
        (["dd", "fixed", "--period", "2026-13"], "--period 2026-13"),
        (["dd", "fixed", "--period", "2199-01"], "--period 2199-01"),
        (["trend", "z", "d4"], "z"),
        (["trend", "d-ha-tinh", "z9"], "z9"),
        (["trend", "d-ha-tinh", "d4", "--place", "99"], "--place 99"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(config: Path, asked: list[str], what: str) -> None:
    with pytest.raises(InputError) as refused:
        cli.main([*asked, "--config", str(config)])
    assert what in str(refused.value)


def test_a_trend_of_a_plan_that_is_due_in_2030(config: Path, shelf: Shelf, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["trend", "d-ha-tinh", "d4", "--config", str(config)]
    assert cli.main(asked) == 0
    assert "chưa có tháng nào khóa sổ" in capsys.readouterr().out
    plan = next(one for one in load_plans() if one.id == "d-ha-tinh")
    today = datetime.now(VIETNAM_TIME).date()
    months = sorted({f"{date(today.year, today.month, 1) - timedelta(days=28 * n):%Y-%m}" for n in range(2, 7)})
    shelf.close(plan, "d4", {month: 10.0 + n for n, month in enumerate(months)}, place="42", layer="ip")
    assert cli.main(asked) == 0
    said = capsys.readouterr().out
    assert "d-ha-tinh D4 · tỉnh Hà Tĩnh (42)" in said
    assert "xa hơn khoảng thời gian đã đo" in said
    assert cli.main([*asked, "--json"]) == 0
    (place,) = json.loads(capsys.readouterr().out)["places"]
    assert (place["answer"], place["reason"], len(place["points"])) == ("cannot_tell", "too_far", len(months))
    assert place["text"]["en"]
