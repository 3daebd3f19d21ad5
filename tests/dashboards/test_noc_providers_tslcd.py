"""The numbers of *Mạng TSLCD*, *Nhà mạng* and *NOC*, as a viewer would read them."""

from typing import Any

import pytest
from tests.dashboards.conftest import Loaded
from tests.dashboards.country import TSLCD_LAYERS, TSLCD_P95
from tests.dashboards.test_queries import asked, table

from doxa_dashboards import build, pages

pytestmark = pytest.mark.server


def joined(loaded: Loaded, name: str, panel: str, key: str) -> dict[Any, dict[str, Any]]:
    """The rows of a table as Grafana merges them, by one column."""
    rows: dict[Any, dict[str, Any]] = {}
    for _, answered in table(loaded, name, panel):
        for row in answered:
            rows.setdefault(row[key], {}).update(row)
    return rows


def number(loaded: Loaded, name: str, panel: str) -> float:
    (_, [row]), *_ = table(loaded, name, panel)
    return float(next(value for column, value in row.items() if column != "time"))


def series(loaded: Loaded, name: str, panel: str, **fixed: list[str]) -> list[list[dict[str, Any]]]:
    """What each query of a chart answers."""
    found, _ = asked(name, "all", loaded, fixed)
    return [loaded.ask(query.uid, query.statement) for query in found if query.panel == f"panel {panel}"]


def values(answer: list[dict[str, Any]]) -> set[float]:
    return {row[1] for one in answer for row in one["values"] if row[1] is not None}


def test_only_the_tslcd_page_of_these_is_internal() -> None:
    assert {name: pages.load(name).internal for name in ("tslcd", "noc", "providers")} == {
        "tslcd": True, "noc": False, "providers": False,
    }  # fmt: skip


def test_the_duty_room_sees_news_within_half_a_minute() -> None:
    assert build.built("noc")["refresh"] == "30s"


def test_each_layer_of_a_tslcd_line_has_its_own_figure_beside_the_requirement(loaded: Loaded) -> None:
    rows = joined(loaded, "tslcd", "Từng đường TSLCD của tỉnh so với mức yêu cầu", "link")
    assert list(rows) == ["tslcd"]
    row = rows["tslcd"]
    assert (row["down_wire_speed"], row["down_ip_speed"]) == (TSLCD_LAYERS["wire_mbps"], TSLCD_LAYERS["ip_mbps"])
    assert row["down_speed"] < row["down_ip_speed"] == row["up_capacity"]
    assert (row["required"], row["contracted_up"]) == (100, 100)


def test_a_chart_by_layer_draws_six_layers_and_three_references(loaded: Loaded) -> None:
    answers = series(loaded, "tslcd", "Tải lên: theo lớp", province=["20"], place=["06184"])
    wire, ip = TSLCD_LAYERS["wire_mbps"], TSLCD_LAYERS["ip_mbps"]
    assert [values(answer) for answer in answers[:2] + answers[3:]] == [
        {wire}, {ip}, {wire}, {ip}, {TSLCD_LAYERS["udp_mbps"]}, {100}, {100}, {100},
    ]  # fmt: skip


def test_the_table_of_weeks_takes_the_last_day_that_is_over(loaded: Loaded) -> None:
    row = joined(loaded, "tslcd", "Bách phân vị 95 của bảy ngày gần nhất so với hợp đồng", "link")["tslcd"]
    assert (row["down_ip"], row["up_wire"], row["down_used"], row["down_limit"]) == (TSLCD_P95, TSLCD_P95, 0.88, 90)
    assert (row["samples"], row["outcome"]) == (2016, 1)


def test_the_limit_of_the_percentile_comes_from_the_contract(loaded: Loaded) -> None:
    daily, contract, limit = series(
        loaded, "tslcd", "Tải xuống: bách phân vị 95 của từng ngày", province=["20"], place=["06184"]
    )
    assert (values(daily), values(contract), values(limit)) == ({TSLCD_P95}, {100}, {90})


def test_the_sliding_week_stands_between_two_layers_and_its_limit(loaded: Loaded) -> None:
    answers = series(
        loaded, "tslcd", "Tải lên: bách phân vị 95 của bảy ngày liên tục", province=["20"], place=["06184"]
    )
    assert [values(answer) for answer in answers] == [{TSLCD_P95}, {TSLCD_P95}, {100}, {90}]


def test_the_countrys_verdict_on_the_capacity_rule_stands_on_the_page(loaded: Loaded) -> None:
    rows = joined(loaded, "tslcd", "Kết quả đánh giá gần nhất theo chỉ tiêu", "plan")
    assert {plan: (row["target"], row["outcome"], row["value"]) for plan, row in rows.items()} == {
        "tt06-2026": ("p95-90", 1, 100)
    }


def test_a_node_that_is_down_is_told_from_one_that_answers(loaded: Loaded) -> None:
    rows = joined(loaded, "tslcd", "Các nút mạng của tỉnh", "far_end")
    assert {node: row["up"] for node, row in rows.items()} == {"nut-tinh": 1, "nut-xa": 0}
    assert rows["nut-tinh"]["loss"] == 0 < rows["nut-xa"]["loss"] < 1
    assert (rows["nut-xa"]["down"], rows["nut-tinh"]["down"]) == (3000, None)


