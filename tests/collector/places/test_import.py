"""Importing lists: what changes is said, what contradicts is refused with its place and cure."""

import contextlib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doxa_collector.places.gazetteer import Gazetteer
from doxa_collector.places.importing.claims import read_listing
from doxa_collector.places.importing.comparing import Difference, Kind, compare
from doxa_collector.places.overlay import Overlay, read_overlay, write_overlay, written
from doxa_collector.places.table import laid, shipped
from doxa_core.errors import DoxaError, InputError

from .conftest import HEADER, MakeList, refused

DAY = date(2027, 1, 1)


def difference(path: Path, *overlays: Overlay, first: date | None = None, complete: bool = False) -> Difference:
    base = shipped()
    for overlay in overlays:
        base = laid(base, overlay)
    return compare(read_listing(path), base, first=first, complete=complete)


def row(code: str = "06184", name: str = "Xã Đồng Đăng", level: str = "", province: str = "20", first: str = "01/01/2027",
        last: str = "", decision: str = "NQ 1", old: str = "") -> tuple[str, ...]:  # fmt: skip
    return code, name, level, province, first, last, decision, old


@pytest.mark.parametrize(
    ("claim", "kind"),
    [
        (row(name="Phường Đồng Đăng"), Kind.RENAMED),
        (row(name="Xã Hữu Nghị"), Kind.RENAMED),
        (row(province="04"), Kind.MOVED),
        (row("06205", "Xã Hồng Phong Mới"), Kind.REUSED),
        (row("99991", "Xã Mới"), Kind.NEW),
        (row(last="31/12/2027"), Kind.ENDED),
        (row(name="Phường Đồng Đăng", first="01/07/2025"), Kind.CORRECTED),
        (row("20", "Thành phố Lạng Sơn", province=""), Kind.RENAMED),
    ],
)
def test_a_row_that_differs_is_a_change_of_its_kind(csv_list: MakeList, claim: tuple[str, ...], kind: Kind) -> None:
    found = difference(csv_list(claim))
    assert [change.kind for change in found.changes] == [kind]
    assert found.unchanged == 0
    again = difference(csv_list(claim), found.overlay)
    assert (again.changes, again.conversions, again.unchanged) == ((), 0, 1)


@pytest.mark.parametrize("name", ["Xã Đồng Đăng", "xã ĐỒNG ĐĂNG", "ĐỒNG ĐĂNG", "Đồng Đăng", "X. Đồng Đăng"])
def test_another_way_to_write_the_name_is_no_change(csv_list: MakeList, name: str) -> None:
    found = difference(csv_list(row(name=name, level="Xã")))
    assert (found.changes, found.unchanged) == ((), 1)


def test_where_a_tone_stands_in_its_word_is_no_change(csv_list: MakeList) -> None:
    assert difference(csv_list(row("07840", "Phường Hiệp Hoà", province="24"))).unchanged == 1


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_any_separator_and_a_byte_order_mark_are_read(csv_list: MakeList, separator: str, encoding: str) -> None:
    path = csv_list(row(name="Phường Đồng Đăng"), separator=separator, encoding=encoding)
    assert [c.kind for c in difference(path).changes] == [Kind.RENAMED]


def test_headers_without_marks_in_another_order_under_titles_are_read(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        "DANH MUC\n\nSTT,TEN DON VI HANH CHINH,MA SO,Nghi quyet,MA TINH\n1,Phường Đồng Đăng,06184,NQ 1,20\n",
        encoding="utf-8",
    )
    found = difference(path, first=DAY)
    assert [(c.kind, c.row) for c in found.changes] == [(Kind.RENAMED, 4)]
    assert read_listing(path).header.ignored == ["STT"]


def test_a_list_of_the_whole_country_as_it_is_changes_nothing(places: Gazetteer, csv_list: MakeList) -> None:
    day = date(2026, 11, 22)
    now = [u for s in shipped().states.values() for u in s if u.holds(day)]
    found = difference(
        csv_list(*(row(u.code, u.name, province=u.province, first="22/11/2026") for u in now)), first=day, complete=True
    )
    assert (found.changes, found.unchanged) == ((), 3355)


def test_a_complete_list_ends_what_it_lacks_of_its_provinces_only(csv_list: MakeList) -> None:
    now = [u for s in shipped().states.values() for u in s if u.holds(DAY) and u.province == "20" and len(u.code) == 5]
    found = difference(
        csv_list(*(row(u.code, u.name, first="") for u in now if u.code != "06184")), first=DAY, complete=True
    )
    assert [(c.kind, c.before and c.before.code, c.day) for c in found.changes] == [(Kind.ENDED, "06184", DAY)]
    assert laid(shipped(), found.overlay).states["06184"][-1].valid_to == date(2026, 12, 31)


