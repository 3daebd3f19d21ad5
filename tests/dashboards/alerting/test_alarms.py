"""Each alert rule, as it is published, asked of a real InfluxDB: what must fire fires, and its neighbour does not."""

import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.dashboards.alerting.evaluate import Found, evaluate

from doxa_core.codes import OUTCOMES
from doxa_dashboards.alerting import all_rules
from doxa_dashboards.alerting.render import rendered
from doxa_dashboards.catalogue import Tier
from doxa_lab.servers import InfluxDB16

pytestmark = pytest.mark.server

DAY = 86_400
NOW = 1_795_226_400
"""2026-11-21 09:00 in Vietnam."""
MIDNIGHT = 1_795_194_000
"""2026-11-21 00:00 in Vietnam."""
YESTERDAY = MIDNIGHT - DAY


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB16]:
    with InfluxDB16(tmp_path_factory.mktemp("alarms") / "influxd") as started:
        yield started


Judge = Callable[..., Found]


@pytest.fixture
def judge(server: InfluxDB16) -> Judge:
    """`judge(rule, lines)`: evaluate a rule over a store that holds just these lines (seconds), at NOW or when is said."""

    def run(name: str, lines: list[str], now_s: int = NOW) -> Found:
        for tier in Tier:
            server.query(f'DROP DATABASE "{tier.database}"')
            server.create_database(tier.database)
        rule = next(one for one in all_rules() if one.name == name)
        for tier in {query.select.tier for query in rule.queries}:
            names = {query.select.series.name for query in rule.queries if query.select.tier is tier}
            body = "\n".join(line for line in lines if line.split(",")[0].split(" ")[0] in names)
            _write(server, tier.database, body)
        published = rendered(rule, folder="f", org_id=1)
        return evaluate(published, lambda uid, asked: server.query(asked, Tier(uid).database), now_s)

    return run


def _write(server: InfluxDB16, database: str, body: str) -> None:
    url = f"{server.url}/write?db={database}&precision=s"
    with urllib.request.urlopen(url, data=body.encode(), timeout=30) as answer:
        assert answer.status == 204


def where(site: str, link: str = "fixed", kind: str = "fixed") -> str:
    return f"province=20,place=06184,site={site},link={link},kind={kind},provider=VNPT"


def latency(site: str, ok: int, failed: int, ago: int, far_end: str = "a") -> str:
    tags = f"doxa_latency_5m,{where(site)},task=t,far_end={far_end},family=4"
    return f"{tags} runs_count={ok + failed},ok_count={ok},failed_count={failed},skipped_count=0 {NOW - ago}"


def test_a_line_is_down_when_no_far_end_answers(judge: Judge) -> None:
    found = judge(
        "link-down",
        [
            *(latency("dead", 0, 5, ago) for ago in (120, 420, 720)),
            latency("one-answers", 0, 5, 120), latency("one-answers", 5, 0, 120, "b"),
            latency("back", 0, 5, 720), latency("back", 3, 2, 120),
            latency("long-ago", 0, 50, 3600),
            latency("hardly-tried", 0, 2, 120),
            latency("fine", 5, 0, 120),
        ],
    )  # fmt: skip
    assert found.sites == {"dead"}
    assert [found.numbers["failed"][labels] for labels in found.firing] == [15]


def speed(site: str, download: float, day: int = YESTERDAY, ok: int = 8, task: str = "t", kind: str = "fixed") -> str:
    values = f"download_mbps_median={download},upload_mbps_median={download / 2}"
    return f"doxa_speed_1d,{where(site, kind=kind)},task={task},far_end=a,family=4 {values},ok_count={ok} {day}"


def contract(site: str, floor: float, at: int, kind: str = "fixed", required: float | None = None) -> str:
    more = "" if required is None else f",required_mbps={required}"
    return f"doxa_contract,{where(site, kind=kind)} floor_down_mbps={floor},floor_up_mbps={floor / 2}{more} {at}"


def hourly(site: str, floor: float, **more: Any) -> list[str]:
    return [contract(site, floor, MIDNIGHT + hour * 3600, **more) for hour in range(-40, 9)]


