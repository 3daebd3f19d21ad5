"""Availability against known outages: what is not known is neither up nor down, and a dead far end is no dead line."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from tests.collector.views.conftest import Shelf, at

from doxa_collector.ledger.engine import reading
from doxa_collector.ledger.schema import measurement
from doxa_collector.views import words
from doxa_collector.views.uptime import NOT_TOLD, Heard, Uptime
from doxa_core.moments import microseconds
from doxa_core.outcome import Outcome

MINUTE_US = 60_000_000
DAY_US = 1440 * MINUTE_US
END = at(11)


def uptime(shelf: Shelf) -> Uptime:
    """Of the first ten days, asked as the eleventh begins."""
    found = shelf.month(now=END).parts[0].uptime
    assert found is not None
    return found


def test_two_outages_have_their_length_and_the_longest_is_named(shelf: Shelf) -> None:
    shelf.commune("fixed")
    answered = [True] * 2880
    answered[100:103] = [False] * 3  # 15 minutes
    answered[1000:1024] = [False] * 24  # two hours
    shelf.pings(answered)
    found = uptime(shelf).found
    assert (found.outages, found.down_us, found.longest_us) == (2, 135 * MINUTE_US, 120 * MINUTE_US)
    assert found.unknown_us == 0
    assert found.share == pytest.approx(1 - 135 / 14_400)
    said = words.uptime(uptime(shelf)).vi
    assert "99,06 %" in said
    assert "2 lần mất kết nối, tổng cộng 2 giờ 15 phút, dài nhất 2 giờ" in said


def test_one_dead_far_end_is_no_outage(shelf: Shelf) -> None:
    shelf.commune("fixed")
    shelf.pings([True] * 2880)
    shelf.pings([False] * 2880, far_end="dead", start=at(1, 1 / 60))
    assert (uptime(shelf).found.outages, uptime(shelf).far_ends) == (0, 2)


def test_no_way_out_is_an_outage_of_every_family(shelf: Shelf) -> None:
    """While there is no route nobody knows a family: such a run ends what IPv4 and IPv6 said before."""
    shelf.commune("fixed")
    for family in (4, 6):
        shelf.pings([True] * 1440, far_end="vnix", family=family)
        shelf.pings([True] * 1428, far_end="vnix", family=family, start=at(6, 1))
    shelf.pings([False] * 12, far_end="vnix", start=at(6))
    found = uptime(shelf).found
    assert (found.outages, found.down_us) == (1, 60 * MINUTE_US)


def test_a_silent_day_is_unknown_and_the_probe_s_absence_explains_it(shelf: Shelf) -> None:
    shelf.commune("fixed")
    shelf.pings([True] * 288 * 3)
    shelf.pings([True] * 288 * 6, start=at(5))
    away = {"agent": "pi", "site": "dd", "evidence": "[]", "noticed_us": 1}
    shelf.add("presence_change", state="offline", cause="power", began_us=microseconds(at(4, 12)), **away)
    shelf.add("presence_change", state="online", cause=None, began_us=microseconds(at(4, 22)), **away)
    found = uptime(shelf)
    # The last run of day 3 holds for two and a half of its steps.
    assert found.found.unknown_us == DAY_US - int(7.5 * MINUTE_US)
    assert found.unknown_us == {"power": 10 * 60 * MINUTE_US, NOT_TOLD: found.found.unknown_us - 600 * MINUTE_US}
    assert found.found.share == 1
    assert found.found.worst == pytest.approx(1 - found.found.unknown_us / (10 * DAY_US))
    assert "thiết bị mất điện hoặc khởi động lại 10 giờ" in words.uptime_evidence(found).vi


def test_runs_that_say_nothing_of_the_line_do_not_count(shelf: Shelf) -> None:
    shelf.commune("fixed")
    shelf.pings([Outcome.SKIPPED, Outcome.ERROR] * 10)
    assert shelf.month(now=END).parts[0].uptime is None


def test_the_meter_that_runs_most_often_tells(shelf: Shelf) -> None:
    """A speed test that found no server is no outage while pings come through."""
    shelf.commune("fixed")
    shelf.pings([True] * 2880)
    shelf.speed([0.0] * 24, outcome=Outcome.FAILED)
    assert (uptime(shelf).meter, uptime(shelf).found.outages) == ("latency", 0)


def test_runs_that_were_skipped_do_not_choose_who_tells(shelf: Shelf) -> None:
    """A speed test put off every five minutes says nothing of the line, however often it is put off."""
    shelf.commune("fixed")
    shelf.pings([True] * 240, step=timedelta(hours=1))
    shelf.speed([0.0] * 2880, step=timedelta(minutes=5), outcome=Outcome.SKIPPED)
    shelf.speed([90.0] * 60, step=timedelta(hours=4))
    assert uptime(shelf).meter == "latency"


def test_what_arrived_after_a_closing_is_left_out(shelf: Shelf) -> None:
    shelf.commune("fixed")
    shelf.pings([True] * 288)
    with reading(shelf.engine) as conn:
        last_id = conn.execute(select(func.max(measurement.c.id))).scalar_one()
    shelf.pings([False] * 12, start=at(3))
    span = (microseconds(at(1)), microseconds(END))
    with reading(shelf.engine) as conn:
        then, now = (Heard.read(conn, "dd", "fixed", ["latency"], span, upto) for upto in (last_id, None))
        assert then is not None
        assert now is not None
        outages = [told.found.outages for one in (then, now) if (told := one.within(conn, span)) is not None]
    assert outages == [0, 1]
