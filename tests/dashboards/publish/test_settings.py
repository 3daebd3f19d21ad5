"""`grafana.toml`: each mistake is one sentence and exit code 2, before anybody is asked."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dashboards.publish.conftest import INTERNAL, PUBLIC, Doxa
from tests.dashboards.publish.grafana import Grafana

from doxa_core.errors import InputError
from doxa_dashboards.publish.settings import Audience, read_settings


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('audience = "internal"', 'audience = "everybody"', "one of: internal, public"),
        ('url = "http://influxdb:8086"', 'url = "influxdb:8086"', "the address is not valid"),
        ('url = "http://influxdb:8086"', 'url = "http://u:p@influxdb"', "the address is not valid"),
        ('token_file = "store.token"', 'token_file = "none.token"', "there is no file"),
        ('type = "email"', 'type = "pigeon"', "one of: email, telegram, webhook"),
        ('addresses = ["noc@example.vn", "truc@example.vn"]', "addresses = []", "there is no address"),
        ('provinces = ["20"]', 'provinces = ["Lạng Sơn"]', "'Lạng Sơn' is not valid"),
        ('severities = ["critical", "warning"]', 'severities = ["bad"]', "'bad' is not valid"),
        ('province = "20"', 'province = "2"', "a province code"),
        ('name = "Lạng Sơn"', 'name = "Trực NOC"', "'Trực NOC' is there twice"),
        ('access = "edit"', 'acess = "edit"', "did you mean 'access'?"),
        ("timeout_s = 5", 'languages = ["fr"]', "no list of languages"),
        ('token_file = "internal.token"\n', "", "url and token_file go together"),
        ('audience = "internal"', 'audience = "public"', "has no alerts"),
    ],
)
def test_a_mistake_is_one_sentence(doxa: Doxa, settings: Path, old: str, new: str, words: str) -> None:
    assert old in settings.read_text()
    settings.write_text(settings.read_text().replace(old, new))
    said = doxa("diff")
    assert said.code == 2
    assert words in said.err
    assert said.err.count("\n") == 1
    assert "u:p@" not in said.err


@pytest.mark.parametrize("word", ["", "two words", "line\nline", "mật-khẩu"])
def test_a_secret_that_is_no_word_is_not_shown(doxa: Doxa, settings: Path, word: str) -> None:
    (settings.parent / "internal.token").write_text(word)
    said = doxa("diff")
    assert said.code == 2
    assert "it does not hold one word" in said.err
    assert not word or word not in said.err


def test_the_public_on_the_store_of_the_noc_is_refused(doxa: Doxa, settings: Path, grafana: Grafana) -> None:
    mixed = (INTERNAL + PUBLIC.replace('database = "doxa_public"\n', "")).replace("URL", grafana.url)
    settings.write_text(mixed)
    said = doxa("publish")
    assert said.code == 2
    assert "its viewers could ask for internal series" in said.err
    assert grafana.calls == []


def test_a_name_that_no_organisation_has(doxa: Doxa) -> None:
    said = doxa("diff", "--org", "khac")
    assert (said.code, "choose from: noi-bo" in said.err) == (2, True)


def test_an_organisation_without_address_is_for_files_only(doxa: Doxa, settings: Path) -> None:
    text = settings.read_text()
    kept = [line for line in text.splitlines() if not line.startswith(('url = "http://127', 'token_file = "internal'))]
    settings.write_text("\n".join(kept))
    said = doxa("publish")
    assert said.code == 1
    assert "use doxa dashboards provision" in said.err


@given(st.text(alphabet='[]org.="nameudicstbl\n #0123é{}', max_size=200))
def test_any_text_is_settings_or_an_input_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any-grafana.toml"
    file.write_text(text)
    with suppress(InputError):
        assert read_settings(file)[0].audience in Audience