def test_changes_of_the_path_are_counted(loaded: Loaded) -> None:
    row = joined(loaded, "tslcd", "Đường đi của từng đường TSLCD của tỉnh", "link")["tslcd"]
    assert (row["changes"], row["hops"], row["mtu"]) == (2, 5, 1500)


def test_the_tslcd_page_shows_its_own_incidents_and_those_of_nodes_only(loaded: Loaded) -> None:
    rows = joined(loaded, "tslcd", "Sự cố đường TSLCD và nút mạng", "number")
    assert set(rows) == {6, 7}


def test_only_offices_with_a_tslcd_line_have_what_keeps_a_row(loaded: Loaded) -> None:
    found, _ = asked("tslcd", "all", loaded, {"province": ["20"]})
    offices, required = (
        {one["tags"]["site"] for one in loaded.ask(query.uid, query.statement)}
        for query in found
        if query.panel == "panel Thiết bị đo ở các trụ sở có đường TSLCD của tỉnh"
    )
    assert (offices, required) == ({"dong-dang", "hong-phong"}, {"dong-dang"})


def compared(loaded: Loaded, **chosen: list[str]) -> dict[str, dict[str, Any]]:
    """The table of providers, by provider."""
    rows: dict[str, dict[str, Any]] = {}
    for answer in series(loaded, "providers", "Các nhà mạng ở phạm vi đã chọn", **chosen):
        for one in answer:
            rows.setdefault(one["tags"]["provider"], {}).update(zip(one["columns"], one["values"][0], strict=True))
    return rows


def test_providers_of_the_country_are_its_own_figures(loaded: Loaded) -> None:
    rows = compared(loaded)
    assert set(rows) == {"VNPT", "FPT Telecom", "A/B (thử)"}, "of the fixed lines"
    [daily] = series(loaded, "providers", "Mất gói theo ngày")
    days = len(daily[0]["values"])
    assert {provider: row["runs"] for provider, row in rows.items()} == dict.fromkeys(rows, 96 * days), "once each"
    assert (rows["VNPT"]["reached"], rows["FPT Telecom"]["reached"]) == (1, 0)
    assert (rows["VNPT"]["lines"], rows["VNPT"]["failed"], rows["VNPT"]["loss"]) == (1, 0.25, 0.5)


def test_both_directions_of_a_provider_have_their_column(loaded: Loaded) -> None:
    rows = compared(loaded, kind=["mobile"])
    assert {provider: (row["down"], row["up"]) for provider, row in rows.items()} == {"Viettel": (54, 18)}


def test_providers_are_told_apart_by_province(loaded: Loaded) -> None:
    (_, rows), *_ = table(loaded, "providers", "Nhà mạng ở từng tỉnh (mọi tỉnh)")
    assert sorted((row["province"], row["provider"]) for row in rows) == [
        ("12", "A/B (thử)"), ("20", "FPT Telecom"), ("20", "VNPT"),
    ]  # fmt: skip


def test_incidents_are_counted_by_provider_without_absorbed_ones(loaded: Loaded) -> None:
    [(_, rows)] = table(loaded, "providers", "Số sự cố theo nhà mạng (cả nước)")
    assert sorted((row["number"], row["provider"]) for row in rows) == [(n, "VNPT") for n in (1, 2, 3, 5)]


def test_the_duty_room_in_numbers(loaded: Loaded) -> None:
    assert number(loaded, "noc", "Sự cố đang xảy ra") == 2
    assert number(loaded, "noc", "Sự cố nghiêm trọng") == 2
    assert number(loaded, "noc", "Thiết bị còn liên lạc") == pytest.approx(2 / 3)


def test_silent_probes_are_told_by_province_and_office(loaded: Loaded) -> None:
    rows = joined(loaded, "noc", "Thiết bị đo theo tỉnh", "province")
    assert {code: (row["probes"], row["silent"]) for code, row in rows.items()} == {"12": (1, 1), "20": (2, 0)}
    (_, silent), _ = table(loaded, "noc", "Trụ sở có thiết bị mất liên lạc")
    assert [(row["site"], row["state"]) for row in silent] == [("muong-te", 3)]


def test_a_line_that_is_lost_is_told_from_one_that_is_unsteady(loaded: Loaded) -> None:
    [(_, failed)] = table(loaded, "noc", "Đường truyền đang đo không được")
    assert {row["link"]: row["ok"] > 0 for row in failed} == {"wan1": False, "lte": True}
    assert {row["site"] for row in failed} == {"muong-te", "dong-dang"}


def test_open_incidents_over_time_add_up_over_provinces_and_not_over_windows(loaded: Loaded) -> None:
    info, warning, critical = series(loaded, "noc", "Sự cố đang mở theo thời gian")
    assert (values(info), values(warning), values(critical)) == ({0}, {0}, {0, 2})


def test_planned_work_that_is_still_to_come_is_shown(loaded: Loaded) -> None:
    [(_, [row])] = table(loaded, "noc", "Bảo trì đã lên lịch")
    assert (row["title"], row["place"]) == ("Bảo trì: dong-dang", "06184")
