"""Wherever the runs are read from, and by whichever method a month was closed: what it said it says for ever."""

import json
import zlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert, select
from tests.collector.assess.conftest import NOW, PROVINCE, Books, level, manual, plan_of, rank, share

from doxa_collector.assess import METHOD, Settings, cli
from doxa_collector.assess.closing import as_kept, judge_again, kept_result, late, latest_closings
from doxa_collector.assess.inputs import decode, read_inputs
from doxa_collector.assess.judging import judge_month
from doxa_collector.assess.run import judge_now, newest
from doxa_collector.ledger import schema
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.period import Period, month_of
from doxa_collector.plans.model import Plan, Statistic
from doxa_collector.rollups.filling import fill
from doxa_collector.rollups.kept import Kept
from doxa_collector.rollups.raw import Raw
from doxa_core.errors import OperationError
from doxa_core.layers import Layer
from doxa_core.moments import microseconds
from doxa_core.outcome import Outcome

GOLDEN = Path(__file__).parent / "golden"
NOVEMBER = month_of(date(2026, 11, 1))
PLAN = plan_of(
    level(100, statistic=Statistic.MEAN, name="download_ip_mbps", layer=Layer.IP, ispeed=False),
    share(90),
    rank(),
    manual(),
)


def filled(books: Books, seed: int) -> None:
    """A month of two offices with lines of all kinds of luck."""
    random = Random(seed)
    books.place("42", level="province")
    for code, layer in (("18073", None), ("18100", "wire")):
        books.place(code)
        books.office(f"o{code}", code, "fixed", "tslcd", layer=layer)
        for kind in ("fixed", "tslcd"):
            for outcome in (*[Outcome.OK] * 3, *Outcome):
                rates = [random.gauss(100, 3) for _ in range(random.randrange(5, 30))]
                values = [
                    None if outcome in (Outcome.FAILED, Outcome.SKIPPED)
                    else {"download_mbps": r, "download_ip_mbps": r * 1.04} | ({"download_wire_mbps": r * 1.06} if n % 2 else {})
                    for n, r in enumerate(rates)
                ]  # fmt: skip
                start = datetime(2026, 10, 30, 10, tzinfo=UTC) + timedelta(hours=random.randrange(24 * 20))
                books.runs(f"o{code}", kind, values, start=start, step=timedelta(hours=5), outcome=outcome)


def said(books: Books, plan: Plan, settings: Settings, *, kept: bool) -> list[Any]:
    with reading(books.engine) as conn:
        last_id = newest(conn)
        source = Kept(conn) if kept else Raw(conn, last_id)
        inputs = read_inputs(conn, NOVEMBER)
        return judge_month(conn, [plan], NOVEMBER, settings, inputs, last_id, microseconds(NOW), source)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rules", [Settings(min_samples=5, min_days=3), Settings(min_samples=5, decide_by="estimate")])
def test_the_evidence_and_what_is_kept_of_it_give_the_same_bytes(books: Books, seed: int, rules: Settings) -> None:
    filled(books, seed)
    fill(books.engine)
    one, other = said(books, PLAN, rules, kept=True), said(books, PLAN, rules, kept=False)
    assert one == other
    assert sum(verdict.n for verdict in one) > 100


def test_a_month_closed_from_what_is_kept_is_proved_by_the_evidence_itself(books: Books) -> None:
    filled(books, 4)
    books.judge(PLAN, now=datetime(2026, 12, 5, 5, tzinfo=UTC), decide_by="bounds")
    with reading(books.engine) as conn:
        closed = latest_closings(conn)[NOVEMBER.first]
        assert judge_again(conn, closed).encode() == kept_result(conn, closed)
        assert as_kept(conn, closed).encode() == kept_result(conn, closed)


