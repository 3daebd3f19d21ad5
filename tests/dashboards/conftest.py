"""A real InfluxDB with a small country in it, one for all tests of this room in a worker."""

import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.dashboards import country

from doxa_dashboards.catalogue import Tier
from doxa_lab.grafana import Answer, Range
from doxa_lab.servers import InfluxDB16


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A store with figures in it: what the harness needs to know of it, whoever wrote them."""

    server: InfluxDB16
    shown: Range

    def ask(self, uid: str, statement: str) -> Answer:
        """The series that a data source answers."""
        return self.server.query(statement, Tier(uid).database)


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """The country of country.py. What writes it can be exchanged here: nothing else knows."""
    with InfluxDB16(tmp_path_factory.mktemp("dashboards") / "influxd") as server:
        for tier in Tier:
            server.create_database(tier.database)
        now = int(time.time())
        bodies: dict[Tier, list[str]] = {tier: [] for tier in Tier}
        for tier, line in country.lines(now):
            bodies[tier].append(line)
        for tier, lines in bodies.items():
            body = "\n".join(lines).encode()
            with urllib.request.urlopen(f"{server.url}/write?db={tier.database}", data=body, timeout=60) as answer:
                assert answer.status == 204
        yield Loaded(server=server, shown=country.shown())
