"""The progress report by HTTP: of closed months only, one made at a time, kept by what it stands on."""

import io
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader
from sqlalchemy import Engine, text
from tests.collector.api.conftest import CLOSED, INTERNAL, PAGE, Ask, addresses, app_over, asking, everything, october
from tests.collector.web.conftest import NOW, keep

from doxa_collector.api import workshop
from doxa_collector.api.settings import Settings as ApiSettings
from doxa_collector.api.workshop import Workshop
from doxa_collector.assess import Settings as Rules
from doxa_collector.assess.run import reopen
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.ledger.writing import note
from doxa_collector.papers import forms
from doxa_collector.period import month_of
from doxa_collector.plans import load_plans
from doxa_collector.report.month import proved
from doxa_collector.report.months import find_months
from doxa_collector.report.progress_data import progress_of
from doxa_collector.report.progress_paper import progress_paper
from doxa_collector.report.settings import read_paper
from doxa_collector.report.span import asked_span
from doxa_core.errors import OperationError
from doxa_core.language import Text
from doxa_core.moments import microseconds

PAPER = f"/documents/progress/{CLOSED}/d-ha-tinh"


def test_the_report_is_the_one_that_doxa_report_writes(ask: Ask, filled: Engine) -> None:
    now_us = microseconds(NOW)
    with reading(filled) as conn:
        span = asked_span(CLOSED, now_us)
        months = find_months(conn, load_plans(), span, Rules(), now_us, plan="d-ha-tinh", place=None)
        paper = progress_paper(months, progress_of(conn, months), read_paper(None).words)
    for form, media in (
        ("json", "application/json"),
        ("csv", "text/csv; charset=utf-8"),
        ("xlsx", None),
        ("pdf", "application/pdf"),
    ):
        answer = ask(f"{PAPER}?format={form}")
        assert answer.status_code == 200, answer.text
        assert media in (None, answer.headers["content-type"])
        assert answer.content == forms.render(paper, form), form


def test_a_file_opens_under_its_name_and_says_the_plan(ask: Ask) -> None:
    read: dict[str, Callable[[bytes], str]] = {
        "pdf": lambda content: PdfReader(io.BytesIO(content)).pages[0].extract_text(),
        "xlsx": lambda content: str(
            [c.value for s in load_workbook(io.BytesIO(content)).worksheets for r in s for c in r]
        ),
    }
    for form, text_of in read.items():
        answer = ask(f"{PAPER}?format={form}")
        assert f'filename="bao-cao-tien-do_d-ha-tinh_{CLOSED}.{form}"' in answer.headers["content-disposition"]
        assert "Hà Tĩnh" in " ".join(text_of(answer.content).split())
        packed = ask(f"{PAPER}?format={form}", accept_encoding="gzip")
        assert packed.content == answer.content
        assert packed.headers["etag"] != answer.headers["etag"]


def test_what_can_be_asked_for_is_listed_and_can_be_asked_for(ask: Ask) -> None:
    rows = everything(ask, f"/documents?month={CLOSED}")
    assert {row["plan"] for row in rows} == {plan.id for plan in load_plans()} & {row["plan"] for row in rows} != set()
    assert ask(f"{rows[0]['path']}?format=json").status_code == 200
    assert everything(ask, "/documents?month=2026-11") == []


def test_a_paper_by_the_api_hides_addresses_from_everybody(ask: Ask) -> None:
    for row in everything(ask, "/documents"):
        said = ask(f"{row['path']}?format=json").text
        assert not [word for word in addresses() if word in said]


@pytest.mark.parametrize(
    "path",
    [
        "/documents/progress/2026-11/d-ha-tinh",
        f"/documents/progress/{CLOSED}/khong-co",
        f"{PAPER}?place=06184",
        "/documents/other",
    ],
)
def test_what_there_is_no_report_of_is_not_found(ask: Ask, path: str) -> None:
    assert ask(path).status_code == 404
    assert ask(path).json()["detail"]


