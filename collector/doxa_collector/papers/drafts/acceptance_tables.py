"""The tables of a record of acceptance: things, steps, attempts, layers, the idle and the loaded line, TCP."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from doxa_collector.papers.drafts.acceptance_records import AcceptanceRecord, LayerRate, Part, Run, Step, Tcp, Wanted
from doxa_collector.papers.drafts.acceptance_rules import ACCURACY
from doxa_collector.papers.drafts.acceptance_words import words
from doxa_collector.papers.model import NO_FIGURE, Align, Cell, Column, Table
from doxa_collector.papers.parts import TONES, figure, said, shortest, tabled
from doxa_collector.plans.model import LAYERS
from doxa_collector.verdict import VerdictOutcome
from doxa_core.layers import Layer

DIRECTIONS: Final = {"download": "Tải xuống", "upload": "Tải lên"}
OUTCOMES: Final = {
    VerdictOutcome.PASS: "Đạt",
    VerdictOutcome.FAIL: "Không đạt",
    VerdictOutcome.PROBE_LIMITED: "Thiết bị đo giới hạn",
    VerdictOutcome.INSUFFICIENT: "Chưa đủ căn cứ",
}
_DUPLEX: Final = {"full": "song công", "half": "bán song công"}
_NOT_JUDGED: Final = "không xét"
Meanings = Mapping[str, str]


def things(data: AcceptanceRecord) -> Table:
    """The line, its contract, and the device that measured."""
    run = data.run
    line, probe = run.line, run.equipment
    rows = [
        ("Đường truyền", f"{line.name} ({line.kind.text.vi}{f', {data.technology}' if data.technology else ''})"),
        ("Nhà cung cấp; số hợp đồng", f"{data.provider or '…'}; {data.contract or '…'}{_validity(data)}"),
        ("Tốc độ theo hợp đồng", _promised(data)),
        ("Đầu xa của phép đo", f"{line.far_end or NO_FIGURE}; máy chủ {_or_none(line.far_end_host)}; địa chỉ {_or_none(line.far_end_address)}"),
        ("Địa chỉ của đường truyền", f"nguồn {_or_none(line.source)}; cổng ra {_or_none(line.gateway)}"),
        ("Thiết bị đo", f"{probe.name}; kiểu {_or_none(probe.model)}"),
        ("Số sê-ri", _or_none(probe.serial)),
        ("Địa chỉ MAC", _or_none(probe.mac)),
        ("Phiên bản phần mềm", probe.version or NO_FIGURE),
        ("Phiên bản phép đo", "; ".join(probe.methods) or NO_FIGURE),
        ("Cổng mạng của thiết bị đo", _port(run)),
    ]  # fmt: skip
    columns = [("Nội dung", Column(width=52)), ("Thông tin", Column(width=111))]
    return tabled("Thiết bị", columns, ((Cell(text=name), Cell(text=value)) for name, value in rows))


def _promised(data: AcceptanceRecord) -> str:
    line = data.run.line
    layer = LAYERS[line.layer].vi if data.contract_layer else f"hợp đồng không ghi tầng, tính ở {LAYERS[line.layer].vi}"
    source = f"; nguồn: {data.contract_source}" if data.contract_source else ""
    return f"tải xuống {said(line.down_mbps, 'Mbps')}, tải lên {said(line.up_mbps, 'Mbps')} ({layer}){source}"


def _validity(data: AcceptanceRecord) -> str:
    ends = []
    if data.contract_from is not None:
        ends.append(f"từ {data.contract_from:%d/%m/%Y}")
    if data.contract_to is not None:
        ends.append(f"đến {data.contract_to:%d/%m/%Y}")
    return f" ({' '.join(ends)})" if ends else ""


def _port(run: Run) -> str:
    probe = run.equipment
    found = NO_FIGURE
    if probe.port_mbps is not None:
        found = f"{said(probe.port_mbps, 'Mbps')}, {_DUPLEX.get(probe.duplex or '', 'chế độ không rõ')}"
    if probe.need_mbps is None:
        return found
    return f"{found}; phép đo này cần {said(probe.need_mbps, 'Mbps', min(2, shortest(probe.need_mbps)))} trên dây"


def _or_none(value: str | None) -> str:
    return value or NO_FIGURE


def steps(run: Run, meanings: Meanings) -> Table:
    """Every step with what was asked, received and concluded."""
    columns = [
        ("Bước", Column(width=29)),
        ("Yêu cầu (Mbps)", Column(width=18, align=Align.RIGHT)),
        ("Nhận được (Mbps)", Column(width=19, align=Align.RIGHT)),
        ("Tầng IP (Mbps)", Column(width=18, align=Align.RIGHT)),
        ("Mất gói (%)", Column(width=16, align=Align.RIGHT)),
        ("RTT p95 (ms)", Column(width=15, align=Align.RIGHT)),
        ("Biến động (ms)", Column(width=18, align=Align.RIGHT)),
        ("Kết quả", Column(width=35, align=Align.LEFT)),
    ]
    rows = (
        (Cell(text=step_name(step)), *_figures(step, run.wanted), outcome(step.outcome, _why(step, meanings)))
        for step in run.steps
    )
    return tabled("Các bước", columns, rows, size=10.5)


def attempts(run: Run, meanings: Meanings) -> Table | None:
    """The attempts that the table of steps does not show; None where no step was repeated."""
    rows = [
        (
            Cell(text=f"{step_name(step)}, lần khác {number}"),
            *_figures(one, run.wanted),
            outcome(one.outcome, _why(one, meanings)),
        )
        for step in run.steps
        for number, one in enumerate(step.attempts, 1)
    ]
    shown = steps(run, meanings)
    columns = list(zip((cell.text for cell in shown.header[0]), shown.columns, strict=True))
    return tabled("Các lần đo khác", columns, rows, size=10.5) if rows else None


def step_name(step: Step) -> str:
    """A step in words: `Tải xuống 90 %`."""
    direction = DIRECTIONS.get(step.direction, step.direction)
    return f"{direction} dài hạn" if step.performance else f"{direction} {said(step.percent)}\u00a0%"


def _figures(step: Step, wanted: Wanted) -> tuple[Cell, ...]:
    floors = _floors(step.asked_mbps, wanted)
    loss = None if step.loss_ratio is None else percent(step.loss_ratio)
    most = () if wanted.loss_ratio is None else (percent(wanted.loss_ratio),)
    return (
        figure(step.asked_mbps, decimals=0 if step.asked_mbps is None else min(2, shortest(step.asked_mbps))),
        figure(step.received_mbps, decimals=_decimals(step.received_mbps, floors)),
        figure(step.received_ip_mbps, decimals=_decimals(step.received_ip_mbps, _floors(step.asked_ip_mbps, wanted))),
        figure(loss, decimals=_decimals(loss, most, least=3)),
        figure(
            step.rtt_p95_ms, decimals=_decimals(step.rtt_p95_ms, _known(wanted.rtt_ms), least=fine(step.rtt_p95_ms))
        ),
        figure(
            step.delay_variation_ms,
            decimals=_decimals(step.delay_variation_ms, _known(wanted.pdv_ms), least=fine(step.delay_variation_ms)),
        ),
    )


def _known(value: float | None) -> tuple[float, ...]:
    return () if value is None else (value,)


def _floors(asked: float | None, wanted: Wanted) -> tuple[float, ...]:
    if asked is None:
        return ()
    floor = asked * (1 - (wanted.tolerance_ratio or 0.0))
    return (asked, floor, floor * (1 - ACCURACY))


def _decimals(value: float | None, marks: Iterable[float], least: int | None = None) -> int:
    """Two decimals at most (97 stays 97, 96.875 is 96,88), but more where rounding would reach or leave a mark."""
    if value is None:
        return 0
    first = min(2, shortest(value)) if least is None else least
    kept = tuple(marks)
    sides = [(value > mark, value < mark) for mark in kept]
    same = (n for n in range(first, 7) if [(round(value, n) > m, round(value, n) < m) for m in kept] == sides)
    return next(same, 7)


def fine(value: float | None) -> int:
    """One decimal for a time, more for one so short that it would read as nothing."""
    size = abs(value or 0.0)
    return next((n for n in range(1, 4) if not size or round(size, n) >= 10 ** (1 - n)), 3)


def percent(ratio: float) -> float:
    """Without the dust of binary fractions: 0.003 is 0.3 %."""
    return round(ratio * 100, 9)


def outcome(found: VerdictOutcome, why: str = "") -> Cell:
    """An outcome in words, with its shade; the words below it say why."""
    return Cell(text=OUTCOMES[found], note=why, tone=TONES[found], bold=found is VerdictOutcome.FAIL)


def _why(step: Step, meanings: Meanings) -> str:
    return "; ".join(part for part in (words(step.reasons, meanings), words(step.notes, meanings)) if part)


def layers(run: Run) -> Table:
    """The highest step of each direction at every layer; the contract's layer is named."""
    by = {rate.direction: rate for rate in run.layers}
    rows = [
        _layer(run, by, Layer.WIRE, "Trên dây Ethernet", "quy đổi"),
        _layer(run, by, Layer.FRAME, "Khung Ethernet", "quy đổi"),
        _layer(run, by, Layer.IP, "Tầng IP", "đo được"),
        _layer(run, by, Layer.PAYLOAD, "Tải trọng TCP (gói 1.500 byte)", "quy đổi"),
    ]
    columns = [
        ("Tầng", Column(width=58)),
        ("Tải xuống (Mbps)", Column(width=35, align=Align.RIGHT)),
        ("Tải lên (Mbps)", Column(width=35, align=Align.RIGHT)),
        ("Cách có số liệu", Column(width=35)),
    ]
    return tabled("Theo tầng", columns, rows)


