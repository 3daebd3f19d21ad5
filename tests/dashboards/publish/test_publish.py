"""`doxa dashboards diff | publish` against a Grafana that checks every body with Grafana's own API description."""

import copy
from pathlib import Path
from typing import Any

import pytest
from tests.dashboards.publish.conftest import BOT_TOKEN, INTERNAL, PUBLIC, STORE_TOKEN, Doxa, page
from tests.dashboards.publish.grafana import Grafana, Org

from doxa_dashboards.alerting import all_rules
from doxa_dashboards.publish.content import Page


def internal(grafana: Grafana) -> Org:
    return grafana.orgs[1]


def test_one_run_makes_everything_and_the_next_changes_nothing(doxa: Doxa, grafana: Grafana) -> None:
    assert doxa("diff").code == 1
    assert grafana.changes == [], "diff only reads"
    first = doxa("publish")
    assert (first.code, first.err) == (0, "")
    org = internal(grafana)
    assert set(org.folders) == {"doxa-chung", "doxa-noi-bo", "doxa-canh-bao", "doxa-p20"}
    assert {uid: one["folderUid"] for uid, one in org.boards.items()} == {
        "doxa-province": "doxa-chung", "doxa-commune": "doxa-chung", "doxa-tslcd": "doxa-noi-bo",
        "doxa-province-p20": "doxa-p20", "doxa-commune-p20": "doxa-p20",
    }  # fmt: skip
    assert set(org.rules) == {rule.uid for rule in all_rules()}
    assert org.intervals == {("doxa-canh-bao", "gio"): 3600, ("doxa-canh-bao", "nhanh"): 60}
    assert set(org.teams.values()) == {"NOC", "Sở KHCN Lạng Sơn"}
    grafana.calls.clear()
    second = doxa("publish")
    assert second.code == 0
    assert grafana.changes == []
    assert "as wanted, nothing was changed" in second.out
    assert (doxa("diff").code, grafana.changes) == (0, [])


def test_a_new_folder_is_closed_at_once_where_no_team_is_named(doxa: Doxa, grafana: Grafana, settings: Path) -> None:
    settings.write_text(settings.read_text().partition("[[org.team]]")[0])
    assert doxa("publish").code == 0
    roles = [entry for entries in internal(grafana).permissions.values() for entry in entries if "role" in entry]
    assert roles == [], "Grafana itself lets viewers and editors into a new folder"
    assert doxa("diff").code == 0


def test_the_sources_ask_each_tier_with_a_token_that_nobody_reads_back(doxa: Doxa, grafana: Grafana) -> None:
    said = doxa("publish")
    org = internal(grafana)
    asked = {
        uid: (one["type"], one["jsonData"]["version"], one["jsonData"]["dbName"]) for uid, one in org.sources.items()
    }
    assert asked == {
        "doxa": ("influxdb", "InfluxQL", "doxa"),
        "doxa-5m": ("influxdb", "InfluxQL", "doxa_5m"),
        "doxa-long": ("influxdb", "InfluxQL", "doxa_long"),
    }
    assert org.secrets["doxa"] == {"httpHeaderValue1": f"Token {STORE_TOKEN}"}
    for word in (STORE_TOKEN, BOT_TOKEN, "internal-token"):
        assert word not in said.out + said.err + doxa("diff", "--json").out


def test_a_changed_secret_is_noticed_though_grafana_hides_it(doxa: Doxa, published: Org, settings: Path) -> None:
    (settings.parent / "store.token").write_text("another")
    (settings.parent / "bot.token").write_text("456:new")
    steps = {(step["kind"], step["action"]) for step in doxa("diff", "--json").json[0]["steps"]}
    assert steps == {("datasource", "change"), ("contact", "create"), ("contact", "delete")}
    assert doxa("publish").code == 0
    assert published.secrets["doxa-long"] == {"httpHeaderValue1": "Token another"}
    assert [published.contact_secrets[uid] for uid, one in published.contacts.items() if one["type"] == "telegram"] == [
        {"bottoken": "456:new"}
    ]
    assert doxa("diff").code == 0


def test_a_dashboard_changed_by_hand_is_shown_and_put_right_by_publish_only(doxa: Doxa, published: Org) -> None:
    board = published.boards["doxa-commune"]
    by_hand = copy.deepcopy(board["dashboard"])
    by_hand["panels"][0]["title"] = "Sửa tay"
    by_hand |= {"version": 2}
    board |= {"dashboard": by_hand, "messages": ["saved in the page", *board["messages"]]}
    said = doxa("diff")
    assert said.code == 1
    assert 'panels[0].title: "Sửa tay" → "Số xã"' in said.out
    assert published.boards["doxa-commune"]["dashboard"]["version"] == 2
    assert doxa("publish").code == 0
    assert published.boards["doxa-commune"]["dashboard"]["panels"][0]["title"] == "Số xã"


