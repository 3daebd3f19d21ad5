"""Which SQL the API asks: all of it PostgreSQL's too, but for the incidents. The ledger itself is SQLite in this release."""

from typing import Any

from sqlalchemy import Engine, event, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql import visitors
from sqlalchemy.sql.functions import FunctionElement
from tests.collector.api.conftest import CLOSED, Ask, app_over, asking

from doxa_collector.api.resources import all_resources
from doxa_collector.ledger.engine import reading
from doxa_collector.ledger.schema import measurement, metadata

FILLED = {"month": CLOSED, "plan": "d-ha-tinh", "site": "dong-dang", "code": "20"}
PORTABLE = {"max", "min", "count", "coalesce", "sum"}
"""Functions that both databases have."""


def functions(statement: Any) -> set[str]:
    return {str(one.name) for one in visitors.iterate(statement) if isinstance(one, FunctionElement)}


def paths(engine: Engine) -> dict[str, str]:
    """An address of each resource by its pattern."""
    with reading(engine) as conn:
        newest = conn.execute(select(measurement.c.id).limit(1)).scalar_one()
    ids = {"/evidence/{id}": newest, "/incidents/{id}": 7}
    found = {one.path: one.path.format(**FILLED, id=ids.get(one.path)) for one in all_resources()}
    found["/evidence"] += "?site=dong-dang&link=fixed&meter=speed"
    found["/documents/progress/{month}/{plan}"] += "?format=json"
    return found


def test_every_answer_comes_of_sql_that_postgresql_takes_but_those_of_incidents(
    filled: Engine, tokens_file: Any
) -> None:
    asked: list[Any] = []

    def note(_conn: Any, statement: Any, *_more: Any) -> None:
        asked.append(statement)

    ask: Ask = asking(app_over(filled, tokens_file))
    foreign = {}
    event.listen(filled, "before_execute", note)
    try:
        for pattern, path in paths(filled).items():
            asked.clear()
            assert ask(path).status_code == 200, path
            for statement in asked:
                statement.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
            if found := set().union(*map(functions, asked)) - PORTABLE:
                foreign[pattern] = found
    finally:
        event.remove(filled, "before_execute", note)
    assert foreign == {"/incidents": {"json_extract"}}


def test_the_tables_are_postgresqls_too() -> None:
    for table in metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
