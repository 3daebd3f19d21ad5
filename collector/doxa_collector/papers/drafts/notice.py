"""Thông báo: what is without connection, in the field's message style: time first, n/N, cause, breakdown.

`Cập nhật 8h00 ngày 24/11/2026: 62/301 xã, phường mất kết nối do mất điện (Gia Lai 16/135, …)`

The same lines are the text of a message and the text of the paper: of this moment, of one incident, or of a month.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from doxa_collector.papers.cleaning import one_line
from doxa_collector.papers.machine import machine
from doxa_collector.papers.model import Align, Block, Cell, Column, Document, Table
from doxa_collector.papers.parts import ended, figure, head, paragraph, said, signer, tabled, whole
from doxa_collector.papers.secrecy import NOTE, hides, veiled
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
class Entry:
    """One incident of a list."""

    number: int
    severity: str
    headline: str
    """In the words of the field, without number and severity."""
    cause: str
    began: datetime
    ended: datetime | None = None
    """None: it lasts."""
    offices: int = 0
    """That it reached."""
    planned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is lost, by cause, at one moment; or what happened."""

    at: datetime
    losses: tuple[Loss, ...] = ()
    shown: int = 6
    """How many provinces a line names; the rest is counted."""
    about: str = ""
    """What it is about; empty: the state of connections at this moment."""
    ready: tuple[str, ...] = ()
    """Lines that are formed already (`incidents.summary`); empty: they are formed from the losses."""
    entries: tuple[Entry, ...] = ()
    """The incidents of a month."""


def clock(at: datetime) -> str:
    """`8h00 ngày 24/11/2026`, in Vietnamese time."""
    here = at.astimezone(VIETNAM_TIME)
    return f"{here.hour}h{here.minute:02d} ngày {here:%d/%m/%Y}"


def moment(at: datetime) -> str:
    """`08:05 24/11/2026`, in Vietnamese time."""
    return at.astimezone(VIETNAM_TIME).strftime("%H:%M %d/%m/%Y")


def lasting(seconds: float) -> str:
    """`2 ngày 3 giờ`, `1 giờ 25 phút`, `8 phút`: two units at the most."""
    minutes = max(0, round(seconds / 60))
    days, rest = divmod(minutes, 1440)
    hours, rest = divmod(rest, 60)
    parts = [(days, "ngày"), (hours, "giờ"), (rest, "phút")]
    first = next((at for at, (n, _) in enumerate(parts) if n), 2)
    return " ".join(f"{n} {unit}" for n, unit in parts[first : first + 2] if n) or "dưới 1 phút"


def lines(notice: Notice) -> list[str]:
    """One line for each cause, the widest first; one that says so where nothing is lost."""
    if notice.ready:
        return [one_line(line) for line in notice.ready]
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
    """The lines as a thông báo, with all provinces and all incidents in tables."""
    notice = veiled(notice, reveal=settings.reveal, tslcd=True)
    # of a month every incident stands in the table: the text keeps the line that counts them
    told = lines(notice)[:1] if notice.entries else lines(notice)
    tables = [_table(loss) for loss in notice.losses if _lost(loss)]
    tables += [_entries(notice.entries)] if notice.entries else []
    closing = paragraph("Thông báo để các đơn vị biết, phối hợp xử lý")
    hidden: list[Block] = [paragraph(NOTE, small=True)] if hides(notice) else []
    return Document(
        head=head(settings, "THÔNG BÁO", "TB", notice.about or f"Tình hình kết nối lúc {clock(notice.at)}"),
        blocks=(*ended([*(paragraph(f"{line}.") for line in told), *tables, closing]), *hidden),
        signatures=signer(settings),
        recipients=settings.recipients,
        made_on=notice.at.astimezone(VIETNAM_TIME).date(),
        data=machine(notice) | {"lines": lines(notice)},
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
    return tabled("Theo tỉnh", columns, rows, title=f"{loss.what[:1].upper()}{loss.what[1:]}: {cause}")


def _entries(entries: tuple[Entry, ...]) -> Table:
    columns = [
        ("Sự cố số", Column(width=14, align=Align.CENTRE)),
        ("Mức độ", Column(width=22)),
        ("Nội dung", Column(width=61)),
        ("Từ", Column(width=22, align=Align.CENTRE)),
        ("Đến", Column(width=22, align=Align.CENTRE)),
        ("Phút", Column(width=14, align=Align.RIGHT)),
        ("Số điểm", Column(width=14, align=Align.RIGHT)),
    ]
    return tabled("Sự cố", columns, _rows(entries), title="Danh sách sự cố", size=10)


def _rows(entries: tuple[Entry, ...]) -> Iterator[tuple[Cell, ...]]:
    for one in entries:
        minutes = None if one.ended is None else (one.ended - one.began).total_seconds() / 60
        yield (
            whole(one.number),
            Cell(text=one.severity, note="bảo trì theo kế hoạch" if one.planned else ""),
            Cell(text=one.headline),
            Cell(text=_short(one.began)),
            Cell(text="chưa khôi phục" if one.ended is None else _short(one.ended)),
            figure(minutes, decimals=0, absent="–"),
            whole(one.offices),
        )


def _short(at: datetime) -> str:
    return at.astimezone(VIETNAM_TIME).strftime("%d/%m/%Y %H:%M")
