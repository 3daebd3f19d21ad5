"""The forms of an answer: JSON and CSV, tags, cursors, refusals."""

import contextlib
import csv
import io
import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from sqlalchemy import Engine, insert, select
from tests.collector.api.conftest import CLOSED, FORMULA, INTERNAL, PUBLIC, Ask, app_over, asking, everything

from doxa_collector.api import cursor
from doxa_collector.api.asking import language_of, read_query, wants
from doxa_collector.api.moments import read_moment, told
from doxa_collector.api.problem import Refusal
from doxa_collector.ledger.engine import writing
from doxa_collector.ledger.schema import figure, measurement

LISTS = ("/places?province=20", "/sites", "/links", "/plans", "/targets", "/verdicts", "/closings", f"/closings/{CLOSED}/verdicts",
         "/figures", "/indicators", "/evidence?site=dong-dang&link=tslcd&meter=speed", "/arrivals", "/incidents", "/documents")  # fmt: skip


def table(answer: Any, delimiter: str = ",") -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=delimiter, strict=True))


@pytest.mark.parametrize("path", LISTS)
def test_every_list_is_a_table_with_the_same_rows(ask: Ask, path: str) -> None:
    joint = "&" if "?" in path else "?"
    rows, items = table(ask(f"{path}{joint}format=csv")), ask(path).json()["items"]
    assert len(rows) == len(items) > 0
    assert table(ask(path, accept="text/csv, application/json;q=0.5")) == rows
    for row, item in zip(rows, items, strict=True):
        for name, value in item.items():
            if isinstance(value, bool):
                assert row[name] == str(value).lower()
            elif isinstance(value, int | float):
                assert float(row[name]) == value, name
            elif isinstance(value, str) and name in row:
                assert row[name].removeprefix("'") == value


def test_a_table_is_what_excel_in_vietnam_opens_and_no_cell_of_it_is_computed(ask: Ask) -> None:
    (row,) = table(ask("/figures?format=csv&decimal=comma"), ";")
    assert row["value_mbps"] == "272,44"
    assert row["source"] == f"'{FORMULA}"
    assert row["file"] == "'@f.csv"
    (entered,) = [r for r in table(ask("/indicators?format=csv&plan=d-ha-tinh")) if r["plan"] == "d-ha-tinh"]
    assert entered["source"].startswith("'\t+Báo cáo")
    book = Workbook()
    for cells in csv.reader(io.StringIO(ask("/figures?format=csv").content.decode("utf-8-sig"))):
        book.worksheets[0].append(cells)  # as a spreadsheet takes the cells of a file
    kept = io.BytesIO()
    book.save(kept)
    assert all(cell.data_type != "f" for line in load_workbook(kept).worksheets[0].iter_rows() for cell in line)


def test_numbers_of_a_table_stay_numbers_whatever_their_size(own: Engine, tokens_file: Any) -> None:
    values = (1e-7, 1e18, 123456.789, 5.0, 1e6, -0.5)
    with writing(own) as conn:
        row = conn.execute(select(figure).where(figure.c.superseded_us.is_(None))).mappings().one()
        for number in values:
            conn.execute(insert(figure).values({**row, "id": None, "value_mbps": number, "place_code": "20"}))
    ask = asking(app_over(own, tokens_file))
    point = [r["value_mbps"] for r in table(ask("/figures?format=csv&place=20"))]
    comma = [r["value_mbps"] for r in table(ask("/figures?format=csv&place=20&decimal=comma"), ";")]
    assert tuple(map(float, point)) == values
    assert point[3] == "5"
    assert not any("e" in text.lower() for text in point)
    assert comma == [text.replace(".", ",") for text in point]


# --- tags


@pytest.mark.parametrize("path", [*LISTS, "/openapi.json", "/evidence/1", f"/closings/{CLOSED}/result", "/incidents/7"])
def test_who_has_an_answer_gets_304_and_head_says_what_get_says(ask: Ask, path: str) -> None:
    first = ask(path)
    tag = first.headers["etag"]
    again = ask(path, if_none_match=f'"x", {tag}')
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert ask(path, if_none_match='"x"').status_code == 200
    head = ask(path, "HEAD")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)
    assert head.headers.get("content-length") in (None, str(len(first.content)))
    assert ask(path, "OPTIONS").headers["allow"] == ask(path, "POST").headers["allow"] == "GET, HEAD, OPTIONS"
    assert ask(path, "POST").status_code == 405


