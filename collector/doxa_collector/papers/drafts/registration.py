"""Phụ lục của phiếu đăng ký: the p95 evidence for keeping or raising a line's bandwidth.

Thông tư 06/2026/TT-BKHCN, Đ.11: registration before 31/01; more than 20 % more lines or bandwidth needs a justification.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from doxa_collector.assess.p95 import MOST, Way, Week
from doxa_collector.assess.p95_words import sentence
from doxa_collector.papers.machine import machine
from doxa_collector.papers.model import Align, Bar, BarChart, Block, Cell, Column, Document, Heading, Table
from doxa_collector.papers.parts import (
    ended,
    figure,
    grounds,
    head,
    paragraph,
    point,
    said,
    signer,
    tabled,
    verdict,
)
from doxa_collector.papers.period import day
from doxa_collector.papers.secrecy import NOTE, hides, veiled
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.papers.sources import Ground, doubtful, legend, read_in_full
from doxa_collector.verdict import VerdictOutcome

JUSTIFY_ABOVE: Final = 0.2
"""The rise from which a detailed justification is due (Đ.11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class P95Day:
    """One day of one direction; `ratio` is p95 of the capacity."""

    day: date
    samples: int
    expected: int
    p95_mbps: float | None
    capacity_mbps: float | None
    ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class P95Way:
    """One direction over its seven days."""

    direction: str
    """`download`, `upload`."""
    outcome: VerdictOutcome
    ratio: float | None
    sentence: str
    days: tuple[P95Day, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredLine:
    """One line that is registered: what it has, what is asked for, and the evidence."""

    code: str
    place: str
    link: str
    provider: str = ""
    channels: int | None = None
    have_mbps: float | None = None
    want_mbps: float | None = None
    ways: tuple[P95Way, ...] = ()

    @property
    def rise(self) -> float | None:
        """How much more bandwidth is asked for, as a share of what it has; None where either is not known."""
        if not self.have_mbps or self.want_mbps is None:
            return None
        return self.want_mbps / self.have_mbps - 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The annex of one unit."""

    area: str
    year: int
    made_on: date
    lines: tuple[RegisteredLine, ...]
    grounds: tuple[Ground, ...] = ()


def from_week(week: Week) -> tuple[P95Way, ...]:
    """The evidence of `assess.p95` as this paper needs it."""
    return tuple(_way(way) for way in week.ways)


def _way(way: Way) -> P95Way:
    from doxa_collector.assess.traffic import PER_DAY

    days = tuple(
        P95Day(
            day=found.day,
            samples=found.samples,
            expected=PER_DAY,
            p95_mbps=found.p95_mbps,
            capacity_mbps=found.capacity_mbps,
            ratio=found.share,
        )
        for found in way.days
    )
    return P95Way(direction=way.direction, outcome=way.outcome, ratio=way.share, sentence=sentence(way).vi, days=days)


def registration_annex(data: Registration, settings: PaperSettings) -> Document:
    """The annex: a table of all lines, then the seven days of each."""
    data = veiled(data, reveal=settings.reveal, tslcd=True)
    notes: list[Block] = [*doubtful(data.grounds), *legend(g.mark for g in data.grounds)]
    notes += [paragraph(NOTE, small=True)] if hides(data) else []
    steep = [line for line in data.lines if line.rise is not None and line.rise > JUSTIFY_ABOVE + 1e-9]
    body: list[Block] = [
        *grounds(read_in_full(data.grounds)),
        Heading(1, "DANH SÁCH KẾT NỐI ĐĂNG KÝ"),
        _overview(data),
        *_justified(steep),
        Heading(1, "BẰNG CHỨNG LƯU LƯỢNG (BÁCH PHÂN VỊ 95)"),
        paragraph(_RULE),
        *(block for line in data.lines for block in _evidence(line)),
    ]
    return Document(
        head=head(
            settings,
            "PHỤ LỤC PHIẾU ĐĂNG KÝ",
            "",
            f"Kết nối mạng truyền số liệu chuyên dùng năm {data.year}\ncủa {data.area}",
        ),
        blocks=(*ended(body), *notes),
        signatures=signer(settings),
        made_on=data.made_on,
        data=machine(data),
    )


def _overview(data: Registration) -> Table:
    columns = [
        ("TT", Column(width=9, align=Align.CENTRE)),
        ("Mã", Column(width=15, align=Align.CENTRE)),
        ("Xã, phường; kết nối", Column(width=45)),
        ("Số kênh", Column(width=13, align=Align.RIGHT)),
        ("Băng thông hiện có (Mbps)", Column(width=22, align=Align.RIGHT)),
        ("Đăng ký (Mbps)", Column(width=20, align=Align.RIGHT)),
        ("Tăng (%)", Column(width=17, align=Align.RIGHT)),
        ("p95 / dung lượng (%)", Column(width=22, align=Align.RIGHT)),
    ]
    return tabled("Đăng ký", columns, (_row(at, line) for at, line in enumerate(data.lines, 1)), size=10.5)


def _row(at: int, line: RegisteredLine) -> tuple[Cell, ...]:
    shares = [way.ratio for way in line.ways if way.ratio is not None]
    return (
        figure(at, decimals=0),
        Cell(text=line.code),
        Cell(text=line.place, note="; ".join(part for part in (line.link, line.provider) if part)),
        figure(line.channels, decimals=0),
        figure(line.have_mbps, decimals=_few(line.have_mbps)),
        figure(line.want_mbps, decimals=_few(line.want_mbps)),
        figure(None if line.rise is None else round(100 * line.rise, 9), decimals=1),
        figure(round(100 * max(shares), 9) if shares else None, decimals=1),
    )


def _few(value: float | None) -> int:
    return 0 if value is None or float(value).is_integer() else 1


def _justified(steep: list[RegisteredLine]) -> Iterator[Block]:
    if steep:
        yield paragraph(
            f"{len(steep)} kết nối đăng ký tăng băng thông trên {said(100 * JUSTIFY_ABOVE)} %, cần thuyết minh chi tiết "
            "(Thông tư 06/2026/TT-BKHCN, Điều 11):"
        )
        yield from (
            point(f"{line.place} ({line.code}): tăng {said(100 * (line.rise or 0), '%', 1)}; thuyết minh: ……………")
            for line in steep
        )


def _evidence(line: RegisteredLine) -> Iterator[Block]:
    yield Heading(2, f"{line.place} ({line.code}): {line.link}")
    if not line.ways:
        yield paragraph("Lưu lượng 5 phút của kết nối này: chưa có số liệu.")
        return
    yield _days(line)
    yield from (point(f"{way.sentence}.") for way in line.ways)
    bars = tuple(
        Bar(label=f"{day(one.day)[:5]}", value=None if one.ratio is None else 100 * one.ratio, series=at)
        for row in zip(*(way.days for way in line.ways), strict=True)
        for at, one in enumerate(row)
    )
    yield BarChart(
        title=f"Bách phân vị 95 theo ngày, {line.place}",
        unit="% dung lượng",
        series=tuple(_DIRECTIONS.get(way.direction, way.direction) for way in line.ways),
        bars=bars,
        target=100 * MOST,
        target_label=f"ngưỡng {said(100 * MOST)} %",
    )


def _days(line: RegisteredLine) -> Table:
    count = len(line.ways)
    top = (
        Cell(text="Ngày", rows=2),
        *(Cell(text=_DIRECTIONS.get(way.direction, way.direction), columns=4) for way in line.ways),
    )
    below = tuple(
        Cell(text=words) for _ in line.ways for words in ("Số mẫu", "p95 (Mbps)", "Dung lượng (Mbps)", "Tỷ lệ (%)")
    )
    columns = (
        Column(width=21, align=Align.CENTRE),
        *(Column(width=width, align=Align.RIGHT) for _ in line.ways for width in (16, 17, 21, 17)),
    )
    rows = []
    for place, first in enumerate(line.ways[0].days):
        cells = [Cell(text=day(first.day))]
        for way in line.ways:
            one = way.days[place]
            ratio = None if one.ratio is None else round(100 * one.ratio, 9)
            cells += [
                figure(
                    one.samples, decimals=0, note=f"trên {said(one.expected)}" if one.samples < one.expected else ""
                ),
                figure(one.p95_mbps, decimals=2),
                figure(one.capacity_mbps, decimals=_few(one.capacity_mbps)),
                figure(ratio, decimals=_beside_limit(one.ratio)),
            ]
        rows.append(tuple(cells))
    outcome = (Cell(text="Đánh giá", bold=True), *(_outcome(way) for way in line.ways))
    name = f"p95 {line.code}"
    return Table(name=name, columns=columns, header=(top, below), rows=(*rows, outcome) if count else (), size=10)


def _outcome(way: P95Way) -> Cell:
    found = verdict(way.outcome)
    return Cell(text=found.text, tone=found.tone, bold=True, columns=4, align=Align.CENTRE)


def _beside_limit(ratio: float | None) -> int:
    """As many decimals as keep a share on its side of the rule's."""
    if ratio is None:
        return 1
    return next((n for n in (1, 2, 3) if (round(ratio, n + 2) > MOST) is (ratio > MOST)), 4)


_DIRECTIONS: Final = {"download": "tải xuống", "upload": "tải lên"}
_RULE: Final = (
    "Mỗi chiều lấy mẫu 5 phút trong 7 ngày liên tiếp; bách phân vị 95 được so với 90 % dung lượng kết nối (Thông tư "
    "06/2026/TT-BKHCN, Điều 5 khoản 6; đọc từ bản sao nhận dạng chữ, đơn vị đối chiếu với bản chính thức)."
)
