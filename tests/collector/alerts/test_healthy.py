"""The default rules over a day of noisy but healthy lines, and their memory: the benchmark in small."""

import pytest

from doxa_lab.bench.alerts import flaps, healthy

pytestmark = pytest.mark.slow


def test_a_day_of_noisy_healthy_lines_wakes_nobody_and_grows_nothing() -> None:
    watch, sizes, _memory = healthy(probes=24, hours=24, every_s=60, seed=7)
    assert [change.alarm.text.en for change in watch.raised] == []
    assert watch.facts > 100_000
    assert sizes[-1] == sizes[1] > 100


def test_a_flapping_node_is_told_a_few_times() -> None:
    assert 2 <= flaps(100) <= 8
