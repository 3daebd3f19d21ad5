"""The collector's own watch over a real ledger, driven by the messages of a scenario and a made-up clock."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, select

from doxa_collector.config import Settings, read_settings
from doxa_collector.incidents import lifecycle
from doxa_collector.incidents import store as incident_store
from doxa_collector.incidents.model import Incident, State
from doxa_collector.incidents.windows import Scope
from doxa_collector.ledger.engine import open_ledger, reading, writing
from doxa_collector.ledger.registration import register
from doxa_collector.ledger.schema import notice
from doxa_collector.ledger.writing import Incoming, keep, note_status
from doxa_collector.presence.model import Surroundings
from doxa_collector.registry import Registry, read_registry
from doxa_collector.watching import Watching
from doxa_core.measurement import Measurement
from doxa_core.status import State as Said
from doxa_lab.incidents.faults import S, Scenario
from doxa_lab.incidents.replay import MEASURE_S, Arrival, Replay
from doxa_lab.incidents.verdict import Outcome, compare

SETTINGS = """
[broker]
host = "127.0.0.1"
[web]
enabled = false
[ledger]
path = "ledger.db"
[registry]
file = "sites.toml"
[watch]
nodes = "nodes.toml"
[presence]
hush_learn_s = 30
[notify.noc]
kind = "webhook"
url = "http://127.0.0.1:9/"
"""


class Drive:
    """One scenario over one ledger: what arrives is written by the intake's own functions, and the watch ticks."""

    def __init__(self, folder: Path, scenario: Scenario, *, tick_s: float, nodes_s: float = MEASURE_S) -> None:
        """`nodes_s`: how often the centre's probe looks at the nodes."""
        self.scenario = scenario
        self.tick_s = tick_s
        country = scenario.country
        for name, text in (
            ("sites.toml", country.sites_toml()), ("nodes.toml", country.nodes_toml()), ("collector.toml", SETTINGS),
        ):  # fmt: skip
            (folder / name).write_text(text, encoding="utf-8")
        self.settings: Settings = read_settings(folder / "collector.toml")
        self.registry: Registry = read_registry(folder / "sites.toml")
        self.engine: Engine = open_ledger(self.settings.ledger)
        event.listen(self.engine, "connect", _hastily)
        self.engine.dispose()
        with writing(self.engine) as conn:
            register(conn, self.registry, scenario.start_us, "test")
        self.now_s = 0.0
        self._uplink = Replay(scenario).world.uplink
        self._arrivals = Replay(scenario, heartbeat_s=30, measure_s=15, nodes_s=nodes_s).arrivals()
        self._next = 0
        self.around: Callable[[], Surroundings] = self._of_uplink
        """How the broker and the collector seem to do: as the scenario's uplink has it."""
        self.watching = self._begin()

    def _begin(self) -> Watching:
        return Watching(self.engine, self.settings, self.registry, (), around=self._seems)

    def restart(self) -> None:
        """The service dies, and another one takes up its ledger."""
        self.watching = self._begin()

    def _seems(self) -> Surroundings:
        return self.around()

    def _of_uplink(self) -> Surroundings:
        """The broker is missed some seconds after the line to it was cut."""
        span = self._uplink.at(self.now_s)
        lost = span is not None and self.now_s - span[0] >= 15
        return Surroundings(broker_lost_us=self.us(span[0] + 15) if span is not None and lost else None)

    def us(self, seconds: float) -> int:
        """That second of the scenario, in microseconds since 1970."""
        return self.scenario.start_us + round(seconds * S)

    def plan_work(self, from_s: float, to_s: float, scope: Scope) -> None:
        """A maintenance window."""
        with writing(self.engine) as conn:
            lifecycle.add_window(
                conn, from_us=self.us(from_s), to_us=self.us(to_s), scope=scope, reason="cáp", actor="test",
                now_us=self.us(0),
            )  # fmt: skip

    def until(self, seconds: float | None = None) -> None:
        """Go on to that second, or to the scenario's end."""
        end = self.scenario.seconds if seconds is None else seconds
        while self.now_s <= end:
            self._receive(self.us(self.now_s))
            self.watching.tick(self.us(self.now_s))
            self.now_s += self.tick_s

    def _receive(self, now_us: int) -> None:
        first = self._next
        while self._next < len(self._arrivals) and self._arrivals[self._next].received_us <= now_us:
            self._next += 1
        with writing(self.engine) as conn:
            lines: list[Arrival] = []
            for arrival in self._arrivals[first : self._next]:
                if isinstance(arrival.item, Measurement):
                    lines.append(arrival)
                    continue
                if arrival.item.state is Said.OFFLINE:
                    lines = _keep(conn, lines)
                note_status(conn, arrival.item, arrival.item.encode(), arrival.received_us, retained=False)
            _keep(conn, lines)

    # --- what came of it

    @property
    def messages(self) -> Counter[str]:
        """The outbox, counted by event."""
        with reading(self.engine) as conn:
            return Counter(conn.execute(select(notice.c.event)).scalars())

    def titles(self) -> list[str]:
        """The messages in their order."""
        with reading(self.engine) as conn:
            contents = conn.execute(select(notice.c.content).order_by(notice.c.id)).scalars()
            return [str(json.loads(content)["title"]) for content in contents]

    def incidents(self) -> list[Incident]:
        """As the ledger has them, without those that wider ones took over."""
        with reading(self.engine) as conn:
            found = [one for one in incident_store.find(conn) if one.state is not State.CLOSED]
        return sorted(found, key=lambda one: one.id)

    def outcomes(self) -> list[Outcome]:
        """Held against the truth: one incident for each fault, its cause right, nobody else blamed."""
        with reading(self.engine) as conn:
            rows = list(conn.execute(select(notice.c.incident, notice.c.created_us).order_by(notice.c.id)))
        told = {row.incident: row.created_us for row in reversed(rows)}
        found = compare(self.scenario, self.incidents(), Counter(row.incident for row in rows), told)
        for outcome in found:
            print(f"\n  {outcome}", end="")  # noqa: T201 - detection times, for who asks with -s
        return found


def _hastily(connection: Any, _record: object) -> None:
    """The disk may take its time: what the watch makes of the ledger is asked here, not whether it is safe there."""
    connection.execute("PRAGMA synchronous = OFF")


def _keep(conn: Connection, found: Sequence[Arrival]) -> list[Arrival]:
    """Into the ledger, as the intake does; gives an empty list to go on with."""
    lines = [
        Incoming(measurement=one.item, raw=one.item.encode()) for one in found if isinstance(one.item, Measurement)
    ]
    keep(conn, lines, found[-1].received_us if found else 0)
    return []
