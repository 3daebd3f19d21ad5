"""Hours of a rule in Asia/Ho_Chi_Minh, across weeks, months and midnight."""

from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from doxa_collector.alerts.schedule import DAY, Schedule, schedule_of
from doxa_core.moments import microseconds

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
OFFICE = schedule_of(range(5), [(7 * 60 + 30, 17 * 60)])


def at(text: str) -> int:
    return microseconds(datetime.fromisoformat(text).replace(tzinfo=VIETNAM))


def test_office_hours_begin_and_end_to_the_minute() -> None:
    moments = ["2026-11-20T07:29:59", "2026-11-20T07:30", "2026-11-20T16:59:59", "2026-11-20T17:00"]
    assert [OFFICE.open_at(at(text)) for text in moments] == [False, True, True, False]


def test_a_weekend_is_passed_over_also_across_the_end_of_a_month_and_a_year() -> None:
    assert OFFICE.next_open_us(at("2026-10-30T17:00")) == at("2026-11-02T07:30")
    assert OFFICE.next_open_us(at("2027-12-31T18:30:15")) == at("2028-01-03T07:30")


def test_night_hours_go_on_past_midnight() -> None:
    night = schedule_of([4], [(22 * 60, 6 * 60)])
    moments = ["2026-11-20T21:59", "2026-11-20T22:00", "2026-11-21T05:59", "2026-11-21T06:00", "2026-11-20T05:00"]
    assert [night.open_at(at(text)) for text in moments] == [False, True, True, False, False]


def test_sundays_night_ends_on_monday() -> None:
    night = schedule_of([6], [(22 * 60, 6 * 60)])
    assert night.open_at(at("2026-11-23T05:59"))
    assert not night.open_at(at("2026-11-23T06:00"))


def test_all_days_and_hours_are_always() -> None:
    assert schedule_of(range(7), [(0, DAY)]) == Schedule()


SPANS = st.lists(
    st.tuples(st.integers(0, DAY - 1), st.integers(1, DAY)).filter(lambda s: s[0] != s[1]), min_size=1, max_size=3
)


@given(days=st.sets(st.integers(0, 6), min_size=1), hours=SPANS, moment=st.integers(0, 2**51))
def test_it_says_of_each_moment_what_the_calendar_says(
    days: set[int], hours: list[tuple[int, int]], moment: int
) -> None:
    here = datetime.fromtimestamp(moment // 1_000_000, VIETNAM)
    if here.year < 1976:  # Vietnam's clock was another one before
        return
    minute, today = here.hour * 60 + here.minute, here.weekday()
    begun = any(today in days and first <= minute and (minute < last or last <= first) for first, last in hours)
    gone_on = any((today - 1) % 7 in days and last <= first and minute < last for first, last in hours)
    assert schedule_of(days, hours).open_at(moment) is (begun or gone_on)


@given(days=st.sets(st.integers(0, 6), min_size=1), hours=SPANS, moment=st.integers(0, 2**51))
def test_the_next_opening_is_open_and_nothing_before_it_is(
    days: set[int], hours: list[tuple[int, int]], moment: int
) -> None:
    found = schedule_of(days, hours)
    following = found.next_open_us(moment)
    assert moment <= following < moment + 7 * 86_400 * 1_000_000
    assert found.open_at(following)
    assert following == moment or not found.open_at(following - 1)
