"""The month of month.py in a real InfluxDB 1.6.7, brought there by the project's own forwarders through nginx's rewrite."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from tests.collector.series.series_ledger import Clock, Feed, world
from tests.dashboards.grafana import Answer
from tests.dashboards.month import Books, Month, make, month_before_this, plans

from doxa_collector import series, sinks
from doxa_collector.forwarder import Measurements
from doxa_collector.series import Health
from doxa_collector.sink import Sink
from doxa_core.strict import Table
from doxa_dashboards.catalogue import Tier
from doxa_lab.servers import InfluxDB16, Nginx

_PATIENCE = 5
"""Attempts at a store that took nothing: a slow minute of the machine is no defect."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """The ledger, what it says, and the store that was filled from it."""

    engine: Engine
    books: Books
    server: InfluxDB16

    def ask(self, uid: str, statement: str) -> Answer:
        """The series that a data source answers."""
        return self.server.query(statement, Tier(uid).database)


def forward(engine: Engine, sink: Sink, month: Month) -> None:
    """All streams, as the service does it, the morning after the month."""
    around = replace(world(Clock(month.now), plans()), health=lambda: Health(broker_connected=True, behind_s=0.5))
    for streams in (*series.groups(around), (Measurements(),)):
        for forwarder in Feed(engine, sink, streams, "noc").forwarders:
            for _ in range(_PATIENCE):
                while forwarder.step():
                    pass
                if not forwarder.waits:
                    break
            else:
                raise AssertionError(f"the store does not take {forwarder.name}")


def open_influx(url: str, folder: Path, **options: Any) -> Sink:
    module = sinks.load("influx")
    sink: Sink = module.open_sink(module.read_options(Table({"url": url, **options}, "test.toml"), folder))
    return sink


@contextmanager
def written(folder: Path) -> Iterator[Written]:
    month = month_before_this()
    engine = make(folder, month)
    with InfluxDB16(folder / "influxd") as server, Nginx(server.url, folder / "nginx") as v2:
        for tier in Tier:
            server.create_database(tier.database)
        sink = open_influx(v2.url, folder, bucket="doxa", timeout_s=60.0)
        forward(engine, sink, month)
        sink.close()
        yield Written(engine=engine, books=Books(folder / "ledger.sqlite", month), server=server)
    engine.dispose()
