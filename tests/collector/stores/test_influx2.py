"""InfluxDB 2, by a double: what is looked at, what is made, and each thing broken on purpose."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from doxa_collector.cli import main
from doxa_core.errors import InputError
from doxa_lab.servers import InfluxDB2Double

Run = Callable[..., Any]
NAMES = ("doxa", "doxa_5m", "doxa_long")
DAYS = {"doxa": 90, "doxa_5m": 365, "doxa_long": 0}


def filled(double: InfluxDB2Double, *missing: str) -> dict[str, str]:
    """All buckets but the missing ones; their ids."""
    return {name: double.add_bucket(name, DAYS[name]) for name in NAMES if name not in missing}


def writer(double: InfluxDB2Double, ids: dict[str, str]) -> str:
    return double.add_token(*(("write", one) for one in ids.values()))


def test_the_stack_sets_up_once_and_again_changes_nothing(
    influx2: InfluxDB2Double, operator: Path, tmp_path: Path, setup: Run, check: Run
) -> None:
    influx2.virtual = False
    influx2.add_bucket("doxa", 90)  # as the container's own first start makes it
    write, read = tmp_path / "influx.token", tmp_path / "grafana.influx.token"
    words = (f"--operator-token-file={operator}", f"--write-token-file={write}", f"--read-token-file={read}")
    first = setup(influx2.url, *words)
    assert first.code == 0
    assert first.marks("bucket") == {"doxa": "ok", "doxa_5m": "made", "doxa_long": "made"}
    assert first.marks("mapping") == dict.fromkeys(NAMES, "made")
    kept = {b["name"]: b["retentionRules"][0]["everySeconds"] / 86_400 for b in influx2.buckets.values()}
    assert kept == DAYS
    assert [stat.S_IMODE(file.stat().st_mode) for file in (write, read)] == [0o600, 0o600]
    ids = {b["id"] for b in influx2.buckets.values()}
    tokens = {t.token: t.rights for t in influx2.tokens}
    assert set(tokens[write.read_text().strip()] or []) == {("write", one) for one in ids}
    assert set(tokens[read.read_text().strip()] or []) == {("read", one) for one in ids}

    before = (write.read_text(), read.read_text(), len(influx2.tokens))
    influx2.asked.clear()
    again = setup(influx2.url, *words)
    assert again.code == 0
    assert {line["mark"] for line in again.lines} == {"ok"}
    assert before == (write.read_text(), read.read_text(), len(influx2.tokens))
    assert {asked for asked in influx2.asked if not asked.startswith("GET ")} == {"POST /api/v2/write"}

    seen = check(influx2.url, f'token_file = "{write}"', f"--operator-token-file={operator}")
    assert seen.code == 0
    assert {line["mark"] for line in seen.lines} == {"ok"}
    assert influx2.lines == 0, "nothing was written"
    assert not list(tmp_path.glob(".*.part"))


def test_the_words_of_the_compose_file_make_what_the_containers_need(
    influx2: InfluxDB2Double, operator: Path, tmp_path: Path
) -> None:
    compose = yaml.safe_load((Path(__file__).parents[3] / "deploy/server/compose/compose.yaml").read_text())
    influx2.add_bucket(
        "doxa", int(compose["services"]["influxdb"]["environment"]["DOCKER_INFLUXDB_INIT_RETENTION"][:-1])
    )
    words = " ".join(compose["services"]["setup"]["command"])
    for folder in ("state/collector", "state/secrets"):
        (tmp_path / folder).mkdir(parents=True)
    words = words.replace("http://influxdb:8086", influx2.url).replace("/run/secrets/influx.token", str(operator))
    assert main(words.replace("=/state/", f"={tmp_path}/state/").split()[1:]) == 0
    made = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.token") if file != operator}
    assert made == {"state/collector/influx.token", "state/secrets/grafana.influx.token"}


def test_a_rehearsal_makes_nothing(influx2: InfluxDB2Double, operator: Path, tmp_path: Path, setup: Run) -> None:
    influx2.virtual = False
    told = setup(
        influx2.url, f"--operator-token-file={operator}", f"--write-token-file={tmp_path / 'new'}", "--dry-run"
    )
    assert told.code == 0
    assert told.marks("bucket") == dict.fromkeys(NAMES, "made")
    assert all("would" in line["text"] for line in told.lines if line["mark"] == "made")
    assert {asked.split()[0] for asked in influx2.asked} == {"GET"}
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("step", ["dbrps", "authorizations"])
def test_a_run_that_was_killed_is_taken_up_again(
    influx2: InfluxDB2Double, operator: Path, tmp_path: Path, setup: Run, step: str
) -> None:
    influx2.virtual = False
    words = (f"--operator-token-file={operator}", f"--write-token-file={tmp_path / 'influx.token'}")
    code = "import sys; from doxa_collector.cli import main; sys.exit(main(sys.argv[1:]))"
    run = [sys.executable, "-c", code, "sinks", "setup", f"--url={influx2.url}", *words]
    children: list[subprocess.Popen[bytes]] = []

    def kill(asked: str) -> None:
        if asked == f"POST /api/v2/{step}":  # and then the server does what it was asked for
            os.kill(children[0].pid, signal.SIGKILL)

    with influx2._lock:  # no request is carried out before the child is known
        influx2.fail_at = kill
        children.append(subprocess.Popen(run, stdout=subprocess.DEVNULL))
    assert children[0].wait(60) == -signal.SIGKILL
    influx2.fail_at = None
    assert not (tmp_path / "influx.token").exists()
    assert len(list(tmp_path.glob(".influx.token.*.part"))) == (step == "authorizations")

    assert setup(influx2.url, *words).code == 0
    assert sorted(b["name"] for b in influx2.buckets.values()) == list(NAMES)
    assert sorted(m["database"] for m in influx2.mappings) == list(NAMES)
    word = (tmp_path / "influx.token").read_text().strip()
    assert [t.token for t in influx2.tokens] == [influx2.OPERATOR, word], "no token that no file holds"
    assert not list(tmp_path.glob(".influx.token.*"))


def test_a_file_that_cannot_be_written_leaves_no_token(
    influx2: InfluxDB2Double, operator: Path, tmp_path: Path, setup: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = setup(influx2.url, f"--operator-token-file={operator}", f"--write-token-file={tmp_path}/none/influx.token")
    assert told.code == 1
    assert told.wrong() == [("stopped", None)]
    assert "POST /api/v2/authorizations" not in influx2.asked

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    told = setup(influx2.url, f"--operator-token-file={operator}", f"--write-token-file={tmp_path}/influx.token")
    assert told.code == 1
    assert "POST /api/v2/authorizations" in influx2.asked
    assert [t.token for t in influx2.tokens] == [influx2.OPERATOR]
    assert not list(tmp_path.glob("*influx.token*"))


def test_a_token_whose_revoking_failed_is_revoked_by_the_next_run(
    influx2: InfluxDB2Double, operator: Path, tmp_path: Path, setup: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (f"--operator-token-file={operator}", f"--write-token-file={tmp_path}/influx.token")

    def refuse(*_: Any) -> None:
        influx2.url_before, influx2.tokens[0].token = influx2.url, "locked out"  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", refuse)
        assert setup(influx2.url, *words).code == 1
    influx2.tokens[0].token = influx2.OPERATOR
    assert len(influx2.tokens) == 2, "it could not be revoked"
    assert setup(influx2.url, *words).code == 0
    assert [t.token for t in influx2.tokens] == [influx2.OPERATOR, (tmp_path / "influx.token").read_text().strip()]


def test_a_token_file_that_is_there_is_never_overwritten(
    influx2: InfluxDB2Double, operator: Path, secret: Run, setup: Run
) -> None:
    old = secret("influx.token", "of-another-server")
    told = setup(influx2.url, f"--operator-token-file={operator}", f"--write-token-file={old}")
    assert (told.code, told.marks("token")) == (1, {str(old): "wrong"})
    assert "move the file away" in told.mend("token")
    assert old.read_text() == "of-another-server\n"
    assert len(influx2.tokens) == 1


def test_another_retention_is_named_and_only_changed_on_demand(
    influx2: InfluxDB2Double, operator: Path, setup: Run, check: Run
) -> None:
    influx2.add_bucket("doxa", 7)
    told = setup(influx2.url, f"--operator-token-file={operator}")
    assert (told.code, told.marks("bucket")["doxa"]) == (0, "note")
    seen = check(influx2.url, f'token_file = "{operator}"', f"--operator-token-file={operator}")
    assert seen.wrong() == [("retention", "doxa")]
    assert "--change-retention" in seen.mend("retention", "doxa")
    settings = f'token_file = "{operator}"\n[sink.grafana.retention]\nraw_days = 7'
    assert check(influx2.url, settings, f"--operator-token-file={operator}").code == 0
    assert (
        setup(influx2.url, f"--operator-token-file={operator}", "--change-retention").marks("bucket")["doxa"] == "made"
    )
    bucket = influx2.named("doxa")
    assert bucket is not None
    assert bucket["retentionRules"][0]["everySeconds"] == 90 * 86_400


def test_short_shards_are_worth_knowing_and_setting_up_lengthens_them(
    influx2: InfluxDB2Double, operator: Path, setup: Run, check: Run
) -> None:
    """The container's first start makes `doxa` with shards of a day, and has no word for another length."""
    words = (f"--operator-token-file={operator}",)
    influx2.add_bucket("doxa", 90, shard_days=1)
    assert setup(influx2.url, *words, "--dry-run").marks("shards") == {"doxa": "made"}
    setup(influx2.url, *words)
    bucket = influx2.named("doxa")
    assert bucket is not None
    assert bucket["retentionRules"][0]["shardGroupDurationSeconds"] == 7 * 86_400
    assert setup(influx2.url, *words).marks("shards") == {}, "again changes nothing"

    bucket["retentionRules"][0]["shardGroupDurationSeconds"] = 86_400
    told = check(influx2.url, f'token_file = "{operator}"', *words)
    assert (told.code, told.marks("shards")) == (0, {"doxa": "note"})
    assert "doxa collector sinks setup --url" in told.mend("shards", "doxa")


