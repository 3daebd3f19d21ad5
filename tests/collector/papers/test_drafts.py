"""What each paper says: missing figures in words, two columns that are never mixed, marks beside doubtful facts, secrets hidden."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_agent.acceptance.verdict import WORDS
from doxa_collector.papers.drafts import acceptance_evidence, notice, progress
from doxa_collector.papers.drafts.acceptance import acceptance_record
from doxa_collector.papers.drafts.acceptance_records import AcceptanceRecord, Run
from doxa_collector.papers.drafts.acceptance_words import REASONS
from doxa_collector.papers.drafts.notice import Loss, Notice, Share
from doxa_collector.papers.drafts.progress_records import TargetRow
from doxa_collector.papers.model import Document, Paragraph
from doxa_collector.papers.period import ReportPeriod
from doxa_collector.papers.secrecy import MASK, mask_addresses
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.verdict import VerdictOutcome
from doxa_core.errors import InputError
from doxa_core.linkkind import LinkKind

EVIDENCE = Path(__file__).parents[2] / "agent" / "acceptance" / "acceptance-1.json"


def words_of(document: Document) -> str:
    """All paragraphs and cells."""
    blocks = [*document.blocks, *(block for annex in document.annexes for block in annex.blocks)]
    found = [block.text for block in blocks if isinstance(block, Paragraph)]
    found += [f"{c.shown} {c.note}" for table in document.tables() for row in table.rows for c in row]
    return "\n".join(found)


def test_every_paper_is_a_draft_with_blanks_and_ends_as_it_should(paper: Document) -> None:
    assert paper.head.draft
    words = [block.text for block in paper.blocks if isinstance(block, Paragraph) and not block.small]
    assert words[-1].endswith("./.")
    assert sum(word.endswith("./.") for word in words) == 1


def test_published_and_measured_figures_stand_in_their_own_columns(paper: Document) -> None:
    if paper.head.kind != "BÁO CÁO" or "Kế hoạch" not in paper.head.subject:
        return
    table = next(t for t in paper.tables() if t.name == "Chỉ tiêu đo được")
    assert [c.text for c in table.header[0]][3:8] == [
        "Hiện trạng ban đầu",
        "i-Speed công bố",
        "Đo tại trụ sở",
        "Đánh giá",
        "Số mẫu",
    ]
    found = {row[1].text.partition(".")[0]: row for row in table.rows}
    assert (found["A2"][4].shown, found["A2"][5].shown) == ("272,44 Mbps", "101,96 Mbps")
    assert "[S]" in found["A2"][4].note
    assert (found["A1"][5].shown, found["B3"][4].shown, found["C2"][4].shown) == (
        "chưa có số liệu",
        "không áp dụng",
        "chưa có số liệu",
    )
    assert "[I]" in found["C2"][2].note
    assert not [c for row in table.rows for c in row[:8] if not c.shown]
    grounds = [b.text for b in paper.blocks if isinstance(b, Paragraph) and b.text.startswith("Căn cứ")]
    assert not [text for text in grounds if "36/QĐ-TTg" in text], "read in an excerpt only: no ground"
    assert "Tham khảo, chưa phải căn cứ [S]" in words_of(paper)


def test_a_figure_just_below_its_target_is_not_rounded_onto_it() -> None:
    from doxa_collector.papers.parts import decimals_beside
    from doxa_collector.plans.model import Operator

    assert decimals_beside(101.96, Operator.AT_LEAST, 102) == 2
    assert decimals_beside(101.9999, Operator.AT_LEAST, 102) == 4
    assert decimals_beside(103.27, Operator.AT_LEAST, 102) == 1


@pytest.mark.parametrize(
    ("first", "last", "title"),
    [
        (date(2026, 11, 1), date(2026, 11, 30), "tháng 11 năm 2026"),
        (date(2026, 10, 1), date(2026, 12, 31), "quý IV năm 2026"),
        (date(2026, 1, 1), date(2026, 6, 30), "6 tháng đầu năm 2026"),
        (date(2026, 1, 1), date(2026, 12, 31), "năm 2026"),
        (date(2026, 11, 2), date(2026, 11, 30), "từ ngày 02/11/2026 đến ngày 30/11/2026"),
        (date(2026, 2, 1), date(2026, 4, 30), "từ ngày 01/02/2026 đến ngày 30/04/2026"),
    ],
)
def test_a_period_has_its_usual_name(first: date, last: date, title: str) -> None:
    assert ReportPeriod(first=first, last=last).title == title


def test_a_notice_is_in_the_style_of_the_field() -> None:
    shares = (Share(name="Đắk Lắk", lost=46, watched=166), Share(name="Gia Lai", lost=16, watched=135))
    at = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    assert notice.lines(Notice(at=at, losses=(Loss(cause="mất điện", shares=shares),))) == [
        "Cập nhật 8h00 ngày 24/11/2026: 62/301 xã, phường mất kết nối do mất điện (Đắk Lắk 46/166, Gia Lai 16/135)"
    ]
    assert notice.lines(Notice(at=at, losses=())) == ["Cập nhật 8h00 ngày 24/11/2026: không có điểm đo nào mất kết nối"]


def test_every_reason_of_the_agent_has_the_same_words_in_a_paper() -> None:
    assert {code: text.vi for code, text in WORDS.items()} == REASONS


def test_evidence_that_was_changed_makes_no_paper() -> None:
    changed = EVIDENCE.read_bytes().replace(b'"verdict":"fail"', b'"verdict":"pass"')
    assert changed != EVIDENCE.read_bytes()
    with pytest.raises(InputError, match="mã băm không khớp"):
        acceptance_evidence.read(changed, "x.json")


@given(st.binary(max_size=200) | st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda c: st.lists(c, max_size=3) | st.dictionaries(st.sampled_from(["evidence", "schema", "sha256", "link"]), c, max_size=3)).map(lambda v: json.dumps(v).encode()))  # fmt: skip
def test_what_is_no_evidence_is_one_sentence(document: bytes) -> None:
    with pytest.raises(InputError):
        acceptance_evidence.read(document, "x.json")


@given(st.data())
def test_evidence_of_a_wrong_shape_is_one_sentence(data: st.DataObject) -> None:
    """Whole by its digest, with one field of another type."""
    import hashlib

    from doxa_core.fields import canonical

    evidence = json.loads(EVIDENCE.read_bytes())["evidence"]
    name = data.draw(st.sampled_from(sorted(evidence)))
    evidence[name] = data.draw(st.sampled_from([None, 0, "x", [], {}, [1], {"a": 1}, True, -1e400]))
    try:
        packed = canonical(evidence)
    except ValueError:
        return
    document = canonical({"schema": "acceptance/1", "sha256": hashlib.sha256(packed).hexdigest(), "evidence": evidence})
    try:
        run = acceptance_evidence.read(document, "x.json")
    except InputError:
        return
    assert run.sha256


def _record(kind: LinkKind) -> Run:
    run = acceptance_evidence.read(EVIDENCE.read_bytes(), "golden")
    return replace(run, line=replace(run.line, kind=kind))


def _paper(kind: LinkKind, *, reveal: bool) -> Document:
    data = AcceptanceRecord(run=_record(kind), office="Trụ sở UBND xã Đồng Đăng")
    return acceptance_record(data, PaperSettings(reveal=reveal))


def test_internal_fields_are_hidden_unless_the_deployment_reveals_them() -> None:
    for kind, shown in ((LinkKind.FIXED, True), (LinkKind.TSLCD, False)):
        document = _paper(kind, reveal=False)
        everything = words_of(document) + json.dumps(document.data, ensure_ascii=False)
        assert "192.0.2.1" not in everything
        assert "Raspberry Pi 5" not in everything
        assert ("10000000abcdef" in everything) is shown
        assert ("02:00:00:00:00:01" in everything) is shown
        assert MASK in everything
        open_paper = words_of(_paper(kind, reveal=True))
        assert "192.0.2.1" in open_paper
        assert "02:00:00:00:00:01" in open_paper
        assert MASK not in open_paper


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("từ 10.20.30.40.", f"từ {MASK}."),
        ("10.0.0.0/8 và fe80::1%eth0", f"{MASK} và {MASK}"),
        ("[2001:db8::1]:443", MASK),
        ("10.0.0.1:8080, xong", f"{MASK}, xong"),
        ("02:00:5e:10:00:ff", MASK),
        ("lúc 08:05:09 ngày 24/11/2026, 1.234,5 Mbps, px-1/1/99812", "lúc 08:05:09 ngày 24/11/2026, 1.234,5 Mbps, px-1/1/99812"),
    ],
)  # fmt: skip
def test_addresses_are_hidden_and_times_are_not(text: str, masked: str) -> None:
    assert mask_addresses(text) == masked


def test_an_acceptance_says_each_of_the_four_outcomes_as_it_is() -> None:
    run = acceptance_evidence.read(EVIDENCE.read_bytes(), "golden")
    ends = {}
    for outcome in VerdictOutcome:
        document = acceptance_record(AcceptanceRecord(run=replace(run, outcome=outcome), office="x"), PaperSettings())
        ends[outcome] = words_of(document)
    assert "Kết quả: ĐẠT." in ends[VerdictOutcome.PASS]
    assert "Kết quả: KHÔNG ĐẠT." in ends[VerdictOutcome.FAIL]
    assert "chưa kết luận được" in ends[VerdictOutcome.PROBE_LIMITED]
    assert "Chưa đủ căn cứ để kết luận" in ends[VerdictOutcome.INSUFFICIENT]
    assert "không đáp ứng" not in ends[VerdictOutcome.PROBE_LIMITED] + ends[VerdictOutcome.INSUFFICIENT]


def test_a_row_of_the_wrong_length_is_refused() -> None:
    from doxa_collector.papers.grid import place
    from doxa_collector.papers.model import Cell

    with pytest.raises(ValueError, match="does not fill"):
        list(place([[Cell(text="a")]], 2))


def test_the_module_of_the_progress_report_draws_no_chart_without_figures() -> None:
    assert (
        progress._bars(TargetRow(label="x", title="x", value=10, unit="Mbps", outcome=VerdictOutcome.INSUFFICIENT))
        is None
    )
