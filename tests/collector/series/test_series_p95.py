"""`doxa_p95_1d`: the same as the rule says of the raw polls, whatever order they come in, and counted a few times only."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from tests.collector.assess.test_p95_month import DAYS as PERIOD
from tests.collector.assess.test_p95_month import a_line
from tests.collector.ledgers import empty_ledger
from tests.collector.series.series_ledger import DAY, HOUR, REGISTRY, START, Clock, Feed, Shelf, write_registry
from tests.collector.series.test_series_windows import Moody
from tests.collector.series.windows_ledger import Run, put

from doxa_collector.assess.p95 import Contract, days_of, judge_week
from doxa_collector.assess.traffic import FiveMinutes, five_minutes, read_polls, week_ending
from doxa_collector.forwarder import Forwarder
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.forwarding import rewind
from doxa_collector.period import local_day
from doxa_collector.rollups.filling import fill
from doxa_collector.series import World, _p95_days
from doxa_collector.series.p95 import Weeks, streams
from doxa_core.layers import Layer
from doxa_core.outcome import Outcome

LATER = START + 400 * DAY
MIDNIGHT = START - 8 * HOUR
TODAY = local_day(START)
CHANGE = TODAY + timedelta(days=1)
"""From then on the line `tslcd` has half of its contract."""
BEGUN = TODAY - timedelta(days=5)
"""The line `young` is in force since then."""
TSLCD = 'kind = "tslcd", provider = "Cục Bưu điện"'
LINKS = f"""
[[site]]
id = "a"
name = "a"
place = "06184"
agents = ["a-1"]
link = [
    {{id = "tslcd", {TSLCD}, contracted_down_mbps = 100, contracted_up_mbps = 100, valid_to = {TODAY}}},
    {{id = "tslcd", {TSLCD}, contracted_down_mbps = 50, contracted_up_mbps = 50, valid_from = {CHANGE}}},
    {{id = "young", {TSLCD}, contracted_down_mbps = 80, layer = "wire", valid_from = {BEGUN}}},
    {{id = "fixed", kind = "fixed", provider = "VNPT", contracted_down_mbps = 100, contracted_up_mbps = 100}},
    {{id = "turned", kind = "fixed", provider = "VNPT", contracted_down_mbps = 100, valid_to = {TODAY}}},
    {{id = "turned", {TSLCD}, contracted_down_mbps = 100, valid_from = {CHANGE}}},
]
"""
WAYS = {"download": "down", "upload": "up"}
CODES = {"fail": 0, "pass": 1, "insufficient": 3}


@pytest.fixture
def filled(engine: Engine, tmp_path: Path) -> Engine:
    write_registry(engine, tmp_path, REGISTRY + LINKS)
    return engine


def poll(at_s: float, down: float, *, up: float = 5.0, link: str = "tslcd", task: str = "t", ok: bool = True, frames: bool = False) -> Run:  # fmt: skip
    """A poll that ended `at_s` after `START` and covers five minutes; its wire rate is above its IP rate."""
    shares = {Layer.FRAME: 1.0} if frames else {Layer.IP: 0.95, Layer.FRAME: 1.0, Layer.WIRE: 1.05}
    rates = {f"{way}_traffic_{layer}_mbps": round(rate * share, 6) for way, rate in (("download", down), ("upload", up)) for layer, share in shares.items()}  # fmt: skip
    values = rates | {"interval_s": 300} if ok else {}
    return Run(at_s, values, Outcome.OK if ok else Outcome.FAILED, "snmp", "a", link, task, None, None)


def days(first: int, rates: Sequence[float], **how: Any) -> list[Run]:
    """Whole days of polls, `first` days after `START`'s: one rate each; the last poll of each ends at midnight."""
    began = (MIDNIGHT - START) // 1_000_000 + 86_400 * first
    return [poll(began + 86_400 * n + 300 * (k + 1), rate, **how) for n, rate in enumerate(rates) for k in range(288)]