def test_a_grafana_that_gives_dashboards_back_in_a_newer_form_changes_nothing(doxa: Doxa, published: Org) -> None:
    for board in published.boards.values():
        board["dashboard"] |= {"schemaVersion": 42, "preload": False}
    assert doxa("diff").code == 0


def test_a_dashboard_moved_to_another_folder_is_brought_back(doxa: Doxa, published: Org) -> None:
    published.boards["doxa-tslcd"]["folderUid"] = "doxa-chung"
    assert 'folder: "doxa-chung" → "doxa-noi-bo"' in doxa("diff").out
    doxa("publish")
    assert published.boards["doxa-tslcd"]["folderUid"] == "doxa-noi-bo"


def _foreign(org: Org) -> None:
    """What other people have in the same organisation."""
    org.folders["cua-toi"] = {"uid": "cua-toi", "title": "Của tôi", "version": 1}
    org.permissions["cua-toi"] = [{"role": "Viewer", "permission": 1}]
    board = {"uid": "cua-toi-1", "title": "Bảng của tôi", "tags": ["doxa"], "version": 3}
    org.boards["cua-toi-1"] = {"dashboard": board, "folderUid": "cua-toi", "messages": [""], "provisioned": False}
    org.rules["rieng"] = {
        "uid": "rieng", "title": "Riêng", "folderUID": "cua-toi", "ruleGroup": "g", "labels": {}, "provenance": "",
    }  # fmt: skip
    org.contacts["abc"] = {
        "uid": "abc",
        "name": "Sếp",
        "type": "email",
        "settings": {"addresses": "a@b"},
        "provenance": "",
    }
    org.sources["prom"] = {"uid": "prom", "name": "Prometheus", "type": "prometheus", "version": 1, "readOnly": False}
    org.policy = {
        "receiver": "grafana-default-email",
        "group_by": ["alertname"],
        "routes": [
            {"receiver": "Sếp", "object_matchers": [["doxa", "=", "link-down"]], "continue": True},
            {
                "receiver": "Sếp",
                "object_matchers": [["team", "=", "db"]],
                "mute_time_intervals": [],
                "group_wait": "7s",
            },
        ],
    }


def test_what_is_not_ours_stays_as_it_is(doxa: Doxa, grafana: Grafana) -> None:
    org = internal(grafana)
    _foreign(org)
    before = copy.deepcopy(org)
    doxa("publish")
    doxa("publish", "--prune")
    assert [org.boards["cua-toi-1"], org.rules["rieng"], org.contacts["abc"], org.sources["prom"]] == [
        before.boards["cua-toi-1"], before.rules["rieng"], before.contacts["abc"], before.sources["prom"],
    ]  # fmt: skip
    assert org.permissions["cua-toi"] == before.permissions["cua-toi"]
    assert org.policy["routes"][1:] == before.policy["routes"], "foreign branches come back exactly as they were"
    assert {key: org.policy[key] for key in ("receiver", "group_by")} == {
        "receiver": "grafana-default-email", "group_by": ["alertname"],
    }  # fmt: skip
    assert "provenance" not in org.policy, "the tree can still be changed in Grafana"


def test_our_branch_leads_each_alarm_to_who_wants_it(doxa: Doxa, published: Org) -> None:
    ours = published.policy["routes"][0]
    assert ours["object_matchers"] == [["doxa", "=~", ".+"]]
    assert [(route["receiver"], route["object_matchers"]) for route in ours["routes"]] == [
        ("Trực NOC", [["doxa", "=~", ".+"]]),
        ("Lạng Sơn", [["province", "=~", "20"], ["severity", "=~", "critical|warning"]]),
    ]
    ours["routes"].append({"receiver": "Trực NOC", "object_matchers": [["x", "=", "y"]]})
    assert doxa("diff").code == 1
    doxa("publish")
    assert len(published.policy["routes"][0]["routes"]) == 2


