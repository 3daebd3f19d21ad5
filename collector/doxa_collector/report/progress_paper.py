"""The progress report as a document: the draft, with whether its figures are final, its places, and its proof."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from doxa_collector.assess.closing import Closing
from doxa_collector.papers.drafts.progress import progress_report
from doxa_collector.papers.model import NO_FIGURE, Align, Annex, Block, Cell, Column, Document, Heading, Table
from doxa_collector.papers.parts import NOT_APPLICABLE, figure, paragraph, point, said, tabled
from doxa_collector.papers.period import day
from doxa_collector.papers.secrecy import veiled
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.papers.sources import legend, sign
from doxa_collector.period import local_day
from doxa_collector.plans.model import Mark, PlanPlace
from doxa_collector.report.month import Month
from doxa_collector.report.months import Months
from doxa_collector.report.progress_data import Filled, Scope
from doxa_collector.report.span import SpanKind
from doxa_collector.report.wording import doubts

PROVISIONAL: Final = "số liệu tạm tính, tháng chưa khóa sổ"
TARGETS: Final = "Chỉ tiêu đo được"
MEASURED: Final = "Đo tại trụ sở"
"""The draft's table and column that `_without_measured_ranks` looks for."""
COMMUNES: Final = "KẾT QUẢ THEO TỪNG XÃ, PHƯỜNG"
PROOF: Final = "BẰNG CHỨNG VÀ CÁCH ĐO"
"""The annex that the draft makes of `Evidence`; here it gets the closing and a hash for each verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What one verdict stood on."""

    label: str
    place: str
    runs: int
    first: int | None = None
    last: int | None = None
    sha256: str = ""
    """Over the SHA-256 of each signed line, in the order of their ids (`assess.evidence.named`)."""


def progress_paper(months: Months, filled: Filled, settings: PaperSettings) -> Document:
    """The whole paper; of closed months the same on whatever day it is made."""
    month = months.main
    draft = progress_report(filled.progress, settings)
    proofs = tuple(_proofs(month))
    head = draft.head
    if months.provisional:
        head = replace(head, subject=f"{head.subject}\n({provisional_words(months)})")
    scope = veiled(tuple(_scope_lines(months, filled)), reveal=settings.reveal, tslcd=True)
    marks = legend(set(_marks(month, filled)))
    return replace(
        draft,
        head=head,
        blocks=_after_first_heading(draft.blocks, (*map(point, scope), *marks)),
        annexes=tuple(_annex(one, months, filled, proofs, settings) for one in draft.annexes),
        data={**draft.data, **_for_machines(months, filled, proofs)},
    )


def provisional_words(months: Months) -> str:
    """Why the figures may still change, or stand for no month."""
    if months.span.kind is SpanKind.DAYS:
        return "kỳ do người dùng chọn, không phải kết quả đánh giá tháng"
    return PROVISIONAL if not months.columns else "số liệu tạm tính, có tháng chưa khóa sổ"


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _after_first_heading(blocks: tuple[Block, ...], more: Iterable[Block]) -> tuple[Block, ...]:
    at = next((at for at, block in enumerate(blocks, 1) if isinstance(block, Heading)), len(blocks))
    return (*blocks[:at], *more, *blocks[at:])


def _scope_lines(months: Months, filled: Filled) -> Iterator[str]:
    if months.provisional and months.span.kind is not SpanKind.DAYS:
        yield f"{_capital(provisional_words(months))}: kết quả còn thay đổi cho đến khi khóa sổ."
    plan = months.main.plan
    yield f"Thời gian của kế hoạch: từ {day(plan.valid_from)} đến {day(plan.valid_to)}{sign(plan.period_mark)}."
    for scope in filled.scopes:
        yield f"{_place(scope)}."


def _place(scope: Scope) -> str:
    place = scope.place
    words = f"Địa bàn: {place.name} (mã {place.code})"
    if place.inherits and place.inherits_from:
        words += f", kế thừa chỉ tiêu của {place.inherits_from}"
    if place.units is not None:
        words += f", {said(place.units)} đơn vị cấp xã"
    heard = f"có kết quả đo trong kỳ: {said(scope.heard)}"
    return f"{words}{sign(place.mark)}; trụ sở trong danh mục: {said(scope.offices)}, {heard}{_valid(place)}"


def _valid(place: PlanPlace) -> str:
    """The days on which the unit exists, where they are not all."""
    parts = [f"từ {day(place.valid_from)}"] if place.valid_from else []
    parts += [f"đến {day(place.valid_to)}"] if place.valid_to else []
    return f" (đơn vị tồn tại {' '.join(parts)})" if parts else ""


def _marks(month: Month, filled: Filled) -> Iterator[Mark]:
    """Those of the plan, its places, its targets and every figure, so that the paper explains each on its first pages."""
    yield month.plan.period_mark
    yield from (place.mark for place in month.places)
    for target in month.plan.targets:
        yield target.operator_mark
        yield from (mark for _, mark in doubts(target))
    found = filled.progress
    known = [row.published for row in found.rows] + [row.published for t in found.communes for row in t.rows]
    yield from (one.mark for one in known if one is not None)


# --- the annexes