@pytest.mark.parametrize("name", ["under-contract-down", "under-contract-up"])
def test_a_line_is_under_its_contract_by_the_last_whole_day(judge: Judge, name: str) -> None:
    found = judge(
        name,
        [
            speed("slow", 30), *hourly("slow", 40),
            speed("fine", 41), *hourly("fine", 40),
            speed("today-only", 90), speed("today-only", 1, MIDNIGHT), *hourly("today-only", 40),
            speed("fast-today", 30), speed("fast-today", 90, MIDNIGHT), *hourly("fast-today", 40),
            speed("before", 1, YESTERDAY - DAY), *hourly("before", 40),
            speed("few-runs", 1, ok=2), *hourly("few-runs", 40),
            speed("best-of-two", 1), speed("best-of-two", 50, task="other"), *hourly("best-of-two", 40),
            speed("no-contract", 1),
            *hourly("no-tests", 40),
        ],
    )  # fmt: skip
    assert found.sites == {"slow", "fast-today"}


def test_a_contract_that_became_larger_yesterday_raises_nothing_by_itself(judge: Judge) -> None:
    changed = [contract("more", 40 if at < YESTERDAY + 2 * 3600 else 400, at) for at in range(NOW - 2 * DAY, NOW, 3600)]
    assert judge("under-contract-down", [speed("more", 60), *changed]).sites == set()


def test_a_tslcd_line_is_held_to_what_is_required(judge: Judge) -> None:
    found = judge(
        "tslcd-below-required",
        [
            speed("below", 99, kind="tslcd"), *hourly("below", 16, kind="tslcd", required=100),
            speed("above", 101, kind="tslcd"), *hourly("above", 16, kind="tslcd", required=100),
            speed("internet", 10), *hourly("internet", 8),
        ],
    )  # fmt: skip
    assert found.sites == {"below"}


def verdict(target: str, code: int, at: int, level: str = "province") -> str:
    passed = f",passed_flag={code}" if code < 2 else ""
    tags = f"doxa_verdict,plan=p,target={target},level={level},province=20,kind=fixed"
    return f"{tags} outcome_code={code},value=70,threshold=80{passed} {at}"


def test_a_target_fails_by_its_last_decided_verdict(judge: Judge) -> None:
    october, november = MIDNIGHT - 51 * DAY, MIDNIGHT - 20 * DAY
    found = judge(
        "under-target",
        [
            verdict("failed", 0, october), verdict("failed", 3, november),
            verdict("mended", 0, october), verdict("mended", 1, november),
            verdict("limited", 2, november),
            verdict("commune", 0, november, "commune"),
            verdict("country", 0, november, "country"),
            verdict("last-year", 0, MIDNIGHT - 300 * DAY),
        ],
    )  # fmt: skip
    assert {dict(labels)["target"] for labels in found.firing} == {"failed", "country"}
    assert set(found.numbers["found"].values()) == {70.0}
    assert set(found.numbers["threshold"].values()) == {80.0}


PASS, FAIL, LIMITED, INSUFFICIENT = (OUTCOMES[o].number for o in ("pass", "fail", "probe_limited", "insufficient"))


def week(site: str, down: float, outcome: int | None, day: int = YESTERDAY, up: float = 0.1) -> str:
    """A day of a line: the rule's seven days that end on it, as shares of the capacity."""
    values = "week_samples_count=2016"
    if outcome is not None:
        values += f",week_outcome_code={outcome}"
        for way, share in (("download", down), ("upload", up)):
            values += f",{way}_week_p95_ratio={share},{way}_week_over_flag={int(share > 0.9)}"
    return f"doxa_p95_1d,{where(site, kind='tslcd')} {values} {day}"


