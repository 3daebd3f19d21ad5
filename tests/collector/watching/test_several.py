"""Several collectors over one ledger: one watches, and whatever happens to it, another goes on without a word too many."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, select
from tests.collector.notify.services import Service, serving

from doxa_collector.ledger.engine import LedgerError, open_ledger, reading, writing
from doxa_collector.ledger.reading import now_us
from doxa_collector.ledger.registration import register
from doxa_collector.ledger.schema import alarm, incident, notice
from doxa_collector.ledger.writing import note_status
from doxa_collector.registry import read_registry
from doxa_collector.watch.lease import Lease, LostLeaseError
from doxa_core.status import AgentStatus, State
from doxa_lab.incidents.province import Country, Province

COUNTRY = Country(Province(communes=6))
SETTINGS = """
[broker]
host = "127.0.0.1"
[ledger]
path = "ledger.db"
[registry]
file = "sites.toml"
[watch]
every_s = 0.2
[incidents]
settle_s = 0.5
quiet_s = 0.2
hold_s = 0.5
[notify.noc]
kind = "webhook"
url = "{url}"
"""


class Clock:
    """A monotonic clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pair(engine: Engine, clock: Clock) -> tuple[Lease, Lease]:
    return Lease(engine, clock=clock), Lease(engine, clock=clock)


def test_only_one_holds_the_lease_and_the_other_takes_over_when_the_beat_stands_still(
    pair: tuple[Lease, Lease], clock: Clock
) -> None:
    first, second = pair
    assert (first.hold(), second.hold()) == (True, False)
    for _ in range(20):  # while it beats, it is the holder's
        clock.now += 3
        assert (first.hold(), second.hold()) == (True, False)
    clock.now += 9.9
    assert not second.hold()
    clock.now += 0.2
    assert second.hold()
    assert not first.held


def test_a_holder_that_slept_through_its_lease_can_write_nothing(
    pair: tuple[Lease, Lease], clock: Clock, engine: Engine
) -> None:
    first, second = pair
    first.hold()
    second.hold()
    clock.now += 60
    assert second.hold()
    assert not first.still_ours()
    with writing(engine) as conn:
        second.guard(conn)
        with pytest.raises(LostLeaseError):
            first.guard(conn)
    assert not first.hold()


def test_of_two_that_see_it_free_at_once_the_faster_one_gets_it(pair: tuple[Lease, Lease], clock: Clock) -> None:
    first, second = pair
    assert first.hold()
    second._take(None, clock.now)
    assert not second.held
    assert first.still_ours()


def test_a_lease_that_is_given_back_is_taken_at_once(pair: tuple[Lease, Lease]) -> None:
    first, second = pair
    first.hold()
    second.hold()
    first.give_back()
    assert second.hold()
    first.give_back()  # not its own any more: nothing happens
    assert second.still_ours()


class Keepers:
    """Two processes over one ledger, and what is said about the probes."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        (folder / "collector.toml").write_text(SETTINGS.format(url=url), encoding="utf-8")
        (folder / "sites.toml").write_text(COUNTRY.sites_toml(), encoding="utf-8")
        self.engine = open_ledger(folder / "ledger.db")
        with writing(self.engine) as conn:
            register(conn, read_registry(folder / "sites.toml"), now_us(), "test")
        self.children: list[subprocess.Popen[str]] = []

    def start(self, lasts_s: float) -> "subprocess.Popen[str]":
        log = (self.folder / f"keeper-{len(self.children)}.log").open("w")
        child = subprocess.Popen(
            [sys.executable, "-m", "doxa_lab.incidents.keeper", str(self.folder), str(lasts_s)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        log.close()
        self.children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        return child

    def say(self, *offices: int, online: bool) -> None:
        with writing(self.engine) as conn:
            for n in offices:
                for agent in COUNTRY.provinces[0].probes(n):
                    status = AgentStatus(
                        site=COUNTRY.provinces[0].site(n), agent=agent, epoch="00112233445566aa", version="0.4.0",
                        state=State.ONLINE if online else State.OFFLINE, reason="running" if online else "lost",
                    )  # fmt: skip
                    note_status(conn, status, status.encode(), now_us(), retained=False)

    def ask(self, query: Any) -> list[Any]:
        with reading(self.engine) as conn:
            return [tuple(row) for row in conn.execute(query)]

    def pause(self, child: "subprocess.Popen[str]") -> None:
        """Between two transactions: one that is stopped in the midst of writing keeps SQLite's lock, and everybody waits."""
        while True:
            os.kill(child.pid, signal.SIGSTOP)
            try:
                with writing(self.engine):
                    return
            except LedgerError:
                os.kill(child.pid, signal.SIGCONT)

    def close(self) -> None:
        for child in self.children:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                assert pipe is not None
                pipe.close()
        self.engine.dispose()


@pytest.fixture
def noc() -> Iterator[Service]:
    with serving(lambda _asked: (200, {}, {})) as service:
        yield service


@pytest.fixture
def keepers(tmp_path: Path, noc: Service) -> Iterator[Keepers]:
    found = Keepers(tmp_path, noc.url)
    yield found
    found.close()


def told(noc: Service) -> Counter[tuple[str, int]]:
    return Counter((asked.json()["event"], asked.json()["incident"]["id"]) for asked in noc.asked)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "paused"])
def test_when_the_one_that_watches_falls_silent_the_other_goes_on_and_nothing_is_told_twice(
    number: signal.Signals, keepers: Keepers, noc: Service, wait_until: Callable[..., None]
) -> None:
    """One fault is announced before, another begins just before the holder falls silent, and both end after it."""
    keepers.say(*range(1, 7), online=True)
    first = keepers.start(lasts_s=4)
    wait_until(lambda: len(keepers.ask(select(alarm.c.id))) == 0 and "watch_lease" in tables(keepers), "it watches")
    second = keepers.start(lasts_s=4)
    keepers.say(1, online=False)
    sent = select(notice.c.id).where(
        notice.c.sent_us.is_not(None)
    )  # killed before it notes that, it would be sent again
    wait_until(lambda: keepers.ask(sent), "the first fault is told")
    assert told(noc) == {("opened", 1): 1}
    keepers.say(4, online=False)
    if number is signal.SIGKILL:
        first.kill()
        first.wait()
    else:
        keepers.pause(first)
    wait_until(lambda: told(noc) == {("opened", 1): 1, ("opened", 2): 1}, "the second is told by the other")
    if number is signal.SIGSTOP:
        os.kill(first.pid, signal.SIGCONT)  # it wakes up in the belief that it is the one
    keepers.say(1, 4, online=True)
    everything = {("opened", 1): 1, ("opened", 2): 1, ("resolved", 1): 1, ("resolved", 2): 1}
    wait_until(lambda: sum(told(noc).values()) >= 4, "both are over")
    assert second.stdin is not None
    second.stdin.close()  # politely: what it was about to do it does
    second.wait()
    assert told(noc) == everything
    assert sorted(keepers.ask(select(incident.c.id, incident.c.state))) == [(1, "resolved"), (2, "resolved")]
    alarms = keepers.ask(select(alarm.c.rule, alarm.c.subject))
    assert len(alarms) == len(set(alarms)) == 3  # two probes in office 1, one in office 4


def tables(keepers: Keepers) -> set[str]:
    return set(inspect(keepers.engine).get_table_names())
