"""`doxa report incident`: one incident of the ledger as a paper."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.collector.incidents.conftest import START, Feed, MakeAlarm, alarm, atlas, away, feed, node_alarm, tslcd
from tests.collector.papers.reading import pdf_text, squeezed
from tests.collector.report.conftest import data_of, say

from doxa_collector.incidents import lifecycle, store
from doxa_collector.incidents.atlas import Atlas
from doxa_collector.incidents.explain import Ground
from doxa_collector.incidents.model import Cause, Family, Fault, Incident, Member, Reach, State
from doxa_collector.incidents.settings import Settings
from doxa_collector.ledger.engine import open_ledger, writing
from doxa_collector.ledger.registration import register
from doxa_collector.registry import read_registry
from doxa_collector.report.incident_data import incident_of
from doxa_collector.watch.severity import Severity
from doxa_collector.watch.subject import node, probe
from doxa_core.errors import InputError
from doxa_core.linkkind import LinkKind
from doxa_lab.incidents.faults import S
from doxa_lab.incidents.province import Country, Province

__all__ = ["alarm", "atlas", "feed"]
Run = Callable[..., dict[str, bytes]]


@pytest.fixture(scope="session")
def country() -> Country:
    return Country(Province(communes=30))


@pytest.fixture
def run(tmp_path: Path, country: Country, feed: Callable[[], Feed], alarm: MakeAlarm) -> Run:
    """The aggregation with 30 lines behind it, somebody who took it, and one office by itself."""
    (tmp_path / "sites.toml").write_text(country.sites_toml(), encoding="utf-8")
    (tmp_path / "nodes.toml").write_text(country.nodes_toml(), encoding="utf-8")
    config = tmp_path / "collector.toml"
    config.write_text(
        '[broker]\nhost = "127.0.0.1"\n[ledger]\npath = "ledger.db"\n[registry]\nfile = "sites.toml"\n[watch]\nnodes = "nodes.toml"\n',
        encoding="utf-8",
    )
    it = feed()
    it.step(8, node_alarm(alarm), *(alarm(tslcd(n)) for n in range(1, 31)))
    it.step(20)
    silent = alarm(away(7), 1000)
    it.step(1008, silent)
    it.step(1030)
    it.step(1600, cleared=[replace(silent, cleared_us=START + 1600 * S)])
    it.step(1700)
    engine: Engine = open_ledger(tmp_path / "ledger.db")
    with writing(engine) as conn:
        register(conn, read_registry(tmp_path / "sites.toml"), 1, "test")
        store.save(conn, it.changes)
        lifecycle.acknowledge(conn, 1, "lan", it.changes[-1].at_us, "đã gọi từ 10.20.30.40")
    engine.dispose()
    return lambda *words, **form: say(config, tmp_path / "out", "incident", *words, **form)


def test_the_paper_names_offices_times_cause_and_history(run: Run) -> None:
    found = run("1", form="json,pdf")
    assert set(found) == {"bao-cao-su-co_1.json", "bao-cao-su-co_1.pdf"}
    data: dict[str, Any] = data_of({"x.json": found["bao-cao-su-co_1.json"]})
    assert (data["number"], data["cause"], data["state"]) == (1, "nút tập trung mất kết nối", "đã tiếp nhận")
    assert (len(data["offices"]), data["watched"]) == (30, 31)
    assert {(o["lines"], o["ended"]) for o in data["offices"]} == {("TSLCD", None)}
    assert data["offices"][0]["code"] == "52001"
    assert data["history"][0]["actor"] == ""
    assert (data["history"][-1]["actor"], data["history"][-1]["text"]) == ("lan", "đã tiếp nhận: đã gọi từ •••")
    read = pdf_text(found["bao-cao-su-co_1.pdf"])
    assert squeezed("30/31 xã, phường mất kết nối TSLCD do nút tập trung mất kết nối") in read
    assert "chưakhôiphục" in read


def test_the_root_and_addresses_are_hidden_unless_the_deployment_reveals_them(run: Run, tmp_path: Path) -> None:
    assert data_of(run("1"))["root"] == "•••"
    paper = tmp_path / "paper.toml"
    paper.write_text("[paper]\nreveal = true\n", encoding="utf-8")
    data = data_of(run("1", "--settings", str(paper), "--force"))
    assert data["root"] not in (None, "•••")
    assert "10.20.30.40" in data["history"][-1]["text"]


def test_an_office_that_is_back_has_its_end_and_so_has_the_incident(run: Run) -> None:
    data = data_of(run("2"))
    (office,) = data["offices"]
    assert (office["code"], office["lines"], data["state"]) == ("52007", "thiết bị đo", "đã khôi phục"), (
        "another probe is heard"
    )
    length = datetime.fromisoformat(office["ended"]) - datetime.fromisoformat(office["began"])
    assert length.total_seconds() == 600
    assert data["resolved"] is not None


def test_a_number_that_nothing_has_is_refused(run: Run) -> None:
    for number in ("3", "0", "-1", str(2**70)):
        with pytest.raises(InputError, match="không có sự cố này; hãy xem doxa incidents list"):
            run(number)


def test_probes_behind_a_dead_node_have_lost_only_what_is_behind_it(country: Country, atlas: Atlas) -> None:
    probes = [probe("xa-52-007", name) for name in atlas.offices["xa-52-007"].agents]
    members = tuple(
        Member(subject=one, rule="r", severity=Severity.CRITICAL, family=Family.DOWN, began_us=START, joined_us=START)
        for one in probes
    )
    found = Incident(
        id=1, fault=Fault(Reach.NODE, "agg-52"), cause=Cause.AGGREGATION_DOWN, severity=Severity.CRITICAL,
        state=State.OPEN, began_us=START, detected_us=START, opened_us=START, members=members, root=node("agg-52"),
    )  # fmt: skip
    ground = Ground(country.tree, atlas, Settings())
    assert {atlas.kind_of(line) for one in probes for line in atlas.lines_of(one)} == {LinkKind.FIXED, LinkKind.TSLCD}
    (office,) = incident_of(found, [], ground, date(2026, 11, 24), reveal=False).offices
    assert office.lines == "TSLCD"