def written(engine: Engine, shelf: Shelf | None = None, clock: Clock | None = None) -> Shelf:
    shelf = Shelf() if shelf is None else shelf
    Feed(engine, shelf, [Weeks(World(now_us=clock or Clock(LATER)))])()
    return shelf


def of(shelf: Shelf, day: int, link: str = "tslcd") -> dict[str, Any]:
    return shelf.of("doxa_p95_1d", link=link).get(MIDNIGHT + day * DAY, {})


# --- what the rule says of the raw polls


def expected(engine: Engine, link: str, since: date = date.min) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each day on which the line was polled: its moment, and what stands there."""
    with reading(engine) as conn:
        asked = f"SELECT started_us FROM measurement WHERE meter = 'snmp' AND link = '{link}'"
        for day in sorted(day for day in {local_day(at) for (at,) in conn.exec_driver_sql(asked)} if day >= since):
            week = week_ending(day)
            told = [one.interval for one in read_polls(conn, "a", link, week) if one.interval is not None]
            names = sorted({one.series for one in told})
            by_name = [five_minutes([one for one in told if one.series == name]) for name in names]
            samples = [one for one in max(by_name, key=len, default=[]) if week.first <= one.day <= week.last]
            yield week.to_us - DAY, says(samples, day, link)


def says(samples: list[FiveMinutes], day: date, link: str) -> dict[str, Any]:
    own = [one for one in samples if one.day == day]
    found: dict[str, Any] = {"samples_count": len(own), "week_samples_count": len(samples)}
    for way, layer in ((way, layer) for way in WAYS for layer in (Layer.IP, Layer.WIRE)):
        for span, column in (("", own), ("week_", samples)):
            rates = sorted(one.rates[way, layer] for one in column if (way, layer) in one.rates)
            found[f"{way}_{span}p95_{layer}_mbps"] = rates[-(-95 * len(rates) // 100) - 1] if rates else None
    week = [day - timedelta(days=n) for n in range(7)]
    held = {one: contract for one in week if (contract := promised(link, one)) is not None}
    if day in held:
        found |= {f"limit_{WAYS[way]}_mbps": 0.9 * rate for way, rate in held[day].mbps.items()}
    if len(held) == 7:
        judged = judge_week(samples, held, week_ending(day))
        found["week_outcome_code"] = CODES[judged.outcome]
        for judged_way in judged.ways:
            found[f"{judged_way.direction}_week_p95_ratio"] = judged_way.share
            over = None if judged_way.share is None else float(judged_way.share > 0.9 + 1e-9)
            found[f"{judged_way.direction}_week_over_flag"] = over
    return {name: value for name, value in found.items() if value is not None}


def promised(link: str, day: date) -> Contract | None:
    if link == "tslcd":
        rate = 50.0 if day >= CHANGE else 100.0
        return Contract(mbps={"download": rate, "upload": rate}, layer=None)
    if link == "young" and day >= BEGUN:
        return Contract(mbps={"download": 80.0}, layer=Layer.WIRE)
    return None


def test_a_week_below_its_limit_passes_and_two_days_above_it_fail_it(filled: Engine) -> None:
    put(filled, days(-8, [40.0] * 7 + [99.0] * 2), START)
    shelf = written(filled)
    assert dict(expected(filled, "tslcd", TODAY - timedelta(days=2))).items() <= shelf.of("doxa_p95_1d").items()
    assert [of(shelf, n).get("week_outcome_code") for n in (-3, -2, -1, 0)] == [3, 1, 0, 0]
    assert of(shelf, -2) == {
        "samples_count": 288, "week_samples_count": 2016, "week_outcome_code": 1, "limit_down_mbps": 90, "limit_up_mbps": 90,
        "download_p95_ip_mbps": 38, "download_p95_wire_mbps": 42, "upload_p95_ip_mbps": 4.75, "upload_p95_wire_mbps": 5.25,
        "download_week_p95_ip_mbps": 38, "download_week_p95_wire_mbps": 42, "upload_week_p95_ip_mbps": 4.75,
        "upload_week_p95_wire_mbps": 5.25, "download_week_p95_ratio": 0.4, "upload_week_p95_ratio": 0.05,
        "download_week_over_flag": 0, "upload_week_over_flag": 0,
    }  # fmt: skip
    assert (of(shelf, -1)["download_week_over_flag"], of(shelf, -1)["upload_week_over_flag"]) == (1, 0)


def test_each_day_of_a_week_is_held_against_its_own_contract(filled: Engine) -> None:
    put(filled, days(-5, [80.0] * 6 + [40.0]), START)  # eighty of a hundred, then forty of fifty
    shelf = written(filled)
    assert of(shelf, 1)["download_week_p95_ratio"] == 0.8
    assert (of(shelf, 1)["limit_down_mbps"], of(shelf, 0)["limit_down_mbps"]) == (45, 90)
    assert of(shelf, 1)["week_outcome_code"] == 1


def test_lines_that_the_rule_is_not_about_have_percentiles_and_no_outcome(filled: Engine) -> None:
    put(filled, [poll(n * 300, 10.0 + n, link=link) for n in range(3) for link in ("fixed", "young", "gone")], START)
    shelf = written(filled)
    assert {point.tags["link"]: (point.tags["kind"], point.internal) for point in shelf.sent} == {
        "fixed": ("fixed", False), "young": ("tslcd", True), "gone": (None, True),
    }  # fmt: skip
    assert of(shelf, 0, "fixed")["download_p95_ip_mbps"] == 11.4
    assert not {"week_outcome_code", "limit_down_mbps"} & {*of(shelf, 0, "fixed"), *of(shelf, 0, "gone")}
    young = of(shelf, 0, "young")
    assert (young["limit_down_mbps"], "limit_up_mbps" in young, "week_outcome_code" in young) == (72, False, False)


def test_days_on_which_a_line_was_of_another_kind_are_days_without_a_contract(filled: Engine) -> None:
    put(filled, [poll(n * 86_400, 10.0, link="turned") for n in (1, 6, 7)], START)
    shelf = written(filled)
    assert ["week_outcome_code" in of(shelf, n, "turned") for n in (1, 6, 7)] == [False, False, True]
    assert of(shelf, 1, "turned")["limit_down_mbps"] == 90


def test_a_poll_after_midnight_counts_in_the_day_that_it_tells_of(filled: Engine) -> None:
    clock, shelf = Clock(START), Shelf()
    feed = Feed(filled, shelf, [Weeks(World(now_us=clock))])
    put(filled, days(0, [8.0])[:200], START)
    clock.now_us += DAY
    feed()
    before = dict(of(shelf, 0))
    put(filled, [poll(16 * 3600 + 140, 90.0)], clock.now_us)  # over the time from 23:57:20 on
    clock.now_us += DAY
    feed()
    assert of(shelf, 0)["samples_count"] == before["samples_count"] + 1
    assert (of(shelf, 1)["samples_count"], of(shelf, 1)["week_samples_count"]) == (0, 201)
    assert shelf.of("doxa_p95_1d") == dict(expected(filled, "tslcd"))


def test_late_polls_mend_the_six_days_after_theirs_and_a_day_without_polls_has_no_point(filled: Engine) -> None:
    clock, shelf = Clock(START), Shelf()
    feed = Feed(filled, shelf, [Weeks(World(now_us=clock))])
    hours = [n for n in range(24 * 8) if (n + 8) // 24 != 3]
    put(filled, [poll(3600 * n, 20.0) for n in hours], START)
    clock.now_us += 9 * DAY
    feed()
    sent = len(shelf.sent)
    put(filled, [poll(600, 77.0)], clock.now_us)
    clock.now_us += DAY
    feed()
    mended = [(point.at_us - MIDNIGHT) // DAY for point in shelf.sent[sent:]]
    assert mended == [0, 1, 2, 4, 5, 6], "nothing was polled on the third day after"
    assert shelf.of("doxa_p95_1d") == dict(expected(filled, "tslcd"))


def test_a_day_is_counted_once_in_each_slice_that_changed_it(filled: Engine) -> None:
    clock, shelf = Clock(START), Shelf()
    feed = Feed(filled, shelf, [Weeks(World(now_us=clock))])
    for n in range(24 * 3):  # polled every hour, looked at every hour
        clock.now_us = START + n * HOUR + 60_000_000
        put(filled, [poll(3600 * n, 20.0), Run(3600 * n)], clock.now_us)
        feed()
    whole = [point for point in shelf.sent if point.at_us == MIDNIGHT + DAY]
    assert len(whole) <= 8 + 2, "of a day's eight slices, and the one that has the polls after midnight"
    assert (of(shelf, 1)["samples_count"], of(shelf, 2)["week_samples_count"]) == (24, 17 + 24 + 24)


def test_one_call_counts_about_so_many_and_a_ledger_without_polls_holds_nothing_up(filled: Engine) -> None:
    put(filled, [Run(0), Run(DAY // 1_000_000)], START)
    put(filled, [poll(n * 86_400, 3.0, link=link) for n in range(5) for link in ("tslcd", "fixed")], START)
    put(filled, [Run(9)], START)
    stream, position, sizes = Weeks(World(now_us=Clock(LATER)), weeks=4), 0, []
    with reading(filled) as conn:
        while items := stream.after(conn, position, 1000):
            assert {stream.position(item) for item in items[:-1]} <= {position}
            position = stream.position(items[-1])
            sizes.append(len([item for item in items if item.measurement == "doxa_p95_1d"]))  # type: ignore[union-attr]
    assert (sum(sizes), max(sizes), position) == (10, 5, 13)


def test_going_back_by_the_command_writes_it_again(filled: Engine) -> None:
    put(filled, [poll(n * 86_400, 3.0) for n in range(5)], START)
    shelf = Shelf()
    feed = Feed(filled, shelf, [Weeks(World(now_us=Clock(LATER)))])
    feed()
    with writing(filled) as conn:
        rewind(conn, "s/p95", 3, 1)
    feed()
    assert [(point.at_us - MIDNIGHT) // DAY for point in shelf.sent] == [0, 1, 2, 3, 4, 3, 4]


@settings(max_examples=6)
@given(
    seed=st.integers(0, 10**9),
    high=st.floats(85, 96),
    busy=st.sampled_from([0, 14, 15, 40, 288]),
    lost=st.sampled_from([0, 0.002, 0.2]),
    kind=st.sampled_from(["plain", "plain", "odd", "mixed", "short", "two"]),
    rates=st.tuples(*[st.sampled_from([100.0, 33.3, None])] * 2),
    layer=st.sampled_from([None, *Layer]),
)
def test_what_is_counted_by_the_largest_samples_is_what_is_sorted(
    seed: int, high: float, busy: int, lost: float, kind: str, rates: Any, layer: Layer | None
) -> None:
    polls = a_line(random.Random(seed), high, busy, lost, kind)
    held = [Contract(mbps={} if rate is None else dict.fromkeys(WAYS, rate), layer=layer) for rate in rates]
    last = PERIOD.last - timedelta(days=1)
    contracts = {day: held[day > week_ending(last).first] for day in days_of(week_ending(last))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_p95_days, "week_figures", lambda *_: None)
        wanted = _p95_days.fields_of(_p95_days.part(polls, last), contracts, last)
    assert _p95_days.fields_of(_p95_days.part(polls, last), contracts, last) == wanted


# --- what the registry says anew


def test_a_contract_that_is_corrected_mends_every_day_since(filled: Engine, tmp_path: Path) -> None:
    put(filled, [poll(n * 86_400, 42.0, link=link) for n in range(-9, 3) for link in ("tslcd", "young")], START)
    clock, shelf = Clock(START + 4 * DAY), Shelf()
    feed = Feed(filled, shelf, streams(World(now_us=clock)))
    feed()
    assert (of(shelf, -3)["download_week_p95_ratio"], of(shelf, 2)["limit_down_mbps"]) == (0.42, 45)
    sent = len(shelf.sent)
    corrected = LINKS.replace("contracted_down_mbps = 50,", "contracted_down_mbps = 80,")
    write_registry(filled, tmp_path, REGISTRY + corrected, clock.now_us)
    feed()
    assert [(point.at_us - MIDNIGHT) // DAY for point in shelf.sent[sent:]] == [1, 2]
    assert of(shelf, 2)["limit_down_mbps"] == 72
    before = len(shelf.sent)
    corrected = corrected.replace("contracted_down_mbps = 100,", "contracted_down_mbps = 60,")
    write_registry(filled, tmp_path, REGISTRY + corrected, clock.now_us)
    feed()
    feed()
    told = [(point.tags["link"], (point.at_us - MIDNIGHT) // DAY) for point in shelf.sent[before:]]
    assert told == [("tslcd", n) for n in range(-9, 3)], "the line of the other kind was not polled"
    assert of(shelf, -3)["download_week_p95_ratio"] == 0.7


# --- whatever happens


POLLS = st.lists(
    st.builds(
        poll,
        at_s=st.builds(
            lambda day, at: 86_400 * day + at,
            st.integers(-6, 8),
            st.sampled_from([-28_700, -28_640, -28_500, 0, 300, 600, 901, 57_290, 57_590]),
        ),
        down=st.sampled_from([0.0, 9.9, 47.0, 96.3]),
        link=st.sampled_from(["tslcd", "tslcd", "young", "fixed"]),
        task=st.sampled_from(["t", "t", "u"]),
        ok=st.sampled_from([True, True, True, False]),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=6)
@given(runs=POLLS, high=st.sampled_from([0, 20]), seed=st.integers(0, 2**32))
def test_any_order_any_batches_and_any_kill_end_in_what_the_rule_says(
    tmp_path_factory: pytest.TempPathFactory, runs: list[Run], high: int, seed: int
) -> None:
    dice = random.Random(seed)
    folder = tmp_path_factory.mktemp("p95")
    engine = empty_ledger(folder / "ledger.db")
    write_registry(engine, folder, REGISTRY + LINKS)
    # With so many samples above, seven days are above whatever the others were.
    runs = [*runs, *(poll(86_400 * day + 3000 + 300 * n, 99.0) for day in range(-5, 3) for n in range(high))]
    shelf = Moody(dice)
    arrive(engine, shelf, dice.sample(runs, len(runs)), dice)
    for link in ("tslcd", "young", "fixed"):
        assert known(shelf.of("doxa_p95_1d", link=link)) == dict(expected(engine, link))
    engine.dispose()


def known(points: Mapping[int, Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """A store keeps a percentile after its last sample turned out to be of another task: it counts where samples do."""

    def there(name: str, fields: Mapping[str, Any]) -> bool:
        counted = "week_samples_count" if "_week_" in name else "samples_count"
        return "_p95_" not in name or fields[counted] > 0

    return {at: {k: v for k, v in fields.items() if there(k, fields)} for at, fields in points.items()}


def arrive(engine: Engine, shelf: Moody, runs: list[Run], dice: random.Random) -> None:
    clock = Clock(START)
    feed = born(engine, shelf, clock, dice)
    while runs:
        some = dice.randrange(1, 20)
        put(engine, runs[:some], clock.now_us)
        runs = runs[some:]
        clock.now_us += dice.choice([0, 700_000_000, 20_000_000_000, 90_000_000_000])
        if dice.random() < 0.3:
            fill(engine)
        for _ in range(dice.randrange(4)):
            feed.forwarders[0].step()
        if dice.random() < 0.3:
            feed = born(engine, shelf, clock, dice)  # killed, and started again
    clock.now_us, shelf.calm = LATER, True
    feed()


def born(engine: Engine, shelf: Shelf, clock: Clock, dice: random.Random) -> Feed:
    feed = Feed(engine, shelf, [])
    stream = Weeks(World(now_us=clock), weeks=dice.choice([1, 3, 25]))
    feed.forwarders = [Forwarder(engine, "s", shelf, stream, margin_s=dice.choice([0, 60]))]
    return feed
