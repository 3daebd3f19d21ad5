"""`doxa incidents …` for people and for machines."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.collector.incidents.conftest import Feed, MakeAlarm, away, node_alarm, tslcd

from doxa_collector.incidents import store
from doxa_collector.incidents.cli import main
from doxa_collector.ledger.engine import writing
from doxa_collector.ledger.registration import register
from doxa_collector.registry import read_registry
from doxa_core.errors import InputError
from doxa_core.language import choose_language
from doxa_lab.incidents.province import Country

Run = Callable[..., str]


@pytest.fixture
def run(
    tmp_path: Path, engine: Engine, country: Country, feed: Callable[[], Feed], alarm: MakeAlarm,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> Run:  # fmt: skip
    """Two incidents: the aggregation with its lines, and one office."""
    (tmp_path / "sites.toml").write_text(country.sites_toml(), encoding="utf-8")
    (tmp_path / "nodes.toml").write_text(country.nodes_toml(), encoding="utf-8")
    config = tmp_path / "collector.toml"
    config.write_text(
        '[broker]\nhost = "127.0.0.1"\n[ledger]\npath = "ledger.db"\n[registry]\nfile = "sites.toml"\n[watch]\nnodes = "nodes.toml"\n',
        encoding="utf-8",
    )
    it = feed()
    it.step(8, node_alarm(alarm), *(alarm(tslcd(n)) for n in range(1, 131)))
    it.step(20)
    it.step(1008, alarm(away(7), 1000))
    it.step(1030)
    with writing(engine) as conn:
        register(conn, read_registry(tmp_path / "sites.toml"), 1, "test")
        store.save(conn, it.changes)
    monkeypatch.setenv("USER", "lan")
    monkeypatch.delenv("SUDO_USER", raising=False)

    def command(*words: str) -> str:
        assert main([*words, "--config", str(config)]) == 0
        return capsys.readouterr().out

    return command


def test_the_list_is_vietnamese_first_and_fits_80_columns(run: Run) -> None:
    out = run("list", "--open")
    assert out == (
        "#2     [NGHIÊM TRỌNG] 24/11/2026 08:16  đang xảy ra\n"
        "       Xã số 7 (52007): mất liên lạc với thiết bị đo từ 08:16 24/11/2026\n"
        "#1     [NGHIÊM TRỌNG] 24/11/2026 08:00  đang xảy ra\n"
        "       130/131 xã, phường mất kết nối TSLCD do nút tập trung mất kết nối (Gia\n"
        "       Lai 130/131), từ 08:00 24/11/2026\n"
    )
    assert max(map(len, run("show", "1").splitlines())) <= 80


def test_filters_leave_what_was_asked_for(run: Run) -> None:
    assert [i["id"] for i in json.loads(run("list", "--json", "--place", "52007"))] == [2, 1]
    assert [i["id"] for i in json.loads(run("list", "--json", "--place", "52008"))] == [1]
    assert json.loads(run("list", "--json", "--place", "11")) == []
    assert json.loads(run("list", "--json", "--since", "25/11/2026")) != []  # they last
    choose_language("en")
    with pytest.raises(InputError, match="did you mean '52007'"):
        run("list", "--place", "52-007")


def test_show_tells_cause_members_and_history_without_names_of_nodes(run: Run) -> None:
    out = run("show", "1")
    for wanted in (
        "nguyên nhân",
        "nút tập trung mất kết nối",
        "131/131",
        "Diễn biến:",
        "phát hiện:",
        "111 thành phần khác",
    ):
        assert wanted in out
    assert "agg-52" not in out
    found = json.loads(run("show", "1", "--json"))
    assert len(found["members"]) == 131
    assert "agg-52" not in json.dumps(found)


def test_acknowledge_comment_close(run: Run) -> None:
    assert run("ack", "2", "đã", "gọi") == "sự cố 2: đã tiếp nhận\n"
    run("comment", "2", "chờ thợ hàn cáp")
    with pytest.raises(InputError):
        run("close", "2")
    assert run("close", "2", "--force") == "sự cố 2: đã đóng\n"
    assert "lan: chờ thợ hàn cáp" in run("show", "2")
    assert [i["id"] for i in json.loads(run("list", "--open", "--json"))] == [1]
    with pytest.raises(InputError) as refusal:
        run("show", "77")
    assert refusal.value.exit_code == 2


def test_summary_is_one_line_a_cause(run: Run) -> None:
    first, second = json.loads(run("summary", "--json"))
    assert "130/131 xã, phường mất kết nối TSLCD do nút tập trung mất kết nối (Gia Lai 130/131)" in first["vi"]
    assert "without connection, cause not known" in second["en"]


def test_planned_work_is_entered_listed_and_cancelled(run: Run) -> None:
    words = ["--from", "01/01/2090T22:00", "--to", "02/01/2090T02:00", "--reason", "thay cáp"]
    out = run("maintenance", "add", *words, "--node", "agg-52")
    assert out == "#1     01/01/2090 22:00 – 02/01/2090 02:00  sắp tới\n       nút agg-52; thay cáp (lan)\n"
    assert json.loads(run("maintenance", "list", "--json"))[0]["scope"] == {"node": "agg-52"}
    assert "đã hủy" in run("maintenance", "cancel", "1")
    assert run("maintenance", "list") == "không có đợt bảo trì nào\n"
    choose_language("en")
    with pytest.raises(InputError, match="did you mean 'agg-52'"):
        run("maintenance", "add", *words, "--node", "agg-5")
    with pytest.raises(InputError, match="does not say what is worked on"):
        run("maintenance", "add", *words)


def test_help_of_every_verb_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["list"], ["show"], ["ack"], ["comment"], ["close"], ["summary"], ["maintenance", "add"]):
        with pytest.raises(SystemExit):
            main([*words, "--help"])
        assert f"doxa incidents {' '.join(words)}" in capsys.readouterr().out
