"""`doxa dashboards provision`: files that Grafana reads, the same each time, without a secret."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dashboards.publish.conftest import BOT_TOKEN, INTERNAL, PUBLIC, STORE_TOKEN, Doxa
from tests.dashboards.publish.grafana import REPOSITORY

from doxa_dashboards import cli
from doxa_dashboards.alerting import all_rules
from doxa_dashboards.publish.files import literal
from doxa_dashboards.publish.settings import Org, Store, Team
from doxa_dashboards.publish.yaml import dump


@pytest.fixture
def both(request: pytest.FixtureRequest) -> Path:
    settings: Path = request.getfixturevalue("settings")
    settings.write_text((INTERNAL + PUBLIC).replace("URL", "http://127.0.0.1:9"))
    return settings


def _read(folder: Path) -> dict[str, str]:
    return {file.relative_to(folder).as_posix(): file.read_text() for file in folder.rglob("*") if file.is_file()}


def _yaml(folder: Path, name: str) -> Any:
    return yaml.safe_load((folder / name).read_text())


def test_files_for_each_organisation_and_the_same_each_time(doxa: Doxa, both: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert doxa("provision", "--out", str(out), "--check").code == 1
    assert not out.exists()
    assert doxa("provision", "--out", str(out)).code == 0
    first = _read(out)
    assert sorted(first) == [
        "alerting/doxa-noi-bo.yaml",
        "dashboards/cong-khai/doxa-chung/doxa-commune.json",
        "dashboards/cong-khai/doxa-chung/doxa-province.json",
        "dashboards/doxa-cong-khai.yaml",
        "dashboards/doxa-noi-bo.yaml",
        "dashboards/noi-bo/doxa-chung/doxa-commune.json",
        "dashboards/noi-bo/doxa-chung/doxa-province.json",
        "dashboards/noi-bo/doxa-noi-bo/doxa-tslcd.json",
        "dashboards/noi-bo/doxa-p20/doxa-commune-p20.json",
        "dashboards/noi-bo/doxa-p20/doxa-province-p20.json",
        "datasources/doxa-cong-khai.yaml",
        "datasources/doxa-noi-bo.yaml",
    ]
    for word in (STORE_TOKEN, BOT_TOKEN, "internal-token"):
        assert not any(word in text for text in first.values())
    assert doxa("provision", "--out", str(out)).out.endswith(f"12 files, 0 changed in {out}\n")
    assert _read(out) == first
    assert doxa("provision", "--out", str(out), "--check").code == 0


def test_secrets_are_references_to_files_of_the_server(doxa: Doxa, both: Path, tmp_path: Path) -> None:
    doxa("provision", "--out", str(tmp_path / "out"), "--secrets", "/etc/grafana/secrets")
    source = _yaml(tmp_path / "out", "datasources/doxa-noi-bo.yaml")["datasources"][0]
    assert source["secureJsonData"] == {"httpHeaderValue1": "Token $__file{/etc/grafana/secrets/store.token}"}
    assert source["jsonData"]["dbName"] == "doxa"
    assert "doxaMark" not in source["jsonData"]
    points = _yaml(tmp_path / "out", "alerting/doxa-noi-bo.yaml")["contactPoints"]
    assert points[1]["receivers"][0]["settings"]["bottoken"] == "$__file{/etc/grafana/secrets/bot.token}"


def test_every_rule_stands_in_its_group_and_names_its_receiver(doxa: Doxa, both: Path, tmp_path: Path) -> None:
    doxa("provision", "--out", str(tmp_path / "out"))
    found = _yaml(tmp_path / "out", "alerting/doxa-noi-bo.yaml")
    assert "policies" not in found, "a file replaces the whole tree of policies"
    assert {rule["uid"] for group in found["groups"] for rule in group["rules"]} == {r.uid for r in all_rules()}
    assert {group["name"]: group["interval"] for group in found["groups"]} == {"nhanh": "60s", "gio": "3600s"}
    rule = found["groups"][0]["rules"][0]
    assert rule["notification_settings"] == {"receiver": "Trực NOC"}
    assert "$timeFilter" in rule["data"][0]["model"]["query"]


def test_pages_that_the_server_has_already_are_not_written_again(doxa: Doxa, both: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    doxa("provision", "--out", str(out), "--pages", "/srv/doxa/pages")
    assert not list(out.rglob("*.json"))
    paths = [one["options"]["path"] for one in _yaml(out, "dashboards/doxa-cong-khai.yaml")["providers"]]
    assert paths == ["/srv/doxa/pages/cong-khai/doxa-chung"]


def test_files_of_an_organisation_that_is_gone_are_removed_and_others_stay(
    doxa: Doxa, both: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    doxa("provision", "--out", str(out))
    (out / "datasources" / "mine.yaml").write_text("apiVersion: 1\n")
    (out / "datasources" / "doxa-mine.yaml").write_text("apiVersion: 1\n")
    both.write_text(INTERNAL.replace("URL", "http://127.0.0.1:9"))
    doxa("provision", "--out", str(out))
    left = _read(out)
    assert {"datasources/mine.yaml", "datasources/doxa-mine.yaml"} <= left.keys()
    assert not any("cong-khai" in name for name in left)


@pytest.mark.parametrize("value", ["relative/path", "/a$b"])
def test_a_folder_that_grafana_could_not_find_is_refused(doxa: Doxa, tmp_path: Path, value: str) -> None:
    assert doxa("provision", "--out", str(tmp_path / "out"), "--server", value).code == 2


def test_a_folder_that_cannot_be_written_is_one_sentence(doxa: Doxa, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = doxa("provision", "--out", str(tmp_path / "file"))
    assert said.code == 1
    assert said.err.startswith("doxa dashboards: cannot write to ")


def test_the_committed_files_are_what_the_shipped_settings_give(capsys: pytest.CaptureFixture[str]) -> None:
    shipped = REPOSITORY / "deploy" / "server" / "grafana.toml"
    out, on_server = REPOSITORY / "dashboards" / "provisioning", "/etc/grafana/provisioning/dashboards"
    code = cli.main(["provision", "--config", str(shipped), "--out", str(out), "--pages", on_server, "--check"])
    assert code == 0, capsys.readouterr().out + f"{REMEDY} --pages {on_server}"


REMEDY = "doxa dashboards provision --config deploy/server/grafana.toml --out dashboards/provisioning"


def test_the_shipped_settings_name_every_key() -> None:
    text = (REPOSITORY / "deploy" / "server" / "grafana.toml").read_text()
    every = re.sub(r"(?m)^# (?=\[|[a-z_]+ = )", "", text)
    found = tomllib.loads(every)["org"][0]
    assert set(found) == {*(one.name for one in fields(Org)), "contact", "team"} - {"contacts", "teams"}
    assert set(found["store"]) == {one.name for one in fields(Store)}
    assert {one["type"] for one in found["contact"]} == {"email", "telegram", "webhook"}
    assert {key for one in found["team"] for key in one} == {one.name for one in fields(Team)}


def test_a_dollar_is_doubled_so_that_grafana_fills_nothing() -> None:
    assert literal({"a": ["$x", 1]}) == {"a": ["$$x", 1]}


_KEYS = st.sampled_from(["uid", "jsonData", "url", "orgId"])
_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
_PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | _TEXTS
    | st.sampled_from(["no", "1.0", "- a", "{{ $x }}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=25)
@given(st.dictionaries(_KEYS, _PLAIN, min_size=1, max_size=4))
def test_what_is_written_is_read_back(document: dict[str, Any]) -> None:
    assert yaml.safe_load(dump(document)) == document
