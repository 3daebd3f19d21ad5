"""Kill −9 the collector, the broker and an agent in turn, each for a while, as the country runs: nothing lost, nothing twice."""

import os
import socket
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doxa_lab.country.office import read_offices
from doxa_lab.demo.country import Country
from doxa_lab.demo.ground import Namespaces
from doxa_lab.process import Process

DOWN_S = float(os.environ.get("DOXA_TEST_DOWN_S", "20"))
"""How long each stays dead: four times what the demo's agents wait at most for an acknowledgement or before they connect
again (5 s each, `doxa_lab.demo.files`), so both waits are at their largest; the collector, which doubles its own, is then
still away from the broker when the agents are back. With 60 it is the minute of the issue: the same, only more often."""
PATIENCE_S = 240.0
"""Only a bound against hanging: what is awaited is a state, not a time."""


@pytest.fixture
def country(tmp_path: Path) -> Iterator[Country]:
    with Namespaces(tmp_path) as ground, socket.create_server(("127.0.0.1", 0)) as listening:
        found = Country(tmp_path, ground, read_offices(), listening, lambda _text: None)
        try:
            found.start()
            yield found
        finally:
            found.close()


def made(country: Country) -> dict[tuple[str, str], int]:
    """(agent, epoch) → the last sequence number that its spool gave, read beside the running agent."""
    found = {}
    for agent in country.agents:
        with sqlite3.connect(f"file:{country.folder / agent / 'spool.db'}?mode=ro", uri=True) as spool:
            (epoch,) = spool.execute("SELECT epoch FROM identity").fetchone()
            (last,) = spool.execute(
                "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'waiting'"
            ).fetchone()
        spool.close()
        found[agent, epoch] = last
    return found


def lost(country: Country) -> dict[str, int]:
    """What the spools count as dropped, refused, damaged or set aside."""
    found: Counter[str] = Counter()
    for agent in country.agents:
        with sqlite3.connect(f"file:{country.folder / agent / 'spool.db'}?mode=ro", uri=True) as spool:
            found.update(dict(spool.execute("SELECT name, sum(value) FROM counted GROUP BY name").fetchall()))
        spool.close()
    return dict(found)


def kept(country: Country) -> dict[tuple[str, str], list[int]]:
    """(agent, epoch) → every sequence number in the ledger, sorted, repeated where it stands twice."""
    found: dict[tuple[str, str], list[int]] = {}
    with sqlite3.connect(f"file:{country.folder / 'ledger.db'}?mode=ro", uri=True) as ledger:
        for agent, epoch, seq in ledger.execute("SELECT agent, epoch, seq FROM measurement ORDER BY seq"):
            found.setdefault((agent, epoch), []).append(seq)
    ledger.close()
    return found


def quarantined(country: Country) -> list[tuple[str, str]]:
    with sqlite3.connect(f"file:{country.folder / 'ledger.db'}?mode=ro", uri=True) as ledger:
        found = ledger.execute("SELECT code, detail FROM quarantine").fetchall()
    ledger.close()
    return found


def eventually(what: str, holds: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until, f"{what} did not come true within {PATIENCE_S:.0f} s"
        time.sleep(1)


def total(numbers: dict[tuple[str, str], list[int]]) -> int:
    return sum(len(found) for found in numbers.values())


def be_dead(country: Country, victim: Process) -> int:
    """SIGKILL, silence, life again; how many measurements were made meanwhile."""
    before = sum(made(country).values())
    victim.kill()
    time.sleep(DOWN_S)
    victim.start()
    return sum(made(country).values()) - before


@pytest.mark.root
@pytest.mark.server
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_after_a_time_without_collector_without_broker_and_without_an_agent_the_ledger_holds_every_measurement_once(
    country: Country,
) -> None:
    assert country.collector is not None
    assert country.broker is not None
    eventually("the first measurements arrive", lambda: total(kept(country)) >= 14)

    without = {
        "collector": be_dead(country, country.collector),
        "broker": be_dead(country, country.broker.process),
        "agent": be_dead(country, next(iter(country.agents.values()))),
    }

    assert min(without.values()) > 0, f"nothing was measured while something was dead: {without}"
    goal = made(country)
    eventually(
        "every measurement made until now is in the ledger",
        lambda: all(set(kept(country).get(who, ())) >= set(range(1, last + 1)) for who, last in goal.items()),
    )
    found = kept(country)
    assert [who for who, numbers in found.items() if len(numbers) != len(set(numbers))] == []
    assert {agent for agent, _epoch in found} == set(country.agents)
    assert len(found) == len(country.agents), "an agent began a new epoch: its spool was not usable after the kill"
    assert lost(country) == {}
    assert quarantined(country) == []
