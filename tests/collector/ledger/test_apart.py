"""Reading statement by statement: nothing stays open between two of them."""

import sqlite3

from sqlalchemy import Engine, select, text

from doxa_collector.ledger.engine import reading, reading_apart, writing
from doxa_collector.ledger.schema import audit
from doxa_collector.ledger.writing import note


def checkpoint(engine: Engine) -> int:
    """0 where the log could begin anew, 1 where a reader keeps it."""
    with sqlite3.connect(str(engine.url.database), timeout=0.1) as other:
        busy: int = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return busy


def test_each_statement_sees_what_was_written_before_it_and_keeps_no_log_from_beginning_anew(engine: Engine) -> None:
    with reading_apart(engine) as apart, reading(engine) as once:
        for conn in (apart, once):
            assert conn.execute(select(audit)).all() == []
        with writing(engine) as conn:
            note(conn, 1, "test", "one", {})
        assert (len(apart.execute(select(audit)).all()), len(once.execute(select(audit)).all())) == (1, 0)
        assert checkpoint(engine) == 1, "the other reader"
    with reading_apart(engine) as apart:
        assert len(apart.execute(select(audit)).all()) == 1
        with writing(engine) as conn:
            note(conn, 1, "test", "two", {})
        assert checkpoint(engine) == 0
        assert apart.execute(select(audit.c.id)).first() is not None
        assert checkpoint(engine) == 0, "a result that is not read to its end"


def test_a_connection_that_read_apart_is_an_ordinary_one_afterwards(engine: Engine) -> None:
    with reading_apart(engine) as conn:
        conn.execute(text("SELECT 1")).all()
    with reading(engine) as once:
        assert once.execute(select(audit)).all() == []
        with writing(engine) as conn:
            note(conn, 1, "test", "one", {})
        assert once.execute(select(audit)).all() == []
