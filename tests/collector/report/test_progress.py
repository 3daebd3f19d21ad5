"""`doxa report progress`: every target of every shipped plan stands in the paper, with what is known of it and no more."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from tests.collector.assess.conftest import Books, plan_of, rank
from tests.collector.papers.reading import pdf_text, sheets, squeezed
from tests.collector.report.conftest import PLANS, configured, data_of, fill, last_month, say, shut, this_month

from doxa_collector.assess import Settings
from doxa_collector.assess.wording import demand
from doxa_collector.ledger import schema
from doxa_collector.ledger.engine import reading, writing
from doxa_collector.papers.parts import titled
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.period import month_of
from doxa_collector.places.gazetteer import load
from doxa_collector.places.model import Level
from doxa_collector.plans.model import Kind, Plan
from doxa_collector.report.month import find_month
from doxa_collector.report.months import Months
from doxa_collector.report.progress_data import progress_of
from doxa_collector.report.progress_paper import progress_paper
from doxa_collector.report.span import asked_span
from doxa_collector.verdict import VerdictOutcome
from doxa_core.errors import InputError, OperationError

EVERY = "csv,docx,json,pdf,xlsx"


def table(found: dict[str, bytes], sheet: str) -> list[dict[str, Any]]:
    """The rows of one sheet by heading."""
    (book,) = (content for name, content in found.items() if name.endswith(".xlsx"))
    (rows,) = (rows for name, rows in sheets(book).items() if name.startswith(sheet))
    at = next(n for n, row in enumerate(rows) if "TT" in row)
    return [dict(zip(rows[at], row, strict=True)) for row in rows[at + 1 :] if row[0] is not None]


def value_of(row: dict[str, Any], heading: str) -> Any:
    """The cell under a heading; a heading with a unit has it behind its words."""
    return next(value for name, value in row.items() if str(name).startswith(heading))


@dataclass(frozen=True)
class Paper:
    """The report of Hà Tĩnh for the closed month."""

    files: dict[str, bytes]
    data: dict[str, Any]
    printed: str


@pytest.fixture(scope="module")
def paper(ledger: tuple[Books, Path], tmp_path_factory: pytest.TempPathFactory) -> Paper:
    out = tmp_path_factory.mktemp("paper")
    found = say(ledger[1], out, "progress", "d-ha-tinh", "--period", last_month(), form="json,pdf")
    return Paper(found, data_of(found), pdf_text(found[f"bao-cao-tien-do_d-ha-tinh_{last_month()}.pdf"]))


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_every_target_stands_in_the_table_with_its_words_sign_value_and_baseline(
    ledger: tuple[Books, Path], tmp_path: Path, plan: Plan
) -> None:
    found = say(ledger[1], tmp_path / "out", "progress", plan.id, "--period", last_month(), form="xlsx")
    assert list(found) == [f"bao-cao-tien-do_{plan.id}_{last_month()}.xlsx"]
    rows = [*table(found, "Chỉ tiêu đo được"), *table(found, "Chỉ tiêu nhập tay")]
    titles = [titled(target.label, target.title.vi) for target in plan.targets]
    for target, title in zip(plan.targets, titles, strict=True):
        longer = tuple(other for other in titles if len(other) > len(title))
        own = [row for row in rows if row["Chỉ tiêu"].startswith(title) and not row["Chỉ tiêu"].startswith(longer)]
        assert own, target.id
        for row in own:
            read = squeezed(" ".join(map(str, row.values())))
            assert squeezed(f"«{target.words}» ({', '.join(target.lines)})") in read
            wanted = str(row["Mục tiêu"])
            if target.kind is Kind.RANK:
                assert wanted == f"thứ hạng ≤ 5 trong {target.rank_among} tỉnh, thành phố"
            else:
                assert wanted == (demand(target, "vi") or "thực hiện, không đặt con số")
            before = value_of(row, "Hiện trạng ban đầu")
            assert before == ("chưa có số liệu" if target.baseline is None else target.baseline.value)
    several = len({row["Chỉ tiêu"] for row in rows}) // len(plan.targets)
    assert len(rows) == several * len(plan.targets), "and nothing else does"


def test_the_ranks_of_plan_b_have_no_answer_without_the_other_provinces(
    ledger: tuple[Books, Path], tmp_path: Path
) -> None:
    found = say(ledger[1], tmp_path, "progress", "b-binh-duong", "--period", last_month(), form="xlsx")
    rows = {row["Chỉ tiêu"][:2]: row for row in table(found, "Chỉ tiêu đo được")}
    for label in ("B1", "B2"):
        assert rows[label]["Đánh giá"] == "Chưa đủ dữ liệu"
        assert "Cần số liệu công bố của tất cả các tỉnh." in rows[label]["Ghi chú"]
        assert value_of(rows[label], "Đo tại trụ sở") == "không áp dụng"


def test_a_rank_is_a_note_and_never_a_measured_figure(books: Books) -> None:
    period = month_of(date.fromisoformat(f"{last_month()}-01"))
    for n, unit in enumerate(load().units(Level.PROVINCE, period.last)):
        books.figure(unit.code, 98.5 if unit.code == "42" else 100 + n if n < 2 else n, month=period.month)
    with reading(books.engine) as conn:
        month = find_month(conn, [plan_of(rank())], period, Settings(), period.to_us, plan="p", place=None)
        months = Months(span=asked_span(period.month, period.to_us), main=month)
        filled = progress_of(conn, months)
    (row,) = filled.progress.rows
    assert (row.outcome, row.measured, row.samples, row.needed) == (VerdictOutcome.PASS, None, 34, 34)
    assert row.published is not None
    assert row.published.value == 98.5
    assert "Thứ 3 trong 34 tỉnh, thành phố có số liệu công bố." in row.notes
    shown = next(t for t in progress_paper(months, filled, PaperSettings()).tables() if t.name == "Chỉ tiêu đo được")
    assert [cell.shown for cell in shown.rows[0][4:7]] == ["98,5 Mbps", "không áp dụng", "Đạt"]


def test_figures_stand_in_their_own_columns_with_statistic_source_and_mark(paper: Paper) -> None:
    data = paper.data
    rows = {row["label"]: row for row in data["rows"]}
    month = f"{last_month()[5:]}/{last_month()[:4]}"
    assert rows["D2"]["published"] == {
        "value": 272.44, "unit": "Mbps", "when": month, "statistic": "trung vị", "mark": "S", "source": "số liệu dẫn lại",
    }  # fmt: skip
    assert (rows["D1"]["published"]["statistic"], rows["D1"]["published"]["mark"]) == ("trung bình", "V")
    assert "Nguồn số liệu công bố: VNNIC." in rows["D1"]["notes"]
    measured = rows["D2"]["measured"]
    assert (measured["value"], measured["unit"], measured["layer"]) == (93.25, "Mbps", "tầng ứng dụng")
    assert (rows["D2"]["samples"], rows["D2"]["needed"], rows["D2"]["outcome"]) == (5, 3, "fail")
    assert (rows["D4"]["measured"]["value"], rows["D4"]["measured"]["lower"]) == (0, None), "no 95 % bounds of a share"
    assert rows["D4"]["measured"]["statistic"] == "0/1 trụ sở đã rõ"
    assert "Trong 69 trụ sở: 1 không đáp ứng, 68 chưa có trong danh mục." in rows["D4"]["notes"]
    hand = {row["label"]: row for row in data["hand"]}
    assert (hand["tslcd"]["entered"]["statistic"], hand["tslcd"]["outcome"]) == ("đã thực hiện", "pass")
    assert (hand["tslcd"]["entered"]["source"], hand["tslcd"]["entered_by"]) == ("Báo cáo số 12/BC", "a person")
    assert hand["ipv6"]["entered"] is None


def test_the_pdf_says_places_offices_and_what_the_marks_mean(paper: Paper) -> None:
    read = paper.printed
    for words in (
        "tỉnh Hà Tĩnh (mã 42), 69 đơn vị cấp xã [2nd]; trụ sở trong danh mục: 1, có kết quả đo trong kỳ: 1",
        "[S] chỉ đọc trong bản trích; [2nd] nguồn thứ cấp; [I] suy luận của doxa, không phải lời văn bản",
        "từ 13/12/2023 đến 31/12/2030 [I]",
        "(số 568/KH-UBND ngày 13/12/2023 của UBND tỉnh Hà Tĩnh)",
    ):
        assert squeezed(words) in read
    assert "tạmtính" not in read


def test_each_office_of_a_share_has_its_row_in_the_annex(paper: Paper) -> None:
    tables = {one["label"]: one["rows"] for one in paper.data["communes"]}
    assert set(tables) == {"D1", "D2", "D3", "D4"}
    assert {len(rows) for rows in tables.values()} == {69}, "every commune, also those that nobody measures"
    others = [row for row in tables["D4"] if row["code"] != "18073"]
    assert {(row["outcome"], row["notes"][0]) for row in others} == {("insufficient", "Chưa có trong danh mục.")}
    assert all(row["name"].startswith(("Xã ", "Phường ")) for row in others)
    (row,) = (row for row in tables["D4"] if row["code"] == "18073")
    assert (row["code"], row["name"], row["outcome"]) == ("18073", "Xã số 18073\noffice x18073", "fail")
    assert (row["measured"]["value"], row["samples"], row["needed"]) == (96.5, 5, 3)


def test_a_plan_of_several_places_has_a_row_for_each_and_place_chooses_one(
    ledger: tuple[Books, Path], tmp_path: Path
) -> None:
    every = data_of(say(ledger[1], tmp_path, "progress", "c-my-hao", "--period", last_month()))
    assert [row["title"].rpartition(" – ")[2] for row in every["rows"] if row["label"] == "C1"] == [
        "phường Mỹ Hào", "phường Thượng Hồng", "phường Đường Hào",
    ]  # fmt: skip
    found = say(ledger[1], tmp_path, "progress", "c-my-hao", "--period", last_month(), "--place", "12103")
    assert list(found) == [f"bao-cao-tien-do_c-my-hao_12103_{last_month()}.json"]
    data = data_of(found)
    assert (data["place"], len(data["rows"]) + len(data["hand"])) == ("phường Mỹ Hào", 14)


# --- closed and open months


def test_a_closed_month_gives_the_same_bytes_also_after_late_data(
    ledger: tuple[Books, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books, config = ledger
    words = ("progress", "c-my-hao", "--period", last_month(), "--place", "12103")
    first = say(config, tmp_path / "a", *words, form=EVERY)
    books.runs("x12103", "fixed", [1] * 50, start=datetime.fromisoformat(f"{last_month()}-11T08:00:00+07:00"))
    books.figure("12103", 1.5, month=last_month())
    books.add("site", site="late", name="late", place_code="12103")
    second = say(config, tmp_path / "b", *words, form=EVERY)
    assert first == second
    assert len(first) == 5
    assert "50 kết quả đo" in capsys.readouterr().err, "what came too late is said beside it"


def test_a_closed_month_names_its_closing_and_the_hash_of_each_verdict(paper: Paper) -> None:
    data = paper.data
    line = sha256(b"{}").digest()
    chain = b""
    for _ in range(5):
        chain = sha256(chain + line).digest()
    digest = sha256(chain).hexdigest()
    assert [(p["target"], p["n"], p["sha256"]) for p in data["proofs"]] == [(t, 5, digest) for t in ("D1", "D2", "D4")]
    assert (data["provisional"], data["closed"]["revision"]) == (False, 1)
    for words in (digest, data["closed"]["verdicts_sha256"], data["closed"]["inputs_sha256"], "lần1", "trùngkhớp"):
        assert words in paper.printed
    made_on = json.loads(next(iter(paper.files.values())))["made_on"]
    assert made_on == f"{this_month()}-01", "the day of the closing, not that of the printing"
    assert len(data["closed"]["verdicts_sha256"]) == 64


def test_an_open_month_says_on_every_part_that_it_is_provisional(
    ledger: tuple[Books, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = say(ledger[1], tmp_path, "progress", "d-ha-tinh", form="pdf,json")
    assert "chưa khóa sổ" in capsys.readouterr().err
    assert set(found) == {f"bao-cao-tien-do_d-ha-tinh_{this_month()}.{form}" for form in ("pdf", "json")}
    (plain,) = (json.loads(content) for name, content in found.items() if name.endswith("json"))
    assert plain["subject"].endswith("(số liệu tạm tính, tháng chưa khóa sổ)")
    assert (plain["data"]["provisional"], plain["data"]["closed"]) == (True, None)
    (read,) = (pdf_text(content).lower() for name, content in found.items() if name.endswith("pdf"))
    assert read.count("sốliệutạmtính,thángchưakhóasổ") >= 2 + 4, "the heading, the scope and each annex"
    assert "trùngkhớp" not in read


def test_a_closed_month_that_was_meddled_with_makes_no_paper(books: Books, tmp_path: Path) -> None:
    fill(books)
    shut(books)
    config, out = configured(books, tmp_path), tmp_path / "out"
    with writing(books.engine) as conn:
        conn.execute(update(schema.measurement).values(values='{"download_mbps": 1}'))
    with pytest.raises(OperationError, match="không in báo cáo"):
        say(config, out, "progress", "d-ha-tinh", "--period", last_month())
    with writing(books.engine) as conn:
        conn.execute(update(schema.snapshot).where(schema.snapshot.c.kind == "inputs").values(content=b"x"))
    with pytest.raises(OperationError, match="không còn giữ nguyên vẹn"):
        say(config, out, "progress", "d-ha-tinh", "--period", last_month())
    assert not out.exists()


# --- what people or machines may write


HOSTILE = '=1+1"#panic("x") $x$ </w:t><script>&amp; \u202e\x00 10.1.2.3 @a *b* _c_ \\ `d` ' + "dài " * 40


def test_hostile_names_are_words_in_every_format(books: Books, tmp_path: Path) -> None:
    fill(books)
    with writing(books.engine) as conn:
        conn.execute(update(schema.site).values(name=HOSTILE))
        conn.execute(update(schema.place).values(name=HOSTILE))
        conn.execute(update(schema.indicator).values(source=HOSTILE, entered_by=HOSTILE))
        conn.execute(update(schema.figure).values(source=HOSTILE))
    shut(books)
    found = say(
        configured(books, tmp_path), tmp_path / "o", "progress", "d-ha-tinh", "--period", last_month(), form=EVERY
    )
    by_form = {name.rpartition(".")[2]: content for name, content in found.items()}
    assert '=1+1"#panic("x")$x$</w:t><script>&amp;' in pdf_text(by_form["pdf"])
    for content in by_form.values():
        assert b"10.1.2.3" not in content, "an address is hidden unless the deployment reveals it"
    (row,) = (row for row in table(found, "Xã D4") if row["Mã"] == "18073")
    assert str(row["Xã, phường"]).lstrip("'").startswith("=1+1")
    assert ";=1+1" not in by_form["csv"].decode("utf-8-sig")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("d-ha-tin",), "d-ha-tin: không có kế hoạch này; có phải ý bạn là «d-ha-tinh»?"),
        (("../../etc",), "../../etc: không có kế hoạch này; tháng"),
        (("d-ha-tinh", "--period", "2026-13"), "--period 2026-13: không phải một kỳ báo cáo"),
        (("d-ha-tinh", "--period", "2099-01"), "--period 2099-01: kỳ này chưa tới"),
        (("d-ha-tinh", "--period", "2020-01"), "d-ha-tinh 2020-01: tháng này không đánh giá kế hoạch đó; kế hoạch"),
        (("d-ha-tinh", "--place", "43"), "--place 43: kế hoạch không được đánh giá tại địa bàn này; tháng"),
        (
            ("d-ha-tinh", "--format", "docx,odt"),
            "--format docx,odt: không có định dạng này; hãy chọn trong: csv, docx,",
        ),
        (("d-ha-tinh", "--format", " , "), "--format  , : không có định dạng này"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_this_sentence(
    ledger: tuple[Books, Path], tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    given = {} if "--format" not in words else {"form": words[-1]}
    asked = words[:-2] if given else words
    with pytest.raises(InputError) as found:
        say(ledger[1], tmp_path / "out", "progress", *asked, **given)
    assert str(found.value).startswith(sentence)
    assert found.value.exit_code == 2
    assert not (tmp_path / "out").exists()