def test_a_route_that_somebody_put_below_our_only_contact_is_seen(doxa: Doxa, grafana: Grafana, settings: Path) -> None:
    text = settings.read_text()
    settings.write_text(text[: text.index('[[org.contact]]\nname = "Lạng')] + text[text.index("[[org.team]]") :])
    doxa("publish")
    ours = internal(grafana).policy["routes"][0]
    assert "routes" not in ours
    ours["routes"] = [{"receiver": "Trực NOC", "object_matchers": [["x", "=", "y"]]}]
    assert doxa("diff").code == 1
    doxa("publish")
    assert not internal(grafana).policy["routes"][0].get("routes")


def test_a_tree_that_somebody_changes_at_this_moment_is_not_overwritten(doxa: Doxa, grafana: Grafana) -> None:
    def meanwhile(method: str, path: str) -> None:
        if method == "POST" and path == "/v1/provisioning/contact-points":
            internal(grafana).policy["repeat_interval"] = "1h"

    grafana.hook = meanwhile
    said = doxa("publish")
    assert said.code == 1
    assert "somebody has just changed the notification policies; run again" in said.err
    grafana.hook = None
    assert doxa("publish").code == 0
    assert internal(grafana).policy["repeat_interval"] == "1h"


def test_the_public_gets_neither_internal_pages_nor_alarms(doxa: Doxa, grafana: Grafana, settings: Path) -> None:
    settings.write_text((INTERNAL + PUBLIC).replace("URL", grafana.url))
    assert doxa("publish").code == 0
    org = grafana.orgs[2]
    assert set(org.boards) == {"doxa-province", "doxa-commune"}
    assert set(org.folders) == {"doxa-chung"}
    assert (org.rules, org.contacts, org.teams) == ({}, {}, {})
    assert org.sources["doxa-long"]["jsonData"]["dbName"] == "doxa_public_long"
    assert {"role": "Viewer", "permission": 1} in org.permissions["doxa-chung"]
    assert set(grafana.orgs[1].boards) > {"doxa-tslcd"}


def test_viewers_get_no_link_to_a_page_that_they_do_not_have(
    doxa: Doxa, grafana: Grafana, settings: Path, pages: list[Page]
) -> None:
    settings.write_text((INTERNAL + PUBLIC).replace("URL", grafana.url))
    to_tslcd = {"title": "TSLCD", "url": "/d/doxa-tslcd?${province:queryparam}"}
    linked = page("province")
    linked.model["links"].append(to_tslcd)
    linked.model["panels"][0]["fieldConfig"] = {"defaults": {"links": [to_tslcd]}}
    pages[0] = linked
    doxa("publish")
    told = {(n, uid): str(one["dashboard"]) for n, org in grafana.orgs.items() for uid, one in org.boards.items()}
    assert told[1, "doxa-province"].count("/d/doxa-tslcd") == 2
    assert "/d/doxa-tslcd" not in told[2, "doxa-province"] + told[1, "doxa-province-p20"]


def test_an_organisation_that_was_just_made_has_no_alerting_yet(doxa: Doxa, grafana: Grafana, settings: Path) -> None:
    settings.write_text((INTERNAL + PUBLIC).replace("URL", grafana.url))
    answer = (500, {"message": "could not find an Alertmanager configuration"})
    grafana.hook = lambda _m, path: answer if path == "/v1/provisioning/contact-points" else None
    said = doxa("publish")
    assert said.code == 1
    assert "noi-bo: " in said.err
    assert "wait a minute and run again" in said.err
    assert internal(grafana).boards == {}
    assert set(grafana.orgs[2].boards) == {"doxa-province", "doxa-commune"}, "the public wants no alarms"


def test_one_organisation_for_both_audiences_is_refused(doxa: Doxa, grafana: Grafana, settings: Path) -> None:
    settings.write_text((INTERNAL + PUBLIC).replace("URL", grafana.url))
    grafana.tokens["public-token"] = 1
    said = doxa("publish")
    assert said.code == 1
    assert "two tokens belong to one organisation (number 1)" in said.err
    assert grafana.changes == []


def test_who_sees_what(doxa: Doxa, published: Org) -> None:
    teams = {name: number for number, name in published.teams.items()}
    maker = {"userId": 77, "permission": 4}
    noc = {"teamId": teams["NOC"], "permission": 2}
    assert published.permissions == {
        "doxa-chung": [maker, noc],
        "doxa-noi-bo": [maker, noc],
        "doxa-canh-bao": [maker, noc],
        "doxa-p20": [maker, noc, {"teamId": teams["Sở KHCN Lạng Sơn"], "permission": 1}],
    }
    published.permissions["doxa-noi-bo"].append({"role": "Viewer", "permission": 1})
    published.permissions["doxa-noi-bo"].append({"userId": 5, "permission": 1})
    assert 'role Viewer: "View" → ∅' in doxa("diff").out
    doxa("publish")
    assert published.permissions["doxa-noi-bo"] == [maker, {"userId": 5, "permission": 1}, noc]


