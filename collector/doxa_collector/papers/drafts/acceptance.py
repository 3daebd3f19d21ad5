"""Biên bản nghiệm thu: a line (or the probe at it) accepted or not, with the steps of the run as its evidence.

The four outcomes of a run stand as they are; where the probe was the limit or the evidence is too thin, the record says
that nothing is concluded about the line, never that it failed.
"""

from collections.abc import Iterator
from typing import Final

from doxa_collector.papers.drafts.acceptance_records import (
    AcceptanceRecord,
    Party,
    Run,
    Step,
    Tcp,
    Wanted,
)
from doxa_collector.papers.drafts.acceptance_words import words
from doxa_collector.papers.machine import machine
from doxa_collector.papers.model import (
    NO_FIGURE,
    Align,
    Block,
    Cell,
    Column,
    Document,
    Heading,
    Paragraph,
    Qr,
    Signature,
    Table,
)
from doxa_collector.papers.model import Run as Words
from doxa_collector.papers.parts import (
    TONES,
    ended,
    figure,
    grounds,
    head,
    paragraph,
    point,
    said,
    shortest,
    tabled,
)
from doxa_collector.papers.secrecy import NOTE, hides, veiled
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.papers.sources import doubtful, legend, read_in_full
from doxa_collector.plans.model import LAYERS
from doxa_collector.verdict import VerdictOutcome
from doxa_core.language import VIETNAM_TIME
from doxa_core.linkkind import LinkKind


def acceptance_record(data: AcceptanceRecord, settings: PaperSettings) -> Document:
    """The record; it has no number, and everybody who was there signs."""
    data = veiled(data, reveal=settings.reveal, tslcd=data.run.line.kind is LinkKind.TSLCD)
    run = data.run
    what = "thiết bị đo" if data.of_probe else f"đường truyền {run.line.kind.text.vi}"
    body: list[Block] = [
        *grounds(read_in_full(data.grounds)),
        Heading(1, "THÀNH PHẦN"),
        *_parties(data.parties),
        Heading(1, "THỜI GIAN, ĐỊA ĐIỂM"),
        *_when_and_where(data),
        Heading(1, "ĐỐI TƯỢNG VÀ THIẾT BỊ"),
        _things(data),
        Heading(1, "KẾT QUẢ ĐO"),
        *_results(run),
        Heading(1, "KẾT LUẬN"),
        *_conclusion(data, what),
    ]
    notes: list[Block] = [*doubtful(data.grounds), *legend(ground.mark for ground in data.grounds)]
    notes += [paragraph(NOTE, small=True)] if hides(data) else []
    return Document(
        head=head(settings, "BIÊN BẢN", "", f"Nghiệm thu {what} «{run.line.name}»\ntại {data.office}"),
        blocks=(*ended(body), *notes, _qr(run)),
        signatures=tuple(
            Signature(lines=(f"ĐẠI DIỆN {party.role.partition(' (')[0].upper()}",), hint="(Ký, ghi rõ họ tên)")
            for party in data.parties
        ),
        made_on=run.started.astimezone(VIETNAM_TIME).date(),
        data=machine(data),
    )


def _parties(parties: tuple[Party, ...]) -> Iterator[Block]:
    for at, party in enumerate(parties, 1):
        yield Paragraph(runs=(Words(f"{at}. {party.role}: ", bold=True), Words(party.organisation)))
        yield from (point(person) for person in party.people)


def _when_and_where(data: AcceptanceRecord) -> Iterator[Block]:
    run = data.run
    here = run.started.astimezone(VIETNAM_TIME)
    lasted = NO_FIGURE if run.duration_s is None else f"{said(run.duration_s / 60, decimals=1)} phút"
    yield point(f"Bắt đầu đo: {here.hour:02d} giờ {here.minute:02d} ngày {here:%d/%m/%Y}; thời gian đo: {lasted}.")
    yield point(f"Địa điểm: {data.office} (mã điểm đo: {run.site}).")
    known = run.clock.error_ms is not None
    error = f", sai số ước tính {said(run.clock.error_ms, 'ms', 1)}" if known else ""
    yield point(f"Đồng hồ thiết bị đo: {'đã' if run.clock.synchronised else 'chưa'} đồng bộ{error}.")