def _annex(annex: Annex, months: Months, filled: Filled, proofs: tuple[Proof, ...], settings: PaperSettings) -> Annex:
    more: list[Block] = []
    if annex.title == COMMUNES and filled.shortened:
        labels = ", ".join(dict.fromkeys(filled.shortened))
        more.append(paragraph(f"Danh sách của {labels} đã rút gọn: trụ sở không đáp ứng đứng trước.", small=True))
    if annex.title == PROOF:
        more += _proof_blocks(months.main, proofs, settings)
    if months.provisional:
        more.append(paragraph(f"{_capital(provisional_words(months))}.", small=True))
    kept = (_without_measured_ranks(block, filled) for block in annex.blocks)
    return replace(annex, blocks=(*kept, *more))


def _without_measured_ranks(block: Block, filled: Filled) -> Block:
    """A rank is never measured at offices, so its cell says neither that a figure is missing nor that samples are few."""
    if not isinstance(block, Table) or block.name != TARGETS:
        return block
    at = next(n for n, cell in enumerate(block.header[0]) if cell.text == MEASURED)
    no_figure = Cell(text=NOT_APPLICABLE)
    rows = (
        (*cells[:at], no_figure, *cells[at + 1 :]) if row.label in filled.ranks else cells
        for row, cells in zip(filled.progress.rows, block.rows, strict=True)
    )
    return replace(block, rows=tuple(rows))


def _proof_blocks(month: Month, proofs: tuple[Proof, ...], settings: PaperSettings) -> Iterator[Block]:
    if month.closing is not None:
        yield from map(point, veiled(tuple(_closed(month.closing)), reveal=settings.reveal, tslcd=True))
    yield point(
        "Mã băm của mỗi kết quả: SHA-256 trên các chuỗi mã băm của từng đường truyền và từng ngày, mỗi chuỗi nối SHA-256 của các bản "
        "ghi đã ký theo thứ tự số bản ghi; chỉ tiêu "
        "không có trong bảng dựa trên số liệu công bố, số liệu nhập tay hoặc danh mục đường truyền."
    )
    if proofs:
        yield _proof_table(proofs)


def _closed(closing: Closing) -> Iterator[str]:
    yield f"Tháng đã khóa sổ ngày {day(_day_of(closing))}, lần {closing.revision}, bằng doxa {closing.program}."
    if closing.reason:
        yield f"Lý do mở lại: {closing.reason} ({closing.actor})."
    yield f"Mã băm SHA-256 của kết quả cả tháng: {closing.verdicts}."
    yield f"Mã băm SHA-256 của danh mục và số liệu nhập: {closing.inputs}."
    if closing.provable:
        yield "Trước khi in, kết quả được tính lại từ số liệu gốc và trùng khớp với kết quả lúc khóa sổ."
    else:
        yield f"Tháng này được khóa sổ theo phép đánh giá số {closing.method}: in đúng kết quả lúc khóa sổ, không tính lại."


def _day_of(closing: Closing) -> date:
    return local_day(closing.closed_us)


def _proof_table(proofs: tuple[Proof, ...]) -> Table:
    columns = [
        ("Chỉ tiêu", Column(width=20)),
        ("Địa bàn", Column(width=20, align=Align.CENTRE)),
        ("Số bản ghi", Column(width=20, align=Align.RIGHT)),
        ("Bản ghi đầu", Column(width=20, align=Align.RIGHT)),
        ("Bản ghi cuối", Column(width=20, align=Align.RIGHT)),
        ("SHA-256", Column(width=63)),
    ]
    rows = (
        (
            Cell(text=one.label),
            Cell(text=one.place),
            figure(one.runs, decimals=0),
            figure(one.first, decimals=0),
            figure(one.last, decimals=0),
            Cell(text=_broken(one.sha256) or NO_FIGURE),
        )
        for one in proofs
    )
    return tabled("Bằng chứng", columns, rows, size=10)


def _broken(digest: str) -> str:
    """A hash in two lines of 32 signs."""
    return "\n".join(part for part in (digest[:32], digest[32:]) if part)


def _proofs(month: Month) -> Iterator[Proof]:
    labels = {target.id: target.label for target in month.plan.targets}
    for verdict in month.verdicts:
        found: Mapping[str, Any] | None = json.loads(verdict.detail).get("evidence")
        if found is not None:
            yield Proof(
                label=labels[verdict.target], place=verdict.place, runs=int(found["n"]), first=found.get("first"),
                last=found.get("last"), sha256=found.get("sha256", ""),
            )  # fmt: skip


def _for_machines(months: Months, filled: Filled, proofs: tuple[Proof, ...]) -> dict[str, Any]:
    month = months.main
    closing = month.closing
    closed = None if closing is None else {
        "revision": closing.revision, "closed_us": closing.closed_us, "program": closing.program,
        "verdicts_sha256": closing.verdicts, "inputs_sha256": closing.inputs, "last_measurement": closing.last_id,
    }  # fmt: skip
    return {
        "plan": month.plan.id,
        "provisional": months.provisional,
        "judged": {"from": month.period.first.isoformat(), "to": month.period.last.isoformat()},
        "closed": closed,
        "places": [
            {"code": s.place.code, "name": s.place.name, "mark": s.place.mark.value, "offices": s.offices, "heard": s.heard}
            for s in filled.scopes
        ],
        "proofs": [
            {"target": p.label, "place": p.place, "n": p.runs, "first": p.first, "last": p.last, "sha256": p.sha256 or None}
            for p in proofs
        ],
    }  # fmt: skip
