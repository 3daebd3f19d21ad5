"""`doxa agent …` as a person or a script uses it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from doxa_agent import cli, meters
from doxa_agent.survey import survey
from doxa_core.errors import InputError, OperationError
from doxa_core.language import choose_language, language
from doxa_core.measurement import decode
from doxa_core.outcome import Outcome


@pytest.fixture(autouse=True)
def in_english() -> Any:
    before = language()
    choose_language("en")
    yield
    choose_language(before)


def test_once_measures_and_prints_what_the_service_would_keep(folder: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["once", "--config", str(folder.write()), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    found = decode(line.encode())
    assert (found.task, found.outcome, found.far_end) == ("rtt", Outcome.OK, "here")
    assert not (folder.path / "spool.db").exists()


def test_once_speaks_to_people_too(folder: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["once", "--config", str(folder.write()), "--task", "rtt"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("rtt · internet → here (IPv4): measured")
    assert "received_count" in out


def test_once_into_the_spool_leaves_it_to_the_service_to_send(folder: Any, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder.write()
    assert cli.main(["once", "--config", str(file), "--spool"]) == 0
    assert cli.main(["spool", "--config", str(file), "--json"]) == 0
    out = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (out["rows"], out["owner"]) == (1, "xa-dong-dang/px-1")
    assert survey(folder.path / "spool.db").rows == 1
    assert cli.main(["spool", "--config", str(file)]) == 0
    assert "1 measurements wait" in capsys.readouterr().out


def test_a_measurement_that_failed_is_exit_code_1(folder: Any, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder.write()
    plan = folder.path / "plan.toml"
    plan.write_text(plan.read_text().replace('"127.0.0.1"', '"nowhere.invalid"'))
    assert cli.main(["once", "--config", str(file), "--json"]) == 1
    assert decode(capsys.readouterr().out.encode()).outcome is Outcome.FAILED


def test_an_unknown_task_is_named(folder: Any) -> None:
    with pytest.raises(InputError, match="there is no task 'speed'; there are: rtt"):
        cli.main(["once", "--config", str(folder.write()), "--task", "speed"])


def test_the_meters_tell_every_value_with_its_unit_and_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["meters", "--json"]) == 0
    found = {meter["kind"]: meter for meter in json.loads(capsys.readouterr().out)}
    assert sorted(found) == meters.kinds()
    assert found["latency"]["values"]["rtt_p95_ms"]["unit"] == "ms"
    assert found["speed"]["heavy"] is True
    assert cli.main(["meters"]) == 0
    assert "rtt_p95_ms" in capsys.readouterr().out


def test_no_spool_yet_is_one_sentence(folder: Any) -> None:
    with pytest.raises(OperationError, match="there is no spool at"):
        cli.main(["spool", "--config", str(folder.write())])


def test_check_prints_the_checklist_and_its_exit_code_tells(folder: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Port 1 has no broker: something is bad, and each line stands by itself."""
    assert cli.main(["check", "--config", str(folder.write()), "--no-speed", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert {item["state"] for item in found["items"] if item["key"] == "broker"} == {"bad"}


@pytest.mark.parametrize("command", ["run", "check", "once", "meters", "spool", "accept"])
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([command, "--help"])
    assert left.value.code == 0
    assert f"doxa agent {command}" in capsys.readouterr().out.partition("example:")[2]


def test_a_bad_file_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('site = "x"\nagnet = "y"\n')
    command = [sys.executable, "-c", "import sys; from doxa_core.command import main; sys.exit(main())"]
    for name in ("run", "once", "check", "spool"):
        found = subprocess.run(
            [*command, "--lang", "en", "agent", name, "--config", str(file)], capture_output=True, text=True, timeout=60
        )
        assert found.returncode == 2
        assert found.stdout == ""
        assert found.stderr == (
            f"doxa agent: {file}: agent: this required key is missing (there is a similar key 'agnet'); "
            "write lower-case letters, digits and inner hyphens, at most 40, such as xa-dong-dang\n"
        )


def test_the_agent_carries_no_collector_library_and_nothing_heavy() -> None:
    """What the idle service imports, asked in a fresh interpreter."""
    code = (
        "import sys\nfrom doxa_agent import cli, log, service, meters\n"
        "[meters.load(kind) for kind in meters.kinds()]\n"
        "print(' '.join(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    found = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    heavy = {
        "scapy",
        "sqlalchemy",
        "influxdb_client",
        "starlette",
        "uvicorn",
        "jinja2",
        "asyncio",
        "pydantic",
        "doxa_collector",
        "doxa_lab",
    }
    assert found & heavy == set()
