"""InfluxQL by parts: quoting, unknown names, meters whose values are renamed."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dashboards.conftest import Loaded

from doxa_agent import meters
from doxa_core.language import choose_language
from doxa_core.names import UNITS
from doxa_dashboards import catalogue, pages, style
from doxa_dashboards.catalogue import UnknownNameError
from doxa_dashboards.codes import CAUSES, TARGET_UNITS
from doxa_dashboards.query import (
    QueryError,
    among,
    chosen,
    compared,
    computed,
    equal,
    field,
    last,
    literal,
    mean,
    newest,
    over_time,
    pattern,
    quoted,
    select,
    tag_values,
    total,
    until_end,
    within,
)


@pytest.fixture(autouse=True)
def english() -> None:
    """Errors are compared in English."""
    choose_language("en")


def test_a_query_reads_as_influxql_with_local_days() -> None:
    built = over_time("doxa_presence_1d", mean("online_ratio", "x"), where=chosen("place"), by="site", every="1d")
    assert built.statement() == (
        'SELECT mean("online_ratio") AS "x" FROM "doxa_presence_1d" WHERE "place" =~ /^${place:regex}$/ AND $timeFilter'
        ' GROUP BY time(1d, -7h), "site" fill(none)'
    )


def test_a_measurement_that_nobody_writes_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="nearest: doxa_speed_1h"):
        select("doxa_sped_1h", mean("download_mbps_mean"))


@pytest.mark.parametrize(
    "bad",
    [
        lambda: select("doxa_speed_1h", mean("download_speed")),
        lambda: select("doxa_speed", mean("download_mbps_mean")),
        lambda: select("doxa_speed_1h", mean("download_mbps_mean"), where=(equal("plce", "06184"),)),
        lambda: select("doxa_speed_1h", mean("download_mbps_mean"), by="place vilage"),
        lambda: select("doxa_speed_1h", computed("{a} / {b}", "x", a=total("ok_count"), b=total("nobody_count"))),
        lambda: tag_values("providr", "doxa_contract"),
        lambda: newest("doxa_verdict", last("outcome"), lasts="1d"),
    ],
)
def test_a_name_that_nobody_writes_is_refused(bad: object) -> None:
    with pytest.raises(UnknownNameError, match="has no field or tag"):
        bad()  # type: ignore[operator]


def test_a_query_over_a_query_uses_the_names_of_the_inner_one() -> None:
    inner = select("doxa_place", last("sites_count", "sites"), by="province")
    assert select(inner, total("sites"), by="province").statement().count("SELECT") == 2
    with pytest.raises(QueryError, match="no column 'sites_count'"):
        select(inner, total("sites_count"))


@pytest.mark.parametrize(
    "bad",
    [
        lambda: computed("{a} / {b}", "x", a=total("ok_count")),
        lambda: compared("ok_count", "~", 0),
        lambda: within("a while"),
        lambda: until_end("1d; DROP DATABASE doxa"),
    ],
)
def test_what_is_no_influxql_is_refused(bad: object) -> None:
    with pytest.raises(QueryError):
        bad()  # type: ignore[operator]


def test_a_value_renamed_in_a_meter_fails_the_page_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    real = meters.load

    def renamed(kind: str, where: str = "meter") -> meters.MeterModule:
        found = real(kind, where)
        values = {name.replace("download_mbps", "down_mbps"): text for name, text in found.values.items()}
        return dataclasses.replace(found, values=values)

    monkeypatch.setattr(meters, "load", renamed)
    catalogue.of_meter.cache_clear()
    try:
        with pytest.raises(UnknownNameError) as refused:
            pages.load("commune")
    finally:
        catalogue.of_meter.cache_clear()
    assert "page commune" in refused.value.text.en
    assert "no field or tag 'download_mbps_median'" in refused.value.text.en


def test_windows_hold_what_the_unit_allows() -> None:
    assert catalogue.windowed("sent_count") == ("sent_count_sum",)
    assert catalogue.windowed("address_flag") == ("address_flag_mean", "address_flag_count")
    assert catalogue.windowed("rtt_p50_ms") == tuple(f"rtt_p50_ms_{s}" for s in ("mean", "median", "min", "max"))


def test_every_unit_of_the_house_is_shown_somehow() -> None:
    assert set(UNITS) <= set(style.UNITS)


def test_causes_are_called_as_the_collector_calls_them() -> None:
    from doxa_collector.incidents.model import Cause

    assert {cause.value: cause.text for cause in Cause} == dict(CAUSES)


def test_every_unit_of_a_target_has_words() -> None:
    from doxa_collector.plans.model import Unit

    assert {unit.value for unit in Unit} == set(TARGET_UNITS)


@pytest.mark.server
@pytest.mark.parametrize(
    "nasty", ["O'Brien", 'say "x"', "a/b", "a\\b", "a\\'b", "x) OR (1=1", "Đồng Đăng", "$^.*", "a,b=c d"]
)
def test_whatever_a_name_holds_the_server_reads_it_back(nasty: str, loaded: Loaded) -> None:
    for condition in (equal("title", nasty), among("title", nasty)):
        asked = select("doxa_incident", field("number"), where=(condition,))
        assert loaded.ask(asked.tier, asked.statement().replace("$timeFilter", "time > 0")) == []


@given(st.text(max_size=30))
def test_no_text_ends_its_own_quotes(value: str) -> None:
    for told, mark in ((quoted(value), '"'), (literal(value), "'")):
        inner = told[1:-1].replace("\\\\", "")
        assert told[0] == told[-1] == mark
        assert mark not in inner.replace(f"\\{mark}", "")
        assert "\n" not in inner
    assert "/" not in pattern(value)[1:-1].replace("\\/", "")