def test_a_province_has_copies_that_ask_for_no_other(doxa: Doxa, published: Org) -> None:
    model = published.boards["doxa-province-p20"]["dashboard"]
    (variable,) = model["templating"]["list"]
    assert (variable["type"], variable["query"], variable["current"]["value"]) == ("constant", "20", "20")
    assert model["links"][0]["url"] == "/d/doxa-commune-p20?${province:queryparam}"


def test_what_is_no_longer_wanted_goes_only_with_prune(
    doxa: Doxa, published: Org, pages: list[Page], settings: Path
) -> None:
    pages.remove(next(one for one in pages if one.internal))
    settings.write_text(settings.read_text().replace('province = "20"', 'access = "view"').replace("true", "true"))
    said = doxa("publish")
    assert said.code == 0
    assert "no longer wanted; --prune removes it" in said.out
    assert "doxa-tslcd" in published.boards
    assert doxa("diff").code == 1
    assert doxa("publish", "--prune").code == 0
    assert set(published.boards) == {"doxa-province", "doxa-commune"}
    assert set(published.folders) == {"doxa-chung", "doxa-canh-bao"}
    assert doxa("diff").code == 0


def test_a_folder_with_something_foreign_in_it_is_never_removed(doxa: Doxa, published: Org, pages: list[Page]) -> None:
    pages.remove(next(one for one in pages if one.internal))
    mine = {"dashboard": {"uid": "mine", "title": "Mine", "version": 1}, "folderUid": "doxa-noi-bo"}
    published.boards["mine"] = mine | {"messages": [""], "provisioned": False}
    said = doxa("publish", "--prune")
    assert said.code == 1
    assert "holds what is not doxa's (dashboards: 1), so it stays" in said.err
    assert {"mine"} <= set(published.boards)


def test_a_paused_rule_stays_paused_and_other_changes_by_hand_are_shown(doxa: Doxa, published: Org) -> None:
    rule = published.rules["doxa-link-down"]
    rule |= {"isPaused": True, "for": "30m"}
    rule["labels"] = {**rule["labels"], "mine": "yes"}
    out = doxa("diff").out
    assert 'for: "30m" → "2m"' in out
    assert 'labels.mine: "yes" → ∅' in out
    doxa("publish")
    after = published.rules["doxa-link-down"]
    assert (after["isPaused"], after["for"], after["provenance"]) == (True, "2m", "")
    assert "mine" not in after["labels"]


def test_a_foreign_rule_in_our_group_survives_a_change_of_its_interval(doxa: Doxa, published: Org) -> None:
    published.rules["rieng"] = copy.deepcopy(published.rules["doxa-link-down"]) | {"uid": "rieng", "title": "Riêng"}
    published.intervals["doxa-canh-bao", "nhanh"] = 600
    assert doxa("publish").code == 0
    assert published.intervals["doxa-canh-bao", "nhanh"] == 60
    assert published.rules["rieng"]["title"] == "Riêng"


def test_what_the_api_owns_stays_the_apis_and_what_a_file_owns_is_left_with_a_word(doxa: Doxa, published: Org) -> None:
    published.rules["doxa-link-down"] |= {"provenance": "api", "for": "9m"}
    assert doxa("publish").code == 0
    assert (published.rules["doxa-link-down"]["for"], published.rules["doxa-link-down"]["provenance"]) == ("2m", "api")
    published.rules["doxa-link-down"] |= {"provenance": "file", "for": "9m"}
    published.boards["doxa-commune"]["provisioned"] = True
    published.boards["doxa-commune"]["dashboard"] |= {"title": "Từ tệp"}
    published.boards["doxa-commune"]["messages"] = [""]
    published.sources["doxa"] |= {"readOnly": True, "url": "http://elsewhere"}
    said = doxa("publish")
    assert said.code == 1
    assert said.out.count("it comes from a provisioning file") == 3
    assert published.rules["doxa-link-down"]["for"] == "9m"


def test_a_foreign_contact_point_of_our_name_is_not_joined(doxa: Doxa, grafana: Grafana) -> None:
    internal(grafana).contacts["x"] = {
        "uid": "x", "name": "Trực NOC", "type": "email", "settings": {}, "provenance": "",
    }  # fmt: skip
    said = doxa("publish")
    assert said.code == 1
    assert "choose another name in the settings" in said.out
    assert sum(one["name"] == "Trực NOC" for one in internal(grafana).contacts.values()) == 1


