"""The national report: a small country of rollups, held against the shipped national plans."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.collector.papers.reading import pdf_text, sheets, squeezed

from doxa_collector.assess.evidence import Evidence
from doxa_collector.assess.inputs import read_inputs
from doxa_collector.assess.settings import Settings
from doxa_collector.assess.share import judge_share
from doxa_collector.ledger.engine import open_ledger, reading
from doxa_collector.papers.drafts import national as national_draft
from doxa_collector.papers.drafts.national_records import Counts, National, ProvinceRow
from doxa_collector.papers.forms import Look
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.plans import load_plans
from doxa_collector.plans.model import Kind
from doxa_collector.report.national import NATIONAL, national_of
from doxa_collector.report.national_judging import Asked, judge_country, requirements_of
from doxa_collector.report.national_verb import rendered
from doxa_collector.report.span import asked_span
from doxa_collector.rollups.kept import Kept
from doxa_collector.verdict import VerdictOutcome
from doxa_core.errors import InputError
from doxa_core.moments import microseconds
from doxa_lab.bench.national import make

TODAY = date(2026, 2, 27)
NOW = microseconds(datetime(2026, 2, 27, 5, 0, tzinfo=UTC))
COMMUNES = 40
PLANS = load_plans(NATIONAL)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("country") / "ledger.db"
    make(path, communes=COMMUNES, months=2)
    return path


@pytest.fixture(scope="module")
def quarter(ledger: Path) -> National:
    return national_of(ledger, PLANS, asked_span("2026-Q1", NOW), Settings(), NOW, jobs=1)


def test_the_countrys_answer_is_that_of_the_assessment(ledger: Path) -> None:
    period = asked_span("2026-02", NOW).period
    requirements = requirements_of(PLANS)
    asked = Asked(ledger=ledger, period=period, requirements=requirements, settings=Settings(), now_us=NOW, places=None,
                  detailed=True)  # fmt: skip
    (found,) = judge_country([asked])
    engine = open_ledger(ledger, create=False)
    with reading(engine) as conn:
        kept = Kept(conn)
        evidence = Evidence(conn, period, TODAY, read_inputs(conn, period), kept.position, kept)
        for one in requirements:
            place = one.place(period, TODAY)
            if one.target.kind is Kind.SHARE and place is not None:
                whole, own = judge_share(evidence, place, one.target, Settings(), NOW), found.verdicts[one.key]
                assert (own.outcome, own.value, own.n, own.bounds) == (
                    whole.outcome,
                    whole.value,
                    whole.n,
                    whole.bounds,
                )
    engine.dispose()
    assert {one.key for one in requirements if one.place(period, TODAY) is not None} == found.verdicts.keys()


def test_every_commune_of_the_country_is_counted_also_those_that_nobody_measures(quarter: National) -> None:
    assert len(quarter.communes) == sum(row.communes for row in quarter.provinces) == 3321
    assert len(quarter.provinces) == 34
    for row in quarter.requirements:
        assert row.counts.total == 3321
        assert row.counts.unknown >= 3321 - COMMUNES
    fixed = next(
        row
        for row in quarter.requirements
        if row.title.endswith("trụ sở cấp xã từ 100 Mbps") and "cố định" in row.title
    )
    assert 0 < fixed.counts.failed < fixed.counts.met < COMMUNES
    assert fixed.outcome is VerdictOutcome.FAIL, "one certain failure decides 100 %"
    mobile = next(row for row in quarter.requirements if "4G" in row.title)
    assert (mobile.counts.failed, mobile.outcome) == (0, None), "an office without a mobile line misses no level"


def test_months_stand_beside_and_one_that_lies_ahead_says_so(quarter: National) -> None:
    assert [state.value for _, state in quarter.month_states] == ["provisional", "provisional", "ahead"]
    first = quarter.trends[0].months
    assert [one.label for one in first] == ["01/2026", "02/2026", "03/2026"]
    assert quarter.judged.last == date(2026, 2, 28)
    assert first[0].value is not None
    assert (first[2].value, first[2].outcome) == (None, None)
    assert quarter.provisional


@pytest.mark.slow
def test_processes_side_by_side_give_the_same(ledger: Path, quarter: National) -> None:
    assert national_of(ledger, PLANS, asked_span("2026-Q1", NOW), Settings(), NOW, jobs=2) == quarter


@pytest.mark.slow
def test_workbooks_carry_every_commune_and_paper_does_not(ledger: Path) -> None:
    month = national_of(ledger, PLANS, asked_span("2026-02", NOW), Settings(), NOW, jobs=1)
    found = rendered(month, ("pdf", "xlsx", "json"), PaperSettings(), Look())
    book = sheets(found["xlsx"])
    rows = next(rows for name, rows in book.items() if name.startswith("Từng xã"))
    assert len([row for row in rows if isinstance(row[0], (int, float))]) == 3321
    read = pdf_text(found["pdf"])
    assert squeezed("XẾP HẠNG CÁC TỈNH, THÀNH PHỐ") in read
    assert squeezed("KẾT QUẢ TỪNG XÃ, PHƯỜNG, ĐẶC KHU") not in read
    assert squeezed("Tóm tắt: 100% cơ quan Đảng, Nhà nước đến cấp xã kết nối mạng TSLCD. [S]") in read
    assert squeezed("«100% cơ quan Đảng") not in read, "what was read in an excerpt is no quotation"
    data = json.loads(found["json"])["data"]
    assert {row["mark"] for row in data["requirements"]} == {"S", "I"}
    rule = data["requirements"][-1]
    assert (rule["operator"], rule["value"], rule["unit"]) == (">=", 80, "%")
    assert squeezed("tốc độ trung bình của các lần truyền trọn vẹn ≥ 80 % tốc độ hợp đồng ở mỗi chiều") in read


def test_any_days_are_no_national_report_and_no_plan_is_said(ledger: Path) -> None:
    with pytest.raises(InputError, match="theo tháng, quý hoặc năm"):
        national_of(ledger, PLANS, asked_span("2026-02-01..2026-02-10", NOW), Settings(), NOW)
    with pytest.raises(InputError, match="không có kế hoạch toàn quốc nào"):
        national_of(ledger, (), asked_span("2026-02", NOW), Settings(), NOW)


def test_a_province_of_which_nothing_is_known_has_neither_a_share_nor_a_rank() -> None:
    known, silent = Counts(met=3, failed=1, unknown=1), Counts(unknown=5)
    provinces = [
        ProvinceRow(code="04", name="Cao Bằng", communes=5, cells=(silent,)),
        ProvinceRow(code="42", name="Hà Tĩnh", communes=5, cells=(known,)),
    ]
    assert silent.share is None
    assert known.share == 60
    cells = national_draft._ranked(provinces, 0)
    assert [(cell.text, cell.note) for cell in cells] == [("1. Hà Tĩnh", "60,0 %")]
    assert national_draft._in_matrix(silent).number is None
