"""Báo cáo sự cố: one fault from its beginning to its end, whom it reached, why, and what was done."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from doxa_collector.papers.machine import machine
from doxa_collector.papers.model import Align, Annex, Block, Cell, Column, Document, Heading, Table
from doxa_collector.papers.parts import (
    blank,
    count_width,
    ended,
    figure,
    grounds,
    head,
    paragraph,
    point,
    said,
    signer,
    tabled,
)
from doxa_collector.papers.secrecy import NOTE, hides, internal, veiled
from doxa_collector.papers.settings import PaperSettings
from doxa_core.language import VIETNAM_TIME

NOT_KNOWN: Final = "chưa xác định"


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedOffice:
    """One office that the fault reached."""

    code: str
    name: str
    province: str = ""
    lines: str = ""
    """What it lost: `Internet`, `TSLCD`, `thiết bị đo`."""
    began: datetime
    ended: datetime | None = None
    """None: it lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One thing that happened."""

    at: datetime
    text: str
    actor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentReport:
    """Everything that the report says. Moments are aware."""

    number: int
    headline: str
    """One line, in the words of the field (`incidents.summary.headline`)."""
    cause: str
    inferred: bool = False
    """The cause is concluded from the pattern; nothing says it itself."""
    severity: str
    state: str
    area: str = ""
    provider: str = ""
    root: str | None = internal()
    """The node that explains the others."""
    began: datetime
    detected: datetime | None = None
    acknowledged: datetime | None = None
    resolved: datetime | None = None
    watched: int | None = None
    """Offices of the area that are watched, N of n/N."""
    offices: tuple[AffectedOffice, ...]
    why: tuple[str, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    reopened: int = 0
    made_on: date


def incident_report(data: IncidentReport, settings: PaperSettings) -> Document:
    """The report with the offices in an annex."""
    data = veiled(data, reveal=settings.reveal, tslcd=True)
    notes: list[Block] = [paragraph(NOTE, small=True)] if hides(data) else []
    body: list[Block] = [
        *grounds((f"hồ sơ sự cố số {data.number} của hệ thống giám sát chất lượng mạng",)),
        paragraph("Diễn biến và nguyên nhân sự cố như sau:"),
        Heading(1, "TÓM TẮT"),
        paragraph(f"{data.headline}."),
        _facts(data),
        Heading(1, "NGUYÊN NHÂN"),
        *_causes(data),
        Heading(1, "DIỄN BIẾN, XỬ LÝ"),
        *_history(data),
        Heading(1, "BIỆN PHÁP KHẮC PHỤC, KIẾN NGHỊ"),
        blank("(Đơn vị bổ sung)"),
        paragraph(f"Trên đây là báo cáo sự cố số {data.number}; danh sách điểm bị ảnh hưởng tại phụ lục kèm theo"),
    ]
    return Document(
        head=head(settings, "BÁO CÁO", "BC", f"Sự cố số {data.number}: {data.cause}"),
        blocks=(*ended(body), *notes),
        signatures=signer(settings),
        recipients=settings.recipients,
        annexes=(Annex(title="CÁC ĐIỂM BỊ ẢNH HƯỞNG", blocks=(_offices(data),)),),
        made_on=data.made_on,
        data=machine(data),
    )


def _facts(data: IncidentReport) -> Table:
    provinces: dict[str, int] = {}
    for office in data.offices:
        if office.province:
            provinces[office.province] = provinces.get(office.province, 0) + 1
    reached = f"{said(len(data.offices))}" + (f"/{said(data.watched)}" if data.watched is not None else "")
    rows = [
        ("Mức độ; trạng thái", f"{data.severity}; {data.state}"),
        ("Địa bàn", data.area or NOT_KNOWN),
        ("Nhà mạng", data.provider or NOT_KNOWN),
        ("Nút gốc", data.root or NOT_KNOWN),
        ("Số điểm bị ảnh hưởng", reached),
        ("Theo tỉnh, thành phố", ", ".join(f"{name} {n}" for name, n in sorted(provinces.items(), key=lambda i: (-i[1], i[0]))) or NOT_KNOWN),
        ("Bắt đầu", moment(data.began)),
        ("Phát hiện", _after(data.detected, data.began)),
        ("Tiếp nhận", _after(data.acknowledged, data.began)),
        ("Khôi phục", _after(data.resolved, data.began) if data.resolved else "chưa khôi phục"),
        ("Số lần lỗi trở lại", said(data.reopened)),
    ]  # fmt: skip
    columns = [("Nội dung", Column(width=52)), ("Thông tin", Column(width=111))]
    return tabled("Sự cố", columns, ((Cell(text=name), Cell(text=value)) for name, value in rows))


def _causes(data: IncidentReport) -> Iterator[Block]:
    yield paragraph(
        f"Nguyên nhân: {data.cause}" + (" (suy ra từ các điểm cùng mất kết nối)." if data.inferred else ".")
    )
    yield from (point(f"{why.rstrip('.')}.") for why in data.why)


def _history(data: IncidentReport) -> Iterator[Block]:
    if not data.history:
        yield paragraph("Diễn biến: chưa có số liệu.")
    for entry in data.history:
        actor = f"{entry.actor}: " if entry.actor else ""
        yield point(f"{moment(entry.at)}: {actor}{entry.text.rstrip('.')}.")


def _offices(data: IncidentReport) -> Table:
    columns = [
        ("TT", Column(width=count_width(9, len(data.offices)), align=Align.CENTRE)),
        ("Mã", Column(width=15, align=Align.CENTRE)),
        ("Xã, phường", Column(width=44)),
        ("Tỉnh, thành phố", Column(width=27)),
        ("Mất", Column(width=20)),
        ("Từ", Column(width=24, align=Align.CENTRE)),
        ("Đến", Column(width=24, align=Align.CENTRE)),
        ("Phút", Column(width=14, align=Align.RIGHT)),
    ]
    ordered = sorted(data.offices, key=lambda office: (office.province, office.code, office.began))
    return tabled("Điểm bị ảnh hưởng", columns, (_office(at, one) for at, one in enumerate(ordered, 1)), size=10.5)


def _office(at: int, office: AffectedOffice) -> tuple[Cell, ...]:
    minutes = None if office.ended is None else (office.ended - office.began).total_seconds() / 60
    return (
        figure(at, decimals=0),
        Cell(text=office.code),
        Cell(text=office.name),
        Cell(text=office.province or NOT_KNOWN),
        Cell(text=office.lines or NOT_KNOWN),
        Cell(text=moment(office.began)),
        Cell(text="đang mất" if office.ended is None else moment(office.ended)),
        figure(minutes, decimals=0, absent="–"),
    )


def moment(at: datetime) -> str:
    """`24/11/2026 08:05`, in Vietnamese time."""
    return at.astimezone(VIETNAM_TIME).strftime("%d/%m/%Y %H:%M")


def _after(at: datetime | None, began: datetime) -> str:
    """A moment with how long after the beginning it was."""
    if at is None:
        return "chưa có số liệu"
    minutes = max(0, round((at - began).total_seconds() / 60))
    hours, rest = divmod(minutes, 60)
    return f"{moment(at)} (sau {f'{hours} giờ ' if hours else ''}{rest} phút)"
