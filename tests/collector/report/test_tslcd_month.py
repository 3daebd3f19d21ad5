"""`doxa report tslcd`: a month of lines whose every figure is known, in every format."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.collector.assess.conftest import Books
from tests.collector.papers.reading import csv_rows, docx_text, pdf_text, sheets, squeezed
from tests.collector.report import tslcd_ledger as ledger_of
from tests.collector.report.conftest import data_of, last_month, say, this_month
from tests.collector.report.tslcd_ledger import configured, fill, happened, iso, length, shut

from doxa_collector.incidents.model import Cause, Family, Fault, Reach
from doxa_collector.ledger.engine import open_ledger
from doxa_collector.nodes.tree import Tree
from doxa_collector.papers.model import plain_number
from doxa_collector.report.cli import main
from doxa_collector.watch.subject import line, node
from doxa_core.errors import InputError, OperationError

NAME = f"so-lieu-tslcd_{last_month()}"
ALL = "docx,pdf,xlsx,csv,json"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Books, Path]]:
    """The month with its incidents, closed."""
    folder = tmp_path_factory.mktemp("tslcd")
    engine = open_ledger(folder / "ledger.sqlite")
    books = Books(engine)
    fill(books)
    happened(books, 41, (line("dong-dang", "tslcd"), 11.375, 11.42))
    happened(books, 42, (line("ky-lua", "tslcd"), length() - 0.5, length() + 1.5), cause=Cause.LINE)
    happened(books, 43, (line("huu-lung", "tslcd"), length() + 0.5, None), cause=Cause.LINE)
    happened(books, 44, (node("r-06233"), 4.125, 4.15), cause=Cause.NODE_DOWN, fault=Fault(Reach.NODE, "r-06233"))
    happened(
        books, 45, (line("tam-thanh", "tslcd"), 5, 5.5), cause=Cause.LOSS_DEGRADED, family=Family.QUALITY,
        fault=Fault(Reach.OFFICE, "tam-thanh", Family.QUALITY),
    )  # fmt: skip
    happened(books, 46, (line("tam-thanh", "tslcd"), 6, 6.5), fault=Fault(Reach.COLLECTOR, ""))
    shut(books)
    yield books, configured(books, folder)
    engine.dispose()


@pytest.fixture(scope="module")
def papers(closed: tuple[Books, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Every format of the closed month."""
    return say(closed[1], tmp_path_factory.mktemp("papers"), "tslcd", "--period", last_month(), form=ALL)