def test_a_missing_bucket_is_named_with_its_command(
    influx2: InfluxDB2Double, secret: Run, operator: Path, check: Run
) -> None:
    token = secret("influx.token", writer(influx2, filled(influx2, "doxa_5m")))
    told = check(influx2.url, f'token_file = "{token}"', f"--operator-token-file={operator}")
    assert (told.code, told.wrong()) == (1, [("bucket", "doxa_5m")])
    assert "influx bucket create --org doxa --name doxa_5m --retention 365d" in told.mend("bucket", "doxa_5m")
    assert told.marks("retention") == {"doxa": "ok", "doxa_5m": "unseen", "doxa_long": "ok"}


def test_a_missing_mapping_is_named_with_its_command(
    influx2: InfluxDB2Double, secret: Run, operator: Path, check: Run
) -> None:
    ids = filled(influx2)
    token, influx2.virtual = secret("influx.token", writer(influx2, ids)), False
    influx2.add_mapping("doxa", ids["doxa"])
    influx2.add_mapping("doxa_5m", ids["doxa_long"])
    told = check(influx2.url, f'token_file = "{token}"', f"--operator-token-file={operator}")
    assert told.wrong() == [("mapping", "doxa_5m"), ("mapping", "doxa_long")]
    assert f"--bucket-id {ids['doxa_long']} --default" in told.mend("mapping", "doxa_long")
    assert "influx v1 dbrp delete" in told.mend("mapping", "doxa_5m"), "it leads to another bucket"


