"""Every query of every page is asked of a real InfluxDB 1.6.7, for several choices of the variables."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

import pytest
from tests.dashboards.conftest import Loaded
from tests.dashboards.country import EMPTY_PROVINCE

from doxa_collector.series._settings import LEAVE_OUT
from doxa_dashboards import build, pages
from doxa_dashboards.catalogue import Tier
from doxa_lab.grafana import Query, choose, names_asked, offered, queries

pytestmark = pytest.mark.server

OF_ALL = {
    "province": {"panel Ý nghĩa các mã chỉ tiêu"},  # the country's targets concern every province
    "tslcd": {"panel Kết quả đánh giá gần nhất theo chỉ tiêu"},  # the country's verdict on the capacity rule
    "noc": {"panel Thiết bị đo theo tỉnh"},  # its own row: no offices
    "providers": {
        "panel Nhà mạng ở từng tỉnh (mọi tỉnh)", "panel Số sự cố theo nhà mạng (cả nước)",
        "panel Sự cố của nhà mạng (cả nước)",
    },
}  # fmt: skip
"""Panels that say themselves that they show more than the chosen province."""

CHOICES = ("one", "several", "all")
FULL = {"province": ["20"], "place": ["06184"]}
"""The commune with every kind of line, incidents, targets and published figures."""
TROUBLE = {"noc": {"province": ["12", "20"]}}
"""Where a page is not full there, because it shows only what fails."""


def asked(
    name: str, how: str, loaded: Loaded, fixed: Mapping[str, Sequence[str]] | None = None
) -> tuple[list[Query], dict[str, Any]]:
    page = build.built(name)
    choice = choose(page, how, loaded.ask, fixed)
    return list(queries(page, choice, loaded.shown)), page


def answer(query: Query, loaded: Loaded) -> int:
    """How many rows come; a refusal by the server names the page, the panel and the query."""
    try:
        series = loaded.ask(query.uid, query.statement)
    except RuntimeError as error:
        pytest.fail(f"{query}: {error}")
    return sum(len(one["values"]) for one in series)


def known_names(loaded: Loaded) -> dict[str, set[str]]:
    """The measurements, fields and tags that each data source has really got."""
    found: dict[str, set[str]] = {}
    for tier in Tier:
        names = {row[0] for one in loaded.ask(tier, "SHOW MEASUREMENTS") for row in one["values"]}
        for kind in ("FIELD", "TAG"):
            names |= {row[0] for one in loaded.ask(tier, f"SHOW {kind} KEYS") for row in one["values"]}
        found[tier] = names
    return found


@pytest.mark.parametrize("how", CHOICES)
@pytest.mark.parametrize("name", pages.names())
def test_no_query_of_a_page_is_refused(name: str, how: str, loaded: Loaded) -> None:
    found, _ = asked(name, how, loaded)
    assert found
    for query in found:
        answer(query, loaded)


@pytest.mark.parametrize("name", pages.names())
def test_every_query_of_a_page_brings_figures_where_everything_is_measured(name: str, loaded: Loaded) -> None:
    found, _ = asked(name, "all", loaded, TROUBLE.get(name, FULL))
    empty = [f"{query}" for query in found if answer(query, loaded) == 0]
    assert empty == []


@pytest.mark.parametrize("name", pages.names())
def test_a_province_without_figures_gives_no_error_and_no_figure_of_another(name: str, loaded: Loaded) -> None:
    page = build.built(name)
    if not any(variable["name"] == "province" for variable in page["templating"]["list"]):
        return
    found, _ = asked(name, "one", loaded, {"province": [EMPTY_PROVINCE]})
    answered = {query.panel for query in found if answer(query, loaded)}
    own = {
        "annotation Thay đổi kế hoạch, hợp đồng; bảo trì",
        "panel Trụ sở có điểm đo",
        "panel Theo tỉnh",
    }  # the country's; it has none; its name alone, for a row without figures
    assert answered <= own | OF_ALL.get(name, set())


@pytest.mark.parametrize("name", pages.names())
def test_no_query_names_what_the_store_has_not_got(name: str, loaded: Loaded) -> None:
    known = known_names(loaded)
    found, _ = asked(name, "all", loaded)
    unknown = [f"{query}: {missing}" for query in found if (missing := names_asked(query.statement) - known[query.uid])]
    assert unknown == []


@pytest.mark.parametrize("name", pages.names())
def test_every_variable_offers_something(name: str, loaded: Loaded) -> None:
    page = build.built(name)
    choice = choose(page, "all", loaded.ask, FULL)
    for variable in page["templating"]["list"]:
        assert offered(page, variable["name"], choice, loaded.ask), variable["name"]


def test_a_province_is_chosen_by_its_name_and_known_by_its_code(loaded: Loaded) -> None:
    page = build.built("commune")
    choice = choose(page, "one", loaded.ask, {"province": ["20"]})
    assert ("Lạng Sơn", "20") in offered(page, "province", choice, loaded.ask)
    assert offered(page, "place", choice, loaded.ask) == [
        ("06079 Xã Hồng Phong", "06079"),
        ("06184 Xã Đồng Đăng", "06184"),
    ]


@pytest.mark.parametrize("name", [name for name in pages.names() if "doxa_place" in str(build.built(name)["panels"])])
def test_a_renamed_place_has_one_row_and_its_last_name(name: str, loaded: Loaded) -> None:
    found, _ = asked(name, "all", loaded)
    for query in (query for query in found if "doxa_place" in query.statement and "label" in query.statement):
        series = loaded.ask(query.uid, query.statement)
        codes = [one["tags"].get("place") or one["tags"]["province"] for one in series]
        assert len(set(codes)) == len(codes), f"{query}: two rows of one place"
        assert "Tên Cũ" not in str(series), f"{query}"


def test_a_provider_whose_name_needs_escaping_is_found_as_one_of_several(loaded: Loaded) -> None:
    found, _ = asked("province", "several", loaded, {"province": ["12"], "provider": ["A/B (thử)", "VNPT"]})
    table = [query for query in found if query.panel == "panel Các nhà mạng trên địa bàn"]
    assert [answer(query, loaded) for query in table] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("panel", "expected"),
    [
        ("Trụ sở có điểm đo", 3),
        ("Thiết bị mất liên lạc", 1),
        ("Sự cố đang xảy ra", 1),
        ("Số kết luận", 7),
        ("Tỷ lệ đạt", 4 / 6),
        ("Đạt tốc độ hợp đồng", 1 / 3),
    ],
)
def test_the_country_in_one_number(panel: str, expected: float, loaded: Loaded) -> None:
    found, _ = asked("nation", "all", loaded)
    query = next(query for query in found if query.panel == f"panel {panel}")
    [series] = loaded.ask(query.uid, query.statement)
    assert series["values"][0][1] == pytest.approx(expected)


def test_loss_is_counted_from_packets(loaded: Loaded) -> None:
    found, _ = asked("commune", "all", loaded, FULL)
    query = next(query for query in found if query.panel == "panel Tỷ lệ mất gói")
    rates = {row[1] for series in loaded.ask(query.uid, query.statement) for row in series["values"]}
    assert sorted(rates) == [pytest.approx(3 / 600)] * len(rates)
    assert rates


def test_shares_of_runs_are_weighed_by_runs(loaded: Loaded) -> None:
    found, _ = asked("commune", "all", loaded, FULL)
    shares = {}
    for query in found:
        if query.panel == "panel Trạng thái IPv6 (tỷ lệ lần đo)":
            [series] = loaded.ask(query.uid, query.statement)
            shares[series["columns"][1]] = {row[1] for row in series["values"]}
    assert shares == {"none": {0}, "broken": {0}, "partial": {0.25}, "ready": {0.75}}


def test_the_line_of_the_contract_steps_when_the_contract_changes(loaded: Loaded) -> None:
    chosen = {"province": ["20"], "place": ["06184"], "link": ["wan1"], "kind": ["fixed"]}
    found, _ = asked("commune", "one", loaded, chosen)
    query = next(query for query in found if query.panel == "panel Tải xuống" and query.name == "B")
    [series] = loaded.ask(query.uid, query.statement)
    rates = [row[1] for row in series["values"] if row[1] is not None]
    assert list(dict.fromkeys(rates)) == [100, 200]


def test_a_commune_sees_its_own_incidents_and_the_wide_ones_but_no_absorbed_one(loaded: Loaded) -> None:
    found, _ = asked("commune", "one", loaded, {"province": ["20"], "place": ["06079"]})
    query = next(query for query in found if query.panel.startswith("panel Sự cố của xã"))
    [series] = loaded.ask(query.uid, query.statement)
    number = series["columns"].index("number")
    assert {row[number] for row in series["values"]} == {3}


def table(loaded: Loaded, name: str, panel: str) -> list[tuple[Query, list[dict[str, Any]]]]:
    """The answers to the queries of one table, rows as columns with their values, tags among them."""
    found, _ = asked(name, "all", loaded, TROUBLE.get(name, FULL))
    answers = []
    for query in found:
        if query.panel == f"panel {panel}":
            rows = [
                {**one.get("tags", {}), **dict(zip(one["columns"], row, strict=True))}
                for one in loaded.ask(query.uid, query.statement)
                for row in one["values"]
            ]
            answers.append((query, rows))
    return answers


def test_ids_are_explained_of_the_provinces_targets_and_of_the_countrys(loaded: Loaded) -> None:
    [(_, rows)] = table(loaded, "province", "Ý nghĩa các mã chỉ tiêu")
    assert {(row["target"], row["title"], row["unit"]) for row in rows if row["plan"] == "tt06-2026"} == {
        ("p95-90", "Bách phân vị 95 dưới 90 %", "%")
    }
    assert {row["title"] for row in rows if row["target"] == "fixed-upload"} == {"Tốc độ fixed upload"}


@pytest.mark.parametrize("name", pages.names())
def test_every_column_of_a_table_comes_from_one_query_or_names_its_rows(name: str, loaded: Loaded) -> None:
    for panel in build.built(name)["panels"]:
        steps = panel.get("transformations", ())
        if panel["type"] != "table" or not any(step["id"] == "organize" for step in steps):
            continue
        made = {step["options"].get("alias") for step in steps if step["id"] == "calculateField"}
        wanted = set(steps[-1]["options"]["indexByName"]) - made
        offers = [
            {"Time" if column == "time" else column for row in rows[:1] for column in row}
            for _, rows in table(loaded, name, panel["title"])
        ]
        assert wanted <= set().union(*offers), panel["title"]
        shared = set.intersection(*offers) & wanted
        for one in wanted - shared - {"Time"}:
            assert sum(one in offer for offer in offers) == 1, f"{panel['title']}: {one} would keep rows apart"


def test_a_value_left_in_the_store_by_an_earlier_judging_is_not_shown(loaded: Loaded) -> None:
    (_, told), (_, valued) = table(loaded, "commune", "Kết quả đánh giá gần nhất theo chỉ tiêu")
    assert {row["target"]: row["outcome"] for row in told} == {"fixed-download": 1, "fixed-upload": 3}
    assert {row["target"]: row["value"] for row in valued} == {"fixed-download": 99}


def test_the_length_of_an_incident_that_broke_out_again_is_not_shown(loaded: Loaded) -> None:
    (_, lasting), (_, over) = table(loaded, "commune", "Sự cố của xã và sự cố diện rộng trong tỉnh")
    assert sorted(row["number"] for row in lasting) == [3, 5]
    assert all("duration_s" not in row for row in lasting)
    assert [(row["number"], row["duration_s"]) for row in over] == [(1, 1800)]


@pytest.mark.parametrize("name", pages.names())
def test_no_page_asks_for_what_is_left_out_by_default(name: str, loaded: Loaded) -> None:
    for how, window in (("one", "1h"), ("one", "1d")):
        for query in asked(name, how, loaded, {"window": [window]})[0]:
            told = names_asked(query.statement)
            series = [one.removeprefix("doxa_") for one in told if one.startswith("doxa_")]
            for one, field, pattern in product(series, told, LEAVE_OUT):
                assert not fnmatchcase(f"{one}.{field}", pattern), f"{query} needs what {pattern} leaves out"
