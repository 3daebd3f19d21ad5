"""When nothing at all is heard: told from a sparse fleet, a broker that is back, a machine that slept, and probes that are gone."""

import random

import pytest

from doxa_collector.presence.hush import Hush
from doxa_collector.presence.settings import Settings

S = 1_000_000
T0 = 1_790_000_000 * S


class Ear:
    """A hush with a clock of one-second ticks."""

    def __init__(self) -> None:
        self.hush = Hush(Settings())
        self.at = 0

    def run(self, seconds: int, every: float = 1.0, *, deaf: bool = False, speakers: int = 40) -> list[int]:
        """The seconds at which it is a hush, with a message every so often (0: none)."""
        found = []
        for _ in range(seconds):
            self.at += 1
            arrivals = int(self.at / every) - int((self.at - 1) / every) if every else 0
            self.hush.listen(T0 + self.at * S, arrivals, T0 + self.at * S, deaf=deaf)
            if not deaf and self.hush.judge(speakers):
                found.append(self.at)
        return found


def test_a_fleet_that_falls_silent_all_at_once_is_a_hush_after_twenty_seconds() -> None:
    ear = Ear()
    assert ear.run(900) == []
    assert ear.run(60, every=0)[0] == 920
    assert ear.hush.since_us == T0 + 900 * S
    assert ear.run(5)[:1] == []  # the first message ends it
    assert ear.run(600) == []
    assert ear.run(60, every=0)  # and what it lasted is not what is usual from now on


def test_a_sparse_fleet_is_given_the_time_in_which_twenty_messages_would_have_come() -> None:
    ear = Ear()
    assert ear.run(1800, every=12) == []
    assert ear.run(400, every=0)[0] >= 1800 + 230


@pytest.mark.parametrize(("speakers", "learnt"), [(4, 900), (40, 500)])
def test_few_probes_or_a_short_acquaintance_say_nothing(speakers: int, learnt: int) -> None:
    ear = Ear()
    ear.run(learnt, speakers=speakers)
    assert ear.run(300, every=0, speakers=speakers) == []


def test_probes_that_the_broker_said_to_be_gone_are_not_expected_to_speak() -> None:
    ear = Ear()
    ear.run(900)
    assert ear.run(600, every=0, speakers=0) == []


def test_a_lost_broker_and_the_time_in_which_probes_come_back_are_no_hush() -> None:
    ear = Ear()
    ear.run(900)
    assert ear.run(120, every=0, deaf=True) == []
    assert ear.run(300, every=0) == []


def test_a_clock_that_is_set_forward_is_no_silence() -> None:
    ear = Ear()
    ear.run(900)
    ear.at += 3600
    assert ear.run(10, every=0) == []


def test_what_was_heard_before_a_restart_tells_what_is_usual() -> None:
    ear = Ear()
    ear.hush.learn((T0 // S - n, 3) for n in range(1, 721))
    ear.run(5)
    assert ear.run(40, every=0)[0] <= 30


@pytest.mark.parametrize("probes", [5, 12, 60])
def test_a_day_of_a_small_fleet_that_loses_and_delays_messages_is_no_hush(probes: int) -> None:
    dice, hush = random.Random(probes), Hush(Settings())
    phases = [dice.uniform(0, 60) for _ in range(probes)]
    due = sorted(
        (phase + 60 * n + dice.expovariate(1 / 3)) for phase in phases for n in range(1440) if dice.random() > 0.05
    )
    place, told = 0, 0
    for at in range(0, 86_400, 2):
        first = place
        while place < len(due) and due[place] <= at:
            place += 1
        hush.listen(T0 + at * S, place - first, T0 + at * S, deaf=False)
        told += hush.could_be() and hush.judge(probes)
    assert told == 0