def test_an_open_month_is_judged_by_all_that_is_there_although_it_was_not_rolled_up_yet(books: Books) -> None:
    filled(books, 5)
    fill(books.engine)
    books.runs("o18073", "fixed", [{"download_ip_mbps": 1.0}] * 7, start=NOW - timedelta(days=1))
    with reading(books.engine) as conn:
        found = judge_now(conn, [PLAN], NOVEMBER, Settings(), microseconds(NOW))
        assert found.last_id == newest(conn) > Kept(conn).position
        assert json.loads(found.verdicts[0].detail)["evidence"]["last"] == newest(conn)


# --- other methods


@pytest.fixture
def old(books: Books) -> Period:
    """November 2026 as the first method closed it: golden bytes, written by doxa before 22/11/2026."""
    golden = json.loads((GOLDEN / "closing-method-1.json").read_text(encoding="utf-8"))
    with writing(books.engine) as conn:
        conn.execute(insert(schema.closing).values(**golden["closing"]))
        for digest, one in golden["snapshots"].items():
            packed = zlib.compress(one["content"].encode())
            conn.execute(insert(schema.snapshot).values(digest=digest, kind=one["kind"], content=packed))
    return NOVEMBER


def test_a_month_of_another_method_is_shown_as_it_was_closed_and_never_judged_again(books: Books, old: Period) -> None:
    with reading(books.engine) as conn:
        closed = latest_closings(conn)[old.first]
        assert (closed.method, closed.provable, closed.settings.min_samples) == (1, False, 3)
        kept = as_kept(conn, closed)
        assert kept.encode() == kept_result(conn, closed)
        assert {verdict.target: verdict.outcome.value for verdict in kept.verdicts} == {
            "t1": "pass", "t2": "insufficient", "t3": "insufficient", "t4": "pass",
        }  # fmt: skip
        assert late(conn, closed) == 0
        with pytest.raises(ValueError, match="method 1"):
            judge_again(conn, closed)


def test_inputs_of_the_first_format_are_still_read(books: Books, old: Period) -> None:
    with reading(books.engine) as conn:
        content = conn.execute(select(schema.snapshot.c.content).where(schema.snapshot.c.kind == "inputs")).scalar_one()
    inputs = decode(zlib.decompress(content))
    assert ([row["site"] for row in inputs.site], len(inputs.province)) == (["x", "y"], 34)
    assert (inputs.probe, inputs.commune) == ((), ())
    assert decode(inputs.encode()) == inputs


def test_the_command_shows_a_month_of_another_method_with_one_sentence(
    books: Books, old: Period, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "asked_month", lambda *_: old)
    file, registry = tmp_path / "collector.toml", tmp_path / "sites.toml"
    registry.write_text("", encoding="utf-8")
    ledger = books.engine.url.database
    file.write_text(
        f'[broker]\nhost = "127.0.0.1"\n[registry]\nfile = "{registry}"\n[ledger]\npath = "{ledger}"\n',
        encoding="utf-8",
    )
    assert cli.main(["--config", str(file), "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["closed"]["method"] == 1
    assert shown.err.count("\n") == 1
    assert f"phương pháp 1, bản doxa này đánh giá bằng phương pháp {METHOD}" in shown.err
    with writing(books.engine) as conn:
        conn.execute(schema.snapshot.update().where(schema.snapshot.c.kind == "verdicts").values(content=b"x"))
    with pytest.raises(OperationError, match="không còn giữ nguyên vẹn"):
        cli.main(["--config", str(file)])


def test_a_closed_month_keeps_the_method_and_the_settings_it_was_judged_by(books: Books) -> None:
    filled(books, 6)
    after = datetime(2026, 12, 5, 5, tzinfo=UTC)
    books.judge(plan_of(level(100), where=PROVINCE), now=after, decide_by="bounds", min_days=3, confidence=0.95)
    with reading(books.engine) as conn:
        row = conn.execute(select(schema.closing)).mappings().one()
        closed = latest_closings(conn)[NOVEMBER.first]
    kept = json.loads(row["settings"])
    assert (kept["method"], kept["min_days"], kept["confidence"], kept["decide_by"]) == (METHOD, 3, 0.95, "bounds")
    assert closed.settings == Settings(min_samples=3, min_days=3, confidence=0.95)
