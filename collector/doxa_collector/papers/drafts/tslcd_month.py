"""Số liệu tháng TSLCD: each line of the specialised network over a month, to be sent before the 5th of the next one.

Thông tư 06/2026/TT-BKHCN, Đ.9 (monthly figures before the 5th) and Đ.5.6 (the p95 rule), both read in full from an OCR
copy: the unit compares them with the official text. Latency, loss and availability have no figure in the rule, so they are
shown without a judgement; a rate is judged only where a plan sets one.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from doxa_collector.papers.drafts.tslcd_records import (
    TslcdClosing,
    TslcdDemand,
    TslcdIncident,
    TslcdLine,
    TslcdMonth,
    TslcdWay,
)
from doxa_collector.papers.drafts.tslcd_tables import (
    DASHES,
    MEASURED,
    capacity_table,
    daily_table,
    incident_table,
    line_table,
    proof_table,
    share_words,
)
from doxa_collector.papers.machine import machine
from doxa_collector.papers.model import Align, Annex, Block, Column, Document, Heading, Paragraph, Run, Table
from doxa_collector.papers.parts import (
    blank,
    ended,
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
from doxa_collector.papers.period import day
from doxa_collector.papers.secrecy import NOTE, hides, veiled
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.papers.sources import doubtful, legend, read_in_full, sign
from doxa_collector.verdict import VerdictOutcome

__all__ = ["INTERNAL", "TslcdIncident", "TslcdLine", "TslcdMonth", "TslcdWay", "tslcd_month"]
INTERNAL: Final = "LƯU HÀNH NỘI BỘ"
"""Figures of a network of the State: the mark of circulation that NĐ 30/2020 knows."""


def tslcd_month(data: TslcdMonth, settings: PaperSettings) -> Document:
    """The report: totals in the text, every line, every day and every incident in annexes."""
    data = veiled(data, reveal=settings.reveal, tslcd=True)
    body: list[Block] = [
        *grounds(read_in_full(data.grounds)),
        paragraph(f"Số liệu kết nối mạng truyền số liệu chuyên dùng {data.period.title} của {data.area} như sau:"),
        *map(point, _standing(data)),
        Heading(1, "SỐ LIỆU CHUNG"),
        *_general(data),
        Heading(1, "DUNG LƯỢNG"),
        paragraph(_RULE),
        _counted("Tổng hợp dung lượng", "Đánh giá theo quy tắc dung lượng", [line.p95_outcome for line in data.lines]),
        *(point(f"{_name(line)}: {_peak(line)}.") for line in data.lines if line.p95_outcome is VerdictOutcome.FAIL),
        Heading(1, "TỐC ĐỘ SO VỚI YÊU CẦU"),
        *_demands(data),
        Heading(1, "SỰ CỐ"),
        *_faults(data),
        Heading(1, "KIẾN NGHỊ"),
        blank("(Đơn vị bổ sung)"),
        paragraph(f"Số liệu từng kết nối tại các phụ lục kèm theo; số liệu gửi trước ngày 05, chậm nhất ngày {day(data.due)}"),
    ]  # fmt: skip
    subject = f"Số liệu mạng truyền số liệu chuyên dùng {data.period.title}\ncủa {data.area}"
    subject += "" if data.closing is not None else "\n(số liệu tạm tính, tháng chưa khóa sổ)"
    return Document(
        head=head(settings, "BÁO CÁO", "BC", subject),
        blocks=(internal(), *ended(body)),
        signatures=signer(settings),
        recipients=settings.recipients,
        annexes=tuple(_annexes(data)),
        made_on=data.made_on,
        data=machine(data) | {"due": data.due.isoformat(), "provisional": data.closing is None},
    )


def internal() -> Paragraph:
    """The mark of circulation, above the text."""
    return Paragraph(runs=(Run(INTERNAL, bold=True),), align=Align.CENTRE, indent=False)


# --- the text


def _standing(data: TslcdMonth) -> Iterator[str]:
    """What the figures stand on; whether they may still change is said before any of them."""
    if data.closing is None:
        until = f" đến hết ngày {day(data.until)}" if data.until is not None else ""
        yield f"Số liệu tạm tính{until}: tháng chưa khóa sổ, kết quả còn thay đổi khi số liệu đến muộn."
    else:
        yield f"Tháng đã khóa sổ ngày {day(data.closing.closed_on)}, lần {data.closing.revision}; số liệu đến sau không được tính."


def _general(data: TslcdMonth) -> Iterator[Block]:
    known = [line.availability_ratio for line in data.lines if line.availability_ratio is not None]
    outages = [line.outages for line in data.lines if line.outages is not None]
    yield point(f"Số kết nối: {said(len(data.lines))}; có số liệu độ khả dụng: {said(len(known))}.")
    if known:
        mean, least = sum(known) / len(known), min(known)
        yield point(f"Độ khả dụng trung bình {said(100 * mean, '%', 2)}, thấp nhất {said(100 * least, '%', 2)}.")
    if outages:
        yield point(f"Số lần mất kết nối: {said(sum(outages))} (của {said(len(outages))} kết nối có số liệu).")
    samples = [(way.samples, way.expected) for line in data.lines for way in line.ways[:1]]
    if samples:
        there, due = (sum(one[at] for one in samples) for at in (0, 1))
        yield point(f"Mẫu lưu lượng 5 phút: {said(there)} trên {said(due)}, thiếu {said(due - there)}.")


def _counted(name: str, title: str, outcomes: list[VerdictOutcome]) -> Table:
    columns = [(title, Column(width=100)), ("Số kết nối", Column(width=63, align=Align.CENTRE))]
    rows = [
        (verdict(outcome), whole(outcomes.count(outcome)))
        for outcome in VerdictOutcome
        if outcome is not VerdictOutcome.PROBE_LIMITED or outcome in outcomes
    ]
    return tabled(name, columns, rows)


def _name(line: TslcdLine) -> str:
    return f"{line.place} ({line.code}{', ' + line.link if line.link else ''})"


def _peak(line: TslcdLine) -> str:
    words = {"download": "tải xuống", "upload": "tải lên"}
    parts = []
    for way in line.ways:
        when = (
            ""
            if way.peak_first is None or way.peak_last is None
            else f" (từ {day(way.peak_first)} đến {day(way.peak_last)})"
        )
        parts.append(f"{words[way.direction]} {share_words(way.peak_ratio)}{when}")
    above = f"{said(line.weeks_above)} giai đoạn 7 ngày vượt ngưỡng; " if line.weeks_above else ""
    return f"{above}bách phân vị 95 cao nhất trong 7 ngày: {', '.join(parts)}"


def _demands(data: TslcdMonth) -> Iterator[Block]:
    known: dict[tuple[str, str], TslcdDemand] = {}
    for line in data.lines:
        if line.demand is not None:
            known.setdefault((line.demand.title, line.demand.label), line.demand)
    if not known:
        yield paragraph(
            "Không có kế hoạch nào đặt mức tốc độ cho các kết nối này; quy định đang có hiệu lực không đặt mức Mbps."
        )
        return
    for demand in known.values():
        yield point(f"Mức {said(demand.mbps, 'Mbps')} ({demand.label}{sign(demand.mark)}): {demand.title}.")
    yield _counted(
        "Tổng hợp tốc độ",
        "Kết nối so với mức yêu cầu",
        [line.demand.outcome for line in data.lines if line.demand is not None],
    )
    without = sum(line.demand is None for line in data.lines)
    if without:
        yield point(f"Không có mức yêu cầu hoặc chưa được đánh giá: {said(without)} kết nối.")
    yield from legend(demand.mark for demand in known.values())


def _faults(data: TslcdMonth) -> Iterator[Block]:
    found = [(line, one) for line in data.lines for one in line.incidents]
    if not found:
        yield paragraph("Hệ thống giám sát không ghi nhận sự cố nào của các kết nối này.")
        return
    numbers = {one.number for _, one in found}
    lost = sum(one.seconds for _, one in found if one.lost)
    reached = len({line.code + line.link for line, _ in found})
    yield point(f"Số sự cố: {said(len(numbers))}; số kết nối bị ảnh hưởng: {said(reached)}.")
    yield point(f"Tổng thời gian mất kết nối theo sự cố: {said(round(lost / 60))} phút (chi tiết tại phụ lục).")


# --- the annexes


def _annexes(data: TslcdMonth) -> Iterator[Annex]:
    notes: list[Block] = [*_demand_reasons(data), paragraph(MEASURED, small=True)]
    notes += [paragraph(NOTE, small=True)] if hides(data) else []
    yield Annex(title="SỐ LIỆU TỪNG KẾT NỐI", landscape=True, blocks=(line_table(data), *notes))
    yield Annex(
        title="DUNG LƯỢNG TỪNG KẾT NỐI",
        landscape=True,
        blocks=(capacity_table(data), *_reasons(data), paragraph(DASHES, small=True)),
    )
    yield Annex(
        title="BÁCH PHÂN VỊ 95 THEO NGÀY (% DUNG LƯỢNG)",
        landscape=True,
        blocks=(daily_table(data), paragraph(_DAILY, small=True)),
    )
    if any(line.incidents for line in data.lines):
        yield Annex(title="SỰ CỐ TỪNG KẾT NỐI", blocks=(incident_table(data),))
    yield Annex(title="CÁCH TÍNH VÀ BẰNG CHỨNG", blocks=tuple(_evidence(data)))


def _reasons(data: TslcdMonth) -> Iterator[Block]:
    for line in data.lines:
        if line.reasons:
            yield point(f"{_name(line)}: {'; '.join(line.reasons)}.")


def _demand_reasons(data: TslcdMonth) -> Iterator[Block]:
    for line in data.lines:
        if line.demand is not None and line.demand.outcome is not VerdictOutcome.PASS and line.demand.reasons:
            yield point(f"{_name(line)}, mức {said(line.demand.mbps, 'Mbps')}: {'; '.join(line.demand.reasons)}.")


def _evidence(data: TslcdMonth) -> Iterator[Block]:
    yield from map(point, _METHOD)
    if data.closing is not None:
        for words in _closed(data.closing):  # a hash has no spaces: justified, the words before it would be torn apart
            yield replace(point(words), align=Align.LEFT)
    yield proof_table(data)
    yield paragraph(_COPY, small=True)
    yield from doubtful(data.grounds)
    yield from legend(one.mark for one in data.grounds)


def _closed(closing: TslcdClosing) -> Iterator[str]:
    yield f"Chỉ tính các bản ghi có số không quá {said(closing.last_measurement)}; khóa sổ bằng doxa {closing.program}."
    yield f"Mã băm SHA-256 của danh mục và số liệu nhập: {closing.inputs_sha256}."
    yield f"Mã băm SHA-256 của kết quả cả tháng: {closing.verdicts_sha256}."


_RULE: Final = (
    "Quy tắc dung lượng: trong 7 ngày liên tiếp, bách phân vị 95 của lưu lượng mỗi chiều, lấy mẫu 5 phút, không vượt quá 90 % dung "
    "lượng kết nối (Thông tư 06/2026/TT-BKHCN, Điều 5 khoản 6). Mọi giai đoạn 7 ngày liên tiếp kết thúc trong tháng đều được xét: "
    "một giai đoạn vượt là không đạt, mọi giai đoạn không vượt là đạt. Độ trễ, mất gói, biến động trễ và độ khả dụng được nêu để "
    "theo dõi, không đánh giá."
)
_COPY: Final = "Nội dung Thông tư 06/2026/TT-BKHCN được đọc từ bản sao nhận dạng chữ; đơn vị đối chiếu với bản chính thức trước khi ký."
_DAILY: Final = (
    "Mỗi ô: bách phân vị 95 của ngày, tính trên dung lượng hợp đồng của ngày đó. Chữ đậm, nền đỏ: vượt 90 %. Nền xám: ngày chưa đủ 274/288 "
    f"mẫu. {DASHES}"
)
_METHOD: Final = tuple(
    " ".join(words)
    for words in (
        (
            "Lưu lượng: bộ đếm của thiết bị đầu cuối (SNMP), mỗi mẫu là trung bình 5 phút; khoảng dài hơn 6 phút không phải là mẫu.",
            "Bách phân vị theo hạng gần nhất. Mẫu thiếu không bao giờ làm cho kết quả tốt hơn.",
        ),
        (
            "Số liệu lưu lượng ở tầng mà hợp đồng nêu; hợp đồng không nêu tầng thì ở tầng khung.",
            "Bách phân vị của tháng tính trên dung lượng của từng ngày, nên hợp đồng đổi giữa tháng không làm sai tỷ lệ.",
        ),
        (
            "Độ khả dụng: thời gian có kết nối chia cho thời gian có bằng chứng. Thời gian không có phép đo là chưa rõ:",
            "không tính là có, cũng không tính là mất kết nối. Bằng chứng của từng kết nối nêu ở bảng dưới đây.",
        ),
        (
            "Sự cố: do hệ thống giám sát mở khi có cảnh báo, nên số sự cố có thể ít hơn số lần mất kết nối",
            "(mất rất ngắn không mở sự cố).",
        ),
        ("Mã băm: SHA-256 trên các mã SHA-256 của từng bản ghi lưu lượng đã ký, theo thứ tự số bản ghi.",),
    )
)
