"""A small ledger with everything that series tell of, a clock that is set by hand, and a store that is a dictionary."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from doxa_collector.forwarder import Forwarder
from doxa_collector.ledger import forwarding
from doxa_collector.ledger.engine import writing
from doxa_collector.ledger.registration import register
from doxa_collector.plans import Plan, load_plans
from doxa_collector.registry import read_registry
from doxa_collector.series import World
from doxa_collector.sink import Item, Point, Stream
from doxa_core.language import Text
from doxa_core.moments import microseconds

HOUR = 3_600_000_000
MINUTE = 60_000_000
DAY = 24 * HOUR
START = microseconds(datetime(2026, 11, 20, 1, 0, tzinfo=UTC))
"""08:00 in Vietnam."""
SECRETS = (
    "tslcd",
    "mang-rieng",
    "truyền số liệu chuyên dùng",
    "cục bưu điện",
    "192.0.2.77",
    "core-1",
    "nút lõi mật",
    "hành lang kín",
)
"""What no store for the public may hold in any letter case."""
REGISTRY = """
place = [
    {code = "20", name = "Tỉnh Lạng Sơn", level = "province"},
    {code = "06184", name = "Xã Đồng Đăng", level = "commune", province = "20"},
    {code = "06001", name = "Xã Hồng Phong", level = "commune", province = "20"},
    {code = "11", name = "Tỉnh Điện Biên", level = "province"},
    {code = "03127", name = "Phường Điện Biên Phủ", level = "commune", province = "11"},
]
[[site]]
id = "dong-dang"
name = "UBND xã Đồng Đăng"
place = "06184"
agents = ["dong-dang-1", "dong-dang-2"]
link = [
    {id = "fixed", kind = "fixed", provider = "VNPT", contracted_down_mbps = 200, contracted_up_mbps = 100, valid_to = 2026-11-19},
    {id = "fixed", kind = "fixed", provider = "VNPT", contracted_down_mbps = 300, contracted_up_mbps = 150, valid_from = 2026-11-20},
    {id = "mang-rieng", kind = "tslcd", provider = "Cục Bưu điện", contracted_down_mbps = 100},
]
[[site]]
id = "hong-phong"
name = "UBND xã Hồng Phong"
place = "06001"
agents = ["hong-phong-1"]
link = [{id = "fixed", kind = "fixed", provider = "Viettel", contracted_down_mbps = 100}]
[[site]]
id = "dien-bien"
name = "UBND phường Điện Biên Phủ"
place = "03127"
agents = ["dien-bien-1"]
link = [{id = "mobile", kind = "mobile", provider = "MobiFone"}]
"""


class Clock:
    """A clock that stands until it is set."""

    def __init__(self, now_us: int = START) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        return self.now_us


class Shelf:
    """A store as they are: a point written again overwrites its fields one by one, those that are missing stay."""

    def __init__(self) -> None:
        self.points: dict[tuple[str, str, tuple[tuple[str, str], ...], int], dict[str, float | str]] = {}
        self.sent: list[Point] = []
        self.connections = 1

    def send(self, items: Sequence[Item]) -> None:
        for item in items:
            assert isinstance(item, Point)
            fields = {name: value for name, value in item.fields.items() if value is not None}
            if fields:
                self.sent.append(item)
                tags = tuple(sorted((name, str(value)) for name, value in item.tags.items() if value))
                key = (str(item.tier), item.measurement, tags, item.at_us * 1000 + item.rank)
                self.points.setdefault(key, {}).update(fields)

    def of(self, measurement: str, **tags: str) -> dict[int, dict[str, float | str]]:
        """The points of a measurement with these tags: moment (µs) → fields."""
        return {
            at // 1000: fields for (_, name, found, at), fields in sorted(self.points.items(), key=lambda one: one[0][3])
            if name == measurement and tags.items() <= dict(found).items()
        }  # fmt: skip

    def check(self) -> Text:
        return Text(vi="", en="")

    def close(self) -> None:
        pass


def write_registry(engine: Engine, folder: Path, text: str = REGISTRY, at_us: int = START, actor: str = "test") -> None:
    """Bring a registry into the ledger."""
    file = folder / "sites.toml"
    file.write_text(text, encoding="utf-8")
    with writing(engine) as conn:
        register(conn, read_registry(file), at_us, actor)


class Feed:
    """A sink's streams as the service keeps them; each call writes all that there is by then."""

    def __init__(self, engine: Engine, sink: Any, streams: Iterable[Stream], name: str = "s") -> None:
        self.forwarders = [Forwarder(engine, name, sink, stream) for stream in streams]

    def __call__(self) -> None:
        for forwarder in self.forwarders:
            while forwarder.step():
                pass
            assert not forwarder.waits


def drain(engine: Engine, sink: Any, streams: Iterable[Stream]) -> Feed:
    """Write all that there is now."""
    feed = Feed(engine, sink, streams)
    feed()
    return feed


def afresh(engine: Engine, streams: Iterable[Stream]) -> Shelf:
    """What an empty store holds when all streams begin again."""
    shelf = Shelf()
    with writing(engine) as conn:
        forwarding.begin_again(conn, "again", 1)
    Feed(engine, shelf, streams, "again")()
    return shelf


def world(clock: Clock, plans: Sequence[Plan] = ()) -> World:
    """The service, without its threads."""
    return World(plans=lambda: plans, now_us=clock)


def plan(name: str = "a-hong-phong", **changes: Any) -> Plan:
    """A shipped plan."""
    return replace(next(one for one in load_plans() if one.id == name), **changes)
