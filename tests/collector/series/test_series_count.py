"""How many series a country has: computed, written in the handbook, and counted by a real InfluxDB."""

import urllib.request
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.collector.series.series_ledger import START, Clock, write_registry
from tests.collector.series.windows_ledger import Run, put

from doxa_collector import series
from doxa_collector.forwarder import Measurements
from doxa_collector.ledger.engine import reading
from doxa_collector.series import World
from doxa_collector.sink import Point, Tier
from doxa_collector.sinks.influx import TAGS, Options, bucket_of, line
from doxa_core.outcome import Outcome
from doxa_lab.influx_series import VIETNAM, Country, Task, expected, table
from doxa_lab.servers import InfluxDB16

OPTIONS = Options(url="http://127.0.0.1", bucket="doxa", org="doxa")
LINES = (("dong-dang", "fixed"), ("dong-dang", "mang-rieng"), ("hong-phong", "fixed"), ("dien-bien", "mobile"))
SMALL = Country(
    provinces=2, communes=3, offices=3, probes=4, lines=4, areas=4, country_areas=4, contracts=4,
    tasks=(Task(meter="latency", lines=4, far_ends=2), Task(meter="speed", lines=4, outcomes=1),
           Task(meter="latency", lines=1, outcomes=1), Task(meter="ipv6", lines=1, outcomes=1),
           Task(meter="snmp", lines=1, outcomes=1)),
    ipv6_areas=2, portals=1,
)  # fmt: skip
WRITTEN = ("latency", "speed", "ipv6", "snmp", "area", "portal", "p95", "place", "site", "contract")
"""What this country's ledger has: presence, incidents and probes' words need a running collector."""


def test_the_handbook_has_the_numbers_that_are_computed() -> None:
    text = Path("docs/influx.md").read_text(encoding="utf-8")
    for row in table(VIETNAM).splitlines():
        assert row in text


def fill(engine: Engine) -> None:
    runs = [
        Run(n, outcome=outcome, far_end=end, site=site, link=link)
        for site, link in LINES
        for end in ("vnix-hn", "core")
        for n, outcome in enumerate((Outcome.OK, Outcome.FAILED, Outcome.OK))
    ]
    runs += [Run(86_400, {"download_mbps": 8.0}, meter="speed", task="s", site=site, link=link) for site, link in LINES]
    looked = {"state_ready_flag": 1.0, "portal_aaaa_flag": 1.0}
    polled = {f"{way}_traffic_{layer}_mbps": 5.0 for way in ("download", "upload") for layer in ("ip", "wire")}
    runs += [Run(86_460, looked, meter="ipv6", task="six", site="hong-phong", link="fixed")]
    runs += [Run(n, polled | {"interval_s": 300.0}, meter="snmp", task="p", site="dong-dang", link="mang-rieng") for n in (600, 900)]  # fmt: skip
    put(engine, [*runs, Run(5, family=6)], START + 86_400_000_000)


@pytest.mark.server
def test_influxdb_counts_as_many_series_as_are_computed(engine: Engine, tmp_path: Path, influxd: InfluxDB16) -> None:
    write_registry(engine, tmp_path)
    fill(engine)
    for tier in Tier:
        # One shard: InfluxDB 1.x counts a series once in each shard that has it.
        influxd.query(f'CREATE DATABASE "{bucket_of(OPTIONS, tier)}" WITH DURATION INF SHARD DURATION 520w')
    world = World(now_us=Clock(START + 3 * 86_400_000_000))
    for stream in (Measurements(), *(stream for group in series.groups(world) for stream in group)):
        position = 0
        for _ in range(200):
            with reading(engine) as conn:
                items = stream.after(conn, position, 1000)
            if not items:
                break
            position = stream.position(items[-1])
            for tier in Tier:
                mine = [i for i in items if (i.tier if isinstance(i, Point) else Tier.RAW) is tier]
                text = "\n".join(filter(None, (line(item, TAGS) for item in mine)))
                url = f"{influxd.url}/write?db={bucket_of(OPTIONS, tier)}"
                urllib.request.urlopen(
                    urllib.request.Request(url, data=text.encode(), method="POST"), timeout=30
                ).close()
    counted: dict[str, int] = {}
    for tier in Tier:
        bucket = bucket_of(OPTIONS, tier)
        for found in influxd.query(f'SHOW SERIES EXACT CARDINALITY ON "{bucket}"', bucket):
            counted[found["name"]] = found["values"][0][0]
    names = {name for name in expected(SMALL) if name.split("_")[1] in WRITTEN}
    assert {name: counted.get(name) for name in names} == {name: expected(SMALL)[name] for name in names}
