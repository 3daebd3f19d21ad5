"""Alarms and baselines in the ledger."""

from collections.abc import Callable

from sqlalchemy import Engine, select
from tests.collector.alerts.conftest import LINE, SECOND, START, MakeRule, Play

from doxa_collector.alerts.baseline import HOUR_US, Usual
from doxa_collector.alerts.store import load_baselines, load_open, save, save_baselines
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.schema import alarm

Game = Callable[..., Play]


def test_open_alarms_come_back_as_they_were(engine: Engine, play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule()])
    game.at(0, 0.5)
    with writing(engine) as conn:
        save(conn, game.seen)
    with reading(engine) as conn:
        assert load_open(conn) == game.engine.open_alarms()


def test_a_cleared_alarm_is_kept_with_its_end(engine: Engine, play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule()])
    game.at(0, 0.5)
    game.at(60, 0.0)
    with writing(engine) as conn:
        save(conn, game.seen)
    with reading(engine) as conn:
        assert load_open(conn) == []
        (row,) = conn.execute(select(alarm)).all()
        assert (row.subject, row.site, row.cleared_us) == ("link:dong-dang/fixed", "dong-dang", START + 60 * SECOND)


def test_writing_twice_is_writing_once(engine: Engine, play: Game, make_rule: MakeRule) -> None:
    game = play([make_rule()])
    for n in range(5):
        game.at(n * 60, float(n % 2))
    with writing(engine) as conn:
        save(conn, game.seen)
        save(conn, game.seen)
    with reading(engine) as conn:
        assert len(conn.execute(select(alarm)).all()) == 2


def test_a_restart_goes_on_with_the_open_alarm(engine: Engine, play: Game, make_rule: MakeRule) -> None:
    before, after = play([make_rule()]), play([make_rule()])
    before.at(0, 0.5)
    with writing(engine) as conn:
        save(conn, before.seen)
    with reading(engine) as conn:
        after.engine.restore(load_open(conn), START + 100 * SECOND)
    assert [after.at(110, 0.5), after.at(120, 0.0)] == [[], ["cleared r"]]


def test_an_alarm_whose_rule_is_gone_is_cleared_after_a_restart(
    engine: Engine, play: Game, make_rule: MakeRule
) -> None:
    before, after = play([make_rule()]), play([make_rule(id="other")])
    before.at(0, 0.5)
    after.engine.restore(before.engine.open_alarms(), START + 100 * SECOND)
    assert after.tick(101) == ["cleared r"]


def test_baselines_come_back(engine: Engine) -> None:
    usual = Usual(7)
    for hour in range(200):
        usual.add(hour * HOUR_US, 12.5)
    with writing(engine) as conn:
        save_baselines(conn, [(LINE, "latency.rtt_p50_ms", usual)], START)
        save_baselines(conn, [(LINE, "latency.rtt_p50_ms", usual)], START + 1)
    with reading(engine) as conn:
        ((subject, metric, back),) = load_baselines(conn)
    assert (subject, metric) == (LINE, "latency.rtt_p50_ms")
    assert back.at(199, min_samples=5, min_days=5, days=7) == 12.5


def test_a_ledger_that_never_kept_baselines_has_none(engine: Engine) -> None:
    with reading(engine) as conn:
        assert list(load_baselines(conn)) == []