def test_a_token_that_only_writes_says_so_and_nothing_is_called_wrong(
    influx2: InfluxDB2Double, secret: Run, check: Run
) -> None:
    token = secret("influx.token", writer(influx2, filled(influx2)))
    told = check(influx2.url, f'token_file = "{token}"')
    assert told.code == 0
    assert told.marks("bucket") == dict.fromkeys(NAMES, "ok")
    assert told.marks("mapping") == told.marks("retention") == dict.fromkeys(NAMES, "unseen")
    assert influx2.lines == 0


@pytest.mark.parametrize(
    ("settings", "wrong", "mend"),
    [
        ('token_file = "bad.token"', ("token", None), "--write-token-file NEWFILE"),
        ("", ("token", None), "--write-token-file NEWFILE"),
        ('token_file = "read.token"', ("bucket", "doxa"), "--write-token-file NEWFILE"),
        ('token_file = "good.token"\norg = "other"', ("bucket", "doxa"), "influx org list"),
        ('token_file = "two.token"', ("token", None), "one single line"),
    ],
)
def test_what_is_wrong_with_a_token_or_an_organisation(
    influx2: InfluxDB2Double, secret: Run, check: Run, settings: str, wrong: tuple[str, str | None], mend: str
) -> None:
    ids = filled(influx2)
    secret("good.token", writer(influx2, ids))
    secret("read.token", influx2.add_token(*(("read", one) for one in ids.values())))
    secret("bad.token", "nobody-knows-me")
    secret("two.token", "one\ntwo")
    told = check(influx2.url, settings)
    assert told.code == 1
    assert told.wrong()[0][0] == wrong[0]
    assert wrong[1] in (None, told.wrong()[0][1])
    assert mend in told.mend(*told.wrong()[0])
    assert not [line for line in told.lines if "one" in line["text"] and "two" in line["text"]], "a secret is shown"