def test_old_codes_join_the_old_units_to_the_new_one(csv_list: MakeList) -> None:
    path = csv_list(
        row("06184", "Phường Đồng Đăng", old="06184; 06187 (một phần)"), row("06079", "Xã Hồng Phong", old="06148")
    )
    found = difference(path)
    after = Gazetteer(laid(shipped(), found.overlay))
    unit = after.at("06184", DAY)
    assert unit is not None
    assert [(s.unit.code, s.extent.value) for s in after.previous(unit)] == [("06184", "whole"), ("06187", "part")]
    assert [s.unit.code for s in after.where("06187", DAY)] == ["06187"], "who gave a part away stays"
    assert [s.unit.code for s in after.where("06148", DAY)] == ["06079"], "who went whole has ended"
    assert difference(path, found.overlay).overlay == Overlay()


REFUSED = [
    (row(code="6184"), "dòng 2, cột «Mã»: «6184» có 4 chữ số"),
    (row(code="0618A"), "cột «Mã»: «0618A» không phải mã"),
    (row(code="٠٦١٨٤"), "không phải mã"),
    (row(code="183"), "có 3 chữ số"),
    (row(name=""), "cột «Tên»: «…» không phải tên"),
    (row(name="Xã " + "a" * 90), "không phải tên"),
    (row(name="Đồng Đăng"), "thiếu loại đơn vị"),
    (row(name="Dong Dang", level="Xã"), "mất dấu"),
    (row(name="Xã Đồng\u200bĐăng"), "ký tự ẩn"),
    (row(name="Tỉnh Đồng Đăng"), "không phải loại của mã cấp xã"),
    (row(level="Phường"), "cột «Cấp»: cột này ghi «Phường», tên ghi «Xã»"),
    (row(level="làng"), "không hiểu «làng»"),
    (row(province="2"), "có 1 chữ số"),
    (row(province="21"), "không có tỉnh mã 21"),
    (row("99991", "Xã Mới", province=""), "thiếu mã tỉnh"),
    (row("20", "Tỉnh Lạng Sơn", province="22"), "một tỉnh không thể thuộc tỉnh khác"),
    (row(first="31/02/2027"), "không phải ngày"),
    (row(first="46388"), "không phải ngày"),
    (row(first="2027"), "không phải ngày"),
    (row(first="01/01/1700"), "không thể đúng"),
    (row(first=""), "không biết có hiệu lực từ ngày nào"),
    (row(last="31/12/2026"), "đứng trước ngày bắt đầu"),
    (row("26326", "Xã Dầu Giây Cũ", province="75", first="01/01/2026"), "bảng đã có «Phường Dầu Giây» từ 30/04/2026"),
    (row("06205", "Xã Tên Khác", first="01/01/2025"), "đã hết hiệu lực ngày 30/06/2025"),
    (row(old="99999"), "không có mã 99999 vào ngày 31/12/2026"),
    (row(old="06187 (một nửa)"), "không phải mã cũ"),
    (row(old="20"), "không phải mã cũ cùng cấp"),
    (row(old="06187; 06187"), "đứng hai lần"),
]


@pytest.mark.parametrize(("claim", "said"), REFUSED)
def test_a_contradiction_is_refused_with_its_row_and_column(
    csv_list: MakeList, claim: tuple[str, ...], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        difference(csv_list(claim))
    assert said in caught.value.text.vi
    assert caught.value.text.vi.startswith("list.csv: dòng 2, cột «")
    assert ";" in caught.value.text.vi


def test_two_rows_of_one_code_and_day_are_refused(csv_list: MakeList) -> None:
    with refused("stands in row 2"):
        difference(csv_list(row(), row(name="Xã Khác")))


def test_a_unit_cannot_go_whole_into_two(csv_list: MakeList) -> None:
    with refused("went into 06184 too"):
        difference(csv_list(row(old="06148"), row("06187", "Phường Kỳ Lừa", old="06148")))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no rows"),
        ("Mã;Tên\n".encode(), "no units"),
        (b"a;b\n1;2\n", "no header"),
        (b"\xff\xfeM\x00", "neither CSV in UTF-8 nor XLSX"),
        (b"M\x00;T\n", "NUL"),
        (b"\xd0\xcf\x11\xe0 old", "an old .xls file"),
        (b"PK\x03\x04 broken", "XLSX"),
        ("Mã;Mã số;Tên\n".encode(), "mean the same"),
        (b"\n" + b";" * 100 + b"\n", "too many"),
        ("Mã;Tên\n".encode() + b"06184;X\n" * 50_001, "too many"),
        (b'Ma;Ten\n06184;"' + b"x" * 200_000 + b'"\n', "not CSV"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(data)
    with refused(said):
        difference(path, first=DAY)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with refused("cannot be read"):
            read_listing(path)


def test_a_last_day_that_other_rows_contradict_is_refused(csv_list: MakeList) -> None:
    with refused("by other rows this unit ends on 31/01/2027"):
        difference(csv_list(row(name="Xã A", last="01/01/2028"), row("99991", "Xã B", first="01/02/2027", old="06184")))
    with refused("by other rows this unit ends on 31/01/2027"):
        difference(
            csv_list(row(name="Xã A", last="01/01/2028"), row(name="Xã B", first="01/02/2027", last="01/01/2028"))
        )


def test_complete_needs_the_day(csv_list: MakeList) -> None:
    with refused("--from"):
        difference(csv_list(row()), complete=True)


# --- properties

CODES = st.sampled_from(["06184", "06205", "06079", "26326", "20", "15", "99991", "6184", "", "00001"])
NAMES = st.sampled_from(
    ["Xã Đồng Đăng", "Phường Đồng Đăng", "Xã A", "Tỉnh B", "Hồng Phong", "", "Thành phố C", "Xã Hồng Phong"]
)
DAYS = st.sampled_from(["", "01/07/2025", "01/01/2027", "30/06/2025", "2027-02-01", "31/02/2027", "1/1/2028"])
OLDS = st.sampled_from(["", "", "06184", "06205", "06187 (một phần)", "06079; 06184", "x"])
ROWS = st.tuples(
    CODES,
    NAMES,
    st.sampled_from(["", "Xã", "Phường"]),
    st.sampled_from(["20", "", "75"]),
    DAYS,
    DAYS,
    st.just("NQ"),
    OLDS,
)


def test_a_row_that_ends_before_the_day_given_for_all_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    row = ("06184", "Xã Đồng Đăng", "", "20", "", "01/07/2025", "NQ", "")
    path.write_text("\n".join(";".join(f'"{c}"' for c in r) for r in [HEADER, row]), encoding="utf-8")
    with pytest.raises(DoxaError, match=r"dòng 2.*ngày cuối 01/07/2025 trước ngày đầu"):
        difference(path, first=DAY)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=4), st.booleans())
