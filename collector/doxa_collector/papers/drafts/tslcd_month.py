"""Số liệu tháng TSLCD: each line of the specialised network over a month, to be sent before the 5th of the next one.

Thông tư 06/2026/TT-BKHCN, Đ.9 (monthly figures before the 5th) and Đ.5.6 (the p95 rule), both read in full from an OCR
copy: the unit compares them with the official text. Latency, loss and availability have no figure in the rule, so they are
shown without a judgement.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from doxa_collector.papers.machine import machine
from doxa_collector.papers.model import Align, Annex, Block, Cell, Column, Document, Heading, Table
from doxa_collector.papers.parts import (
    blank,
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
    whole,
)
from doxa_collector.papers.period import ReportPeriod, day
from doxa_collector.papers.secrecy import NOTE, hides, veiled
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.papers.sources import Ground, doubtful, legend, read_in_full
from doxa_collector.verdict import VerdictOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class TslcdLine:
    """One line over the month; what is not known is None. Ratios are shares, 1 for all."""

    code: str
    place: str
    provider: str = ""
    channels: int | None = None
    down_mbps: float | None = None
    up_mbps: float | None = None
    availability_ratio: float | None = None
    outages: int | None = None
    down_s: float | None = None
    """Time without connection."""
    rtt_p50_ms: float | None = None
    rtt_p95_ms: float | None = None
    loss_ratio: float | None = None
    jitter_p95_ms: float | None = None
    p95_down_ratio: float | None = None
    """The fuller seven days of the month: the 95th percentile as a share of the capacity."""
    p95_up_ratio: float | None = None
    p95_outcome: VerdictOutcome = VerdictOutcome.INSUFFICIENT
    samples: int | None = None
    """Five-minute samples of traffic."""
    samples_expected: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TslcdMonth:
    """All lines of a unit over a month."""

    area: str
    period: ReportPeriod
    made_on: date
    lines: tuple[TslcdLine, ...]
    grounds: tuple[Ground, ...] = ()

    @property
    def due(self) -> date:
        """The last day that is before the 5th of the next month."""
        return (self.period.last + timedelta(days=1)).replace(day=4)


def tslcd_month(data: TslcdMonth, settings: PaperSettings) -> Document:
    """The report with a table of all lines."""
    data = veiled(data, reveal=settings.reveal, tslcd=True)
    notes: list[Block] = [paragraph(_COPY, small=True), *doubtful(data.grounds), *legend(g.mark for g in data.grounds)]
    notes += [paragraph(NOTE, small=True)] if hides(data) else []
    over = [line for line in data.lines if line.p95_outcome is VerdictOutcome.FAIL]
    body: list[Block] = [
        *grounds(read_in_full(data.grounds)),
        paragraph(f"{settings.agency} báo cáo số liệu kết nối mạng truyền số liệu chuyên dùng {data.period.title} của {data.area} như sau:"),
        Heading(1, "SỐ LIỆU CHUNG"),
        *_general(data),
        Heading(1, "DUNG LƯỢNG"),
        paragraph(_RULE),
        _capacity(data),
        *(point(f"{line.place} ({line.code}): {_peak(line)}.") for line in over),
        Heading(1, "SỰ CỐ, KIẾN NGHỊ"),
        blank("(Đơn vị bổ sung)"),
        paragraph(f"Số liệu từng kết nối tại phụ lục kèm theo; số liệu gửi trước ngày 05, chậm nhất ngày {day(data.due)}"),
    ]  # fmt: skip
    return Document(
        head=head(
            settings, "BÁO CÁO", "BC", f"Số liệu mạng truyền số liệu chuyên dùng {data.period.title}\ncủa {data.area}"
        ),
        blocks=ended(body),
        signatures=signer(settings),
        recipients=settings.recipients,
        annexes=(Annex(title="SỐ LIỆU TỪNG KẾT NỐI", landscape=True, blocks=(_lines(data), *notes)),),
        made_on=data.made_on,
        data=machine(data),
    )


def _general(data: TslcdMonth) -> Iterator[Block]:
    known = [line.availability_ratio for line in data.lines if line.availability_ratio is not None]
    outages = [line.outages for line in data.lines if line.outages is not None]
    yield point(f"Số kết nối: {said(len(data.lines))}; có số liệu độ khả dụng: {said(len(known))}.")
    if known:
        mean, least = sum(known) / len(known), min(known)
        yield point(f"Độ khả dụng trung bình {said(100 * mean, '%', 2)}, thấp nhất {said(100 * least, '%', 2)}.")
    if outages:
        yield point(f"Số lần mất kết nối: {said(sum(outages))} (của {said(len(outages))} kết nối có số liệu).")


def _capacity(data: TslcdMonth) -> Table:
    columns = [
        ("Đánh giá theo quy tắc dung lượng", Column(width=100)),
        ("Số kết nối", Column(width=63, align=Align.CENTRE)),
    ]
    rows = [
        (verdict(outcome), whole(sum(line.p95_outcome is outcome for line in data.lines))) for outcome in VerdictOutcome
    ]
    return tabled("Tổng hợp dung lượng", columns, rows)


def _peak(line: TslcdLine) -> str:
    down, up = (None if ratio is None else 100 * ratio for ratio in (line.p95_down_ratio, line.p95_up_ratio))
    return f"bách phân vị 95 tải xuống {said(down, '%', 1)}, tải lên {said(up, '%', 1)} dung lượng"


def _lines(data: TslcdMonth) -> Table:
    right = Align.RIGHT
    widths = (8, 13, 38, 22, 13, 16, 16, 18, 12, 16, 15, 15, 15, 17, 16, 16, 22, 21)
    columns = tuple(
        Column(width=width, align=Align.LEFT if at in (2, 3) else Align.CENTRE if at in (0, 1, 17) else right)
        for at, width in enumerate(widths)
    )
    top = (
        *(Cell(text=words, rows=2) for words in ("TT", "Mã", "Xã, phường", "Nhà cung cấp", "Kênh")),
        Cell(text="Băng thông (Mbps)", columns=2),
        Cell(text="Độ khả dụng (%)", rows=2),
        Cell(text="Mất kết nối", columns=2),
        Cell(text="Độ trễ (ms)", columns=2),
        Cell(text="Mất gói (%)", rows=2),
        Cell(text="Biến động p95 (ms)", rows=2),
        Cell(text="p95 / dung lượng (%)", columns=2),
        Cell(text="Số mẫu 5 phút", rows=2),
        Cell(text="Dung lượng", rows=2),
    )
    below = tuple(Cell(text=w) for w in ("xuống", "lên", "số lần", "phút", "trung vị", "p95", "xuống", "lên"))
    rows = tuple(_line(at, line) for at, line in enumerate(data.lines, 1))
    return Table(name="Số liệu TSLCD", columns=columns, header=(top, below), rows=rows, size=9)


def _line(at: int, line: TslcdLine) -> tuple[Cell, ...]:
    def percent(ratio: float | None, decimals: int) -> Cell:
        return figure(None if ratio is None else round(100 * ratio, 9), decimals=decimals)

    expected = "" if line.samples_expected is None else f"trên {said(line.samples_expected)}"
    return (
        whole(at),
        Cell(text=line.code),
        Cell(text=line.place, note="\n".join(line.notes)),
        Cell(text=line.provider or "…"),
        whole(line.channels),
        figure(line.down_mbps, decimals=0 if line.down_mbps is None or line.down_mbps.is_integer() else 1),
        figure(line.up_mbps, decimals=0 if line.up_mbps is None or line.up_mbps.is_integer() else 1),
        percent(line.availability_ratio, 2),
        whole(line.outages),
        figure(None if line.down_s is None else line.down_s / 60, decimals=0),
        figure(line.rtt_p50_ms, decimals=1),
        figure(line.rtt_p95_ms, decimals=1),
        percent(line.loss_ratio, 2),
        figure(line.jitter_p95_ms, decimals=1),
        percent(line.p95_down_ratio, 1),
        percent(line.p95_up_ratio, 1),
        figure(line.samples, decimals=0, note=expected),
        verdict(line.p95_outcome),
    )


_RULE: Final = (
    "Quy tắc dung lượng: trong 7 ngày liên tiếp, bách phân vị 95 của lưu lượng mỗi chiều, lấy mẫu 5 phút, không vượt quá 90 % dung "
    "lượng kết nối (Thông tư 06/2026/TT-BKHCN, Điều 5 khoản 6). Độ trễ, mất gói, biến động trễ và độ khả dụng được nêu để "
    "theo dõi, không đánh giá."
)
_COPY: Final = "Nội dung Thông tư 06/2026/TT-BKHCN được đọc từ bản sao nhận dạng chữ; đơn vị đối chiếu với bản chính thức trước khi ký."