def test_setting_up_without_the_right_token_says_which_is_wanted(
    influx2: InfluxDB2Double, operator: Path, secret: Run, setup: Run
) -> None:
    with pytest.raises(InputError, match="operator-token-file"):
        setup(influx2.url)
    told = setup(influx2.url, f"--operator-token-file={secret('w', writer(influx2, filled(influx2)))}")
    assert told.wrong() == [("stopped", None)]
    told = setup(influx2.url, "--org=other", f"--operator-token-file={operator}")
    assert "influx org list" in told.mend("stopped")
    with pytest.raises(InputError, match="same file"):
        setup(influx2.url, f"--operator-token-file={operator}", "--write-token-file=a", "--read-token-file=a")


def test_an_operator_token_is_never_shown_to_a_second_store(
    check: Run, influx2: InfluxDB2Double, operator: Path
) -> None:
    other = '[sink.other]\nkind = "influx"\nurl = "http://127.0.0.1:1"'
    with pytest.raises(InputError, match="several stores"):
        check(influx2.url, other, f"--operator-token-file={operator}")
    assert check(influx2.url, other, "grafana", f"--operator-token-file={operator}").code == 1


def test_a_token_that_reads_shows_mappings_without_the_operator(
    influx2: InfluxDB2Double, secret: Run, check: Run
) -> None:
    ids, influx2.virtual = filled(influx2), False
    influx2.add_mapping("doxa", ids["doxa"])
    both = [(action, one) for one in ids.values() for action in ("read", "write")]
    token = secret("influx.token", influx2.add_token(*both))
    told = check(influx2.url, f'token_file = "{token}"')
    assert told.marks("retention") == dict.fromkeys(NAMES, "ok")
    assert told.marks("mapping") == {"doxa": "ok", "doxa_5m": "unseen", "doxa_long": "unseen"}


def test_a_read_token_that_sees_too_little_is_named(
    influx2: InfluxDB2Double, operator: Path, secret: Run, setup: Run
) -> None:
    ids = filled(influx2)
    old = secret("grafana.token", influx2.add_token(("read", ids["doxa"]), ("read", ids["doxa_5m"])))
    told = setup(influx2.url, f"--operator-token-file={operator}", f"--read-token-file={old}")
    assert (told.code, told.wrong()) == (1, [("token", str(old))])
    assert "doxa_long" in next(line["text"] for line in told.lines if line["mark"] == "wrong")
