"""The pages of incidents and of presence, over a province in which an aggregation and a probe are gone."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Page
from sqlalchemy import Engine
from tests.collector.web.conftest import OpenPage, Served

from doxa_collector.incidents import store
from doxa_collector.incidents.atlas import read_atlas
from doxa_collector.incidents.correlate import Correlator
from doxa_collector.ledger.engine import open_ledger, reading, writing
from doxa_collector.ledger.registration import register
from doxa_collector.presence import cli
from doxa_collector.presence.model import Cause, Evidence, Presence, State, Turn
from doxa_collector.presence.store import save
from doxa_collector.web import create_app
from doxa_collector.web.language import from_us
from doxa_collector.web.settings import Settings
from doxa_core.errors import InputError
from doxa_core.language import choose_language
from doxa_lab.incidents import faults
from doxa_lab.incidents.alarms import ticks
from doxa_lab.incidents.faults import Scenario
from doxa_lab.incidents.province import Country, Province

COUNTRY = Country(Province(communes=12))
CHOSEN = (faults.node_out(COUNTRY, "agg-52", 60, 4000), faults.cut_office(COUNTRY.provinces[0], 9, 700, 900))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Path, int]]:
    """A ledger with one incident that lasts, one that is over, and some probes; its file; and the moment of now."""
    folder = tmp_path_factory.mktemp("watched")
    engine = open_ledger(folder / "ledger.db")
    with writing(engine) as conn:
        register(conn, COUNTRY.registry, 1, "test")
    with reading(engine) as conn:
        atlas = read_atlas(conn, date(2026, 11, 24))
    correlator, now_us = Correlator(COUNTRY.tree, atlas), 0
    for now_us, changes, alarms in ticks(Scenario(country=COUNTRY, faults=CHOSEN, seconds=1400), 4):
        if found := correlator.update(now_us, changes, alarms):
            with writing(engine) as conn:
                store.save(conn, found)
    agents = sorted(COUNTRY.registry.home_of().items())
    states = [(State.ONLINE, None), (State.OFFLINE, Cause.POWER), (State.UNKNOWN, Cause.BROKER)]
    with writing(engine) as conn:
        for (agent, site), (state, cause) in zip(agents, states * len(agents), strict=False):
            evidence = () if cause is None else (Evidence(code="last_will"), Evidence(code="on_battery"))
            one = Presence(
                agent=agent, site=site, state=state, cause=cause, since_us=now_us - 90_000_000, evidence=evidence
            )
            save(conn, [Turn(before=None, now=one, noticed_us=now_us)])
    yield engine, folder, now_us
    engine.dispose()


@pytest.fixture(scope="module")
def page(watched: tuple[Engine, Path, int]) -> Iterator[Served]:
    engine, _, now_us = watched
    settings = Settings(now=lambda: from_us(now_us), refresh_s=1)
    served = Served(create_app(engine, [], settings=settings, tree=lambda: COUNTRY.tree))
    yield served
    served.stop()


def test_the_list_says_what_goes_on_and_what_is_over(page: Served) -> None:
    text = page.get("/incidents").text
    assert "nút tập trung mất kết nối" in text.lower()
    assert "12/12" in text
    assert "Đang xảy ra" in text
    assert "Đã qua" in text
    assert "Phát hiện sau" in text
    english = page.get("/incidents?lang=en").text
    assert "aggregation node down" in english.lower()


def test_an_incident_shows_its_members_its_evidence_and_its_history(page: Served) -> None:
    text = page.get("/incidents/1").text
    assert "Căn cứ" in text
    assert "Diễn biến" in text
    assert text.count('data-key="m-') >= 12
    assert page.get("/incidents/999").status_code == 404
    assert page.get("/incidents/x").status_code == 404


def test_a_node_is_not_named_unless_the_deployment_reveals_it(watched: tuple[Engine, Path, int], page: Served) -> None:
    node = COUNTRY.tree.nodes["agg-52"]
    hidden = page.get("/incidents/1").text + page.get("/incidents").text
    assert node.name not in hidden
    engine, _, now_us = watched
    settings = Settings(now=lambda: from_us(now_us), reveal_tslcd=True)
    open_ = Served(create_app(engine, [], settings=settings, tree=lambda: COUNTRY.tree))
    try:
        assert node.name in open_.get("/incidents/1").text
    finally:
        open_.stop()


def test_presence_shows_the_absent_first_with_cause_and_evidence(page: Served) -> None:
    text = page.get("/presence").text
    assert text.index("mất liên lạc") < text.index(">trực tuyến</b>")
    assert "mất điện" in text
    assert "nguồn dự phòng" in text


@pytest.mark.browser
@pytest.mark.parametrize("path", ["/incidents", "/incidents/1", "/presence"])
def test_the_pages_of_the_watch_fit_a_phone(page: Served, open_page: OpenPage, path: str) -> None:
    seen = open_page(width=360, height=740)
    for lang in ("vi", "en"):
        seen.page.goto(f"{page.url}{path}?lang={lang}")
        assert _sideways(seen.page) <= 360
    assert seen.complaints == []


def _sideways(page: Page) -> int:
    found: int = page.evaluate("document.documentElement.scrollWidth")
    return found


def _config(watched: tuple[Engine, Path, int]) -> str:
    _, folder, _ = watched
    (folder / "sites.toml").write_text("")
    file = folder / "collector.toml"
    file.write_text(
        '[broker]\nhost = "127.0.0.1"\n[ledger]\npath = "ledger.db"\n[registry]\nfile = "sites.toml"\n[web]\nenabled = false\n'
    )
    return str(file)


def test_doxa_presence_says_the_same_on_a_terminal_and_for_machines(
    watched: tuple[Engine, Path, int], capsys: pytest.CaptureFixture[str]
) -> None:
    choose_language("vi")
    config = _config(watched)
    assert cli.main(["--config", config, "--state", "offline"]) == 0
    text = capsys.readouterr().out
    assert "mất liên lạc từ" in text
    assert "thiết bị mất điện hoặc khởi động lại: " in text
    assert "✓" not in text
    assert cli.main(["--config", config, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert sum(found["counts"].values()) == len(found["probes"]) == len(COUNTRY.registry.home_of())
    agent = next(probe for probe in found["probes"] if probe["state"] == "offline")["agent"]
    assert cli.main(["--config", config, "--probe", agent]) == 0
    assert "lịch sử:" in capsys.readouterr().out
    with pytest.raises(InputError, match="--probe khong-co"):
        cli.main(["--config", config, "--probe", "khong-co"])
