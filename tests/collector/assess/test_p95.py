"""The p95 rule: the percentile, the seven days, what is missing, and a month of it out of a real ledger."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from math import ceil, inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collector.assess.conftest import Books

from doxa_collector import cli
from doxa_collector.assess.p95 import ENOUGH, Contract, Week, days_of, judge_week, sustained_share
from doxa_collector.assess.p95_ledger import read_week
from doxa_collector.assess.p95_words import sentence, table
from doxa_collector.assess.percentile import percentile_of, rank
from doxa_collector.assess.traffic import PER_DAY, FiveMinutes, Interval, five_minutes, week_ending
from doxa_collector.ledger.engine import reading
from doxa_collector.verdict import VerdictOutcome
from doxa_core.errors import InputError
from doxa_core.language import VIETNAM_TIME
from doxa_core.layers import Layer
from doxa_core.outcome import Outcome

LAST = date(2026, 11, 21)
WEEK = week_ending(LAST)
SYMMETRIC = Contract(mbps={"download": 100, "upload": 100}, layer=Layer.FRAME)
CONTRACTS = dict.fromkeys(days_of(WEEK), SYMMETRIC)
RATES = st.lists(st.floats(0, 1e4, allow_nan=False), min_size=1, max_size=200)


@given(RATES, st.integers(0, 200), st.data())
def test_the_percentile_is_a_sample_with_95_per_cent_at_or_below_it_and_its_bounds_hold(
    found: list[float], missing: int, data: st.DataObject
) -> None:
    """Whatever stands in the missing samples, the percentile of all of them lies within the bounds."""
    answer = percentile_of(found, missing)
    assert answer is not None
    assert answer.value in found
    assert 100 * sum(rate <= answer.value for rate in found) >= 95 * len(found)
    assert 100 * sum(rate < answer.value for rate in found) < 95 * len(found)
    filled = found + data.draw(st.lists(st.floats(0, 1e5), min_size=missing, max_size=missing))
    whole = percentile_of(filled)
    assert whole is not None
    assert answer.lower <= whole.value <= answer.upper
    extreme = [percentile_of(found + [end] * missing) for end in (0.0, inf)]
    assert [one.value for one in extreme if one] == [answer.lower, answer.upper]


def test_the_rank_is_counted_in_whole_numbers() -> None:
    assert [rank(n) for n in (1, 19, 20, 21, 100, 288, 2016)] == [1, 19, 19, 20, 95, 274, 1916]
    assert all(rank(n) == ceil(95 * n / 100) for n in range(1, 3000) if 95 * n % 100)
    with pytest.raises(ValueError, match="a percentile needs a sample"):
        rank(0)


def day_of(day: date, rates: list[float], **more: float) -> list[FiveMinutes]:
    """One day of samples; upload is quiet."""
    return [
        FiveMinutes(day=day, rates={("download", Layer.FRAME): rate, ("upload", Layer.FRAME): more.get("upload", 1.0)})
        for rate in rates
    ]


def week_of(
    above: Mapping[int, int], *, missing: Mapping[int, int] | None = None, high: float = 95
) -> list[FiveMinutes]:
    """Seven days at 10 Mbps, with so many samples of a day at `high`, and so many of its quiet ones missing."""
    found = []
    for n, day in enumerate(days_of(WEEK)):
        many, gone = above.get(n, 0), (missing or {}).get(n, 0)
        found += day_of(day, [high] * many + [10.0] * (PER_DAY - many - gone))
    return found


def judged(samples: list[FiveMinutes], contracts: Mapping[date, Contract] = CONTRACTS) -> Week:
    return judge_week(samples, contracts, WEEK)


def download(samples: list[FiveMinutes], contracts: Mapping[date, Contract] = CONTRACTS) -> tuple[str, tuple[str, ...]]:
    way = judged(samples, contracts).ways[0]
    return way.outcome.value, way.reasons


def test_a_hundred_samples_above_are_left_out_and_one_more_is_a_fail() -> None:
    """2,016 samples: the 1,916th counts, so 100 may be above."""
    assert download(week_of({0: 100})) == ("pass", ())
    assert download(week_of({0: 101})) == ("fail", ("above_capacity_share",))
    assert judged(week_of({0: 101})).outcome is VerdictOutcome.FAIL
    assert judged(week_of({})).outcome is VerdictOutcome.PASS


def test_what_all_seven_days_reached_is_the_smallest_of_their_percentiles() -> None:
    all_above = judged(week_of(dict.fromkeys(range(7), 20)))
    assert sustained_share(all_above) == pytest.approx(0.95)
    assert sustained_share(judged(week_of(dict.fromkeys(range(6), 20)))) == pytest.approx(0.1)
    assert sustained_share(judged(week_of({}, missing={3: PER_DAY - ENOUGH + 1}))) is None
    assert sustained_share(judged([])) is None


def test_nine_tenths_exactly_do_not_exceed_nine_tenths() -> None:
    for capacity in (30.0, 100.0, 6.3, 0.7, 33.3):
        contracts = {day: replace(SYMMETRIC, mbps={"download": capacity, "upload": capacity}) for day in CONTRACTS}
        assert download(week_of(dict.fromkeys(range(7), PER_DAY), high=0.9 * capacity), contracts)[0] == "pass"


@settings(max_examples=15)
@given(st.lists(st.integers(0, PER_DAY), min_size=7, max_size=7))
def test_the_three_readings_of_the_sentence_stand_in_their_order(above: list[int]) -> None:
    """Seven days above → the week is above → at least one day is above."""
    way = judged(week_of(dict(enumerate(above)))).ways[0]
    failed = way.outcome is VerdictOutcome.FAIL
    assert failed is (sum(above) > 100)
    assert not (way.days_above == 7 and not failed)
    assert not (failed and way.days_above == 0)


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=7, max_size=7), st.data())
def test_no_filling_of_the_gaps_overturns_a_pass_or_a_fail(plan: list[tuple[int, int]], data: st.DataObject) -> None:
    above, missing = ({n: pair[k] for n, pair in enumerate(plan)} for k in (0, 1))
    outcome, _ = download(week_of(above, missing=missing))
    share = data.draw(st.floats(0, 1))
    filled = dict(above)
    for n, gone in missing.items():
        filled[n] += round(share * gone)  # so many of the missing ones were above, the others quiet
    whole, _ = download(week_of(filled))
    assert outcome in ("insufficient", whole)
    if outcome == "pass":
        assert all(gone <= PER_DAY - ENOUGH for gone in missing.values())


def test_a_day_with_too_few_samples_is_shown_and_keeps_the_line_from_passing() -> None:
    week = judged(week_of({}, missing={3: PER_DAY - ENOUGH + 1}))
    assert (week.outcome, week.ways[0].reasons) == (VerdictOutcome.INSUFFICIENT, ("days_incomplete",))
    assert [day.samples for day in week.ways[0].days] == [288, 288, 288, ENOUGH - 1, 288, 288, 288]
    assert [day.enough for day in week.ways[0].days] == [True] * 3 + [False] + [True] * 3
    assert download(week_of({}, missing={3: PER_DAY - ENOUGH}))[0] == "pass"
    certain = week_of({0: 150}, missing={3: 288})
    assert download(certain) == ("fail", ("above_capacity_share", "days_incomplete"))
    assert download(week_of({0: 95}, missing={1: 7})) == ("insufficient", ("missing_samples_decide",))
    assert download([]) == ("insufficient", ("no_samples",))


def test_each_day_is_held_against_the_contract_of_that_day() -> None:
    """A line of 100 Mbps carries 95 on its last three days; from then on it has 200."""
    samples = week_of({4: 100, 5: 100, 6: 100})
    assert download(samples)[0] == "fail"
    wider = {day: replace(SYMMETRIC, mbps={"download": 200, "upload": 200}) for day in list(CONTRACTS)[4:]}
    assert download(samples, CONTRACTS | wider)[0] == "pass"
    assert download(samples, {day: c for day, c in CONTRACTS.items() if day != LAST})[1] == (
        "above_capacity_share", "no_capacity",
    )  # fmt: skip
    assert download(week_of({}), {}) == ("insufficient", ("no_capacity",))
    one_way = {day: replace(SYMMETRIC, mbps={"download": 100}) for day in CONTRACTS}
    week = judged(week_of({}), one_way)
    assert [way.outcome.value for way in week.ways] == ["pass", "insufficient"]
    assert week.outcome is VerdictOutcome.INSUFFICIENT


@pytest.mark.parametrize(
    ("layer", "high", "outcome", "reasons"),
    [
        (Layer.FRAME, 90.5, "fail", ("above_capacity_share",)),
        (Layer.IP, 90.5, "pass", ()),
        (Layer.WIRE, 89.5, "fail", ("above_capacity_share",)),
        (Layer.PAYLOAD, 95, "insufficient", ("layer_not_counted",)),
        (None, 89.5, "insufficient", ("between_layers", "layer_not_named")),
        (None, 80, "pass", ("layer_not_named",)),
        (None, 95, "fail", ("above_capacity_share", "layer_not_named")),
    ],
)
def test_the_layer_of_the_contract_decides_and_without_one_only_what_no_layer_changes(
    layer: Layer | None, high: float, outcome: str, reasons: tuple[str, ...]
) -> None:
    contracts = {day: replace(SYMMETRIC, layer=layer) for day in CONTRACTS}
    rates = {("download", at): high * share for at, share in ((Layer.IP, 0.988), (Layer.FRAME, 1), (Layer.WIRE, 1.013))}
    samples = [FiveMinutes(day=day, rates=rates) for day in CONTRACTS for _ in range(PER_DAY)]
    assert download(samples, contracts) == (outcome, reasons)


def test_frames_alone_prove_no_fail_further_in_and_no_pass_further_out() -> None:
    busy, quiet = week_of(dict.fromkeys(range(7), 288)), week_of({})
    for layer, samples in ((Layer.IP, busy), (Layer.WIRE, quiet)):
        contracts = {day: replace(SYMMETRIC, layer=layer) for day in CONTRACTS}
        assert download(samples, contracts) == ("insufficient", ("layer_not_counted",))
    wire = {day: replace(SYMMETRIC, layer=Layer.WIRE) for day in CONTRACTS}
    assert download(busy, wire)[0] == "fail"


def interval(end_s: float, seconds: float, rate: float = 8.0) -> Interval:
    return Interval(end_us=round(end_s * 1e6), seconds=seconds, rates={("download", Layer.FRAME): rate})


def test_samples_are_five_minutes_or_made_of_shorter_ones_and_longer_ones_are_missing() -> None:
    def rates(*found: Interval) -> list[float]:
        return [round(sample.rates["download", Layer.FRAME], 6) for sample in five_minutes(found)]

    assert rates(interval(300, 300, 1), interval(600, 300, 2)) == [1, 2]
    assert rates(*(interval(60 * n, 60, n) for n in range(1, 11))) == [3, 8]
    assert rates(interval(300, 300, 1), interval(1200, 900, 50), interval(1500, 300, 2)) == [1, 2]
    assert rates(interval(300, 300, 1), interval(310, 300, 9), interval(600, 300, 2)) == [1, 2]  # two probes
    assert rates(interval(60, 60, 1), *(interval(600 + 60 * n, 60, 5) for n in range(1, 6))) == [5]  # a gap between


@given(st.lists(st.tuples(st.floats(1, 1200), st.floats(0, 700)), max_size=60))
def test_no_moment_is_told_twice_and_no_octet_invented(steps: list[tuple[float, float]]) -> None:
    at, found = 1e6, []
    for seconds, gap in steps:
        at += gap + seconds
        found.append(interval(at, seconds, 8.0))
    samples = five_minutes(found)
    assert len(samples) * 270 <= sum(one.seconds for one in found) + 1e-3
    assert all(sample.rates["download", Layer.FRAME] == pytest.approx(8.0) for sample in samples)


def values(rate: float, seconds: float = 300.0, upload: float = 5.0) -> dict[str, float]:
    found = {"interval_s": seconds}
    for direction, mbps in (("download", rate), ("upload", upload)):
        for layer, share in (("ip", 0.988), ("frame", 1.0), ("wire", 1.013)):
            found[f"{direction}_traffic_{layer}_mbps"] = mbps * share
    return found


@pytest.fixture
def line(books: Books) -> Books:
    books.place("42", "province", "42")
    books.place("06001")
    contract = {"contracted_down_mbps": 100.0, "contracted_up_mbps": 100.0, "layer": "frame", "kind": "tslcd"}
    books.add("site", site="xa", name="Xã", place_code="06001")
    books.add("link", site="xa", link="tslcd", valid_from="1970-01-01", valid_to="2026-11-19", **contract)
    books.add("link", site="xa", link="tslcd", valid_from="2026-11-20", **(contract | {"contracted_down_mbps": 200.0}))
    return books


def polled(books: Books, first: datetime, found: Sequence[dict[str, float] | None]) -> None:
    books.runs(
        "xa", "tslcd", found, meter="snmp", start=first + timedelta(minutes=5, seconds=13), step=timedelta(minutes=5)
    )


def test_a_month_with_gaps_is_judged_week_by_week_and_late_data_judges_again(line: Books) -> None:
    """November: busy to 95 Mbps for 40 samples of each working day; the probe lost a day, a poll here and there."""
    first, chance = datetime(2026, 11, 1, tzinfo=VIETNAM_TIME), random.Random(6)
    month: list[dict[str, float] | None] = []
    for n in range(30 * PER_DAY):
        since, slot = divmod(n, PER_DAY)
        busy = (first + timedelta(days=since)).weekday() < 5 and 100 <= slot < 140
        lost = since == 9 or (slot == 200 and since % 2)
        month.append(
            None if lost else values(95 if busy else chance.uniform(1, 30), 600 if slot == 201 and since % 2 else 300)
        )
    polled(line, first, month)
    with reading(line.engine) as conn:
        weeks = {last: read_week(conn, "xa", "tslcd", date(2026, 11, last)) for last in (7, 10, 16, 22, 30)}
    for last, week in weeks.items():
        way = week.ways[0]
        expected = [
            min(288, sum(month[(day.day.day - 1) * 288 + slot] is not None for slot in range(288))) for day in way.days
        ]
        for day, there in zip(way.days, expected, strict=True):
            assert there - 2 <= day.samples <= there  # the poll after a lost one is longer, and no sample
            assert day.enough is (day.day.day != 10)
        working = sum(day.day.weekday() < 5 and day.day.day != 10 for day in way.days if day.day.day <= 19)
        assert way.days_above == working  # from the 20th on the line has 200 Mbps
        if last <= 19:
            assert way.outcome is VerdictOutcome.FAIL, last
    assert weeks[30].outcome is VerdictOutcome.PASS
    assert weeks[16].ways[0].reasons == ("above_capacity_share", "days_incomplete")
    assert weeks[30].ways[0].days[0].day == date(2026, 11, 24)

    with reading(line.engine) as conn:
        early = read_week(conn, "xa", "tslcd", date(2026, 12, 1))
    assert (early.outcome, early.ways[0].days[-1].samples) == (VerdictOutcome.INSUFFICIENT, 0)
    polled(line, datetime(2026, 12, 1, tzinfo=VIETNAM_TIME), [values(20)] * PER_DAY)  # came late
    with reading(line.engine) as conn:
        assert read_week(conn, "xa", "tslcd", date(2026, 12, 1)).outcome is VerdictOutcome.PASS


def test_a_sample_belongs_to_the_vietnamese_day_in_which_its_middle_lies(line: Books) -> None:
    midnight = datetime(2026, 11, 21, tzinfo=VIETNAM_TIME)
    line.runs(
        "xa", "tslcd", [values(7)] * 2, meter="snmp", start=midnight + timedelta(minutes=2), step=timedelta(minutes=5)
    )
    with reading(line.engine) as conn:
        week = read_week(conn, "xa", "tslcd", date(2026, 11, 21))
    assert [day.samples for day in week.ways[0].days[-2:]] == [1, 1]
    last = datetime(2026, 11, 21, 23, 59, tzinfo=VIETNAM_TIME).astimezone(UTC)
    line.runs("xa", "tslcd", [values(7)], meter="snmp", start=last + timedelta(minutes=3))
    with reading(line.engine) as conn:
        assert read_week(conn, "xa", "tslcd", date(2026, 11, 21)).ways[0].days[-1].samples == 2


def test_failed_polls_and_other_meters_are_no_samples_and_two_tasks_are_not_mixed(line: Books) -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=VIETNAM_TIME)
    line.runs("xa", "tslcd", [None], meter="snmp", outcome=Outcome.FAILED, start=noon)
    line.runs("xa", "tslcd", [values(9)], meter="speed", start=noon)
    with reading(line.engine) as conn:
        assert read_week(conn, "xa", "tslcd", LAST).ways[0].samples == 0
    polled(line, noon, [values(9)])
    line.add(
        "measurement", agent="pi", epoch="0" * 16, seq=10**9, site="xa", link="tslcd", task="lan", far_end="r", meter="snmp",
        method="snmp/1", started_us=1_795_000_000_000_000, received_us=0, outcome="ok", values=json.dumps(values(9)),
        reasons="[]", findings="[]", raw=b"{}",
    )  # fmt: skip
    with reading(line.engine) as conn:
        with pytest.raises(InputError) as error:
            read_week(conn, "xa", "tslcd", LAST)
        assert error.value.text.en == "--series: several tasks poll this line; choose one of: lan/r, t"
        assert read_week(conn, "xa", "tslcd", LAST, "t").ways[0].samples == 1
        with pytest.raises(InputError, match="có phải ý bạn là: xa/tslcd"):
            read_week(conn, "xa", "tslc", LAST)


def test_the_sentence_says_the_share_the_samples_and_why() -> None:
    failed = sentence(judged(week_of({0: 101})).ways[0])
    assert failed.vi == (
        "Không đạt (tải xuống): bách phân vị 95 của 7 ngày bằng 95,0 % dung lượng, 2.016/2.016 mẫu, so với ≤ 90 %"
        " – vượt ngưỡng dung lượng; 1/7 ngày tự vượt ngưỡng"
    )
    short = sentence(judged(week_of({}, missing={3: 100})).ways[0])
    assert short.vi == (
        "Chưa đủ dữ liệu (tải xuống): bách phân vị 95 của 7 ngày bằng 10,0 % dung lượng, "
        "1.916/2.016 mẫu, so với ≤ 90 % – có ngày chưa đủ mẫu (cần ít nhất 274/288)"
    )
    gaps = sentence(judged(week_of({0: 95}, missing={1: 7})).ways[0])
    assert "is 10.0 % of the capacity (for certain from 10.0 % to 95.0 %), 2,009 of 2,016 samples" in gaps.en
    empty = sentence(judged(week_of({}, missing={1: 288})).ways[0])
    assert "(for certain at least 10.0 %)" in empty.en
    none = sentence(judged([]).ways[0])
    assert none.en == "Insufficient evidence (download): 0 of 2,016 samples, limit ≤ 90 % – no sample in this period"
    near = {day: replace(SYMMETRIC, mbps={"download": 100, "upload": 100}) for day in CONTRACTS}
    assert "90,004 %" in sentence(judged(week_of({0: 288}, high=90.004), near).ways[0]).vi


def test_the_command_prints_seven_days_and_the_same_for_machines(
    line: Books, tmp_path: Path, sites_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    polled(line, datetime(2026, 11, 15, tzinfo=VIETNAM_TIME), [values(20)] * 6 * PER_DAY)
    config = tmp_path / "collector.toml"
    config.write_text(
        f'[broker]\nhost = "127.0.0.1"\n[ledger]\npath = "ledger.sqlite"\n[registry]\nfile = "{sites_file.name}"\n',
        encoding="utf-8",
    )
    asked = ["p95", "xa", "tslcd", "--until", "2026-11-21", "--config", str(config)]
    assert cli.main(asked) == 0
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 2 + 7 + 1 + 2
    assert "20/11/2026" in said
    assert "0/288 !" in said
    assert "200,0" in said
    assert cli.main([*asked, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (found["outcome"], found["from"], found["to"]) == ("insufficient", "2026-11-15", "2026-11-21")
    days = found["directions"][0]["days"]
    assert [day["sample_count"] for day in days] == [288] * 6 + [0]
    assert [day["capacity_mbps"] for day in days] == [100.0] * 5 + [200.0] * 2
    assert days[-1]["p95_mbps"] is None


def test_the_table_reads_in_both_languages() -> None:
    assert "tải xuống" in table(judged(week_of({0: 101})))[0]