def _layer(run: Run, by: Mapping[str, LayerRate], layer: Layer, name: str, how: str) -> tuple[Cell, ...]:
    contract = layer is run.line.layer
    cells = [_rate_at(by.get(direction), layer) for direction in DIRECTIONS]
    return (
        Cell(text=name, note="tầng tính tốc độ hợp đồng" if contract else "", bold=contract),
        *cells,
        Cell(text=how),
    )


def _rate_at(rate: LayerRate | None, layer: Layer) -> Cell:
    if rate is None:
        return figure(None)
    found = {
        Layer.WIRE: rate.wire_mbps, Layer.FRAME: rate.frame_mbps, Layer.IP: rate.ip_mbps, Layer.PAYLOAD: rate.payload_mbps,
    }[layer]  # fmt: skip
    return figure(found, decimals=2, note=f"bước {said(rate.percent)}\u00a0%")


def idle(run: Run, meanings: Meanings) -> Table:
    """The idle line, and what of it was judged."""
    bound = "" if run.path_mtu is None or run.path_mtu_exact else "cận trên"
    judged = {part.name: part for part in run.parts}
    p95 = figure(run.rtt_p95_ms, "ms", _decimals(run.rtt_p95_ms, _known(run.wanted.rtt_ms), least=fine(run.rtt_p95_ms)))
    rows = [
        ("MTU của đường truyền", figure(run.path_mtu, "byte", 0, note=bound), figure(run.wanted.mtu, "byte", 0, absent=_NOT_JUDGED), _part(judged.get("path_mtu"), meanings)),
        ("Độ trễ khi rảnh, trung vị", figure(run.rtt_p50_ms, "ms", fine(run.rtt_p50_ms)), Cell(text=_NOT_JUDGED), _part(None, meanings)),
        ("Độ trễ khi rảnh, p95", p95, figure(run.wanted.rtt_ms, "ms", 1, absent=_NOT_JUDGED), _part(judged.get("base_rtt"), meanings)),
    ]  # fmt: skip
    columns = [
        ("Số liệu", Column(width=60)),
        ("Kết quả", Column(width=34, align=Align.RIGHT)),
        ("Yêu cầu", Column(width=34, align=Align.RIGHT)),
        ("Đánh giá", Column(width=35)),
    ]
    return tabled("Số liệu kèm theo", columns, ((Cell(text=name), *cells) for name, *cells in rows))


