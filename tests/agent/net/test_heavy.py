"""Which lines are under load: known to the moment, from every thread, and forgotten in the end."""

import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.net import heavy


def test_a_line_is_loaded_from_its_begin_to_its_end_and_no_other_line_with_it() -> None:
    before = time.monotonic()
    heavy.begin("h-one")
    during = time.monotonic()
    assert heavy.loaded("h-one", during, during)
    assert not heavy.loaded("h-two", before, during)
    heavy.end("h-one")
    after = time.monotonic()
    assert heavy.loaded("h-one", before, after)
    assert heavy.loaded("h-one", during, during)
    assert not heavy.loaded("h-one", after + 0.001, after + 9)
    assert not heavy.loaded("h-one", before - 9, before - 0.001)


def test_two_tests_at_once_load_the_line_until_the_last_has_ended() -> None:
    heavy.begin("h-three")
    heavy.begin("h-three")
    heavy.end("h-three")
    now = time.monotonic()
    assert heavy.loaded("h-three", now, now)
    heavy.end("h-three")
    assert len(heavy.spans("h-three", 0, now + 9)) == 1


def test_an_end_without_a_begin_changes_nothing() -> None:
    heavy.end("h-four")
    heavy.begin("h-four")
    heavy.end("h-four")
    heavy.end("h-four")
    assert len(heavy.spans("h-four", 0, time.monotonic())) == 1


@given(st.integers(1, 3 * heavy.MOST_SPANS))
def test_memory_is_bounded_and_the_latest_are_kept(many: int) -> None:
    for _ in range(many):
        heavy.begin("h-five")
        heavy.end("h-five")
    found = heavy.spans("h-five", 0, time.monotonic())
    assert len(found) <= heavy.MOST_SPANS
    assert found[-1].ended >= max(span.ended for span in found)


def test_threads_may_begin_and_end_at_once() -> None:
    def work() -> None:
        for _ in range(200):
            heavy.begin("h-six")
            heavy.end("h-six")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now = time.monotonic()
    assert not heavy.loaded("h-six", now + 0.001, now + 9)