def test_what_is_accepted_keeps_one_state_a_day_and_changes_nothing_the_second_time(
    tmp_path: Path, rows: list[tuple[str, ...]], with_day: bool
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("\n".join(";".join(f'"{c}"' for c in r) for r in [HEADER, *rows]), encoding="utf-8")
    first = DAY if with_day else None
    try:
        found = difference(path, first=first)
    except DoxaError:
        return
    write_overlay(tmp_path / "places.csv", found.overlay)
    overlay = read_overlay(tmp_path / "places.csv")
    assert written(overlay) == written(found.overlay)
    after = laid(shipped(), overlay)
    for states in (after.states[code] for code in {u.code for u in overlay.states} | {e.code for e in overlay.ends}):
        for n, state in enumerate(states):
            assert state.valid_to is None or state.valid_from <= state.valid_to
            assert n + 1 == len(states) or (state.valid_to is not None and state.valid_to < states[n + 1].valid_from)
    again = difference(path, overlay, first=first)
    assert (again.changes, again.conversions) == ((), 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"PK\x03\x04", "Mã;Tên;Mã tỉnh\n".encode(), b"\xef\xbb\xbfMa,Ten\n06184,"]),
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes, before: bytes) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(before + data)
    try:
        difference(path, first=DAY)
    except DoxaError as error:
        assert "\n" not in error.text.vi


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_overlay_file_is_read_or_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "places.csv"
    for before in (
        "",
        "action,code,name,province,day,last,new,extent,source,mark\n",
        "action,code,name,province,day,last,new,extent,source,mark\nstate,",
    ):
        path.write_bytes((before + text).encode("utf-8", "surrogatepass"))
        with contextlib.suppress(InputError):
            laid(shipped(), read_overlay(path))


def test_an_overlay_of_two_imports_is_the_same_in_any_order_of_different_codes(csv_list: MakeList) -> None:
    one = difference(csv_list(row(name="Phường Đồng Đăng"))).overlay
    two = difference(csv_list(row("06079", "Phường Hồng Phong"))).overlay
    assert written(one + two) == written(two + one)


# The overlay's form, kept for ever: a deployment's file of today is read by every later version.
GOLDEN = """action,code,name,province,day,last,new,extent,source,mark
becomes,06184,,,2027-01-01,,06205,part,NQ 1/2027,S
end,06148,,,,2026-12-31,,,NQ 1/2027,S
state,06184,Phường Đồng Đăng,20,2027-01-01,,,,NQ 1/2027,S
state,06205,Xã Hồng Phong mới,20,2027-01-01,2027-12-31,,,NQ 1/2027,V
"""


def test_the_golden_overlay_is_read_and_written_the_same(tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    path.write_text(GOLDEN, encoding="utf-8")
    overlay = read_overlay(path)
    assert written(overlay) == GOLDEN
    after = Gazetteer(laid(shipped(), overlay))
    assert [u.name for u in after.states("06184")] == ["Thị trấn Đồng Đăng", "Xã Đồng Đăng", "Phường Đồng Đăng"]
    assert after.at("06148", DAY) is None
    assert [s.unit.code for s in after.where("06205", date(2027, 6, 1))] == ["06205"]
