"""The month of month.py in a real InfluxDB 1.6.7, brought there by the project's own forwarders through nginx's rewrite."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from tests.collector.series.series_ledger import Clock, Feed, world
from tests.dashboards.month import Books, Month, make, month_before_this, plans
from tests.dashboards.month_health import LOOKS, Look, apply

from doxa_collector import series, sinks
from doxa_collector.forwarder import Measurements
from doxa_collector.ledger.engine import writing
from doxa_collector.series import Health, health
from doxa_collector.sink import Sink, Stream
from doxa_core.strict import Table
from doxa_dashboards.catalogue import Tier
from doxa_lab.grafana import Answer
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
    for streams in (*series.groups(world(Clock(month.now), plans())), (Measurements(),)):
        _feed(engine, sink, streams)


def look_in(engine: Engine, sink: Sink, books: Books, look: Look) -> None:
    """What collector and probes say of themselves at one moment of that morning."""
    now = look.at_us(books.month)
    with writing(engine) as conn:
        apply(conn, look, books.month)
    said = Health(broker_connected=look.broker, behind_s=look.behind_s)
    feed = Feed(engine, sink, health.streams(replace(world(Clock(now)), health=lambda: said)), "noc")
    books.sizes[now] = books.size()  # the next that happens is the collector's own look at it
    _empty(feed)


def _feed(engine: Engine, sink: Sink, streams: Sequence[Stream]) -> None:
    _empty(Feed(engine, sink, streams, "noc"))


def _empty(feed: Feed) -> None:
    for forwarder in feed.forwarders:
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
        books = Books(folder / "ledger.sqlite", month)
        look_in(engine, sink, books, LOOKS[0])  # before cursors move, for its minute is written once
        forward(engine, sink, month)
        for look in LOOKS[1:]:
            look_in(engine, sink, books, look)
        sink.close()
        yield Written(engine=engine, books=books, server=server)
    engine.dispose()