@pytest.fixture(scope="module")
def lines(papers: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    """The lines of the paper's data by code."""
    return {one["code"]: one for one in data_of({"x.json": papers[f"{NAME}.json"]})["lines"]}


def test_the_rule_is_held_against_every_seven_days_that_end_in_the_month(lines: dict[str, dict[str, Any]]) -> None:
    """Forty high samples on seven days: above where the seven days hold three of them or more (120 of 2,016 > 5 %)."""
    found = lines["06184"]
    assert (found["p95_outcome"], found["weeks_above"]) == ("fail", 9)
    assert found["weeks_met"] == length() - 9
    down, up = found["ways"]
    assert (down["peak_ratio"], down["p95_mbps"], down["p95_ratio"]) == (
        pytest.approx(0.9525),
        20.5,
        pytest.approx(0.205),
    )
    assert (up["peak_ratio"], up["p95_mbps"]) == (pytest.approx(0.05125), 5.125)
    assert [one["ratio"] for one in down["days"]] == [
        pytest.approx(0.9525 if 9 <= n < 16 else 0.205) for n in range(length())
    ]
    assert {one["samples"] for one in down["days"]} == {288}
    assert (down["samples"], down["expected"]) == (288 * length(), 288 * length())


def test_a_contract_that_was_raised_counts_from_its_day_on(lines: dict[str, dict[str, Any]]) -> None:
    found = lines["06187"]
    assert (found["p95_outcome"], found["down_mbps"]) == ("pass", 200.0)
    assert "100/100 Mbps" in found["changes"][0]
    days = found["ways"][0]["days"]
    assert [(one["capacity_mbps"], one["p95_mbps"]) for one in (days[0], days[6], days[7])] == [
        (100, 40),
        (100, 40),
        (200, 150),
    ]
    assert (found["first"], days[0]["day"], found["weeks_met"]) == (iso(8), iso(8), length() - 14)
    assert found["ways"][0]["p95_ratio"] == pytest.approx(0.75)
    assert found["ways"][0]["p95_mbps"] == 150.0


def test_half_a_month_of_samples_is_no_answer_and_says_what_is_missing(lines: dict[str, dict[str, Any]]) -> None:
    found = lines["06211"]
    assert (found["p95_outcome"], found["weeks_met"], found["weeks_above"]) == ("insufficient", 9, 0)
    assert found["weeks_open"] == length() - 9
    way = found["ways"][0]
    assert (way["samples"], way["expected"]) == (15 * 288, length() * 288)
    assert found["reasons"] == ["có ngày chưa đủ mẫu (cần ít nhất 274/288)"]


def test_without_a_capacity_or_without_snmp_there_is_no_share_and_the_paper_says_why(
    lines: dict[str, dict[str, Any]],
) -> None:
    bare, dark = lines["06220"], lines["06233"]
    assert (bare["p95_outcome"], bare["ways"][0]["p95_mbps"], bare["ways"][0]["p95_ratio"]) == (
        "insufficient",
        12.5,
        None,
    )
    assert "chưa ghi dung lượng hợp đồng" in bare["reasons"][0]
    assert bare["notes"] == ["danh mục chưa ghi dung lượng hợp đồng"]
    assert (dark["ways"][0]["samples"], dark["ways"][0]["p95_mbps"], dark["proof"]["n"]) == (0, None, 0)
    assert dark["reasons"][0].startswith("chưa có mẫu lưu lượng")


def test_availability_says_what_told_it_and_leaves_out_what_nobody_knows(lines: dict[str, dict[str, Any]]) -> None:
    """An hour without an answer, three hours without a run (of which the last run speaks for 25 minutes)."""
    found, hours = lines["06184"], 24 * length()
    assert found["unknown_s"] == 3 * 3600 - 1.5 * 600
    assert (found["outages"], found["down_s"], found["longest_s"]) == (1, 3600, 3600)
    assert found["availability_ratio"] == pytest.approx(1 - 1 / (hours - 2.75))
    assert found["availability_from"].startswith("phép đo latency trên đường: ")
    assert "6 lần không có trả lời, cách nhau 600 giây" in found["availability_from"]
    assert (found["rtt_p50_ms"], found["pdv_p95_ms"]) == (pytest.approx(4.5, abs=0.01), 2.5)
    assert found["loss_ratio"] == pytest.approx(0.1), "what the dead line lost is its outage"
    by_node = lines["06233"]
    assert by_node["availability_from"].startswith("nút r-06233 tại trụ sở, đo từ nơi khác")
    assert (by_node["outages"], by_node["down_s"]) == (1, 1800)
    few = lines["25747"]
    assert few["availability_ratio"] is None, "five runs that came through are no 100 %"
    assert few["unknown_s"] > 0.9 * hours * 3600
    assert (lines["06211"]["availability_ratio"], lines["06211"]["unknown_s"]) == (None, None)


def test_incidents_are_cut_to_the_month_and_those_of_others_are_not_the_lines(lines: dict[str, dict[str, Any]]) -> None:
    def seen(code: str) -> list[tuple[Any, ...]]:
        return [(one["number"], one["cause"], one["lost"], one["lasts"]) for one in lines[code]["incidents"]]

    assert seen("06184") == [(41, "mất điện", True, False)]
    assert seen("06187") == [(42, "", True, True)], "its cause may be seen otherwise after the closing"
    assert seen("06233") == [(44, "nút mạng mất kết nối", True, False)]
    assert seen("06211") == [(45, "mất gói", False, False)], "the collector's own fault is none of the line's"
    ended = datetime.fromisoformat(lines["06187"]["incidents"][0]["ended"])
    assert ended == datetime.fromisoformat(f"{this_month()}-01T00:00:00+07:00")


def test_a_wanted_rate_comes_from_a_plan_and_where_none_is_there_is_none(lines: dict[str, dict[str, Any]]) -> None:
    found = lines["25747"]["demand"]
    assert (found["label"], found["mbps"], found["samples"]) == ("B3", 100.0, 5)
    assert found["outcome"] in ("insufficient", "fail")
    assert {code: one["demand"] for code, one in lines.items() if code != "25747"} == dict.fromkeys(
        ("06184", "06187", "06211", "06220", "06233")
    )


def test_every_figure_stands_in_every_form(papers: dict[str, bytes], lines: dict[str, dict[str, Any]]) -> None:
    book = sheets(papers[f"{NAME}.xlsx"])
    table = {row[1]: row for row in book["Dung lượng"][3:]}
    daily = book["p95 theo ngày"][3:]
    texts = {"pdf": pdf_text(papers[f"{NAME}.pdf"]), "docx": docx_text(papers[f"{NAME}.docx"])}
    rows = csv_rows(papers[f"{NAME}.csv"])
    for at, (code, found) in enumerate(lines.items()):
        down, up = found["ways"]
        head = book["Dung lượng"][2]
        cells = dict(zip(head, table[code], strict=True))
        for words, way in (("Tải xuống", down), ("Tải lên", up)):
            assert cells[f"{words} – số mẫu"] == way["samples"]
            assert cells[f"{words} – thiếu"] == way["expected"] - way["samples"]
            for name, value, scale in (
                ("p95 tháng (Mbps)", way["p95_mbps"], 1),
                ("p95 tháng (%)", way["p95_ratio"], 100),
            ):
                assert cells[f"{words} – {name}"] == ("–" if value is None else pytest.approx(scale * value))
        for way, row in ((down, daily[2 * at]), (up, daily[2 * at + 1])):
            shares = ["–" if d["ratio"] is None else pytest.approx(100 * d["ratio"]) for d in way["days"]]
            assert row[2:] == ["–"] * (length() - len(shares)) + shares
        (own,) = (row for row in rows if len(row) > 4 and row[1] == code and row[4] == "VNPT")
        assert f"{found['down_mbps']:g}" in own if found["down_mbps"] else "–" in own
        shown = [] if found["availability_ratio"] is None else [plain_number(100 * found["availability_ratio"], 2)]
        shown += [
            plain_number(down["samples"], 0),
            found["place"],
            *([found["proof"]["sha256"][:32]] if found["proof"]["n"] else []),
        ]
        for form, text in texts.items():
            assert not [words for words in shown if squeezed(words) not in text], form
    for text in texts.values():
        assert "LƯUHÀNHNỘIBỘ" in text
        assert "chậmnhấtngày04/" in text
    assert [sheet for sheet in book if sheet == "Sự cố"]
    assert sorted(row[0] for row in book["Sự cố"][3:]) == [41, 42, 44, 45]


def test_a_closed_month_is_the_same_bytes_whatever_was_learnt_since(
    closed: tuple[Books, Path], papers: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books, config = closed
    month = ledger_of.Month(books)
    month.polls("dong-dang", lambda _, __: (99.0, 99.0), first=20, last=21, task="late")
    month.pings("ky-lua", lambda _, __: "failed", first=0, last=1)
    books.line("dong-dang", "tslcd-2", "tslcd", valid_from=iso(3), contracted_down_mbps=50.0, contracted_up_mbps=50.0)
    happened(books, 47, (line("dong-dang", "tslcd"), length() + 40, None))
    (config.parent / "nodes.toml").write_text(
        '[[node]]\nid = "r-06233"\nname = "x"\nkind = "portal"\n', encoding="utf-8"
    )
    again = say(config, tmp_path, "tslcd", "--period", last_month(), form=ALL)
    assert again == papers
    assert f"{288 + 144} kết quả đo của tháng" in capsys.readouterr().err


@pytest.mark.parametrize("kept", [True, False])
def test_a_closing_that_kept_no_nodes_follows_todays_and_says_so(
    books: Books, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, kept: bool
) -> None:
    books.place("20", level="province", province="20", name="Tỉnh Lạng Sơn")
    month = ledger_of.Month(books)
    month.line("huu-lung", "06233", "Xã Hữu Lũng", (iso(0), None, 100.0))
    month.node("r-06233", lambda day, _: day != 3)
    shut(books, Tree() if kept else None)
    words = ("tslcd", "--period", last_month())
    (one,) = data_of(say(configured(books, tmp_path), tmp_path / "o", *words, form="json"))["lines"]
    assert one["availability_from"].startswith("nút r-06233 ") is not kept
    assert (one["outages"] == 1) is not kept
    assert ("chưa giữ sơ đồ nút mạng" in capsys.readouterr().err) is not kept


def test_an_open_month_says_that_it_is_provisional(
    books: Books, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books.place("20", level="province", province="20", name="Tỉnh Lạng Sơn")
    month = ledger_of.Month(books)
    month.line("dong-dang", "06184", "Xã Đồng Đăng", (iso(10), None, 100.0))
    month.polls("dong-dang", lambda _, __: (50.0, 5.0), first=10, last=18)
    found = say(configured(books, tmp_path), tmp_path / "o", "tslcd", form="json,pdf")
    data = data_of({"x.json": found[f"{NAME}.json"]})
    assert (data["provisional"], data["closing"], data["area"]) == (True, None, "tỉnh Lạng Sơn")
    (one,) = data["lines"]
    assert one["first"] == iso(10)
    assert one["weeks_met"] + one["weeks_open"] == length() - 16, "seven days begin with the line's first day"
    assert one["weeks_met"] == 2
    assert "sốliệutạmtính,thángchưakhóasổ" in pdf_text(found[f"{NAME}.pdf"])
    said = capsys.readouterr()
    assert "hạn gửi: trước ngày 05, chậm nhất 04/" in said.out
    assert "chưa khóa sổ" in said.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--place", "99"), "--place 99: danh mục không có địa bàn này"),
        (("--place", "6184"), "--place 6184: danh mục không có địa bàn này; có phải ý bạn là 06184 (Xã Đồng Đăng)?"),
        (("--place", "06300"), "--place 06300: danh mục không có đường TSLCD nào trong tháng này"),
        (("--period", "1969-12"), "--period 1969-12: không phải một tháng"),
        (("--period", "2999-01"), "--period 2999-01: không phải một tháng"),
        (("--period", "2099-01"), "--period 2099-01: tháng này chưa tới"),
        (("--format", "odt"), "--format odt: không có định dạng này"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    closed: tuple[Books, Path], tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(InputError) as refused:
        main(["tslcd", *words, "--config", str(closed[1]), "--out", str(tmp_path)])
    assert str(refused.value).startswith(sentence)
    assert refused.value.exit_code == 2
    assert not list(tmp_path.iterdir())


def test_a_ledger_without_tslcd_lines_is_one_sentence(books: Books, tmp_path: Path) -> None:
    books.place("20", level="province", province="20")
    books.office("xa", "20", "fixed")
    with pytest.raises(InputError, match="danh mục không có đường TSLCD nào"):
        say(configured(books, tmp_path), tmp_path / "o", "tslcd")


def test_a_closing_whose_evidence_is_damaged_makes_no_paper(books: Books, tmp_path: Path) -> None:
    from sqlalchemy import update

    from doxa_collector.ledger.engine import writing
    from doxa_collector.ledger.schema import snapshot

    books.place("20", level="province", province="20")
    month = ledger_of.Month(books)
    month.line("dong-dang", "06184", "Xã Đồng Đăng", ("1970-01-01", None, 100.0))
    month.pings("dong-dang", lambda _, __: "ok", last=1)
    shut(books)
    with writing(books.engine) as conn:
        conn.execute(update(snapshot).values(content=b"x"))
    with pytest.raises(OperationError, match="khôi phục từ bản lưu"):
        say(configured(books, tmp_path), tmp_path / "o", "tslcd", "--period", last_month())


def test_addresses_never_leave_unless_the_deployment_says_so(books: Books, tmp_path: Path) -> None:
    books.place("20", level="province", province="20")
    ledger_of.Month(books).line("dong-dang", "06184", "Xã 10.20.30.40", ("1970-01-01", None, 100.0))
    config = configured(books, tmp_path)
    hidden = say(config, tmp_path / "a", "tslcd", form="json,csv")
    assert all(b"10.20.30.40" not in content for content in hidden.values())
    (tmp_path / "paper.toml").write_text("[paper]\nreveal = true\n", encoding="utf-8")
    shown = say(config, tmp_path / "b", "tslcd", "--settings", str(tmp_path / "paper.toml"), form="json")
    assert "10.20.30.40" in json.dumps(data_of(shown))