def _part(found: Part | None, meanings: Meanings) -> Cell:
    return Cell(text="–") if found is None else outcome(found.outcome, words(found.reasons, meanings))


def tcp(found: Iterable[Tcp]) -> Table:
    """RFC 6349."""
    columns = [
        ("Chiều", Column(width=28)),
        ("Thời gian (giây)", Column(width=25, align=Align.RIGHT)),
        ("Trung bình (Mbps, tải trọng)", Column(width=32, align=Align.RIGHT)),
        ("Lý tưởng (Mbps)", Column(width=25, align=Align.RIGHT)),
        ("Tỷ số thời gian", Column(width=25, align=Align.RIGHT)),
        ("Hiệu suất (%)", Column(width=28, align=Align.RIGHT)),
    ]
    rows = (
        (
            Cell(text=DIRECTIONS.get(one.direction, one.direction)),
            figure(one.seconds, decimals=1),
            figure(one.mean_mbps, decimals=2),
            figure(one.ideal_mbps, decimals=2),
            figure(one.transfer_time_ratio, decimals=3),
            _ratio(one.efficiency_ratio, 2, "chỉ bên gửi biết" if one.direction == "download" else NO_FIGURE),
        )
        for one in found
    )
    return tabled("TCP", columns, rows, size=10.5)


