"""Files, tasks, measurements and a collector that acknowledges, for the tests of the agent's service."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from doxa_agent import config
from doxa_agent.config import Settings
from doxa_agent.meter import FarEnd, Link, Reading, Request
from doxa_agent.meters import MeterModule
from doxa_agent.plan import Task
from doxa_core import batch, status
from doxa_core.ack import Ack, ranges
from doxa_core.language import Text
from doxa_core.linkkind import LinkKind
from doxa_core.measurement import Clock, Measurement, decode
from doxa_core.outcome import Outcome
from doxa_core.status import AgentStatus
from doxa_core.topic import Channel, Topic, filter_for

AGENT = """
site = "xa-dong-dang"
agent = "px-1"
[broker]
host = "{host}"
port = {port}
{broker}
[spool]
path = "spool.db"
[uplink]
reconnect_min_s = 0.1
reconnect_max_s = 0.5
ack_timeout_s = 0.5
resend_max_s = 1
replay_per_s = {replay}
[runner]
margin_s = 1
[link.internet]
kind = "fixed"
interface = "lo"
"""
PLAN = """
[far-end.here]
host = "127.0.0.1"
[task.rtt]
meter = "latency"
link = "internet"
every_s = {every}
far_ends = ["here"]
[task.rtt.options]
count = 2
interval_s = 0.05
timeout_s = 0.2
"""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with an agent.toml and a plan.toml."""

    path: Path

    @property
    def agent(self) -> Path:
        return self.path / "agent.toml"

    def write(
        self, *, host: str = "127.0.0.1", port: int = 1, broker: str = "", replay: int = 1000, every: int = 12
    ) -> Path:
        self.agent.write_text(AGENT.format(host=host, port=port, broker=broker, replay=replay), encoding="utf-8")
        (self.path / "plan.toml").write_text(PLAN.format(every=every), encoding="utf-8")
        return self.agent

    def settings(self, **keys: Any) -> Settings:
        return config.load(self.write(**keys))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "agent"
    path.mkdir()
    return Folder(path)


Measure = Callable[[Request[Any]], list[Reading]]
MakeTask = Callable[..., Task]


@pytest.fixture
def make_task() -> MakeTask:
    """A task around a function that stands for a meter's `measure`."""

    def make(
        measure: Measure, *, heavy: bool = False, worst_s: float = 5.0, every_s: float = 60.0, name: str = "t"
    ) -> Task:
        meter = MeterModule(
            kind="made",
            method="made/1",
            title=Text(vi="thử", en="trial"),
            heavy=heavy,
            values={"rtt_p50_ms": Text(vi="trung vị", en="median")},
            read_options=lambda _table: None,
            seconds=lambda _options, _far_ends: worst_s,
            measure=measure,
        )
        link = Link(name="internet", kind=LinkKind.FIXED, interface="lo")
        return Task(
            name=name, meter=meter, link=link, every_s=every_s, far_ends=(FarEnd(name="here", host="127.0.0.1"),)
        )

    return make


Build = Callable[[str, int], bytes]


@pytest.fixture
def build() -> Callable[..., Build]:
    """What a spool asks for: `build(epoch, seq)` gives a measurement's line."""

    def make(task: str = "rtt", pad: int = 0) -> Build:
        def line(epoch: str, seq: int) -> bytes:
            return Measurement(
                site="xa-dong-dang",
                agent="px-1",
                epoch=epoch,
                seq=seq,
                task=task,
                meter="latency",
                method="latency/1",
                link="internet",
                started=datetime(2026, 11, 21, 22, 0, tzinfo=UTC),
                boot="boot",
                monotonic_s=1.0,
                duration_s=1.0,
                clock=Clock(synchronised=True),
                outcome=Outcome.OK,
                version="0",
                detail={"pad": "x" * pad} if pad else {},
            ).encode()

        return line

    return make


class Collector:
    """A tiny collector: keeps what arrives and, while `acks` is true, acknowledges each batch."""

    def __init__(self, host: str, port: int, username: str | None = None, password: str | None = None) -> None:
        self.acks = True
        self.refuse: set[int] = set()
        self.batches: list[list[Measurement]] = []
        self.arrived: list[float] = []
        self.statuses: list[tuple[AgentStatus, bool]] = []
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="collector", clean_session=False)
        self._client.reconnect_delay_set(0.1, 0.3)  # type: ignore[arg-type]
        if username:
            self._client.username_pw_set(username, password)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(filter_for(Channel.MEASUREMENTS), 1), (filter_for(Channel.STATUS), 1)]
        )
        self._client.on_message = self._take
        self._client.connect(host, port, 30)
        self._client.loop_start()

    def _take(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        if Topic.parse(message.topic).channel is Channel.STATUS:
            self.statuses.append((status.decode(bytes(message.payload)), message.retain))
            return
        found = [decode(line.raw) for line in batch.split(bytes(message.payload))]
        self.batches.append(found)
        self.arrived.append(time.monotonic())
        if self.acks:
            self.acknowledge(found)

    def acknowledge(self, found: list[Measurement]) -> None:
        numbers = {m.seq for m in found}
        ack = Ack(epoch=found[0].epoch, kept=ranges(numbers - self.refuse), refused=ranges(numbers & self.refuse))
        topic = Topic(site=found[0].site, agent=found[0].agent, channel=Channel.ACK)
        self._client.publish(str(topic), ack.encode(), qos=1)

    def publish(self, topic: Topic, payload: bytes) -> None:
        self._client.publish(str(topic), payload, qos=1).wait_for_publish(10)

    @property
    def seqs(self) -> list[int]:
        """Every sequence number in the order of arrival, with repeats."""
        return [m.seq for found in self.batches for m in found]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def collectors() -> Iterator[Callable[..., Collector]]:
    """Makes collectors that are closed at the end."""
    made: list[Collector] = []

    def make(*args: Any, **keys: Any) -> Collector:
        made.append(Collector(*args, **keys))
        return made[-1]

    yield make
    for one in made:
        one.close()


Until = Callable[..., None]


@pytest.fixture
def until() -> Until:
    """Waits for a condition; the bound is for a test that fails, never part of what is tested."""

    def wait(condition: Callable[[], object], within_s: float = 30.0) -> None:
        end = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < end, "it never happened"
            time.sleep(0.02)

    return wait
