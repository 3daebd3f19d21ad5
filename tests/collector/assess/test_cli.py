"""`doxa assess`: what it prints of open and closed months, and what it refuses."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.collector.assess.conftest import Books

from doxa_collector.assess import Settings, cli, run
from doxa_collector.ledger import schema
from doxa_collector.ledger.engine import writing
from doxa_collector.plans import load_plans
from doxa_core.errors import InputError, OperationError
from doxa_core.language import VIETNAM_TIME


def last_month() -> str:
    return f"{datetime.now(VIETNAM_TIME).replace(day=1) - timedelta(days=1):%Y-%m}"


@pytest.fixture
def config(books: Books, tmp_path: Path) -> Path:
    """A collector whose last month has five runs at an office in Hà Tĩnh, and is closed."""
    books.place("18073")
    books.office("x", "18073", "fixed")
    first = datetime.fromisoformat(f"{last_month()}-10T08:00:00+07:00")
    books.runs("x", "fixed", [200.5] * 5, start=first)
    file = tmp_path / "collector.toml"
    registry = tmp_path / "sites.toml"
    registry.write_text("", encoding="utf-8")
    file.write_text(
        f'[broker]\nhost = "127.0.0.1"\n[registry]\nfile = "{registry}"\n[ledger]\npath = "{books.engine.url.database}"\n'
        '[assess]\nmin_samples = 3\ndecide_by = "estimate"\n',
        encoding="utf-8",
    )
    run(
        books.engine, load_plans(), Settings(min_samples=3, decide_by="estimate", final_after_days=0), datetime.now(UTC)
    )
    return file


def say(config: Path, *more: str) -> int:
    return cli.main(["--config", str(config), "--period", last_month(), *more])


def test_a_closed_month_gives_the_same_bytes_each_time(
    config: Path, books: Books, capsys: pytest.CaptureFixture[str]
) -> None:
    assert say(config, "--json") == 0
    first = capsys.readouterr()
    books.runs("x", "fixed", [1] * 50, start=datetime.fromisoformat(f"{last_month()}-11T08:00:00+07:00"))
    assert say(config, "--json") == 0
    second = capsys.readouterr()
    assert first.out == second.out
    assert "50" in second.err, "what came too late is said beside it"
    found = json.loads(first.out)
    assert found["closed"]["revision"] == 1
    assert {row["value"] for row in found["verdicts"] if row["target"] == "d2"} == {200.5}


def test_people_read_a_line_a_target_in_vietnamese(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert say(config, "--plan", "d-ha-tinh") == 0
    shown = capsys.readouterr()
    assert "đã khóa sổ" in shown.out
    assert "✓ D2             Đạt: đo tại trụ sở, " in shown.out
    assert "trùng khớp từng byte" in shown.err
    assert "a-hong-phong" not in shown.out
    (d4,) = [line for line in shown.out.splitlines() if " D4 " in line]
    assert d4.endswith("chỉ tiêu chưa đến hạn"), "what is due in 2030 is not simply missed"


def test_a_month_that_was_meddled_with_is_an_alarm_and_exit_code_1(
    config: Path, books: Books, capsys: pytest.CaptureFixture[str]
) -> None:
    with writing(books.engine) as conn:
        conn.execute(update(schema.measurement).values(values='{"download_mbps": 1}'))
    assert say(config) == 1
    assert "CẢNH BÁO" in capsys.readouterr().err


def test_a_closed_month_is_opened_again_only_with_a_reason_and_its_first_closing_stays(
    config: Path, books: Books, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="lý do"):
        say(config, "--reopen")
    say(config, "--json")
    before = json.loads(capsys.readouterr().out)
    books.runs("x", "fixed", [1] * 50, start=datetime.fromisoformat(f"{last_month()}-11T08:00:00+07:00"))
    assert say(config, "--reopen", "--reason", "thiết bị mất mạng") == 0
    assert "thiết bị mất mạng" in capsys.readouterr().out
    say(config, "--json", "--revision", "1")
    assert json.loads(capsys.readouterr().out) == before


def test_an_open_month_is_judged_by_what_is_there_and_nothing_is_written(
    config: Path, books: Books, capsys: pytest.CaptureFixture[str]
) -> None:
    before = books.kept()
    assert cli.main(["--config", str(config)]) == 0
    assert "chưa khóa sổ" in capsys.readouterr().out
    assert books.kept() == before


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--period", "2026-13"), "--period 2026-13: không phải một tháng"),
        (("--period", "2099-01"), "--period 2099-01: tháng này chưa tới"),
        (("--plan", "nothing"), "--plan nothing: không có kết quả nào như vậy; trong tháng này có: a-hong-phong"),
        (("--revision", "7"), "--revision 7: tháng này không có lần khóa sổ đó"),
        (("--period", "2026-01", "--reopen", "--reason", "x"), "--reopen 2026-01: tháng này chưa khóa sổ"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_this_sentence(config: Path, more: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(InputError) as found:
        say(config, *more)
    assert str(found.value).startswith(sentence)


def test_a_damaged_snapshot_is_one_sentence(config: Path, books: Books) -> None:
    with writing(books.engine) as conn:
        conn.execute(update(schema.snapshot).where(schema.snapshot.c.kind == "inputs").values(content=b"x"))
    with pytest.raises(OperationError, match="không còn giữ nguyên vẹn"):
        say(config)
