"""`doxa collector …` for people and for machines."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from doxa_collector.admission import Known
from doxa_collector.cli import main
from doxa_collector.intake import Arrival, commit
from doxa_collector.ledger import forwarding
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.schema import audit, sink_cursor
from doxa_core.errors import InputError, OperationError
from doxa_lab.servers import Mosquitto

KNOWN = Known({"dong-dang-1": "dong-dang"}, frozenset({("dong-dang", "fixed")}))
TOPIC = "doxa/v1/47/dong-dang/dong-dang-1/measurements"

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def config(tmp_path: Path, sites_file: Path) -> Path:
    file = tmp_path / "collector.toml"
    file.write_text(
        '[broker]\nhost = "127.0.0.1"\nport = 1\n[ledger]\npath = "ledger.db"\n[registry]\nfile = "sites.toml"\n'
        '[web]\nlisten = "127.0.0.1:0"\n[sink.vm]\nkind = "influx"\nurl = "http://127.0.0.1:1"\n'
    )
    return file


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DOXA_LANG", "en")

    def command(*words: str) -> tuple[int, str]:
        code = main([*words, "--config", str(config)])
        return code, capsys.readouterr().out

    return command


@pytest.fixture
def filled(engine: Engine, measurement: Any) -> Engine:
    """Three measurements, rubbish twice, a line of an unknown agent."""
    commit(engine, [Arrival(topic=TOPIC, payload=measurement(n).encode()) for n in (1, 2, 3)], KNOWN, 1_000_000)
    for at in (2_000_000, 3_000_000):
        commit(engine, [Arrival(topic=TOPIC, payload=b"rub\x07bish\xff")], KNOWN, at)
    stranger = measurement(1, agent="dong-dang-2").encode()
    topic = TOPIC.replace("dong-dang-1", "dong-dang-2")
    commit(engine, [Arrival(topic=topic, payload=stranger)], KNOWN, 4_000_000)
    return engine


def test_status(run: Run, filled: Engine) -> None:
    code, out = run("status", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["measurements"], found["quarantine"]) == (3, {"not_utf8": 1, "unknown_agent": 1})
    assert found["counters"]["quarantined.not_utf8"] == 2
    assert found["sinks"] == [
        {"name": "vm", "kind": "influx", "position": 0, "pending": 3, "written": 0, "rejected": 0, "rewound": 0,
         "error": None, "streams": []}
    ]  # fmt: skip
    assert run("status")[1].splitlines() == [
        "measurements: 3",
        "quarantine: not_utf8 1, unknown_agent 1",
        "agents: 0",
        "sink vm (influx): at 0, 3 to go, 0 written, 0 rejected",
    ]


def test_a_ledger_that_is_not_there_is_said(run: Run) -> None:
    with pytest.raises(OperationError) as found:
        run("status")
    assert "there is no such file; run doxa collector run first" in found.value.text.en


def test_the_quarantine_can_be_listed_and_looked_into(run: Run, filled: Engine) -> None:
    found = json.loads(run("quarantine", "list", "--json")[1])
    assert [(row["code"], row["count"]) for row in found] == [("unknown_agent", 1), ("not_utf8", 2)]
    assert [row["id"] for row in json.loads(run("quarantine", "list", "--json", "--code", "not_utf8")[1])] == [
        found[1]["id"]
    ]
    assert "not_utf8" in run("quarantine", "list", "--limit", "5")[1]
    shown = run("quarantine", "show", str(found[1]["id"]))[1]
    assert "rub\\x07bish\\xff" in shown, "nothing of it reaches the terminal raw"
    assert "×2" in shown
    with pytest.raises(InputError) as missing:
        run("quarantine", "show", "99")
    assert missing.value.text.en == "id 99: there is no such row in the quarantine; see quarantine list"


def test_replay_takes_what_the_registry_knows_now(run: Run, filled: Engine) -> None:
    assert json.loads(run("quarantine", "replay", "--json")[1]) == {"accepted": 1, "known": 0, "still": 0}
    assert run("quarantine", "replay", "--code", "not_utf8")[1] == "0 accepted, 0 known, 1 still refused\n"
    assert json.loads(run("status", "--json")[1])["measurements"] == 4
    assert "↻" in run("quarantine", "list")[1]


def test_a_replay_never_overwrites(run: Run, filled: Engine, measurement: Any) -> None:
    """Between quarantine and replay, other bytes came under the same name."""
    known = Known({"dong-dang-2": "dong-dang"}, frozenset({("dong-dang", "fixed")}))
    other = Arrival(topic=TOPIC.replace("dong-dang-1", "dong-dang-2"),
                    payload=measurement(1, agent="dong-dang-2", task="other").encode())  # fmt: skip
    commit(filled, [other], known, 5_000_000)
    assert json.loads(run("quarantine", "replay", "--json")[1]) == {"accepted": 0, "known": 0, "still": 1}
    assert next(row["code"] for row in json.loads(run("quarantine", "list", "--json")[1])) == "conflict"


def test_a_sink_is_sent_back_and_that_is_audited(run: Run, filled: Engine) -> None:
    with writing(filled) as conn:
        forwarding.move(conn, "vm", forwarding.Cursor(position=3, safe=3, written=3), 1)
        forwarding.move(conn, "vm/events", forwarding.Cursor(position=12, safe=9, written=5, error="down"), 1)
        forwarding.move(conn, "vm/health", forwarding.Cursor(position=1_795_222_800_000_000, written=7), 1)
    shown = run("sinks", "status")[1].splitlines()
    assert shown[1] == "    events: at 12, 5 written, 0 rejected – down"
    assert shown[2] == "    health: at 2026-11-21 08:00:00, 7 written, 0 rejected"
    with writing(filled) as conn:
        forwarding.move(conn, "vm/verdict", forwarding.Cursor(position=2, error="down"), 1)
    assert run("sinks", "status")[1].splitlines()[3] == "    verdict: no longer used (an older version left it)"
    told = run("sinks", "rewind", "vm", "--to", "2")[1]
    anew = "2 other series of this sink are written again from their beginning"  # not the one that nobody writes
    assert told == f"sink vm: from 3 back to 2\n{anew}\n"
    with writing(filled) as conn:
        assert {one.position for one in forwarding.streams_of(conn, "vm").values()} == {0}
        conn.execute(sink_cursor.delete().where(sink_cursor.c.sink != "vm"))
    assert run("sinks", "rewind", "vm", "--since", "1970-01-01T07:00:02")[1] == "sink vm: from 2 back to 2\n"
    assert run("sinks", "rewind", "vm", "--since", "1970-01-01T00:00:00Z")[1] == "sink vm: from 2 back to 0\n"
    assert run("sinks", "rewind", "vm", "--all")[1] == "sink vm: from 0 back to 0\n"
    assert "at 0, 3 to go" in run("sinks", "status")[1]
    with reading(filled) as conn:
        assert list(conn.execute(select(audit.c.action)).scalars()) == ["sink.rewind"] * 4
    with pytest.raises(InputError) as found:
        run("sinks", "rewind", "grafana", "--all")
    assert found.value.text.en == "sink grafana: there is no such sink; sinks: vm"


def test_check_says_line_by_line_what_is_wrong(run: Run, tmp_path: Path) -> None:
    code, out = run("check", "--json")
    found = json.loads(out)
    assert (code, found["ok"]) == (1, False)
    assert {line["name"]: line["ok"] for line in found["lines"]} == {
        "config": True, "registry": True, "plans": True, "ledger": True, "disk": True, "broker": False, "web": True,
        "sink.vm": False, "rules": True, "nodes": True,
    }  # fmt: skip
    assert not (tmp_path / "ledger.db").exists(), "check makes nothing"
    people = run("check")[1].splitlines()
    assert people[0] == f"✓ settings: {tmp_path}/collector.toml: valid"
    assert people[1] == f"✓ registry: {tmp_path}/sites.toml: 2 places, 1 sites, 2 links, 2 agents"
    assert people[5] == (
        "✗ MQTT broker: MQTT broker 127.0.0.1:1: nobody listens there; start the broker or mend broker.host, broker.port"
    )


def test_check_reads_rules_nodes_and_channels_before_the_service_would_refuse_them(
    run: Run, config: Path, tmp_path: Path
) -> None:
    (tmp_path / "rules.toml").write_text('[[rule]]\nid = "x"\non = "link"\nmetric = "latency.los_ratio"\n')
    node = '[[node]]\nid = "{0}"\nname = "N"\nkind = "core"\nparent = "{1}"\n'
    (tmp_path / "nodes.toml").write_text(node.format("a", "b") + node.format("b", "a"))
    (tmp_path / "bot").write_text("17:AA\n")
    channel = '[notify.noc]\nkind = "telegram"\nchat_id = "1"\ntoken_file = "bot"\nurl = "http://127.0.0.1:9"\n'
    config.write_text(f'{config.read_text()}\n[watch]\nrules = "rules.toml"\nnodes = "nodes.toml"\n{channel}')
    lines = {line["name"]: line for line in json.loads(run("check", "--json")[1])["lines"]}
    assert not any(lines[name]["ok"] for name in ("rules", "nodes", "notify.noc"))
    assert "latency.loss_ratio" in lines["rules"]["text"]
    assert "a → b → a" in lines["nodes"]["text"]
    assert "17:AA" not in lines["notify.noc"]["text"]


def test_check_ends_at_a_bad_settings_file(run: Run, config: Path) -> None:
    config.write_text("[broker]\n")
    code, out = run("check")
    assert (code, len(out.splitlines())) == (1, 1)
    assert out.startswith("✗ settings:")


@pytest.mark.server
def test_check_is_content_where_all_is_well(run: Run, config: Path, mosquitto: Mosquitto, engine: Engine) -> None:
    text = config.read_text().replace("port = 1\n", f"port = {mosquitto.port}\n")
    config.write_text(text.split("[sink.vm]")[0])
    code, out = run("check")
    assert code == 0, out
    assert f"✓ MQTT broker: MQTT broker 127.0.0.1:{mosquitto.port}: logged in (MQTT 5)" in out


@pytest.mark.server
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_check_says_that_the_password_is_wrong(run: Run, config: Path, tmp_path: Path, protocol: str) -> None:
    (tmp_path / "password").write_text("wrong\n")
    with Mosquitto(tmp_path / "m", users={"collector": "right"}) as broker:
        account = f'port = {broker.port}\nusername = "collector"\npassword_file = "password"\nprotocol = "{protocol}"\n'
        config.write_text(config.read_text().replace("port = 1\n", account))
        lines = {line["name"]: line for line in json.loads(run("check", "--json")[1])["lines"]}
        assert "refuses the login of collector" in lines["broker"]["text"]
        (tmp_path / "password").write_text("right\n")
        lines = {line["name"]: line for line in json.loads(run("check", "--json")[1])["lines"]}
        assert lines["broker"]["ok"]


@pytest.mark.parametrize(
    "words",
    [[], ["run"], ["check"], ["status"], ["sinks"], ["sinks", "status"], ["sinks", "rewind"], ["quarantine"],
     ["quarantine", "list"], ["quarantine", "show"], ["quarantine", "replay"]],
)  # fmt: skip
def test_every_command_has_help_with_an_example(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for lang, word in (("vi", "ví dụ"), ("en", "example")):
        monkeypatch.setenv("DOXA_LANG", lang)
        with pytest.raises(SystemExit) as ended:
            main([*words, "--help"])
        assert ended.value.code == 0
        assert word in capsys.readouterr().out
