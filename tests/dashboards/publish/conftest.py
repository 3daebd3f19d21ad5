"""A Grafana in memory, a settings file for it, two small pages, and the command."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.dashboards.publish.grafana import Grafana, Org

from doxa_core.command import _run
from doxa_dashboards import cli
from doxa_dashboards.publish.content import Page
from doxa_dashboards.verbs import _publishing, provision

STORE_TOKEN = "store-secret-5d1f"
BOT_TOKEN = "123:bot-secret"


def page(name: str, *, internal: bool = False, title: str = "") -> Page:
    """A small page with the variable of provinces and a link to its sister."""
    return Page(
        internal=internal,
        model={
            "uid": f"doxa-{name}",
            "title": title or f"Trang {name}",
            "tags": ["doxa"],
            "links": [{"title": "xã", "url": "/d/doxa-commune?${province:queryparam}"}],
            "panels": [{"id": 1, "type": "stat", "title": "Số xã", "gridPos": {"h": 4, "w": 6, "x": 0, "y": 0}}],
            "templating": {"list": [{"name": "province", "label": "Tỉnh", "type": "query", "query": "SHOW …"}]},
            "schemaVersion": 41,
        },
    )


PAGES = [page("province"), page("commune"), page("tslcd", internal=True)]


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    server = Grafana()
    yield server
    server.close()
    assert server.violations == [], "Grafana's own API description refuses what we sent"


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[Page]:
    """What the code builds in this test; change the list to change the code."""
    found = list(PAGES)
    for module in (_publishing, provision):
        monkeypatch.setattr(module, "pages_in", lambda _languages: tuple(found))
    return found


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Doxa = Callable[..., Said]


@pytest.fixture
def settings(tmp_path: Path, grafana: Grafana, pages: list[Page]) -> Path:
    for name, word in (
        ("internal.token", "internal-token"), ("public.token", "public-token"),
        ("store.token", STORE_TOKEN), ("bot.token", BOT_TOKEN),
    ):  # fmt: skip
        (tmp_path / name).write_text(word + "\n")
    file = tmp_path / "grafana.toml"
    file.write_text(INTERNAL.replace("URL", grafana.url))
    return file


INTERNAL = """
[[org]]
name = "noi-bo"
audience = "internal"
url = "URL"
token_file = "internal.token"
timeout_s = 5
[org.store]
url = "http://influxdb:8086"
token_file = "store.token"
[[org.contact]]
name = "Trực NOC"
type = "email"
addresses = ["noc@example.vn", "truc@example.vn"]
[[org.contact]]
name = "Lạng Sơn"
type = "telegram"
chat_id = "-100123"
token_file = "bot.token"
provinces = ["20"]
severities = ["critical", "warning"]
[[org.team]]
name = "NOC"
access = "edit"
[[org.team]]
name = "Sở KHCN Lạng Sơn"
province = "20"
"""

PUBLIC = """
[[org]]
name = "cong-khai"
audience = "public"
url = "URL"
token_file = "public.token"
[org.store]
url = "http://influxdb:8086"
database = "doxa_public"
"""


@pytest.fixture
def doxa(settings: Path, capsys: pytest.CaptureFixture[str]) -> Doxa:
    """`doxa("publish", …)`: `doxa dashboards publish --config …` as a person runs it, in English."""
    from importlib.metadata import EntryPoint

    from doxa_core.language import choose_language

    def run(verb: str, *more: str, config: Path | None = None) -> Said:
        choose_language("en")
        capsys.readouterr()
        point = EntryPoint("dashboards", f"{cli.__name__}:main", "doxa.commands")
        code = _run(point, [verb, "--config", str(config or settings), *more])
        said = capsys.readouterr()
        if "Traceback" in said.err:
            pytest.fail(said.err)
        return Said(code, said.out, said.err)

    return run


_PUBLISHED: list[Org] = []


@pytest.fixture
def published(doxa: Doxa, grafana: Grafana) -> Org:
    """The internal organisation after a first publish, done once in this worker."""
    if not _PUBLISHED:
        assert doxa("publish").code == 0
        _PUBLISHED.append(copy.deepcopy(grafana.orgs[1]))
        grafana.calls.clear()
    grafana.orgs[1] = copy.deepcopy(_PUBLISHED[0])
    return grafana.orgs[1]
