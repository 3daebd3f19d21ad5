"""What is told about strangers, cursors and settings, and answers that nobody foresaw."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from doxa_collector.config import read_settings
from doxa_collector.ledger import forwarding
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.forwarding import Cursor
from doxa_collector.sinks.influx import Retention
from doxa_collector.stores import secretfile
from doxa_collector.stores.cursors import cursors
from doxa_collector.stores.door import Answer, Door, NoAnswerError
from doxa_collector.stores.influx1 import _go_seconds
from doxa_collector.stores.influxql import statement
from doxa_collector.stores.product import Kind, identify
from doxa_collector.stores.victoria import _period_s
from doxa_core.errors import InputError, OperationError

Run = Callable[..., Any]


class Said(Door):
    """A door whose answers are given."""

    def ask(self, path: str, *_: Any, **__: Any) -> Answer:
        return ANSWERS[path] if path in ANSWERS else ANSWERS[""]


ANSWERS: dict[str, Answer] = {}


def answer(body: bytes | str = b"", status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=named, body=body.encode() if isinstance(body, str) else body)


def named(**answers: Answer) -> Any:
    ANSWERS.clear()
    ANSWERS.update({f"/{path}": one for path, one in answers.items()} | {"": answer(status=404)})
    return identify(Said(url="http://127.0.0.1:1"))


def test_every_store_is_known_by_what_it_says() -> None:
    health = json.dumps({"name": "influxdb", "status": "pass", "version": "v2.7.12"})
    assert named(health=answer(health)).name == "InfluxDB 2.7.12"
    assert named(health=answer(health.replace("v2.7.12", "1.8.10"))).kind is Kind.INFLUX1
    assert named(ping=answer(status=204, x_influxdb_version="1.6.7~rc0")).name == "InfluxDB 1.6.7~rc0"
    three = answer(json.dumps({"version": "3.2.1", "revision": "0"}))
    assert named(health=answer("OK"), ping=three).kind is Kind.INFLUX3
    metrics = answer('vm_app_version{version="victoria-metrics-v1.102.0", short_version="v1.102.0"} 1\n')
    ping = answer(status=204, x_influxdb_version="1.8.0")
    assert named(health=answer("OK"), metrics=metrics, ping=ping).name == "VictoriaMetrics 1.102.0"
    assert named(health=answer("OK"), ping=ping).kind is Kind.VICTORIA, "it hides /metrics and calls itself InfluxDB"


@given(st.binary(max_size=200), st.sampled_from([200, 204, 301, 401, 404, 500]), st.text(max_size=20))
def test_no_answer_breaks_the_recognition(body: bytes, status: int, version: str) -> None:
    one = answer(body, status, x_influxdb_version=version)
    try:
        named(health=one, ping=one, metrics=one)
    except NoAnswerError as error:
        assert error.mend.vi


words = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["results", "series", "values", "columns", "error", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(words | st.builds(lambda found: {"results": [found]}, words))
def test_no_answer_of_influxql_breaks_the_reading(found: Any) -> None:
    ANSWERS.clear()
    ANSWERS[""] = answer(json.dumps(found))
    try:
        statement(Said(url="http://127.0.0.1:1"), "SHOW DATABASES")
    except OperationError as error:
        assert error.text.vi


@pytest.mark.parametrize(
    ("answers", "mend"),
    [
        ({"": (200, {"Content-Type": "text/html"}, b"<!doctype html><p>Welcome")}, "http://127.0.0.1:8086"),
        ({"": (302, {"Location": "https://example.gov.vn/login"}, b"")}, "own address"),
        ({"": (401, {}, b"")}, "let /health and /ping pass"),
        ({"": (400, {}, b"Client sent an HTTP request to an HTTPS server.\n")}, 'url = "https://127.0.0.1'),
        ({"": (200, {}, b'{"status": "ok"}')}, "http://127.0.0.1:8086"),
    ],
)
def test_what_is_no_store_is_told_in_one_sentence(stranger: Run, check: Run, answers: Any, mend: str) -> None:
    told = check(stranger(answers))
    assert (told.code, told.wrong()) == (1, [("url", None)])
    assert mend in told.mend("url")


def test_a_setup_shows_its_token_to_no_stranger(stranger: Run, setup: Run, operator: Path) -> None:
    told = setup(stranger({"": (200, {}, b"<html>")}), f"--operator-token-file={operator}")
    assert told.wrong() == [("stopped", None)]


def test_durations_of_the_stores_are_read_as_they_mean_them() -> None:
    assert _go_seconds("2160h0m0s") == 90 * 86_400
    assert _go_seconds("0s") == 0
    assert _go_seconds("1h30m0.5s") == 5400.5
    assert _period_s("1") == 31 * 86_400
    assert (_period_s("100y"), _period_s("90d"), _period_s("2w")) == (36_500 * 86_400, 90 * 86_400, 14 * 86_400)
    assert _period_s("soon") is None
    assert _period_s("1.2.3d") is None


def test_cursors_tell_what_stands_still_and_what_was_refused(engine: Engine) -> None:
    now = 1_800_000_000_000_000
    with writing(engine) as conn:
        forwarding.move(conn, "grafana", Cursor(rejected=1), now)
        forwarding.move(conn, "grafana/areas", Cursor(error="it answers 401"), now)
        forwarding.move(conn, "grafana2/areas", Cursor(error="of another sink"), now)
        forwarding.move(conn, "grafana/verdict", Cursor(rejected=9, error="of an older version"), now)
        forwarding.reject(conn, "grafana", {7: "field type conflict"}, now - 3600 * 1_000_000)
    with reading(engine) as conn:
        found = cursors(conn, "grafana", now)
        later = cursors(conn, "grafana", now + 2 * 86_400_000_000)
    told = [(one.what, one.about, one.mark.value) for one in found]
    assert told == [("cursor", "measurements", "ok"), ("cursor", "areas", "wrong"), ("rejected", None, "wrong")]
    assert "field type conflict" in found[-1].text.en
    assert later[-1].mark == "note", "what was refused long ago is no fault of today"


def test_retention_is_a_strict_table_of_the_sink(tmp_path: Path, sites_file: Path) -> None:
    file = tmp_path / "collector.toml"
    plain = (
        '[broker]\nhost = "127.0.0.1"\n[ledger]\npath = "l.db"\n[registry]\nfile = "sites.toml"\n'
        '[sink.grafana]\nkind = "influx"\nurl = "http://127.0.0.1:1"\n'
    )
    file.write_text(plain + "[sink.grafana.retention]\nraw_days = 30\nlong_days = 3650\n")
    found = read_settings(file).sinks[0].options.retention
    assert found == Retention(raw_days=30, five_minutes_days=365, long_days=3650)
    for bad in ("raw_days = -1", "raw_day = 30", "long_days = 36501", 'raw_days = "90d"'):
        file.write_text(f"{plain}[sink.grafana.retention]\n{bad}\n")
        with pytest.raises(InputError, match="retention"):
            read_settings(file)


def test_a_secret_never_replaces_a_file_that_came_meanwhile(tmp_path: Path) -> None:
    file = tmp_path / "influx.token"
    with secretfile.draft(file) as draft:
        file.write_text("of somebody else\n")
        with pytest.raises(OperationError, match=r"influx\.token"):
            draft.keep("word")
    assert file.read_text() == "of somebody else\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_draft_of_a_run_that_lives_is_not_taken_for_a_left_one(tmp_path: Path) -> None:
    file = tmp_path / "influx.token"
    with secretfile.draft(file):
        assert secretfile.left(file) == []
    (tmp_path / ".influx.token.0123456789abcdef.part").touch()
    (tmp_path / ".influx.token.of-a-person.part").touch()
    assert secretfile.left(file) == ["0123456789abcdef"]
