"""Báo cáo toàn quốc: every commune of the country held against the requirements of the national plans.

Counts are of communes, and a commune of which nothing is known stays one of all: a share is never made better by what was
not measured. The list of all communes belongs into a workbook; `with_communes` adds it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from doxa_collector.assess.wording import OUTCOMES
from doxa_collector.papers.drafts.national_records import (
    CommuneLine,
    Counts,
    National,
    ProvinceRow,
    RequirementRow,
    WorstLine,
)
from doxa_collector.papers.drafts.progress_months import TITLE, charts, months_table
from doxa_collector.papers.machine import machine
from doxa_collector.papers.model import NO_FIGURE, Align, Annex, Block, Cell, Column, Document, Heading, Table
from doxa_collector.papers.parts import (
    NOT_APPLICABLE,
    TONES,
    blank,
    decimals_beside,
    ended,
    figure,
    grounds,
    head,
    paragraph,
    point,
    quoted,
    said,
    signer,
    tabled,
    verdict,
    whole,
)
from doxa_collector.papers.period import day
from doxa_collector.papers.secrecy import veiled
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.papers.sources import doubtful, legend, read_in_full, sign
from doxa_collector.plans.model import Mark
from doxa_collector.verdict import VerdictOutcome

PROVISIONAL: Final = "số liệu tạm tính, có tháng chưa khóa sổ"
COMMUNES: Final = "KẾT QUẢ TỪNG XÃ, PHƯỜNG, ĐẶC KHU"


def national_report(data: National, settings: PaperSettings, *, with_communes: bool) -> Document:
    """The report; `with_communes` adds the annex of all communes, which is for workbooks."""
    data = veiled(data, reveal=settings.reveal, tslcd=True)
    about = f"Chất lượng mạng tại trụ sở cấp xã trên cả nước\n{data.period.title}"
    body: list[Block] = [
        *grounds(
            (*read_in_full(data.grounds), f"kết quả đo {data.period.title} của hệ thống giám sát chất lượng mạng")
        ),
        paragraph(f"Chất lượng mạng tại trụ sở cấp xã trên cả nước {data.period.title} như sau:"),
        Heading(1, "PHẠM VI VÀ CÁCH TÍNH"),
        *_scope(data),
        Heading(1, "KẾT QUẢ CẢ NƯỚC"),
        Heading(2, "Tổng hợp"),
        _summary(data.requirements),
        Heading(2, "Từng yêu cầu"),
        *(_sentence(row) for row in data.requirements),
        *_by_hand(data),
        *_charts(data),
        Heading(1, "KHÓ KHĂN, VƯỚNG MẮC"),
        blank("(Đơn vị bổ sung)"),
        Heading(1, "KIẾN NGHỊ, ĐỀ XUẤT"),
        blank("(Đơn vị bổ sung)"),
        paragraph(f"Trên đây là báo cáo chất lượng mạng tại trụ sở cấp xã trên cả nước {data.period.title}"),
    ]
    return Document(
        head=head(settings, "BÁO CÁO", "BC", f"{about}\n({PROVISIONAL})" if data.provisional else about),
        blocks=ended(body),
        signatures=signer(settings),
        recipients=settings.recipients,
        annexes=tuple(_annexes(data, with_communes=with_communes)),
        made_on=data.made_on,
        data=machine(data),
    )


def _scope(data: National) -> Iterator[Block]:
    yield point(
        f"Kỳ báo cáo: từ ngày {day(data.period.first)} đến ngày {day(data.period.last)}; các bảng theo {data.judged.title}; số liệu "
        f"tính đến {day(data.made_on)}."
    )
    if data.provisional:
        yield point(f"{PROVISIONAL[0].upper()}{PROVISIONAL[1:]}: kết quả còn thay đổi cho đến khi khóa sổ.")
    total = sum(row.communes for row in data.provinces)
    yield point(
        f"Đơn vị cấp xã: {said(total)} thuộc {len(data.provinces)} tỉnh, thành phố; trụ sở cấp xã trong danh mục: {said(data.offices)}."
    )
    yield from map(point, data.remarks)
    yield point(_COUNTED)
    yield point(_NOT_BINDING)


def _summary(rows: Iterable[RequirementRow]) -> Table:
    columns = [
        ("YC", Column(width=13, align=Align.CENTRE)),
        ("Yêu cầu đối với mỗi xã", Column(width=52)),
        ("Mức của cả nước", Column(width=22, align=Align.CENTRE)),
        ("Xã đáp ứng", Column(width=18, align=Align.RIGHT)),
        ("Không đáp ứng", Column(width=18, align=Align.RIGHT)),
        ("Chưa rõ", Column(width=18, align=Align.RIGHT)),
        ("Tỷ lệ đáp ứng", Column(width=22, align=Align.RIGHT)),
        ("Đánh giá", Column(width=22, align=Align.CENTRE)),
    ]
    return tabled("Tổng hợp", columns, map(_summed, rows), size=10)


def _summed(row: RequirementRow) -> tuple[Cell, ...]:
    counts = row.counts
    return (
        Cell(text=row.label, bold=True),
        Cell(text=row.title, note=row.condition),
        Cell(text=row.demand or "không nêu tỷ lệ"),
        whole(counts.met),
        whole(counts.failed),
        whole(counts.unknown + counts.limited),
        _share(counts),
        Cell(text="không đánh giá") if row.outcome is None else verdict(row.outcome),
    )


def _share(counts: Counts) -> Cell:
    """Of all communes; below it what it may reach if all that is unknown turns out well."""
    up_to = (
        ""
        if counts.share is None or counts.possible is None or not counts.unknown + counts.limited
        else f"có thể đến {said(counts.possible, '%', 1)}"
    )
    return figure(counts.share, "%", 1, note=up_to)


def _sentence(row: RequirementRow) -> Block:
    said_words = quoted(row.words, "", literally=row.quoted) + sign(row.mark)
    counts = row.counts
    found = (
        f"{said(counts.met)}/{said(counts.total)} xã đáp ứng, {said(counts.failed)} không đáp ứng, "
        f"{said(counts.unknown + counts.limited)} chưa rõ"
    )
    answer = "" if row.outcome is None else f"{OUTCOMES[row.outcome].vi}: "
    notes = f" {' '.join(row.notes)}" if row.notes else ""
    return point(f"{row.plan}. {said_words} {answer}{found}.{notes}", bold=f"{row.label}. {row.title}: ")


def _by_hand(data: National) -> Iterator[Block]:
    if data.by_hand:
        yield paragraph(
            f"Chỉ tiêu cùng văn bản nhưng trụ sở không đo được, cần số liệu nhập tay: {'; '.join(data.by_hand)}."
        )


def _charts(data: National) -> Iterator[Block]:
    found = list(charts(data.trends))
    if found:
        yield Heading(2, "Diễn biến theo tháng")
        yield from found


# --- the annexes


def _annexes(data: National, *, with_communes: bool) -> Iterator[Annex]:
    marks = {row.mark for row in data.requirements} | {ground.mark for ground in data.grounds} | {Mark.I}
    notes = (*legend(marks), *doubtful(data.grounds))
    yield Annex(title="KẾT QUẢ THEO TỈNH, THÀNH PHỐ", landscape=True, blocks=(_matrix(data), *notes))
    yield Annex(
        title="XẾP HẠNG CÁC TỈNH, THÀNH PHỐ", landscape=True, blocks=(_ranking(data), paragraph(_RANKED, small=True))
    )
    yield Annex(
        title="ĐƯỜNG TRUYỀN THẤP NHẤT", landscape=True, blocks=(_worst(data.worst), paragraph(_WORST, small=True))
    )
    if data.month_states:
        yield Annex(title=TITLE, landscape=True, blocks=months_table(data.month_states, data.trends))
    yield Annex(title="BẰNG CHỨNG VÀ CÁCH ĐO", blocks=tuple(_evidence(data)))
    if with_communes:
        yield Annex(title=COMMUNES, landscape=True, blocks=(_communes(data),))


def _matrix(data: National) -> Table:
    width = 190 / max(1, len(data.requirements))
    columns = [
        ("TT", Column(width=9, align=Align.CENTRE)),
        ("Mã", Column(width=10, align=Align.CENTRE)),
        ("Tỉnh, thành phố", Column(width=34)),
        ("Số xã", Column(width=13, align=Align.RIGHT)),
        *((row.label, Column(width=width, align=Align.RIGHT)) for row in data.requirements),
    ]
    rows = [
        (whole(at), Cell(text=one.code), Cell(text=one.name), whole(one.communes), *map(_in_matrix, one.cells))
        for at, one in enumerate(data.provinces, 1)
    ]
    total = (
        Cell(text=""), Cell(text=""), Cell(text="Cả nước", bold=True), whole(sum(one.communes for one in data.provinces)),
        *(_in_matrix(row.counts) for row in data.requirements),
    )  # fmt: skip
    return tabled("Theo tỉnh", columns, [*rows, total], title="Xã đáp ứng trên tổng số xã", size=10)


def _in_matrix(counts: Counts) -> Cell:
    if not counts.total:
        return Cell(text=NO_FIGURE)
    open_ones = counts.unknown + counts.limited
    tone = VerdictOutcome.FAIL if counts.failed else VerdictOutcome.INSUFFICIENT if open_ones else VerdictOutcome.PASS
    if counts.share is None:
        return Cell(text="–", note=f"chưa rõ {said(open_ones)} xã", tone=TONES[tone])
    note = f"{said(counts.met)}/{said(counts.total)} xã" + (f"\nchưa rõ {said(open_ones)}" if open_ones else "")
    return figure(counts.share, "%", 1, note=note, tone=TONES[tone])


def _ranking(data: National) -> Table:
    """For each requirement the provinces by their share of communes that meet it; equal shares have one rank, and those
    of which nothing is known have none and are counted in a last row.
    """
    rated = list(enumerate(data.requirements))
    columns = [
        ("TT", Column(width=10, align=Align.CENTRE)),
        *((row.label, Column(width=240 / max(1, len(rated)))) for _, row in rated),
    ]
    ordered = [_ranked(data.provinces, at) for at, _ in rated]
    rows = [
        (whole(at + 1), *(column[at] if at < len(column) else Cell(text="–") for column in ordered))
        for at in range(max(map(len, ordered), default=0))
    ]
    without = [len(data.provinces) - len(column) for column in ordered]
    if any(without):
        rows.append((Cell(text=""), *(Cell(text=NO_FIGURE, note=f"{n} tỉnh, thành phố") for n in without)))
    return tabled("Xếp hạng", columns, rows, title="Thứ hạng, tỉnh và tỷ lệ xã đáp ứng", size=10)


def _ranked(provinces: Sequence[ProvinceRow], at: int) -> list[Cell]:
    known = {one.code: share for one in provinces if (share := one.cells[at].share) is not None}
    first = sorted((one for one in provinces if one.code in known), key=lambda one: (-known[one.code], one.code))
    ranks = {share: 1 + sum(other > share for other in known.values()) for share in known.values()}
    return [Cell(text=f"{ranks[known[one.code]]}. {one.name}", note=said(known[one.code], "%", 1)) for one in first]


def _worst(rows: Iterable[WorstLine]) -> Table:
    columns = [
        ("TT", Column(width=9, align=Align.CENTRE)),
        ("YC", Column(width=12, align=Align.CENTRE)),
        ("Tỉnh, thành phố", Column(width=36)),
        ("Mã", Column(width=15, align=Align.CENTRE)),
        ("Xã, phường", Column(width=48)),
        ("Đường truyền", Column(width=30)),
        ("Đo tại trụ sở", Column(width=32, align=Align.RIGHT)),
        ("Yêu cầu", Column(width=24, align=Align.CENTRE)),
        ("Số mẫu", Column(width=16, align=Align.RIGHT)),
        ("Ghi chú", Column(width=40)),
    ]
    return tabled("Đường thấp nhất", columns, (_line(at, row) for at, row in enumerate(rows, 1)), size=10)


def _line(at: int, row: WorstLine) -> tuple[Cell, ...]:
    return (
        whole(at),
        Cell(text=row.requirement),
        Cell(text=row.province),
        Cell(text=row.code),
        Cell(text=row.name),
        Cell(text=row.link),
        figure(row.value, row.unit, 1, note=row.layer),
        Cell(text=row.wanted),
        whole(row.samples),
        Cell(text="\n".join(row.notes)),
    )


def _evidence(data: National) -> Iterator[Block]:
    yield point(f"Số lần đo đã tính trong {data.judged.title}: {said(data.runs)}.")
    if data.sha256:
        yield point(f"Dải bản ghi: từ số {data.first} đến số {data.last}. Mã băm SHA-256: {data.sha256}.")
    yield point(f"Tệp kế hoạch: {'; '.join(data.plans)}.")
    yield point(_FROM_ROLLUPS)


# --- every commune


def _communes(data: National) -> Table:
    columns = [
        ("TT", Column(width=10, align=Align.CENTRE)),
        ("Mã tỉnh", Column(width=12, align=Align.CENTRE)),
        ("Tỉnh, thành phố", Column(width=36)),
        ("Mã xã", Column(width=15, align=Align.CENTRE)),
        ("Xã, phường, đặc khu", Column(width=44)),
    ]
    for row in data.requirements:
        columns += [(f"{row.label} – đánh giá", Column(width=26, align=Align.CENTRE))]
        if row.value is not None:
            columns += [
                (f"{row.label} – {row.unit}", Column(width=22, align=Align.RIGHT)),
                (f"{row.label} – số mẫu", Column(width=18, align=Align.RIGHT)),
            ]
        if data.month_states:
            columns += [(f"{row.label} – số tháng đáp ứng", Column(width=22, align=Align.RIGHT))]
    names = {one.code: one.name for one in data.provinces}
    rows = (_commune(at, one, data, names) for at, one in enumerate(data.communes, 1))
    return tabled("Từng xã", columns, rows, title="Từng xã, phường, đặc khu", size=9)


def _commune(at: int, one: CommuneLine, data: National, names: dict[str, str]) -> tuple[Cell, ...]:
    cells = [
        whole(at),
        Cell(text=one.province),
        Cell(text=names.get(one.province, one.province)),
        Cell(text=one.code),
        Cell(text=one.name),
    ]
    for row, found in zip(data.requirements, one.cells, strict=True):
        cells.append(_OUTCOMES[found.outcome])
        if row.value is not None:
            cells.append(
                Cell(text=NOT_APPLICABLE if not found.samples else NO_FIGURE)
                if found.value is None
                else Cell(number=found.value, decimals=decimals_beside(found.value, row.operator, row.value))
            )
            cells.append(Cell(number=found.samples))
        if data.month_states:
            cells.append(Cell(text="–") if found.months_met is None else Cell(number=found.months_met))
    return tuple(cells)


_OUTCOMES: Final = {outcome: verdict(outcome) for outcome in VerdictOutcome}
_COUNTED: Final = (
    "Một xã đáp ứng khi đường truyền của trụ sở cấp xã đáp ứng một cách chắc chắn; xã chưa có thiết bị đo hoặc chưa đủ số liệu được tính "
    "là chưa rõ và vẫn nằm trong tổng số xã."
)
_NOT_BINDING: Final = (
    "Yêu cầu có dấu [S] chỉ đọc trong bản trích, có dấu [I] là suy luận của doxa: đơn vị đối chiếu văn bản chính thức trước khi dùng "
    "làm căn cứ."
)
_RANKED: Final = (
    "Tỷ lệ tính trên tổng số xã của tỉnh; các tỉnh có cùng tỷ lệ có cùng thứ hạng. Tỉnh chưa có số liệu không được xếp hạng, dòng cuối "
    "ghi số tỉnh đó."
)
_WORST: Final = (
    "Mỗi yêu cầu nêu những đường truyền không đáp ứng thấp nhất; danh sách đủ ở phụ lục từng xã của tệp XLSX hoặc CSV."
)
_FROM_ROLLUPS: Final = "Kết quả tính từ số liệu tổng hợp theo ngày của từng đường truyền; tháng đã khóa sổ dùng đúng danh mục, thiết lập và các bản ghi của lần khóa sổ."
