"""The whole chain by the files of deploy/: agent and collector with the example configurations, over the real broker."""

import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from doxa_lab.ports import free_port
from doxa_lab.process import Process

if TYPE_CHECKING:
    from tests.deploy.conftest import Broker

pytestmark = [pytest.mark.server, pytest.mark.slow]
DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
DOXA: Final = str(Path(sys.executable).with_name("doxa"))


class Chain:
    """Both ends with the examples; only hosts, ports, folders, the interface and a faster cadence are put in."""

    def __init__(self, broker: "Broker", folder: Path) -> None:
        self.broker, self.folder = broker, folder
        self.ledger, self.spool = folder / "ledger.db", folder / "spool.db"
        broker.account("add", "xa-dong-dang", "dong-dang-1", "--password-file", str(folder / "mqtt.password"))
        broker.account("add-collector", "--password-file", str(folder / "collector.password"))
        shutil.copy(broker.doxa / "ca.crt", folder / "ca.crt")
        here = {
            "doxa.example.gov.vn": "localhost",
            "do.example.gov.vn": "127.0.0.1",
            "port = 8883": f"port = {broker.port}",
        }
        self._put("pi/agent.toml", here | {"/var/lib/doxa": str(folder), "/run/doxa": str(folder), '"eth0"': '"lo"'})
        self._put("pi/plan.toml", here | {"every_s = 60\n": "every_s = 20\n"})
        self._put("server/sites.toml", {})
        page = {"127.0.0.1:8800": f"127.0.0.1:{free_port()}", "/var/lib/doxa-collector": str(folder)}
        self._put("server/collector.toml", here | page)
        self.agent = self._process("agent")
        self.collector = self._process("collector")

    def _put(self, name: str, changes: dict[str, str]) -> None:
        text = (DEPLOY / name).read_text()
        for old, new in changes.items():
            text = text.replace(old, new)
        (self.folder / Path(name).name).write_text(text)

    def _process(self, side: str) -> Process:
        argv = [DOXA, side, "run", "--config", str(self.folder / f"{side}.toml")]
        return Process(side, argv, log=self.folder / f"{side}.log")

    def kept(self) -> int:
        """Measurements in the ledger."""
        return self._count(self.ledger, "measurement")

    def waiting(self) -> int:
        """Measurements that the collector has not acknowledged yet."""
        return self._count(self.spool, "waiting")

    def _count(self, file: Path, table: str) -> int:
        if not file.exists():
            return 0
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as found:
            try:
                return int(found.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
            except sqlite3.OperationalError:  # not made yet
                return 0

    def logs(self) -> str:
        """What all three said."""
        return f"{self.agent.tail()}\n{self.collector.tail()}\n{self.broker.server.log}"


@pytest.fixture
def chain(broker: "Broker", tmp_path: Path) -> Iterator[Chain]:
    """A probe, the broker, a collector."""
    found = Chain(broker, tmp_path)
    found.collector.start()
    found.agent.start()
    yield found
    found.agent.stop()
    found.collector.stop()


def test_a_measurement_goes_all_the_way_and_the_probe_may_forget_it(chain: Chain, broker: "Broker") -> None:
    assert broker.wait(lambda: chain.kept() > 0, 90), chain.logs()
    assert broker.wait(lambda: chain.waiting() == 0, 60), chain.logs()
    before = chain.kept()

    check = [DOXA, "agent", "check", "--no-speed", "--json", "--config", str(chain.folder / "agent.toml")]
    done = subprocess.run(check, text=True, capture_output=True, check=False, timeout=120)
    (item,) = [item for item in json.loads(done.stdout)["items"] if item["key"] == "broker"]
    assert item["state"] == "good", item

    # The check has entered by the probe's own account: the running agent comes back by itself and goes on.
    assert broker.wait(lambda: chain.kept() > before, 120), chain.logs()
    assert broker.wait(lambda: chain.waiting() == 0, 60), chain.logs()
    for name in ("mqtt.password", "collector.password"):
        assert (chain.folder / name).read_text().strip() not in chain.logs()
    chain.agent.stop()
    chain.collector.stop()
    assert (chain.agent.exit_code, chain.collector.exit_code) == (0, 0)
    print(chain.logs())