def loaded(found: Iterable[Tcp]) -> Table:
    """The delay of the line while TCP fills it (RFC 6349 §4.3)."""
    columns = [
        ("Chiều", Column(width=28)),
        ("RTT khi rảnh, HTTP (ms)", Column(width=30, align=Align.RIGHT)),
        ("RTT khi tải, trung bình (ms)", Column(width=35, align=Align.RIGHT)),
        ("RTT khi tải, p95 (ms)", Column(width=35, align=Align.RIGHT)),
        ("Trễ bộ đệm (%)", Column(width=35, align=Align.RIGHT)),
    ]
    rows = (
        (
            Cell(text=DIRECTIONS.get(one.direction, one.direction)),
            figure(one.base_rtt_ms, decimals=fine(one.base_rtt_ms)),
            figure(one.loaded_rtt_mean_ms, decimals=fine(one.loaded_rtt_mean_ms)),
            figure(one.loaded_rtt_p95_ms, decimals=fine(one.loaded_rtt_p95_ms)),
            _ratio(one.buffer_delay_ratio, 1, NO_FIGURE),
        )
        for one in found
    )
    return tabled("Độ trễ khi tải", columns, rows, size=10.5)


def _ratio(found: float | None, decimals: int, absent: str) -> Cell:
    return figure(None if found is None else percent(found), decimals=decimals, absent=absent)


def demands(wanted: Wanted) -> Iterator[str]:
    """What the run had to reach, in words."""
    if wanted.tolerance_ratio is not None:
        yield f"tốc độ nhận không thấp hơn yêu cầu quá {said(percent(wanted.tolerance_ratio), '%')} (phần thấp hơn nữa nằm trong sai số {said(percent(ACCURACY), '%')} của phép đo chưa bị tính là thiếu)"
    if wanted.loss_ratio is not None:
        yield f"mất gói ≤ {said(percent(wanted.loss_ratio), '%')} (ở gần 100 % không tính phần do chính dung sai tốc độ)"
    if wanted.rtt_ms is not None:
        yield f"độ trễ p95 ≤ {said(wanted.rtt_ms, 'ms')}"
    if wanted.pdv_ms is not None:
        yield f"biến động trễ ≤ {said(wanted.pdv_ms, 'ms')}"
    if wanted.mtu is not None:
        yield f"MTU ≥ {said(wanted.mtu, 'byte')}"
