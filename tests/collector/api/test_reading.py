"""What the API gives, address by address."""

import hashlib
import json
from typing import Any

import pytest
from sqlalchemy import Engine, select
from tests.collector.api.conftest import CLOSED, INTERNAL, PERSON, PUBLIC, Ask, everything

from doxa_collector.assess.reasons import reason_text
from doxa_collector.ledger.engine import reading
from doxa_collector.ledger.schema import closing, link, measurement, snapshot, verdict
from doxa_collector.plans import load_plans


def test_every_list_is_whole_page_by_page(ask: Ask, filled: Engine) -> None:
    with reading(filled) as conn:
        rows = {
            name: len(conn.execute(select(table)).all()) for name, table in (("links", link), ("verdicts", verdict))
        }
        measured = list(conn.execute(select(measurement.c.id).order_by(measurement.c.id)).scalars())
    assert len(everything(ask, "/links?limit=3")) == rows["links"]
    assert len(everything(ask, "/verdicts?limit=7")) == rows["verdicts"]
    assert [row["id"] for row in everything(ask, "/arrivals?limit=499")] == measured
    for path in ("/sites", "/plans", "/targets", "/closings", "/incidents", "/figures", "/documents", "/indicators"):
        assert everything(ask, f"{path}?limit=1") == everything(ask, path) != [], path
    days = everything(ask, "/places?province=20&limit=9")
    assert days == everything(ask, "/places?province=20&limit=1000")
    assert {"06184", "06079"} <= {row["code"] for row in days}


def test_a_verdict_says_why_in_both_languages_with_its_evidence_and_the_version_it_was_judged_under(ask: Ask) -> None:
    versions = {plan.id: plan.version for plan in load_plans()}
    rows = everything(ask, f"/verdicts?month={CLOSED}")
    assert {row["plan"] for row in rows} >= {"a-hong-phong", "d-ha-tinh"}
    for row in rows:
        assert row["plan_version"] == versions[row["plan"]]
        assert row["closed"] is True
        assert [one["vi"] for one in row["reasons"]] == [reason_text(one["code"]).vi for one in row["reasons"]]
        assert row["sentence"]["vi"]
        assert row["sentence"]["en"]
    fixed = next(r for r in rows if (r["plan"], r["target"], r["place"]) == ("a-hong-phong", "a2", "06184"))
    assert fixed["outcome"] == "fail"
    assert (fixed["value"], fixed["required"], fixed["unit"], fixed["layer"]) == (85.07, 102, "Mbps", "payload")
    assert fixed["sentence"]["vi"].startswith("Không đạt: ")
    assert fixed["sentence"]["en"].startswith("Fail: ")
    assert fixed["evidence"]["count"] == fixed["n"] == 40


def test_the_evidence_hash_of_a_verdict_can_be_computed_from_the_evidence_that_the_api_gives(ask: Ask) -> None:
    (row,) = everything(ask, f"/verdicts?month={CLOSED}&plan=a-hong-phong&target=a2&place=06184")
    span = f"from={row['period_from']}&to=2026-11-01T00:00:00%2B07:00"
    runs = everything(ask, f"/evidence?site=dong-dang&link=fixed&meter=speed&{span}&lines=true&limit=11")
    assert all(hashlib.sha256(run["line"].encode()).hexdigest() == run["sha256"] for run in runs)
    chains: dict[str, bytes] = {}
    for run in sorted(runs, key=lambda run: run["id"]):
        day = run["started"][:10]
        chains[day] = hashlib.sha256(chains.get(day, b"") + bytes.fromhex(run["sha256"])).digest()
    whole = b"".join(chain for _, chain in sorted(chains.items()))
    assert hashlib.sha256(whole).hexdigest() == row["evidence"]["sha256"]
    assert (min(r["id"] for r in runs), max(r["id"] for r in runs)) == (
        row["evidence"]["first"],
        row["evidence"]["last"],
    )


def test_a_measurement_comes_with_its_line_byte_for_byte_and_its_signature(ask: Ask, filled: Engine) -> None:
    with reading(filled) as conn:
        row = conn.execute(select(measurement).where(measurement.c.signature.is_not(None)).limit(1)).one()
    found = ask(f"/evidence/{row.id}").json()
    assert found["line"].encode() == row.raw
    assert found["sha256"] == hashlib.sha256(row.raw).hexdigest()
    assert found["signed"] is True
    assert found["signature"] == "AQEB" * 21 + "AQ=="
    assert found["started"].endswith("+07:00")
    assert found["values"]["download_mbps"] > 0


