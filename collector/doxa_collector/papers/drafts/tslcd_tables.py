"""The tables of the monthly TSLCD report: a row a line, and one with a column a day."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from doxa_collector.assess.p95 import ENOUGH, exceeds
from doxa_collector.papers.drafts.tslcd_records import P95Day, TslcdIncident, TslcdLine, TslcdMonth, TslcdWay
from doxa_collector.papers.model import NO_FIGURE, Align, Cell, Column, Table, Tone
from doxa_collector.papers.parts import count_width, figure, said, shortest, tabled, verdict, whole
from doxa_collector.papers.sources import sign
from doxa_core.language import VIETNAM_TIME

WAYS: Final = {"download": "tải xuống", "upload": "tải lên"}
DASH: Final = "–"
DASHES: Final = "«–»: chưa có số liệu."
NO_DEMAND: Final = "không có mức"
NOT_CONCLUDED: Final = "chưa kết luận khi khóa sổ"
MEASURED: Final = (
    "Độ khả dụng: của thời gian có bằng chứng, chỉ nêu khi bằng chứng phủ ít nhất nửa kỳ; «chưa rõ»: thời gian không có phép đo. Độ trễ: trung vị và bách phân vị 95, qua các lần đo, "
    "của trung vị từng lần đo, tới đầu xa được đo nhiều nhất. Mất gói: trong các lần đo có trả lời. Biến động trễ: trung vị, qua các lần "
    f"đo, của PDV p95 (RFC 5481). {DASHES}"
)


def beside_limit(ratio: float | None) -> int:
    """As many decimals of a percentage as keep a share on its side of the rule's."""
    if ratio is None:
        return 1
    return next((n for n in (1, 2, 3) if exceeds(round(ratio, n + 2)) is exceeds(ratio)), 4)


def share_words(ratio: float | None) -> str:
    """A share of the capacity within a sentence."""
    return NO_FIGURE if ratio is None else said(100 * ratio, "%", beside_limit(ratio))


def _figure(value: float | None, decimals: int, *, note: str = "") -> Cell:
    """A number, or a dash: three words in a column for five digits make a row of one line a row of three."""
    return figure(value, decimals=decimals, note=note, absent=DASH)


def _count(value: int | None) -> Cell:
    return _figure(value, 0)


def _percent(ratio: float | None, decimals: int, *, note: str = "") -> Cell:
    return _figure(None if ratio is None else round(100 * ratio, 9), decimals, note=note)


def _mbps(value: float | None) -> Cell:
    return _figure(value, 0 if value is None else shortest(value))


def _columns(*parts: tuple[float, Align]) -> tuple[Column, ...]:
    return tuple(Column(width=width, align=align) for width, align in parts)


_L, _C, _R = Align.LEFT, Align.CENTRE, Align.RIGHT


# --- a row a line


def line_table(data: TslcdMonth) -> Table:
    """Contract, availability, quality, incidents, and how the line stands to a wanted rate."""
    columns = _columns(
        (count_width(8, len(data.lines)), _C), (13, _C), (40, _L), (22, _L), (14, _R), (14, _R), (17, _R), (15, _R), (12, _R), (15, _R), (15, _R),
        (15, _R), (14, _R), (16, _R), (12, _R), (25, _C),
    )  # fmt: skip
    top = (
        *(Cell(text=words, rows=2) for words in ("TT", "Mã", "Xã, phường", "Nhà cung cấp")),
        Cell(text="Dung lượng (Mbps)", columns=2),
        Cell(text="Độ khả dụng (%)", rows=2),
        Cell(text="Chưa rõ (giờ)", rows=2),
        Cell(text="Mất kết nối", columns=2),
        Cell(text="Độ trễ (ms)", columns=2),
        Cell(text="Mất gói (%)", rows=2),
        Cell(text="Biến động trễ (ms)", rows=2),
        Cell(text="Số sự cố", rows=2),
        Cell(text="Mức yêu cầu", rows=2),
    )
    below = tuple(Cell(text=w) for w in ("xuống", "lên", "số lần", "phút", "trung vị", "p95"))
    rows = tuple(_line(at, line) for at, line in enumerate(data.lines, 1))
    return Table(name="Số liệu TSLCD", columns=columns, header=(top, below), rows=rows, size=9)


