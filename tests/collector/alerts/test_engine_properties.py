"""What holds for every course of figures: hysteresis, waiting times, order, one alarm at a time, a restart unnoticed."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tests.collector.alerts.conftest import SECOND, START, MakeRule, Play

from doxa_collector.watch.alarm import Turn

Game = Callable[..., Play]
BAND = st.floats(0.051, 0.1)
FIGURES = st.lists(st.tuples(st.integers(1, 120), st.sampled_from([0.0, 0.04, 0.07, 0.1, 0.11, 0.5])), max_size=40)


def courses(figures: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Pauses become seconds."""
    now, found = 0, []
    for pause, value in figures:
        now += pause
        found.append((now, value))
    return found


@given(start=st.sampled_from([0.0, 0.5]), band=st.lists(BAND, max_size=30))
def test_within_the_band_nothing_ever_changes(play: Game, make_rule: MakeRule, start: float, band: list[float]) -> None:
    game = play([make_rule()])
    game.at(0, start)
    assert [game.at(10 + n, value) for n, value in enumerate(band)] == [[]] * len(band)


@given(figures=FIGURES, for_s=st.integers(0, 300), clear_for_s=st.integers(0, 300))
def test_an_alarm_is_raised_only_where_the_condition_held_all_the_time(
    play: Game, make_rule: MakeRule, figures: list[tuple[int, float]], for_s: int, clear_for_s: int
) -> None:
    game = play([make_rule(for_s=for_s, clear_for_s=clear_for_s, damping={"changes": 100})])
    course = courses(figures)
    for second, value in course:
        game.at(second, value)
    for change in game.seen:
        alarm = change.alarm
        began, raised = ((us - START) // SECOND for us in (alarm.began_us, alarm.raised_us))
        if change.turn is Turn.RAISED:
            assert raised - began >= for_s
            assert all(value > 0.1 for second, value in course if began <= second <= raised)
        else:
            assert alarm.cleared_us is not None
            cleared = (alarm.cleared_us - START) // SECOND
            assert all(value <= 0.05 for second, value in course if cleared <= second <= cleared + clear_for_s)
    assert all(first.turn is not second.turn for first, second in pairwise(game.seen))


@given(figures=FIGURES, seed=st.randoms(use_true_random=False), batch=st.integers(1, 10))
def test_the_order_within_a_tick_never_matters(
    play: Game, make_rule: MakeRule, figures: list[tuple[int, float]], seed: object, batch: int
) -> None:
    course = courses(figures)
    games = [play([make_rule(for_s=60, clear_for_s=30)]) for _ in range(2)]
    for first in range(0, len(course), batch):
        part = course[first : first + batch]
        mixed = list(part)
        seed.shuffle(mixed)  # type: ignore[attr-defined]
        for game, order in zip(games, (part, mixed), strict=True):
            for second, value in order:
                game.fact(second, value)
            game.tick(part[-1][0])
    assert games[0].seen == games[1].seen


@given(figures=FIGURES, cut=st.integers(0, 40))
def test_a_restart_raises_nothing_twice_and_forgets_nothing(
    play: Game, make_rule: MakeRule, figures: list[tuple[int, float]], cut: int
) -> None:
    rule = make_rule(for_s=60, clear_for_s=30, damping={"changes": 100})
    course = courses(figures)
    whole, first, second = (play([rule]) for _ in range(3))
    for at, value in course:
        whole.at(at, value)
    for at, value in course[:cut]:
        first.at(at, value)
    past = course[:cut]
    if past:
        second.engine.restore(first.engine.open_alarms(), START + past[-1][0] * SECOND)
        for at, value in past:  # the last minutes, read again from the ledger
            second.fact(at, value)
        second.tick(past[-1][0])
    for at, value in course[cut:]:
        second.at(at, value)
    assert [(c.turn, c.alarm.began_us) for c in first.seen + second.seen] == [
        (c.turn, c.alarm.began_us) for c in whole.seen
    ]
