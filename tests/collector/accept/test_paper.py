"""The record read back: every figure of the bundle stands in each format, the QR is the bundle's hash, secrets are hidden."""

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import segno
from tests.collector.accept.conftest import MARK, REGISTRY, document, evidence, limited, passed, refused
from tests.collector.papers.reading import csv_rows, docx_text, pages, pdf_text, sheets, squeezed

from doxa_collector.accept.cli import main
from doxa_core import language
from doxa_core.language import number

FORMS = "docx,pdf,xlsx,csv,json"
SETTINGS = """
[paper]
agency = "SỞ KHOA HỌC VÀ CÔNG NGHỆ"
place = "Đồng Đăng"
reveal = {reveal}
[accept]
grounds = ["Hợp đồng số 245/2026/HĐ-VNPT ngày 05/01/2026", "Kế hoạch vận hành thử số 12/KH"]
[[accept.party]]
role = "Bên giao (nhà mạng)"
organisation = "VNPT Lạng Sơn"
people = ["Ông Nguyễn Văn A, kỹ thuật viên"]
[[accept.party]]
role = "Bên nhận"
organisation = "UBND xã Đồng Đăng"
"""


def repeated(found: dict[str, Any]) -> None:
    """Figures that no other figure equals, a step that was tried three times, every target judged."""
    for at, step in enumerate(found["steps"]):
        step |= {"rtt_p95_ms": 5.0 + at / 10 + 0.03, "delay_variation_ms": 1.0 + at / 7, "loss_ratio": at / 1e5}
        step["received_ip_mbps"] = step["asked_ip_mbps"] * (1 - at / 1e4)
        step["received_mbps"] = step["received_ip_mbps"]
        step |= {"verdict": "pass", "reasons": []}
    last = found["steps"][4]
    last |= {"received_ip_mbps": 80.123, "received_mbps": 80.123, "loss_ratio": 0.19877, "verdict": "fail"}
    last |= {"reasons": ["rate_below_contract", "loss_above_target"], "notes": ["step_repeated"]}
    last["attempts"] = [{**last, "received_ip_mbps": 81.456, "received_mbps": 81.456, "notes": []}]
    found["targets"] |= {"rtt_ms": 30.0, "mtu": 1500}
    found["parts"] = [
        {"name": "path_mtu", "verdict": "pass", "reasons": []},
        {"name": "base_rtt", "verdict": "pass", "reasons": []},
    ]
    found["proof"] = {"interface": "eth0", "source": "10.1.2.3", "gateway": "10.1.2.254"}
    for at, one in enumerate(found["tcp"]):
        one |= {"loaded_rtt_p95_ms": 22.5 + at, "base_rtt_ms": 5.25 + at, "loaded_rtt_mean_ms": 15.75 + at}


