"""Thông báo: what is without connection now, in the field's message style: time first, n/N, cause, breakdown.

`Cập nhật 8h00 ngày 24/11/2026: 62/301 xã, phường mất kết nối do mất điện (Gia Lai 16/135, …)`
"""

from dataclasses import dataclass
from datetime import datetime

from doxa_collector.papers.cleaning import one_line
from doxa_collector.papers.machine import machine
from doxa_collector.papers.model import Align, Cell, Column, Document, Table
from doxa_collector.papers.parts import ended, head, paragraph, said, signer, tabled, whole
from doxa_collector.papers.secrecy import veiled
from doxa_collector.papers.settings import PaperSettings
from doxa_core.language import VIETNAM_TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One province: how many of its watched offices are lost."""

    name: str
    lost: int
    watched: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """One cause with its provinces; n and N are their sums."""

    cause: str = ""
    """`mất điện`; empty: not known."""
    what: str = "mất kết nối"
    units: str = "xã, phường"
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is lost at one moment, by cause."""

    at: datetime
    losses: tuple[Loss, ...]
    shown: int = 6
    """How many provinces a line names; the rest is counted."""


def clock(at: datetime) -> str:
    """`8h00 ngày 24/11/2026`, in Vietnamese time."""
    here = at.astimezone(VIETNAM_TIME)
    return f"{here.hour}h{here.minute:02d} ngày {here:%d/%m/%Y}"


def lines(notice: Notice) -> list[str]:
    """One line for each cause, the widest first; one that says so where nothing is lost."""
    head_words = f"Cập nhật {clock(notice.at)}"
    lost = [loss for loss in notice.losses if _lost(loss)]
    if not lost:
        return [f"{head_words}: không có điểm đo nào mất kết nối"]
    lost.sort(key=lambda loss: (-_lost(loss), loss.cause))
    return [one_line(f"{head_words}: {_line(loss, notice.shown)}") for loss in lost]


def _lost(loss: Loss) -> int:
    return sum(share.lost for share in loss.shares)


def _ordered(loss: Loss) -> list[Share]:
    return sorted((s for s in loss.shares if s.lost), key=lambda share: (-share.lost, share.name))


def _line(loss: Loss, shown: int) -> str:
    watched = sum(share.watched for share in loss.shares)
    cause = f" do {loss.cause}" if loss.cause else ", chưa rõ nguyên nhân"
    found = _ordered(loss)
    parts = [f"{share.name} {said(share.lost)}/{said(share.watched)}" for share in found[:shown]]
    if rest := found[shown:]:
        parts.append(
            f"{len(rest)} tỉnh, thành phố khác {said(sum(s.lost for s in rest))}/{said(sum(s.watched for s in rest))}"
        )
    return f"{said(_lost(loss))}/{said(watched)} {loss.units} {loss.what}{cause} ({', '.join(parts)})"


def notice_paper(notice: Notice, settings: PaperSettings) -> Document:
    """The lines as a thông báo, with all provinces in a table."""
    notice = veiled(notice, reveal=settings.reveal, tslcd=True)
    body = [paragraph(f"{line}.") for line in lines(notice)]
    tables = [_table(loss) for loss in notice.losses if _lost(loss)]
    closing = paragraph(f"{settings.agency} thông báo để các đơn vị biết, phối hợp xử lý")
    return Document(
        head=head(settings, "THÔNG BÁO", "TB", f"Tình hình kết nối lúc {clock(notice.at)}"),
        blocks=ended([*body, *tables, closing]),
        signatures=signer(settings),
        recipients=settings.recipients,
        made_on=notice.at.astimezone(VIETNAM_TIME).date(),
        data=machine(notice),
    )


def _table(loss: Loss) -> Table:
    columns = [
        ("TT", Column(width=12, align=Align.CENTRE)),
        ("Tỉnh, thành phố", Column(width=71)),
        ("Mất kết nối", Column(width=40, align=Align.RIGHT)),
        ("Tổng số theo dõi", Column(width=40, align=Align.RIGHT)),
    ]
    rows = [(whole(at), Cell(text=s.name), whole(s.lost), whole(s.watched)) for at, s in enumerate(_ordered(loss), 1)]
    cause = loss.cause or "chưa rõ nguyên nhân"
    return tabled("Theo tỉnh", columns, rows, title=f"{loss.what.capitalize()}: {cause}")
