"""What sinks read: order, place, rank, cursors that go back and never forward."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from doxa_collector.ledger import forwarding
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.forwarding import Cursor
from doxa_collector.ledger.registration import register
from doxa_collector.ledger.writing import Incoming, keep
from doxa_collector.registry import read_registry
from doxa_collector.sink import Where
from doxa_core.measurement import Measurement


@pytest.fixture
def fill(engine: Engine, sites_file: Path) -> Callable[..., None]:
    with writing(engine) as conn:
        register(conn, read_registry(sites_file), 1, "test")

    def put(*found: Measurement, now_us: int = 5) -> None:
        with writing(engine) as conn:
            keep(conn, [Incoming(measurement=m, raw=m.encode()) for m in found], now_us)

    return put


def test_measurements_come_in_the_order_of_arrival_with_their_place(
    engine: Engine, fill: Callable[..., None], measurement: Any
) -> None:
    fill(measurement(2), measurement(1, link="mobile"), measurement(3))
    with reading(engine) as conn:
        first = forwarding.after(conn, 0, 2)
        rest = forwarding.after(conn, first[-1].record.id, 2)
        assert forwarding.newest(conn) == rest[-1].record.id
    assert [p.record.seq for p in [*first, *rest]] == [2, 1, 3]
    assert first[0].where == Where(province="20", place="06001", kind="fixed", provider="VNPT Lạng Sơn")
    assert (first[1].where.kind, first[1].where.provider, first[0].duration_s) == ("mobile", None, 4.25)


def test_the_line_is_the_one_that_was_valid_on_the_vietnamese_day(
    engine: Engine, fill: Callable[..., None], measurement: Any, sites_file: Path
) -> None:
    """18:00 UTC is already the next day in Vietnam."""
    text = sites_file.read_text(encoding="utf-8").replace(
        'provider = "VNPT Lạng Sơn"\n',
        'provider = "A"\nvalid_to = 2026-11-20\n[[site.link]]\nid = "fixed"\nkind = "fixed"\nprovider = "B"\n'
        "valid_from = 2026-11-21\n",
    )
    sites_file.write_text(text, encoding="utf-8")
    with writing(engine) as conn:
        register(conn, read_registry(sites_file), 1, "test")
    evening = measurement(1).started.replace(day=20, hour=16, minute=59)
    fill(measurement(1, started=evening), measurement(2, started=evening.replace(hour=17)))
    with reading(engine) as conn:
        assert [p.where.provider for p in forwarding.after(conn, 0, 9)] == ["A", "B"]


def test_those_that_started_together_are_told_apart_by_rank(
    engine: Engine, fill: Callable[..., None], measurement: Any
) -> None:
    moment = measurement(1).started
    fill(*(measurement(n, started=moment) for n in (1, 2, 3)), measurement(4))
    with reading(engine) as conn:
        assert [p.rank for p in forwarding.after(conn, 0, 9)] == [0, 1, 2, 0]
        assert [p.rank for p in forwarding.after(conn, 1, 9)] == [1, 2, 0]


def test_a_measurement_of_a_vanished_site_has_no_place(engine: Engine, measurement: Any) -> None:
    with writing(engine) as conn:
        keep(conn, [Incoming(measurement=measurement(1), raw=measurement(1).encode())], 1)
    with reading(engine) as conn:
        assert forwarding.after(conn, 0, 9)[0].where == Where()


def test_a_cursor_goes_back_and_never_forward(engine: Engine) -> None:
    with writing(engine) as conn:
        assert forwarding.cursor_of(conn, "s") == Cursor()
        forwarding.move(conn, "s", Cursor(position=100, safe=60, written=100, rejected=1, error="down"), 1)
        assert forwarding.rewind(conn, "s", 80, 2) == Cursor(
            position=80, safe=60, written=100, rejected=1, rewound=1, error="down"
        )
        assert forwarding.rewind(conn, "s", 500, 2).position == 80
        assert forwarding.rewind(conn, "s", 0, 2) == Cursor(
            position=0, safe=0, written=100, rejected=1, rewound=3, error="down"
        )


def test_since_a_moment_means_by_the_time_of_receiving(
    engine: Engine, fill: Callable[..., None], measurement: Any
) -> None:
    fill(measurement(1), now_us=10)
    fill(measurement(2), now_us=20)
    with reading(engine) as conn:
        assert [forwarding.received_since(conn, at) for at in (0, 10, 11, 20, 21)] == [0, 0, 1, 1, 2]