def make(found: dict[str, Any], out: Path, registry: Path, *, reveal: bool = False) -> dict[str, bytes]:
    """The paper in every format, by its name; the bundle as `jsonl`."""
    source, settings = out / "in.json", out / "paper.toml"
    out.mkdir()
    source.write_bytes(document(found))
    settings.write_text(SETTINGS.format(reveal=str(reveal).lower()), encoding="utf-8")
    words = ["--from", str(source), "--registry", str(registry), "--settings", str(settings), "--format", FORMS]
    assert main([*words, "--out", str(out / "o")]) == 0
    return {file.suffix[1:]: file.read_bytes() for file in (out / "o").iterdir()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One record in every format, for tests that only read it."""
    folder = tmp_path_factory.mktemp("record")
    (folder / "sites.toml").write_text(REGISTRY, encoding="utf-8")
    before = list(language._chosen)
    language.choose_language("vi")
    found = make(evidence(repeated), folder / "papers", folder / "sites.toml")
    language._chosen[:] = before
    return found


def figures(found: dict[str, Any]) -> Iterator[tuple[float, int]]:
    """Every measured figure of the evidence that the paper shows, with the decimals of the printed one."""
    for step in [one for every in found["steps"] for one in (every, *every.get("attempts", []))]:
        yield step["received_ip_mbps"], 2
        yield round(step["loss_ratio"] * 100, 9), 3
        yield step["rtt_p95_ms"], 1
        yield step["delay_variation_ms"], 1
    for one in found["tcp"]:
        yield from ((one["seconds"], 1), (one["mean_mbps"], 2), (one["ideal_mbps"], 2))
        yield from ((one["base_rtt_ms"], 1), (one["loaded_rtt_mean_ms"], 1), (one["loaded_rtt_p95_ms"], 1))
        yield one["transfer_time_ratio"], 3
    yield from ((found["base_rtt"]["rtt_p50_ms"], 1), (found["base_rtt"]["rtt_p95_ms"], 1), (1500, 0))


def test_every_figure_of_the_bundle_stands_in_every_format(made: dict[str, bytes]) -> None:
    found = json.loads(made["jsonl"].split(b"\n")[1])["evidence"]
    printed = {"docx": docx_text(made["docx"]), "pdf": pdf_text(made["pdf"])}
    cells = [v for rows in sheets(made["xlsx"]).values() for row in rows for v in row if isinstance(v, (int, float))]
    fields = {field for row in csv_rows(made["csv"]) for field in row}
    for value, decimals in figures(found):
        for form, text in printed.items():
            whole = number(value, 0, "vi") if float(value).is_integer() else None
            shown = {squeezed(number(value, decimals, "vi")), *([squeezed(whole)] if whole else [])}
            assert any(one in text for one in shown), (form, value)
        assert any(abs(cell - value) < 1e-9 for cell in cells), ("xlsx", value)
        assert any(_same(field, value) for field in fields), ("csv", value)


def _same(field: str, value: float) -> bool:
    try:
        return abs(float(field.replace(",", ".")) - value) < 1e-9
    except ValueError:
        return False


def test_each_row_of_the_steps_has_its_own_figures_in_order(made: dict[str, bytes]) -> None:
    found = json.loads(made["jsonl"].split(b"\n")[1])["evidence"]
    rows = [row for row in sheets(made["xlsx"])["Các bước"] if row[0] and str(row[0]).startswith("Tải")]
    wanted = [
        (s["asked_mbps"], s["received_mbps"], s["received_ip_mbps"], round(s["loss_ratio"] * 100, 9), s["rtt_p95_ms"], s["delay_variation_ms"])
        for s in found["steps"]
    ]  # fmt: skip
    assert [pytest.approx(row[1:7]) for row in rows] == [list(one) for one in wanted]
    assert [row[7] for row in rows] == ["Đạt"] * 4 + ["Không đạt"] + ["Đạt"] * 5
    others = [row for row in sheets(made["xlsx"])["Các lần đo khác"] if row[0] and str(row[0]).startswith("Tải")]
    assert [(row[0], row[2]) for row in others] == [
        ("Tải xuống 100 %".replace(" %", "\u00a0%") + ", lần khác 1", 81.456)
    ]


def test_layers_are_those_of_the_bundle_by_its_own_headers(made: dict[str, bytes]) -> None:
    rows = sheets(made["xlsx"])["Theo tầng"]
    values = sorted(
        next(v for v in row if isinstance(v, float)) for row in rows if any(isinstance(v, float) for v in row)
    )
    ip = 80.123  # a frame of 1250 octets IP is 1268, on the wire 1288; TCP carries 1448 of 1500
    assert values == pytest.approx([ip * 1448 / 1500, ip, ip * 1268 / 1250, ip * 1288 / 1250])


def test_it_has_the_parts_of_a_record(made: dict[str, bytes]) -> None:
    text = pdf_text(made["pdf"])
    for words in (
        "Căn cứ Hợp đồng số 245/2026/HĐ-VNPT ngày 05/01/2026;", "Căn cứ Kế hoạch vận hành thử số 12/KH.",
        "THÀNH PHẦN", "1. Bên giao (nhà mạng): VNPT Lạng Sơn", "- Ông Nguyễn Văn A, kỹ thuật viên", "2. Bên nhận: UBND xã Đồng Đăng",
        "09 giờ 00 ngày 22/11/2026", "Trụ sở Đảng ủy – UBND, xã Đồng Đăng, tỉnh Lạng Sơn (mã điểm đo: xa-dong-dang)",
        "10000000abcdef", "02:00:00:00:00:01", "Phiên bản phần mềm", "VNPT Lạng Sơn; 245/2026/HĐ-VNPT (từ 01/01/2026 đến 31/12/2036)",
        "hợp đồng không ghi tầng, tính ở tầng IP", "Kết quả: KHÔNG ĐẠT.",
        "- Tốc độ nhận được thấp hơn mức hợp đồng (đã trừ dung sai) (bước: Tải xuống 100 %).",
        "ĐẠI DIỆN BÊN GIAO", "ĐẠI DIỆN BÊN NHẬN", "Đồng Đăng, ngày", "DỰ THẢO",
    ):  # fmt: skip
        assert squeezed(words) in text, words
        assert words.startswith(("ĐẠI", "DỰ")) or squeezed(words) in docx_text(made["docx"]), words
    assert pages(made["pdf"]) <= 4


@pytest.mark.parametrize("reveal", [False, True])
def test_what_is_internal_is_hidden_unless_the_settings_reveal_it(
    reveal: bool, made: dict[str, bytes], tmp_path: Path, registry: Path
) -> None:
    found = make(evidence(repeated), tmp_path / "papers", registry, reveal=True) if reveal else made
    cells = " ".join(str(v) for rows in sheets(found["xlsx"]).values() for row in rows for v in row)
    texts = [pdf_text(found["pdf"]), docx_text(found["docx"]), cells, found["csv"].decode(), found["json"].decode()]
    for text in texts:
        for secret in ("10.1.2.3", "10.1.2.254", "192.0.2.1", "Raspberry" if text is not texts[0] else "RaspberryPi5"):
            assert (secret in text) is reveal, secret
    assert b"10.1.2.3" in found["jsonl"]


def test_the_qr_picture_is_the_hash_of_the_bundle_as_sha256sum_says_it(made: dict[str, bytes]) -> None:
    sha256 = hashlib.sha256(made["jsonl"]).hexdigest()
    assert squeezed(" ".join(sha256[at : at + 8] for at in range(0, 64, 8))) in pdf_text(made["pdf"])
    with zipfile.ZipFile(BytesIO(made["docx"])) as archive:
        (picture,) = (archive.read(name) for name in archive.namelist() if name.startswith("word/media/"))
    wanted = [list(map(bool, row)) for row in segno.make(f"sha256:{sha256}", error="m", micro=False).matrix]
    other = [list(map(bool, row)) for row in segno.make(f"sha256:{'0' * 64}", error="m", micro=False).matrix]
    assert modules(picture, len(wanted)) == wanted
    assert wanted != other


def modules(picture: bytes, count: int) -> list[list[bool]]:
    """The dark modules of a PNG of a QR picture with four modules of white around it."""
    width, rows = pixels(picture)
    step = width / (count + 8)
    places = [int((4.5 + at) * step) for at in range(count)]
    return [[rows[y][x] < 128 for x in places] for y in places]


def pixels(picture: bytes) -> tuple[int, list[list[int]]]:
    """The first channel of an 8-bit PNG (W3C PNG, §9: filters 0 to 4)."""
    at, data, width, height, channels = 8, b"", 0, 0, 1
    while at < len(picture):
        (length,) = struct.unpack_from(">I", picture, at)
        kind, body = picture[at + 4 : at + 8], picture[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack_from(">IIBB", body)
            assert depth == 8
            channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
        data += body if kind == b"IDAT" else b""
        at += 12 + length
    raw, before, rows, size = zlib.decompress(data), bytearray(width * channels), [], width * channels
    for line in range(height):
        start = line * (size + 1)
        now = bytearray(raw[start + 1 : start + 1 + size])
        for x in range(size):
            a, b, c = (now[x - channels], before[x], before[x - channels]) if x >= channels else (0, before[x], 0)
            nearest = min(((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c)))[2]
            now[x] = (now[x] + (0, a, b, (a + b) // 2, nearest)[raw[start]]) & 255
        rows.append([now[x] for x in range(0, size, channels)])
        before = now
    return width, rows


OPEN_WORDS = ("Kết quả: ĐẠT", "Kết quả: KHÔNG ĐẠT", "đủ điều kiện để các bên nghiệm thu", "không đáp ứng")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (limited, ("Kết quả: THIẾT BỊ ĐO GIỚI HẠN.", "chưa kết luận được về đường truyền", "- Cổng mạng của thiết bị đo chậm hơn mức cần để chứng minh tốc độ hợp đồng.", "chưa phát gói đo nào")),
        (refused, ("Kết quả: CHƯA ĐỦ CĂN CỨ.", "Chưa đủ căn cứ để kết luận", "không phải đánh giá về đường truyền", "Chưa đo đến bước này (bước: ")),
    ],
)  # fmt: skip
def test_a_run_that_proves_nothing_never_looks_like_a_pass_or_a_fail(
    change: Callable[[dict[str, Any]], None], words: tuple[str, ...], tmp_path: Path, registry: Path
) -> None:
    found = make(evidence(change), tmp_path / "papers", registry)
    for text in (pdf_text(found["pdf"]), docx_text(found["docx"])):
        for one in words:
            assert squeezed(one) in text, one
        for one in OPEN_WORDS:
            assert squeezed(one) not in text, one
    outcomes = {field for row in csv_rows(found["csv"]) for field in row}
    assert not outcomes & {"Đạt", "Không đạt"}


def test_reasons_of_meters_are_vietnamese_words_and_unknown_codes_are_named_as_codes(
    tmp_path: Path, registry: Path
) -> None:
    def change(found: dict[str, Any]) -> None:
        refused(found)
        found["steps"][0]["reasons"] = ["not_measured", "from_the_future"]
        found["reasons"] = ["not_measured", "far_end_busy", "from_the_future", "not_reached"]

    text = pdf_text(make(evidence(change), tmp_path / "papers", registry)["pdf"])
    assert "far_end_busy" not in text
    assert squeezed("Phép đo báo mã «from_the_future» (bước: Tải xuống 25") in text


def test_a_figure_just_below_its_mark_is_not_rounded_onto_it(tmp_path: Path, registry: Path) -> None:
    def change(found: dict[str, Any]) -> None:
        passed(found)
        found["steps"][9] |= {"received_ip_mbps": 96.9996, "received_mbps": 96.9996}
        found["steps"][0]["loss_ratio"] = 0.0009999

    text = pdf_text(make(evidence(change), tmp_path / "papers", registry)["pdf"])
    assert "96,9996" in text
    assert "0,09999" in text
    assert f"bien-ban-nghiem-thu_{MARK}" not in text
