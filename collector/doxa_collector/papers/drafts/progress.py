"""Báo cáo tiến độ: how far a plan has come in a period, every target with what was published and what was measured.

The figure that VNNIC published (i-Speed) and the figure of the probes stand in two columns and never in one: they are two
statistics of two populations. What people entered by hand has a table of its own for the same reason.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from doxa_collector.assess.wording import OUTCOMES
from doxa_collector.papers.drafts.progress_months import TITLE, charts, months_table
from doxa_collector.papers.drafts.progress_records import (
    CommuneRow,
    CommuneTable,
    Evidence,
    HandRow,
    Known,
    Measured,
    Progress,
    TargetRow,
)
from doxa_collector.papers.machine import machine
from doxa_collector.papers.model import (
    NO_FIGURE,
    Align,
    Annex,
    Bar,
    BarChart,
    Block,
    Cell,
    Column,
    Document,
    Heading,
    Table,
)
from doxa_collector.papers.parts import (
    NOT_APPLICABLE,
    NOT_ENOUGH,
    blank,
    count_width,
    decimals_beside,
    ended,
    figure,
    grounds,
    head,
    paragraph,
    point,
    quoted,
    said,
    shortest,
    signer,
    tabled,
    titled,
    verdict,
    whole,
)
from doxa_collector.papers.period import day
from doxa_collector.papers.secrecy import NOTE, hides, veiled
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.papers.sources import doubtful, legend, read_in_full, sign
from doxa_collector.plans.model import Mark, Operator
from doxa_collector.verdict import VerdictOutcome


def progress_report(data: Progress, settings: PaperSettings) -> Document:
    """The report with its annexes."""
    data = veiled(data, reveal=settings.reveal, tslcd=True)
    kept = tuple(_annexes(data))
    body: list[Block] = [
        *grounds(
            (*read_in_full(data.grounds), f"kết quả đo {data.period.title} của hệ thống giám sát chất lượng mạng")
        ),
        paragraph(f"Tiến độ thực hiện {data.plan_title} {data.period.title} tại {data.place} như sau:"),
        Heading(1, "PHẠM VI VÀ CÁCH TÍNH"),
        *_scope(data),
        Heading(1, "KẾT QUẢ THỰC HIỆN"),
        Heading(2, "Tổng hợp"),
        _summary(data),
        Heading(2, "Các chỉ tiêu đo được"),
        *(_sentence(row) for row in data.rows),
        *_hand_words(data),
        *_charts(data),
        Heading(1, "KHÓ KHĂN, VƯỚNG MẮC"),
        blank("(Đơn vị bổ sung)"),
        Heading(1, "KIẾN NGHỊ, ĐỀ XUẤT"),
        blank("(Đơn vị bổ sung)"),
        paragraph(
            f"Trên đây là báo cáo tiến độ thực hiện {data.plan_title} {data.period.title} (chi tiết tại phụ lục kèm theo)"
        ),
    ]
    return Document(
        head=head(
            settings, "BÁO CÁO", "BC", f"Tiến độ thực hiện {data.plan_title}\n{data.period.title} tại {data.place}"
        ),
        blocks=ended(body),
        signatures=signer(settings),
        recipients=settings.recipients,
        annexes=kept,
        made_on=data.made_on,
        data=machine(data),
    )


def _scope(data: Progress) -> Iterator[Block]:
    yield point(
        f"Kỳ báo cáo: từ ngày {day(data.period.first)} đến ngày {day(data.period.last)}; số liệu tính đến {day(data.made_on)}."
    )
    if data.offices is not None:
        probes = "chưa có số liệu" if data.offices_with_probe is None else said(data.offices_with_probe)
        yield point(f"Trụ sở trong danh mục: {said(data.offices)}; trụ sở có thiết bị đo: {probes}.")
    yield from map(point, data.remarks)
    yield point(_TWO_COLUMNS)
    yield point(_NEVER_ZERO)


def _summary(data: Progress) -> Table:
    every: list[TargetRow | HandRow] = [*data.rows, *data.hand]
    columns = [("Đánh giá", Column(width=60)), *((words, Column(width=34, align=Align.CENTRE)) for words in _KINDS)]
    rows = []
    for outcome in VerdictOutcome:
        counts = [sum(row.outcome is outcome for row in group) for group in (data.rows, data.hand, every)]
        rows.append((verdict(outcome), *(whole(count) for count in counts)))
    total = (Cell(text="Tổng số", bold=True), *(whole(len(group)) for group in (data.rows, data.hand, every)))
    return tabled("Tổng hợp", columns, [*rows, total])


def _sentence(row: TargetRow) -> Block:
    """What was found of one target, as the assessment says it."""
    found = row.explanation or f"{OUTCOMES[row.outcome].vi} (chỉ tiêu {_demand(row) or NO_FIGURE})"
    ahead = f" {row.forecast}" if row.forecast else ""
    return point(f"{found}.{ahead}", bold=f"{titled(row.label, row.title)}: ")


def _hand_words(data: Progress) -> Iterator[Block]:
    if data.hand:
        yield Heading(2, "Các chỉ tiêu do đơn vị cung cấp số liệu")
        given = sum(row.entered is not None for row in data.hand)
        yield paragraph(
            f"Đã có số liệu của {given}/{len(data.hand)} chỉ tiêu; số liệu do người nhập, không do thiết bị đo."
        )


def _charts(data: Progress) -> Iterator[Block]:
    shown = [chart for row in data.rows if (chart := _bars(row)) is not None]
    lines = list(charts(data.trends))
    if shown or lines:
        yield Heading(2, "Biểu đồ")
        yield from shown
        yield from lines


def _bars(row: TargetRow) -> BarChart | None:
    """Baseline, published and measured figure of a level target, three series; nothing where only the target is known."""
    found = ((row.baseline, 0), (row.published, 1), (row.measured, 2))
    if row.value is None or not any(known is not None and known.unit == row.unit for known, _ in found):
        return None
    decimals = 1 if row.measured is None else decimals_beside(row.measured.value, row.operator, row.value)
    bars = tuple(
        Bar(
            label=_bar_label(row, at),
            value=known.value if known is not None and known.unit == row.unit else None,
            series=at,
        )
        for known, at in found
        if at != 1 or known is not None or row.ispeed
    )
    return BarChart(
        title=titled(row.label, row.title),
        unit=row.unit,
        series=(),
        bars=bars,
        target=row.value,
        target_label=f"mục tiêu {_demand(row).removeprefix('= ')}",
        decimals=decimals,
    )


def _bar_label(row: TargetRow, at: int) -> str:
    """Where a figure comes from; a share of offices says of how many, for those of which nothing is known are not in it."""
    of_offices = at == 2 and row.measured is not None and row.counted.startswith("trụ sở") and row.measured.statistic
    return f"đạt {of_offices}" if of_offices else _SERIES[at]


# The annexes.


def _annexes(data: Progress) -> Iterator[Annex]:
    marks = set(_marks(data))
    notes = [*legend(marks), *doubtful(data.grounds), *_sources(data)]
    if hides(data):
        notes.append(paragraph(NOTE, small=True))
    yield Annex(title="KẾT QUẢ CÁC CHỈ TIÊU ĐO ĐƯỢC", landscape=True, blocks=(_targets(data.rows), *notes))
    if data.hand:
        yield Annex(title="CÁC CHỈ TIÊU DO ĐƠN VỊ CUNG CẤP SỐ LIỆU", landscape=True, blocks=(_by_hand(data.hand),))
    if data.month_states:
        yield Annex(title=TITLE, landscape=True, blocks=months_table(data.month_states, data.trends))
    if data.communes:
        yield Annex(
            title="KẾT QUẢ THEO TỪNG XÃ, PHƯỜNG",
            landscape=True,
            blocks=tuple(block for one in data.communes for block in _commune_blocks(one)),
        )
    if data.evidence != Evidence():
        yield Annex(title="BẰNG CHỨNG VÀ CÁCH ĐO", blocks=tuple(_evidence(data.evidence)))


def _targets(rows: Iterable[TargetRow]) -> Table:
    columns = [
        ("TT", Column(width=9, align=Align.CENTRE)),
        ("Chỉ tiêu", Column(width=54)),
        ("Mục tiêu", Column(width=26, align=Align.CENTRE)),
        ("Hiện trạng ban đầu", Column(width=24, align=Align.RIGHT)),
        ("i-Speed công bố", Column(width=27, align=Align.RIGHT)),
        ("Đo tại trụ sở", Column(width=36, align=Align.RIGHT)),
        ("Đánh giá", Column(width=25, align=Align.CENTRE)),
        ("Số mẫu", Column(width=19, align=Align.RIGHT)),
        ("Ghi chú", Column(width=70)),
    ]
    return tabled("Chỉ tiêu đo được", columns, (_target(at, row) for at, row in enumerate(rows, 1)), size=10.5)


def _target(at: int, row: TargetRow) -> tuple[Cell, ...]:
    literal = quoted(row.words, row.line, literally=row.quoted)
    return (
        whole(at),
        Cell(text=titled(row.label, row.title), note=literal),
        _wanted(row),
        _known(row.baseline),
        _known(row.published, NO_FIGURE if row.ispeed else NOT_APPLICABLE),
        _measured(row.measured, row.samples, row.operator, row.value),
        verdict(row.outcome),
        _samples(row.samples, row.needed, row.counted),
        Cell(text=" ".join(row.notes)),
    )


def _by_hand(rows: Iterable[HandRow]) -> Table:
    columns = [
        ("TT", Column(width=9, align=Align.CENTRE)),
        ("Chỉ tiêu", Column(width=84)),
        ("Mục tiêu", Column(width=32, align=Align.CENTRE)),
        ("Hiện trạng ban đầu", Column(width=30, align=Align.RIGHT)),
        ("Số liệu báo cáo", Column(width=32, align=Align.RIGHT)),
        ("Đánh giá", Column(width=26, align=Align.CENTRE)),
        ("Nguồn, người nhập", Column(width=44)),
        ("Ghi chú", Column(width=46)),
    ]
    return tabled("Chỉ tiêu nhập tay", columns, (_hand(at, row) for at, row in enumerate(rows, 1)), size=10.5)


def _hand(at: int, row: HandRow) -> tuple[Cell, ...]:
    origin = [row.entered.source if row.entered is not None else "", row.entered_by]
    title, _, literal = row.title.partition("\n")
    return (
        whole(at),
        Cell(text=titled(row.label, title), note=literal),
        _wanted(row),
        _known(row.baseline),
        _known(row.entered),
        verdict(row.outcome),
        Cell(text="\n".join(words for words in origin if words) or "–"),
        Cell(text=" ".join(row.notes)),
    )


def _commune_blocks(table: CommuneTable) -> Iterator[Block]:
    yield _communes(table)
    if table.unlisted:
        yield paragraph(
            f"{table.label}: còn {said(table.unlisted)} đơn vị cấp xã chưa có trong danh mục (chưa đủ dữ liệu).",
            small=True,
        )


def _communes(table: CommuneTable) -> Table:
    columns = [
        ("TT", Column(width=count_width(10, len(table.rows)), align=Align.CENTRE)),
        ("Mã", Column(width=15, align=Align.CENTRE)),
        ("Xã, phường", Column(width=46)),
        ("Đường truyền", Column(width=34)),
        ("i-Speed công bố", Column(width=32, align=Align.RIGHT)),
        ("Đo tại trụ sở", Column(width=42, align=Align.RIGHT)),
        ("Số mẫu", Column(width=26, align=Align.RIGHT)),
        ("Đánh giá", Column(width=33, align=Align.CENTRE)),
        ("Ghi chú", Column(width=54)),
    ]
    rows = (_commune(at, row, table) for at, row in enumerate(table.rows, 1))
    found = tabled(f"Xã {table.label}", columns, rows, title=titled(table.label, table.title), size=10.5)
    return replace(found, on_pages=_folded(table))


def _folded(table: CommuneTable) -> tuple[tuple[Cell, ...], ...] | None:
    """The rows with all communes that nobody measures in one last row; None where that would save nothing."""
    listed = [row for row in table.rows if row.listed]
    silent = len(table.rows) - len(listed)
    if silent < 2:
        return None
    last = (
        Cell(), Cell(), Cell(text=f"{said(silent)} xã, phường chưa có điểm đo"), Cell(text="–"), Cell(text=NO_FIGURE),
        Cell(text=NO_FIGURE), Cell(text="–"), verdict(VerdictOutcome.INSUFFICIENT), Cell(text=_NAMED_ELSEWHERE),
    )  # fmt: skip
    return (*(_commune(at, row, table) for at, row in enumerate(listed, 1)), last)


def _commune(at: int, row: CommuneRow, table: CommuneTable) -> tuple[Cell, ...]:
    return (
        whole(at),
        Cell(text=row.code),
        Cell(text=row.name),
        Cell(text=row.link or NO_FIGURE),
        _known(row.published),
        _measured(row.measured, row.samples, table.operator, table.value),
        _samples(row.samples, row.needed, "mẫu"),
        verdict(row.outcome),
        Cell(text=" ".join(row.notes)),
    )


def _evidence(found: Evidence) -> Iterator[Block]:
    if found.first or found.last:
        yield point(f"Dải bản ghi đo: từ {found.first or NO_FIGURE} đến {found.last or NO_FIGURE}.")
    if found.sha256:
        yield point(f"Mã băm SHA-256 của bằng chứng: {found.sha256}.")
    if found.plan_version:
        yield point(f"Phiên bản tệp kế hoạch: {found.plan_version}.")
    if found.methods:
        yield point(f"Phiên bản phép đo: {'; '.join(found.methods)}.")


# Cells.


def _demand(row: TargetRow | HandRow) -> str:
    if row.demand:
        return row.demand
    if row.value is None:
        return ""
    sign_of = f"{row.operator.sign} " if row.operator is not None else ""
    return f"{sign_of}{said(row.value, row.unit)}"


def _wanted(row: TargetRow | HandRow) -> Cell:
    """The demand; where its comparison is our reading of the words, the cell says so."""
    demand = _demand(row)
    if not demand:
        return Cell(text="không đặt con số")
    notes = [f"dấu so sánh do doxa suy luận{sign(row.operator_mark)}"] if row.operator_mark is not Mark.V else []
    if isinstance(row, TargetRow) and row.due is not None:
        notes.append(f"hạn {day(row.due)}")
    return Cell(text=demand, note="\n".join(notes))


def _known(known: Known | None, absent: str = NO_FIGURE) -> Cell:
    if known is None:
        return Cell(text=absent)
    note = "; ".join(part for part in (known.statistic, known.when) if part) + sign(known.mark)
    return figure(known.value, known.unit, shortest(known.value), note=note.strip())


def _measured(found: Measured | None, samples: int | None, operator: Operator | None, wanted: float | None) -> Cell:
    if found is None:
        return Cell(text=NOT_ENOUGH if samples else NO_FIGURE)
    decimals = decimals_beside(found.value, operator, wanted)
    notes = [part for part in (found.statistic, found.layer) if part]
    sure = f"{said(100 * found.confidence)} %"
    if found.lower is not None:
        notes.append(f"cận dưới {sure}: {said(found.lower, decimals=decimals)}")
    if found.upper is not None:
        notes.append(f"cận trên {sure}: {said(found.upper, decimals=decimals)}")
    return figure(found.value, found.unit, decimals, note="; ".join(notes))


def _samples(samples: int | None, needed: int | None, counted: str) -> Cell:
    if samples is None:
        return Cell(text="–")
    return figure(samples, decimals=0, note=counted + (f"; cần {said(needed)}" if needed is not None else ""))


def _marks(data: Progress) -> Iterator[Mark]:
    yield from (row.operator_mark for row in data.rows)
    yield from (row.operator_mark for row in data.hand)
    for known in _all_known(data):
        yield known.mark
    yield from (ground.mark for ground in data.grounds)


def _all_known(data: Progress) -> Iterator[Known]:
    found: list[Known | None] = []
    for row in data.rows:
        found += [row.baseline, row.published]
    for entry in data.hand:
        found += [entry.baseline, entry.entered]
    for table in data.communes:
        found += [row.published for row in table.rows]
    yield from (known for known in found if known is not None)


def _sources(data: Progress) -> Iterator[Block]:
    """The source of each figure that is not sure, once."""
    seen = {(k.mark, k.source) for k in _all_known(data) if k.mark is not Mark.V}
    for mark, source in sorted(seen):
        yield paragraph(f"Nguồn của số liệu đánh dấu{sign(mark)}: {source or 'chưa ghi'}.", small=True)


_NAMED_ELSEWHERE: Final = "Chưa có trong danh mục; tên từng xã, phường nêu ở tệp XLSX và CSV."
_KINDS: Final = ("Chỉ tiêu đo được", "Chỉ tiêu nhập tay", "Tất cả")
_SERIES: Final = ("hiện trạng ban đầu", "i-Speed công bố", "đo tại trụ sở")
_TWO_COLUMNS: Final = (
    "«i-Speed công bố» là số liệu do VNNIC công bố và được nhập vào; «đo tại trụ sở» là số liệu do thiết bị đo đặt tại trụ sở "
    "đo được. Hai số liệu khác nhau về mẫu và cách đo, được ghi ở hai cột riêng và không thay thế cho nhau."
)
_NEVER_ZERO: Final = (
    "Chỗ thiếu số liệu ghi «chưa có số liệu» hoặc «chưa đủ dữ liệu»; chỉ tiêu chưa đủ dữ liệu không được tính là đạt."
)
