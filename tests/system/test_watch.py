"""The country in small, broken on purpose: what the collector says of it, and how soon."""

import json
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from doxa_lab.country.office import read_offices
from doxa_lab.demo.country import Country
from doxa_lab.demo.ground import Namespaces
from doxa_lab.process import Process

pytestmark = [pytest.mark.root, pytest.mark.server, pytest.mark.slow]
PATIENCE_S = 240.0
"""Only a bound against hanging."""


@pytest.fixture
def country(tmp_path: Path) -> Iterator[Country]:
    with Namespaces(tmp_path) as ground, socket.create_server(("127.0.0.1", 0)) as listening:
        found = Country(tmp_path, ground, read_offices()[:3], listening, lambda _text: None)
        try:
            found.start()
            yield found
        finally:
            found.close()


def ask(country: Country, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{country.folder / 'ledger.db'}?mode=ro", uri=True) as ledger:
        found = ledger.execute(query).fetchall()
    ledger.close()
    return found


def presence(country: Country) -> dict[str, tuple[str, str | None]]:
    return {agent: (state, cause) for agent, state, cause in ask(country, "SELECT agent, state, cause FROM presence")}


def incidents(country: Country) -> list[dict[str, Any]]:
    rows = ask(country, "SELECT id, cause, state, detail FROM incident ORDER BY id")
    return [{"id": n, "cause": cause, "state": state, **json.loads(detail)} for n, cause, state, detail in rows]


def eventually(what: str, holds: Callable[[], bool]) -> float:
    """How long it took, in seconds."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < PATIENCE_S, f"{what} did not come true within {PATIENCE_S:.0f} s"
        time.sleep(0.2)
    return time.monotonic() - began


def radio(country: Country, agent: str, state: str) -> None:
    """The probe's way to the centre, up or down."""
    namespace = country.ground.probe_namespace(agent)
    assert namespace is not None
    subprocess.run(["ip", "-n", namespace, "link", "set", "noc0", state], check=True)


@pytest.mark.timeout(600)
def test_a_lost_probe_and_a_dead_broker_are_told_apart_and_soon(country: Country) -> None:
    eventually("all probes are online", lambda: {s for s, _ in presence(country).values()} == {"online"})
    agent = min(country.agents)

    radio(country, agent, "down")
    took = eventually("the probe is offline", lambda: presence(country)[agent][0] == "offline")
    print(f"offline after {took:.1f} s")
    assert took <= 15
    assert {state for name, (state, _) in presence(country).items() if name != agent} == {"online"}
    radio(country, agent, "up")
    eventually("it is back", lambda: presence(country)[agent][0] == "online")
    (cause,) = ask(country, f"SELECT cause FROM presence_change WHERE agent = '{agent}' AND state = 'offline'")[-1]
    assert cause == "line"  # the same boot came back: it never lost power
    count = len(incidents(country))
    broker: Process | None = country.broker.process if country.broker is not None else None
    assert broker is not None
    broker.kill()
    eventually("nobody is blamed", lambda: {s for s, _ in presence(country).values()} == {"unknown"})
    assert {cause for _, cause in presence(country).values()} == {"broker"}
    broker.start()
    eventually("all are back", lambda: {s for s, _ in presence(country).values()} == {"online"})
    blamed = [i for i in incidents(country)[count:] if i["cause"] not in ("broker", "collector")]
    assert blamed == []