def _line(at: int, line: TslcdLine) -> tuple[Cell, ...]:
    return (
        whole(at),
        Cell(text=line.code),
        Cell(text=line.place, note="\n".join(part for part in (line.link, *line.changes, *line.notes) if part)),
        Cell(text=line.provider or NO_FIGURE),
        _mbps(line.down_mbps),
        _mbps(line.up_mbps),
        _percent(line.availability_ratio, 2),
        _figure(None if line.unknown_s is None else line.unknown_s / 3600, 1),
        _count(line.outages),
        _figure(None if line.down_s is None else line.down_s / 60, 0),
        _figure(line.rtt_p50_ms, 1),
        _figure(line.rtt_p95_ms, 1),
        _percent(line.loss_ratio, 2),
        _figure(line.pdv_p95_ms, 1),
        whole(len(line.incidents)),
        _demand(line),
    )


def _demand(line: TslcdLine) -> Cell:
    found = line.demand
    if found is None:
        return Cell(text=NO_DEMAND)
    cell = verdict(found.outcome)
    value = "" if found.value_mbps is None else said(found.value_mbps, "Mbps", 1)
    counted = f"n = {said(found.samples)}" if found.samples else ""
    parts = [
        f"≥ {said(found.mbps, 'Mbps')}{sign(found.mark)}",
        ", ".join(p for p in (value, found.layer, counted) if p),
    ]
    return Cell(text=cell.text, tone=cell.tone, bold=cell.bold, note="\n".join(part for part in parts if part))


def capacity_table(data: TslcdMonth) -> Table:
    """The p95 rule: the month, the fullest seven days, samples, and the seven-day periods by outcome."""
    of_way = ((17, _R), (16, _R), (26, _R), (18, _R), (14, _R))
    first = count_width(8, len(data.lines))
    columns = _columns((first, _C), (13, _C), (38, _L), *of_way, *of_way, (12, _R), (12, _R), (14, _R), (25, _C))
    top = (
        *(Cell(text=words, rows=2) for words in ("TT", "Mã", "Xã, phường")),
        *(Cell(text=words.capitalize(), columns=5) for words in WAYS.values()),
        Cell(text="Giai đoạn 7 ngày", columns=3),
        Cell(text="Quy tắc dung lượng", rows=2),
    )
    words = ("p95 tháng (Mbps)", "p95 tháng (%)", "7 ngày đầy nhất (%)", "số mẫu", "thiếu")
    below = tuple(Cell(text=w) for w in (*words, *words, "đạt", "vượt", "chưa đủ"))
    rows = tuple(_capacity(at, line) for at, line in enumerate(data.lines, 1))
    return Table(name="Dung lượng", columns=columns, header=(top, below), rows=rows, size=9)


def _capacity(at: int, line: TslcdLine) -> tuple[Cell, ...]:
    by_name = {way.direction: way for way in line.ways}
    return (
        whole(at),
        Cell(text=line.code),
        Cell(text=line.place, note=line.link),
        *(cell for name in WAYS for cell in _way(by_name.get(name))),
        whole(line.weeks_met),
        whole(line.weeks_above),
        whole(line.weeks_open),
        verdict(line.p95_outcome),
    )


def _way(way: TslcdWay | None) -> Iterator[Cell]:
    if way is None:
        yield from (Cell(text=DASH) for _ in range(5))
        return
    when = "" if way.peak_first is None or way.peak_last is None else f"{way.peak_first:%d/%m}–{way.peak_last:%d/%m}"
    yield _figure(way.p95_mbps, 2)
    yield _percent(way.p95_ratio, beside_limit(way.p95_ratio))
    yield _percent(way.peak_ratio, beside_limit(way.peak_ratio), note=when)
    yield whole(way.samples)
    yield whole(way.expected - way.samples)


# --- a column a day


