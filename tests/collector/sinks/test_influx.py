"""The influx sink: exact lines, and real servers that take, refuse and forget."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client.rest import ApiException
from sqlalchemy import Engine, select

from doxa_collector import sinks
from doxa_collector.forwarder import Forwarder, Measurements
from doxa_collector.ledger import forwarding
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.registration import register
from doxa_collector.ledger.schema import sink_rejection
from doxa_collector.ledger.writing import Incoming, keep
from doxa_collector.registry import read_registry
from doxa_collector.sink import Parcel, Point, Sink, Tier, UnavailableError
from doxa_collector.sinks.influx import TAGS, _too_old, line
from doxa_core.strict import Table
from doxa_lab.servers import InfluxDB16, Nginx, VictoriaMetrics

Fill = Callable[..., None]


@pytest.fixture
def fill(engine: Engine, sites_file: Path, measurement: Any) -> Fill:
    with writing(engine) as conn:
        register(conn, read_registry(sites_file), 1, "test")

    def put(*numbers: int, **changes: Any) -> None:
        made = [measurement(n, **changes) for n in numbers]
        with writing(engine) as conn:
            keep(conn, [Incoming(measurement=m, raw=m.encode()) for m in made], 5)

    return put


@pytest.fixture
def parcel(engine: Engine, fill: Fill) -> Parcel:
    fill(7)
    with reading(engine) as conn:
        return forwarding.after(conn, 0, 1)[0]


def test_the_line_of_a_measurement(parcel: Parcel) -> None:
    assert line(parcel, TAGS) == (
        "doxa_speed,family=4,far_end=vnix-hn,kind=fixed,link=fixed,outcome=ok,place=06001,provider=VNPT\\ Lạng\\ Sơn,"
        "province=20,site=dong-dang,task=speed-fixed "
        "download_mbps=80.007,duration_s=4.25,upload_mbps=34.41 1795222807000000000"
    )


def test_only_allowed_tags_and_never_an_id_or_address(parcel: Parcel) -> None:
    record = replace(parcel.record, far_end="192.0.2.1", family=None)
    text = line(replace(parcel, record=record), ("site", "far_end", "family"))
    assert text.startswith("doxa_speed,site=dong-dang download_mbps=")
    everything = line(replace(parcel, record=record), TAGS)
    for secret in ("192.0.2.1", record.agent, record.epoch, "reason"):
        assert secret not in everything


def test_measurements_of_one_moment_do_not_collide(parcel: Parcel) -> None:
    assert line(replace(parcel, rank=2), TAGS).endswith(" 1795222807000000002")


def test_a_meter_with_a_hyphen_has_a_series_without(parcel: Parcel) -> None:
    text = line(replace(parcel, record=replace(parcel.record, meter="ipv6-path", values={})), ())
    assert text.startswith("doxa_ipv6_path duration_s=4.25 ")


def point(**changes: Any) -> Point:
    plain: dict[str, Any] = {
        "tier": Tier.LONG, "measurement": "doxa_verdict", "tags": {"plan": "a"}, "fields": {"value": 34.41},
        "at_us": 1_795_222_807_000_000, "position": 1,
    }  # fmt: skip
    return Point(**(plain | changes))


@given(st.text(), st.text())
def test_any_words_give_one_line_with_three_parts(tag: str, text: str) -> None:
    found = line(point(tags={"provider": tag, "plan": "p"}, fields={"text": text}), ())
    assert "\n" not in found
    head = found[: found.index(' text="')]
    assert not [n for n, c in enumerate(head) if c == " " and head[n - 1] != "\\"]
    assert found.endswith('" 1795222807000000000')


def test_the_line_of_a_point() -> None:
    found = point(
        tags={"province": "20", "place": None, "plan": "a b", "kind": ""},
        fields={"value": 34.41, "lower": None, "text": 'nói "có"'}, rank=7,
    )  # fmt: skip
    assert line(found, ()) == (r'doxa_verdict,plan=a\ b,province=20 text="nói \"có\"",value=34.41 1795222807000000007')
    assert line(found, (), texts=False) == r"doxa_verdict,plan=a\ b,province=20 value=34.41 1795222807000000007"
    assert not line(point(fields={"value": None}), ()), "nothing to say"


@pytest.fixture
def open_sink(tmp_path: Path) -> Iterator[Callable[..., Sink]]:
    made: list[Sink] = []

    def make(url: str, **options: Any) -> Sink:
        module = sinks.load("influx")
        table = Table({"url": url, **options}, "test.toml")
        made.append(module.open_sink(module.read_options(table, tmp_path)))
        table.close()
        return made[-1]

    yield make
    for sink in made:
        sink.close()


def exported(server: VictoriaMetrics, name: str) -> list[int]:
    """The time stamps (ms) of every sample of a metric."""
    server.flush()
    query = urllib.parse.urlencode({"match[]": name, "start": "0", "end": "4102444800"})
    with urllib.request.urlopen(f"{server.url}/api/v1/export?{query}", timeout=30) as answer:
        return sorted(at for row in answer for at in json.loads(row)["timestamps"])


def drain(forwarder: Forwarder) -> None:
    while forwarder.step():
        pass


@pytest.mark.server
@pytest.mark.parametrize("gzip", [True, False])
def test_victoria_metrics_holds_every_row_of_the_ledger_once(
    engine: Engine, fill: Fill, victoria_metrics: VictoriaMetrics, open_sink: Any, gzip: bool
) -> None:
    fill(*range(1, 1201))
    forwarder = Forwarder(engine, "vm", open_sink(victoria_metrics.url, gzip=gzip), Measurements(), batch_rows=500)
    drain(forwarder)
    with writing(engine) as conn:
        forwarding.rewind(conn, "vm", 0, 1)
    drain(forwarder)  # all again: idempotent
    first = 1_795_222_800_000
    assert exported(victoria_metrics, "doxa_speed_duration_s") == [first + n * 1000 for n in range(1, 1201)]
    assert len(exported(victoria_metrics, "doxa_speed_download_mbps")) == 1200


@pytest.mark.server
def test_what_victoria_metrics_forgets_when_killed_is_written_again(
    engine: Engine, fill: Fill, victoria_metrics: VictoriaMetrics, open_sink: Any
) -> None:
    """servers.md: it acknowledges, and a SIGKILL within seconds takes it all."""
    fill(*range(1, 301))
    forwarder = Forwarder(engine, "vm", open_sink(victoria_metrics.url), Measurements())
    drain(forwarder)
    victoria_metrics.restart(kill=True)
    lost = 300 - len(exported(victoria_metrics, "doxa_speed_duration_s"))
    assert lost > 0, "the server forgot nothing: this test shows nothing"
    fill(301)
    drain(forwarder)
    assert len(exported(victoria_metrics, "doxa_speed_duration_s")) == 301
    with reading(engine) as conn:
        assert forwarding.cursor_of(conn, "vm").rewound == 1


@pytest.mark.server
def test_what_was_lost_while_we_were_away_too_is_written_again_at_our_start(
    engine: Engine, fill: Fill, victoria_metrics: VictoriaMetrics, open_sink: Any
) -> None:
    fill(*range(1, 301))
    drain(Forwarder(engine, "vm", open_sink(victoria_metrics.url), Measurements()))
    victoria_metrics.restart(kill=True)
    drain(Forwarder(engine, "vm", open_sink(victoria_metrics.url), Measurements()))
    assert len(exported(victoria_metrics, "doxa_speed_duration_s")) == 300


@pytest.mark.server
def test_a_server_that_is_away_loses_nothing(
    engine: Engine, fill: Fill, victoria_metrics: VictoriaMetrics, open_sink: Any
) -> None:
    forwarder = Forwarder(engine, "vm", open_sink(victoria_metrics.url), Measurements())
    fill(1)
    drain(forwarder)
    victoria_metrics.stop()
    fill(*range(2, 51))
    assert not forwarder.step()
    assert forwarder.waits
    with reading(engine) as conn:
        assert f"{victoria_metrics.url} " in str(forwarding.cursor_of(conn, "vm").error)
    victoria_metrics.start()
    drain(forwarder)
    assert not forwarder.waits
    assert len(exported(victoria_metrics, "doxa_speed_duration_s")) == 50
    with reading(engine) as conn:
        assert forwarding.cursor_of(conn, "vm").error is None


@pytest.mark.server
def test_influxdb_holds_every_row_and_a_poison_point_is_rejected_alone(
    engine: Engine, fill: Fill, influxd: InfluxDB16, influx_v2: Nginx, open_sink: Any
) -> None:
    """A text already stands in the field `odd_count`: InfluxDB will never take a number there."""
    influxd.create_database("doxa")
    poison = f"{influxd.url}/write?db=doxa"
    urllib.request.urlopen(poison, data=b'doxa_speed odd_count="text" 1795222800000000000', timeout=10).close()
    fill(*range(1, 40))
    fill(40, values={"download_mbps": 1.0, "odd_count": 3})
    fill(*range(41, 100))
    forwarder = Forwarder(engine, "influx", open_sink(influx_v2.url), Measurements())
    drain(forwarder)
    series = influxd.query("SELECT count(upload_mbps) FROM doxa_speed", "doxa")
    assert series[0]["values"][0][1] == 98
    tags = influxd.query("SHOW TAG KEYS FROM doxa_speed", "doxa")[0]["values"]
    assert {row[0] for row in tags} <= set(TAGS)
    with reading(engine) as conn:
        rows = conn.execute(select(sink_rejection)).all()
        cursor = forwarding.cursor_of(conn, "influx")
    assert [(row.sink, row.position) for row in rows] == [("influx", 40)]
    assert "field type conflict" in rows[0].reason
    assert (cursor.position, cursor.written, cursor.rejected, cursor.error) == (99, 98, 1, None)


@pytest.mark.server
def test_a_wrong_bucket_is_waited_for_not_rejected(
    engine: Engine, fill: Fill, influxd: InfluxDB16, influx_v2: Nginx, open_sink: Any
) -> None:
    fill(1, 2)
    sink = open_sink(influx_v2.url, bucket="later")
    with pytest.raises(UnavailableError) as found:
        sink.check()
    assert "404" in found.value.text.en
    forwarder = Forwarder(engine, "influx", sink, Measurements())
    assert not forwarder.step()
    influxd.create_database("later")
    assert sink.check().en == f"{influx_v2.url}: the bucket later can be written"
    drain(forwarder)
    assert influxd.query("SELECT count(upload_mbps) FROM doxa_speed", "later")[0]["values"][0][1] == 2


@pytest.mark.server
def test_a_good_server_is_found_good(victoria_metrics: VictoriaMetrics, open_sink: Any) -> None:
    assert "can be written" in open_sink(victoria_metrics.url).check().en


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (
            "failure writing points to database: partial write: dropped 1000 points outside retention policy of duration",
            1000,
        ),
        ("partial write: points beyond retention policy dropped=17", 17),
        ('partial write: field type conflict: input field "v" on measurement "old" is type string dropped=1', 0),
    ],
    ids=["2.7.12", "1.6.7", "another reason"],
)
def test_how_many_points_were_too_old_is_read_from_the_stores_words(words: str, count: int) -> None:
    error: Any = ApiException(status=422, reason="x")  # type: ignore[no-untyped-call]
    error.body = json.dumps({"message": words}).encode()
    assert _too_old(error) == count


def test_nobody_there_is_one_short_sentence(open_sink: Any) -> None:
    began = time.monotonic()
    with pytest.raises(UnavailableError) as found:
        open_sink("http://127.0.0.1:1", timeout_s=5).check()
    assert found.value.text.vi.startswith("http://127.0.0.1:1 không trả lời (")
    assert "host=" not in found.value.text.vi, "no word of urllib3's insides"
    assert "object at 0x" not in found.value.text.en
    assert time.monotonic() - began < 60