def test_the_tag_of_a_closed_month_is_strong_and_another_for_packed_bytes(ask: Ask) -> None:
    closed, now = f"/verdicts?month={CLOSED}", "/verdicts?month=2026-11"
    assert not ask(closed).headers["etag"].startswith("W/")
    assert ask(now).headers["etag"].startswith("W/")
    assert "immutable" in ask(f"/closings/{CLOSED}/verdicts?revision=1").headers["cache-control"]
    assert "immutable" not in ask(f"/closings/{CLOSED}/verdicts").headers["cache-control"]
    packed = ask(closed, accept_encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == ask(closed).content
    assert packed.headers["etag"] != ask(closed).headers["etag"]
    assert ask(closed, if_none_match=packed.headers["etag"], accept_encoding="gzip").status_code == 304
    assert len(packed.headers.get_list("vary")) == 1
    assert int(packed.headers["content-length"]) < len(packed.content)


def test_a_public_and_an_internal_caller_never_share_a_tag_for_different_answers(app: Any) -> None:
    path = "/evidence/1"
    inside, outside = asking(app, INTERNAL)(path), asking(app, PUBLIC)(path)
    assert inside.content != outside.content
    assert inside.headers["etag"] != outside.headers["etag"]


# --- cursors


def test_pages_stay_as_they_were_at_the_first_one_while_measurements_arrive(own: Engine, tokens_file: Any) -> None:
    ask = asking(app_over(own, tokens_file))
    path = "/evidence?site=dong-dang&link=tslcd&meter=speed&limit=5"
    before = [row["id"] for row in everything(ask, path)]
    with writing(own) as conn:
        row = conn.execute(select(measurement).where(measurement.c.id == before[0])).mappings().one()
    found, cursor_, seq = [], "", 9_000_000
    while True:
        page = ask(f"{path}{cursor_}").json()
        found += [one["id"] for one in page["items"]]
        with writing(own) as conn:  # early, late, and at the very moment of another one
            for started in (row["started_us"] - 1, row["started_us"], row["started_us"] + 10**12):
                seq += 1
                conn.execute(insert(measurement).values({**row, "id": None, "seq": seq, "started_us": started}))
        if "next" not in page:
            break
        cursor_ = f"&cursor={page['next']}"
    assert found == before
    assert len(everything(ask, path)) == len(before) + seq - 9_000_000


def test_a_copy_by_arrival_goes_on_where_it_ended(own: Engine, tokens_file: Any) -> None:
    ask = asking(app_over(own, tokens_file))
    last = ask("/arrivals?after=0&limit=500").json()["items"][-1]["id"]
    page = ask(f"/arrivals?after={10**6}").json()
    assert page["items"] == []
    assert page["next"]
    with writing(own) as conn:
        row = conn.execute(select(measurement).where(measurement.c.id == last)).mappings().one()
        conn.execute(insert(measurement).values({**row, "id": 10**6 + 5, "seq": 8_000_000}))
    assert [one["id"] for one in ask(f"/arrivals?cursor={page['next']}").json()["items"]] == [10**6 + 5]


def test_a_page_ends_where_its_lines_would_be_too_much(
    own: Engine, tokens_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from doxa_collector.api.resources import evidence

    monkeypatch.setattr(evidence, "PAGE_BYTES", 10_000)
    ask = asking(app_over(own, tokens_file))
    path = "/evidence?site=dong-dang&link=fixed&meter=speed&lines=true&limit=500"
    page = ask(path).json()
    assert len(json.dumps(page)) < 20_000
    assert page["next"]
    assert len(everything(ask, path)) == len(everything(ask, path.replace("&lines=true", ""))) > len(page["items"])


def test_a_cursor_of_another_question_or_a_broken_one_is_refused(ask: Ask) -> None:
    word = ask("/links?limit=1").json()["next"]
    for path in (
        f"/links?kind=tslcd&cursor={word}",
        f"/sites?cursor={word}",
        f"/links?cursor={word[:-2]}",
        "/links?cursor=AAAA",
    ):
        answer = ask(path)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:doxa:problem:bad-cursor"), path
    assert ask(f"/links?limit=9&format=csv&decimal=comma&cursor={word}").status_code == 200


KEYS = st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), st.text("abc-09", max_size=40)), max_size=4).map(tuple)


@given(KEYS, st.text(max_size=12))
def test_a_cursor_gives_back_its_key(key: tuple[int | str, ...], question: str) -> None:
    question = cursor.fingerprint("/x", {"q": question})
    assert cursor.decode(cursor.encode(question, key), question, tuple(map(type, key))) == key