def _things(data: AcceptanceRecord) -> Table:
    run = data.run
    line, probe = run.line, run.equipment
    port = (
        NO_FIGURE
        if probe.port_mbps is None
        else f"{said(probe.port_mbps, 'Mbps')}, {_DUPLEX.get(probe.duplex or '', '…')}"
    )
    rows = [
        ("Đường truyền", f"{line.name} ({line.kind.text.vi})"),
        ("Nhà cung cấp; số hợp đồng", f"{data.provider or '…'}; {data.contract or '…'}"),
        ("Tốc độ theo hợp đồng", f"tải xuống {said(line.down_mbps, 'Mbps')}, tải lên {said(line.up_mbps, 'Mbps')} ({LAYERS[line.layer].vi})"),
        ("Đầu xa của phép đo", f"{line.far_end or NO_FIGURE}; máy chủ {_or_none(line.far_end_host)}; địa chỉ {_or_none(line.far_end_address)}"),
        ("Địa chỉ của đường truyền", f"nguồn {_or_none(line.source)}; cổng ra {_or_none(line.gateway)}"),
        ("Thiết bị đo", f"{probe.name}; kiểu {_or_none(probe.model)}"),
        ("Số sê-ri", _or_none(probe.serial)),
        ("Địa chỉ MAC", _or_none(probe.mac)),
        ("Phiên bản phần mềm", probe.version or NO_FIGURE),
        ("Phiên bản phép đo", "; ".join(probe.methods) or NO_FIGURE),
        ("Cổng mạng của thiết bị đo", port),
    ]  # fmt: skip
    columns = [("Nội dung", Column(width=52)), ("Thông tin", Column(width=111))]
    return tabled("Thiết bị", columns, ((Cell(text=name), Cell(text=value)) for name, value in rows))


def _or_none(value: str | None) -> str:
    return value or NO_FIGURE


def _results(run: Run) -> Iterator[Block]:
    layer = LAYERS[run.line.layer].vi
    yield Heading(2, "Các bước tốc độ cố định")
    yield paragraph(
        f"Mỗi bước phát một tỷ lệ của tốc độ hợp đồng trong {said(run.step_s, 'giây')}; tốc độ nêu ở {layer}, là tầng mà hợp đồng tính. "
        f"Yêu cầu: {_demands(run.wanted)}."
    )
    if run.steps:
        yield _steps(run)
    else:
        yield paragraph(f"Các bước: {NO_FIGURE}.")
    yield Heading(2, "Số liệu kèm theo")
    yield _beside(run)
    if run.tcp:
        yield Heading(2, "Truyền TCP (RFC 6349)")
        yield paragraph("Số liệu TCP chỉ mô tả, không dùng để kết luận.")
        yield _tcp(run.tcp)


def _demands(wanted: Wanted) -> str:
    found = []
    if wanted.tolerance_ratio is not None:
        found.append(f"tốc độ nhận không thấp hơn yêu cầu quá {said(_percent(wanted.tolerance_ratio), '%')}")
    if wanted.loss_ratio is not None:
        found.append(f"mất gói ≤ {said(_percent(wanted.loss_ratio), '%')}")
    if wanted.rtt_ms is not None:
        found.append(f"độ trễ p95 ≤ {said(wanted.rtt_ms, 'ms')}")
    if wanted.pdv_ms is not None:
        found.append(f"biến động trễ ≤ {said(wanted.pdv_ms, 'ms')}")
    if wanted.mtu is not None:
        found.append(f"MTU ≥ {said(wanted.mtu, 'byte')}")
    return "; ".join(found) or NO_FIGURE


def _percent(ratio: float) -> float:
    """Without the dust of binary fractions: 0.003 is 0.3 %."""
    return round(ratio * 100, 9)


def _steps(run: Run) -> Table:
    columns = [
        ("Bước", Column(width=31)),
        ("Yêu cầu (Mbps)", Column(width=18, align=Align.RIGHT)),
        ("Nhận được (Mbps)", Column(width=19, align=Align.RIGHT)),
        ("Tầng IP (Mbps)", Column(width=18, align=Align.RIGHT)),
        ("Mất gói (%)", Column(width=16, align=Align.RIGHT)),
        ("RTT p95 (ms)", Column(width=15, align=Align.RIGHT)),
        ("Biến động (ms)", Column(width=18, align=Align.RIGHT)),
        ("Kết quả", Column(width=33, align=Align.LEFT)),
    ]
    return tabled("Các bước", columns, (_step(step) for step in run.steps), size=10.5)


def _step(step: Step) -> tuple[Cell, ...]:
    direction = DIRECTIONS.get(step.direction, step.direction)
    name = f"{direction} dài hạn" if step.performance else f"{direction} {said(step.percent)}\u00a0%"
    loss = None if step.loss_ratio is None else _percent(step.loss_ratio)
    why = "; ".join(part for part in (words(step.reasons), words(step.notes)) if part)
    return (
        Cell(text=name),
        figure(step.asked_mbps, decimals=_rate(step.asked_mbps)),
        figure(step.received_mbps, decimals=_rate(step.received_mbps)),
        figure(step.received_ip_mbps, decimals=_rate(step.received_ip_mbps)),
        figure(loss, decimals=3),
        figure(step.rtt_p95_ms, decimals=1),
        figure(step.delay_variation_ms, decimals=1),
        Cell(text=OUTCOMES[step.outcome], note=why, tone=TONES[step.outcome], bold=step.outcome is VerdictOutcome.FAIL),
    )


