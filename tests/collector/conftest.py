"""A ledger, a registry, measurements, a probe that behaves, and the collector as a process: for all collector tests."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Engine
from tests.collector.ledgers import empty_ledger

from doxa_core.ack import decode as decode_ack
from doxa_core.batch import Line, join
from doxa_core.measurement import Clock, Measurement
from doxa_core.outcome import Outcome
from doxa_core.topic import Channel, Topic

START = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
SITES = """
[[place]]
code = "20"
name = "Tỉnh Lạng Sơn"
level = "province"

[[place]]
code = "06001"
name = "Xã Đồng Đăng"
level = "commune"
province = "20"

[[site]]
id = "dong-dang"
name = "UBND xã Đồng Đăng"
place = "06001"
agents = ["dong-dang-1", "dong-dang-2"]

[[site.link]]
id = "fixed"
kind = "fixed"
provider = "VNPT Lạng Sơn"
contracted_down_mbps = 100

[[site.link]]
id = "mobile"
kind = "mobile"
"""


class MakeMeasurement(Protocol):
    def __call__(self, seq: int, **changes: Any) -> Measurement: ...


@pytest.fixture
def measurement() -> MakeMeasurement:
    """A factory: measurement number `seq` of an agent at Đồng Đăng, started `seq` seconds after a fixed moment."""

    def make(seq: int, **changes: Any) -> Measurement:
        plain: dict[str, Any] = {
            "site": "dong-dang", "agent": "dong-dang-1", "epoch": "00112233445566aa", "seq": seq, "task": "speed-fixed",
            "meter": "speed", "method": "speed/1", "link": "fixed", "started": START + timedelta(seconds=seq),
            "boot": "9f0c6f0e", "monotonic_s": 100.0 + seq, "duration_s": 4.25, "clock": Clock(synchronised=True),
            "outcome": Outcome.OK, "version": "0.1.0", "far_end": "vnix-hn", "family": 4,
            "values": {"download_mbps": 80.0 + seq / 1000, "upload_mbps": 34.41},
        }  # fmt: skip
        return Measurement(**(plain | changes))

    return make


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty ledger."""
    found = empty_ledger(tmp_path / "ledger.db")
    yield found
    found.dispose()


@pytest.fixture
def sites_file(tmp_path: Path) -> Path:
    """A registry with one office, two lines and two agents."""
    file = tmp_path / "sites.toml"
    file.write_text(SITES, encoding="utf-8")
    return file


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Wait for something that must come, with a generous limit."""

    def wait(true: Callable[[], object], what: str = "", seconds: float = 60.0) -> None:
        until = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < until, f"still waiting after {seconds} s: {what}"
            time.sleep(0.02)

    return wait


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte (root)."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "doxa-test", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def fill_disk() -> Callable[[Path], Path]:
    """Fill a file system to its last byte; gives the file to remove."""

    def fill(place: Path) -> Path:
        ballast = place / "ballast"
        with ballast.open("ab", buffering=0) as stream:
            for size in (65_536, 4096, 1):
                try:
                    while True:
                        stream.write(os.urandom(size))
                except OSError:
                    continue
        return ballast

    return fill


class Probe:
    """A probe that behaves: it keeps each measurement until an application acknowledge names it."""

    def __init__(
        self, host: str, port: int, site: str = "dong-dang", agent: str = "dong-dang-1", protocol: str = "5"
    ) -> None:
        self.unnamed: dict[int, bytes] = {}
        self.kept: list[int] = []
        self.refused: list[int] = []
        self._topics = {channel: str(Topic(site=site, agent=agent, channel=channel)) for channel in Channel}
        new = protocol == "5"
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=agent, protocol=mqtt.MQTTv5 if new else mqtt.MQTTv311,
            clean_session=None if new else False,
        )  # fmt: skip
        self._client.max_inflight_messages_set(500)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_message = self._named
        self._client.on_connect = lambda client, *_: client.subscribe(self._topics[Channel.ACK], 1)
        self._client.connect(host, port, clean_start=False if new else mqtt.MQTT_CLEAN_START_FIRST_ONLY)
        self._client.loop_start()

    def _named(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        ack = decode_ack(bytes(message.payload))
        for found, into in ((ack.kept, self.kept), (ack.refused, self.refused)):
            for first, last in found:
                into.extend(range(first, last + 1))
                for seq in range(first, last + 1):
                    self.unnamed.pop(seq, None)

    def send(self, found: Sequence[Measurement]) -> None:
        """Publish one batch."""
        lines = {m.seq: m.encode() for m in found}
        self.unnamed |= lines
        self.publish(Channel.MEASUREMENTS, join([Line(raw) for raw in lines.values()]))

    def send_again(self, most: int = 50) -> None:
        """Publish the oldest that nobody has named."""
        lines = [Line(raw) for _, raw in sorted(self.unnamed.copy().items())[:most]]
        if lines:
            self.publish(Channel.MEASUREMENTS, join(lines))

    def publish(self, channel: Channel, payload: bytes, *, retain: bool = False) -> None:
        """Publish any bytes on one of this probe's topics."""
        self.publish_on(self._topics[channel], payload, retain=retain)

    def publish_on(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish any bytes anywhere, and wait until the broker has them."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(30)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def make_probe() -> Iterator[Callable[..., Probe]]:
    """A factory of probes, closed at the end."""
    made: list[Probe] = []

    def make(host: str, port: int, **names: str) -> Probe:
        made.append(Probe(host, port, **names))
        return made[-1]

    yield make
    for probe in made:
        probe.close()


class Collector:
    """`doxa collector` as its own process, which can be killed at any moment."""

    def __init__(self, folder: Path, config: str) -> None:
        self.folder = folder
        self.config = folder / "collector.toml"
        self.config.write_text(config, encoding="utf-8")
        self.log = folder / "collector.log"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self, *words: str) -> list[str]:
        """The command line of `doxa collector WORDS --config …`."""
        program = "import sys; from doxa_core.command import main; sys.exit(main())"
        return [sys.executable, "-c", program, "--lang", "en", "collector", *words, "--config", str(self.config)]

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a short command to its end."""
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=60, check=False)

    def ask_json(self, *words: str) -> Any:
        """Run a short command with --json."""
        done = self.ask(*words, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start `run` and wait until it says that it runs."""
        said = len(self.text())
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command("run"), stderr=log, env=os.environ | environment)
        until = time.monotonic() + 60
        while "doxa is running" not in self.text()[said:]:
            assert self._process.poll() is None, self.text()
            assert time.monotonic() < until, self.text()
            time.sleep(0.02)
        return self._process

    def text(self) -> str:
        """What it has said so far."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.signal(signal.SIGTERM)
        assert self._process is not None
        return self._process.wait(30)


@pytest.fixture
def make_collector(tmp_path: Path, sites_file: Path) -> Iterator[Callable[[str], Collector]]:
    """A factory: the collector over `sites_file` with more settings; killed at the end."""
    made: list[Collector] = []

    def make(settings: str) -> Collector:
        plain = f'[ledger]\npath = "ledger.db"\n[registry]\nfile = "{sites_file.name}"\n'
        made.append(Collector(tmp_path, plain + settings))
        return made[-1]

    yield make
    for collector in made:
        collector.kill()