def test_a_second_paper_is_made_only_after_the_first_and_a_kept_one_at_once(
    filled: Engine, tokens_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = asking(app_over(filled, tokens_file))
    kept = ask(f"{PAPER}?format=csv")
    begun, go, made = threading.Event(), threading.Event(), Workshop._made

    def slowly(*order: Any) -> bytes:
        begun.set()
        assert go.wait(60)
        return made(*order)

    monkeypatch.setattr(Workshop, "_made", slowly)
    answers: list[Any] = []
    first = threading.Thread(target=lambda: answers.append(ask(f"{PAPER}?format=json")))
    first.start()
    assert begun.wait(60)
    busy = ask(f"{PAPER}?format=xlsx")
    assert (busy.status_code, busy.json()["type"], busy.headers["retry-after"]) == (503, "urn:doxa:problem:busy", "5")
    assert ask(f"{PAPER}?format=csv").content == kept.content
    assert ask(f"{PAPER}?format=csv", if_none_match=kept.headers["etag"]).status_code == 304
    assert ask(f"{PAPER}?format=pdf", "HEAD").status_code == ask("/links").status_code == 200
    go.set()
    first.join(60)
    assert answers[0].status_code == 200


def test_a_month_that_was_opened_again_gives_another_paper_and_the_same_one_for_the_same_result(
    own: Engine, tokens_file: Path
) -> None:
    ask = asking(app_over(own, tokens_file))
    before = ask(f"{PAPER}?format=json")
    assert asking(app_over(own, tokens_file))(f"{PAPER}?format=json").headers["etag"] == before.headers["etag"]
    reopen(own, load_plans(), Rules(min_samples=5), month_of(NOW.date().replace(month=10)), NOW, "tester", "thử")
    after = ask(f"{PAPER}?format=json")
    assert after.headers["etag"] != before.headers["etag"]
    assert after.content != before.content
    assert not after.headers["etag"].startswith("W/")
    assert ask(f"/closings/{CLOSED}/verdicts?revision=1").json() != ask(f"/closings/{CLOSED}/verdicts").json()


def test_what_is_kept_is_bounded(filled: Engine, tokens_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def cheaply(self: Workshop, order: Any) -> bytes:
        made.append(order.form)
        form: str = order.form
        return form.encode() * 100

    monkeypatch.setattr(Workshop, "_made", cheaply)
    monkeypatch.setattr(workshop, "MOST_BYTES", 1000)
    ask = asking(app_over(filled, tokens_file))
    for form in ("pdf", "docx", "xlsx", "pdf", "docx", "docx"):
        assert ask(f"{PAPER}?format={form}").content == form.encode() * 100
    assert made == ["pdf", "docx", "xlsx", "pdf", "docx"]  # 1,000 bytes hold two of them and one of three letters


def test_the_papers_settings_are_the_deployments(filled: Engine, tmp_path: Path, tokens_file: Path) -> None:
    file = tmp_path / "paper.toml"
    file.write_text('[paper]\nagency = "SỞ THỬ NGHIỆM"\n', encoding="utf-8")
    api = ApiSettings(tokens_file=tokens_file, paper_file=file)
    ask = asking(app_over(filled, tokens_file, api=api))

    def said() -> str:
        return PdfReader(io.BytesIO(ask(f"{PAPER}?format=pdf").content)).pages[0].extract_text()

    assert "SỞ THỬ NGHIỆM" in said()
    file.write_text('[paper]\nagency = "SỞ KHÁC"\n', encoding="utf-8")
    assert "SỞ KHÁC" in said()
    file.write_text("[paper]\nagenci = 1\n", encoding="utf-8")
    assert ask(f"{PAPER}?format=json").status_code == 503


def test_the_pages_own_token_gets_papers_too(app: Any) -> None:
    assert asking(app, PAGE)(f"{PAPER}?format=json").status_code == 200
    assert asking(app, INTERNAL)(f"{PAPER}?format=json").status_code == 200


def long(engine: Engine, tokens_file: Path, monkeypatch: pytest.MonkeyPatch, during: Callable[[], None]) -> Ask:
    """An API whose papers' filling in is `progress_of` with something else happening before it."""

    def filled_in(conn: Any, months: Any) -> Any:
        conn.execute(text("SELECT count(*) FROM snapshot")).all()  # so that a transaction, if any, has begun
        during()
        return progress_of(conn, months)

    monkeypatch.setattr(workshop, "progress_of", filled_in)
    return asking(app_over(engine, tokens_file))


def not_busy(ask: Ask) -> Any:
    """The paper's answer, asked for again and again while it is being made."""
    for _ in range(1000):
        answer = ask(f"{PAPER}?format=json")
        if answer.json().get("type") != "urn:doxa:problem:busy":
            return answer
        time.sleep(0.05)
    raise AssertionError("it is never done")


def test_no_view_of_the_ledger_stays_open_while_a_paper_is_made(
    own: Engine, tokens_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log of what is written can begin anew: a reader that stays would not let it."""
    found = []

    def write_and_begin_anew() -> None:
        with writing(own) as conn:
            note(conn, 1, "test", "written", {})
        with sqlite3.connect(str(own.url.database), timeout=0.1) as other:
            found.append(other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())

    ask = long(own, tokens_file, monkeypatch, write_and_begin_anew)
    assert ask(f"{PAPER}?format=json").status_code == 200
    assert found == [(0, 0, 0)]


@pytest.mark.parametrize(("times", "status"), [(1, 200), (9, 503)])
def test_late_measurements_under_a_paper_make_it_anew_and_never_half(
    own: Engine, tokens_file: Path, monkeypatch: pytest.MonkeyPatch, times: int, status: int
) -> None:
    arrived: list[int] = []

    def arrive() -> None:
        if len(arrived) < times:
            arrived.append(1)
            late = next(one for one in october())
            keep(own, [replace(one, seq=9_000_000 + len(arrived)) for one in [late]])

    ask = long(own, tokens_file, monkeypatch, arrive)
    answer = ask(f"{PAPER}?format=json")
    assert answer.status_code == status
    if status == 200:
        again = asking(app_over(own, tokens_file))(f"{PAPER}?format=json")
        assert answer.content == again.content, "it says that one is late"
    else:
        assert answer.headers["retry-after"] == "5"


def test_a_paper_that_takes_too_long_is_made_on_and_served_to_the_next_who_asks(
    filled: Engine, tokens_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, made = threading.Event(), list[int]()

    def waited_for() -> None:
        made.append(1)
        assert go.wait(60)

    monkeypatch.setattr(workshop, "PATIENCE_S", 0.05)
    ask = long(filled, tokens_file, monkeypatch, waited_for)
    for _ in range(3):
        answer = ask(f"{PAPER}?format=json")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.headers["content-type"] == "application/problem+json"
    go.set()
    monkeypatch.setattr(workshop, "PATIENCE_S", 60.0)
    assert (not_busy(ask).status_code, made) == (200, [1])


def test_what_goes_wrong_after_the_caller_left_is_told_to_the_next_one_and_then_tried_again(
    filled: Engine, tokens_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, tried, ended = threading.Event(), list[int](), threading.Event()

    def fail() -> None:
        tried.append(1)
        if len(tried) == 1:
            assert go.wait(60)
            ended.set()
            raise OperationError(Text(vi="sổ cái hỏng", en="the ledger is broken"))

    monkeypatch.setattr(workshop, "PATIENCE_S", 0.05)
    ask = long(filled, tokens_file, monkeypatch, fail)
    assert ask(f"{PAPER}?format=json").json()["type"] == "urn:doxa:problem:busy"
    go.set()
    assert ended.wait(60)
    monkeypatch.setattr(workshop, "PATIENCE_S", 60.0)
    answer = not_busy(ask)
    assert (answer.json()["type"], answer.json()["detail"]) == ("urn:doxa:problem:evidence-damaged", "sổ cái hỏng")
    assert ask(f"{PAPER}?format=json").status_code == 200
    assert len(tried) == 2


def test_another_plans_paper_of_a_proved_month_does_not_judge_it_again(
    filled: Engine, tokens_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proofs: list[int] = []

    def counted(*given: Any) -> Any:
        proofs.append(1)
        return proved(*given)

    monkeypatch.setattr(workshop, "proved", counted)
    ask = asking(app_over(filled, tokens_file))
    for row in everything(ask, f"/documents?month={CLOSED}")[:3]:
        assert ask(f"{row['path']}?format=json").status_code == 200
    assert proofs == [1]
