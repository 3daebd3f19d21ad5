"""The numbers of *i-Speed*, *IPv6* and *Sức khỏe hệ thống*, as a viewer would read them."""

from typing import Any

import pytest
from tests.dashboards.conftest import Loaded
from tests.dashboards.country import DAYS, ISPEED_RUNS
from tests.dashboards.test_queries import FULL, answer, asked, table

from doxa_dashboards import build, pages

pytestmark = pytest.mark.server


def joined(loaded: Loaded, name: str, panel: str, *keys: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The rows of a table as Grafana merges them: what agrees in `keys` is one row."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for _, answered in table(loaded, name, panel):
        for row in answered:
            rows.setdefault(tuple(row.get(key) for key in keys), {}).update(row)
    return rows


def one(loaded: Loaded, name: str, panel: str) -> float:
    found, _ = asked(name, "all", loaded)
    [query] = [query for query in found if query.panel == f"panel {panel}"]
    [series] = loaded.ask(query.uid, query.statement)
    return float(series["values"][0][1])


def test_published_and_measured_stand_apart_and_only_good_runs_are_samples(loaded: Loaded) -> None:
    row = joined(loaded, "ispeed", "Tải xuống: i-Speed công bố và đo tại trụ sở", "place")[("06184",)]
    assert (row["own_median"], row["own_mean"], row["own_n"]) == (180, 160, len(ISPEED_RUNS))
    assert (row["public_median"], row["public_mean"]) == (187.4, 203.9)


def test_a_commune_without_published_figures_has_no_number_in_their_place(loaded: Loaded) -> None:
    found, _ = asked("ispeed", "one", loaded, {"province": ["20"], "place": ["06079"]})
    answers = {
        query.name: loaded.ask(query.uid, query.statement)
        for query in found
        if query.panel == "panel Tải lên: i-Speed công bố và đo tại trụ sở"
    }
    assert [bool(answer) for answer in answers.values()] == [True, True, False, False]


def test_the_mean_of_a_day_is_that_of_all_its_runs(loaded: Loaded) -> None:
    found, _ = asked("ispeed", "all", loaded, {"province": ["20"], "place": ["06079"]})
    *_, average, _ = (query for query in found if query.panel == "panel Tải xuống theo ngày")
    days = "SELECT download_mbps_mean FROM doxa_speed_1d WHERE place = '06079' AND far_end = 'vnix-hn' AND "
    [few] = loaded.ask(average.uid, days + loaded.shown.filter())
    [mean] = loaded.ask(average.uid, average.statement)
    assert len(mean["values"]) == len(few["values"])
    for (_, told), (_, own) in zip(mean["values"], few["values"], strict=True):
        assert told == pytest.approx((3 * own + 9 * 500) / 12)


def test_what_is_published_for_commune_and_province_are_lines_of_their_own(loaded: Loaded) -> None:
    found, _ = asked("ispeed", "all", loaded, FULL)
    *_, published = (query for query in found if query.panel == "panel Tải xuống theo ngày")
    told = {
        (one["tags"]["place"], one["tags"]["statistic"]): {row[1] for row in one["values"] if row[1] is not None}
        for one in loaded.ask(published.uid, published.statement)
    }
    assert told == {
        ("", "median"): {187.4}, ("06184", "median"): {187.4}, ("", "mean"): {203.9}, ("06184", "mean"): {203.9},
    }  # fmt: skip


def test_communes_are_lines_of_their_own_only_where_they_are_chosen_by_name(loaded: Loaded) -> None:
    for fixed, places in (({"province": ["20"]}, set()), (FULL, {"06184"})):
        found, _ = asked("ispeed", "all", loaded, fixed)
        curves = [query for query in found if query.panel == "panel Tải xuống theo ngày"]
        told = [one["tags"] for query in curves for one in loaded.ask(query.uid, query.statement)]
        assert {tags["place"] for tags in told if tags.get("place")} == places
        assert {tags["province"] for tags in told if "province" in tags} >= {"20"}, "the province's own stand anyway"


def test_own_samples_and_those_of_ispeed_are_counted_in_different_tables(loaded: Loaded) -> None:
    own = joined(loaded, "ispeed", "Số mẫu của thiết bị đo trong khoảng thời gian", "site", "link")
    line = own[("dong-dang", "wan1")]
    assert line["runs"] in (9, 12), "three good runs in each day of country.py, those that began within the range"
    assert (line["goal"], line["full"]) == (300, 1000)
    keys = ("place", "kind", "quantity", "statistic")
    theirs = joined(loaded, "ispeed", "Số liệu i-Speed công bố mới nhất", *keys)
    commune = theirs[("06184", "fixed", "download", "mean")]
    assert (commune["published"], commune["samples"], commune["goal"]) == (203.9, 312, 300)
    assert theirs[("", "fixed", "download", "mean")]["goal"] is None, "only a commune needs so many"
    assert theirs[("", "mobile-5g", "download", "median")]["samples"] is None


def test_a_mobile_line_is_not_held_against_qcvn_34(loaded: Loaded) -> None:
    found, _ = asked("ispeed", "all", loaded, {**FULL, "kind": ["mobile"]})
    _, wanted = (query for query in found if query.panel == "panel Số mẫu của thiết bị đo trong khoảng thời gian")
    [series] = loaded.ask(wanted.uid, wanted.statement)
    assert dict(zip(series["columns"], series["values"][0], strict=True)) | {"time": 0} == {
        "time": 0, "goal": 300, "full": None,
    }  # fmt: skip


def test_every_run_is_in_one_state_of_ipv6(loaded: Loaded) -> None:
    rows = joined(loaded, "ipv6", "Theo tỉnh", "province")
    states = ("none", "broken", "partial", "ready", "v6_only")
    assert [rows[("20",)][state] for state in states] == pytest.approx([0, 0, 0.25, 0.5, 0.25])
    assert one(loaded, "ipv6", "Sẵn sàng IPv6") == pytest.approx(2 / 3)
    found, _ = asked("ipv6", "all", loaded, {"province": ["12"]})
    [by_day] = [query for query in found if query.panel.startswith("panel Trạng thái IPv6 theo ngày")]
    [series] = loaded.ask(by_day.uid, by_day.statement)
    assert series["columns"][1:] == list(states)
    assert {tuple(row[1:]) for row in series["values"]} == {(1, 0, 0, 0, 0)}, "the office without IPv6"


def test_a_step_that_could_not_be_judged_is_absent_and_not_zero(loaded: Loaded) -> None:
    found, _ = asked("ipv6", "all", loaded, {"province": ["12"]})
    [steps] = [query for query in found if query.panel == "panel Từng bước theo tỉnh và nhà mạng"]
    [series] = loaded.ask(steps.uid, steps.statement)
    assert [row[1:] for row in series["values"]] == [[0, *[None] * 7]]


def test_a_black_hole_names_its_line_and_no_other(loaded: Loaded) -> None:
    rows = joined(loaded, "ipv6", "Đường truyền có hố đen MTU", "site", "link")
    told = {key: (row["days"], row["out"], row["back"]) for key, row in rows.items()}
    assert told == {("dong-dang", "wan1"): (DAYS, 0.5, 0.5)}


def test_a_viewer_of_the_country_sees_the_lines_and_communes_of_all_provinces(loaded: Loaded) -> None:
    """What carries its province only is not found under the country's own code."""
    for chosen, holes, portals in (({}, 1, 3), ({"province": ["20"]}, 1, 2), ({"province": ["12"]}, 0, 1)):
        found, _ = asked("ipv6", "all", loaded, chosen)
        [of_holes] = [query for query in found if "doxa_black_hole_1d" in query.statement]
        [communes] = [query for query in found if "doxa_place" in query.statement and "commune" in query.statement]
        assert (answer(of_holes, loaded), answer(communes, loaded)) == (holes, portals)


@pytest.mark.parametrize(
    ("panel", "expected"),
    [
        ("Kết quả mới nhất cách đây", 1.5),
        ("Nối với MQTT", 1),
        ("Thiết bị trực tuyến", 4),
        ("Kết quả chờ trên thiết bị", 46),
        ("Kết quả phải bỏ", 7),
        ("Thiết bị đã báo trong một giờ", 3),
        ("Đĩa trống ít nhất", 0.08),
        ("Đĩa gần đầy", 1),
        ("Đồng hồ chưa đồng bộ", 1),
        ("Đang chạy bằng pin", 0),
        ("Số phiên bản phần mềm", 2),
    ],
)
def test_the_system_in_one_number(panel: str, expected: float, loaded: Loaded) -> None:
    assert one(loaded, "health", panel) == pytest.approx(expected)


def test_counters_are_shown_as_what_was_added(loaded: Loaded) -> None:
    found, _ = asked("health", "all", loaded)
    accepted, _, quarantined = (query for query in found if query.panel == "panel Kết quả tiếp nhận theo thời gian")
    [series] = loaded.ask(accepted.uid, accepted.statement)
    assert {row[1] for row in series["values"][-4:-1]} == {12_000}, "a thousand in five minutes"
    [series] = loaded.ask(quarantined.uid, quarantined.statement)
    assert series["values"][-1][1] == 0, "two in all, none of them new"


def test_only_what_needs_a_look_is_listed_and_stores_are_told_apart(loaded: Loaded) -> None:
    [(_, rows)] = table(loaded, "health", "Thiết bị cần xem")
    assert [(row["agent"], row["dropped"], row["clock"]) for row in rows] == [("muong-te-1", 7, 0)]
    stores = joined(loaded, "health", "Kho số liệu", "sink")
    assert {key: (row["waiting"], row["behind"]) for key, row in stores.items()} == {
        ("noc",): (0, 0), ("public",): (1, 700),
    }  # fmt: skip


def test_the_systems_health_is_not_for_the_public() -> None:
    assert {name: pages.load(name).internal for name in ("ispeed", "ipv6", "health")} == {
        "ispeed": False, "ipv6": False, "health": True,
    }  # fmt: skip
    assert "noi-bo" in build.built("health")["tags"]