def test_after_a_failure_it_says_what_was_not_done_and_the_next_run_goes_on(doxa: Doxa, grafana: Grafana) -> None:
    def broken(method: str, path: str) -> Any:
        refused = (method, path) == ("POST", "/v1/provisioning/alert-rules") and len(internal(grafana).rules) == 2
        return (500, {"message": "database is locked"}) if refused else None

    grafana.hook = broken
    said = doxa("publish")
    assert said.code == 1
    assert "database is locked" in said.err
    assert "not done, running again goes on from here" in said.err
    assert "doxa-under-target" in said.err
    assert "folder: Đo xã (doxa-chung)" in said.out
    grafana.hook = None
    assert doxa("publish").code == 0
    assert doxa("diff").code == 0


def test_a_dashboard_saved_by_somebody_since_we_looked_is_not_overwritten(
    doxa: Doxa, grafana: Grafana, pages: list[Page], published: Org
) -> None:
    pages[0] = page("province", title="Tên mới")

    def meanwhile(_method: str, path: str) -> None:
        if (
            path == "/v1/provisioning/contact-points"
        ):  # it has looked at the dashboards by then, and changed nothing yet
            published.boards["doxa-province"]["dashboard"]["version"] = 9

    grafana.hook = meanwhile
    said = doxa("publish")
    assert said.code == 1
    assert "The dashboard has been changed by someone else" in said.err
    assert published.boards["doxa-province"]["dashboard"]["title"] == "Trang province"


@pytest.mark.parametrize(
    "permission",
    ["folders:create", "folders.permissions:write", "datasources:read", "datasources:create", "dashboards:create",
     "teams:create", "alert.provisioning:write"],
)  # fmt: skip
def test_the_permission_that_is_missing_is_named(doxa: Doxa, grafana: Grafana, permission: str) -> None:
    grafana.missing = {permission}
    said = doxa("publish")
    assert said.code == 1
    assert f"lacks the permission {permission}" in said.err


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, {"message": "Invalid API key"}), "does not take this token (401)"),
        ((403, {"message": "Access denied"}), "the token may not GET /org (Access denied)"),
        ((500, {"message": "boom"}), "answers 500 to GET /org: boom"),
        ((502, "<html>Bad gateway</html>"), "answers 502, but not in Grafana's words"),
        ((200, "<html>Log in</html>"), "is not Grafana's (no JSON)"),
    ],
)
def test_bad_answers_are_one_sentence(doxa: Doxa, grafana: Grafana, answer: Any, words: str) -> None:
    grafana.hook = lambda _method, _path: answer
    for verb in ("diff", "publish"):
        said = doxa(verb)
        assert said.code == 1
        assert words in said.err
        assert said.err.count("\n") == 1


def test_a_redirect_is_not_followed_because_a_change_would_become_a_reading(doxa: Doxa, grafana: Grafana) -> None:
    grafana.hook = lambda _method, path: (200, {"id": 1}) if path == "/login" else (302, None)
    said = doxa("publish")
    assert said.code == 1
    assert "redirects elsewhere" in said.err
    assert [path for _, path, _ in grafana.calls] == ["/org"]


def test_one_grafana_that_is_down_does_not_keep_the_other_waiting(doxa: Doxa, grafana: Grafana, settings: Path) -> None:
    settings.write_text(INTERNAL.replace("URL", "http://127.0.0.1:9") + PUBLIC.replace("URL", grafana.url))
    said = doxa("publish")
    assert said.code == 1
    assert "http://127.0.0.1:9 does not answer (" in said.err
    assert said.err.count("\n") == 1
    assert "doxa-commune" in grafana.orgs[2].boards


def test_a_source_that_grafana_cannot_ask_is_told(doxa: Doxa, grafana: Grafana) -> None:
    def ill(_method: str, path: str) -> Any:
        return (
            (400, {"message": "database not found: doxa_5m", "status": "ERROR"}) if path.endswith("5m/health") else None
        )

    grafana.hook = ill
    said = doxa("publish")
    assert said.code == 0
    assert "Grafana cannot ask the data source doxa-5m: " in said.out
    assert "database not found" in said.out


def test_json_is_for_machines(doxa: Doxa) -> None:
    steps = doxa("diff", "--json").json[0]["steps"]
    assert {step["action"] for step in steps} == {"create"}
    (told,) = doxa("publish", "--json").json
    assert len(told["done"]) == len(steps)
    assert told["held"] == told["warnings"] == []