def test_the_p95_rule_is_the_verdict_of_the_seven_days_until_the_newest_day_that_is_over(judge: Judge) -> None:
    lines = [
        week("full", 0.95, FAIL),
        week("at-the-limit", 0.9, PASS),
        week("gaps", 0.99, INSUFFICIENT),
        week("contract-for-some-days", 0.99, None),
        week("probe", 0.99, LIMITED),
        week("upwards", 0.9, FAIL, up=0.95),
        week("both", 0.95, FAIL, up=0.95),
        week("polled-late", 0.95, FAIL, YESTERDAY - 2 * DAY),
        week("left", 0.95, FAIL, YESTERDAY - 3 * DAY),
        week("mended", 0.95, FAIL, YESTERDAY - DAY), week("mended", 0.85, PASS),
        week("gap-since", 0.95, FAIL, YESTERDAY - DAY), week("gap-since", 0.95, INSUFFICIENT),
        week("today-only", 0.95, FAIL, MIDNIGHT),
        week("today-is-not-over", 0.95, FAIL), week("today-is-not-over", 0.1, INSUFFICIENT, MIDNIGHT),
    ]  # fmt: skip
    assert judge("p95-down", lines).sites == {"full", "both", "polled-late", "today-is-not-over"}
    assert judge("p95-up", lines).sites == {"upwards", "both"}


def test_an_alarm_of_p95_says_the_figures_of_one_day(judge: Judge) -> None:
    """The newest day has a contract for its last days only, so it is not judged, and nothing of it is told."""
    found = judge("p95-down", [week("one", 0.95, FAIL, YESTERDAY - DAY), week("one", 0.99, None)])
    [labels] = found.firing
    assert found.numbers["share"][labels] == 0.95
    assert dict(labels) == {
        "province": "20", "place": "06184", "site": "one", "link": "fixed", "kind": "tslcd", "provider": "VNPT"
    }  # fmt: skip


@pytest.mark.parametrize(("after_s", "found"), [(1_800, set()), (3_600, {"full"}), (25 * 3_600, {"full"})])
def test_a_day_counts_from_an_hour_after_its_end(judge: Judge, after_s: int, found: set[str]) -> None:
    lines = [week("full", 0.95, FAIL), week("full", 0.8, PASS, YESTERDAY - DAY)]
    assert judge("p95-down", lines, MIDNIGHT + after_s).sites == found


def presence(site: str, silent: int, ago: int) -> str:
    tags = f"doxa_presence_5m,province=20,place=06184,site={site}"
    return f"{tags} probes_count=2,silent_count={silent},online_ratio=0.5,state_code=3 {NOW - ago}"


def test_an_office_is_silent_by_its_last_window(judge: Judge) -> None:
    found = judge(
        "probe-silent",
        [presence("silent", 0, 900), presence("silent", 1, 600), presence("back", 1, 900), presence("back", 0, 600)],
    )
    assert found.sites == {"silent"}


def own(ago: int, fields: str, tags: str = "") -> str:
    return f"doxa_collector{tags} {fields} {NOW - ago}"


@pytest.mark.parametrize(
    ("name", "sick", "well"),
    [
        ("collector-behind", ["intake_behind_s=900"] * 10, ["intake_behind_s=900"] * 9 + ["intake_behind_s=0"]),
        (
            "broker-lost",
            ["broker_connected_flag=0"] * 10,
            ["broker_connected_flag=0"] * 9 + ["broker_connected_flag=1"],
        ),
        ("collector-silent", [], ["accepted_count=5"]),
    ],
)
def test_the_collectors_own_state(judge: Judge, name: str, sick: list[str], well: list[str]) -> None:
    found = judge(name, [own(60 * n, fields) for n, fields in enumerate(sick)])
    rule = next(one for one in all_rules() if one.name == name)
    assert found.firing or (found.no_data and rule.no_data == "Alerting")
    quiet = judge(name, [own(60 * n, fields) for n, fields in enumerate(well)])
    assert not quiet.firing
    assert not quiet.no_data


def test_a_store_that_takes_nothing_is_named(judge: Judge) -> None:
    found = judge(
        "sink-waiting",
        [own(60 * n, "waiting_flag=1", ",sink=public") for n in range(10)]
        + [own(60 * n, f"waiting_flag={n % 2}", ",sink=main") for n in range(10)]
        + [own(60 * n, "accepted_count=5") for n in range(10)],
    )
    assert [dict(labels) for labels in found.firing] == [{"sink": "public"}]


@pytest.mark.parametrize("name", [rule.name for rule in all_rules()])
def test_an_empty_store_raises_only_the_collectors_silence(judge: Judge, name: str) -> None:
    found = judge(name, [])
    rule = next(one for one in all_rules() if one.name == name)
    assert found.no_data
    assert not found.firing
    assert (rule.no_data == "Alerting") == (name == "collector-silent")