@given(st.one_of(st.text(max_size=600), st.binary(max_size=90).map(lambda b: b.hex())))
def test_whatever_is_no_cursor_is_only_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        cursor.decode(text, "0" * 12, (int, str))


# --- refusals


@pytest.mark.parametrize(
    ("path", "kind", "known"),
    [
        ("/links?sitte=x", "unknown-parameter", "site"),
        ("/links?kind=fiber", "bad-parameter", "fixed"),
        ("/links?kind=fixed&kind=fixed", "bad-parameter", None),
        ("/links?limit=0", "bad-parameter", None),
        ("/links?limit=1001", "bad-parameter", None),
        ("/evidence?limit=501&site=a&link=b&meter=c", "bad-parameter", None),
        ("/links?limit=", "bad-parameter", None),
        ("/links?limit=%2B1", "bad-parameter", None),
        ("/links?on=2026-02-30", "bad-parameter", None),
        ("/links?site=%FF", "bad-parameter", None),
        ("/evidence?site=dong-dang", "bad-parameter", None),
        ("/evidence?site=a&link=b&meter=c&from=2026-11-02&to=2026-11-01", "no-span", None),
        ("/openapi.json?x=1", "unknown-parameter", None),
        ("/links/", "not-found", None),
        ("/sites/khong-co", "not-found", None),
        ("/sites/KHÔNG", "not-found", None),
        ("/evidence/0", "not-found", None),
        ("/evidence/99999999999999999999", "not-found", None),
        ("/%2e%2e/%2e%2e/sites", "not-found", None),
    ],
)
def test_a_wrong_question_gets_one_sentence_in_its_language(ask: Ask, path: str, kind: str, known: str | None) -> None:
    vi, en = ask(path), ask(path, accept_language="en-GB, vi;q=0.5")
    for answer, lang in ((vi, "vi"), (en, "en")):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["content-language"] == lang
        found = answer.json()
        assert found["type"] == f"urn:doxa:problem:{kind}"
        assert found["status"] == answer.status_code < 500
        assert known is None or known in found["known"]
    assert vi.json()["detail"] != en.json()["detail"]


def test_a_form_that_there_is_not_is_refused(ask: Ask) -> None:
    assert ask("/links", accept="image/png").status_code == ask("/incidents/7", accept="text/csv").status_code == 406
    assert ask("/links?format=json", accept="image/png").status_code == 200


def test_our_own_fault_and_a_ledger_that_refuses_are_answered_without_a_traceback(
    own: Engine, tokens_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from doxa_collector.api.application import Api

    ask = asking(app_over(own, tokens_file))
    monkeypatch.setattr(Api, "_find", lambda *_: 1 / 0)
    assert (ask("/links").status_code, ask("/links").json()["type"]) == (500, "urn:doxa:problem:our-fault")
    monkeypatch.undo()
    with own.begin() as conn:
        conn.exec_driver_sql("DROP TABLE link")
    refused = ask("/links")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert "link" not in refused.json()["detail"]


# --- reading what is asked


@given(st.binary(max_size=80))
def test_any_query_is_read_or_refused(query: bytes) -> None:
    try:
        read_query(query)
    except Refusal as refusal:
        assert refusal.problem.status == 400


@given(st.text(max_size=80))
def test_any_accept_header_is_understood_somehow(header: str) -> None:
    assert language_of(header) in ("vi", "en")
    assert wants(header, ("application/json", "text/csv")) in ("application/json", "text/csv", None)


@given(st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)))
@settings(max_examples=200)
def test_a_moment_is_read_as_it_is_told(moment: datetime) -> None:
    us = (moment - datetime(1970, 1, 1)) // (datetime.resolution)
    assert read_moment(told(us)) == us
    assert told(us).endswith("+07:00")


@given(
    st.one_of(st.text(max_size=40), st.from_regex(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?)?"))
)
def test_whatever_is_no_moment_is_only_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(read_moment(text), int)


def test_moments_of_other_zones_days_and_leap_seconds_are_understood() -> None:
    noon = read_moment("2026-11-24T12:00:00+07:00")
    for text in (
        "2026-11-24T05:00:00Z",
        "2026-11-24t05:00:00.0000009z",
        "2026-11-24T12:00:00 07:00",
        "2026-11-23T23:30:00-05:30",
    ):
        assert read_moment(text) == noon, text
    assert read_moment("2026-11-24") == noon - 12 * 3_600_000_000
    assert read_moment("2016-12-31T23:59:60Z") == read_moment("2017-01-01T00:00:00Z")
