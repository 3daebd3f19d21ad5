"""Strict TOML: each bad file gets one exact sentence."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doxa_core.errors import InputError
from doxa_core.language import choose_language
from doxa_core.strict import Table, read_toml


@pytest.fixture(autouse=True)
def speaking_vietnamese() -> Iterator[None]:
    choose_language("vi")
    yield
    choose_language("vi")


def read_example(table: Table) -> None:
    """A little schema with one key of each type."""
    table.identifier("site")
    table.integer("port", 1, 65535, 1883)
    table.number("rate", 0, 10, None)
    table.flag("tls", False)
    table.choice("kind", ("fixed", "mobile"), "fixed")
    table.day("from", None)
    table.texts("far_ends", ())
    for _name, task in table.tables("task"):
        task.text("meter")
        task.close()
    for row in table.array("row"):
        row.integer("n", 0, 9)
        row.close()
    table.close()


@pytest.mark.parametrize(
    ("text", "vi", "en"),
    [
        ("", "x.toml: site: thiếu khóa bắt buộc này; hãy ghi chữ thường không dấu, số và gạch nối, tối đa 40 ký tự, ví dụ xa-dong-dang",
         "x.toml: site: this required key is missing; write lower-case letters, digits and inner hyphens, at most 40, such as xa-dong-dang"),
        ('sites = "a"', "x.toml: site: thiếu khóa bắt buộc này (có khóa gần giống «sites»); hãy ghi chữ thường không dấu, số và gạch nối, tối đa 40 ký tự, ví dụ xa-dong-dang",
         "x.toml: site: this required key is missing (there is a similar key 'sites'); write lower-case letters, digits and inner hyphens, at most 40, such as xa-dong-dang"),
        ('site = "Đồng Đăng"', "x.toml: site: giá trị 'Đồng Đăng' không hợp lệ; hãy ghi chữ thường không dấu, số và gạch nối, tối đa 40 ký tự, ví dụ xa-dong-dang",
         "x.toml: site: the value 'Đồng Đăng' is not valid; write lower-case letters, digits and inner hyphens, at most 40, such as xa-dong-dang"),
        ('site = "a"\nport = 0', "x.toml: port: giá trị 0 không hợp lệ; hãy ghi một số nguyên từ 1 đến 65535",
         "x.toml: port: the value 0 is not valid; write a whole number from 1 to 65535"),
        ('site = "a"\nport = "1883"', "x.toml: port: giá trị '1883' không hợp lệ; hãy ghi một số nguyên từ 1 đến 65535",
         "x.toml: port: the value '1883' is not valid; write a whole number from 1 to 65535"),
        ('site = "a"\nport = true', "x.toml: port: giá trị True không hợp lệ; hãy ghi một số nguyên từ 1 đến 65535",
         "x.toml: port: the value True is not valid; write a whole number from 1 to 65535"),
        ('site = "a"\nrate = nan', "x.toml: rate: giá trị nan không hợp lệ; hãy ghi một số từ 0 đến 10",
         "x.toml: rate: the value nan is not valid; write a number from 0 to 10"),
        ('site = "a"\nrate = inf', "x.toml: rate: giá trị inf không hợp lệ; hãy ghi một số từ 0 đến 10",
         "x.toml: rate: the value inf is not valid; write a number from 0 to 10"),
        ('site = "a"\ntls = "yes"', "x.toml: tls: giá trị 'yes' không hợp lệ; hãy ghi true hoặc false",
         "x.toml: tls: the value 'yes' is not valid; write true or false"),
        ('site = "a"\nkind = "5g"', "x.toml: kind: giá trị '5g' không hợp lệ; hãy ghi một trong: fixed, mobile",
         "x.toml: kind: the value '5g' is not valid; write one of: fixed, mobile"),
        ('site = "a"\nfrom = "2025-12-31"', "x.toml: from: giá trị '2025-12-31' không hợp lệ; hãy ghi ngày dạng 2025-12-31, không có dấu nháy",
         "x.toml: from: the value '2025-12-31' is not valid; write a date such as 2025-12-31, without quotes"),
        ('site = "a"\nfar_ends = "b"', """x.toml: far_ends: giá trị 'b' không hợp lệ; hãy ghi một danh sách chuỗi, ví dụ ["a", "b"]""",
         """x.toml: far_ends: the value 'b' is not valid; write a list of texts, such as ["a", "b"]"""),
        ('site = "a"\nport_ = 1', "x.toml: port_: khóa này không tồn tại; có phải ý bạn là «port»?", "x.toml: port_: this key does not exist; did you mean 'port'?"),
        ('site = "a"\n[task.t]\nmeter = "m"\nmetre = "m"', "x.toml: task.t.metre: khóa này không tồn tại; có phải ý bạn là «meter»?",
         "x.toml: task.t.metre: this key does not exist; did you mean 'meter'?"),
        ('site = "a"\n[task.t]\nmeter = ""', "x.toml: task.t.meter: giá trị '' không hợp lệ; hãy ghi một chuỗi không rỗng",
         "x.toml: task.t.meter: the value '' is not valid; write a text that is not empty"),
        ('site = "a"\n[task."T 1"]\nmeter = "m"', "x.toml: task.T 1: tên không hợp lệ; hãy ghi chữ thường không dấu, số và gạch nối, tối đa 40 ký tự, ví dụ xa-dong-dang",
         "x.toml: task.T 1: the name is not valid; write lower-case letters, digits and inner hyphens, at most 40, such as xa-dong-dang"),
        ('site = "a"\ntask = 1', "x.toml: task: giá trị 1 không hợp lệ; hãy ghi một bảng [task]", "x.toml: task: the value 1 is not valid; write a table [task]"),
        ('site = "a"\n[[row]]\nn = 1\n[[row]]\nn = 10', "x.toml: row[2].n: giá trị 10 không hợp lệ; hãy ghi một số nguyên từ 0 đến 9",
         "x.toml: row[2].n: the value 10 is not valid; write a whole number from 0 to 9"),
        ("row = 1\nsite = 'a'", "x.toml: row: giá trị 1 không hợp lệ; hãy ghi các bảng [[row]]", "x.toml: row: the value 1 is not valid; write tables [[row]]"),
        ("= 1", "x.toml: không đúng cú pháp TOML (Invalid statement (at line 1, column 1)); hãy sửa tại vị trí đó",
         "x.toml: it is not valid TOML (Invalid statement (at line 1, column 1)); mend it at that place"),
    ],
)  # fmt: skip
def test_a_bad_file_gets_its_exact_sentence(tmp_path: Path, text: str, vi: str, en: str) -> None:
    (tmp_path / "x.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_example(read_toml(tmp_path / "x.toml"))
    spoken = caught.value.text
    assert (spoken.vi.replace(f"{tmp_path}/", ""), spoken.en.replace(f"{tmp_path}/", "")) == (vi, en)


def latin_1(path: Path) -> None:
    path.write_bytes("site = 'Đ'".encode("utf-16"))


def folder(path: Path) -> None:
    path.mkdir()


def absent(path: Path) -> None:
    path.unlink(missing_ok=True)


def huge(path: Path) -> None:
    path.write_bytes(b"#" * (4 * 1024 * 1024 + 1))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (latin_1, "không phải văn bản UTF-8; hãy lưu lại tệp dưới dạng UTF-8"),
        (folder, "không đọc được (Is a directory); hãy kiểm tra đường dẫn và quyền đọc"),
        (absent, "không đọc được (No such file or directory); hãy kiểm tra đường dẫn và quyền đọc"),
        (huge, "tệp quá lớn; giữ dưới 4194304 byte"),
    ],
)
def test_a_file_that_cannot_be_read_gets_one_sentence(
    tmp_path: Path, make: Callable[[Path], None], sentence: str
) -> None:
    make(tmp_path / "x.toml")
    with pytest.raises(InputError, match=re.escape(sentence)):
        read_toml(tmp_path / "x.toml")


def test_a_good_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text('site = "a"\nfrom = 2025-12-31\nrate = 1\n[task.t]\nmeter = "m"\n')
    table = read_toml(tmp_path / "x.toml")
    assert (table.identifier("site"), table.day("from"), table.number("rate", 0, 10)) == ("a", date(2025, 12, 31), 1)
    assert [(name, task.text("meter")) for name, task in table.tables("task")] == [("t", "m")]
    assert table.number("absent", 0, 1, None) is None
    assert table.path("file", Path("b"), base=tmp_path) == tmp_path / "b"
    table.close()


KEYS = st.sampled_from(["site", "port", "rate", "tls", "kind", "from", "far_ends", "task", "row", "other"])
VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(st.text(max_size=8), deeper, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_whatever_stands_in_a_file_it_is_read_or_refused_with_a_sentence(found: dict[str, object]) -> None:
    try:
        read_example(Table(dict(found), "x.toml"))
    except InputError as error:
        assert error.exit_code == 2
        assert error.where.startswith("x.toml: ")