def daily_table(data: TslcdMonth) -> Table:
    """Two rows a line, one a direction; every day's 95th percentile as a percentage of that day's capacity."""
    days = data.days
    columns = (Column(width=26), Column(width=11, align=_C), *(Column(width=7.1, align=_R) for _ in days))
    header = ((Cell(text="Xã, phường"), Cell(text="Chiều"), *(Cell(text=str(one.day)) for one in days)),)
    rows = []
    for line in data.lines:
        for at, (name, words) in enumerate(WAYS.items()):
            way = next((one for one in line.ways if one.direction == name), None)
            there = {} if way is None else {one.day: one for one in way.days}
            left = [Cell(text=_short(line, data), rows=len(WAYS))] if at == 0 else []
            rows.append((*left, Cell(text=words.removeprefix("tải ")), *(_day(there.get(one)) for one in days)))
    return Table(name="p95 theo ngày", columns=columns, header=header, rows=tuple(rows), size=6.5)


def _short(line: TslcdLine, data: TslcdMonth) -> str:
    """The place, with the line's name where a place has several."""
    several = sum(one.code == line.code for one in data.lines) > 1
    return f"{line.place}, {line.link}" if several else line.place


def _day(found: P95Day | None) -> Cell:
    if found is None or found.ratio is None:
        return Cell(text=DASH)
    tone = Tone.BAD if exceeds(found.ratio) else Tone.OPEN if found.samples < ENOUGH else None
    value = round(100 * found.ratio, 9)
    return Cell(number=value, decimals=beside_limit(found.ratio), tone=tone, bold=tone is Tone.BAD)


# --- incidents, evidence


def incident_table(data: TslcdMonth) -> Table:
    """A row for each incident at each line."""
    columns = [
        ("Sự cố số", Column(width=15, align=_C)),
        ("Xã, phường", Column(width=36)),
        ("Nguyên nhân", Column(width=38)),
        ("Từ", Column(width=24, align=_C)),
        ("Đến", Column(width=24, align=_C)),
        ("Phút", Column(width=15, align=_R)),
        ("Ghi chú", Column(width=30)),
    ]
    rows = (_incident(line, one) for line in data.lines for one in line.incidents)
    return tabled("Sự cố", columns, rows, size=10)


def _incident(line: TslcdLine, one: TslcdIncident) -> tuple[Cell, ...]:
    notes = [
        "" if one.lost else "không mất kết nối",
        "suy ra" if one.inferred else "",
        "bảo trì theo kế hoạch" if one.planned else "",
        "bắt đầu trước kỳ" if one.before else "",
        "còn tiếp diễn sau kỳ" if one.lasts else "",
    ]
    return (
        whole(one.number),
        Cell(text=line.place, note=", ".join(part for part in (line.code, line.link) if part)),
        Cell(text=one.cause or NOT_CONCLUDED),
        Cell(text=_moment(one.began)),
        Cell(text=_moment(one.ended)),
        figure(one.seconds / 60, decimals=0),
        Cell(text="; ".join(note for note in notes if note) or "–"),
    )


def _moment(at: datetime) -> str:
    return at.astimezone(VIETNAM_TIME).strftime("%d/%m/%Y %H:%M")


def proof_table(data: TslcdMonth) -> Table:
    """What availability and traffic of each line stand on."""
    columns = [
        ("Xã, phường", Column(width=28)),
        ("Độ khả dụng dựa trên", Column(width=42)),
        ("Bản ghi lưu lượng", Column(width=17, align=_R)),
        ("Từ số", Column(width=15, align=_R)),
        ("Đến số", Column(width=15, align=_R)),
        ("SHA-256", Column(width=66)),
    ]
    return tabled("Bằng chứng", columns, (_proof(line) for line in data.lines), size=9)


def _proof(line: TslcdLine) -> tuple[Cell, ...]:
    proof = line.proof
    digest = "" if proof is None or proof.sha256 is None else proof.sha256
    return (
        Cell(text=line.place, note=", ".join(part for part in (line.code, line.link) if part)),
        Cell(text=line.availability_from or NO_FIGURE),
        whole(None if proof is None else proof.n),
        whole(None if proof is None else proof.first),
        whole(None if proof is None else proof.last),
        Cell(text="\n".join(part for part in (digest[:32], digest[32:]) if part) or NO_FIGURE),
    )
