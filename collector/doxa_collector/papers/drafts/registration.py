"""Phụ lục của phiếu đăng ký: the p95 evidence for keeping or raising a line's bandwidth.

Thông tư 06/2026/TT-BKHCN, Đ.11: registration before 31/01; more than 20 % more lines or bandwidth needs a justification.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from doxa_collector.assess.p95 import MOST, Way, Week
from doxa_collector.assess.p95_words import sentence
from doxa_collector.assess.traffic import PER_DAY
from doxa_collector.papers.drafts.tslcd_month import internal
from doxa_collector.papers.drafts.tslcd_records import P95Day
from doxa_collector.papers.drafts.tslcd_tables import WAYS, beside_limit
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
    shortest,
    signer,
    tabled,
    verdict,
)
from doxa_collector.papers.period import day
from doxa_collector.papers.secrecy import NOTE, hides, veiled
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.papers.sources import Ground, doubtful, legend, read_in_full
from doxa_collector.verdict import VerdictOutcome

__all__ = ["JUSTIFY_ABOVE", "P95Day", "P95Way", "RegisteredLine", "Registration", "from_week", "registration_annex"]
JUSTIFY_ABOVE: Final = 0.2
"""The rise from which a detailed justification is due (Đ.11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class P95Way:
    """One direction over its seven days."""

    direction: str
    """`download`, `upload`."""
    outcome: VerdictOutcome
    ratio: float | None
    p95_mbps: float | None = None
    """The same percentile in Mbps."""
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
    have_up_mbps: float | None = None
    """Where it differs from `have_mbps`, which is then the download's."""
    want_mbps: float | None = None
    need_mbps: float | None = None
    """The smallest whole capacity of which the seven days' percentile is not above the rule's share."""
    outcome: VerdictOutcome | None = None
    """Of the whole time that was looked at; None: not judged."""
    looked_at: str = ""
    """That time, in words."""
    conclusion: tuple[str, ...] = ()
    """Whether more is needed, and why or why not: sentences without full stops."""
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
    provisional: bool = False
    """The evidence lies in a month that is not closed."""
    lines: tuple[RegisteredLine, ...]
    grounds: tuple[Ground, ...] = ()


def from_week(week: Week, p95_mbps: dict[str, float] | None = None) -> tuple[P95Way, ...]:
    """The evidence of `assess.p95` as this paper needs it; `p95_mbps` are the seven days' percentiles by direction."""
    return tuple(_way(way, (p95_mbps or {}).get(way.direction)) for way in week.ways)


def _way(way: Way, p95_mbps: float | None) -> P95Way:
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
    return P95Way(
        direction=way.direction, outcome=way.outcome, ratio=way.share, p95_mbps=p95_mbps, sentence=sentence(way).vi,
        days=days,
    )  # fmt: skip


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
        *([paragraph(_OPEN)] if data.provisional else []),
        *(block for line in data.lines for block in _evidence(line)),
        paragraph(_KEPT),
    ]
    return Document(
        head=head(
            settings,
            "PHỤ LỤC PHIẾU ĐĂNG KÝ",
            "",
            f"Kết nối mạng truyền số liệu chuyên dùng năm {data.year}\ncủa {data.area}",
        ),
        blocks=(internal(), *ended(body), *notes),
        signatures=signer(settings),
        made_on=data.made_on,
        data=machine(data),
    )


def _overview(data: Registration) -> Table:
    columns = [
        ("TT", Column(width=9, align=Align.CENTRE)),
        ("Mã", Column(width=15, align=Align.CENTRE)),
        ("Xã, phường; kết nối", Column(width=43)),
        ("Dung lượng hiện có (Mbps)", Column(width=21, align=Align.RIGHT)),
        ("Đăng ký (Mbps)", Column(width=18, align=Align.RIGHT)),
        ("Tăng (%)", Column(width=15, align=Align.RIGHT)),
        ("p95 / dung lượng (%)", Column(width=21, align=Align.RIGHT)),
        ("Quy tắc dung lượng", Column(width=22, align=Align.CENTRE)),
    ]
    return tabled("Đăng ký", columns, (_row(at, line) for at, line in enumerate(data.lines, 1)), size=10.5)


def _row(at: int, line: RegisteredLine) -> tuple[Cell, ...]:
    shares = [way.ratio for way in line.ways if way.ratio is not None]
    fullest = max(shares, default=None)
    up = "" if line.have_up_mbps is None else f"tải lên {said(line.have_up_mbps)}"
    about = [line.link, line.provider, "" if line.channels is None else f"{line.channels} kênh"]
    return (
        figure(at, decimals=0),
        Cell(text=line.code),
        Cell(text=line.place, note="; ".join(part for part in about if part)),
        figure(line.have_mbps, decimals=_few(line.have_mbps), note=up),
        figure(line.want_mbps, decimals=_few(line.want_mbps), absent="không đổi"),
        figure(None if line.rise is None else round(100 * line.rise, 9), decimals=1, absent="–"),
        figure(None if fullest is None else round(100 * fullest, 9), decimals=beside_limit(fullest)),
        Cell(text="chưa xét") if line.outcome is None else verdict(line.outcome),
    )


def _few(value: float | None) -> int:
    return 0 if value is None else min(2, shortest(value))


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
    yield from (paragraph(f"{words}.") for words in line.conclusion)
    if not line.ways:
        yield paragraph("Lưu lượng 5 phút của kết nối này: chưa có số liệu.")
        return
    yield _days(line)
    yield from (point(f"{way.sentence}.") for way in line.ways)
    if not any(one.ratio is not None for way in line.ways for one in way.days):
        return
    bars = tuple(
        Bar(label=f"{day(one.day)[:5]}", value=None if one.ratio is None else 100 * one.ratio, series=at)
        for row in zip(*(way.days for way in line.ways), strict=True)
        for at, one in enumerate(row)
    )
    yield BarChart(
        title=f"Bách phân vị 95 theo ngày, {line.place}",
        unit="% dung lượng",
        series=tuple(WAYS.get(way.direction, way.direction) for way in line.ways),
        bars=bars,
        target=100 * MOST,
        target_label=f"ngưỡng {said(100 * MOST)} %",
    )


def _days(line: RegisteredLine) -> Table:
    top = (
        Cell(text="Ngày", rows=2),
        *(Cell(text=WAYS.get(way.direction, way.direction).capitalize(), columns=4) for way in line.ways),
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
                figure(ratio, decimals=beside_limit(one.ratio)),
            ]
        rows.append(tuple(cells))
    outcome = (Cell(text="7 ngày", bold=True), *(_outcome(way) for way in line.ways))
    name = f"p95 {line.code} {line.link}"
    return Table(name=name, columns=columns, header=(top, below), rows=(*rows, outcome), size=10)


def _outcome(way: P95Way) -> Cell:
    found = verdict(way.outcome)
    return Cell(text=found.text, tone=found.tone, bold=True, columns=4, align=Align.CENTRE)


_RULE: Final = (
    "Mỗi chiều lấy mẫu 5 phút trong 7 ngày liên tiếp; bách phân vị 95 được so với 90 % dung lượng kết nối (Thông tư "
    "06/2026/TT-BKHCN, Điều 5 khoản 6; đọc từ bản sao nhận dạng chữ, đơn vị đối chiếu với bản chính thức)."
)
_KEPT: Final = "Từng mẫu lưu lượng được lưu trong sổ cái của hệ thống giám sát chất lượng mạng để kiểm chứng"
_OPEN: Final = "Số liệu tạm tính: tháng có bằng chứng chưa khóa sổ, kết quả còn thay đổi khi số liệu đến muộn."
