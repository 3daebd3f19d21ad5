"""What a real Grafana (9.3) was seen to do with panels, and 11.1's sources still say: each of these was a fault of a page."""

from collections.abc import Iterator
from typing import Any

from doxa_dashboards import build, pages

Panel = dict[str, Any]


def panels(kind: str) -> Iterator[tuple[str, Panel]]:
    for name in pages.names():
        for panel in build.built(name)["panels"]:
            if panel["type"] == kind:
                yield f"{name}: {panel['title']}", panel


def overrides(panel: Panel, key: str) -> Iterator[tuple[dict[str, Any], Any]]:
    for override in panel["fieldConfig"]["overrides"]:
        for found in override["properties"]:
            if found["id"] == key:
                yield override["matcher"], found["value"]


def reads_as_number(text: str) -> bool:
    """As JavaScript's unary plus does, which takes blanks for 0."""
    try:
        return text.strip() == "" or float(text) is not None
    except ValueError:
        return False


def test_no_gap_of_a_chart_is_drawn_as_a_number_and_no_tick_says_the_text_of_an_empty_panel() -> None:
    for name, panel in panels("timeseries"):
        for_all = [value for matcher, value in overrides(panel, "noValue") if matcher["options"] == ".*"]
        assert len(for_all) == 1, name
        assert not reads_as_number(for_all[0]), f"{name}: Grafana draws {for_all[0]!r} where there is no value"
        assert not any(letter.isalnum() for letter in for_all[0]), f"{name}: ticks that are left out say it"


def test_a_share_has_more_ticks_than_0_and_100_percent() -> None:
    for name, panel in panels("timeseries"):
        shown = panel["fieldConfig"]["defaults"]
        assert shown["unit"] != "percentunit" or shown["decimals"] > 0, name


def test_a_cell_without_a_value_is_empty() -> None:
    for name, panel in panels("table"):
        assert ({"id": "byRegexp", "options": ".*"}, "") in list(overrides(panel, "noValue")), name


def test_what_is_divided_by_nothing_is_shown_as_nothing() -> None:
    for name, panel in panels("table"):
        steps = [step["options"] for step in panel.get("transformations", ()) if step["id"] == "calculateField"]
        for alias in [step["alias"] for step in steps if step["mode"] == "binary"]:
            shown = [value for matcher, value in overrides(panel, "mappings") if matcher["options"] == alias]
            [beyond] = [one["options"] for maps in shown for one in maps if one["type"] == "range"]
            assert "to" not in beyond, f"{name}: Grafana takes null for 0, so nothing lies in the range"
            assert any(one["options"].get("match") == "nan" for maps in shown for one in maps), name


def test_a_name_on_the_map_is_not_in_the_colour_of_its_marker() -> None:
    found = list(panels("geomap"))
    assert found
    for name, panel in found:
        styles = [layer["config"]["style"] for layer in panel["options"]["layers"] if layer["type"] == "markers"]
        named = [style for style in styles if "text" in style]
        assert [style["color"]["fixed"] for style in named] == ["text"], name


def test_the_lines_of_one_query_differ_in_hue() -> None:
    [trend] = [panel for name, panel in panels("timeseries") if name.startswith("nation: ")]
    assert [value["mode"] for _, value in overrides(trend, "color")] == ["palette-classic"]


def test_a_link_at_the_top_keeps_the_range_in_every_grafana() -> None:
    for name in pages.names():
        for link in build.built(name)["links"]:
            assert link["keepTime"], name
            assert "__url_time_range" not in link["url"], f"{name}: Grafana 9 drops it there"
            assert link["url"][-1] not in "?&", name


def test_a_number_that_is_not_there_is_told_in_few_words() -> None:
    for name, panel in panels("stat"):
        told = panel["fieldConfig"]["defaults"]["noValue"]
        assert len(told) <= 9 * panel["gridPos"]["w"], f"{name}: Grafana makes the text as small as the panel"