def test_a_closed_months_result_is_given_byte_for_byte_and_its_verdicts_are_those_of_the_list(
    ask: Ask, filled: Engine
) -> None:
    closed = ask(f"/closings/{CLOSED}").json()
    result = ask(f"/closings/{CLOSED}/result")
    assert hashlib.sha256(result.content).hexdigest() == closed["verdicts_sha256"]
    kept = everything(ask, f"/closings/{CLOSED}/verdicts?revision=1&limit=6")
    listed = everything(ask, f"/verdicts?month={CLOSED}")
    without = [{k: v for k, v in row.items() if k not in ("id", "computed")} for row in listed]
    key = lambda row: (row["plan"], row["target"], row["place"])  # noqa: E731 - an order, once
    assert sorted(kept, key=key) == sorted(without, key=key)
    assert len(json.loads(result.content)) == len(kept)
    assert ask("/closings/2026-09").status_code == ask(f"/closings/{CLOSED}/verdicts?revision=2").status_code == 404


def test_a_result_that_was_changed_in_the_ledger_is_refused(own: Engine, tokens_file: Any) -> None:
    from tests.collector.api.conftest import app_over, asking

    from doxa_collector.ledger.engine import writing

    with writing(own) as conn:
        digest = conn.execute(select(closing.c.verdicts)).scalar_one()
        conn.execute(snapshot.update().where(snapshot.c.digest == digest).values(content=b"x"))
    ask = asking(app_over(own, tokens_file))
    for path in (f"/closings/{CLOSED}/verdicts", f"/closings/{CLOSED}/result", "/documents"):
        answer = ask(path, accept_language="en")
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:doxa:problem:evidence-damaged"), path


def test_places_are_found_by_old_and_new_names_and_followed_in_time(ask: Ask) -> None:
    found = everything(ask, "/places?q=hong%20phong%20lang%20son")
    assert {"06205", "06079"} <= {row["code"] for row in found}
    states = ask("/places/06205").json()["states"]
    assert any(step["code"] == "06184" for state in states for step in state["became"])
    assert ask("/places/99999").status_code == 404


def test_a_link_of_yesterday_is_there_and_a_day_chooses(ask: Ask) -> None:
    known = [row.get("contracted_down_mbps") for row in everything(ask, "/links")]
    assert None in known
    assert 100 in known
    assert everything(ask, "/links?on=1969-12-31") == []
    assert {row["kind"] for row in everything(ask, "/links?kind=tslcd&on=2026-11-24")} == {"tslcd"}
    assert len(ask("/sites/dong-dang").json()["links"]) == 3


def test_an_incident_has_its_members_and_history(ask: Ask) -> None:
    found = ask("/incidents/7").json()
    assert found["headline"]["vi"]
    assert found["headline"]["en"]
    assert len(found["members"]) == 2
    assert found["history"][0]["actor"] == PERSON
    assert found["time_to_detect_s"] == 300
    assert everything(ask, "/incidents?state=closed") == []
    assert [one["id"] for one in everything(ask, "/incidents?place=20&since=2026-11-24")] == [7]


def test_a_figure_that_was_replaced_is_shown_only_when_asked_for(ask: Ask) -> None:
    assert [row["value_mbps"] for row in everything(ask, "/figures")] == [272.44]
    both = everything(ask, "/figures?superseded=true&place=42&direction=download&link_kind=fixed")
    assert [(row["value_mbps"], row["in_force"]) for row in both] == [(250.5, False), (272.44, True)]


@pytest.mark.parametrize("token", [PUBLIC, INTERNAL])
def test_no_answer_says_null_or_zero_for_what_is_not_known(app: Any, token: str) -> None:
    from tests.collector.api.conftest import asking

    def nothing(found: Any) -> bool:
        if isinstance(found, dict):
            return any(map(nothing, found.values()))
        return any(map(nothing, found)) if isinstance(found, list) else found is None

    ask = asking(app, token)
    for path in (
        "/verdicts",
        "/links",
        "/sites",
        "/targets",
        "/plans",
        "/closings",
        "/figures",
        "/arrivals",
        "/places",
    ):
        assert not nothing(everything(ask, f"{path}?limit=500" if path != "/incidents" else path)), path