def _rate(value: float | None) -> int:
    """Two decimals at most: 97 stays 97, 96.875 is 96,88."""
    return 0 if value is None else min(2, shortest(value))


def _beside(run: Run) -> Table:
    bound = "" if run.path_mtu_exact else "cận trên"
    rows = [
        ("MTU của đường truyền", figure(run.path_mtu, "byte", 0, note=bound), figure(run.wanted.mtu, "byte", 0, absent="không xét")),
        ("Độ trễ khi rảnh, trung vị", figure(run.rtt_p50_ms, "ms", 1), Cell(text="không xét")),
        ("Độ trễ khi rảnh, p95", figure(run.rtt_p95_ms, "ms", 1), figure(run.wanted.rtt_ms, "ms", 1, absent="không xét")),
    ]  # fmt: skip
    columns = [
        ("Số liệu", Column(width=83)),
        ("Kết quả", Column(width=40, align=Align.RIGHT)),
        ("Yêu cầu", Column(width=40, align=Align.RIGHT)),
    ]
    return tabled("Số liệu kèm theo", columns, ((Cell(text=name), found, wanted) for name, found, wanted in rows))


def _tcp(found: tuple[Tcp, ...]) -> Table:
    columns = [
        ("Chiều", Column(width=28)),
        ("Thời gian (giây)", Column(width=22, align=Align.RIGHT)),
        ("Trung bình (Mbps, tải trọng)", Column(width=28, align=Align.RIGHT)),
        ("Lý tưởng (Mbps)", Column(width=22, align=Align.RIGHT)),
        ("Tỷ số thời gian", Column(width=20, align=Align.RIGHT)),
        ("Hiệu suất (%)", Column(width=20, align=Align.RIGHT)),
        ("Trễ bộ đệm (%)", Column(width=23, align=Align.RIGHT)),
    ]
    rows = (
        (
            Cell(text=DIRECTIONS.get(one.direction, one.direction)),
            figure(one.seconds, decimals=1),
            figure(one.mean_mbps, decimals=2),
            figure(one.ideal_mbps, decimals=2),
            figure(one.transfer_time_ratio, decimals=3),
            figure(None if one.efficiency_ratio is None else _percent(one.efficiency_ratio), decimals=2),
            figure(None if one.buffer_delay_ratio is None else _percent(one.buffer_delay_ratio), decimals=1),
        )
        for one in found
    )
    return tabled("TCP", columns, rows, size=10.5)


def _conclusion(data: AcceptanceRecord, what: str) -> Iterator[Block]:
    run = data.run
    yield Paragraph(runs=(Words("Kết quả: "), Words(OUTCOMES[run.outcome].upper(), bold=True), Words(".")))
    if run.reasons:
        yield point(f"Lý do: {words(run.reasons)}.")
    if run.findings:
        yield point(f"Lưu ý: {words(run.findings)}.")
    if run.interrupted:
        yield point("Lần đo bị dừng giữa chừng.")
    yield paragraph(_meaning(run.outcome, what))
    yield paragraph("Biên bản được lập thành …… bản có giá trị như nhau, mỗi bên giữ …… bản")


def _meaning(outcome: VerdictOutcome, what: str) -> str:
    found = _MEANING[outcome].replace("{what}", what)
    return found[0].upper() + found[1:]


def _qr(run: Run) -> Qr:
    return Qr(
        text=f"sha256:{run.sha256}",
        caption=f"Mã băm SHA-256 của tệp bằng chứng (acceptance/1):\n{run.sha256}\nMã băm cho thấy tệp có bị sửa hay không; không phải chữ ký.",
    )


DIRECTIONS: Final = {"download": "Tải xuống", "upload": "Tải lên"}
OUTCOMES: Final = {
    VerdictOutcome.PASS: "Đạt",
    VerdictOutcome.FAIL: "Không đạt",
    VerdictOutcome.PROBE_LIMITED: "Thiết bị đo giới hạn",
    VerdictOutcome.INSUFFICIENT: "Chưa đủ căn cứ",
}
_DUPLEX: Final = {"full": "song công", "half": "bán song công"}
_MEANING: Final = {
    VerdictOutcome.PASS: "{what} đáp ứng các yêu cầu nêu tại mục IV ở mọi bước đo; các bên thống nhất nghiệm thu.",
    VerdictOutcome.FAIL: "{what} không đáp ứng các yêu cầu nêu tại mục IV; bên giao khắc phục, các bên đo lại trước khi nghiệm thu.",
    VerdictOutcome.PROBE_LIMITED: "Thiết bị đo, cổng mạng hoặc đầu xa là giới hạn: chưa kết luận được về {what}, cần đo lại bằng thiết bị phù hợp.",
    VerdictOutcome.INSUFFICIENT: "Chưa đủ căn cứ để kết luận về {what}; cần đo lại.",
}
